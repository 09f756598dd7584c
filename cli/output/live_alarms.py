"""The board of `alarms`: what is active, the most urgent first, and what happened last."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from .live_columns import Fitted, Slot, fit, lines_of
from .live_words import age_text
from .tables import Cell

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mxgateway.alarms import Alarm, AlarmBook, AlarmChange, AlarmProvider

__all__ = ["AlarmBoard", "AlarmCells"]

AlarmCells = Callable[["Alarm", str], Sequence[Cell | str]]
"""Makes the cells of a row of an alarm and its age."""

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
_HEAD_LINES: Final = 4  # heading, blank, heading of the table, its rule


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
        self._alarms: list[Alarm] = []
        self._provider: AlarmProvider | None = None
        self._complete = False
        self._last: deque[AlarmChange] = deque(maxlen=_LAST)
        self.count = 0

    def take(self, book: AlarmBook, change: AlarmChange) -> None:
        """Take a change, and the book as it stands after it."""
        with self._lock:
            self._alarms = book.by_severity()
            self._provider = book.provider
            self._complete = book.complete
            self.count += 1
            if change.alarm is not None and not change.from_snapshot:
                self._last.append(change)

    def picture(self, columns: int, lines: int) -> RenderableType:
        """Return the whole screen, with as many alarms as there is room for."""
        alarms, heading, footer = self._state(columns)
        cells = [self._cells(alarm) for alarm in alarms]
        fitted = fit(_SLOTS, cells, columns, name=_NAME)
        room = lines - _HEAD_LINES - len(heading) + 1 - len(footer)
        shown = fitted.within(cells, room)
        if shown < len(cells):
            shown = fitted.within(cells, room - 1)
            hidden = Cell(f"{len(cells) - shown} less urgent ones below", "bold yellow")
            footer = [hidden, *footer]
        return self._group(fitted, cells[:shown], heading, footer, cut=True)

    def summary(self, columns: int) -> RenderableType:
        """Return all alarms as they are now; nothing is left out or cut."""
        alarms, heading, _ = self._state(columns)
        cells = [self._cells(alarm) for alarm in alarms]
        fitted = fit(_SLOTS, cells, columns, name=_NAME)
        return self._group(fitted, cells, heading, [], cut=False)

    def _cells(self, alarm: Alarm) -> Sequence[Cell | str]:
        from mxgateway.timestamp import Timestamp

        raised = alarm.raised or alarm.last_transition
        return self._make(alarm, age_text(None if raised is None else Timestamp.now() - raised))

    def _state(self, columns: int) -> tuple[list[Alarm], list[Cell], list[Cell]]:
        from mxgateway.status import enum_name

        with self._lock:
            alarms, provider = list(self._alarms), self._provider
            complete, last = self._complete, list(self._last)
        unacked = sum(not alarm.acked for alarm in alarms)
        parts = [f"{len(alarms)} active", f"{unacked} unacked"]
        if self._title and columns >= 60:
            parts.insert(0, self._title)
        if provider is not None and not provider.degraded:
            parts.append(f"source {enum_name(provider.mode)}")
        heading = [Cell("  ".join(parts), "bold red" if unacked else "bold")]
        if not complete:
            heading.append(Cell("the list is not complete yet", "yellow"))
        if provider is not None and provider.degraded:
            why = provider.reason or f"source {enum_name(provider.mode)}"
            since = "" if provider.since is None else f" (since {provider.since})"
            heading.append(Cell(f"DEGRADED, made up from tags: {why}{since}", "bold yellow"))
        footer = [Cell("")]
        footer += [
            Cell(f"{change.kind.value:<12} {change.alarm.reference}", "dim")
            for change in last
            if change.alarm is not None
        ]
        footer.append(Cell("To acknowledge: mxgw-py alarms ack NUMBER --comment TEXT", "dim"))
        return alarms, heading, footer

    def _group(
        self,
        fitted: Fitted,
        cells: Sequence[Sequence[Cell | str]],
        heading: Sequence[Cell],
        footer: Sequence[Cell],
        *,
        cut: bool,
    ) -> RenderableType:
        from rich.console import Group

        parts: list[RenderableType] = [*lines_of(heading, cut=cut), ""]
        if cells:
            parts.append(fitted.table(cells, cut=cut))
        elif self._complete:
            parts += lines_of([Cell("No alarm is active.", "green")], cut=cut)
        return Group(*parts, *lines_of(footer, cut=cut))
