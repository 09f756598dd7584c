"""The plant of the grpcio gateway as plain data: tags, objects and alarm conditions.

Nothing here belongs to a gateway, so that another one can be given the same plant.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "ALARM_TAG",
    "AREA",
    "OBJECTS",
    "PROBE",
    "PUMPS",
    "TAGS",
    "USERS",
    "AttributeRow",
    "ObjectRow",
    "TagRow",
    "UserRow",
]

AREA = "Area_001"
PROBE = "SimProbe_001"
PUMPS = 250
"""Pumps of the area; more than fit on one page of 100."""
ALARM_TAG = f"{PROBE}.TestAlarm"
"""A Boolean that is an alarm while it is true."""

FREE, OPERATE, SECURED, VERIFIED, VIEW_ONLY = 0, 1, 2, 3, 6
CALCULATED, WRITEABLE = 2, 10


@dataclass(frozen=True, slots=True)
class TagRow:
    """One attribute that can be read.

    Attributes:
        reference: Its reference, an array without `[]`.
        type: Boolean, Integer, Float, Double, String or Time.
        value: What it has at the start; a list for an array, nanoseconds since 1970 for
            a Time, None for none.
        quality: The OPC DA quality.
        classification: The security classification.
    """

    reference: str
    type: str
    value: object
    quality: int = 192
    classification: int = OPERATE


@dataclass(frozen=True, slots=True)
class AttributeRow:
    """One attribute as the galaxy lists it; `type` is the native number."""

    name: str
    type: int
    length: int | None = None
    classification: int = OPERATE
    category: int = WRITEABLE
    alarm: bool = False
    historized: bool = False


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """One object of the galaxy; `parent` 0 is none."""

    id: int
    tag_name: str
    parent: int
    category: int
    templates: tuple[str, ...]
    attributes: tuple[AttributeRow, ...] = ()
    contained_name: str = ""


@dataclass(frozen=True, slots=True)
class UserRow:
    """One user of the galaxy, who may operate everything."""

    name: str
    password: str
    guid: str


USERS = (
    UserRow("operator", "valve-7", "6d4a1c52-0a51-4a8c-9b1e-000000000011"),
    UserRow("shiftlead", "gate 9", "6d4a1c52-0a51-4a8c-9b1e-000000000012"),
)

TAGS = (
    TagRow(f"{PROBE}.TestBool", "Boolean", False),
    TagRow(f"{PROBE}.TestInt", "Integer", 0),
    TagRow(f"{PROBE}.TestFloat", "Float", 0.0),
    TagRow(f"{PROBE}.TestDouble", "Double", 0.25),
    TagRow(f"{PROBE}.TestString", "String", ""),
    TagRow(f"{PROBE}.TestTime", "Time", 1_767_225_600 * 10**9),
    TagRow(f"{PROBE}.TestBoolArray", "Boolean", [False] * 8),
    TagRow(f"{PROBE}.TestIntArray", "Integer", list(range(8))),
    TagRow(f"{PROBE}.TestStringArray", "String", [f"text {n}" for n in range(10)]),
    TagRow(ALARM_TAG, "Boolean", False),
    TagRow(f"{PROBE}.Counter", "Integer", 0, classification=VIEW_ONLY),
    TagRow(f"{PROBE}.AlwaysBad", "Float", 0.0, quality=24, classification=VIEW_ONLY),
    TagRow(f"{PROBE}.NeverUpdates", "Float", None, quality=32, classification=VIEW_ONLY),
    TagRow(f"{PROBE}.ReadOnly", "Integer", 42, classification=VIEW_ONLY),
    TagRow(f"{PROBE}.Secured", "Integer", 0, classification=SECURED),
    TagRow(f"{PROBE}.Verified", "Integer", 0, classification=VERIFIED),
)

_AREA_TEMPLATES = ("$gArea", "$Area")
_NATIVE = {"Boolean": 1, "Integer": 2, "Float": 3, "Double": 4, "String": 5, "Time": 6}

_PUMP_ATTRIBUTES = (
    AttributeRow("Speed", 3, classification=VIEW_ONLY, category=CALCULATED, historized=True),
    AttributeRow("Fault", 1, classification=VIEW_ONLY, category=CALCULATED, alarm=True),
    AttributeRow("Trend", 3, length=8, classification=VIEW_ONLY, category=CALCULATED),
)
_VALVE_ATTRIBUTES = (AttributeRow("Cmd", 1), AttributeRow("Position", 3, historized=True))


def _probe_attributes() -> tuple[AttributeRow, ...]:
    return tuple(
        AttributeRow(
            row.reference.removeprefix(f"{PROBE}."),
            _NATIVE[row.type],
            length=len(row.value) if isinstance(row.value, list) else None,
            classification=row.classification,
            category=CALCULATED if row.classification == VIEW_ONLY else WRITEABLE,
            alarm=row.reference == ALARM_TAG,
        )
        for row in TAGS
    )


OBJECTS = (
    ObjectRow(1, "Plant", 0, 13, _AREA_TEMPLATES),
    ObjectRow(2, AREA, 1, 13, _AREA_TEMPLATES),
    ObjectRow(3, "Reaction", 1, 13, _AREA_TEMPLATES),
    ObjectRow(4, PROBE, 3, 10, ("$SimProbe", "$UserDefined"), _probe_attributes()),
    # Its name comes before those of the areas beside it.
    ObjectRow(5, "Agitator_001", 1, 10, ("$Agitator", "$UserDefined")),
    *(
        ObjectRow(100 + n, f"Pump_{n:03}", 2, 10, ("$Pump", "$UserDefined"), _PUMP_ATTRIBUTES)
        for n in range(1, PUMPS + 1)
    ),
    ObjectRow(1000, "Valve_001", 101, 10, ("$Pump.Outlet", "$Valve"), _VALVE_ATTRIBUTES, "Outlet"),
)
