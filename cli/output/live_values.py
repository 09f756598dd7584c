"""The table of `watch`: the last value of every tag, its trend, and what was missed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from ..environment import Environment
from .live_columns import MOST_IN_FRAME, Slot, fit, in_frame, lines_of
from .live_words import age_text, level_cell, status_cell, value_cell
from .long_tables import first_rows, rest_words
from .spark import Trend, draws_blocks
from .tables import Cell, cell_text
from .text import width
from .values import MOST_ON_SCREEN, time_text

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from mxgateway.reading import TagValue
    from mxgateway.tags import TagUpdate

__all__ = ["Only", "Order", "ValueBoard", "passes"]

_FRESH_SECONDS: Final = 0.8  # how long a value that has changed stands out
_MOST_IN_FRAME: Final = 16  # elements that are more than the column of values has room for
_SPAN: Final = 60.0  # seconds that a trend shows
_SLOTS: Final = (
    Slot("Tag", 0),
    Slot("Value", 0, least=10, right=True, most=28),
    # Never without the value: a value whose quality nobody sees is taken for good.
    Slot("Quality", 0, least=9),
    Slot("Last 60 s", 2, least=12),
    Slot("Age", 4, least=7, right=True),
    Slot("Changes", 6, right=True),
    Slot("Type", 5),
    Slot("Source time (UTC)", 7, least=28),
    Slot("Status", 3, least=16),
)
_TABLE_LINES: Final = 3  # a blank, the heading of the table, its rule
_NARROW_SLOTS: Final = (*_SLOTS[:2], Slot("Qual", 0, least=9), *_SLOTS[3:])
# What stays says first why a tag has no value.
_END_STATUS: Final = Slot("Status", 1, least=30, told=True)
_END_SLOTS: Final = (*_SLOTS[:-1], _END_STATUS)
# There, words fold: the tag keeps its room.
_NARROW_END_SLOTS: Final = (*_SLOTS[:2], Slot("Qual", 0, least=4), *_SLOTS[3:-1], _END_STATUS)
_SILENT_SECONDS: Final = 10  # after which the heading says since when nothing came
_NARROW, _WIDE = 60, 130  # cells of a terminal below and from which on things look different
_NARROW_TREND, _WIDE_TREND = 12, 24


class Order(StrEnum):
    """How rows are sorted: as given, or by what matters."""

    GIVEN = "given"
    TAG = "tag"
    VALUE = "value"
    QUALITY = "quality"
    CHANGED = "changed"
    CHANGES = "changes"


class Only(StrEnum):
    """Which rows are shown."""

    GOOD = "good"
    UNCERTAIN = "uncertain"
    BAD = "bad"
    NOT_GOOD = "not-good"
    CHANGED = "changed"


def passes(only: Only | None, value: TagValue, changes: int) -> bool:
    """Whether a value is one that the user wants to see; `changes` counts it from 0."""
    match only:
        case None:
            return True
        case Only.GOOD:
            return value.good
        case Only.UNCERTAIN:
            return value.uncertain
        case Only.BAD:
            return value.bad
        case Only.NOT_GOOD:
            return not value.good
        case Only.CHANGED:
            return changes > 0


@dataclass(slots=True)
class _Row:
    place: int
    tag: str
    width: int
    value: TagValue | None = None
    changed: float = 0.0
    changes: int = -1  # the first value is none
    trend: Trend = field(default_factory=lambda: Trend(_SPAN))


class ValueBoard:
    """What `watch` shows; values come from the event loop, pictures are drawn by another thread.

    Args:
        environment: Decides whether trends are drawn with ASCII only.
        tags: The rows, in the order of `Order.GIVEN`.
        order: How rows are sorted.
        only: Which rows are shown; None for all.
        title: What the heading says of the gateway.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        environment: Environment,
        tags: Sequence[str],
        *,
        order: Order = Order.GIVEN,
        only: Only | None = None,
        title: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rows = {
            tag.casefold(): _Row(n, tag, width(cell_text(tag))) for n, tag in enumerate(tags)
        }
        self._order = order
        self._only = only
        self._title = title
        self._clock = clock
        self._blocks = draws_blocks(environment)
        self._lock = threading.Lock()
        self._begun = clock()
        self._marks: list[str] = []
        self._end = ""
        self._latest = self._begun
        self.count = 0
        self.dropped = 0
        self.gaps = 0

    def take(self, update: TagUpdate) -> None:
        """Take a value, or a mark where some are missing."""
        from mxgateway.events import DroppedEvents
        from mxgateway.reading import TagValue

        with self._lock:
            if isinstance(update, TagValue):
                self._take_value(update)
            elif isinstance(update, DroppedEvents):
                self.dropped += update.count
            else:
                self.gaps += 1

    def _take_value(self, value: TagValue) -> None:
        self.count += 1
        self._latest = self._clock()
        row = self._rows[value.tag.casefold()]
        now = self._latest
        row.value = value
        row.changed = now
        row.changes += 1
        row.trend.take(value.value if not value.bad else None, now)

    def end(self, words: str) -> None:
        """Let the heading say why no more comes."""
        self._end = words

    # -- drawing ---------------------------------------------------------------

    def picture(self, columns: int, lines: int) -> RenderableType:
        """Return the whole screen: heading, as many rows as there is room for, and a footer."""
        with self._lock:
            now = self._clock()
            rows = self._sorted()
            # Only what can be seen is looked at: there may be thousands, and values wait for
            # the lock.
            cells = [in_frame(self._cells(row, columns, now, short=True)) for row in rows[:lines]]
            heading, footer = self._heading(now, columns), self._footer()
        slots = _NARROW_SLOTS if columns < _NARROW else _SLOTS
        longest = min(max((row.width for row in rows), default=0), MOST_IN_FRAME)
        fitted = fit(slots, cells, columns, longest=longest)
        head = lines_of(heading, columns, MOST_IN_FRAME)
        foot = lines_of(footer, columns)
        room = lines - _TABLE_LINES - len(head) - (len(foot) + 1 if foot else 0)
        shown = fitted.within(cells, room)
        if shown < len(rows):
            # What says so takes room itself, and the blank before it.
            needed = len(_more(len(rows), columns)) + (0 if foot else 1)
            shown = fitted.within(cells, room - needed)
            foot += _more(len(rows) - shown, columns)
        return _group(head, fitted.table(cells[:shown], cut=True), foot)

    def summary(self, columns: int) -> RenderableType:
        """Return all rows as they are now, for the end, up to what a terminal shows of a table."""
        with self._lock:
            now = self._clock()
            rows = self._sorted()
            cells = first_rows(rows, lambda row: self._cells(row, columns, now))
            heading, footer = self._heading(now, columns), self._footer()
        fitted = fit(_NARROW_END_SLOTS if columns < _NARROW else _END_SLOTS, cells, columns)
        rest = [] if len(cells) == len(rows) else [_rest(len(rows) - len(cells))]
        footer = [*fitted.told_below(cells), *rest, *footer]
        return _group(lines_of(heading, columns), fitted.table(cells), lines_of(footer, columns))

    def _heading(self, now: float, columns: int) -> list[Cell]:
        total = len(self._rows)
        tags = f"{total} tags" if total != 1 else "1 tag"
        if self._only is not None:
            tags = f"{tags}, {self._only.value} only"
        parts = [tags, f"{self.count} values", f"{now - self._begun:.0f} s"]
        if self._title and columns >= 60:
            parts.insert(0, self._title)
        silent = now - self._latest
        if silent >= _SILENT_SECONDS and not self._end:
            parts.append(f"last value {silent:.0f} s ago")
        heading = [Cell("  ".join(parts), "bold")]
        return [*heading, Cell(self._end, "bold red")] if self._end else heading

    def _footer(self) -> list[Cell]:
        footer = []
        waiting = sum(row.value is None for row in self._rows.values())
        if waiting:
            what = "tag has" if waiting == 1 else "tags have"
            footer.append(Cell(f"{waiting} {what} no value yet", "yellow"))
        if self.dropped:
            footer.append(
                Cell(f"{self.dropped} values were dropped: they came too fast", "bold red")
            )
        if self.gaps:
            what = "gap" if self.gaps == 1 else "gaps"
            footer.append(Cell(f"{self.gaps} {what}: values were lost on the way", "bold red"))
        return footer

    def _sorted(self) -> list[_Row]:
        rows = [
            row
            for row in self._rows.values()
            if self._only is None
            or (row.value is not None and passes(self._only, row.value, row.changes))
        ]
        return sorted(rows, key=_KEYS[self._order])

    def _cells(
        self, row: _Row, columns: int, now: float, *, short: bool = False
    ) -> list[Cell | str]:
        value = row.value
        if value is None:
            return [Cell(row.tag, "dim"), *["-"] * (len(_SLOTS) - 2), ""]
        fresh = now - row.changed < _FRESH_SECONDS
        trend = ""
        if row.trend.numeric:
            wide = _WIDE_TREND if columns >= _WIDE else _NARROW_TREND
            trend = row.trend.line(wide, now, blocks=self._blocks)
        status = status_cell(value)
        return [
            row.tag,
            value_cell(
                value,
                "bold reverse" if fresh and row.changes else "",
                short=short,
                most=_MOST_IN_FRAME if short else MOST_ON_SCREEN,
            ),
            level_cell(value, reason=not short or columns >= _WIDE),
            Cell(trend, "cyan", layout=True),
            age_text(value.age()),
            str(row.changes),
            Cell("-" if value.error is not None else value.type_name, "dim"),
            time_text(value.timestamp),
            "" if status.text == "OK" else status,
        ]


def _group(head: Sequence[Text], table: Table, foot: Sequence[Text]) -> RenderableType:
    from rich.console import Group

    parts: list[RenderableType] = [*head, "", table]
    if foot:
        parts += ["", *foot]
    return Group(*parts)


def _rest(hidden: int) -> Cell:
    return Cell(rest_words(hidden), "yellow")


def _more(hidden: int, columns: int) -> list[Text]:
    return lines_of([Cell(f"{hidden} more below; the end shows all", "dim")], columns)


def _value_key(row: _Row) -> tuple[int, float, str, int]:
    content = None if row.value is None else row.value.value
    # NaN has no order; it stands with what is no number.
    if isinstance(content, int | float) and content == content:
        return 0, float(content), "", row.place
    return (2 if row.value is None else 1), 0.0, str(content), row.place


def _quality_key(row: _Row) -> tuple[int, int]:
    value = row.value
    if value is None:
        return 3, row.place
    return (2 if value.good else 1 if value.uncertain else 0), row.place


_KEYS: Final[dict[Order, Callable[[_Row], tuple[object, ...]]]] = {
    Order.GIVEN: lambda row: (row.place,),
    Order.TAG: lambda row: (row.tag.casefold(), row.place),
    Order.VALUE: _value_key,
    Order.QUALITY: _quality_key,
    Order.CHANGED: lambda row: (-row.changed, row.place),
    Order.CHANGES: lambda row: (-row.changes, row.place),
}
