"""What a plant is described with: its templates and objects with their attributes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mxgateway.generated.mxaccess_gateway.v1 import MxDataType
from mxgateway.simulator.alarms.conditions import Condition
from mxgateway.simulator.galaxy.model import AttributeSpec
from mxgateway.simulator.moment import Signal
from mxgateway.simulator.tag import GOOD, Classification

__all__ = ["SELF", "Condition", "ModelAttribute", "ModelObject", "ModelTemplate"]

SELF = "Me"
"""What the alarm of an attribute has for its own reference until an object has it."""


@dataclass(frozen=True, kw_only=True)
class ModelAttribute:
    """One attribute of a template or an object.

    Attributes:
        name: Its name; dots are allowed inside.
        data_type: Its MXAccess type.
        value: Initial value; None for no value yet.
        length: Number of elements of an array; None for a scalar.
        classification: Security classification.
        category: Attribute category (MXAccess reference, section 7.1).
        historized: Whether it is historized.
        quality: Initial OPC DA quality.
        signal: What moves it, or None.
        flagged: Whether the galaxy lists it with an alarm even where it has no condition.
        alarms: Its alarm conditions, with `Me` for their reference; `Me.` and
            `MyContainer.` begin the setpoint of a deviation alarm where it is relative.
        description: What it is.
        units: Engineering units.
        locked: Whether it is locked, as only an attribute of a lockable category can be.
        labels: The labels of a QualifiedEnum, in the order of their numbers from 0.
    """

    name: str
    data_type: MxDataType
    value: Any = None
    length: int | None = None
    classification: int = Classification.OPERATE
    category: int = 10
    historized: bool = False
    quality: int = GOOD
    signal: Signal | None = None
    flagged: bool = False
    alarms: tuple[Condition, ...] = ()
    description: str = ""
    units: str = ""
    locked: bool = False
    labels: tuple[str, ...] = ()

    @cached_property
    def galaxy_attribute(self) -> AttributeSpec:
        """The attribute as the galaxy lists it."""
        return AttributeSpec(
            self.name,
            int(self.data_type) - 2,  # the native number; the contract's is two more
            classification=int(self.classification),
            category=self.category,
            alarm=self.flagged or bool(self.alarms),
            historized=self.historized,
            length=self.length,
        )


@dataclass(frozen=True, kw_only=True)
class ModelTemplate:
    """One template.

    Attributes:
        name: Its name, with the `$`.
        derived_from: The template it derives from, described or of `BASE_TEMPLATES`;
            "" for a template that derives from none.
        category: Category of its objects; None for that of the template above.
        attributes: What it adds or overrides.
    """

    name: str
    derived_from: str = "$UserDefined"
    category: int | None = None
    attributes: tuple[ModelAttribute, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ModelObject:
    """One object.

    Attributes:
        name: Tag name.
        template: Its template.
        id: Gobject id; 0 for the next free one.
        parent: Tag name of its area or of the object that contains it; "" for a root.
        host: Tag name of the object that hosts it; "" for none.
        contained_name: Its name inside the object that contains it.
        attributes: What it has besides the attributes of its template, or instead.
        description: What it is.
        security_group: The security group that it is in; "" for "Default".
    """

    name: str
    template: str
    id: int = 0
    parent: str = ""
    host: str = ""
    contained_name: str = ""
    attributes: tuple[ModelAttribute, ...] = ()
    description: str = ""
    security_group: str = ""
