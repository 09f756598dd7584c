"""CSV: a header that is always the same for a command, then one line for each row."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from mxgateway.printable import printable

from .fields import text_of

__all__ = ["csv_line"]

_SEPARATORS: Final = frozenset(";\t|")  # of spreadsheets of other countries, and of imports
_QUOTED: Final = frozenset(',"\r\n')
# What spreadsheets take for the beginning of a formula, the full-width forms too (OWASP, "CSV
# Injection"). A tab or a line break at the beginning is skipped by some of them, and by others
# read as the end of a cell.
_FORMULA: Final = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def csv_line(values: Iterable[Any], *, for_terminal: bool, safe: bool = False) -> str:
    """Return one line of CSV (RFC 4180, lines ended by LF).

    Args:
        values: Plain JSON types; null is an empty cell, lists and objects are JSON.
        for_terminal: Whether control characters have to be escaped; a file keeps them.
        safe: Whether cells that a spreadsheet takes for a formula get an apostrophe before them.
    """
    texts = [text_of(value) for value in values]
    if safe:
        texts = ["'" + text if _is_formula(text) else text for text in texts]
    if for_terminal:
        texts = [printable(text) for text in texts]
    quote = _quoted_for_all if safe else _quoted
    return (",".join(map(quote, texts)) or '""') + "\n"


def _is_formula(text: str) -> bool:
    """Whether a spreadsheet could calculate what is meant as text; a plain number is none."""
    for character in text:
        if character in _FORMULA:
            return _NUMBER.fullmatch(text) is None
        # Blanks and what cannot be seen do not keep a spreadsheet from it.
        if printable(character) == character and not character.isspace():
            return False
    return False


def _quoted_for_all(text: str) -> str:
    """Quote also what other programs take for the end of a cell, so that none begins within."""
    if _SEPARATORS.isdisjoint(text):
        return _quoted(text)
    return '"' + text.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    # Not by the csv module: before Python 3.13 it leaves a carriage return unquoted.
    if _QUOTED.isdisjoint(text) and text == text.strip():
        return text
    return '"' + text.replace('"', '""') + '"'
