"""Writing plant files: what `load_model` reads back to an equal plant."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from mxgateway.errors import ConfigurationError
from mxgateway.simulator.alarms.conditions import DeviationAlarm, DiscreteAlarm, LimitAlarm
from mxgateway.simulator.model.categories import ATTRIBUTE_CATEGORIES, CLASSES, TYPES
from mxgateway.simulator.model.entries import Condition, ModelAttribute
from mxgateway.simulator.model.kinds import write_signal
from mxgateway.simulator.model.objects import PlantModel
from mxgateway.simulator.variant import type_info

__all__ = ["dump_model"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_NAMES = {value: name for name, value in TYPES.items()}
_CLASS_NAMES = {value: name for name, value in CLASSES.items()}
_CATEGORY_NAMES = {value: name for name, value in ATTRIBUTE_CATEGORIES.items()}


def dump_model(model: PlantModel) -> str:
    """Return the plant as the text of a plant file.

    Raises:
        ConfigurationError: It has what a file cannot hold, such as a signal of a class
            of your own.
    """
    return "\n".join(_lines(model)) + "\n"


def _lines(model: PlantModel) -> Iterator[str]:
    yield "[plant]"
    yield f"name = {_text(model.name)}"
    if model.deployed is not None:
        yield f"deployed = {_value(model.deployed)}"
    for template in model.templates:
        path = f"templates.{_key(template.name)}"
        yield ""
        yield f"[{path}]"
        yield f"derived_from = {_text(template.derived_from)}"
        if template.category is not None:
            yield f"category = {template.category}"
        yield from _attributes(path, template.attributes, {})
    for spec in model.objects:
        path = f"objects.{_key(spec.name)}"
        yield ""
        yield f"[{path}]"
        yield f"template = {_text(spec.template)}"
        yield f"id = {spec.id}"
        if spec.parent:
            key = "container" if model.container_of(spec) else "area"
            yield f"{key} = {_text(spec.parent)}"
        for key in ("contained_name", "host", "description", "security_group"):
            if value := getattr(spec, key):
                yield f"{key} = {_text(value)}"
        inherited = {a.name.lower(): a for a in model.attributes_of_template(spec.template)}
        yield from _attributes(path, spec.attributes, inherited)


def _attributes(
    path: str, attributes: tuple[ModelAttribute, ...], inherited: dict[str, ModelAttribute]
) -> Iterator[str]:
    for attribute in attributes:
        yield ""
        yield f"[{path}.attributes.{_key(attribute.name)}]"
        for key, value in _described(attribute, inherited.get(attribute.name.lower())).items():
            yield f"{key} = {_value(value)}"


def _described(attribute: ModelAttribute, inherited: ModelAttribute | None) -> dict[str, Any]:
    """Return the entries of an attribute: what is not as inherited, or not as by default."""
    table: dict[str, Any] = {}
    # An attribute that overrides another says all that a type brings along.
    compared = inherited or ModelAttribute(name=attribute.name, data_type=attribute.data_type)
    if inherited is None or attribute.data_type is not inherited.data_type:
        table["type"] = _NAMES[attribute.data_type]
    if attribute.length != compared.length:
        if attribute.length is None:
            raise ConfigurationError(
                f"{attribute.name}: a plant file cannot turn an array of the template to a scalar"
            )
        table["length"] = attribute.length
    if attribute.value is None:
        table["no_value"] = True
    elif inherited is not None or not _is_default(attribute):
        table["value"] = attribute.value
    for member, key, names in (
        ("classification", "class", _CLASS_NAMES),
        ("category", "category", _CATEGORY_NAMES),
        ("historized", "historized", {}),
        ("quality", "quality", {}),
        ("description", "description", {}),
        ("units", "units", {}),
        ("locked", "locked", {}),
        ("labels", "labels", {}),
    ):
        value = getattr(attribute, member)
        if value != getattr(compared, member):
            table[key] = names.get(value, value)
    if attribute.signal != compared.signal:
        table["signal"] = write_signal(attribute.signal)
    if (attribute.alarms, attribute.flagged) != (compared.alarms, compared.flagged):
        if attribute.flagged and attribute.alarms:
            raise ConfigurationError(f"{attribute.name} has alarms; it need not be flagged too")
        table["alarm"] = attribute.flagged or [_alarm(alarm) for alarm in attribute.alarms]
    return table


def _is_default(attribute: ModelAttribute) -> bool:
    value = type_info(attribute.data_type).default
    if attribute.length is not None:
        value = [value] * attribute.length
    return type(value) is type(attribute.value) and bool(value == attribute.value)


def _alarm(alarm: Condition) -> dict[str, Any]:
    if isinstance(alarm, LimitAlarm):
        table: dict[str, Any] = {
            "kind": "limit",
            **{name: [limit, priority] for name, (limit, priority) in alarm.limits.items()},
        }
    else:
        table = {"kind": "discrete" if isinstance(alarm, DiscreteAlarm) else "deviation"}
        if isinstance(alarm, DeviationAlarm):
            table["setpoint"] = alarm.setpoint
            for name in ("minor", "major"):
                if (pair := getattr(alarm, name)) is not None:
                    table[name] = [*pair]
    defaults = {member.name: member.default for member in fields(alarm)}
    for key in ("active", "priority", "deadband", "description", "category", "area"):
        if key in defaults and getattr(alarm, key) != defaults[key]:
            table[key] = getattr(alarm, key)
    return table


# -- TOML ------------------------------------------------------------------------


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(text: str) -> str:
    return '"' + "".join(_ESCAPES.get(c) or _safe(c) for c in text) + '"'


def _safe(char: str) -> str:
    return char if char.isprintable() else f"\\U{ord(char):08x}"


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(int(value))
        case float():
            return _float(value)
        case str():
            return _text(value)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case bytes():
            return _text(value.hex())
        case list() | tuple() | range():
            return f"[{', '.join(map(_value, value))}]"
        case dict():
            inside = ", ".join(f"{_key(key)} = {_value(each)}" for key, each in value.items())
            return f"{{ {inside} }}"
    raise ConfigurationError(f"a plant file cannot hold {type(value).__name__} values")


def _float(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
