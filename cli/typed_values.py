"""Values of the command line as MxValues, with the option named where one is wrong."""

from __future__ import annotations

import csv
import json
from typing import Any

import rich_click as click

from mxgateway.errors import ConfigurationError
from mxgateway.generated.mxaccess_gateway.v1 import MxValue
from mxgateway.nesting import parse_json
from mxgateway.values import from_mx_value, parse_value

from .numbers import is_whole

__all__ = ["elements_of", "typed_value", "typed_values"]


def typed_value(option: str, text: str, type_name: str, *, secret: bool = False) -> MxValue:
    """Return the value that `text` writes down.

    Args:
        option: Where it was given, for messages.
        text: As `parse_value` takes it.
        type_name: The type.
        secret: Whether no message may show the value, as it is for a secured write.

    Raises:
        ConfigurationError: It is none; nothing was sent.
    """
    try:
        return parse_value(text, type_name)
    except ConfigurationError as error:
        if not secret or not _is_type(type_name):
            raise ConfigurationError(f"{option}: {error.message}") from None
    raise ConfigurationError(
        f"{option}: this is no {type_name}; it is not shown, because the write is secured"
    )


def typed_values(text: str, type_name: str, count: int, *, secret: bool = False) -> list[MxValue]:
    """Return the values of --values, one for each of `count` handles.

    Raises:
        UsageError: There are more or fewer values than handles, or they cannot be told apart.
        ConfigurationError: One of them is none of the type; nothing was sent.
    """
    texts = _texts(text, type_name, secret=secret)
    if len(texts) != count:
        raise click.UsageError(
            f"--values has {len(texts)} values for {count} handles in --item-handles; "
            "give one for each"
        )
    return [
        typed_value(f"--values, value {n}", one, type_name, secret=secret)
        for n, one in enumerate(texts, 1)
    ]


def _texts(text: str, type_name: str, *, secret: bool) -> list[str]:
    is_array = type_name.endswith("[]")
    if is_array or text.lstrip().startswith("["):
        try:
            parsed = parse_json(text)
        except ValueError as error:
            reason = "" if secret else f": {error}"
            raise click.UsageError(f"--values: no JSON array{reason}") from None
        if not isinstance(parsed, list) or not all(isinstance(p, list) is is_array for p in parsed):
            inner = "arrays, one for each handle" if is_array else "single values"
            raise click.UsageError(f"--values: for {type_name} give a JSON array of {inner}")
        return [one if isinstance(one, str) else json.dumps(one) for one in parsed]
    try:
        rows = list(csv.reader([text], strict=True, skipinitialspace=True))
    except csv.Error as error:
        raise click.UsageError(f"--values cannot be read: {error}") from None
    return rows[0] if rows else []


def elements_of(given: tuple[str, ...], type_name: str) -> dict[int, Any]:
    """Return the elements given as INDEX=VALUE by index.

    Raises:
        UsageError: One has no index, or an index stands twice.
        ConfigurationError: A value is none of the type; nothing was sent.
    """
    if type_name.endswith("[]"):
        raise click.UsageError(f"--type is that of the elements: give {type_name[:-2]}")
    elements: dict[int, Any] = {}
    for text in given:
        index, equals, value = text.partition("=")
        if not equals or not is_whole(index.strip()):
            raise click.UsageError(f"--element {text!r}: give INDEX=VALUE, such as 0=12.5")
        number = int(index)
        if number in elements:
            raise click.UsageError(f"--element: index {number} is given twice")
        elements[number] = from_mx_value(
            typed_value(f"--element {index.strip()}", value, type_name)
        )
    return elements


def _is_type(type_name: str) -> bool:
    from mxgateway.values import TYPE_NAMES

    return type_name in TYPE_NAMES
