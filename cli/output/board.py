"""Current values of tags: a table that moves on a terminal, one line per change elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from ..environment import Environment
from .console import console_for
from .events import quality_cell
from .live import Redrawn
from .tables import Cell, Column, RowPrinter, rich_table, styled
from .text import width
from .values import time_text, type_text, value_text

if TYPE_CHECKING:
    from rich.table import Table

    from mxgateway.generated.mxaccess_gateway.v1 import MxEvent

__all__ = ["Board", "board_for"]

_WIDE = 110  # Cells of a terminal from which on times are shown with their date.
_NARROW = 78  # Cells below which only tag, value and quality have room.
_FRAMES_PER_SECOND = 8
_FRESH_SECONDS = 0.6  # How long a value that has changed stands out.


class Board(Protocol):
    """Shows the last event of every tag; used as a context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def take(self, tag: str, event: MxEvent) -> None:
        """Take a data change of a tag."""


def board_for(environment: Environment, tags: Sequence[str]) -> Board:
    """Return a live table for a terminal that can redraw, else a printer of lines."""
    if environment.is_terminal and environment.variables.get("TERM") != "dumb":
        return _LiveBoard(environment, tags)
    return _LineBoard(environment, tags)


class _LineBoard:
    def __init__(self, environment: Environment, tags: Sequence[str]) -> None:
        self._printer = RowPrinter(
            environment,
            (
                Column("Tag", room=max(map(width, tags), default=0)),
                Column("Value", room=28),
                Column("Quality", room=22),
                Column("Source time (UTC)", room=28),
                Column("Type"),
            ),
        )

    def __enter__(self) -> Self:
        self._printer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing is held back, so there is nothing to do."""

    def take(self, tag: str, event: MxEvent) -> None:
        self._printer.row(
            [
                tag,
                value_text(event.value),
                quality_cell(event.quality),
                time_text(event.source_timestamp),
                type_text(event.value),
            ]
        )


class _LiveBoard(Redrawn):
    def __init__(self, environment: Environment, tags: Sequence[str]) -> None:
        self._last: dict[str, tuple[MxEvent, float] | None] = dict.fromkeys(tags)
        self._tag_width = max(map(width, tags), default=0)
        self._console = console_for(environment)
        super().__init__(self._console, self._table, frames=_FRAMES_PER_SECOND)

    def take(self, tag: str, event: MxEvent) -> None:
        self._last[tag] = (event, time.monotonic())

    def _table(self) -> Table:
        wide = self._console.width >= _WIDE
        columns = [
            Column("Tag", width=self._tag_width),
            Column("Value", right=True, width=28 if wide else None),
            Column("Quality", width=22 if wide else 9),
            Column("Source time (UTC)" if wide else "Time (UTC)", width=28 if wide else 16),
            Column("Type", width=13),
        ]
        if self._console.width < _NARROW:
            del columns[3:]
        table = rich_table(columns)
        now = time.monotonic()
        for tag, last in self._last.items():
            if last is None:
                cells: list[Cell | str] = [Cell(tag, "dim"), *(["-"] * 4)]
            else:
                event, moment = last
                fresh = now - moment < _FRESH_SECONDS
                cells = [
                    tag,
                    Cell(value_text(event.value), "bold cyan" if fresh else ""),
                    quality_cell(event.quality, number=wide),
                    time_text(event.source_timestamp, date=wide),
                    Cell(type_text(event.value), "dim"),
                ]
            table.add_row(*map(styled, cells[: len(columns)]))
        return table
