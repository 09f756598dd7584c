"""Patterns for tag names: `*` for any text, `?` for one character, all else literally."""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["compile_pattern"]


def compile_pattern(pattern: str) -> Callable[[str], object]:
    """Return a test for whole lower-case names.

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
