"""Words for people: how old something is, and how good."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from .events import quality_cell
from .tables import Cell

if TYPE_CHECKING:
    from mxgateway.reading import TagValue

__all__ = ["age_text", "level_cell", "status_cell", "value_cell"]

_NUMBER_CELLS: Final = 10


def age_text(age: dt.timedelta | None) -> str:
    """Return an age in one or two units: `0.4 s`, `12 s`, `3 min`, `5 h`, `12 d`; `-` for none."""
    if age is None:
        return "-"
    seconds = age.total_seconds()
    size = abs(seconds)
    if size < 9.95:
        return f"{seconds:.1f} s"
    for least, unit, name in ((172_800, 86_400, "d"), (7_200, 3_600, "h"), (120, 60, "min")):
        if size >= least:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"


def level_cell(value: TagValue, *, number: bool = False, reason: bool = True) -> Cell:
    """Return the quality of a reading in words; a failing status makes it red.

    Args:
        number: Whether the number follows in brackets.
        reason: Whether its substatus and limits follow the level.
    """
    if value.error is not None:
        return Cell("-", "red")
    cell = quality_cell(value.quality.value, number=number)
    text = cell.text if reason else value.quality.level.capitalize()
    return Cell(text, cell.style if value.ok else "red")


def value_cell(value: TagValue, style: str = "", *, short: bool = False, most: int = 0) -> Cell:
    """Return what a reading holds; `-` for nothing, and after a failure.

    Args:
        short: Show a number with seven digits at most, in ten cells, where it must never be cut.
        most: As for `value_text`.
    """
    from .values import value_text

    # What comes with a failing status is no value to trust (MXAccess reference, section 2).
    if not value.ok:
        return Cell("-", "dim")
    if short and isinstance(value.value, float):
        return Cell(_number(value.value), style)
    return Cell(value_text(value.raw, most=most), style)


def _number(value: float) -> str:
    for digits in range(7, 3, -1):
        text = f"{value:.{digits}g}"
        if len(text) <= _NUMBER_CELLS:
            return text
    return f"{value:.3g}"


def status_cell(value: TagValue) -> Cell:
    """Return error and statuses in words, `OK` where none of them needs attention."""
    from mxgateway.status import is_ok

    if value.error is None and all(map(is_ok, value.statuses)):
        return Cell("OK", "green")
    return Cell(value.status, "yellow" if value.ok else "red")
