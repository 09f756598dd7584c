"""What a terminal shows of a table with very many rows: the first of them, and how many more.

Nobody reads a million rows on a screen, and laying them out takes minutes and gigabytes. Pipes,
files, CSV and JSON have them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

from .text import MOST_CHARACTERS

if TYPE_CHECKING:
    from .tables import Cell

__all__ = ["MOST_LEFT", "MOST_ROWS", "first_rows", "rest_words"]

MOST_ROWS: Final = 5_000
"""Rows of a table that a terminal shows."""

MOST_LEFT: Final = 500
"""Alarms that a picture of them leaves on the terminal: whoever ends it does not wait long."""

_CHARACTERS: Final = 150  # of a row, on average of all that are shown

T = TypeVar("T")
AnyCell = TypeVar("AnyCell", bound="Cell | str")


def first_rows(
    items: Iterable[T], cells: Callable[[T], Sequence[AnyCell]], most: int = MOST_ROWS
) -> list[Sequence[AnyCell]]:
    """Return the cells of the first items, as many as a terminal shows; of others none is made."""
    rows: list[Sequence[AnyCell]] = []
    room = most * _CHARACTERS
    for item in islice(items, most):
        row = cells(item)
        rows.append(row)
        lengths = (len(cell if isinstance(cell, str) else cell.text) for cell in row)
        room -= sum(min(length, MOST_CHARACTERS) for length in lengths)
        if room <= 0:
            break
    return rows


def rest_words(hidden: int, noun: str = "rows") -> str:
    """Return what stands below a table that goes on."""
    return f"{hidden} more {noun}: a pipe, --output csv or --output jsonl shows all"
