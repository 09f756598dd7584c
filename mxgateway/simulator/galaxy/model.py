"""A deployed galaxy: objects and attributes as they are described, and how they hang together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from mxgateway.errors import ConfigurationError
from mxgateway.generated.galaxy_repository.v1 import GalaxyAttribute, GalaxyObject

__all__ = ["AREA", "DATA_TYPES", "AttributeSpec", "Galaxy", "ObjectSpec"]

AREA = 13
"""The category of areas (MXAccess reference, section 7.2)."""

DATA_TYPES: dict[int, str] = {
    0: "NoData",
    1: "Boolean",
    2: "Integer",
    3: "Float",
    4: "Double",
    5: "String",
    6: "Time",
    7: "ElapsedTime",
    8: "ReferenceType",
    9: "StatusType",
    10: "DataTypeEnum",
    11: "SecurityClassificationEnum",
    12: "DataQualityType",
    13: "QualifiedEnum",
    14: "QualifiedStruct",
    15: "InternationalizedString",
    16: "BigString",
}
"""Names of the native data types (MXAccess reference, section 3)."""


@dataclass(frozen=True, slots=True)
class AttributeSpec:
    """One attribute of an object, without the object's name.

    Attributes:
        name: Attribute name.
        data_type: Native number of its type, a key of `DATA_TYPES`.
        classification: Security classification (MXAccess reference, section 6).
        category: Attribute category (MXAccess reference, section 7.1).
        alarm: Whether it has an alarm.
        historized: Whether it is historized.
        length: Number of elements of an array; None for a scalar.

    Raises:
        ConfigurationError: The name is empty, or the type or the length is none.
    """

    name: str
    data_type: int
    classification: int = 1
    category: int = 10
    alarm: bool = False
    historized: bool = False
    length: int | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise ConfigurationError("an attribute has no name")
        if self.data_type not in DATA_TYPES:
            raise ConfigurationError(
                f"attribute {self.name}: there is no data type {self.data_type}; "
                f"give 0 to {max(DATA_TYPES)}"
            )
        if self.length is not None and not 0 < self.length <= 32_767:
            raise ConfigurationError(f"attribute {self.name}: an array has 1 to 32767 elements")

    def message(self, tag_name: str) -> GalaxyAttribute:
        """Return the attribute as the gateway sends it for an object."""
        is_array = self.length is not None
        return GalaxyAttribute(
            attribute_name=self.name,
            full_tag_reference=f"{tag_name}.{self.name}{'[]' if is_array else ''}",
            mx_data_type=self.data_type,
            data_type_name=DATA_TYPES[self.data_type],
            is_array=is_array,
            array_dimension=self.length or 0,
            array_dimension_present=is_array,
            mx_attribute_category=self.category,
            security_classification=self.classification,
            is_historized=self.historized,
            is_alarm=self.alarm,
        )


@dataclass(frozen=True)
class ObjectSpec:
    """One object of a galaxy.

    Attributes:
        id: Its gobject id, above 0.
        tag_name: Its tag name, unique in the galaxy.
        parent: The id of its area, or of the object that contains it; 0 for a root.
        category: Object category (MXAccess reference, section 7.2).
        templates: Its templates, the nearest first.
        attributes: Its attributes; objects of one template may share the tuple.
        contained_name: Its name inside its container; empty where it has none.
        host: The id of the object that hosts it; 0 for none.
    """

    id: int
    tag_name: str
    parent: int = 0
    category: int = 10
    templates: tuple[str, ...] = ()
    attributes: tuple[AttributeSpec, ...] = ()
    contained_name: str = ""
    host: int = 0

    @property
    def is_area(self) -> bool:
        """Whether it is an area."""
        return self.category == AREA

    @property
    def display_name(self) -> str:
        """The name that trees show."""
        return self.contained_name or self.tag_name

    @property
    def has_alarm(self) -> bool:
        """Whether one of its attributes has an alarm."""
        return any(attribute.alarm for attribute in self.attributes)

    @property
    def is_historized(self) -> bool:
        """Whether one of its attributes is historized."""
        return any(attribute.historized for attribute in self.attributes)

    def message(self, *, attributes: bool = True) -> GalaxyObject:
        """Return the object as the gateway sends it, with or without its attributes."""
        return GalaxyObject(
            gobject_id=self.id,
            tag_name=self.tag_name,
            contained_name=self.contained_name,
            browse_name=self.display_name,
            parent_gobject_id=self.parent,
            is_area=self.is_area,
            category_id=self.category,
            hosted_by_gobject_id=self.host,
            template_chain=list(self.templates),
            attributes=[a.message(self.tag_name) for a in self.attributes] if attributes else [],
        )


@dataclass(frozen=True)
class Galaxy:
    """The objects of one deploy, checked, in browse order.

    Attributes:
        objects: All objects, parents before their children, areas first among
            siblings, then by display name ignoring case.

    Raises:
        ConfigurationError: An id or a tag name comes twice, or a parent is missing.
    """

    objects: tuple[ObjectSpec, ...]
    _children: dict[int, tuple[ObjectSpec, ...]] = field(init=False, repr=False, compare=False)

    def __init__(self, objects: Iterable[ObjectSpec]) -> None:
        given = list(objects)
        _check(given)
        children: dict[int, list[ObjectSpec]] = {}
        for spec in given:
            children.setdefault(spec.parent, []).append(spec)
        ordered = {parent: tuple(sorted(c, key=_order)) for parent, c in children.items()}
        object.__setattr__(self, "_children", ordered)
        in_order = tuple(spec for spec, _ in self.walk(self.roots))
        if len(in_order) != len(given):
            lost = {spec.tag_name for spec in given} - {spec.tag_name for spec in in_order}
            raise ConfigurationError(f"these objects contain each other: {', '.join(sorted(lost))}")
        object.__setattr__(self, "objects", in_order)

    @property
    def roots(self) -> tuple[ObjectSpec, ...]:
        """The objects without a parent."""
        return self._children.get(0, ())

    def children(self, gobject_id: int) -> tuple[ObjectSpec, ...]:
        """Return the children of an object in browse order."""
        return self._children.get(gobject_id, ())

    def walk(
        self, tops: Sequence[ObjectSpec], max_depth: int | None = None
    ) -> Iterator[tuple[ObjectSpec, int]]:
        """Yield `tops` and all below them with their depth, depth first; `tops` are at 0."""
        waiting = [(spec, 0) for spec in reversed(tops)]
        while waiting:
            spec, depth = waiting.pop()
            yield spec, depth
            if max_depth is None or depth < max_depth:
                waiting.extend((child, depth + 1) for child in reversed(self.children(spec.id)))

    @cached_property
    def attribute_count(self) -> int:
        """Attributes of all objects together."""
        return sum(len(spec.attributes) for spec in self.objects)

    @cached_property
    def _by_id(self) -> dict[int, ObjectSpec]:
        return {spec.id: spec for spec in self.objects}

    @cached_property
    def _by_tag(self) -> dict[str, ObjectSpec]:
        return {spec.tag_name.lower(): spec for spec in self.objects}

    @cached_property
    def _by_path(self) -> dict[str, ObjectSpec]:
        paths = {0: ""}
        found: dict[str, ObjectSpec] = {}
        for spec in self.objects:
            above = paths[spec.parent]
            path = f"{above}/{spec.display_name.lower()}" if above else spec.display_name.lower()
            paths[spec.id] = path
            found.setdefault(path, spec)
        return found

    def by_id(self, gobject_id: int) -> ObjectSpec | None:
        """Return the object with this id, or None."""
        return self._by_id.get(gobject_id)

    def by_tag(self, tag_name: str) -> ObjectSpec | None:
        """Return the object with this tag name, ignoring case, or None."""
        return self._by_tag.get(tag_name.lower())

    def by_path(self, path: str) -> ObjectSpec | None:
        """Return the object at a contained path, names between `/` or `.`, or None."""
        return self._by_path.get(path.strip("/").lower().replace(".", "/"))


def _order(spec: ObjectSpec) -> tuple[bool, str, int]:
    return not spec.is_area, spec.display_name.lower(), spec.id


def _check(objects: list[ObjectSpec]) -> None:
    ids = {spec.id for spec in objects}
    for what, counts in (
        ("gobject id", Counter(str(spec.id) for spec in objects)),
        ("tag name", Counter(spec.tag_name.lower() for spec in objects)),
    ):
        twice = [key for key, count in counts.items() if count > 1]
        if twice:
            raise ConfigurationError(f"the {what} {twice[0]} comes twice in the galaxy")
    for spec in objects:
        if spec.id <= 0 or not spec.tag_name:
            raise ConfigurationError(
                f"object {spec.tag_name!r} ({spec.id}): give an id above 0 and a tag name"
            )
        if spec.parent and spec.parent not in ids:
            raise ConfigurationError(
                f"object {spec.tag_name}: its parent {spec.parent} is not in the galaxy"
            )
        if spec.host and spec.host not in ids:
            raise ConfigurationError(
                f"object {spec.tag_name}: its host {spec.host} is not in the galaxy"
            )
