"""What the codec knows of a message class: its fields, read once from betterproto2's metadata."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import betterproto2

__all__ = ["DEPTH_LIMIT", "FieldPlan", "MessagePlan", "plan_of"]

# Sub-messages and groups inside each other; what Google's parsers allow.
DEPTH_LIMIT = 100

VARINT, FIXED64, LENGTH, GROUP, END_GROUP, FIXED32 = range(6)

WIRE_TYPES = {
    "bool": VARINT,
    "enum": VARINT,
    "int32": VARINT,
    "int64": VARINT,
    "uint32": VARINT,
    "uint64": VARINT,
    "sint32": VARINT,
    "sint64": VARINT,
    "fixed64": FIXED64,
    "sfixed64": FIXED64,
    "double": FIXED64,
    "fixed32": FIXED32,
    "sfixed32": FIXED32,
    "float": FIXED32,
    "string": LENGTH,
    "bytes": LENGTH,
    "message": LENGTH,
    "map": LENGTH,
}


@dataclass(frozen=True, slots=True)
class FieldPlan:
    """One field of a message.

    Attributes:
        name: The attribute of the dataclass.
        number: The field number.
        kind: The protobuf type, such as `int32`, `enum`, `message`, `map`.
        json_name: The name in protobuf JSON.
        repeated: Whether the value is a list.
        presence: Whether None stands for "not set".
        group: The oneof that the field belongs to.
        cls: The message or enum class; for a wrapped type the generated class, such
            as Int32Value or Timestamp.
        wrapped: Whether the Python value is not a message but what `cls` stands for.
        entry: Key and value of a map.
    """

    name: str
    number: int
    kind: str
    json_name: str = ""
    repeated: bool = False
    presence: bool = False
    group: str | None = None
    cls: Any = None
    wrapped: bool = False
    entry: tuple[FieldPlan, FieldPlan] | None = None

    @property
    def wire_type(self) -> int:
        """The wire type of a single value."""
        return WIRE_TYPES[self.kind]

    @property
    def tag(self) -> int:
        """Field number and wire type of a single value."""
        return self.number << 3 | self.wire_type

    @property
    def packable(self) -> bool:
        """Whether several values may stand in one length-delimited field."""
        return self.repeated and self.wire_type != LENGTH

    @property
    def packed_tag(self) -> int:
        """Field number and wire type of a packed list."""
        return self.number << 3 | LENGTH

    @property
    def is_container(self) -> bool:
        """Whether every message needs its own list or dict here."""
        return self.repeated or self.kind == "map"


class MessagePlan:
    """The fields of one message class, in the order of their numbers.

    Attributes:
        cls: The class.
        fields: Its fields.
        containers: Name and type (list or dict) of the fields that hold one.
    """

    def __init__(self, cls: type[betterproto2.Message]) -> None:
        self.cls = cls
        meta: betterproto2.ProtoClassMetadata = _metadata(cls)
        self.fields = tuple(
            _field_plan(cls, name, meta.meta_by_field_name[name])
            for name in meta.sorted_field_names
        )
        self.containers = tuple(
            (f.name, dict if f.kind == "map" else list) for f in self.fields if f.is_container
        )
        # With the defaults on the class, as a dataclass has simple ones, a decoded
        # message needs to set only what was on the wire.
        for f in self.fields:
            if not f.is_container:
                setattr(cls, f.name, meta.default_gen[f.name]())
        cls._unknown_fields = b""

    def blank(self) -> Any:
        """Return a message with every field at its default."""
        message = object.__new__(self.cls)
        for name, container in self.containers:
            setattr(message, name, container())
        return message

    def others(self, f: FieldPlan) -> tuple[str, ...]:
        """Return the names of the other members of a field's oneof."""
        if f.group is None:
            return ()
        return tuple(g.name for g in self.fields if g.group == f.group and g is not f)


def _metadata(cls: Any) -> betterproto2.ProtoClassMetadata:
    meta: betterproto2.ProtoClassMetadata = cls._betterproto
    return meta


def _field_plan(cls: Any, name: str, meta: betterproto2.FieldMetadata) -> FieldPlan:
    classes = _metadata(cls).cls_by_field
    entry = None
    if meta.map_meta is not None:
        key, value = meta.map_meta
        entry = (
            FieldPlan("key", 1, key.proto_type),
            FieldPlan(
                "value",
                2,
                value.proto_type,
                presence=value.proto_type == "message",
                cls=value.unwrap() if value.unwrap else classes[f"{name}.value"],
                wrapped=value.unwrap is not None,
            ),
        )
    return FieldPlan(
        name,
        meta.number,
        meta.proto_type,
        json_name=_json_name(name),
        repeated=bool(meta.repeated),
        presence=bool(meta.optional) or meta.group is not None or meta.proto_type == "message",
        group=meta.group,
        cls=meta.unwrap() if meta.unwrap else classes.get(name),
        wrapped=meta.unwrap is not None,
        entry=entry,
    )


def _json_name(name: str) -> str:
    # As protoc does it; a trailing underscore only keeps a name off Python's keywords.
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


_plans: dict[type, MessagePlan] = {}


def plan_of(cls: type[betterproto2.Message]) -> MessagePlan:
    """Return the plan of a message class, made on first use.

    Two threads may both make one; the plans are equal.
    """
    plan = _plans.get(cls)
    if plan is None:
        plan = _plans[cls] = MessagePlan(cls)
    return plan
