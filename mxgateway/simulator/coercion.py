"""Scalar conversions that a written value goes through (MXAccess reference, section 3)."""

from __future__ import annotations

import math
import struct
from datetime import datetime
from typing import Any

__all__ = [
    "CoercionError",
    "to_bool",
    "to_double",
    "to_float",
    "to_int",
    "to_label",
    "to_struct",
    "to_text",
    "to_time",
]

_BEYOND = 1 << 1023  # of what fits into a 64-bit float
_INT32 = range(-(1 << 31), 1 << 31)


class CoercionError(ValueError):
    """The value cannot be converted to the type of the attribute."""


def _no(value: Any, what: str) -> CoercionError:
    return CoercionError(f"{type(value).__name__} cannot be converted to {what}")


def _number(value: Any, what: str) -> float | int:
    if isinstance(value, int) and abs(value) >= _BEYOND:
        raise CoercionError(f"out of the range of {what}")
    if isinstance(value, int | float):
        return value
    if isinstance(value, str):
        if "_" in value:  # which Python allows between digits, and nobody else does
            raise CoercionError(f"the text cannot be read as {what}")
        try:
            number = int(value)
        except ValueError:
            try:
                return float(value)
            except ValueError:
                raise CoercionError(f"the text cannot be read as {what}") from None
        return _number(number, what)
    raise _no(value, what)


def to_bool(value: Any) -> bool:
    """Convert to Boolean."""
    if isinstance(value, str):
        text = value.strip().lower()
        if text in ("true", "-1", "1"):
            return True
        if text in ("false", "0"):
            return False
        raise CoercionError("the text cannot be read as Boolean")
    return bool(_number(value, "Boolean"))


def to_int(value: Any) -> int:
    """Convert to Integer, rounding halves to the even neighbour."""
    number = _number(value, "Integer")
    if not math.isfinite(number):
        raise CoercionError("not a finite number")
    whole = round(number)
    if whole not in _INT32:
        raise CoercionError("out of the range of a 32-bit integer")
    return whole


def to_float(value: Any) -> float:
    """Convert to Float, rounded to what 32 bits hold."""
    number = float(_number(value, "Float"))
    try:
        result: float = struct.unpack("<f", struct.pack("<f", number))[0]
    except OverflowError:
        raise CoercionError("out of the range of a 32-bit float") from None
    return result


def to_double(value: Any) -> float:
    """Convert to Double or ElapsedTime."""
    try:
        return float(_number(value, "Double"))
    except OverflowError:
        raise CoercionError("out of the range of a 64-bit float") from None


def to_text(value: Any) -> str:
    """Convert to one of the text types."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    raise _no(value, "String")


def to_time(value: Any) -> datetime:
    """Convert to Time; text is read as ISO 8601."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise CoercionError("the text cannot be read as Time; give ISO 8601") from None
    if not isinstance(value, datetime):
        raise _no(value, "Time")
    if value.tzinfo is None:
        raise CoercionError("the time has no time zone")
    return value


def to_struct(value: Any) -> bytes:
    """Take the bytes of a QualifiedStruct."""
    if isinstance(value, bytes):
        return value
    raise _no(value, "QualifiedStruct")


def to_label(value: Any) -> str:
    """Convert to the label of a QualifiedEnum."""
    if isinstance(value, bool):
        # MXAccess reference, section 3: Boolean cannot be written to a QualifiedEnum.
        raise _no(value, "QualifiedEnum")
    return to_text(value)
