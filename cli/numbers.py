"""Numbers as options give them: finite, and no longer than anybody means."""

from __future__ import annotations

import math
from typing import Any, Final

import rich_click as click

__all__ = ["FiniteRange", "is_whole"]

_MOST_DIGITS: Final = 18


class FiniteRange(click.FloatRange):
    """Numbers in a range, without `nan` and infinity, which compare as if they were in any.

    A number such as 1e400 is infinity too.
    """

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is no finite number.", param, ctx)
        return number


def is_whole(text: str) -> bool:
    """Whether a text is a whole number of up to 18 digits, without a sign.

    Python refuses to read numbers of thousands of digits, in words of its own.
    """
    return len(text) <= _MOST_DIGITS and text.isascii() and text.isdecimal()
