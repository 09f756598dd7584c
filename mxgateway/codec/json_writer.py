"""The compiled JSON writer: Google's protobuf JSON, every field without presence printed.

It prints what `MessageToDict(..., always_print_fields_with_no_presence=True)` prints,
with the fields in the order of their numbers. It differs where Google's printer gives
up: a time beyond years 1 to 9999 or a span beyond 10,000 years is printed all the same
(see `Timestamp.to_json`), and an Any of a type that is not known prints its bytes.
"""

from __future__ import annotations

import json
import math
import struct
from base64 import b64encode
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import betterproto2

from mxgateway.codec.check import explain
from mxgateway.codec.decoder import decoder_for
from mxgateway.codec.enums import names
from mxgateway.codec.plan import DEPTH_LIMIT, FieldPlan, MessagePlan, plan_of
from mxgateway.codec.source import compile_function
from mxgateway.duration import Duration
from mxgateway.errors import DecodeError
from mxgateway.generated.google import protobuf
from mxgateway.generated.message_pool import default_message_pool
from mxgateway.timestamp import Timestamp

__all__ = ["to_json", "to_jsonable"]

_ToJson = Callable[[Any, int], Any]

_INT64 = frozenset({"int64", "uint64", "sint64", "fixed64", "sfixed64"})
_SINGLE = struct.Struct("<f")

_writers: dict[type, _ToJson] = {}


def to_jsonable(message: betterproto2.Message) -> Any:
    """Return a message as JSON types: a dict, for well-known types what JSON has for them.

    Raises:
        EncodeError: A field holds a value that its type cannot carry.
    """
    try:
        return _writer(type(message))(message, DEPTH_LIMIT)
    except (TypeError, ValueError, ArithmeticError, AttributeError, LookupError) as error:
        raise explain(message, error) from None


def to_json(
    message: betterproto2.Message, *, indent: int | None = None, sort_keys: bool = False
) -> str:
    """Return a message as protobuf JSON text, in ASCII.

    Args:
        message: The message.
        indent: Spaces per level; None for a single line.
        sort_keys: Sort the fields by name instead of by number.

    Raises:
        EncodeError: A field holds a value that its type cannot carry.
    """
    return json.dumps(to_jsonable(message), indent=indent, sort_keys=sort_keys)


def _writer(cls: type) -> _ToJson:
    writer = _writers.get(cls)
    if writer is None:
        writer = _well_known.get(cls) or _Generator(plan_of(cls)).function()
        _writers[cls] = writer
    return writer


def _double(value: Any) -> Any:
    if math.isfinite(value):
        return float(value)
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def _single(value: Any) -> Any:
    """The shortest number that is the same as a 32-bit float."""
    if not math.isfinite(value):
        return _double(value)
    try:
        bits = _SINGLE.pack(value)
    except OverflowError:
        return _double(math.copysign(math.inf, value))
    (exact,) = _SINGLE.unpack(bits)
    for digits in (6, 7, 8):
        short = float(f"{exact:.{digits}g}")
        if _SINGLE.pack(short) == bits:
            return short
    return float(f"{exact:.9g}")


def _base64(value: Any) -> str:
    return b64encode(value).decode("ascii")


def _timestamp(value: Any) -> str:
    if value.__class__ is not Timestamp:
        if not isinstance(value, datetime):
            raise TypeError
        value = Timestamp.from_datetime(value)
    text: str = value.to_json()
    return text


def _duration(value: Any) -> str:
    if not isinstance(value, timedelta):
        raise TypeError
    return Duration.from_timedelta(value).to_json()


class _Generator:
    """Writes the source of one class's JSON writer."""

    def __init__(self, plan: MessagePlan) -> None:
        self.plan = plan
        self.names: dict[str, Any] = {
            "double": _double,
            "single": _single,
            "base64": _base64,
            "timestamp": _timestamp,
            "duration": _duration,
        }

    def function(self) -> _ToJson:
        """Return the compiled function."""
        lines = ["def to_json(o, depth):", " if depth < 0: raise ValueError", " d = {}"]
        for f in self.plan.fields:
            key = repr(f.json_name)
            if f.entry is not None:
                k, v = self._map_key(f.entry[0]), self._value(f.entry[1], "v", f.name)
                lines.append(f" d[{key}] = {{{k}: {v} for k, v in o.{f.name}.items()}}")
            elif f.repeated:
                lines.append(f" d[{key}] = {self._list(f)}")
            elif f.presence:
                lines.append(f" v = o.{f.name}")
                lines.append(f" if v is not None: d[{key}] = {self._value(f, 'v', f.name)}")
            else:
                lines.append(f" d[{key}] = {self._value(f, f'o.{f.name}', f.name)}")
        lines.append(" return d")
        title = f"<JSON writer of {self.plan.cls.__name__}>"
        return compile_function("to_json", title, lines, self.names)

    def _list(self, f: FieldPlan) -> str:
        value = self._value(f, "v", f.name)
        if value == "v":
            return f"list(o.{f.name})"
        return f"[{value} for v in o.{f.name}]"

    @staticmethod
    def _map_key(f: FieldPlan) -> str:
        return {"string": "k", "bool": "'true' if k else 'false'"}.get(f.kind, "str(int(k))")

    def _value(self, f: FieldPlan, value: str, name: str) -> str:
        kind = f.kind
        if kind in _INT64:
            return f"str(int({value}))"
        if kind == "enum":
            self.names[f"names_{name}"] = names(f.cls)
            return f"names_{name}[{value}]"
        if kind in ("float", "double"):
            return f"{'single' if kind == 'float' else 'double'}({value})"
        if kind == "bytes":
            return f"base64({value})"
        if kind != "message":
            return value
        if f.wrapped:
            return self._wrapped(f, value, name)
        key, known, cls = f"json_{name}", self.names, f.cls

        def first(message: Any, depth: int) -> Any:
            known[key] = _writer(cls)
            return known[key](message, depth)

        known[key] = first
        return f"{key}({value}, depth - 1)"

    def _wrapped(self, f: FieldPlan, value: str, name: str) -> str:
        if f.cls is protobuf.Timestamp:
            return f"timestamp({value})"
        if f.cls is protobuf.Duration:
            return f"duration({value})"
        return self._value(plan_of(f.cls).fields[0], value, name)


def _write_any(message: protobuf.Any, depth: int) -> Any:
    if not message.type_url:
        return {}
    cls = default_message_pool.url_to_type.get(message.type_url)
    out: dict[str, Any] = {"@type": message.type_url}
    if cls is not None:
        try:
            inner = decoder_for(cls)(message.value)
        except DecodeError:
            cls = None
        else:
            if depth < 1:
                raise ValueError
            value = _writer(cls)(inner, depth - 1)
            return out | ({"value": value} if cls in _well_known else value)
    return out | {"value": _base64(message.value)}


def _write_wrapper(cls: type) -> _ToJson:
    write = _Generator(plan_of(cls)).function()
    return lambda message, depth: write(message, depth)["value"]


_well_known: dict[type, _ToJson] = {
    protobuf.Any: _write_any,
    protobuf.Timestamp: lambda message, _depth: message.to_wrapped().to_json(),
    protobuf.Duration: lambda message, _depth: message.to_wrapped().to_json(),
    **{
        cls: _write_wrapper(cls)
        for cls in (
            protobuf.BoolValue,
            protobuf.BytesValue,
            protobuf.DoubleValue,
            protobuf.FloatValue,
            protobuf.Int32Value,
            protobuf.Int64Value,
            protobuf.StringValue,
            protobuf.UInt32Value,
            protobuf.UInt64Value,
        )
    },
}
