"""One Python scalar to its wire value, with every rule of requirement `write.types`.

The rules: a bool is never a number; an int fits its width and, written to a
float, keeps its exact value; a float is finite and, written to 32 bits, is
rounded to the nearest but neither overflows nor vanishes; a time has a zone.
"""

from __future__ import annotations

import datetime as dt
import math
import struct
from dataclasses import dataclass
from typing import Any

from mxgateway.duration import Duration, nanoseconds_of
from mxgateway.generated.mxaccess_gateway.v1 import MxDataType
from mxgateway.timestamp import Timestamp

__all__ = ["RawValue", "RefusedError"]

_FLOAT32 = struct.Struct("<f")
_TICK = 100  # ns, the unit of the plant's clock


class RefusedError(ValueError):
    """The wire cannot hold the value; the text says why. Never leaves `mxgateway.values`."""


@dataclass(frozen=True, slots=True)
class RawValue:
    """A VARIANT that the gateway could not convert, kept as it came.

    Attributes:
        data: The bytes.
        diagnostic: What the gateway says about it.
        raw_data_type: The native data type number, not an `MxDataType`.
        data_type: The `MxDataType`, which may be a number without a name.
        variant_type: The VARIANT tag as text, for example "VT_DECIMAL".
    """

    data: bytes
    diagnostic: str = ""
    raw_data_type: int = 0
    data_type: MxDataType = MxDataType.UNSPECIFIED
    variant_type: str = ""


def is_bool(value: object) -> bool:
    return isinstance(value, bool)


def is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_str(value: object) -> bool:
    return isinstance(value, str)


def is_datetime(value: object) -> bool:
    return isinstance(value, dt.datetime)


def is_elapsed(value: object) -> bool:
    return isinstance(value, dt.timedelta) or is_number(value)


def is_raw(value: object) -> bool:
    return isinstance(value, bytes | bytearray | memoryview | RawValue)


def to_bool(value: bool) -> bool:
    return value


def to_int32(value: int) -> int:
    return _to_int(value, 32)


def to_int64(value: int) -> int:
    return _to_int(value, 64)


def fits_int32(value: int) -> bool:
    """Return whether `value` fits 32 bits with sign."""
    return -(1 << 31) <= value < 1 << 31


def _to_int(value: int, bits: int) -> int:
    limit = 1 << (bits - 1)
    if not -limit <= value < limit:
        raise RefusedError(f"{_number(value)} is outside {-limit} to {limit - 1}")
    return int(value)


def to_double(value: float) -> float:
    if isinstance(value, int):
        return _exact(value, _as_double(value), "a float")
    _check_finite(value)
    return float(value)


def to_float32(value: float) -> float:
    _check_finite(number := _as_double(value))
    try:
        (rounded,) = _FLOAT32.unpack(_FLOAT32.pack(number))
    except OverflowError:
        raise RefusedError(f"{_number(value)} is too large for a float of 32 bits") from None
    if isinstance(value, int):
        return _exact(value, rounded, "a float of 32 bits")
    if rounded == 0.0 and value != 0.0:
        raise RefusedError(f"{value!r} is too small for a float of 32 bits; it would become 0")
    return float(rounded)


def _as_double(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise RefusedError(f"{_number(value)} is too large for a float") from None


def _exact(value: int, converted: float, what: str) -> float:
    if int(converted) != value:
        raise RefusedError(
            f"{_number(value)} has no exact form as {what}; it would become {converted!r}. "
            "Give a float if that is meant"
        )
    return converted


def _check_finite(value: float) -> None:
    if not math.isfinite(value):
        raise RefusedError(f"{value!r} is no number that a tag can hold; write a finite one")


def _number(value: float) -> str:
    # Python refuses to print an int of more than 4300 digits.
    if isinstance(value, int) and value.bit_length() > 256:
        return f"an int of {value.bit_length()} bits"
    return repr(value)


def to_text(value: str) -> str:
    text = str.__str__(value)
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise RefusedError(
            f"the character at index {exc.start} is half of a surrogate pair and has no UTF-8 form"
        ) from None
    return text


def to_timestamp(value: dt.datetime) -> Timestamp:
    if value.utcoffset() is None:
        raise RefusedError(
            "a datetime without a time zone names no instant, the plant's clock is UTC; "
            "add one, for example value.replace(tzinfo=datetime.UTC) or value.astimezone()"
        )
    if isinstance(value, Timestamp):
        return value
    try:
        return Timestamp.from_datetime(value)
    except (OverflowError, ValueError):
        raise RefusedError("the instant lies outside the years 1 to 9999 in UTC") from None


def to_seconds(value: dt.timedelta | float) -> float:
    if not isinstance(value, dt.timedelta):
        return to_double(value)
    seconds = value.total_seconds()
    # A double has room for 100 ns up to 2**29 s, about 17 years, for the microseconds up to
    # 2**33 s, about 272 years.
    back = from_seconds(seconds)
    if (
        not isinstance(back, dt.timedelta)
        or abs(nanoseconds_of(back) - nanoseconds_of(value)) >= _TICK
    ):
        raise RefusedError(
            f"{value} loses digits of its microseconds as seconds in a float; round it first"
        )
    return seconds


def from_seconds(seconds: float) -> Duration | float:
    """Return seconds as a Duration; NaN and what no timedelta can hold stay a float.

    It is rounded to the 100 ns of the plant's clock, or to the microsecond where a
    double of that size has no room for them: the digits behind are noise.
    """
    try:
        rounded = Duration.from_timedelta(dt.timedelta(seconds=seconds))
    except (OverflowError, ValueError):
        return seconds
    if math.ulp(seconds) * 1e9 >= _TICK:
        return rounded
    return Duration.from_nanoseconds(round(seconds * (1e9 / _TICK)) * _TICK)


def from_ticks(ticks: int) -> Duration:
    """Return an elapsed time that came as a 64-bit count of 100 ns."""
    return Duration.from_nanoseconds(ticks * _TICK)


def to_raw(value: Any) -> bytes:
    return value.data if isinstance(value, RawValue) else bytes(value)
