"""Parts of which the schemas of the commands are made, and the messages of the contract as such."""

from __future__ import annotations

from typing import Any, Final

from mxgateway.codec.enums import names
from mxgateway.codec.plan import FieldPlan, plan_of
from mxgateway.generated.google import protobuf

__all__ = [
    "COUNT",
    "ERROR",
    "INT64",
    "INTEGER",
    "NUMBER",
    "TEXT",
    "TIME",
    "YES_NO",
    "Messages",
    "constants",
    "enumeration",
    "list_of",
    "nullable",
    "record",
]

INTEGER: Final = {"type": "integer"}
NUMBER: Final = {"type": "number"}
_REAL: Final = {"anyOf": [NUMBER, {"enum": ["NaN", "Infinity", "-Infinity"]}]}
COUNT: Final = {"type": "integer", "minimum": 0}
TEXT: Final = {"type": "string"}
YES_NO: Final = {"type": "boolean"}
INT64: Final = {"type": "string", "pattern": "^-?[0-9]+$"}
TIME: Final = {
    "type": "string",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]{3,9})?Z$",
}
_SCALARS: Final[dict[str, Any]] = {
    "bool": YES_NO,
    "int32": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "uint32": {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
    "int64": INT64,
    "uint64": INT64,
    "string": TEXT,
    "bytes": {"type": "string", "contentEncoding": "base64"},
    "float": _REAL,
    "double": _REAL,
}


class Messages:
    """The messages that schemas refer to, collected as they are asked for."""

    def __init__(self) -> None:
        self.definitions: dict[str, Any] = {}

    def reference(self, cls: Any) -> dict[str, Any]:
        """Return a reference to the schema of a message class."""
        name = cls.__name__
        if name not in self.definitions:
            self.definitions[name] = {}  # In place before its fields ask for it again.
            self.definitions[name] = self.schema(cls)
        return {"$ref": f"messages.json#/$defs/{name}"}

    def schema(self, cls: Any) -> dict[str, Any]:
        """Return the schema of a message class: fields without presence are always there."""
        fields = plan_of(cls).fields
        return record(
            {f.json_name: self.field(f) for f in fields},
            optional=[f.json_name for f in fields if f.presence and not f.repeated],
        )

    def field(self, f: FieldPlan) -> dict[str, Any]:
        """Return the schema of a field."""
        value = self._value(f)
        return {"type": "array", "items": value} if f.repeated else value

    def _value(self, f: FieldPlan) -> dict[str, Any]:
        if f.kind == "enum":
            return enumeration(f.cls)
        if f.kind != "message":
            scalar: dict[str, Any] = _SCALARS[f.kind]
            return scalar
        if f.cls is protobuf.Timestamp:
            return TIME
        if f.cls is protobuf.Duration:
            return {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?s$"}
        if f.wrapped:
            return self._value(plan_of(f.cls).fields[0])
        return self.reference(f.cls)


def enumeration(cls: Any) -> dict[str, Any]:
    """Return the schema of an enum; a number that this version has no name for stays a number."""
    return {"anyOf": [{"enum": [names(cls)[member.value] for member in cls]}, INTEGER]}


def record(properties: dict[str, Any], optional: Any = ()) -> dict[str, Any]:
    """Return the schema of an object with these members and no others."""
    return {
        "type": "object",
        "properties": dict(sorted(properties.items())),
        "required": sorted(set(properties) - set(optional)),
        "additionalProperties": False,
    }


def list_of(name: str, rows: dict[str, Any], optional: Any = (), **more: Any) -> dict[str, Any]:
    """Return the schema of a document with a list, whose rows are the lines of jsonl."""
    listed = {"type": "array", "items": {"$ref": "#/$defs/line"}}
    return {"$defs": {"line": rows}, **record({name: listed, **more}, optional)}


def nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of what may be null."""
    return {"anyOf": [schema, {"type": "null"}]}


def constants(*values: str) -> dict[str, Any]:
    """Return the schema of one of some texts."""
    return {"enum": list(values)}


ERROR: Final = {"$ref": "error.json#/$defs/Error"}
"""An error within a result, as error.json defines it."""
