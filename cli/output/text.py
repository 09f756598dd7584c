"""Text of a table cell: its width on screen, and what of it people are shown.

On a terminal a line must never take more cells than are counted here, or it folds where no
frame of a picture expects it. Characters on whose width terminals disagree are escaped there:
regional indicators, modifiers of emoji, and the symbols that have been wide since Unicode 16
only. Combining marks, and the vowels and finals of a Hangul syllable, take no cell; more than
some of them on one character are escaped as well, since nobody can read them. Where East Asian
width is ambiguous, it is one cell. All else is as wide as `unicodedata` says.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from mxgateway.printable import printable

__all__ = [
    "MOST_CHARACTERS",
    "edged",
    "first",
    "fold",
    "on_screen",
    "pad",
    "shortened",
    "shortened_within",
    "width",
]

MOST_CHARACTERS: Final = 4_000
"""Characters of one text that a terminal shows, or of a line on stderr; the rest is counted."""

_MOST_MARKS: Final = 8  # on one character; no script has as many
_DISPUTED: Final = re.compile(
    "[\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff"  # letters of flags, colours of skin
    "\u2630-\u2637\u268a-\u268f\u4dc0-\u4dff\U0001d300-\U0001d376]"  # trigrams and their like
)
_HANGUL_PARTS: Final = ("\u1160", "\u11ff"), ("\ud7b0", "\ud7fb")


def width(text: str, most: int | None = None) -> int:
    """Return how many terminal cells `text` takes.

    Args:
        most: Cells after which counting may end; the result is then some number above it.
    """
    if text.isascii():
        return len(text)
    used = 0
    for character in text:
        used += _cells(character)
        if most is not None and used > most:
            break
    return used


@lru_cache(maxsize=4096)
def _cells(character: str) -> int:
    if _joins(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


@lru_cache(maxsize=4096)
def _joins(character: str) -> bool:
    """Whether a character stands on the one before it."""
    if unicodedata.category(character).startswith("M"):
        return True
    return any(begin <= character <= end for begin, end in _HANGUL_PARTS)


def pad(text: str, cells: int, *, right: bool = False) -> str:
    """Return `text` filled with blanks up to `cells`; a longer text stays whole."""
    blanks = " " * max(0, cells - width(text, cells))
    return blanks + text if right else text + blanks


def first(text: str, cells: int) -> str:
    """Return as much of the beginning of `text` as has room in so many cells."""
    return text[: _end(text, 0, cells)]


def _end(text: str, begin: int, cells: int) -> int:
    """Return where the part of `text` ends that begins at `begin` and has room in `cells`."""
    if text.isascii():
        return min(len(text), begin + max(0, cells))
    used = 0
    for n in range(begin, len(text)):
        used += _cells(text[n])
        if used > cells:
            return n
    return len(text)


def fold(text: str, cells: int) -> list[str]:
    """Return `text` in lines of at most so many cells, broken at blanks where there are some."""
    return list(_folded(text, cells))


def _folded(text: str, cells: int) -> Iterator[str]:
    begin = 0
    while (end := _end(text, begin, cells)) < len(text):
        end = max(end, begin + 1)  # what is wider than the line stands alone
        blank = text.rfind(" ", begin + 1, end + 1)
        if blank > 0:
            yield text[begin:blank].rstrip()
            begin = blank + 1
            while begin < len(text) and text[begin].isspace():
                begin += 1
        else:
            yield text[begin:end]
            begin = end
    yield text[begin:]


def shortened(text: str, most: int = MOST_CHARACTERS) -> str:
    """Return at most so many characters of `text`, and how many more there are."""
    if len(text) <= most:
        return text
    return f"{text[:most]}... {len(text) - most} more characters"


def shortened_within(text: str, most: int = MOST_CHARACTERS) -> str:
    """Return the beginning and the end of `text`, and how many characters are between."""
    if len(text) <= most:
        return text
    end = most // 4
    left_out = len(text) - most
    return f"{text[: most - end]}... {left_out} more characters ...{text[-end:]}"


def edged(text: str) -> str:
    r"""Return printable text with a blank at its beginning or end as `\x20`.

    Nobody sees it there, and two names can differ in nothing else.
    """
    if text[:1] == " ":
        text = "\\x20" + text[1:]
    return text[:-1] + "\\x20" if text[-1:] == " " else text


def on_screen(text: str) -> str:
    """Return what a terminal is given of a text: not too long, and as wide as is counted here."""
    text = printable(shortened(text))
    if text.isascii():
        return text
    text = _DISPUTED.sub(lambda found: _escaped(found[0]), text)
    return "".join(_few_marks(text)) if any(map(_joins, set(text))) else text


def _few_marks(text: str) -> Iterator[str]:
    marks = 0
    for character in text:
        marks = marks + 1 if _joins(character) else 0
        yield character if marks <= _MOST_MARKS else _escaped(character)


def _escaped(character: str) -> str:
    return ascii(character)[1:-1]
