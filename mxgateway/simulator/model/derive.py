"""What follows from a plant model: the galaxy, and the attributes of the running plant."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from mxgateway.generated.mxaccess_gateway.v1 import MxDataType
from mxgateway.simulator.alarms.conditions import DeviationAlarm, DiscreteAlarm, LimitAlarm
from mxgateway.simulator.galaxy.builtins import ALARM_MODES, all_attributes
from mxgateway.simulator.galaxy.model import AttributeSpec, Galaxy, ObjectSpec
from mxgateway.simulator.model.entries import ModelAttribute, ModelObject
from mxgateway.simulator.model.objects import PlantModel
from mxgateway.simulator.moment import is_lazy
from mxgateway.simulator.tag import TagSpec
from mxgateway.simulator.users import DEFAULT_GROUP
from mxgateway.simulator.variant import type_info

__all__ = ["ModelSource", "galaxy_of"]

# An object's attributes have ranks of their own; the built-in ones come last.
_RANKS = 1 << 20
_BUILTIN_RANK = 1 << 19


def galaxy_of(model: PlantModel) -> Galaxy:
    """Return the galaxy that the model describes."""
    shared: dict[int, tuple[AttributeSpec, ...]] = {}

    def listed(spec: ModelObject) -> tuple[AttributeSpec, ...]:
        # Objects of one template share one tuple; the model keeps it, so its id is good.
        attributes = model.attributes_of(spec)
        if id(attributes) not in shared:
            shared[id(attributes)] = tuple(each.galaxy_attribute for each in attributes)
        return shared[id(attributes)]

    def number(name: str) -> int:
        found = model.by_name.get(name.lower())
        return 0 if found is None else found.id

    chains = {template: model.chain(template) for template in {o.template for o in model.objects}}
    categories = {template: model.category(template) for template in chains}
    return Galaxy(
        ObjectSpec(
            id=spec.id,
            tag_name=spec.name,
            parent=number(spec.parent),
            category=categories[spec.template],
            templates=chains[spec.template],
            attributes=listed(spec),
            contained_name=spec.contained_name,
            host=number(spec.host),
        )
        for spec in model.objects
    )


class ModelSource:
    """Gives the running plant its attributes, one by one as they are used.

    The built-in attributes of objects and the suffixes of features are there too, but
    not counted and not listed.
    """

    def __init__(self, model: PlantModel) -> None:
        self.model = model
        self._builtin: dict[int, dict[str, tuple[int, AttributeSpec]]] = {}

    @cached_property
    def _number(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.model.by_name)}

    def __len__(self) -> int:
        return sum(len(self.model.attributes_of(spec)) for spec in self.model.objects)

    def container_of(self, object_name: str) -> str:
        """Return the tag name of the object that contains another, or ""."""
        spec = self.model.by_name.get(object_name)
        container = None if spec is None else self.model.container_of(spec)
        return "" if container is None else container.name

    def specs(self) -> Iterator[tuple[TagSpec, int]]:
        """Yield all attributes with their places, built-in ones excepted."""
        for spec in self.model.objects:
            for place, attribute in enumerate(self.model.attributes_of(spec)):
                yield self._tag(spec, place, attribute)

    def following(self) -> Iterator[tuple[TagSpec, int]]:
        """Yield the attributes whose signals have to be computed at every scan."""
        found: dict[int, list[tuple[int, ModelAttribute]]] = {}
        for spec in self.model.objects:
            attributes = self.model.attributes_of(spec)
            if id(attributes) not in found:
                found[id(attributes)] = [
                    (place, each)
                    for place, each in enumerate(attributes)
                    if each.signal is not None and not is_lazy(each.signal)
                ]
            for place, attribute in found[id(attributes)]:
                yield self._tag(spec, place, attribute)

    def find(self, name: str) -> tuple[TagSpec, int] | None:
        """Return the attribute of that name (in lower case, without `[]`) and its place."""
        for spec, rest in self.model.paths(name):
            found = self.model.named_attributes(spec).get(rest)
            if found is not None:
                return self._tag(spec, *found)
            builtin = self._builtins(spec).get(rest)
            if builtin is not None:
                return self._builtin_tag(spec, *builtin)
        return None

    def _tag(self, spec: ModelObject, place: int, each: ModelAttribute) -> tuple[TagSpec, int]:
        tag = TagSpec(
            f"{spec.name}.{each.name}",
            each.data_type,
            each.value,
            each.classification,
            each.category,
            each.signal,
            each.quality,
            is_array=each.length is not None,
            locked=each.locked,
            labels=each.labels,
        )
        return tag, self._number[spec.name.lower()] * _RANKS + place

    # -- built-in attributes -----------------------------------------------------

    def _builtins(self, spec: ModelObject) -> dict[str, tuple[int, AttributeSpec]]:
        attributes = self.model.attributes_of(spec)
        found = self._builtin.get(id(attributes))
        if found is None:
            listed = tuple(each.galaxy_attribute for each in attributes)
            found = self._builtin[id(attributes)] = {
                each.name.lower(): (place, each)
                for place, each in enumerate(
                    all_attributes(self.model.category(spec.template), listed)
                )
            }
        return found

    def _builtin_tag(
        self, spec: ModelObject, place: int, each: AttributeSpec
    ) -> tuple[TagSpec, int]:
        data_type = MxDataType(each.data_type + 2)
        value = self._builtin_value(spec, each.name)
        if value is None:
            value = type_info(data_type).default
            if each.length is not None:
                value = [value] * each.length
        tag = TagSpec(
            f"{spec.name}.{each.name}",
            data_type,
            value,
            each.classification,
            each.category,
            is_array=each.length is not None,
            labels=ALARM_MODES if each.name in ("AlarmMode", "AlarmModeCmd") else (),
        )
        return tag, self._number[spec.name.lower()] * _RANKS + _BUILTIN_RANK + place

    def _builtin_value(self, spec: ModelObject, name: str) -> Any:
        match name:
            case "Tagname":
                return spec.name
            case "ContainedName":
                return spec.contained_name
            case "HierarchicalName":
                return self._hierarchical_name(spec)
            case "Area":
                return self.model.area_of(spec)
            case "Container":
                return self.container_of(spec.name.lower())
            case "Host":
                return spec.host
            case "ShortDesc":
                return spec.description
            case "SecurityGroup":
                return spec.security_group or DEFAULT_GROUP
            case "ScanState" | "ScanStateCmd":
                return True
            case "AlarmMode" | "AlarmModeCmd":
                return "Enable"
            case "_Attributes":
                return [each.name for _, each in self._builtins(spec).values()]
        return self._suffix_value(spec, name)

    def _hierarchical_name(self, spec: ModelObject) -> str:
        container = self.model.container_of(spec)
        if container is None:
            return spec.name
        return f"{self._hierarchical_name(container)}.{spec.contained_name}"

    def _suffix_value(self, spec: ModelObject, name: str) -> Any:
        """Return what a suffix of section 7.3 says about the attribute it belongs to."""
        named = self.model.named_attributes(spec)
        owner, _, suffix = name.rpartition(".")
        limit = ""
        if owner.lower() not in named:
            owner, _, limit = owner.rpartition(".")
        found = named.get(owner.lower())
        if found is None:
            return None
        attribute = found[1]
        match suffix:
            case "Description":
                return attribute.description
            case "EngUnits":
                return attribute.units
            case "Acked":
                return True  # nothing has been in alarm yet
        for alarm in attribute.alarms:
            value = _alarm_value(alarm, limit, suffix)
            if value is not None:
                return value
        return None


def _alarm_value(
    alarm: LimitAlarm | DiscreteAlarm | DeviationAlarm, limit: str, suffix: str
) -> Any:
    if isinstance(alarm, DiscreteAlarm):
        return {
            "Priority": alarm.priority,
            "Category": alarm.category,
            "ActiveAlarmState": alarm.active,
        }.get(suffix)
    if limit == "LevelAlarm" and suffix == "ValueDeadband":
        return alarm.deadband
    if isinstance(alarm, LimitAlarm) and limit in alarm.limits:
        value, priority = alarm.limits[limit]
        return {"Limit": value, "Priority": priority}.get(suffix)
    return None
