"""Checks JSON against the schemas of this project, a little more strictly than the standard."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, validators
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

__all__ = ["lines_schema", "load", "problems"]


def _is_integer(_checker: Any, value: Any) -> bool:
    # The standard takes 1.0 for an integer; a reader in another language need not.
    return isinstance(value, int) and not isinstance(value, bool)


_Strict = validators.extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer),
)


def problems(document: Any, schema_file: Path, *, line: bool = False) -> list[str]:
    """Return where a document is not what the schema in a file says, each with its path.

    Args:
        document: Plain JSON types.
        schema_file: The schema; those that it refers to lie beside it.
        line: Whether it is a line of jsonl.
    """
    schema = lines_schema(schema_file) if line else load(schema_file)
    checker = _Strict(schema, registry=_registry(schema_file.parent))
    return [f"{error.json_path}: {error.message}" for error in checker.iter_errors(document)]


def lines_schema(schema_file: Path) -> dict[str, Any]:
    """Return the schema of a line of jsonl: an element of the list, else the whole document."""
    schema = load(schema_file)
    if "line" not in schema.get("$defs", {}):
        return schema
    return {"$ref": f"{schema_file.name}#/$defs/line"}


@cache
def load(path: Path) -> dict[str, Any]:
    """Return the schema in a file, which has to be one.

    Raises:
        SchemaError: It is none.
    """
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    _check_words(schema, str(path))
    return schema


def _check_words(schema: Any, place: str) -> None:
    """Refuse a misspelt keyword, which the standard would ignore."""
    if not isinstance(schema, Mapping):
        return
    known = {*Draft202012Validator.VALIDATORS, "$schema", "$defs", "title", "contentEncoding"}
    assert schema.keys() <= known, f"{place}: {schema.keys() - known} is no keyword"
    for name, content in schema.items():
        if name in ("properties", "$defs"):
            for member, one in content.items():
                _check_words(one, f"{place}/{name}/{member}")
        elif name in ("items", "additionalProperties"):
            _check_words(content, f"{place}/{name}")
        elif name == "anyOf":
            for one in content:
                _check_words(one, f"{place}/{name}")


@cache
def _registry(folder: Path) -> Registry[Any]:
    schemas = ((path.name, load(path)) for path in folder.glob("*.json"))
    return Registry[Any]().with_resources(
        (name, Resource.from_contents(schema, default_specification=DRAFT202012))
        for name, schema in schemas
    )
