"""Tables and records: drawn by rich on a terminal, plain aligned text everywhere else.

Plain text takes its natural width, so that no cell is ever shortened and
`grep TAG` over a pipe finds every tag. On a terminal a cell that does not fit folds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mxgateway.printable import printable

from ..environment import Environment
from .console import console_for
from .text import pad, width

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

__all__ = [
    "Cell",
    "Column",
    "RowPrinter",
    "rich_table",
    "styled",
    "write_record",
    "write_table",
]

_GAP = "  "


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        title: Its heading.
        right: Whether cells are aligned to the right.
        room: Cells to keep free where rows come one by one and the widest is not known yet.
        width: Cells of the column in a drawn table; other columns give way, long cells fold.
    """

    title: str
    right: bool = False
    room: int = 0
    width: int | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """The text of a cell and, for terminals, its rich style."""

    text: str
    style: str = ""


def write_record(environment: Environment, fields: Iterable[tuple[str, Cell | str]]) -> None:
    """Write names and values, one pair a line."""
    pairs = [(name, _cell(value)) for name, value in fields]
    if environment.is_terminal:
        names = max((width(name) for name, _ in pairs), default=0)
        # One blank more than between columns: names and values are both words.
        table = rich_table((Column("name", width=names + 1), Column("value")), header=False)
        for name, value in pairs:
            table.add_row(styled(Cell(name, "bold cyan")), styled(value))
        console_for(environment).print(table)
        return
    room = max((width(name) for name, _ in pairs), default=0)
    lines = (f"{pad(name, room)}{_GAP}{printable(cell.text)}".rstrip() for name, cell in pairs)
    environment.show(*lines)


def write_table(
    environment: Environment, columns: Sequence[Column], rows: Iterable[Sequence[Cell | str]]
) -> None:
    """Write a table whose rows are all known."""
    cells = [[_cell(value) for value in row] for row in rows]
    if environment.is_terminal:
        table = rich_table(columns)
        for row in cells:
            table.add_row(*map(styled, row))
        console_for(environment).print(table)
        return
    texts = [[c.title for c in columns], *([printable(c.text) for c in row] for row in cells)]
    rooms = [max(map(width, column)) for column in zip(*texts, strict=True)]
    environment.show(*(_plain_line(row, rooms, columns) for row in texts))


def _plain_line(texts: Sequence[str], rooms: Sequence[int], columns: Sequence[Column]) -> str:
    padded = [
        pad(text, room, right=column.right)
        for text, room, column in zip(texts, rooms, columns, strict=True)
    ]
    return _GAP.join(padded).rstrip()


def rich_table(columns: Sequence[Column], *, header: bool = True) -> Table:
    """Return an empty rich table whose cells fold instead of being cut."""
    from rich import box
    from rich.table import Table

    table = Table(
        box=box.SIMPLE_HEAD if header else None,
        show_header=header,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for column in columns:
        table.add_column(
            column.title,
            justify="right" if column.right else "left",
            overflow="fold",
            width=column.width,
            min_width=column.room or None,
            header_style="bold",
        )
    return table


class RowPrinter:
    """Writes rows one by one as they come, flushed, in columns that stay aligned where they can.

    A cell wider than the room of its column makes its own row longer; it is
    never cut.
    """

    def __init__(self, environment: Environment, columns: Sequence[Column]) -> None:
        self._environment = environment
        self._columns = columns
        self._rooms = [max(c.room, width(c.title)) for c in columns]
        self._console: Console | None = None
        self._started = False

    def start(self) -> None:
        """Write the heading, once."""
        if not self._started:
            self._started = True
            self._emit([Cell(column.title, "bold") for column in self._columns])

    def row(self, cells: Sequence[Cell | str]) -> None:
        """Write one row, after the heading if it is the first."""
        self.start()
        self._emit([_cell(c) for c in cells])

    def _emit(self, cells: Sequence[Cell]) -> None:
        texts = [
            pad(printable(cell.text), room, right=column.right)
            for cell, room, column in zip(cells, self._rooms, self._columns, strict=True)
        ]
        if not self._environment.is_terminal:
            self._environment.show(_GAP.join(texts).rstrip())
            return
        from rich.text import Text

        if self._console is None:
            self._console = console_for(self._environment)
        line = Text(_GAP).join(
            Text(text, style=cell.style) for text, cell in zip(texts, cells, strict=True)
        )
        line.rstrip()
        self._console.print(line, soft_wrap=True)


def _cell(value: Cell | str) -> Cell:
    return value if isinstance(value, Cell) else Cell(value)


def styled(value: Cell | str) -> Text:
    """Return a cell as rich text."""
    from rich.text import Text

    cell = _cell(value)
    return Text(printable(cell.text), style=cell.style)
