"""Tag-name patterns of the gateway: `*` and `?`, the whole name, ignoring case."""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["name_test"]


def name_test(pattern: str) -> Callable[[str], bool]:
    """Return whether a name matches; everything but `*` and `?` stands for itself."""
    # A lazy atomic group for each star but the last: no backtracking into an earlier one.
    *stars, last = [
        "".join("." if c == "?" else re.escape(c) for c in part)
        for part in re.split(r"\*+", pattern)
    ]
    if not stars:
        expression = last
    else:
        first, *middle = stars
        expression = first + "".join(f"(?>.*?{part})" for part in middle) + f".*{last}"
    compiled = re.compile(expression, re.IGNORECASE | re.DOTALL)
    return lambda name: compiled.fullmatch(name) is not None
