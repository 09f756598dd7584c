"""Checks JSON against a schema, as far as the schemas of this project go."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["problems"]

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}
_KNOWN = {
    *("$schema", "$ref", "$defs", "title", "type", "properties", "required"),
    *("additionalProperties", "items", "enum", "const", "anyOf", "pattern", "minimum", "maximum"),
    "contentEncoding",
}


def problems(document: Any, schema_file: Path) -> list[str]:
    """Return where a document is not what the schema in a file says, each with its path."""
    return list(_look(document, _load(schema_file), schema_file.parent, "$"))


def _load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _look(value: Any, schema: dict[str, Any], folder: Path, at: str) -> Iterator[str]:
    assert schema.keys() <= _KNOWN, f"{at}: this checker does not know {schema.keys() - _KNOWN}"
    if "$ref" in schema:
        name, _, pointer = schema["$ref"].partition("#/$defs/")
        yield from _look(value, _load(folder / name)["$defs"][pointer], folder, at)
        return
    if "anyOf" in schema and not any(
        not list(_look(value, one, folder, at)) for one in schema["anyOf"]
    ):
        yield f"{at}: {value!r} is nothing of {schema['anyOf']}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is not one of {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        yield f"{at}: {value!r} is not {schema['const']!r}"
    wanted = schema.get("type")
    if wanted is not None and (
        not isinstance(value, _TYPES[wanted]) or (isinstance(value, bool) and wanted != "boolean")
    ):
        yield f"{at}: {value!r} is no {wanted}"
        return
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        yield f"{at}: {value!r} does not match {schema['pattern']}"
    if "minimum" in schema and value < schema["minimum"]:
        yield f"{at}: {value!r} is below {schema['minimum']}"
    if "maximum" in schema and value > schema["maximum"]:
        yield f"{at}: {value!r} is above {schema['maximum']}"
    if isinstance(value, dict):
        yield from _look_inside(value, schema, folder, at)
    if isinstance(value, list):
        for n, element in enumerate(value):
            yield from _look(element, schema.get("items", {}), folder, f"{at}[{n}]")


def _look_inside(
    value: dict[str, Any], schema: dict[str, Any], folder: Path, at: str
) -> Iterator[str]:
    properties = schema.get("properties", {})
    for name in set(schema.get("required", ())) - value.keys():
        yield f"{at}: {name} is missing"
    for name, member in value.items():
        if name in properties:
            yield from _look(member, properties[name], folder, f"{at}.{name}")
        elif schema.get("additionalProperties") is False:
            yield f"{at}: {name} is not in the schema"
