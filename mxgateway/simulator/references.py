"""From the text of a reference to an attribute (MXAccess reference, section 8)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mxgateway.simulator.plant import Plant, Tag

__all__ = ["BARE_ARRAY", "INVALID_REFERENCE", "Target", "normalise", "resolve"]

# Detail codes, MXAccess reference, section 4.1.
INVALID_REFERENCE = 6
BARE_ARRAY = 1003

_FORM = re.compile(r"(?P<name>[^\[\]]+)(?:\[(?P<index>-?\d*)\])?")
_RELATIVE = "me."


@dataclass(frozen=True, slots=True)
class Target:
    """What a reference leads to.

    Attributes:
        tag: The attribute, or None where the reference leads nowhere.
        index: Element counted from 1, or None for the whole value.
        detail: Detail code of the failure, 0 where there is a tag.
    """

    tag: Tag | None
    index: int | None = None
    detail: int = 0


def normalise(plant: Plant, definition: str, context: str = "") -> str:
    """Return `definition` with `[]` appended if it is the bare name of an array."""
    tag = plant.find(_absolute(definition, context))
    return f"{definition}[]" if tag is not None and tag.is_array else definition


def resolve(plant: Plant, definition: str, context: str = "") -> Target:
    """Return what `definition` leads to; a failure is a Target with a detail code.

    `context` is the object that `Me` stands for; without one a relative name
    leads nowhere.
    """
    match = _FORM.fullmatch(_absolute(definition, context))
    if match is None:
        return Target(None, None, INVALID_REFERENCE)
    tag = plant.find(match["name"])
    if tag is None:
        return Target(None, None, INVALID_REFERENCE)
    index = match["index"]
    if index is None:
        return Target(None, None, BARE_ARRAY) if tag.is_array else Target(tag)
    if not tag.is_array:
        return Target(None, None, INVALID_REFERENCE)
    if index in ("", "-1"):
        return Target(tag)
    element = int(index)
    if not 1 <= element <= len(tag.value or ()):
        return Target(None, None, INVALID_REFERENCE)
    return Target(tag, element)


def _absolute(definition: str, context: str) -> str:
    if context and definition.lower().startswith(_RELATIVE):
        return f"{context}.{definition[len(_RELATIVE) :]}"
    return definition
