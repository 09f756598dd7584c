"""JSON and TOML from outside, refused where it is nested deeper than anything that is meant.

Parsers, `repr` and writers call themselves once for each level. Without a bound a few thousand
brackets end in a RecursionError somewhere in the middle of a program.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

__all__ = ["MOST_LEVELS", "NestingError", "parse_json", "parse_toml"]

MOST_LEVELS: Final = 100
"""Levels that a document may have; protobuf has the same bound."""


class NestingError(ValueError):
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
    """
    try:
        found = json.loads(text, parse_constant=parse_constant, parse_float=parse_float)
    except RecursionError:
        raise NestingError from None
    return _checked(found)


def parse_toml(text: str) -> dict[str, Any]:
    """Return what a TOML text stands for.

    Raises:
        ValueError: It is no TOML.
        NestingError: It is nested too deeply.
    """
    import tomllib  # Most runs read none.

    try:
        found = tomllib.loads(text)
    except RecursionError:
        raise NestingError from None
    _checked(found)
    return found


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
