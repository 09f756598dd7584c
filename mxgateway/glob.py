"""Patterns for tag names: `*` for any text, `?` for one character, all else literally.

A pattern has to match the whole name. Case makes no difference, as in MXAccess: both
are compared in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["compile_pattern", "name_test"]


def compile_pattern(pattern: str) -> Callable[[str], object]:
    """Return a test for whole names that are in lower case already.

    Unlike those of the `fnmatch` module, brackets are ordinary characters, for they
    mark arrays in tag references. Matching takes no more than quadratic time.
    """
    parts = [
        "".join("." if char == "?" else re.escape(char) for char in part)
        for part in re.split(r"\*+", pattern.lower())
    ]
    if len(parts) == 1:
        return re.compile(parts[0], re.DOTALL).fullmatch
    first, *middle, last = parts
    # Atomic groups: the earliest match of each part is as good as any later one.
    inner = "".join(f"(?>.*?{part})" for part in middle)
    return re.compile(f"{first}{inner}.*{last}", re.DOTALL).fullmatch


def name_test(pattern: str) -> Callable[[str], bool]:
    """Return a test for whole names in any case."""
    matches = compile_pattern(pattern)
    return lambda name: bool(matches(name.lower()))
