"""The compiled encoder: straight-line Python for each message class, made on first use.

It writes what Google's deterministic serialisation writes, byte for byte: fields in the
order of their numbers, numbers packed, unknown fields at the end. (Maps, which the
contract does not use, are sorted by key.) A value that a field
cannot carry makes it fail in one way or another; `check` then finds the reason.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any, TypeVar

import betterproto2

from mxgateway.codec.check import explain
from mxgateway.codec.plan import DEPTH_LIMIT, FieldPlan, MessagePlan, plan_of
from mxgateway.codec.source import compile_function
from mxgateway.codec.varint import SMALL, VARINTS, WRITERS
from mxgateway.codec.wellknown import encode_duration, encode_timestamp
from mxgateway.generated.google.protobuf import Duration, Timestamp

__all__ = ["encoder_for"]

M = TypeVar("M", bound=betterproto2.Message)
# (message, levels left) -> bytes
_Encode = Callable[[Any, int], bytes]

_FIXED = {
    "double": "d",
    "float": "f",
    "fixed32": "I",
    "fixed64": "Q",
    "sfixed32": "i",
    "sfixed64": "q",
}

_encoders: dict[type, Callable[[Any], bytes]] = {}
_parts: dict[type, _Encode] = {}


def encoder_for(cls: type[M]) -> Callable[[M], bytes]:
    """Return the compiled encoder of a message class: message in, bytes out.

    The encoder raises EncodeError naming message and field for a value the field cannot
    carry: a number out of range, a wrong type, a naive datetime, two members of one
    oneof, text that is no Unicode, nesting beyond 100 levels.
    """
    encoder = _encoders.get(cls)
    if encoder is None:
        encoder = _encoders[cls] = _make_encoder(cls)
    return encoder


def _make_encoder(cls: type[M]) -> Callable[[M], bytes]:
    encode_part = part_encoder(cls)

    def encode(message: M) -> bytes:
        try:
            if message.__class__ is not cls:
                _check_class(message, cls)
            return encode_part(message, DEPTH_LIMIT)
        except (TypeError, ValueError, ArithmeticError, AttributeError, struct.error) as error:
            raise explain(message, error) from None

    return encode


def part_encoder(cls: type) -> _Encode:
    """Return the function that encodes a message inside another: (message, levels left)."""
    encode = _parts.get(cls)
    if encode is None:
        encode = _parts[cls] = _Generator(plan_of(cls)).function()
    return encode


def _check_class(message: Any, cls: type) -> None:
    if not isinstance(message, cls):
        raise TypeError(f"{cls.__name__} is wanted, not {type(message).__name__}")


def _varint(value: int) -> bytes:
    return VARINTS[value] if value < SMALL else WRITERS["uint64"](value)


class _Generator:
    """Writes the source of one class's encoder."""

    def __init__(self, plan: MessagePlan) -> None:
        self.plan = plan
        self.lines: list[str] = []
        self.names: dict[str, Any] = {
            "V": VARINTS,
            "long": WRITERS["uint64"],
            "check_class": _check_class,
            "timestamp": encode_timestamp,
            "duration": encode_duration,
            "is_zero": _is_zero,
            "as_bytes": _as_bytes,
            "as_list": _as_list,
            "two_members": _two_members,
        }

    def function(self) -> _Encode:
        """Return the compiled function."""
        write = self.lines.append
        write("def encode(o, depth):")
        write(" if depth < 0: raise ValueError")
        write(" out = []; add = out.append")
        groups = dict.fromkeys(f.group for f in self.plan.fields if f.group is not None)
        numbers = {group: f"g{i}" for i, group in enumerate(groups)}
        for name in numbers.values():
            write(f" {name} = 0")
        for f in self.plan.fields:
            write(f" v = o.{f.name}")
            if f.kind == "map":
                self._map(f)
            elif f.repeated:
                write(" if v.__class__ is not list: v = as_list(v)")
                write(" if v:")
                self._list(f)
            elif f.presence:
                write(" if v is not None:")
                if f.group is not None:
                    write(f"  if {numbers[f.group]}: two_members()")
                    write(f"  {numbers[f.group]} = 1")
                self._single(f, "  ", f.tag)
            else:
                self._implicit(f)
        write(" v = o._unknown_fields")
        write(" if v: add(v)")
        write(" return b''.join(out)")
        title = f"<encoder of {self.plan.cls.__name__}>"
        return compile_function("encode", title, self.lines, self.names)

    def _tag(self, f: FieldPlan, tag: int, *, suffix: str = "") -> str:
        key = f"T_{f.name}{suffix}"
        self.names[key] = _varint(tag)
        return key

    def _implicit(self, f: FieldPlan) -> None:
        """A value without presence: its default is not written, if it is one."""
        kind = f.kind
        if kind == "bool":
            tag = self._tag(f, f.tag)
            self.names[f"true_{f.name}"] = self.names[tag] + b"\x01"
            self.lines.append(f" if v is True: add(true_{f.name})")
            self.lines.append(" elif v is not False:")
            self._single(f, "  ", f.tag, skip_default=True)
            return
        self.lines.append(" if v:")
        self._single(f, "  ", f.tag)
        if kind in ("float", "double"):
            # Minus zero is no default.
            self.names["minus_zero"] = _minus_zero
            self.lines.append(f" elif minus_zero(v): add({self._fixed(f)})")
        else:
            wanted = {"string": "str", "bytes": "bytes"}.get(kind, "int")
            self.lines.append(f" elif v.__class__ is not {wanted}: is_zero(v, {wanted})")

    def _fixed(self, f: FieldPlan) -> str:
        """Expression that writes tag and value of a fixed-size number."""
        key = f"fixed_{f.name}"
        tag = self._tag(f, f.tag)
        # One struct writes both, the tag as constant bytes.
        pack = struct.Struct(f"<{len(self.names[tag])}s{_FIXED[f.kind]}").pack
        self.names[key] = _float_writer(pack) if f.kind == "float" else pack
        return f"{key}({tag}, v)"

    def _single(
        self, f: FieldPlan, pad: str, tag_number: int, *, skip_default: bool = False
    ) -> None:
        """Write tag and value of `v`."""
        write = self.lines.append
        kind = f.kind
        if kind in _FIXED:
            write(f"{pad}add({self._fixed(f)})")
            return
        tag = self._tag(f, tag_number)
        if kind == "bool":
            self.names["as_bool"] = _as_bool
            if skip_default:
                write(f"{pad}if as_bool(v): add({tag} + b'\\x01')")
            else:
                write(f"{pad}add({tag} + (b'\\x01' if v is True else V[as_bool(v)]))")
        elif kind in WRITERS:
            write(f"{pad}add({tag} + {self._number(kind)})")
        elif kind == "string":
            write(f"{pad}b = v.encode(); n = len(b)")
            write(f"{pad}add({tag} + (V[n] if n < {SMALL} else long(n))); add(b)")
        elif kind == "bytes":
            write(f"{pad}if v.__class__ is not bytes: v = as_bytes(v)")
            write(f"{pad}n = len(v)")
            write(f"{pad}add({tag} + (V[n] if n < {SMALL} else long(n))); add(v)")
        else:
            self._message(f, pad, tag)

    def _number(self, kind: str) -> str:
        self.names[f"write_{kind}"] = WRITERS[kind]
        if kind.startswith("sint"):
            return f"write_{kind}(v)"
        return f"(V[v] if 0 <= v < {SMALL} else write_{kind}(v))"

    def _message(self, f: FieldPlan, pad: str, tag: str) -> None:
        write = self.lines.append
        if f.wrapped and f.cls in (Timestamp, Duration):
            write(f"{pad}b = {'timestamp' if f.cls is Timestamp else 'duration'}(v)")
        else:
            key, names, cls = f"encode_{f.name}", self.names, f.cls

            def first(message: Any, depth: int) -> bytes:
                names[key] = part_encoder(cls)
                return names[key](message, depth)  # type: ignore[no-any-return]

            names[key] = first
            names[f"C_{f.name}"] = cls
            if f.wrapped:
                write(f"{pad}v = C_{f.name}.from_wrapped(v)")
            else:
                write(f"{pad}if v.__class__ is not C_{f.name}: check_class(v, C_{f.name})")
            write(f"{pad}b = {key}(v, depth - 1)")
        write(f"{pad}n = len(b)")
        write(f"{pad}add({tag} + (V[n] if n < {SMALL} else long(n))); add(b)")

    def _list(self, f: FieldPlan) -> None:
        write = self.lines.append
        if not f.packable:
            write("  for v in v:")
            self._single(f, "   ", f.packed_tag)
            return
        tag = self._tag(f, f.packed_tag)
        if f.kind in _FIXED:
            self.names[f"pack_{f.name}"] = _list_packer(f.kind)
            write(f"  b = pack_{f.name}(v)")
        elif f.kind == "bool":
            self.names["as_bool"] = _as_bool
            write("  b = bytes([as_bool(v) for v in v])")
        else:
            write(f"  b = b''.join([{self._number(f.kind)} for v in v])")
        write("  n = len(b)")
        write(f"  add({tag} + (V[n] if n < {SMALL} else long(n))); add(b)")

    def _map(self, f: FieldPlan) -> None:
        self.names[f"entries_{f.name}"] = _map_encoder(f)
        self.lines.append(f" if v: out += entries_{f.name}(v, depth - 1)")


def _is_zero(value: Any, wanted: type) -> None:
    """Refuse a false value of another type than the field's, such as None or 0.0 for 0."""
    if not isinstance(value, wanted | (bytearray | memoryview if wanted is bytes else wanted)):
        raise TypeError


def _minus_zero(value: Any) -> bool:
    if not isinstance(value, int | float):
        raise TypeError
    return math.copysign(1.0, value) < 0


def _as_bool(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError
    return 1 if value else 0


def _as_bytes(value: Any) -> bytes:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise TypeError
    return bytes(value)


def _as_list(value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise TypeError
    return list(value)


def _two_members() -> None:
    raise ValueError


def _float_writer(pack: Callable[[bytes, Any], bytes]) -> Callable[[bytes, Any], bytes]:
    def write(tag: bytes, value: Any) -> bytes:
        try:
            return pack(tag, value)
        except OverflowError:  # too large for 32 bits: infinite, as in Google's libraries
            return pack(tag, math.copysign(math.inf, value))

    return write


def _list_packer(kind: str) -> Callable[[list[Any]], bytes]:
    code = _FIXED[kind]
    one = struct.Struct(f"<0s{code}").pack
    write = _float_writer(one) if kind == "float" else one

    def pack(values: list[Any]) -> bytes:
        try:
            return struct.pack(f"<{len(values)}{code}", *values)
        except OverflowError:
            return b"".join([write(b"", value) for value in values])

    return pack


def _map_encoder(f: FieldPlan) -> Callable[[Any, int], list[bytes]]:
    assert f.entry is not None
    key_writer, value_writer = (_entry_writer(part) for part in f.entry)
    tag = _varint(f.tag)

    def write(value: Any, depth: int) -> list[bytes]:
        out = []
        # One order for one content; Google's libraries each have their own.
        for key in sorted(value):
            body = key_writer(key, depth) + value_writer(value[key], depth)
            out.append(tag + _varint(len(body)) + body)
        return out

    return write


def _entry_writer(f: FieldPlan) -> _Encode:
    """Return the writer of a key or value; both are written even at their default."""

    class _Holder:
        _unknown_fields = b""

    plan = object.__new__(MessagePlan)
    plan.cls = _Holder  # type: ignore[assignment]
    plan.fields = (FieldPlan(f.name, f.number, f.kind, "", False, True, None, f.cls, f.wrapped),)
    encode = _Generator(plan).function()

    def write(value: Any, depth: int) -> bytes:
        if value is None:
            raise TypeError
        holder = _Holder()
        setattr(holder, f.name, value)
        return encode(holder, depth)

    return write
