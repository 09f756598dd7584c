"""Sparklines: the last minute of a number in one line of characters."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from typing import Final

from ..environment import Environment

__all__ = ["Trend", "draws_blocks", "spark"]

_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_PLAIN: Final = "_.-~=+*#"
_SLOTS: Final = 240  # moments of a span that are told apart


def draws_blocks(environment: Environment) -> bool:
    """Whether stdout can show more than ASCII: a legacy code page has no such characters."""
    encoding = getattr(environment.stdout, "encoding", None) or "utf-8"
    return encoding.lower().replace("-", "").startswith("utf")


def spark(values: Iterable[float | None], *, blocks: bool = True) -> str:
    """Return one character for each value, from the least to the greatest; a blank for None."""
    marks = _BLOCKS if blocks else _PLAIN
    points = list(values)
    known = [value for value in points if value is not None]
    if not known:
        return " " * len(points)
    low, high = min(known), max(known)
    # Halved, so that the difference of two huge numbers is not infinite.
    extent = high / 2 - low / 2
    top = len(marks) - 1
    if extent == 0:
        return "".join(" " if value is None else marks[0] for value in points)
    return "".join(
        " " if value is None else marks[round((value / 2 - low / 2) / extent * top)]
        for value in points
    )


class Trend:
    """What a number was over the last `span` seconds; memory does not grow with its changes."""

    def __init__(self, span: float = 60.0) -> None:
        self._span = span
        self._points: deque[tuple[int, float | None]] = deque(maxlen=_SLOTS + 2)

    def take(self, value: object, moment: float) -> None:
        """Take a value at a moment; what is no finite number interrupts the line."""
        number = None
        if isinstance(value, int | float) and math.isfinite(value):
            try:
                number = float(value)
            except OverflowError:
                number = None
        slot = self._slot(moment)
        if self._points and self._points[-1][0] == slot:
            self._points.pop()
        self._points.append((slot, number))

    def _slot(self, moment: float) -> int:
        return math.floor(moment / self._span * _SLOTS)

    @property
    def numeric(self) -> bool:
        """Whether any number came."""
        return any(number is not None for _, number in self._points)

    def line(self, columns: int, now: float, *, blocks: bool = True) -> str:
        """Return the span that ends now, in so many columns; a value holds until the next."""
        points = list(self._points)
        end = self._slot(now)
        values: list[float | None] = []
        n, held = 0, None
        for column in range(columns):
            until = end - _SLOTS + round((column + 1) * _SLOTS / columns)
            while n < len(points) and points[n][0] <= until:
                held = points[n][1]
                n += 1
            values.append(held)
        return spark(values, blocks=blocks)
