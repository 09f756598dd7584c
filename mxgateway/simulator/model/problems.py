"""How what is wrong with a plant is told."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["Path", "Problem", "meant"]

Path = tuple[str, ...]
"""Where it is: a key path of the plant file."""

Problem = tuple[Path, str]


def meant(word: str, known: Iterable[str]) -> str:
    """Return the question after the known word that comes nearest, or nothing."""
    names = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    return f"; did you mean {names[near[0]]!r}?" if near else ""
