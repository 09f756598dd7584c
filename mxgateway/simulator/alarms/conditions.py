"""When an attribute is in alarm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Condition", "DeviationAlarm", "DiscreteAlarm", "LimitAlarm"]


@dataclass(frozen=True, kw_only=True)
class LimitAlarm:
    """Alarms at limits of a number: on at the limit, off at the limit less the deadband.

    Attributes:
        reference: The attribute, `Tank_001.Level`.
        limits: Limit and priority by name: LoLo, Lo, Hi, HiHi.
        deadband: Distance that the value has to come back from a limit.
        description: What the alarm says.
        category: Its category.
        area: Its group; "" for the area of the object.
    """

    reference: str
    limits: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    deadband: float = 0.0
    description: str = ""
    category: str = "Value"
    area: str = ""


@dataclass(frozen=True, kw_only=True)
class DiscreteAlarm:
    """An alarm while a Boolean is `active`."""

    reference: str
    active: bool = True
    priority: int = 500
    description: str = ""
    category: str = "Discrete"
    area: str = ""


@dataclass(frozen=True, kw_only=True)
class DeviationAlarm:
    """Alarms where a number is too far from a setpoint; tolerance and priority each."""

    reference: str
    setpoint: str
    minor: tuple[float, int] | None = None
    major: tuple[float, int] | None = None
    deadband: float = 0.0
    description: str = ""
    category: str = "Deviation"
    area: str = ""


Condition = LimitAlarm | DiscreteAlarm | DeviationAlarm
