"""Times on the wire: google.protobuf.Timestamp and Duration straight to and from Python values."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import Any

from mxgateway.codec.varint import VARINTS, write_int32, write_int64
from mxgateway.codec.wire import read_tag, read_varint, skip
from mxgateway.duration import Duration
from mxgateway.timestamp import Timestamp, unix_parts

__all__ = ["decode_timestamp", "encode_duration", "encode_timestamp"]

# Also takes a state, which the type stubs do not know.
_new: Any = datetime.__new__

# A time of our days is 12 bytes: tag, 5 bytes of seconds, tag, 5 bytes of nanoseconds
# (or 4, where those are below 2**28).
_unpack_12 = struct.Struct("<7s5B").unpack_from
_unpack_11 = struct.Struct("<7s4B").unpack_from
# What the continuation bits of a 5-byte and a 4-byte varint add up to.
_BITS_5 = (1 << 7) + (1 << 14) + (1 << 21) + (1 << 28)
_BITS_4 = (1 << 7) + (1 << 14) + (1 << 21)

# The events of one second share their first 7 bytes and, in the decoded datetime, all
# fields down to the second. From those bytes to the first 7 bytes of the datetime's
# state (the form in which it is pickled). Bounded; emptied when full.
_seconds: dict[bytes, bytes] = {}
_MAX_SECONDS_KEPT = 1024
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def decode_timestamp(buf: bytes, pos: int, end: int) -> Timestamp:
    """Return the Timestamp that lies in `buf[pos:end]`.

    Raises:
        MalformedError: It is no google.protobuf.Timestamp.
    """
    length = end - pos
    if length == 12:
        key, a, b, c, d, e = _unpack_12(buf, pos)
        prefix = _seconds.get(key) or _learn(key)
        if prefix is not None and a & b & c & d > 127 > e:
            nanos = a + (b << 7) + (c << 14) + (d << 21) + (e << 28) - _BITS_5
            micro = nanos // 1000
            if micro < 1_000_000:
                moment: Timestamp = _new(Timestamp, prefix + micro.to_bytes(3, "big"), UTC)
                moment._ns = nanos - micro * 1000
                return moment
    elif length == 11:
        key, a, b, c, d = _unpack_11(buf, pos)
        prefix = _seconds.get(key) or _learn(key)
        if prefix is not None and a & b & c > 127 > d:
            nanos = a + (b << 7) + (c << 14) + (d << 21) - _BITS_4
            micro = nanos // 1000
            moment = _new(Timestamp, prefix + micro.to_bytes(3, "big"), UTC)
            moment._ns = nanos - micro * 1000
            return moment
    return _decode_any_timestamp(buf, pos, end)


def _decode_any_timestamp(buf: bytes, pos: int, end: int) -> Timestamp:
    seconds = nanos = 0
    while pos < end:
        tag, pos = read_tag(buf, pos, end)
        if tag == 8:
            seconds, pos = read_varint(buf, pos, end)
        elif tag == 16:
            nanos, pos = read_varint(buf, pos, end)
        else:
            pos = skip(buf, pos, end, tag, 1)
    seconds = seconds - (1 << 64) if seconds >> 63 else seconds
    nanos = (nanos & 0xFFFF_FFFF ^ 0x8000_0000) - 0x8000_0000
    return Timestamp.from_unix(seconds, nanos)


def _learn(head: bytes) -> bytes | None:
    """Return and keep the state of the second that the first 7 bytes name; None for another form.

    The form: tag 1, a varint of exactly five bytes, tag 2.
    """
    if head[0] != 8 or head[6] != 16 or min(head[1:5]) < 128 or head[5] > 127:
        return None
    _, a, b, c, d, e, _ = head
    seconds = a + (b << 7) + (c << 14) + (d << 21) + (e << 28) - _BITS_5
    if len(_seconds) >= _MAX_SECONDS_KEPT:
        _seconds.clear()
    state = _seconds[head] = _state(_EPOCH + timedelta(0, seconds))
    return state


def _state(moment: datetime) -> bytes:
    return moment.year.to_bytes(2, "big") + bytes(
        (moment.month, moment.day, moment.hour, moment.minute, moment.second)
    )


def encode_timestamp(moment: Any) -> bytes:
    """Return an aware datetime or Timestamp as the body of a google.protobuf.Timestamp.

    Raises:
        ValueError: The datetime is naive.
        TypeError: It is no datetime.
    """
    if not isinstance(moment, datetime):
        raise TypeError
    seconds, nanos = unix_parts(moment)
    return _encode_parts(seconds, nanos)


def encode_duration(delta: Any) -> bytes:
    """Return a timedelta or Duration as the body of a google.protobuf.Duration.

    Raises:
        ValueError: A timedelta beyond 10,000 years; a Duration of any length is written.
        TypeError: It is no timedelta.
    """
    if not isinstance(delta, timedelta):
        raise TypeError
    exact = Duration.from_timedelta(delta)
    if exact.out_of_range and exact is not delta:
        raise ValueError
    seconds, nanos = exact.to_wire()
    return _encode_parts(seconds, nanos)


def _encode_parts(seconds: int, nanos: int) -> bytes:
    out = b""
    if seconds:
        out = b"\x08" + (VARINTS[seconds] if 0 < seconds < 2048 else write_int64(seconds))
    if nanos:
        out += b"\x10" + write_int32(nanos)
    return out
