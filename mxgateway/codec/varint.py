"""Varints, fast: readers for the compiled decoder, writers for the compiled encoder.

The readers do not look at the end of the message; they may run over it, up to the end of
the buffer, where they raise IndexError. The compiled decoder compares positions after.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = [
    "VARINTS",
    "WRITERS",
    "read_any_varint",
    "read_int32",
    "read_int64",
    "read_long_length",
    "read_uint32",
]

SMALL = 2048


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


# The varints of the small numbers: handles, lengths, qualities, enums.
VARINTS: tuple[bytes, ...] = tuple(_varint(n) for n in range(SMALL))


def read_any_varint(buf: bytes, pos: int) -> tuple[int, int]:
    """Return an unsigned 64-bit varint and the position after it.

    Raises:
        IndexError: The buffer ends inside.
        ValueError: It has more than 10 bytes.
    """
    value = buf[pos] & 127 | (buf[pos + 1] & 127) << 7
    byte = buf[pos + 2]
    if byte < 128:
        return value | byte << 14, pos + 3
    value |= (byte & 127) << 14
    shift = 21
    pos += 3
    while shift < 70:
        byte = buf[pos]
        pos += 1
        if byte < 128:
            return (value | byte << shift) & 0xFFFF_FFFF_FFFF_FFFF, pos
        value |= (byte & 127) << shift
        shift += 7
    raise ValueError


def read_long_length(buf: bytes, pos: int) -> tuple[int, int]:
    """Return a length of three bytes or more; as `read_any_varint`, but of 5 bytes at most."""
    value, after = read_any_varint(buf, pos)
    if after - pos > 5:
        raise ValueError
    return value, after


def read_int32(buf: bytes, pos: int) -> tuple[int, int]:
    """Return a varint of three bytes or more as int32; as `read_any_varint`."""
    value, pos = read_any_varint(buf, pos)
    return ((value & 0xFFFF_FFFF) ^ 0x8000_0000) - 0x8000_0000, pos


def read_int64(buf: bytes, pos: int) -> tuple[int, int]:
    """Return a varint of three bytes or more as int64; as `read_any_varint`."""
    value, pos = read_any_varint(buf, pos)
    return (value ^ 0x8000_0000_0000_0000) - 0x8000_0000_0000_0000, pos


def read_uint32(buf: bytes, pos: int) -> tuple[int, int]:
    """Return a varint of three bytes or more as uint32; as `read_any_varint`."""
    value, pos = read_any_varint(buf, pos)
    return value & 0xFFFF_FFFF, pos


def _writer(low: int, high: int) -> Callable[[Any], bytes]:
    def write(value: Any) -> bytes:
        if not isinstance(value, int):
            raise TypeError
        if not low <= value <= high:
            raise OverflowError
        return _varint(value & 0xFFFF_FFFF_FFFF_FFFF)

    return write


def _zigzag(bits: int) -> Callable[[Any], bytes]:
    def write(value: Any) -> bytes:
        if not isinstance(value, int):
            raise TypeError
        if not -(1 << (bits - 1)) <= value < 1 << (bits - 1):
            raise OverflowError
        return _varint((value << 1) ^ (value >> (bits - 1)))

    return write


write_int32 = _writer(-(1 << 31), (1 << 31) - 1)
write_int64 = _writer(-(1 << 63), (1 << 63) - 1)

# A whole number of each type; TypeError for another type, OverflowError out of range.
WRITERS: dict[str, Callable[[Any], bytes]] = {
    "int32": write_int32,
    "enum": write_int32,
    "int64": write_int64,
    "uint32": _writer(0, (1 << 32) - 1),
    "uint64": _writer(0, (1 << 64) - 1),
    "sint32": _zigzag(32),
    "sint64": _zigzag(64),
}
