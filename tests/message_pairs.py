"""Every message of the contract twice: betterproto2's class and Google's, and random contents.

`pairs(google)` gives the classes; `google_messages_of(cls)` is a hypothesis strategy of
filled Google messages, written from descriptors alone, so that nothing of the codec
under test takes part in making its input.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google_messages import GoogleModules
from hypothesis import strategies as st

import mxgateway.generated.galaxy_repository.v1 as galaxy
import mxgateway.generated.google.rpc as rpc
import mxgateway.generated.mxaccess_gateway.v1 as gateway
import mxgateway.generated.mxaccess_worker.v1 as worker

__all__ = ["google_messages_of", "message_names", "pair", "without_hidden_unknowns"]

_MODULES = {"gateway": gateway, "galaxy": galaxy, "worker": worker, "status": rpc}

MIN_SECONDS = -62_135_596_800
MAX_SECONDS = 253_402_300_799
DURATION_SECONDS = 315_576_000_000


def message_names() -> list[str]:
    """Return `file.Message` for every message class of the contract."""
    return [
        f"{file}.{name}"
        for file, module in _MODULES.items()
        for name in module.__all__
        if hasattr(getattr(module, name), "FromString")
    ]


def pair(google: GoogleModules, name: str) -> tuple[type[Any], type[Message]]:
    """Return betterproto2's class and Google's for a name of `message_names`."""
    file, _, message = name.partition(".")
    return getattr(_MODULES[file], message), getattr(getattr(google, f"{file}_pb2"), message)


def _edges(low: int, high: int) -> st.SearchStrategy[int]:
    near = [0, 1, 127, 128, 2047, 2048, 16383, 16384, 1 << 21, 1 << 28, 1 << 35, low, high, -1]
    return st.sampled_from([n for n in near if low <= n <= high]) | st.integers(low, high)


_INT32 = _edges(-(1 << 31), (1 << 31) - 1)
_INT64 = _edges(-(1 << 63), (1 << 63) - 1)
_UINT32 = _edges(0, (1 << 32) - 1)
_UINT64 = _edges(0, (1 << 64) - 1)
_SPECIAL = st.sampled_from([0.0, -0.0, math.inf, -math.inf, 0.1, 1e-7, 16777216.0, 123456.0])

_SCALARS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_INT32: _INT32,
    FieldDescriptor.TYPE_SINT32: _INT32,
    FieldDescriptor.TYPE_SFIXED32: _INT32,
    FieldDescriptor.TYPE_INT64: _INT64,
    FieldDescriptor.TYPE_SINT64: _INT64,
    FieldDescriptor.TYPE_SFIXED64: _INT64,
    FieldDescriptor.TYPE_UINT32: _UINT32,
    FieldDescriptor.TYPE_FIXED32: _UINT32,
    FieldDescriptor.TYPE_UINT64: _UINT64,
    FieldDescriptor.TYPE_FIXED64: _UINT64,
    FieldDescriptor.TYPE_FLOAT: _SPECIAL | st.floats(width=32),
    FieldDescriptor.TYPE_DOUBLE: _SPECIAL | st.floats(),
    FieldDescriptor.TYPE_STRING: st.text(max_size=6) | st.sampled_from(["VT_R8", "é\0\U0001f600"]),
    FieldDescriptor.TYPE_BYTES: st.binary(max_size=6),
}


def _scalar(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    if field.type == FieldDescriptor.TYPE_ENUM:
        known = [value.number for value in field.enum_type.values]
        return st.sampled_from(known) | st.sampled_from([-1, 4242, -(1 << 31), (1 << 31) - 1])
    return _SCALARS[field.type]


def _times() -> st.SearchStrategy[tuple[int, int]]:
    ticks = st.integers(0, 9_999_999).map(lambda n: n * 100)
    return st.tuples(
        st.sampled_from([MIN_SECONDS, MAX_SECONDS, -1, 0, 1_700_000_000, 1_700_000_001])
        | st.integers(MIN_SECONDS, MAX_SECONDS),
        st.sampled_from([0, 1, 500_000_000, 999_999_999, 123_456_700, 1 << 28]) | ticks,
    )


@st.composite
def google_messages_of(draw: st.DrawFn, cls: type[Message], depth: int = 3) -> Message:
    """Draw a Google message with any fields set; well-known times are valid ones."""
    message = cls()
    _fill(draw, message, cls.DESCRIPTOR, depth)
    return message


def _fill(draw: st.DrawFn, message: Any, descriptor: Descriptor, depth: int) -> None:
    if descriptor.full_name == "google.protobuf.Timestamp":
        message.seconds, message.nanos = draw(_times())
        return
    if descriptor.full_name == "google.protobuf.Duration":
        total = draw(st.integers(-DURATION_SECONDS * 10**9, DURATION_SECONDS * 10**9))
        seconds, nanos = divmod(abs(total), 10**9)
        sign = -1 if total < 0 else 1
        message.seconds, message.nanos = sign * seconds, sign * nanos
        return
    if descriptor.full_name == "google.protobuf.Any":
        return  # what it holds is opaque; fixtures have some
    candidates = [f for f in descriptor.fields if depth or f.message_type is None]
    for field in candidates:
        if not draw(st.booleans()):
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            _fill_map(draw, message, field, depth)
        elif field.is_repeated:
            _fill_list(draw, message, field, depth)
        elif field.message_type is not None:
            sub = getattr(message, field.name)
            sub.SetInParent()
            _fill(draw, sub, field.message_type, depth - 1)
        else:
            setattr(message, field.name, draw(_scalar(field)))


def _fill_list(draw: st.DrawFn, message: Any, field: FieldDescriptor, depth: int) -> None:
    values = getattr(message, field.name)
    for _ in range(draw(st.integers(1, 3))):
        if field.message_type is not None:
            _fill(draw, values.add(), field.message_type, depth - 1)
        else:
            values.append(draw(_scalar(field)))


def _fill_map(draw: st.DrawFn, message: Any, field: FieldDescriptor, depth: int) -> None:
    key_field, value_field = field.message_type.fields
    values = getattr(message, field.name)
    for key in draw(st.lists(_scalar(key_field), min_size=1, max_size=3, unique=True)):
        if value_field.message_type is not None:
            values[key].SetInParent()
            _fill(draw, values[key], value_field.message_type, depth - 1)
        else:
            values[key] = draw(_scalar(value_field))


def without_hidden_unknowns(message: Any) -> Any:
    """Drop unknown fields inside well-known types, which have a Python value for a message."""
    for sub in _submessages(message):
        if sub.DESCRIPTOR.file.package == "google.protobuf" and sub.DESCRIPTOR.name != "Any":
            sub.DiscardUnknownFields()
        else:
            without_hidden_unknowns(sub)
    return message


def _submessages(message: Any) -> Iterator[Any]:
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].message_type is not None:
                yield from value.values()
        elif field.is_repeated:
            yield from value
        else:
            yield value
