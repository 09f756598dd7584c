"""What replies hold that this client does not know: a sign that the gateway is newer."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from enum import IntEnum
from typing import Any

__all__ = ["unknown_parts"]


def unknown_parts(message: Any) -> list[str]:
    """Return the fields and enum numbers of a message that the contract does not name.

    Each stands as `OpenSessionReply: field 77` or `MxEvent.family: number 42`, once, sorted.
    """
    return sorted(set(_walk(message)))


def _walk(message: Any) -> Iterator[str]:
    name = type(message).__name__
    for number in _field_numbers(message._unknown_fields):
        yield f"{name}: field {number}"
    for field in dataclasses.fields(message):
        value = getattr(message, field.name)
        for element in value if isinstance(value, list) else [value]:
            if isinstance(element, IntEnum) and not element.name:
                yield f"{name}.{field.name}: number {int(element)}"
            elif dataclasses.is_dataclass(element) and hasattr(element, "_unknown_fields"):
                yield from _walk(element)


def _field_numbers(data: bytes) -> Iterator[int]:
    """Yield the field numbers in raw protobuf bytes, which the decoder has checked before."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        yield tag >> 3
        match tag & 7:
            case 0:
                _, position = _varint(data, position)
            case 1:
                position += 8
            case 2:
                length, position = _varint(data, position)
                position += length
            case 5:
                position += 4
            case _:
                return  # A group: its end is not worth looking for.


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
