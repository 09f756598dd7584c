"""The source of the compiled decoders: straight-line Python for each message class.

Serialisers write fields in the order of their numbers. The generated function goes
through them once in that order, with one comparison per field, and sets attributes as
it reads. Whatever does not fit, such as a field out of order, a second part of a
sub-message or an unknown field, is left, from there on, to `merge`. It explains no
error and looks at no end that it need not: positions are compared after.

Of each function there are two: one that counts nothing, and one that counts the elements
of the message against a limit, for messages long enough to have more.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from mxgateway.codec.budget import Budget, TooManyElementsError, spend, values_in
from mxgateway.codec.enums import members
from mxgateway.codec.merge import DecodeRange, make_merger
from mxgateway.codec.plan import FieldPlan, MessagePlan, plan_of
from mxgateway.codec.source import compile_function
from mxgateway.codec.varint import (
    read_any_varint,
    read_int32,
    read_int64,
    read_long_length,
    read_uint32,
)
from mxgateway.codec.wellknown import decode_timestamp
from mxgateway.codec.wire import READERS, MalformedError
from mxgateway.generated.google.protobuf import Timestamp

__all__ = ["range_decoder"]

# Oneofs with more members than this are searched by halves.
_CHAIN = 4
_TWO_BYTES = 1 << 14

_LONG_VARINT = {
    "bool": "any_varint",
    "enum": "int32",
    "int32": "int32",
    "int64": "int64",
    "uint32": "uint32",
    "uint64": "any_varint",
    "sint32": "uint32",
    "sint64": "any_varint",
}
_FIXED = {
    "double": ("d", 8),
    "fixed64": ("Q", 8),
    "sfixed64": ("q", 8),
    "float": ("f", 4),
    "fixed32": ("I", 4),
    "sfixed32": ("i", 4),
}


_ranges: dict[type, Callable[..., Any]] = {}
_counting_ranges: dict[type, DecodeRange] = {}


def range_decoder(cls: type, *, counted: bool = False) -> Callable[..., Any]:
    """Return the function that decodes a part of a buffer: (buffer, position, end, levels left).

    Args:
        cls: The message class.
        counted: For the one that takes a budget of elements as well, behind the others.
    """
    known = _counting_ranges if counted else _ranges
    decode = known.get(cls)
    if decode is None:
        decode = known[cls] = _Generator(plan_of(cls), counted=counted).function()
    return decode


class _Generator:
    """Writes the source of one class's decoder."""

    def __init__(self, plan: MessagePlan, *, counted: bool) -> None:
        self.plan = plan
        self.counted = counted
        self.more = ", budget" if counted else ""  # the last parameter and argument
        self.lines: list[str] = []
        merge = make_merger(plan.cls, self._later)

        def finish(
            message: Any, buf: bytes, pos: int, end: int, depth: int, budget: Budget = None
        ) -> Any:
            merge(message, buf, pos, end, depth, budget)
            return message

        self.names: dict[str, Any] = {
            "cls": plan.cls,
            "new": object.__new__,
            "finish": finish,
            "timestamp": decode_timestamp,
            "any_varint": read_any_varint,
            "length": read_long_length,
            "int32": read_int32,
            "int64": read_int64,
            "uint32": read_uint32,
            "MalformedError": MalformedError,
            "TooManyElementsError": TooManyElementsError,
        }

    def _later(self, cls: type) -> DecodeRange:
        if self.counted:
            return lambda *arguments: range_decoder(cls, counted=True)(*arguments)
        return lambda buf, pos, end, depth, _: range_decoder(cls)(buf, pos, end, depth)

    def function(self) -> DecodeRange:
        """Return the compiled function."""
        write = self.lines.append
        write(f"def decode(buf, pos, end, depth{self.more}):")
        write(" o = new(cls)")
        for name, container in self.plan.containers:
            write(f" o.{name} = {'[]' if container is list else '{}'}")
        # The levels left are counted here; merge knows what a value beyond them is.
        write(f" if depth < 1: return finish(o, buf, pos, end, depth{self.more})")
        write(" if pos >= end: return o")
        write(" tag = buf[pos]; pos += 1")
        two_bytes = False
        for block in self._blocks():
            if not two_bytes and block[-1].tag > 127:
                two_bytes = True
                self._widen(1)
            if len(block) > 1:
                self._oneof(block, 1, two_bytes)
            else:
                self._field(block[0], 1, two_bytes)
        back = "(1 if tag < 128 else 2)" if two_bytes else "1"
        write(f" return finish(o, buf, pos - {back}, end, depth{self.more})")
        kind = "counting decoder" if self.counted else "decoder"
        title = f"<{kind} of {self.plan.cls.__name__}>"
        return compile_function("decode", title, self.lines, self.names)

    def _blocks(self) -> list[list[FieldPlan]]:
        """Single fields, and the members of a oneof where they stand together."""
        blocks: list[list[FieldPlan]] = []
        for f in self.plan.fields:
            if f.kind == "map" or f.packed_tag >= _TWO_BYTES:
                continue
            if f.group is not None and blocks and blocks[-1][-1].group == f.group:
                blocks[-1].append(f)
            elif f.group is None or all(b[-1].group != f.group for b in blocks):
                blocks.append([f])
            # Else the oneof is scattered; only its first run may be taken unseen.
        return blocks

    def _widen(self, indent: int) -> None:
        """Complete a tag of two bytes."""
        pad = " " * indent
        self.lines += [
            f"{pad}if tag > 127:",
            f"{pad} b = buf[pos]",
            # Longer, or longer than need be: not what a serialiser writes.
            f"{pad} if not 0 < b < 128: return finish(o, buf, pos - 1, end, depth{self.more})",
            f"{pad} tag += (b << 7) - 128; pos += 1",
        ]

    def _next(self, indent: int, two_bytes: bool) -> None:
        """End here, or read the next tag."""
        pad = " " * indent
        self.lines += [
            f"{pad}if pos >= end:",
            f"{pad} if pos == end: return o",
            f"{pad} raise MalformedError(end, 'overrun')",
            f"{pad}tag = buf[pos]; pos += 1",
        ]
        if two_bytes:
            self._widen(indent)

    def _oneof(self, members: list[FieldPlan], indent: int, two_bytes: bool) -> None:
        pad = " " * indent
        if len(members) > _CHAIN:
            half = len(members) // 2
            self.lines.append(f"{pad}if tag < {members[half].tag & ~7}:")
            self._oneof(members[:half], indent + 1, two_bytes)
            self.lines.append(f"{pad}else:")
            self._oneof(members[half:], indent + 1, two_bytes)
            return
        for i, f in enumerate(members):
            self._field(f, indent, two_bytes, word="elif" if i else "if")

    def _field(self, f: FieldPlan, indent: int, two_bytes: bool, word: str = "if") -> None:
        pad = " " * indent
        if not f.repeated:
            self.lines.append(f"{pad}{word} tag == {f.tag}:")
            if f.kind == "message":
                self._count(indent + 1)
            self._value(f, indent + 1, f"o.{f.name} = ")
            self._next(indent + 1, two_bytes)
            return
        self.lines.append(f"{pad}if tag == {f.packed_tag}:")
        if f.packable:
            self._length(indent + 1)
            self._packed(f, indent + 1)
            self.lines.append(f"{pad} pos = e")
            self._next(indent + 1, two_bytes)
            return
        self.lines.append(f"{pad} add = o.{f.name}.append")
        self.lines.append(f"{pad} while tag == {f.packed_tag}:")
        self._count(indent + 2)
        self._value(f, indent + 2, "add(", ")")
        self._next(indent + 2, two_bytes)

    def _count(self, indent: int) -> None:
        """Take one element off the budget, where there is one."""
        if self.counted:
            pad = " " * indent
            self.lines += [
                f"{pad}if budget[0] < 1: raise TooManyElementsError",
                f"{pad}budget[0] -= 1",
            ]

    def _length(self, indent: int) -> None:
        pad = " " * indent
        self._varint(indent, "length")
        self.lines += [
            f"{pad}e = pos + b",
            f"{pad}if e > end: raise MalformedError(end, 'overrun')",
        ]

    def _varint(self, indent: int, long: str) -> None:
        """Read a varint into `b`: one or two bytes here, more by the named function."""
        pad = " " * indent
        self.lines += [
            f"{pad}b = buf[pos]; pos += 1",
            f"{pad}if b > 127:",
            f"{pad} c = buf[pos]; pos += 1",
            f"{pad} if c < 128: b += (c << 7) - 128",
            f"{pad} else: b, pos = {long}(buf, pos - 2)",
        ]

    def _value(self, f: FieldPlan, indent: int, before: str, after: str = "") -> None:
        pad = " " * indent
        kind = f.kind
        if kind in _LONG_VARINT:
            self._varint(indent, _LONG_VARINT[kind])
            value = {"bool": "b != 0", "sint32": "(b >> 1) ^ -(b & 1)"}.get(kind, "b")
            if kind == "sint64":
                value = "(b >> 1) ^ -(b & 1)"
            elif kind == "enum":
                self.names[f"enum_{f.name}"] = members(f.cls)
                value = f"enum_{f.name}[b]"
            self.lines.append(f"{pad}{before}{value}{after}")
        elif kind in _FIXED:
            code, size = _FIXED[kind]
            self.names[f"unpack_{kind}"] = struct.Struct("<" + code).unpack_from
            self.lines.append(f"{pad}{before}unpack_{kind}(buf, pos)[0]{after}; pos += {size}")
        else:
            self._length(indent)
            self.lines.append(f"{pad}{before}{self._delimited(f)}{after}; pos = e")

    def _delimited(self, f: FieldPlan) -> str:
        if f.kind == "string":
            return "buf[pos:e].decode()"
        if f.kind == "bytes":
            return "buf[pos:e]"
        if f.cls is Timestamp and f.wrapped:
            return "timestamp(buf, pos, e)"
        key = f"decode_{f.name}"
        names, cls = self.names, f.cls

        def first(*arguments: Any) -> Any:
            names[key] = range_decoder(cls, counted=self.counted)
            return names[key](*arguments)

        names[key] = first
        return f"{key}(buf, pos, e, depth - 1{self.more})" + (".to_wrapped()" if f.wrapped else "")

    def _packed(self, f: FieldPlan, indent: int) -> None:
        key = f"list_{f.name}"
        if f.kind in _FIXED:
            self.names[key] = _fixed_list(*_FIXED[f.kind])
        else:
            self.names[key] = _varint_list(f)
        self.lines.append(f"{' ' * indent}o.{f.name} = {key}(buf, pos, e{self.more})")


# (buffer, position, end, elements left) -> values
_ReadList = Callable[..., list[Any]]


def _fixed_list(code: str, size: int) -> _ReadList:
    def read(buf: bytes, pos: int, end: int, budget: Budget = None) -> list[Any]:
        # A rest that is no whole number is an error that merge explains.
        count, rest = divmod(end - pos, size)
        if rest:
            raise ValueError
        spend(budget, count)
        return list(struct.unpack_from(f"<{count}{code}", buf, pos))

    return read


def _varint_list(f: FieldPlan) -> _ReadList:
    read = READERS[f.kind]
    convert: Callable[[Any], Any] | None = None
    if f.kind == "enum":
        convert = members(f.cls).__getitem__
    elif f.kind == "bool":
        convert = bool
    zigzag = f.kind.startswith("sint")

    def read_list(buf: bytes, pos: int, end: int, budget: Budget = None) -> list[Any]:
        chunk = buf[pos:end]
        if budget is not None:
            spend(budget, values_in(chunk))
        if chunk.isascii() and not zigzag:  # every byte is a whole varint
            values: list[Any] = list(chunk)
        else:
            values = []
            while pos < end:
                value, pos = read(buf, pos, end)
                values.append(value)
        return values if convert is None else [convert(value) for value in values]

    return read_list
