"""Alarm points: what a condition makes of an attribute, and how each of them stands."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mxgateway.generated.mxaccess_gateway.v1 import MxValue
from mxgateway.simulator.alarms.conditions import (
    Condition,
    DeviationAlarm,
    DiscreteAlarm,
    LimitAlarm,
)

__all__ = [
    "ELEMENT_NOT_FOUND",
    "PROVIDER",
    "AlarmPoint",
    "Judge",
    "PointSpec",
    "UnknownAlarmError",
    "points_of",
]

ELEMENT_NOT_FOUND = -2_147_023_728
"""HRESULT of acknowledging what is not there: 0x80070490, Windows' ERROR_NOT_FOUND (our choice)."""

PROVIDER = "Galaxy"
"""Name of the alarm provider (MXAccess reference, section 9)."""

Judge = Callable[[tuple[Any, ...], bool], bool]
"""Says whether values are in alarm, given whether they were before."""


class UnknownAlarmError(KeyError):
    """There is no such alarm, or nothing to acknowledge about it."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class PointSpec:
    """One alarm that can occur.

    Attributes:
        short: `Object.Attribute`, with the limit where there is one ("Tank_001.Level.Hi").
        attribute: The attribute that shows the value.
        reads: The attributes that decide.
        judge: Decides; None for an alarm that is only raised by hand.
        type_name: What kind of alarm ("HiHi").
        severity: Its priority, 1 the most urgent.
        category: Its category.
        description: What it says.
        area: Its group; "" for the area of the object.
        limit: Its limit or tolerance, or None.
    """

    short: str
    attribute: str
    reads: tuple[str, ...] = ()
    judge: Judge | None = None
    type_name: str = ""
    severity: int = 500
    category: str = ""
    description: str = ""
    area: str = ""
    limit: float | None = None

    @property
    def source(self) -> str:
        """The object it belongs to."""
        return self.attribute.partition(".")[0]


class AlarmPoint:
    """One alarm and how it stands.

    Attributes:
        spec: What it is.
        reference: `Galaxy!Area.Object.Attribute`.
        group: Its area.
        active: Whether its condition is present.
        acked: Whether the last occurrence was acknowledged.
        guid: Identity of the last occurrence at the native alarm manager; "" before the first.
        raised: When the last occurrence began.
        seen: Since when the subtag fallback sees it active; `raised` or the failover.
        changed: When it changed last.
        operator: Who acknowledged the last occurrence.
        comment: What they remarked.
        value: The value at the last change.
        forced: Raised by hand, so that its condition is not looked at.
    """

    __slots__ = (
        "acked",
        "active",
        "changed",
        "comment",
        "forced",
        "group",
        "guid",
        "operator",
        "raised",
        "reference",
        "seen",
        "spec",
        "value",
    )

    def __init__(self, spec: PointSpec, group: str, provider: str = PROVIDER) -> None:
        self.spec = spec
        self.group = group
        self.reference = f"{provider}!{group}.{spec.short}"
        self.active = False
        self.acked = True  # nothing has been in alarm yet
        self.guid = ""
        self.raised: datetime | None = None
        self.seen: datetime | None = None
        self.changed: datetime | None = None
        self.operator = ""
        self.comment = ""
        self.value: MxValue | None = None
        self.forced = False

    @property
    def subtag_guid(self) -> str:
        """The identity that the subtag fallback makes up: a hash of the reference."""
        digest = hashlib.sha256(self.reference.lower().encode()).digest()
        return str(uuid.UUID(bytes=digest[:16]))

    def __repr__(self) -> str:
        state = "active" if self.active else "inactive"
        return f"<AlarmPoint {self.reference} {state}{', acked' if self.acked else ''}>"


def points_of(
    condition: Condition, rounded: Callable[[float], float] = float
) -> Iterator[PointSpec]:
    """Yield the alarms that a condition can lead to.

    `rounded` gives a limit the precision of the attribute, so that "on at the limit" holds.
    """
    reference = condition.reference
    match condition:
        case LimitAlarm():
            for name, (limit, priority) in condition.limits.items():
                limit = rounded(limit)
                judge = (_over if name.startswith("Hi") else _under)(limit, condition.deadband)
                yield _point(condition, name, (reference,), judge, priority, limit)
        case DiscreteAlarm():
            yield PointSpec(
                short=reference,
                attribute=reference,
                reads=(reference,),
                judge=_equal(condition.active),
                type_name="DSC",
                severity=max(1, condition.priority),  # 0 is shown as 1
                category=condition.category,
                description=condition.description,
                area=condition.area,
            )
        case DeviationAlarm():
            for name, part in (("Minor", condition.minor), ("Major", condition.major)):
                if part is not None:
                    tolerance, priority = part
                    tolerance = rounded(tolerance)
                    yield _point(
                        condition,
                        f"Dev.{name}",
                        (reference, condition.setpoint),
                        _away(tolerance, condition.deadband),
                        priority,
                        tolerance,
                    )


def _point(
    condition: LimitAlarm | DeviationAlarm,
    name: str,
    reads: tuple[str, ...],
    judge: Judge,
    priority: int,
    limit: float,
) -> PointSpec:
    return PointSpec(
        short=f"{condition.reference}.{name}",
        attribute=condition.reference,
        reads=reads,
        judge=judge,
        type_name=name,
        severity=max(1, priority),  # 0 is shown as 1
        category=condition.category,
        description=condition.description,
        area=condition.area,
        limit=limit,
    )


def _over(limit: float, deadband: float) -> Judge:
    return lambda values, was: values[0] >= limit or (was and values[0] > limit - deadband)


def _under(limit: float, deadband: float) -> Judge:
    return lambda values, was: values[0] <= limit or (was and values[0] < limit + deadband)


def _away(tolerance: float, deadband: float) -> Judge:
    def judge(values: tuple[Any, ...], was: bool) -> bool:
        distance = abs(values[0] - values[1])
        return distance >= tolerance or (was and distance > tolerance - deadband)

    return judge


def _equal(active: bool) -> Judge:
    return lambda values, _was: bool(values[0]) is active
