"""What to read and write: words of the command line, `@FILE`, or `-` for stdin.

A file has one entry a line: a tag (for writes, a tag and its value), or JSON, which is a text or
an object. Blank lines and lines that begin with `#` are skipped. All of it is checked before
anything is sent.
"""

from __future__ import annotations

import datetime as dt
import math
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import rich_click as click

from mxgateway.nesting import parse_json

from ..environment import Environment
from ..text_files import decoded, lines_in, read_named
from .patterns import is_pattern

__all__ = ["WriteInput", "tags_of", "writes_of"]

_MOST_BYTES: Final = 64_000_000
_MEMBERS: Final = frozenset({"tag", "value", "type", "timestamp"})


@dataclass(frozen=True, slots=True)
class WriteInput:
    """One write as it was given.

    Attributes:
        tag: The reference.
        value: The value: a text that the tag's type gives a meaning, or a JSON type.
        type_name: A type of `parse_value`; None for that of the tag.
        timestamp: The time of the value; None for the plant's.
        place: Where it stands, for messages.
    """

    tag: str
    value: Any
    type_name: str | None = None
    timestamp: dt.datetime | None = None
    place: str = ""

    def query(self, *, secret: bool) -> dict[str, Any]:
        """Return it in plain JSON types as it was given; a secret value hidden."""
        shown = {"tag": self.tag, "value": "***" if secret else self.value}
        if self.type_name is not None:
            shown["type"] = self.type_name
        if self.timestamp is not None:
            shown["timestamp"] = str(self.timestamp)
        return shown


def tags_of(environment: Environment, words: Iterable[str]) -> list[str]:
    """Return the tags that words of the command line stand for, in order, duplicates too.

    Raises:
        UsageError: A file cannot be read, or an entry is no tag; nothing was sent.
    """
    tags = []
    for word in words:
        if not _is_source(word):
            tags.append(_checked_tag(word, "TAG"))
            continue
        for place, line in _lines(environment, word):
            entry = _json(line, place) if line[0] in '{"' else line
            tag = entry.get("tag") if isinstance(entry, dict) else entry
            tags.append(_checked_tag(tag, place))
    if not tags:
        raise click.UsageError("no tag is given; name one, or a file as @FILE, or - for stdin")
    return tags


def writes_of(
    environment: Environment, words: tuple[str, ...], type_name: str | None
) -> list[WriteInput]:
    """Return the writes that the words of the command line stand for, in order.

    Args:
        type_name: The type for all that name none themselves.

    Raises:
        UsageError: They are neither TAG VALUE nor files, or an entry of a file is wrong.
    """
    if words and all(map(_is_source, words)):
        lines = [entry for word in words for entry in _lines(environment, word)]
        writes = [_write(place, line, type_name) for place, line in lines]
        if not writes:
            raise click.UsageError(f"there is nothing to write in {', '.join(words)}")
        return writes
    if len(words) != 2:
        raise click.UsageError(
            "give TAG VALUE, or a file of writes as @FILE, or - for stdin; "
            "a value with blanks needs quotes"
        )
    tag, value = words
    return [WriteInput(_written_tag(tag, "TAG"), value, type_name, place="VALUE")]


def _is_source(word: str) -> bool:
    return word == "-" or word.startswith("@")


def _lines(environment: Environment, word: str) -> Iterator[tuple[str, str]]:
    """Yield place and text of every line that is no comment and not blank."""
    name, data = _read(environment, word)
    try:
        text = decoded(data)
    except ValueError as error:
        raise click.UsageError(f"{name} {error}") from error
    for number, line in enumerate(lines_in(text), 1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield f"{name}, line {number}", stripped


def _read(environment: Environment, word: str) -> tuple[str, bytes]:
    if word == "-":
        if environment.pool is not None:
            raise click.UsageError("- does not go with batch, which reads stdin itself; use @FILE")
        data = b"" if sys.stdin is None else sys.stdin.buffer.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise click.UsageError(f"stdin is larger than {_MOST_BYTES:,} bytes; give it in parts")
        return "stdin", data
    path = word[1:]
    try:
        return path, read_named(path, _MOST_BYTES)
    except OSError as error:
        raise click.UsageError(
            f"{word}: the file cannot be read: {error.strerror or error}"
        ) from error


def _write(place: str, line: str, type_name: str | None) -> WriteInput:
    if not line.startswith("{"):
        tag, _, value = line.partition(" ") if "\t" not in line else line.partition("\t")
        if not value.strip():
            _refuse(place, "give TAG VALUE, or a JSON object with tag and value")
        return WriteInput(_written_tag(tag, place), value.strip(), type_name, place=place)
    entry = _json(line, place)
    unknown = sorted(set(entry) - _MEMBERS)
    if unknown:
        _refuse(place, f"unknown member {unknown[0]!r}; there are {', '.join(sorted(_MEMBERS))}")
    if "value" not in entry:
        _refuse(place, "the value is missing; null is a value")
    own = entry.get("type", type_name)
    if own is not None and not isinstance(own, str):
        _refuse(place, f"type: give a text such as int32, not {own!r}")
    return WriteInput(
        _written_tag(entry.get("tag"), place),
        entry["value"],
        own,
        _moment(entry.get("timestamp"), place),
        place,
    )


def _moment(text: Any, place: str) -> dt.datetime | None:
    from mxgateway.timestamp import Timestamp

    if text is None:
        return None
    try:
        return Timestamp.parse(text)
    except (TypeError, ValueError):
        _refuse(place, f"timestamp: give RFC 3339 with a time zone, not {text!r}")


def _json(line: str, place: str) -> Any:
    try:
        return parse_json(line, parse_constant=_no_constant, parse_float=_finite)
    except ValueError as error:
        _refuse(place, f"no JSON: {error}")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number that a tag can hold")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _no_constant(digits)


def _checked_tag(tag: Any, place: str) -> str:
    if not isinstance(tag, str) or not tag.strip():
        _refuse(place, f"give a tag such as Pump_001.Speed, not {tag!r}")
    return tag.strip()


def _written_tag(tag: Any, place: str) -> str:
    checked = _checked_tag(tag, place)
    if is_pattern(checked):
        _refuse(place, f"a write takes one tag, and {checked!r} is a pattern")
    return checked


def _refuse(place: str, reason: str) -> NoReturn:
    raise click.UsageError(f"{place}: {reason}")
