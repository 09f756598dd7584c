"""Text of a table cell and its width on screen."""

from __future__ import annotations

import unicodedata

__all__ = ["first", "fold", "pad", "width"]


def width(text: str) -> int:
    """Return how many terminal cells `text` takes."""
    if text.isascii():
        return len(text)
    return sum(_cells(c) for c in text)


def _cells(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def pad(text: str, cells: int, *, right: bool = False) -> str:
    """Return `text` filled with blanks up to `cells`; a longer text stays whole."""
    blanks = " " * max(0, cells - width(text))
    return blanks + text if right else text + blanks


def first(text: str, cells: int) -> str:
    """Return as much of the beginning of `text` as has room in so many cells."""
    if text.isascii():
        return text[: max(0, cells)]
    used = 0
    for n, character in enumerate(text):
        used += _cells(character)
        if used > cells:
            return text[:n]
    return text


def fold(text: str, cells: int) -> list[str]:
    """Return `text` in lines of at most so many cells, broken at blanks where there are some."""
    lines = []
    while width(text) > cells:
        end = len(first(text, cells)) or 1  # what is wider than the line stands alone
        blank = text.rfind(" ", 1, end + 1)
        if blank > 0:
            lines.append(text[:blank].rstrip())
            text = text[blank + 1 :].lstrip()
        else:
            lines.append(text[:end])
            text = text[end:]
    return [*lines, text]
