"""A message with every type, cardinality and oddity of proto3 that the contract does not use.

Once for betterproto2, written by hand, and once for Google, from the same definition.
"""

from __future__ import annotations

import datetime as dt
import functools
import importlib
import importlib.resources
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import betterproto2
from grpc_tools import protoc

from mxgateway.generated.google import protobuf

__all__ = ["Color", "EveryType", "Plain", "google_every_type"]

SCALARS = [
    *("bool", "int32", "int64", "uint32", "uint64", "sint32", "sint64"),
    *("fixed32", "fixed64", "sfixed32", "sfixed64", "float", "double", "string", "bytes"),
]

PROTO = (
    """
syntax = "proto3";
package every_type;
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
enum Color { COLOR_UNSPECIFIED = 0; COLOR_RED = 1; COLOR_MINUS = -7; }
message Plain { int32 number = 1; string text = 2; }
message EveryType {
"""
    + "".join(
        f"  {kind} one_{kind} = {i};\n"
        f"  optional {kind} maybe_{kind} = {i + 100};\n"
        f"  repeated {kind} many_{kind} = {i + 200};\n"
        for i, kind in enumerate(SCALARS, start=1)
    )
    + """
  Color one_enum = 16;
  optional Color maybe_enum = 116;
  repeated Color many_enum = 216;
  oneof scattered {
    int32 first = 310;
    Plain second = 312;
    string third = 320;
    google.protobuf.Timestamp fourth = 3000;
  }
  bool between = 311;
  map<string, int32> numbers = 330;
  map<int32, Plain> messages = 331;
  map<bool, Color> colors = 332;
  map<sint64, google.protobuf.Timestamp> times = 333;
  google.protobuf.Duration span = 340;
  repeated google.protobuf.Duration spans = 341;
  google.protobuf.BoolValue wrapped_bool = 342;
  google.protobuf.Int64Value wrapped_int64 = 343;
  google.protobuf.DoubleValue wrapped_double = 344;
  google.protobuf.StringValue wrapped_string = 345;
  google.protobuf.BytesValue wrapped_bytes = 346;
  repeated google.protobuf.Int32Value wrapped_list = 347;
  google.protobuf.Any any = 350;
  EveryType nested = 351;
  int32 class = 360;
  string far = 536870911;
}
"""
)


class Color(betterproto2.Enum):
    UNSPECIFIED = 0
    RED = 1
    MINUS = -7

    @classmethod
    def betterproto_value_to_renamed_proto_names(cls) -> dict[int, str]:
        return {0: "COLOR_UNSPECIFIED", 1: "COLOR_RED", -7: "COLOR_MINUS"}


@dataclass(eq=False, repr=False)
class Plain(betterproto2.Message):
    number: int = betterproto2.field(1, betterproto2.TYPE_INT32)
    text: str = betterproto2.field(2, betterproto2.TYPE_STRING)


def _wrapper(number: int, name: str, **more: Any) -> Any:
    return betterproto2.field(
        number, betterproto2.TYPE_MESSAGE, unwrap=lambda: getattr(protobuf, name), **more
    )


def _fields() -> dict[str, tuple[Any, Any]]:
    python = {"bool": bool, "float": float, "double": float, "string": str, "bytes": bytes}
    field = betterproto2.field
    out: dict[str, tuple[Any, Any]] = {}
    for i, kind in enumerate(SCALARS, start=1):
        hint = python.get(kind, int)
        out[f"one_{kind}"] = hint, field(i, kind)
        out[f"maybe_{kind}"] = hint | None, field(i + 100, kind, optional=True)
        out[f"many_{kind}"] = list[hint], field(i + 200, kind, repeated=True)  # type: ignore[valid-type]
    message = betterproto2.TYPE_MESSAGE
    group: dict[str, Any] = {"optional": True, "group": "scattered"}
    out |= {
        "one_enum": (Color, field(16, "enum", default_factory=lambda: Color(0))),
        "maybe_enum": (Color | None, field(116, "enum", optional=True)),
        "many_enum": (list[Color], field(216, "enum", repeated=True)),
        "first": (int | None, field(310, "int32", **group)),
        "second": (Plain | None, field(312, message, **group)),
        "third": (str | None, field(320, "string", **group)),
        "fourth": (dt.datetime | None, _wrapper(3000, "Timestamp", **group)),
        "between": (bool, field(311, "bool")),
        "numbers": (dict[str, int], _map(330, "string", "int32")),
        "messages": (dict[int, Plain], _map(331, "int32", "message")),
        "colors": (dict[bool, Color], _map(332, "bool", "enum")),
        "times": (dict[int, dt.datetime], _map(333, "sint64", "message", "Timestamp")),
        "span": (dt.timedelta | None, _wrapper(340, "Duration", optional=True)),
        "spans": (list[dt.timedelta], _wrapper(341, "Duration", repeated=True)),
        "wrapped_bool": (bool | None, _wrapper(342, "BoolValue", optional=True)),
        "wrapped_int64": (int | None, _wrapper(343, "Int64Value", optional=True)),
        "wrapped_double": (float | None, _wrapper(344, "DoubleValue", optional=True)),
        "wrapped_string": (str | None, _wrapper(345, "StringValue", optional=True)),
        "wrapped_bytes": (bytes | None, _wrapper(346, "BytesValue", optional=True)),
        "wrapped_list": (list[int], _wrapper(347, "Int32Value", repeated=True)),
        "any": (protobuf.Any | None, field(350, message, optional=True)),
        "nested": ("EveryType | None", field(351, message, optional=True)),
        "class_": (int, field(360, "int32")),
        "far": (str, field(536_870_911, "string")),
    }
    return out


def _map(number: int, key: str, value: str, unwrap: str | None = None) -> Any:
    unwrap_2 = (lambda: getattr(protobuf, unwrap)) if unwrap else None
    meta = betterproto2.map_meta(key, value, unwrap_2=unwrap_2)
    return betterproto2.field(number, betterproto2.TYPE_MAP, map_meta=meta)


def _every_type() -> Any:
    fields = _fields()
    namespace: dict[str, Any] = {name: value for name, (_, value) in fields.items()}
    namespace["__annotations__"] = {name: hint for name, (hint, _) in fields.items()}
    namespace["__module__"] = __name__
    return dataclass(eq=False, repr=False)(type("EveryType", (betterproto2.Message,), namespace))


EveryType: Any = _every_type()


@functools.cache
def google_every_type() -> Any:
    """Return Google's class of the same message."""
    with tempfile.TemporaryDirectory(prefix="every-type-") as name:
        folder = Path(name)
        (folder / "every_type.proto").write_text(PROTO, encoding="utf-8")
        with importlib.resources.as_file(
            importlib.resources.files("grpc_tools") / "_proto"
        ) as include:
            arguments = ["protoc", f"-I{folder}", f"-I{include}", f"--python_out={folder}"]
            assert protoc.main([*arguments, "every_type.proto"]) == 0
        writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        sys.path.insert(0, name)
        importlib.invalidate_caches()
        try:
            return importlib.import_module("every_type_pb2").EveryType
        finally:
            sys.path.remove(name)
            sys.dont_write_bytecode = writes
