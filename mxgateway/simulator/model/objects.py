"""PlantModel: templates and objects as a whole, and what follows for each object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Self

from mxgateway.errors import ConfigurationError
from mxgateway.simulator.alarms.conditions import DeviationAlarm
from mxgateway.simulator.galaxy.model import AREA
from mxgateway.simulator.model.categories import BASE_TEMPLATES
from mxgateway.simulator.model.check import problems_of
from mxgateway.simulator.model.entries import (
    Condition,
    ModelAttribute,
    ModelObject,
    ModelTemplate,
)

__all__ = ["PlantModel"]

_APPLICATION_OBJECT = 10


@dataclass(frozen=True)
class PlantModel:
    """A plant: running attributes, galaxy and alarms are all derived from it.

    Args:
        objects: The objects.
        templates: Their templates, but for those of `BASE_TEMPLATES`.
        name: Name of the plant.
        deployed: When it was deployed; None for when the simulator starts.

    Raises:
        ConfigurationError: It is not sound; the text has all that is wrong.
    """

    objects: tuple[ModelObject, ...]
    templates: tuple[ModelTemplate, ...] = ()
    name: str = "Plant"
    deployed: datetime | None = None
    _made: dict[str, tuple[ModelAttribute, ...]] = field(init=False, repr=False, compare=False)
    _named: dict[str, dict[str, tuple[int, ModelAttribute]]] = field(
        init=False, repr=False, compare=False
    )

    def __init__(
        self,
        objects: Iterable[ModelObject],
        templates: Iterable[ModelTemplate] = (),
        *,
        name: str = "Plant",
        deployed: datetime | None = None,
    ) -> None:
        self._set(objects, templates, name, deployed)
        problems = problems_of(self)
        if problems:
            raise ConfigurationError(
                "the plant is not sound: "
                + "; ".join(f"{'.'.join(path)}: {text}" for path, text in problems)
            )

    @classmethod
    def draft(
        cls,
        objects: Iterable[ModelObject],
        templates: Iterable[ModelTemplate],
        *,
        name: str = "Plant",
        deployed: datetime | None = None,
    ) -> Self:
        """Return a model that has not been checked; `problems_of` does it."""
        model = cls.__new__(cls)
        model._set(objects, templates, name, deployed)
        return model

    def _set(
        self,
        objects: Iterable[ModelObject],
        templates: Iterable[ModelTemplate],
        name: str,
        deployed: datetime | None,
    ) -> None:
        setting = object.__setattr__
        setting(self, "objects", _numbered(tuple(objects)))
        setting(self, "templates", tuple(templates))
        setting(self, "name", name)
        setting(self, "deployed", deployed)
        setting(self, "_made", {})
        setting(self, "_named", {})

    # -- templates ---------------------------------------------------------------

    @cached_property
    def _templates(self) -> dict[str, ModelTemplate]:
        return {template.name: template for template in self.templates}

    def template(self, name: str) -> ModelTemplate | None:
        """Return the template of that name; None for one that is not described."""
        return self._templates.get(name)

    def chain(self, template: str) -> tuple[str, ...]:
        """Return a template and those above it, the nearest first."""
        names = []
        while template and template not in names:
            names.append(template)
            described = self.template(template)
            if described is not None:
                template = described.derived_from
            else:
                template = f"${template[2:]}" if template.startswith("$g") else ""
        return tuple(names)

    def category(self, template: str) -> int:
        """Return the category of the objects of a template."""
        for name in self.chain(template):
            described = self.template(name)
            if described is not None and described.category is not None:
                return described.category
            if described is None:
                return BASE_TEMPLATES.get(name, _APPLICATION_OBJECT)
        return _APPLICATION_OBJECT

    def attributes_of(self, spec: ModelObject) -> tuple[ModelAttribute, ...]:
        """Return all attributes of an object; objects of one template share the tuple."""
        if not spec.attributes:
            return self.attributes_of_template(spec.template)
        made = self._made.get(spec.name)
        if made is None:
            made = _merged(self.attributes_of_template(spec.template), spec.attributes)
            self._made[spec.name] = made
        return made

    def attributes_of_template(self, template: str) -> tuple[ModelAttribute, ...]:
        """Return the attributes that a template gives its objects, inherited ones first."""
        made = self._made.get(template)
        if made is None:
            made = ()
            for name in reversed(self.chain(template)):
                described = self.template(name)
                if described is not None:
                    made = _merged(made, described.attributes)
            self._made[template] = made
        return made

    # -- objects -----------------------------------------------------------------

    @cached_property
    def by_name(self) -> dict[str, ModelObject]:
        """The objects by their tag names in lower case."""
        return {spec.name.lower(): spec for spec in self.objects}

    @cached_property
    def _contained(self) -> dict[tuple[str, str], ModelObject]:
        return {
            (spec.parent.lower(), spec.contained_name.lower()): spec
            for spec in self.objects
            if spec.contained_name
        }

    def paths(self, name: str) -> Iterator[tuple[ModelObject, str]]:
        """Yield what a reference in lower case may mean: objects, each with the rest of the name.

        The name begins with a tag name; contained names may follow (MXAccess reference,
        section 8).
        """
        first, _, rest = name.partition(".")
        spec = self.by_name.get(first)
        while spec is not None and rest:
            yield spec, rest
            contained, _, rest = rest.partition(".")
            spec = self._contained.get((spec.name.lower(), contained))

    def locate(self, reference: str) -> tuple[ModelObject, ModelAttribute] | None:
        """Return the object and the attribute that a reference means, or None."""
        for spec, rest in self.paths(reference.lower()):
            found = self.named_attributes(spec).get(rest)
            if found is not None:
                return spec, found[1]
        return None

    def named_attributes(self, spec: ModelObject) -> dict[str, tuple[int, ModelAttribute]]:
        """Return the attributes of an object by name in lower case, each with its place."""
        attributes = self.attributes_of(spec)
        key = spec.name if spec.attributes else spec.template
        named = self._named.get(key)
        if named is None:
            named = self._named[key] = {
                attribute.name.lower(): (place, attribute)
                for place, attribute in enumerate(attributes)
            }
        return named

    def is_area(self, spec: ModelObject) -> bool:
        """Whether an object is an area."""
        return self.category(spec.template) == AREA

    def above(self, spec: ModelObject) -> Iterator[ModelObject]:
        """Yield the objects above one, the nearest first."""
        seen = {spec.name.lower()}
        while (key := spec.parent.lower()) in self.by_name and key not in seen:
            seen.add(key)
            spec = self.by_name[key]
            yield spec

    def container_of(self, spec: ModelObject) -> ModelObject | None:
        """Return the object that contains one; None where its parent is an area."""
        parent = self.by_name.get(spec.parent.lower())
        return None if parent is None or self.is_area(parent) else parent

    def area_of(self, spec: ModelObject) -> str:
        """Return the tag name of the area of an object; contained ones take their container's."""
        for above in self.above(spec):
            if self.is_area(above):
                return above.name
        return ""

    # -- alarms ------------------------------------------------------------------

    @cached_property
    def alarms(self) -> tuple[Condition, ...]:
        """The alarm conditions of all objects, each with reference, description and area."""
        return tuple(self._alarms())

    def _alarms(self) -> Iterator[Condition]:
        for spec in self.objects:
            for attribute in self.attributes_of(spec):
                for alarm in attribute.alarms:
                    yield self._alarm(spec, attribute, alarm)

    def _alarm(self, spec: ModelObject, attribute: ModelAttribute, alarm: Condition) -> Condition:
        made = replace(
            alarm,
            reference=f"{spec.name}.{attribute.name}",
            description=alarm.description or attribute.description or spec.description,
            area=alarm.area or self.area_of(spec),
        )
        if isinstance(made, DeviationAlarm):
            return replace(made, setpoint=self.absolute(spec, made.setpoint))
        return made

    def absolute(self, spec: ModelObject, reference: str) -> str:
        """Return a reference with `Me.` and `MyContainer.` replaced for an object."""
        head, dot, rest = reference.partition(".")
        if head.lower() == "me":
            return f"{spec.name}{dot}{rest}"
        if head.lower() == "mycontainer":
            container = self.container_of(spec)
            return f"{container.name if container else ''}{dot}{rest}"
        return reference


def _merged(
    inherited: tuple[ModelAttribute, ...], own: tuple[ModelAttribute, ...]
) -> tuple[ModelAttribute, ...]:
    found = {attribute.name.lower(): attribute for attribute in inherited}
    for attribute in own:
        found[attribute.name.lower()] = attribute
    return tuple(found.values())


def _numbered(objects: tuple[ModelObject, ...]) -> tuple[ModelObject, ...]:
    taken = {spec.id for spec in objects}
    if 0 not in taken:
        return objects
    free = (number for number in range(1, len(objects) + len(taken) + 1) if number not in taken)
    return tuple(spec if spec.id else replace(spec, id=next(free)) for spec in objects)
