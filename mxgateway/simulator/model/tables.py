"""Tables of a plant file, read with care: whatever is wrong is noted, with its key path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from typing import Any

from mxgateway.simulator.model.problems import Path, Problem, meant

__all__ = ["Table"]

_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    datetime: "a date with a time",
    date: "a date",
    time: "a time",
    list: "an array",
    dict: "a table",
}


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), type(value).__name__)


class Table:
    """One table: hands out its entries by type and notes what does not fit.

    Every method that reads an entry returns None where it is missing or wrong.

    Args:
        data: The table as tomllib gives it.
        path: Its key path.
        problems: Where what is wrong is noted.
    """

    def __init__(self, data: dict[str, Any], path: Path, problems: list[Problem]) -> None:
        self._data = data
        self._read: set[str] = set()
        self.path = path
        self.problems = problems

    def problem(self, key: str, text: str) -> None:
        """Note that something is wrong with an entry, or with the table itself for ""."""
        self.problems.append(((*self.path, key) if key else self.path, text))

    def unknown(self, key: str, what: str, word: str, known: Iterable[str]) -> None:
        """Note that the word at `key` is none of the known ones."""
        names = [*known]
        hint = meant(word, names) or f"; there are {', '.join(names)}"
        self.problem(key, f"there is no {what} {word!r}{hint}")

    def has(self, key: str) -> bool:
        """Whether there is such an entry."""
        self._read.add(key)
        return key in self._data

    def peek(self, key: str) -> Any:
        """Return an entry as it is."""
        return self._data.get(key)

    def _typed(self, key: str, kind: type, what: str) -> Any:
        self._read.add(key)
        value = self._data.get(key)
        if value is None:
            return None
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.problem(key, f"give {what}, not {_kind(value)}")
            return None
        return value

    def text(self, key: str) -> str | None:
        """Return a text."""
        value: str | None = self._typed(key, str, "a text")
        return value

    def whole(self, key: str) -> int | None:
        """Return a whole number."""
        value: int | None = self._typed(key, int, "a whole number")
        return value

    def number(self, key: str) -> float | None:
        """Return a number."""
        value = self._data.get(key)
        if type(value) is int:
            self._read.add(key)
            return float(value)
        found: float | None = self._typed(key, float, "a number")
        return found

    def flag(self, key: str) -> bool | None:
        """Return true or false."""
        value: bool | None = self._typed(key, bool, "true or false")
        return value

    def moment(self, key: str) -> datetime | None:
        """Return a date with time and offset."""
        value: datetime | None = self._typed(key, datetime, "a date with a time and an offset")
        if value is not None and value.tzinfo is None:
            self.problem(key, "the time has no offset; end it with Z for UTC")
            return None
        return value

    def scalar(self, key: str) -> Any:
        """Return anything but a table or an array."""
        self._read.add(key)
        value = self._data.get(key)
        if isinstance(value, dict | list):
            self.problem(key, f"give one value, not {_kind(value)}")
            return None
        return value

    def value(self, key: str) -> Any:
        """Return anything but a table."""
        self._read.add(key)
        value = self._data.get(key)
        if isinstance(value, dict):
            self.problem(key, "give a value, not a table")
            return None
        return value

    def items(self, key: str, what: str, kind: type | None = None) -> tuple[Any, ...]:
        """Return an array as a tuple."""
        values = self._typed(key, list, f"an array of {what}") or []
        for value in values:
            if isinstance(value, dict | list) or (kind is not None and type(value) is not kind):
                self.problem(key, f"give an array of {what}; {value!r} is {_kind(value)}")
                return ()
        return tuple(values)

    def table(self, key: str) -> Table | None:
        """Return a table inside."""
        data = self._typed(key, dict, "a table")
        return None if data is None else Table(data, (*self.path, key), self.problems)

    def tables(self, key: str) -> list[Table]:
        """Return an array of tables, or the one table that stands for it."""
        self._read.add(key)
        data = self._data.get(key)
        entries = data if isinstance(data, list) else [] if data is None else [data]
        if not all(isinstance(entry, dict) for entry in entries):
            self.problem(key, "give a table, or an array of tables")
            return []
        return [Table(entry, (*self.path, key), self.problems) for entry in entries]

    def named_tables(self, key: str) -> Iterator[tuple[str, Table]]:
        """Yield the tables inside a table, each with its name."""
        outer = self.table(key)
        if outer is None:
            return
        for name in outer._data:
            inner = outer.table(name)
            if inner is not None:
                yield name, inner

    def close(self) -> None:
        """Note the entries that nobody asked for."""
        for key in self._data:
            if key not in self._read:
                hint = meant(key, self._read) or f"; there are {', '.join(sorted(self._read))}"
                self.problem(key, f"there is no key {key!r} here{hint}")
