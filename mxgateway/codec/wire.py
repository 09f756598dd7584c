"""The wire format's smallest parts, checked: varints, tags, lengths, fields to pass over.

Every reader takes the buffer, a position and the end of the message it reads in, and
raises MalformedError with the exact place where the bytes stop making sense.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from mxgateway.codec.plan import END_GROUP, FIXED32, FIXED64, GROUP, LENGTH, VARINT

__all__ = ["READERS", "MalformedError", "read_length", "read_tag", "read_varint", "skip"]

_MASK64 = (1 << 64) - 1
_MAX_TAG = (1 << 32) - 1


class MalformedError(Exception):
    """Bytes that are no message: where, counted from the start of the buffer, and why."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(offset, reason)
        self.offset = offset
        self.reason = reason


def read_varint(buf: bytes, pos: int, end: int) -> tuple[int, int]:
    """Return an unsigned 64-bit varint and the position after it.

    Raises:
        MalformedError: The message ends inside, or the varint has more than 10 bytes.
    """
    start = pos
    value = shift = 0
    while pos < end:
        byte = buf[pos]
        pos += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & _MASK64, pos
        shift += 7
        if shift == 70:
            raise MalformedError(start, "varint of more than 10 bytes")
    raise MalformedError(end, "the message ends inside a varint")


def read_tag(buf: bytes, pos: int, end: int) -> tuple[int, int]:
    """Return a tag (field number and wire type) and the position after it.

    Raises:
        MalformedError: The message ends inside, the number is 0 or too large, or the wire
            type is not defined.
    """
    tag, after = read_varint(buf, pos, end)
    if after - pos > 5 or tag > _MAX_TAG:
        raise MalformedError(pos, "field number above 536870911")
    if tag < 8:
        raise MalformedError(pos, "field number 0")
    if tag & 7 > FIXED32:
        raise MalformedError(pos, f"field {tag >> 3} has the undefined wire type {tag & 7}")
    return tag, after


def read_length(buf: bytes, pos: int, end: int) -> tuple[int, int]:
    """Return where a length-delimited value starts and where it ends.

    Raises:
        MalformedError: The message ends inside, or the length has more than 5 bytes.
    """
    length, start = read_varint(buf, pos, end)
    if start - pos > 5:
        raise MalformedError(pos, "length of more than 5 bytes")
    if length > end - start:
        raise MalformedError(
            end, f"the message ends inside a value of {length} bytes, {end - start} are there"
        )
    return start, start + length


def skip(buf: bytes, pos: int, end: int, tag: int, depth: int) -> int:
    """Return the position after the value of a field with this tag; groups are passed whole.

    Raises:
        MalformedError: The message ends inside, or groups do not match or nest too deeply.
    """
    wire_type = tag & 7
    if wire_type == VARINT:
        return read_varint(buf, pos, end)[1]
    if wire_type == LENGTH:
        return read_length(buf, pos, end)[1]
    if wire_type == GROUP:
        return _skip_group(buf, pos, end, tag, depth)
    if wire_type == END_GROUP:
        raise MalformedError(pos, f"end of group {tag >> 3}, which was not started")
    after = pos + (8 if wire_type == FIXED64 else 4)
    if after > end:
        raise MalformedError(end, "the message ends inside a number")
    return after


def _skip_group(buf: bytes, pos: int, end: int, tag: int, depth: int) -> int:
    open_groups = [tag]
    while open_groups:
        if len(open_groups) > depth:
            raise MalformedError(pos, "nested more than 100 levels deep")
        if pos >= end:
            raise MalformedError(end, f"the message ends inside group {open_groups[-1] >> 3}")
        start = pos
        inner, pos = read_tag(buf, pos, end)
        if inner & 7 == GROUP:
            open_groups.append(inner)
        elif inner & 7 == END_GROUP:
            if inner >> 3 != open_groups.pop() >> 3:
                raise MalformedError(start, f"end of group {inner >> 3}, which was not started")
        else:
            pos = skip(buf, pos, end, inner, depth)
    return pos


Reader = Callable[[bytes, int, int], tuple[Any, int]]


def _signed(bits: int) -> Reader:
    sign, mask = 1 << (bits - 1), (1 << bits) - 1

    def read(buf: bytes, pos: int, end: int) -> tuple[int, int]:
        value, pos = read_varint(buf, pos, end)
        return ((value & mask) ^ sign) - sign, pos

    return read


def _unsigned(bits: int) -> Reader:
    mask = (1 << bits) - 1

    def read(buf: bytes, pos: int, end: int) -> tuple[int, int]:
        value, pos = read_varint(buf, pos, end)
        return value & mask, pos

    return read


def _zigzag(bits: int) -> Reader:
    mask = (1 << bits) - 1

    def read(buf: bytes, pos: int, end: int) -> tuple[int, int]:
        value, pos = read_varint(buf, pos, end)
        value &= mask
        return (value >> 1) ^ -(value & 1), pos

    return read


def _fixed(form: str) -> Reader:
    unpack = struct.Struct(form).unpack_from
    size = struct.calcsize(form)

    def read(buf: bytes, pos: int, end: int) -> tuple[Any, int]:
        if pos + size > end:
            raise MalformedError(end, "the message ends inside a number")
        return unpack(buf, pos)[0], pos + size

    return read


def _read_bool(buf: bytes, pos: int, end: int) -> tuple[bool, int]:
    value, pos = read_varint(buf, pos, end)
    return value != 0, pos


def _read_bytes(buf: bytes, pos: int, end: int) -> tuple[bytes, int]:
    start, stop = read_length(buf, pos, end)
    return buf[start:stop], stop


def _read_string(buf: bytes, pos: int, end: int) -> tuple[str, int]:
    start, stop = read_length(buf, pos, end)
    try:
        return buf[start:stop].decode(), stop
    except UnicodeDecodeError as error:
        raise MalformedError(
            start + error.start, f"a string is not UTF-8 ({error.reason})"
        ) from None


# A value of each protobuf type, an enum as its number.
READERS: dict[str, Reader] = {
    "bool": _read_bool,
    "enum": _signed(32),
    "int32": _signed(32),
    "int64": _signed(64),
    "uint32": _unsigned(32),
    "uint64": _unsigned(64),
    "sint32": _zigzag(32),
    "sint64": _zigzag(64),
    "fixed32": _fixed("<I"),
    "fixed64": _fixed("<Q"),
    "sfixed32": _fixed("<i"),
    "sfixed64": _fixed("<q"),
    "float": _fixed("<f"),
    "double": _fixed("<d"),
    "string": _read_string,
    "bytes": _read_bytes,
}
