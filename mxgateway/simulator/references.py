"""From the text of a reference to an attribute (MXAccess reference, section 8)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mxgateway.generated.mxaccess_gateway.v1 import MxDataType
from mxgateway.simulator.galaxy.model import Galaxy, ObjectSpec
from mxgateway.simulator.plant import Plant, Tag

__all__ = [
    "BARE_ARRAY",
    "BITS",
    "ENGINES",
    "ENUM_ORDINAL",
    "INVALID_REFERENCE",
    "PLATFORM",
    "PROPERTIES",
    "References",
    "Target",
]

ENUM_ORDINAL = "#enumordinal"
"""The property that is the number behind a QualifiedEnum, in lower case."""


# Detail codes, MXAccess reference, section 4.1.
INVALID_REFERENCE = 6
BARE_ARRAY = 1003

# Object categories, MXAccess reference, section 7.2.
PLATFORM = 1
ENGINES = frozenset({3, 4})

_INDEX = r"(?:\[(?P<index>-?[0-9]{0,18})\])?"
_PROPERTY = r"PROPERTY\((?P<property>\w+)\)"
_PLAIN = re.compile(rf"(?P<name>[^()\[\]]+){_INDEX}(?:\.{_PROPERTY})?", re.IGNORECASE)
_SPELT_OUT = re.compile(
    rf"(?P<name>[^()\[\]]+)\.ATTRIBUTE\((?P<attribute>[^()\[\]]+)\){_INDEX}"
    rf"(?:\.(?:{_PROPERTY}|(?P<word>#?\w+)))?",
    re.IGNORECASE,
)
PROPERTIES = frozenset(
    {
        "value",
        "type",
        "quality",
        "dimension1",
        "securityclassification",
        "locked",
        "category",
        ENUM_ORDINAL,
    }
)
"""The properties of an attribute by name, in lower case (MXAccess reference, section 8)."""

BITS = frozenset(f"{bit:02}" for bit in range(32))
"""The properties that are one bit of an Integer."""

_RELATIVE = frozenset({"me", "mycontainer", "myarea", "myhost", "myengine", "myplatform"})
# The formal grammar lets contained names follow these two only.
_MAY_LEAD_INSIDE = frozenset({"mycontainer", "myarea"})
_DEFAULT_ATTRIBUTE = ".PV"
_ENUM = MxDataType.QUALIFIED_ENUM


@dataclass(frozen=True, slots=True)
class Target:
    """What a reference leads to.

    Attributes:
        tag: The attribute, or None where the reference leads nowhere.
        index: Element counted from 1, or None for the whole value.
        detail: Detail code of the failure, 0 where there is a tag.
        part: A property of the attribute in lower case ("quality", "07"); "" for its value.
    """

    tag: Tag | None
    index: int | None = None
    detail: int = 0
    part: str = ""


_NOWHERE = Target(None, None, INVALID_REFERENCE)


class References:
    """Resolves references against the running plant and the deployed galaxy.

    Comparison ignores case. Without a galaxy, `Me` still works for a context that
    is an object's tag name; every other relative name leads nowhere.

    Args:
        plant: The attributes.
        galaxy: Returns what is deployed now: who contains and hosts whom.
    """

    def __init__(self, plant: Plant, galaxy: Callable[[], Galaxy] = lambda: Galaxy(())) -> None:
        self._plant = plant
        self.galaxy = galaxy

    def normalise(self, definition: str, context: str = "") -> str:
        """Return `definition` with `[]` appended if it is the bare name of an array."""
        bare = self.resolve(definition, context).detail == BARE_ARRAY
        return f"{definition}[]" if bare else definition

    def resolve(self, definition: str, context: str = "") -> Target:
        """Return what `definition` leads to; a failure is a Target with a detail code.

        `context` is the object that gives the relative names a meaning; without one
        they lead nowhere.
        """
        target = self._resolve(definition, context)
        return target if target.tag is None or not target.tag.hidden else _NOWHERE

    def _resolve(self, definition: str, context: str) -> Target:
        tag = self._plant.find(definition)
        if tag is not None:
            return _whole(tag)
        match = _PLAIN.fullmatch(definition) or _SPELT_OUT.fullmatch(definition)
        if match is None:
            return _NOWHERE
        found = match.groupdict()
        name, inside = self._absolute(found["name"], context)
        attribute, index = found.get("attribute"), found["index"]
        if "" in name.split("."):
            return _NOWHERE
        part = (found["property"] or found.get("word") or "").lower()
        if attribute is not None:
            tag = self._find(f"{name}.{attribute}", inside=inside, rest=attribute)
        else:
            tag = self._find(name, inside=inside)
            if tag is None and index is None and not part:
                tag, part = self._without_attribute_or_value(name, inside=inside)
        if tag is None:
            return _NOWHERE
        return _property(tag, part, index) if part else _element(tag, index)

    def name(self, definition: str, context: str = "") -> str:
        """Return the full reference that `definition` means, or as much as is known of it.

        The attribute's own name without `[]` where it leads to one; else the text,
        with a relative name replaced.
        """
        tag = self.resolve(definition, context).tag
        if tag is not None:
            return tag.spec.reference
        head, dot, rest = definition.partition(".")
        name, _ = self._absolute(head, context)
        return f"{name}{dot}{rest}" if name else definition

    def hosts(self, object_name: str) -> Iterator[ObjectSpec]:
        """Yield what an object runs on: its area or engine, the engine, the platform."""
        galaxy = self.galaxy()
        spec = galaxy.by_tag(object_name)
        seen: set[int] = set()
        while spec is not None and spec.host and spec.host not in seen:
            seen.add(spec.host)
            spec = galaxy.by_id(spec.host)
            if spec is not None:
                yield spec

    # -- names -------------------------------------------------------------------

    def _find(self, name: str, *, inside: bool, rest: str = "") -> Tag | None:
        """Return the attribute, by tag name or, where that is allowed, by contained names."""
        tag = self._plant.find(name)
        if tag is None:
            tag_name, left = self._through_contained_names(name)
            tag = self._plant.find(f"{tag_name}.{left}") if tag_name and left else None
        if tag is None:
            return None
        if rest and tag.spec.reference.partition(".")[2].lower() != rest.lower():
            return None  # ATTRIBUTE(...) is the whole attribute, not the way to it
        if not inside and tag.owner.name.lower() != name.partition(".")[0].lower():
            return None
        return tag

    def _without_attribute_or_value(self, name: str, *, inside: bool) -> tuple[Tag | None, str]:
        """Read `Object` as `Object.PV`, and `Object.Attribute.Property` as what it says."""
        tag_name, left = self._through_contained_names(name)
        if not left and (tag_name or "." not in name):
            tag = self._plant.find(f"{tag_name or name}{_DEFAULT_ATTRIBUTE}")
            return (None, "") if tag is None or tag.is_array else (tag, "")
        head, _, word = name.rpartition(".")
        if word.lower() in PROPERTIES or word in BITS:
            return self._find(head, inside=inside), word.lower()
        return None, ""

    def _through_contained_names(self, name: str) -> tuple[str, str]:
        """Return the tag name of the object that `name` leads to, and what is left of it."""
        galaxy = self.galaxy()
        head, *rest = name.split(".")
        spec = galaxy.by_tag(head)
        if spec is None:
            return "", name
        while rest:
            word = rest[0].lower()
            inner = next(
                (c for c in galaxy.children(spec.id) if c.contained_name.lower() == word), None
            )
            if inner is None:
                break
            spec = inner
            del rest[0]
        return spec.tag_name, ".".join(rest)

    def _absolute(self, name: str, context: str) -> tuple[str, bool]:
        """Replace a relative name; return also whether contained names may follow.

        The name is empty where the relative one has no meaning.
        """
        head, dot, rest = name.partition(".")
        word = head.lower()
        if word not in _RELATIVE:
            return name, True
        found = self._relative(word, context) if context else ""
        return (f"{found}{dot}{rest}" if found else ""), word in _MAY_LEAD_INSIDE

    def _relative(self, word: str, context: str) -> str:
        galaxy = self.galaxy()
        tag_name, left = self._through_contained_names(context)
        spec = galaxy.by_tag(tag_name) if tag_name and not left else None
        if spec is None:
            return context if word == "me" else ""
        above = galaxy.by_id(spec.parent)
        found: ObjectSpec | None = spec
        match word:
            case "mycontainer":
                found = None if above is None or above.is_area else above
            case "myarea":
                while above is not None and not above.is_area:
                    above = galaxy.by_id(above.parent)
                found = above
            case "myhost":
                found = galaxy.by_id(spec.host)
            case "myengine" | "myplatform":
                wanted = ENGINES if word == "myengine" else {PLATFORM}
                found = next(
                    (s for s in (spec, *self.hosts(spec.tag_name)) if s.category in wanted), None
                )
        return "" if found is None else found.tag_name


def _whole(tag: Tag) -> Target:
    return Target(None, None, BARE_ARRAY) if tag.is_array else Target(tag)


def _element(tag: Tag, index: str | None) -> Target:
    if index is None:
        return _whole(tag)
    if not tag.is_array:
        return _NOWHERE
    if index in ("", "-1"):
        return Target(tag)
    element = int(index)
    return Target(tag, element) if 1 <= element <= len(tag.value or ()) else _NOWHERE


def _property(tag: Tag, part: str, index: str | None) -> Target:
    if part == "value":
        return Target(tag) if index is None else _element(tag, index)
    if index is not None:
        return _NOWHERE
    if part in BITS:
        fits = tag.info.kind == "int32_value" and not tag.is_array
        return Target(tag, part=part) if fits else _NOWHERE
    if part == ENUM_ORDINAL and (tag.is_array or tag.info.data_type is not _ENUM):
        return _NOWHERE
    return Target(tag, part=part) if part in PROPERTIES else _NOWHERE
