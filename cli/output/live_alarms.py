"""The board of `alarms`: what is active, the most urgent first, and what happened last."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from heapq import nsmallest
from typing import TYPE_CHECKING, Final

from .live_columns import MOST_IN_FRAME, Fitted, Slot, fit, in_frame, lines_of
from .live_words import age_text
from .long_tables import MOST_ROWS, first_rows, rest_words
from .tables import Cell
from .text import shortened

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from mxgateway.alarms import Alarm, AlarmBook, AlarmChange, AlarmProvider

__all__ = ["AlarmBoard", "AlarmCells"]

AlarmCells = Callable[["Alarm", str], Sequence[Cell | str]]
"""Makes the cells of a row of an alarm and its age."""

_Ranked = tuple[tuple[int, bool, str], "Alarm"]  # how urgent, which no other is alike, and what

_SLOTS: Final = (
    Slot("No.", 0, right=True),
    Slot("Pri", 0, right=True),
    Slot("State", 0),
    Slot("Age", 1, least=6, right=True),
    Slot("Alarm", 0),
    Slot("Value / limit", 2, least=13, most=30),
    Slot("Description", 3, least=12, most=50),
    Slot("Operator, comment", 4, least=17, most=40),
    Slot("Source", 5),
)
_NAME: Final = 4
_LAST: Final = 4  # changes below the table
_MOST_REASON: Final = 200  # characters
_TABLE_LINES: Final = 3  # a blank, the heading of the table, its rule
_LOW, _ROOMY = 12, 16  # lines from which on there is room for help, and for the last changes


class AlarmBoard:
    """What `alarms` shows; changes come from the event loop, another thread draws.

    Args:
        title: What the heading says of the gateway.
        cells: Makes the cells of a row: number, priority, state, age, reference, value and
            limit, description, operator and comment, source.
    """

    def __init__(self, title: str, cells: AlarmCells) -> None:
        self._title = title
        self._make = cells
        self._lock = threading.Lock()
        self._alarms: dict[str, _Ranked] = {}
        self._unacked = 0
        self._provider: AlarmProvider | None = None
        self._complete = False
        self._last: deque[AlarmChange] = deque(maxlen=_LAST)
        self._end = ""
        self.count = 0

    def take(self, book: AlarmBook, change: AlarmChange) -> None:
        """Take a change, and the book as it stands after it."""
        with self._lock:
            self._note(change)
            self._provider = book.provider
            self._complete = book.complete
            self.count += 1
            if change.alarm is not None and not change.from_snapshot:
                self._last.append(change)

    def _note(self, change: AlarmChange) -> None:
        # One alarm at a time: a copy of the book for each would cost the square of a snapshot.
        from mxgateway.alarms.book import urgency

        alarm = change.alarm
        if alarm is None:
            return
        key = alarm.reference.lower()
        before = self._alarms.get(key)
        if not alarm.active:
            self._alarms.pop(key, None)
        elif change.previous is not None or change.kind.value != "other":
            self._alarms[key] = (urgency(alarm), alarm)
        after = self._alarms.get(key)
        self._unacked += _is_unacked(after) - _is_unacked(before)

    def end(self, words: str) -> None:
        """Let the heading say why no more comes."""
        self._end = words

    def picture(self, columns: int, lines: int) -> RenderableType:
        """Return the whole screen, with as many alarms as there is room for."""
        # Only what can be seen is looked at: there may be a hundred thousand.
        alarms, total, heading, footer = self._state(columns, lines, lines)
        cells = [in_frame(self._cells(alarm)) for alarm in alarms]
        fitted = fit(_SLOTS, cells, columns, name=_NAME)
        head = lines_of(heading, columns, MOST_IN_FRAME)
        foot = lines_of(footer, columns, MOST_IN_FRAME)
        room = lines - _TABLE_LINES - len(head) - len(foot)
        shown = fitted.within(cells, room)
        if shown < total:
            shown = fitted.within(cells, room - len(_more(total, columns)))
            foot = [*_more(total - shown, columns), *foot]
        return self._group(head, fitted, cells[:shown], foot, columns, cut=True)

    def summary(self, columns: int, most: int = MOST_ROWS) -> RenderableType:
        """Return all alarms as they are now, up to so many."""
        alarms, total, heading, _ = self._state(columns, 0, most)
        cells = first_rows(alarms, self._cells, most)
        fitted = fit(_SLOTS, cells, columns, name=_NAME)
        rest = [Cell(rest_words(total - len(cells), "alarms"), "yellow")]
        foot = lines_of(rest, columns) if len(cells) < total else []
        return self._group(lines_of(heading, columns), fitted, cells, foot, columns, cut=False)

    def _cells(self, alarm: Alarm) -> Sequence[Cell | str]:
        from mxgateway.timestamp import Timestamp

        raised = alarm.raised or alarm.last_transition
        return self._make(alarm, age_text(None if raised is None else Timestamp.now() - raised))

    def _state(
        self, columns: int, lines: int, most: int
    ) -> tuple[list[Alarm], int, list[Cell], list[Cell]]:
        """Return the most urgent alarms, how many there are, and what stands above and below."""
        from mxgateway.status import enum_name

        with self._lock:
            ranked, provider = list(self._alarms.values()), self._provider
            complete, last, unacked = self._complete, list(self._last), self._unacked
        alarms = [alarm for _, alarm in nsmallest(most, ranked)]
        total = len(ranked)
        parts = [f"{total} active", f"{unacked} unacked"]
        if self._title and columns >= 60:
            parts.insert(0, self._title)
        if provider is not None and not provider.degraded:
            parts.append(f"source {enum_name(provider.mode)}")
        heading = [Cell("  ".join(parts), "bold red" if unacked else "bold")]
        if self._end:
            heading.append(Cell(self._end, "bold red"))
        if not complete:
            heading.append(Cell("the list is not complete yet", "yellow"))
        if provider is not None and provider.degraded:
            why = provider.reason or f"source {enum_name(provider.mode)}"
            if lines:  # a picture that moves; what is left when it ends has room for more
                why = shortened(why, _MOST_REASON)
            since = "" if provider.since is None else f" (since {provider.since})"
            heading.append(Cell(f"DEGRADED, made up from tags: {why}{since}", "bold yellow"))
        if lines < _LOW:  # alarms that are active matter more
            return alarms, total, heading, []
        footer = [Cell("")]
        if lines >= _ROOMY:
            footer += [
                Cell(f"{change.kind.value:<12} {change.alarm.reference}", "dim")
                for change in last
                if change.alarm is not None
            ]
        footer.append(Cell("To acknowledge: mxgw-py alarms ack NUMBER --comment TEXT", "dim"))
        return alarms, total, heading, footer

    def _group(
        self,
        head: Sequence[Text],
        fitted: Fitted,
        cells: Sequence[Sequence[Cell | str]],
        foot: Sequence[Text],
        columns: int,
        *,
        cut: bool,
    ) -> RenderableType:
        from rich.console import Group

        parts: list[RenderableType] = [*head, ""]
        if cells:
            parts.append(fitted.table(cells, cut=cut))
        elif self._complete and not self._end and not self._alarms:
            parts += lines_of([Cell("No alarm is active.", "green")], columns)
        return Group(*parts, *foot)


def _is_unacked(ranked: _Ranked | None) -> bool:
    return ranked is not None and not ranked[1].acked


def _more(hidden: int, columns: int) -> list[Text]:
    return lines_of([Cell(f"{hidden} less urgent below", "bold yellow")], columns)
