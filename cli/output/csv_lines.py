"""CSV: a header that is always the same for a command, then one line for each row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from mxgateway.printable import printable

from .fields import text_of

__all__ = ["csv_line"]

_QUOTED: Final = frozenset(',"\r\n')


def csv_line(values: Iterable[Any], *, for_terminal: bool) -> str:
    """Return one line of CSV (RFC 4180, lines ended by LF).

    Args:
        values: Plain JSON types; null is an empty cell, lists and objects are JSON.
        for_terminal: Whether control characters have to be escaped; a file keeps them.
    """
    texts = [text_of(value) for value in values]
    if for_terminal:
        texts = [printable(text) for text in texts]
    return (",".join(map(_quoted, texts)) or '""') + "\n"


def _quoted(text: str) -> str:
    # Not by the csv module: before Python 3.13 it leaves a carriage return unquoted.
    if _QUOTED.isdisjoint(text) and text == text.strip():
        return text
    return '"' + text.replace('"', '""') + '"'
