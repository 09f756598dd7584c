"""Why a message cannot be written: the checks behind EncodeError, field by field.

The compiled encoder and JSON writer only notice that something is wrong; this module
then walks through the message and says what and where.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import betterproto2

from mxgateway.codec.plan import DEPTH_LIMIT, FieldPlan, plan_of
from mxgateway.duration import Duration
from mxgateway.errors import EncodeError
from mxgateway.generated.google.protobuf import Duration as DurationMessage
from mxgateway.generated.google.protobuf import Timestamp as TimestampMessage

__all__ = ["explain"]

_RANGES = {
    **dict.fromkeys(("int32", "sint32", "sfixed32", "enum"), (-(1 << 31), (1 << 31) - 1)),
    **dict.fromkeys(("int64", "sint64", "sfixed64"), (-(1 << 63), (1 << 63) - 1)),
    **dict.fromkeys(("uint32", "fixed32"), (0, (1 << 32) - 1)),
    **dict.fromkeys(("uint64", "fixed64"), (0, (1 << 64) - 1)),
}


def explain(message: Any, error: Exception) -> EncodeError:
    """Return the error for a message that could not be written.

    Args:
        message: What was to be written.
        error: How it failed; the reason of last resort.
    """
    name = type(message).__name__
    if not isinstance(message, betterproto2.Message):
        return EncodeError(name, "*", f"not a message but a {name}")
    found = _in_message(message, DEPTH_LIMIT)
    return found or EncodeError(name, "*", f"{type(error).__name__}: {error}")


def _in_message(message: Any, depth: int) -> EncodeError | None:
    plan = plan_of(type(message))
    name = type(message).__name__
    if not isinstance(message._unknown_fields, bytes | bytearray):
        return EncodeError(name, "_unknown_fields", "not bytes")
    chosen: dict[str, str] = {}
    for f in plan.fields:
        value = getattr(message, f.name)
        if value is None and f.presence and not f.repeated:
            continue
        if f.group is not None:
            other = chosen.setdefault(f.group, f.name)
            if other != f.name:
                return EncodeError(
                    name,
                    f.name,
                    f"{other} is set as well, and the oneof {f.group} takes one; "
                    "set the other to None",
                )
        error = _in_field(name, f, value, depth)
        if error is not None:
            return error
    return None


def _in_field(owner: str, f: FieldPlan, value: Any, depth: int) -> EncodeError | None:
    if f.entry is not None:
        if not isinstance(value, Mapping):
            return EncodeError(owner, f.name, f"a dict is wanted, not {_shown(value)}")
        pairs = [(part, v) for pair in value.items() for part, v in zip(f.entry, pair, strict=True)]
        depth -= 1
    elif f.repeated:
        if not isinstance(value, list | tuple):
            return EncodeError(owner, f.name, f"a list is wanted, not {_shown(value)}")
        pairs = [(f, v) for v in value]
    else:
        pairs = [(f, value)]
    for part, item in pairs:
        if part.kind == "message" and not part.wrapped and isinstance(item, part.cls):
            if depth < 1:
                reason = f"nested more than {DEPTH_LIMIT} levels deep, or it contains itself"
                return EncodeError(owner, f.name, reason)
            error = _in_message(item, depth - 1)
            if error is not None:
                return error
            continue
        reason_found = _reason(part, item)
        if reason_found:
            return EncodeError(owner, f.name, reason_found)
    return None


def _reason(f: FieldPlan, value: Any) -> str:
    """Return what is wrong with one value, or an empty text."""
    if f.kind == "message":
        return _wrapped_reason(f, value) if f.wrapped else _wanted(f.cls.__name__, value)
    if f.kind in _RANGES:
        if not isinstance(value, int):
            return _wanted("int", value)
        low, high = _RANGES[f.kind]
        if not low <= value <= high:
            return f"{value} does not fit in {'int32' if f.kind == 'enum' else f.kind}"
        return ""
    if f.kind == "bool":
        return "" if isinstance(value, int) else _wanted("bool", value)
    if f.kind in ("float", "double"):
        return _float_reason(value)
    if f.kind == "bytes":
        return "" if isinstance(value, bytes | bytearray | memoryview) else _wanted("bytes", value)
    if not isinstance(value, str):
        return _wanted("str", value)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        return f"the character at index {error.start} is half of a surrogate pair, no text"
    return ""


def _float_reason(value: Any) -> str:
    if not hasattr(value, "__float__") and not hasattr(value, "__index__"):
        return _wanted("float", value)
    try:
        float(value)
    except OverflowError:
        return "the number does not fit in double"
    return ""


def _wrapped_reason(f: FieldPlan, value: Any) -> str:
    if f.cls is TimestampMessage:
        if not isinstance(value, datetime):
            return _wanted("datetime", value)
        if value.utcoffset() is None:
            return "a naive datetime names no point in time; give it a tzinfo, such as UTC"
        return ""
    if f.cls is DurationMessage:
        if not isinstance(value, timedelta):
            return _wanted("timedelta", value)
        if not isinstance(value, Duration) and Duration.from_timedelta(value).out_of_range:
            return "the span is longer than the 10,000 years of google.protobuf.Duration"
        return ""
    return _reason(plan_of(f.cls).fields[0], value)


def _wanted(wanted: str, value: Any) -> str:
    return f"{wanted} is wanted, not {_shown(value)}"


def _shown(value: Any) -> str:
    # Only the type: the value may be a password.
    return "None" if value is None else f"a value of type {type(value).__name__}"
