"""JSON and TOML from outside, refused where it goes beyond anything that is meant.

Parsers, `repr` and writers call themselves once for each level. Without a bound a few thousand
brackets end in a RecursionError somewhere in the middle of a program. Whole numbers of thousands
of digits Python neither reads nor writes, in words of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

__all__ = [
    "MOST_DIGITS",
    "MOST_LEVELS",
    "DocumentLimitError",
    "LongNumberError",
    "NestingError",
    "parse_json",
    "parse_toml",
]

MOST_LEVELS: Final = 100
"""Levels that a document may have; protobuf has the same bound."""


MOST_DIGITS: Final = 640
"""Digits that a whole number may have: what Python reads and writes whatever its own limit is."""

_BEYOND: Final = 10**MOST_DIGITS


class DocumentLimitError(ValueError):
    """A document goes beyond what is read of any."""


class LongNumberError(DocumentLimitError):
    """A document has a whole number of more than `MOST_DIGITS` digits."""

    def __init__(self) -> None:
        super().__init__(f"it has a whole number of more than {MOST_DIGITS} digits")


class NestingError(DocumentLimitError):
    """A document has more than `MOST_LEVELS` levels."""

    def __init__(self) -> None:
        super().__init__(f"it is nested too deeply, more than {MOST_LEVELS} levels")


def parse_json(
    text: str | bytes,
    *,
    parse_constant: Callable[[str], Any] | None = None,
    parse_float: Callable[[str], Any] | None = None,
) -> Any:
    """Return what a JSON text stands for; the arguments are those of `json.loads`.

    Raises:
        ValueError: It is no JSON.
        NestingError: It is nested too deeply.
        LongNumberError: It has a number with too many digits.
    """
    try:
        found = json.loads(
            text, parse_constant=parse_constant, parse_float=parse_float, parse_int=_whole
        )
    except RecursionError:
        raise NestingError from None
    return _checked(found)


def parse_toml(text: str) -> dict[str, Any]:
    """Return what a TOML text stands for.

    Raises:
        ValueError: It is no TOML.
        NestingError: It is nested too deeply.
        LongNumberError: It has a number with too many digits.
    """
    import tomllib  # Most runs read none.

    try:
        found = tomllib.loads(text)
    except RecursionError:
        raise NestingError from None
    except ValueError as error:
        if isinstance(error, tomllib.TOMLDecodeError):
            raise
        raise LongNumberError from None  # The only thing that Python itself refuses here.
    _checked(found)
    _require_short_numbers(found)
    return found


def _whole(digits: str) -> int:
    if len(digits.removeprefix("-")) > MOST_DIGITS:
        raise LongNumberError
    return int(digits)


def _require_short_numbers(document: Any) -> None:
    """Refuse what was read from hexadecimal digits, and what Python's limit let through."""
    match document:
        case dict():
            for inner in document.values():
                _require_short_numbers(inner)
        case list():
            for inner in document:
                _require_short_numbers(inner)
        case int():
            if abs(document) >= _BEYOND:
                raise LongNumberError


def _checked(document: Any) -> Any:
    level = [document] if isinstance(document, dict | list) else []
    for _ in range(MOST_LEVELS):
        if not level:
            return document
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    if level:
        raise NestingError
    return document
