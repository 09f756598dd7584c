"""The attributes that objects have besides those of their templates.

Names are those of the MXAccess reference, section 7.3. The gateway lists them too,
several times as many rows, and never flags them as historized or alarm
(gateway semantics, section 10).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mxgateway.simulator.galaxy.model import AREA, AttributeSpec, Galaxy, ObjectSpec

__all__ = ["ALARM_MODES", "all_attributes", "with_builtins"]

ALARM_MODES = ("Enable", "Silence", "Disable")
"""The labels of `AlarmMode` and `AlarmModeCmd`, from the mildest to the strictest."""

_BOOLEAN, _INTEGER, _FLOAT, _STRING, _TIME, _ELAPSED, _REFERENCE = 1, 2, 3, 5, 6, 7, 8
_ENUM, _BIG_STRING = 13, 16

_NAMES = "_Attributes"

_VIEW_ONLY = (6, 2)  # security classification, attribute category
_TUNE = (4, 6)
_CONFIGURE = (5, 11)


def _row(kind: int, rights: tuple[int, int], *names: str) -> list[AttributeSpec]:
    return [AttributeSpec(name, kind, *rights) for name in names]


_EVERY_OBJECT = [
    *_row(_STRING, _VIEW_ONLY, "Tagname", "ContainedName", "HierarchicalName"),
    *_row(_REFERENCE, _VIEW_ONLY, "Area", "Container", "Host"),
    *_row(_STRING, _CONFIGURE, "ShortDesc", "SecurityGroup"),
    *_row(_BOOLEAN, _VIEW_ONLY, "ScanState"),
    *_row(_BOOLEAN, _TUNE, "ScanStateCmd"),
    *_row(_ENUM, _CONFIGURE, "ExecutionRelativeOrder"),
    *_row(_REFERENCE, _CONFIGURE, "ExecutionRelatedObject"),
    *_row(_BIG_STRING, _CONFIGURE, "UDAs", "Extensions", "CmdData", "UserAttrData"),
    AttributeSpec(_NAMES, _STRING, *_VIEW_ONLY, length=1),
    *_row(_ENUM, _VIEW_ONLY, "AlarmMode"),
    *_row(_ENUM, _TUNE, "AlarmModeCmd"),
    *_row(_BOOLEAN, _TUNE, "AlarmInhibit"),
    *_row(_BOOLEAN, _VIEW_ONLY, "InAlarm"),
]

_BY_CATEGORY = {
    AREA: _row(_INTEGER, _TUNE, "PlantState"),
    1: [
        *_row(
            _FLOAT,
            _VIEW_ONLY,
            *("CPULoad", "CPULoadAvg", "CPULoadMax", "CPULoadMin", "PageFaultsAvg"),
        ),
        *_row(_TIME, _VIEW_ONLY, "SystemStartupTime"),
    ],
    3: [
        *_row(_FLOAT, _VIEW_ONLY, "Scheduler.ExecutionTimeAvg", "Scheduler.TimeIdleAvg"),
        *_row(_INTEGER, _VIEW_ONLY, "Scheduler.ScanOverrunsConsecCnt"),
        *_row(_FLOAT, _VIEW_ONLY, "Engine.ProcessCPULoad"),
        *_row(_BOOLEAN, _VIEW_ONLY, "Engine.Historian.ConnectState"),
    ],
    11: [
        *_row(_INTEGER, _VIEW_ONLY, "ConnectionStatus"),
        AttributeSpec("ScanGroupList", _STRING, *_VIEW_ONLY, length=16),
    ],
}

# What an attribute gains with a feature, by suffix.
_TEXT = _row(_STRING, _CONFIGURE, "Description")
_HISTORY = [
    *_row(_STRING, _CONFIGURE, "EngUnits", "Hist.DescAttrName"),
    *_row(_FLOAT, _TUNE, "TrendHi", "TrendLo", "ValueDeadBand"),
    *_row(_ELAPSED, _TUNE, "ForceStoragePeriod"),
    *_row(_ENUM, _CONFIGURE, "InterpolationType"),
]
_STATE_ALARM = [
    *_row(_BOOLEAN, _VIEW_ONLY, "InAlarm", "Acked"),
    *_row(_STRING, _TUNE, "AckMsg"),
    *_row(_INTEGER, _TUNE, "Priority"),
    *_row(_ENUM, _CONFIGURE, "Category"),
    *_row(_STRING, _CONFIGURE, "DescAttrName"),
    *_row(_BOOLEAN, _CONFIGURE, "ActiveAlarmState"),
    *_row(_TIME, _VIEW_ONLY, "TimeAlarmOn", "TimeAlarmOff", "TimeAlarmAcked"),
    *_row(_ELAPSED, _TUNE, "Alarm.TimeDeadband"),
]
_LIMIT = [
    *_row(_BOOLEAN, _VIEW_ONLY, "Alarmed"),
    *_row(_FLOAT, _TUNE, "Limit"),
    *_row(_INTEGER, _TUNE, "Priority"),
    *_row(_STRING, _CONFIGURE, "DescAttrName"),
    *_row(_BOOLEAN, _VIEW_ONLY, "InAlarm", "Acked"),
    *_row(_STRING, _TUNE, "AckMsg"),
]
_LIMIT_ALARM = [
    *_row(_BOOLEAN, _VIEW_ONLY, "LevelAlarmed"),
    *_row(_FLOAT, _TUNE, "LevelAlarm.ValueDeadband"),
    *_row(_ELAPSED, _TUNE, "LevelAlarm.TimeDeadband"),
    *(
        replace(part, name=f"{level}.{part.name}")
        for level in ("HiHi", "Hi", "Lo", "LoLo")
        for part in _LIMIT
    ),
]


def with_builtins(galaxy: Galaxy) -> Galaxy:
    """Return the galaxy with the built-in attributes and feature suffixes of every object."""
    made: dict[tuple[int, tuple[AttributeSpec, ...]], tuple[AttributeSpec, ...]] = {}

    def attributes(spec: ObjectSpec) -> tuple[AttributeSpec, ...]:
        # Objects of one template share one tuple before, and shall do so after.
        key = (spec.category, spec.attributes)
        if key not in made:
            made[key] = all_attributes(*key)
        return made[key]

    return Galaxy(replace(spec, attributes=attributes(spec)) for spec in galaxy.objects)


def all_attributes(category: int, attributes: Sequence[AttributeSpec]) -> tuple[AttributeSpec, ...]:
    """Return the attributes of an object of that category, its own ones first.

    `_Attributes` has as many elements as there are names.
    """
    found = {attribute.name: attribute for attribute in attributes}
    for attribute in (*_EVERY_OBJECT, *_BY_CATEGORY.get(category, ())):
        found.setdefault(attribute.name, attribute)
    for attribute in attributes:
        for suffix in _features(attribute):
            name = f"{attribute.name}.{suffix.name}"
            found.setdefault(name, replace(suffix, name=name))
    found[_NAMES] = replace(found[_NAMES], length=len(found))
    return tuple(found.values())


def _features(attribute: AttributeSpec) -> list[AttributeSpec]:
    found = [*_TEXT] if attribute.category == 10 else []  # a normal user attribute
    if attribute.historized:
        found.extend(_HISTORY)
    if attribute.alarm:
        found.extend(_STATE_ALARM if attribute.data_type == _BOOLEAN else _LIMIT_ALARM)
    return found
