"""The decoder by the book: any field order, split sub-messages, unknown fields, exact errors.

It obeys the whole of proto3 and says precisely where bytes go wrong. The compiled
decoder is an optimisation of it for the order in which serialisers write, and comes
back here for everything else; a property test holds the two equal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mxgateway.codec.budget import Budget, spend
from mxgateway.codec.enums import members
from mxgateway.codec.plan import FieldPlan, MessagePlan, plan_of
from mxgateway.codec.wire import READERS, MalformedError, Reader, read_length, read_tag, skip

__all__ = ["DecodeRange", "Merger", "checked_merger", "make_merger"]

# (message, buffer, position, end, levels left, elements left) -> None; adds to the message.
Merger = Callable[[Any, bytes, int, int, int, Budget], None]
# (buffer, position, end, levels left, elements left) -> message
DecodeRange = Callable[[bytes, int, int, int, Budget], Any]
# (message, buffer, position, end, levels left, elements left) -> position after the value
_Handler = Callable[[Any, bytes, int, int, int, Budget], int]

_mergers: dict[type, Merger] = {}


def checked_merger(cls: type) -> Merger:
    """Return the merger of a class that uses nothing but mergers below it; made on first use."""
    merger = _mergers.get(cls)
    if merger is None:
        merger = _mergers[cls] = make_merger(cls, _checked_decoder)
    return merger


def _checked_decoder(cls: type) -> DecodeRange:
    plan = plan_of(cls)

    def decode(buf: bytes, pos: int, end: int, depth: int, budget: Budget) -> Any:
        message = plan.blank()
        checked_merger(cls)(message, buf, pos, end, depth, budget)
        return message

    return decode


def make_merger(cls: type, decoder: Callable[[type], DecodeRange]) -> Merger:
    """Return a function that reads fields into a message of this class.

    Args:
        cls: The message class.
        decoder: Gives the decoder for sub-messages that do not exist yet; one that
            does is merged by `checked_merger`.
    """
    handlers: dict[int, _Handler] = {}

    def merge(message: Any, buf: bytes, pos: int, end: int, depth: int, budget: Budget) -> None:
        if depth < 0:
            raise MalformedError(pos, "nested more than 100 levels deep")
        if not handlers:
            handlers.update(_handlers(plan_of(cls), decoder))
        unknown = bytearray()
        while pos < end:
            start = pos
            tag, pos = read_tag(buf, pos, end)
            handler = handlers.get(tag)
            if handler is not None:
                pos = handler(message, buf, pos, end, depth, budget)
            else:
                pos = skip(buf, pos, end, tag, depth)
                unknown += buf[start:pos]
        if unknown:
            _keep_unknown(message, unknown)

    return merge


def _keep_unknown(message: Any, unknown: bytearray) -> None:
    known = message._unknown_fields
    if not known:
        message._unknown_fields = bytes(unknown)
    elif type(known) is bytes:
        # A message in many parts would copy them all for each part, if these stayed bytes.
        message._unknown_fields = bytearray(known) + unknown
    else:
        known += unknown


def _handlers(plan: MessagePlan, decoder: Callable[[type], DecodeRange]) -> dict[int, _Handler]:
    handlers: dict[int, _Handler] = {}
    for f in plan.fields:
        if f.kind == "map":
            handlers[f.tag] = _map_handler(f, decoder)
        elif f.kind == "message":
            read = _message_reader(f, decoder)
            handlers[f.tag] = (
                _append_message(f, read) if f.repeated else _set_message(f, read, plan.others(f))
            )
        elif f.repeated:
            handlers[f.tag] = _append(f)
            if f.packable:
                handlers[f.packed_tag] = _extend(f)
        else:
            handlers[f.tag] = _set(f, plan.others(f))
    return handlers


def _value_reader(f: FieldPlan) -> Reader:
    read = READERS[f.kind]
    if f.kind != "enum":
        return read
    table = members(f.cls)

    def read_member(buf: bytes, pos: int, end: int) -> tuple[Any, int]:
        number, pos = read(buf, pos, end)
        return table[number], pos

    return read_member


def _clear(message: Any, names: tuple[str, ...]) -> None:
    for name in names:
        if getattr(message, name) is not None:
            setattr(message, name, None)


def _set(f: FieldPlan, others: tuple[str, ...]) -> _Handler:
    read, name = _value_reader(f), f.name

    def handle(message: Any, buf: bytes, pos: int, end: int, _depth: int, _: Budget) -> int:
        value, pos = read(buf, pos, end)
        _clear(message, others)
        setattr(message, name, value)
        return pos

    return handle


def _append(f: FieldPlan) -> _Handler:
    read, name = _value_reader(f), f.name

    def handle(message: Any, buf: bytes, pos: int, end: int, _depth: int, budget: Budget) -> int:
        spend(budget)
        value, pos = read(buf, pos, end)
        getattr(message, name).append(value)
        return pos

    return handle


def _extend(f: FieldPlan) -> _Handler:
    read, name = _value_reader(f), f.name

    def handle(message: Any, buf: bytes, pos: int, end: int, _depth: int, budget: Budget) -> int:
        pos, stop = read_length(buf, pos, end)
        values = getattr(message, name)
        while pos < stop:
            spend(budget)
            value, pos = read(buf, pos, stop)
            values.append(value)
        return pos

    return handle


# (what is there or None, buffer, position, end, levels left, elements left) -> what is there now
_MessageReader = Callable[[Any, bytes, int, int, int, Budget], Any]


def _message_reader(f: FieldPlan, decoder: Callable[[type], DecodeRange]) -> _MessageReader:
    cls, decode = f.cls, decoder(f.cls)
    if f.wrapped:

        def read_wrapped(
            value: Any, buf: bytes, pos: int, end: int, depth: int, budget: Budget
        ) -> Any:
            message = plan_of(cls).blank() if value is None else cls.from_wrapped(value)
            checked_merger(cls)(message, buf, pos, end, depth, budget)
            return message.to_wrapped()

        return read_wrapped

    def read(value: Any, buf: bytes, pos: int, end: int, depth: int, budget: Budget) -> Any:
        if value is None:
            return decode(buf, pos, end, depth, budget)
        checked_merger(cls)(value, buf, pos, end, depth, budget)
        return value

    return read


def _set_message(f: FieldPlan, read: _MessageReader, others: tuple[str, ...]) -> _Handler:
    name = f.name

    def handle(message: Any, buf: bytes, pos: int, end: int, depth: int, budget: Budget) -> int:
        start, stop = read_length(buf, pos, end)
        value = getattr(message, name)
        if value is None:
            spend(budget)
        value = read(value, buf, start, stop, depth - 1, budget)
        _clear(message, others)
        setattr(message, name, value)
        return stop

    return handle


def _append_message(f: FieldPlan, read: _MessageReader) -> _Handler:
    name = f.name

    def handle(message: Any, buf: bytes, pos: int, end: int, depth: int, budget: Budget) -> int:
        start, stop = read_length(buf, pos, end)
        spend(budget)
        getattr(message, name).append(read(None, buf, start, stop, depth - 1, budget))
        return stop

    return handle


def _map_handler(f: FieldPlan, decoder: Callable[[type], DecodeRange]) -> _Handler:
    assert f.entry is not None
    key_plan, value_plan = f.entry
    read_key, name = READERS[key_plan.kind], f.name
    is_message = value_plan.kind == "message"
    read_message = _message_reader(value_plan, decoder) if is_message else None
    read_value = None if is_message else _value_reader(value_plan)
    key_default = {"string": "", "bool": False}.get(key_plan.kind, 0)
    value_default = _default(value_plan)

    def handle(message: Any, buf: bytes, pos: int, end: int, depth: int, budget: Budget) -> int:
        pos, stop = read_length(buf, pos, end)
        if depth < 1:
            raise MalformedError(pos, "nested more than 100 levels deep")
        spend(budget)
        key, value = key_default, value_default
        while pos < stop:
            tag, pos = read_tag(buf, pos, stop)
            if tag == key_plan.tag:
                key, pos = read_key(buf, pos, stop)
            elif tag != value_plan.tag:
                pos = skip(buf, pos, stop, tag, depth - 1)
            elif read_value is not None:
                value, pos = read_value(buf, pos, stop)
            elif read_message is not None:
                start, inner = read_length(buf, pos, stop)
                value = read_message(value, buf, start, inner, depth - 2, budget)
                pos = inner
        if value is None and read_message is not None:
            value = read_message(None, buf, pos, pos, depth - 2, budget)
        getattr(message, name)[key] = value
        return stop

    return handle


def _default(f: FieldPlan) -> Any:
    if f.kind == "message":
        return None
    if f.kind == "enum":
        return members(f.cls)[0]
    zero: dict[str, Any] = {"string": "", "bytes": b"", "bool": False, "float": 0.0, "double": 0.0}
    return zero.get(f.kind, 0)
