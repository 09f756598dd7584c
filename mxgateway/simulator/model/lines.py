"""On which line of a TOML text each table and each key stands.

tomllib tells nothing about lines. This scanner takes a text that tomllib accepted, so it
need not find mistakes; it only has to know where texts, arrays and tables end.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

__all__ = ["Lines"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SPACE = re.compile(r"[ \t]*")
_QUOTES = ('"""', "'''", '"', "'")


class Lines:
    """Finds the line of a key path.

    Args:
        text: A TOML text without mistakes.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._lines: dict[tuple[str, ...], int] = {}
        self._starts = [0, *(match.end() for match in re.finditer(r"\n", text))]
        self._scan()

    def of(self, path: tuple[str, ...]) -> int:
        """Return the line of a key path, or of the nearest part of it that has one."""
        for length in range(len(path), 0, -1):
            found = self._lines.get(path[:length])
            if found is not None:
                return found
        return 1

    def _scan(self) -> None:
        text, end = self._text, len(self._text)
        table: tuple[str, ...] = ()
        while self._at < end:
            char = text[self._at]
            if char in " \t\r\n":
                self._at += 1
            elif char == "#":
                self._comment()
            elif char == "[":
                self._at += 2 if text.startswith("[[", self._at) else 1
                place = self._at
                table = self._key()
                self._note(table, place)
                self._at = self._end_of_line()
            else:
                self._entry(table)

    def _entry(self, table: tuple[str, ...]) -> None:
        place = self._at
        path = (*table, *self._key())
        self._note(path, place)
        self._at = self._text.index("=", self._at) + 1
        self._value(path)

    def _note(self, path: tuple[str, ...], place: int) -> None:
        line = bisect_right(self._starts, place)
        for length in range(1, len(path) + 1):
            self._lines.setdefault(path[:length], line)

    def _key(self) -> tuple[str, ...]:
        """Read a dotted key."""
        parts = []
        while True:
            self._blank()
            if self._text[self._at] in "\"'":
                start = self._at
                self._string()
                parts.append(str(tomllib.loads(f"k = {self._text[start : self._at]}")["k"]))
            else:
                match = _BARE.match(self._text, self._at)
                assert match is not None, self._text[self._at : self._at + 20]
                parts.append(match[0])
                self._at = match.end()
            self._blank()
            if self._text[self._at : self._at + 1] != ".":
                return tuple(parts)
            self._at += 1

    def _blank(self) -> None:
        match = _SPACE.match(self._text, self._at)
        assert match is not None
        self._at = match.end()

    def _comment(self) -> None:
        self._at = self._end_of_line()

    def _end_of_line(self) -> int:
        end = self._text.find("\n", self._at)
        return len(self._text) if end < 0 else end + 1

    def _value(self, path: tuple[str, ...]) -> None:
        """Read a value; it ends with its line, or where a table or an array around it goes on."""
        self._blank()
        char = self._text[self._at]
        if char == "{":
            self._inline_table(path)
        elif char == "[":
            self._array(path)
        elif char in "\"'":
            self._string()
        else:
            while self._at < len(self._text) and self._text[self._at] not in ",]}#\n":
                self._at += 1

    def _string(self) -> None:
        text = self._text
        quote = next(quote for quote in _QUOTES if text.startswith(quote, self._at))
        self._at += len(quote)
        while not text.startswith(quote, self._at):
            self._at += 2 if text[self._at] == "\\" and quote[0] == '"' else 1
        self._at += len(quote)
        # Up to two quotes may stand right before the closing three.
        while len(quote) == 3 and text.startswith(quote[0], self._at):
            self._at += 1

    def _inline_table(self, path: tuple[str, ...]) -> None:
        self._at += 1
        while True:
            self._skip(" \t\r\n,")
            if self._text[self._at] == "}":
                self._at += 1
                return
            self._entry(path)

    def _array(self, path: tuple[str, ...]) -> None:
        self._at += 1
        while True:
            self._skip(" \t\r\n,")
            if self._text[self._at] == "]":
                self._at += 1
                return
            self._value(path)

    def _skip(self, chars: str) -> None:
        while self._text[self._at] in chars or self._text[self._at] == "#":
            if self._text[self._at] == "#":
                self._comment()
            else:
                self._at += 1
