"""Rows in every format: a list that is complete, or rows as they come."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from ..options import Invocation, OutputFormat
from .console import terminal_width
from .documents import json_document, json_line
from .fields import FieldCheck, member, pick, text_of
from .tables import Cell, Column, RowPrinter, write_table

__all__ = ["MOST_COLLECTED", "Narrow", "Shape", "Sink", "sink_for", "write_rows"]

MOST_COLLECTED: Final = 10_000
"""Rows that one JSON document of a stream takes without --max-events; it is held in memory."""

_MOST_TEXT: Final = 64 << 20  # characters of such rows, whatever their number

T = TypeVar("T")
Taken = TypeVar("Taken", contravariant=True)
Cells = Sequence[Cell | str]


@dataclass(frozen=True, kw_only=True)
class Narrow(Generic[T]):
    """Fewer columns, for terminals that have not the room for all.

    Attributes:
        columns: Their headings.
        cells: The cells of one row.
        below: Width of the terminal below which they are taken.
    """

    columns: Sequence[Column]
    cells: Callable[[T], Cells]
    below: int


@dataclass(frozen=True, kw_only=True)
class Shape(Generic[T]):
    """How rows of one kind look.

    Attributes:
        name: Member of the JSON document that holds the list.
        document: A row in plain JSON types; one JSON line.
        members: Header of the CSV, always the same; dotted names of members, unless `csv` is given.
        columns: Columns of the table for people.
        cells: The cells of one row in that table.
        csv: The values of one CSV line, where they are more useful than the members.
        narrow: What narrow terminals show instead, where rows come one by one.
    """

    name: str
    document: Callable[[T], dict[str, Any]]
    members: Sequence[str]
    columns: Sequence[Column]
    cells: Callable[[T], Cells]
    csv: Callable[[T], Sequence[Any]] | None = None
    narrow: Narrow[T] | None = None


def write_rows(
    invocation: Invocation,
    shape: Shape[T],
    items: Sequence[T],
    *,
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Write a list that is complete.

    Args:
        shape: How the rows look.
        items: The rows.
        extra: More members of the one JSON document, beside the list.
    """
    sink: Sink[T]
    match invocation.format:
        case OutputFormat.JSON:
            sink = _Document(invocation, shape, extra or {})
        case OutputFormat.TABLE:
            _Table(invocation, shape).write(items)
            return
        case _:
            sink = sink_for(invocation, shape)
    for item in items:
        sink.take(item)
    sink.finish()


class Sink(Protocol[Taken]):
    """Where rows go. `count` is the number taken, `limit` where it has to stop by itself.

    `full` says that it has no room for more, for the rows are held in memory.
    """

    count: int
    limit: int | None
    full: bool

    def take(self, item: Taken) -> None:
        """Take one row; line formats write and flush it at once."""

    def finish(self) -> None:
        """Write what was collected, and the heading of a table without rows."""


def sink_for(invocation: Invocation, shape: Shape[T]) -> Sink[T]:
    """Return where the rows of a stream go, in the chosen format."""
    match invocation.format:
        case OutputFormat.JSON:
            return _Document(invocation, shape, None)
        case OutputFormat.JSONL:
            return _Lines(invocation, shape)
        case OutputFormat.CSV:
            return _Csv(invocation, shape)
        case OutputFormat.TABLE:
            return _Rows(invocation, shape)


class _Base(Generic[T]):
    limit: int | None = None
    full = False

    def __init__(self, invocation: Invocation, shape: Shape[T]) -> None:
        self._environment = invocation.environment
        self._shape = shape
        self._paths = invocation.fields
        self._check = FieldCheck(invocation.fields)
        self.count = 0

    def _reduced(self, item: T) -> Any:
        document = self._shape.document(item)
        if not self._paths:
            return document
        self._check.look(document)
        return pick(document, self._paths)

    def finish(self) -> None:
        self._check.tell(self._environment)


class _Document(_Base[T]):
    limit: int | None = MOST_COLLECTED

    def __init__(
        self, invocation: Invocation, shape: Shape[T], extra: Mapping[str, Any] | None
    ) -> None:
        super().__init__(invocation, shape)
        self._extra = dict(extra or {})
        self._rows: list[Any] = []
        # A list that is complete is there already, and only grows by its JSON.
        self._room = None if extra is not None else _MOST_TEXT

    def take(self, item: T) -> None:
        row = self._reduced(item)
        self._rows.append(row)
        self.count += 1
        if self._room is not None:
            self._room -= len(json_line(row))
            self.full = self._room <= 0

    def finish(self) -> None:
        self._environment.write(json_document(self._extra | {self._shape.name: self._rows}))
        super().finish()


class _Lines(_Base[T]):
    def take(self, item: T) -> None:
        self._environment.write(json_line(self._reduced(item)) + "\n")
        self.count += 1


class _Csv(_Base[T]):
    def __init__(self, invocation: Invocation, shape: Shape[T]) -> None:
        super().__init__(invocation, shape)
        self._header = self._paths or tuple(shape.members)
        self._safe = invocation.csv_safe
        self._started = False

    def take(self, item: T) -> None:
        self._start()
        self.count += 1
        if self._shape.csv is not None and not self._paths:
            self._line(self._shape.csv(item))
            return
        document = self._shape.document(item)
        self._check.look(document)
        self._line([member(document, path) for path in self._header])

    def finish(self) -> None:
        self._start()
        super().finish()

    def _start(self) -> None:
        if not self._started:
            self._started = True
            self._line(self._header)

    def _line(self, values: Sequence[Any]) -> None:
        from .csv_lines import csv_line

        on_screen = self._environment.is_terminal
        self._environment.write(csv_line(values, for_terminal=on_screen, safe=self._safe))


class _ForPeople(_Base[T]):
    """With --fields, people see the members named there in place of the usual columns."""

    def __init__(self, invocation: Invocation, shape: Shape[T]) -> None:
        super().__init__(invocation, shape)
        self._columns, self._cells = shape.columns, shape.cells
        if self._paths:
            self._columns, self._cells = [Column(path) for path in self._paths], self._members

    def _members(self, item: T) -> Cells:
        document = self._shape.document(item)
        self._check.look(document)
        return [text_of(member(document, path)) or "-" for path in self._paths]


class _Table(_ForPeople[T]):
    """All rows at once, so that columns are as wide as they have to be."""

    def write(self, items: Sequence[T]) -> None:
        write_table(self._environment, self._columns, items, self._cells)
        self.finish()


class _Rows(_ForPeople[T]):
    """Writes each row as it comes."""

    def __init__(self, invocation: Invocation, shape: Shape[T]) -> None:
        super().__init__(invocation, shape)
        narrow = None if self._paths else shape.narrow
        # Whole rows matter more on a pipe than their width.
        on_terminal = self._environment.is_terminal
        if narrow and on_terminal and terminal_width(self._environment) < narrow.below:
            self._columns, self._cells = narrow.columns, narrow.cells
        self._printer = RowPrinter(self._environment, self._columns)

    def take(self, item: T) -> None:
        self._printer.row(self._cells(item))
        self.count += 1

    def finish(self) -> None:
        self._printer.start()
        super().finish()
