"""Tables for a terminal of any width: the columns that have room, the first one always whole.

rich shrinks all columns alike when they do not fit. People look for tags, so here columns
have a rank: what matters less gives way first, and the rest keeps its place while values change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .long_tables import rest_words
from .tables import Cell, Column, cell_text, line_of, rich_table, styled
from .text import first, fold, on_screen, shortened, width

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

__all__ = ["MOST_IN_FRAME", "Fitted", "Slot", "fit", "in_frame", "lines_of"]

MOST_IN_FRAME: Final = 400
"""Characters of a heading or a cell in a picture that moves: more than any tag of a plant has."""

_GAP: Final = 2
_LEAST_NAME: Final = 8


@dataclass(frozen=True, slots=True)
class Slot:
    """One column and what it may take of the width.

    Attributes:
        title: Its heading.
        rank: 0 for columns that are always there; of the others, lower ranks come first.
        least: Cells below which it is left out; 0 for as wide as its widest cell.
        right: Whether cells are aligned to the right.
        most: Cells that it takes at most; 0 for no limit.
        told: Whether its cells must not get lost: without room they stand below the table.
    """

    title: str
    rank: int
    least: int = 0
    right: bool = False
    most: int = 0
    told: bool = False


@dataclass(frozen=True, slots=True)
class Fitted:
    """The columns that have room, with their widths.

    Attributes:
        slots: The columns that were asked for.
        shown: Index and width of those that are shown, in their order.
        name: Index of the column that is never cut.
    """

    slots: Sequence[Slot]
    shown: tuple[tuple[int, int], ...]
    name: int = 0

    def table(self, rows: Sequence[Sequence[Cell | str]], *, cut: bool = False) -> Table:
        """Return the table. Cells that are too long fold.

        Args:
            rows: A cell for each slot, also for those without room.
            cut: End long cells with `...` in place of folding, so that rows keep their
                height; never those of the name.
        """
        slots = self.slots
        table = rich_table(
            [Column(slots[i].title, slots[i].right, width=room) for i, room in self.shown]
        )
        for row in rows:
            cells = [
                _cut(row[i], room) if cut and i != self.name else row[i] for i, room in self.shown
            ]
            table.add_row(*map(styled, cells))
        return table

    def picture(
        self, rows: Sequence[Sequence[Cell | str]], columns: int, *, hidden: int = 0
    ) -> RenderableType:
        """Return the table, nothing cut, and below it what must be told and has no column.

        Args:
            rows: A cell for each slot, also for those without room.
            columns: Cells of the terminal.
            hidden: Rows that there are and that are not shown.
        """
        from rich.console import Group

        below = self.told_below(rows)
        if hidden:
            below.append(Cell(rest_words(hidden), "yellow"))
        return Group(self.table(rows), *lines_of(below, columns))

    def told_below(self, rows: Sequence[Sequence[Cell | str]]) -> list[Cell]:
        """Return what must be told and has no column: one line for each cell that has words."""
        shown = dict(self.shown)
        lost = [i for i, slot in enumerate(self.slots) if slot.told and i not in shown]
        return [
            Cell(f"{cell_text(row[self.name])}: {cell_text(row[i])}", _style(row[i]))
            for row in rows
            for i in lost
            if cell_text(row[i])
        ]

    def within(self, rows: Sequence[Sequence[Cell | str]], lines: int) -> int:
        """Return how many rows of a cut table fit into so many lines."""
        room = dict(self.shown)[self.name]
        used = 0
        for n, row in enumerate(rows):
            used += max(1, -(-width(cell_text(row[self.name])) // room))
            if used > lines:
                return n
        return len(rows)


def fit(
    slots: Sequence[Slot],
    rows: Sequence[Sequence[Cell | str]],
    room: int,
    *,
    name: int = 0,
    longest: int = 0,
) -> Fitted:
    """Return the columns that fit into `room` cells, chosen by rank.

    The column of the name, of rank 0, is as wide as the longest name; only where even that has
    no room it folds.

    Args:
        slots: The columns there could be.
        rows: What they have to hold.
        room: Cells of the terminal.
        name: Index of the column of the name.
        longest: Cells of the longest name where `rows` are only some of them.
    """
    natural = [
        max([width(slot.title), *(width(cell_text(row[i])) for row in rows)])
        for i, slot in enumerate(slots)
    ]
    natural[name] = max(natural[name], longest)
    natural = [min(n, s.most) if s.most else n for n, s in zip(natural, slots, strict=True)]
    least = [
        min(n, max(s.least, width(s.title)) if s.least else n)
        for n, s in zip(natural, slots, strict=True)
    ]
    least[name] = natural[name]
    order = sorted(range(len(slots)), key=lambda i: slots[i].rank)
    widths: dict[int, int] = {i: least[i] for i in order if slots[i].rank == 0}
    excess = _total(widths) - room
    if excess > 0:
        widths[name] = max(_LEAST_NAME, widths[name] - excess)
    for i in order:
        if rows and not any(cell_text(row[i]) for row in rows):
            continue  # a column without a word in it says nothing
        if i not in widths and _total(widths) + _GAP + least[i] <= room:
            widths[i] = least[i]
    for i in order:
        spare = room - _total(widths)
        if i in widths and spare > 0:
            widths[i] += min(spare, natural[i] - widths[i])
    return Fitted(slots, tuple(sorted(widths.items())), name)


def lines_of(cells: Sequence[Cell], columns: int, most: int | None = None) -> list[Text]:
    """Return what stands above or below a table: lines of the terminal, long ones folded.

    Args:
        most: Characters of a cell after which the rest is only counted.
    """
    texts = [(cell.text if most is None else shortened(cell.text, most), cell) for cell in cells]
    return [
        line_of([Cell(line, cell.style)])
        for text, cell in texts
        for line in fold(on_screen(text), columns)
    ]


def _total(widths: dict[int, int]) -> int:
    return sum(widths.values()) + _GAP * (len(widths) - 1)


def _style(cell: Cell | str) -> str:
    return cell.style if isinstance(cell, Cell) else ""


def in_frame(row: Sequence[Cell | str]) -> list[Cell | str]:
    """Return a row for a picture that moves: of its cells no more than can ever have room."""
    return [_in_frame(cell) for cell in row]


def _in_frame(cell: Cell | str) -> Cell | str:
    text = cell.text if isinstance(cell, Cell) else cell
    return (
        cell if len(text) <= MOST_IN_FRAME else Cell(shortened(text, MOST_IN_FRAME), _style(cell))
    )


def _cut(cell: Cell | str, room: int) -> Cell | str:
    text = cell_text(cell)
    if width(text, room) <= room:
        return cell
    dots = "..." if room > 3 else ""
    # Its edges are those of the whole cell, which are told already.
    return Cell(first(text, room - len(dots)) + dots, _style(cell), layout=True)
