"""Whether a plant model is sound: every problem, each with the key path it is at.

The paths are those of the plant file; `mxgateway.simulator.model.load` adds the lines.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from mxgateway.generated.mxaccess_gateway.v1 import MxDataType
from mxgateway.simulator.alarms.conditions import DeviationAlarm, DiscreteAlarm, LimitAlarm
from mxgateway.simulator.model.categories import BASE_TEMPLATES, TYPES
from mxgateway.simulator.model.check_signals import signal_problems, type_name
from mxgateway.simulator.model.problems import Path, Problem, meant
from mxgateway.simulator.moment import Signal
from mxgateway.simulator.processes import Flow
from mxgateway.simulator.references import BITS, PROPERTIES
from mxgateway.simulator.variant import CoercionError, coerce_python, type_info

if TYPE_CHECKING:
    from mxgateway.simulator.model.entries import ModelAttribute, ModelObject
    from mxgateway.simulator.model.objects import PlantModel

__all__ = ["LONGEST_ARRAY", "problems_of", "sources_of"]

# MXAccess reference, section 8.
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_#$]{0,31}")
_ATTRIBUTE = re.compile(r"[A-Za-z_#][A-Za-z0-9_#$]{0,31}(\.[A-Za-z0-9_#$]{1,32})*")
_TEMPLATE = re.compile(r"\$[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)?")
_RESERVED = frozenset({"me", "mycontainer", "myarea", "myhost", "myengine", "myplatform", "system"})
# The whole names of the properties, which no attribute may have.
_PROPERTIES = PROPERTIES | BITS
_LONGEST_NAME = 329
_LOCKABLE = frozenset({1, 9, 10, 11})
LONGEST_ARRAY = 32_767
_PRIORITIES = range(1000)
_CLASSES = range(7)
_CATEGORIES = range(20)
_QUALITIES = range(1 << 17)  # the vendor's additions stand above the byte of OPC DA
_IDS = range(1, 1 << 31)
_LIMITS = ("LoLo", "Lo", "Hi", "HiHi")

_T = MxDataType
_NUMBERS = frozenset({_T.INTEGER, _T.FLOAT, _T.DOUBLE, _T.ELAPSED_TIME})


def problems_of(model: PlantModel) -> list[Problem]:
    """Return everything that is wrong with a model; nothing for a sound one."""
    problems = [*_templates(model), *_objects(model)]
    # What needs the whole is only looked at where the parts hang together.
    return problems or [*_attributes(model)]


# -- templates -------------------------------------------------------------------


def _templates(model: PlantModel) -> Iterator[Problem]:
    seen: set[str] = set()
    known = {template.name for template in model.templates} | BASE_TEMPLATES.keys()
    for template in model.templates:
        path = ("templates", template.name)
        if not _TEMPLATE.fullmatch(template.name):
            yield path, "a template is called $Name or $Outer.Inner"
        if template.name in seen:
            yield path, "the template is described twice"
        seen.add(template.name)
        above = template.derived_from
        if above and above not in known:
            yield (*path, "derived_from"), f"there is no template {above!r}{meant(above, known)}"
        elif above and model.chain(above)[-1:] and template.name in model.chain(above):
            yield (*path, "derived_from"), "the template derives from itself"
        yield from _own_attributes(path, template.attributes)


def _own_attributes(path: Path, attributes: tuple[ModelAttribute, ...]) -> Iterator[Problem]:
    seen: set[str] = set()
    for attribute in attributes:
        here = (*path, "attributes", attribute.name)
        if not _ATTRIBUTE.fullmatch(attribute.name):
            yield here, "an attribute name has letters, digits, _ and dots, no part above 32"
        if len(attribute.name) > _LONGEST_NAME:
            yield here, f"an attribute name has up to {_LONGEST_NAME} characters"
        if attribute.name.lower() in _PROPERTIES:
            yield here, "every attribute has a property of that name; choose another one"
        if attribute.name.lower() in seen:
            yield here, "the attribute is described twice"
        seen.add(attribute.name.lower())
        yield from _one_attribute(here, attribute)


def _one_attribute(path: Path, attribute: ModelAttribute) -> Iterator[Problem]:
    if attribute.data_type not in TYPES.values():
        yield (*path, "type"), f"no attribute has the type {attribute.data_type.name}"
        return
    info = type_info(attribute.data_type)
    length = attribute.length
    if length is not None:
        if not 1 <= length <= LONGEST_ARRAY:
            yield (*path, "length"), f"an array has 1 to {LONGEST_ARRAY} elements, not {length}"
        if info.array_kind is None:
            yield (*path, "length"), f"the type {type_name(attribute.data_type)} has no arrays"
            return
    for key, number, known in (
        ("class", attribute.classification, _CLASSES),
        ("category", attribute.category, _CATEGORIES),
        ("quality", attribute.quality, _QUALITIES),
    ):
        if number not in known:
            yield (*path, key), f"give {known.start} to {known.stop - 1}, not {number}"
    value = attribute.value
    if value is not None:
        try:
            made = coerce_python(value, info, is_array=length is not None)
        except CoercionError as error:
            yield (*path, "value"), str(error)
        else:
            if length is not None and len(made) != length:
                yield (*path, "value"), f"the value has {len(made)} elements, the array {length}"
    if attribute.locked and attribute.category not in _LOCKABLE:
        yield (*path, "locked"), "attributes of this category cannot be locked"
    yield from _labels(path, attribute)
    yield from signal_problems(path, attribute)
    for alarm in attribute.alarms:
        yield from _alarm((*path, "alarm"), attribute, alarm)


def _labels(path: Path, attribute: ModelAttribute) -> Iterator[Problem]:
    labels = attribute.labels
    if not labels:
        return
    if attribute.data_type is not _T.QUALIFIED_ENUM:
        yield (*path, "labels"), "only a QualifiedEnum has labels"
    elif len({label.lower() for label in labels}) != len(labels):
        yield (*path, "labels"), "a label comes twice; case makes no difference"
    elif attribute.value is not None and attribute.value not in labels:
        yield (*path, "value"), f"{attribute.value!r} is none of the labels"


# -- alarms ----------------------------------------------------------------------


def _alarm(path: Path, attribute: ModelAttribute, alarm: Any) -> Iterator[Problem]:
    if attribute.length is not None:
        yield path, "an array has no alarms"
        return
    if isinstance(alarm, DiscreteAlarm):
        if attribute.data_type is not _T.BOOLEAN:
            yield path, "a discrete alarm needs a Boolean"
        yield from _priority(path, "priority", alarm.priority)
        return
    if attribute.data_type not in _NUMBERS:
        yield path, "limits and deviations need a number"
    if alarm.deadband < 0:
        yield (*path, "deadband"), f"a deadband is 0 or above, not {alarm.deadband}"
    if isinstance(alarm, LimitAlarm):
        if not alarm.limits:
            yield path, f"a limit alarm has one or more of {', '.join(_LIMITS)}"
        for name, (limit, priority) in alarm.limits.items():
            if not math.isfinite(limit):
                yield (*path, name), f"give a finite limit, not {limit}"
            if name not in _LIMITS:
                yield (*path, name), f"there is no limit {name!r}{meant(name, _LIMITS)}"
            yield from _priority(path, name, priority)
        values = [alarm.limits[name][0] for name in _LIMITS if name in alarm.limits]
        if values != sorted(set(values)):
            yield path, "the limits have to rise from LoLo over Lo and Hi to HiHi"
    else:
        for name in ("minor", "major"):
            part = getattr(alarm, name)
            if part is None:
                continue
            if not part[0] > 0:
                yield (*path, name), f"a tolerance is above 0, not {part[0]}"
            yield from _priority(path, name, part[1])
        if alarm.minor is None and alarm.major is None:
            yield path, "a deviation alarm has a minor or a major tolerance"


def _priority(path: Path, name: str, priority: int) -> Iterator[Problem]:
    if priority not in _PRIORITIES:
        yield (*path, name), f"a priority is 0 to 999, not {priority}"


# -- objects ---------------------------------------------------------------------


def _objects(model: PlantModel) -> Iterator[Problem]:
    names: set[str] = set()
    ids: dict[int, str] = {}
    contained: set[tuple[str, str]] = set()
    known = {template.name for template in model.templates} | BASE_TEMPLATES.keys()
    objects = {spec.name for spec in model.objects}
    for spec in model.objects:
        path = ("objects", spec.name)
        key = spec.name.lower()
        if not _IDENTIFIER.fullmatch(spec.name) or key in _RESERVED:
            yield path, "a tag name has letters, digits and _, up to 32, and is no reserved word"
        if key in names:
            yield path, "two objects have this tag name; case makes no difference"
        names.add(key)
        if spec.id not in _IDS:
            yield (*path, "id"), f"an id is 1 to {_IDS.stop - 1}, not {spec.id}"
        if spec.id in ids:
            yield (*path, "id"), f"{ids[spec.id]} has the id {spec.id} already"
        ids.setdefault(spec.id, spec.name)
        if spec.template not in known:
            text = f"there is no template {spec.template!r}{meant(spec.template, known)}"
            yield (*path, "template"), text
        yield from _places(model, path, spec, objects)
        if spec.contained_name:
            place = spec.parent.lower(), spec.contained_name.lower()
            if place in contained:
                yield (*path, "contained_name"), f"{spec.parent} contains another one"
            contained.add(place)
        yield from _own_attributes(path, spec.attributes)


def _places(
    model: PlantModel, path: Path, spec: ModelObject, objects: set[str]
) -> Iterator[Problem]:
    for member, name in (("parent", spec.parent), ("host", spec.host)):
        if name and name.lower() not in model.by_name:
            yield (*path, member), f"there is no object {name!r}{meant(name, objects)}"
    parent = model.by_name.get(spec.parent.lower())
    if parent is None:
        return
    if any(
        above is spec or above.parent.lower() == spec.name.lower() for above in model.above(spec)
    ):
        yield (*path, "parent"), "the object contains itself"
    elif model.is_area(parent) and spec.contained_name:
        yield (*path, "contained_name"), "an object in an area has no contained name"
    elif not model.is_area(parent) and not spec.contained_name:
        yield (*path, "contained_name"), f"an object inside {parent.name} needs a contained name"
    if spec.contained_name and not _IDENTIFIER.fullmatch(spec.contained_name):
        yield (*path, "contained_name"), "a contained name has letters, digits and _, up to 32"


# -- sources ---------------------------------------------------------------------


def sources_of(signal: Signal | None) -> Iterator[str]:
    """Yield the references that a signal reads."""
    described: Any = signal
    if not is_dataclass(described):
        return  # none, or of a class that nothing is known of
    for member in fields(described):
        value = getattr(signal, member.name)
        if member.name in ("source", "enable", "setpoint") and isinstance(value, str) and value:
            yield value
        elif member.name in ("on", "off") and not isinstance(value, int):
            yield from value
        elif member.name == "flows":
            yield from (flow.source for flow in value if isinstance(flow, Flow))
        elif member.name == "signal":
            yield from sources_of(value)


def _attributes(model: PlantModel) -> Iterator[Problem]:
    """Check what signals and alarms of every object refer to."""
    for spec in model.objects:
        for attribute in model.attributes_of(spec):
            if attribute.signal is None and not attribute.alarms:
                continue
            numbers = type(attribute.signal).__name__ not in _TAKE_ANYTHING
            for reference in sources_of(attribute.signal):
                for text in _source(model, spec, reference, number=numbers):
                    yield (*_described_at(model, spec, attribute), "signal"), text
            for alarm in attribute.alarms:
                if isinstance(alarm, DeviationAlarm):
                    for text in _source(model, spec, alarm.setpoint, number=True):
                        yield (*_described_at(model, spec, attribute), "alarm"), text


_TAKE_ANYTHING = frozenset({"Interlock", "Count", "Stamp", "Lasting", "Episodes"})


def _source(model: PlantModel, spec: ModelObject, reference: str, *, number: bool) -> Iterator[str]:
    """Check one reference of a signal or an alarm."""
    located = model.locate(model.absolute(spec, reference))
    if located is None:
        yield _not_there(model, spec, reference)
    elif located[1].length is not None:
        yield f"{reference!r} of {spec.name} is an array"
    elif number and located[1].data_type not in _NUMBERS | {_T.BOOLEAN}:
        yield f"{reference!r} of {spec.name} is no number, but {type_name(located[1].data_type)}"


def _not_there(model: PlantModel, spec: ModelObject, reference: str) -> str:
    absolute = model.absolute(spec, reference)
    shown = f"{reference!r} of {spec.name}" if absolute != reference else repr(reference)
    owner = model.by_name.get(absolute.partition(".")[0].lower())
    if owner is None:
        return f"there is no attribute {shown}"
    names = [f"{owner.name}.{attribute.name}" for attribute in model.attributes_of(owner)]
    return f"there is no attribute {shown}{meant(absolute, names)}"


def _described_at(model: PlantModel, spec: ModelObject, attribute: ModelAttribute) -> Path:
    """Return where the attribute of an object is described."""
    if any(own is attribute for own in spec.attributes):
        return ("objects", spec.name, "attributes", attribute.name)
    for name in model.chain(spec.template):
        template = model.template(name)
        if template is not None and any(own is attribute for own in template.attributes):
            return ("templates", name, "attributes", attribute.name)
    return ("objects", spec.name)
