"""Tables and records: drawn by rich on a terminal, plain aligned text everywhere else.

Plain text takes its natural width, so that no cell is ever shortened and
`grep TAG` over a pipe finds every tag. On a terminal a cell that does not fit folds, and what is
too long to be read there is counted (`text.on_screen`, `long_tables`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from mxgateway.printable import printable

from ..environment import Environment
from .console import console_for
from .long_tables import first_rows, rest_words
from .text import edged, on_screen, pad, width

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

__all__ = [
    "Cell",
    "Column",
    "RowPrinter",
    "cell_text",
    "line_of",
    "rich_table",
    "styled",
    "write_record",
    "write_table",
]

_GAP = "  "
_MOST_PADDED: Final = 200  # cells; a wider cell makes its own row longer and no other

T = TypeVar("T")


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
    """What stands in a cell.

    Attributes:
        text: Its text.
        style: The rich style of it, for terminals.
        layout: Whether blanks at its edges are ours; else they are shown as `\\x20`.
    """

    text: str
    style: str = ""
    layout: bool = False


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
    environment.show_all(
        f"{pad(name, room)}{_GAP}{cell_text(cell, screen=False)}".rstrip() for name, cell in pairs
    )


def write_table(
    environment: Environment,
    columns: Sequence[Column],
    items: Sequence[T],
    cells: Callable[[T], Sequence[Cell | str]],
) -> None:
    """Write a table whose rows are all known.

    Args:
        items: What has a row each.
        cells: Makes the cells of a row. On a pipe it is asked twice, so that of a million rows
            no more than one has to be held.
    """
    if environment.is_terminal:
        table = rich_table(columns)
        rows = first_rows(items, cells)
        for row in rows:
            table.add_row(*map(styled, row))
        console = console_for(environment)
        console.print(table)
        if len(rows) < len(items):
            console.print(line_of([Cell(rest_words(len(items) - len(rows)), "yellow")]))
        return
    rooms = [width(column.title) for column in columns]
    for item in items:
        for n, cell in enumerate(cells(item)):
            rooms[n] = max(rooms[n], _room(cell))
    environment.show_all(_plain_lines(columns, rooms, items, cells))


def _room(cell: Cell | str) -> int:
    """Return the width of a cell on a pipe, 0 where it is too wide to keep others so wide."""
    whole = cell.text if isinstance(cell, Cell) else cell
    if len(whole) > _MOST_PADDED and whole.isascii():
        return 0
    cells = width(cell_text(cell, screen=False), _MOST_PADDED)
    return cells if cells <= _MOST_PADDED else 0


def _plain_lines(
    columns: Sequence[Column],
    rooms: Sequence[int],
    items: Iterable[T],
    cells: Callable[[T], Sequence[Cell | str]],
) -> Iterator[str]:
    yield _plain_line([column.title for column in columns], rooms, columns)
    for item in items:
        yield _plain_line([cell_text(c, screen=False) for c in cells(item)], rooms, columns)


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

    A cell wider than the room of its column makes its own row longer; on a pipe it is
    never cut.
    """

    def __init__(self, environment: Environment, columns: Sequence[Column]) -> None:
        self._environment = environment
        self._columns = columns
        self._rooms = [min(max(c.room, width(c.title)), _MOST_PADDED) for c in columns]
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
        on_terminal = self._environment.is_terminal
        texts = [
            pad(cell_text(cell, screen=on_terminal), room, right=column.right)
            for cell, room, column in zip(cells, self._rooms, self._columns, strict=True)
        ]
        if not on_terminal:
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


def cell_text(value: Cell | str, *, screen: bool = True) -> str:
    """Return the text of a cell as people get it.

    Args:
        screen: Whether on a terminal, where what is too long is counted; a pipe has all of it.
    """
    cell = _cell(value)
    text = on_screen(cell.text) if screen else printable(cell.text)
    return text if cell.layout else edged(text)


def styled(value: Cell | str) -> Text:
    """Return a cell of a table as rich text."""
    from rich.text import Text

    return Text(cell_text(value), style=_cell(value).style)


def line_of(cells: Iterable[Cell]) -> Text:
    """Return cells as one line of rich text, one right after the other."""
    from rich.text import Text

    return Text("").join(Text(on_screen(cell.text), cell.style) for cell in cells)
