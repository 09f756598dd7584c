"""AlarmEngine: evaluates conditions, keeps every alarm's state, tells what happens."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from mxgateway.errors import ConfigurationError
from mxgateway.generated.mxaccess_gateway.v1 import (
    ActiveAlarmSnapshot,
    AlarmTransitionKind,
    MxDataType,
)
from mxgateway.simulator.alarms.conditions import Condition
from mxgateway.simulator.alarms.messages import snapshot_message
from mxgateway.simulator.alarms.points import (
    PROVIDER,
    AlarmPoint,
    UnknownAlarmError,
    points_of,
)
from mxgateway.simulator.alarms.provider import Provider
from mxgateway.simulator.alarms.subtags import Subtags
from mxgateway.simulator.alarms.table import AlarmTable
from mxgateway.simulator.clock import Clock, IdSource
from mxgateway.simulator.coercion import to_float
from mxgateway.simulator.plant import Plant, Tag
from mxgateway.simulator.variant import to_message

__all__ = ["AlarmEngine"]

_USABLE = 64  # OPC DA quality from which a value counts

_Kind = AlarmTransitionKind


class AlarmEngine:
    """The alarms of a plant, as alarm manager and as the subtag fallback.

    A condition is evaluated at the start and whenever an attribute that it reads
    changes; while that has no usable value, the alarm stays as it is. An alarm whose
    condition is gone leaves the active ones. Where its last occurrence was not
    acknowledged, the next one is a retrigger.

    Args:
        plant: The attributes.
        conditions: When they are in alarm.
        clock: Where times come from.
        ids: Where native GUIDs come from.
        group_of: Returns the area of an object, or "".
        disabled: Says whether the alarms of an object are disabled.
        forced_subtag: Whether alarms are made up from tags for good.

    Attributes:
        provider: Where alarms are taken from.
        on_transition: Called for every transition, after the fact.
        on_mode: Called when the provider has changed.

    Raises:
        ConfigurationError: A condition reads what the plant does not have.
    """

    def __init__(
        self,
        plant: Plant,
        conditions: Iterable[Condition],
        *,
        clock: Clock,
        ids: IdSource,
        group_of: Callable[[str], str],
        disabled: Callable[[str], bool] = lambda _object: False,
        forced_subtag: bool = False,
        provider: str = PROVIDER,
    ) -> None:
        self._plant = plant
        self._clock = clock
        self._ids = ids
        self._disabled = disabled
        self._points = AlarmTable(group_of, self.guid, provider)
        self._unwatch: list[Callable[[], None]] = []
        self._subtags = Subtags(plant, self._acknowledge_by_subtag, clock=clock)
        self.on_transition: Callable[[AlarmPoint, AlarmTransitionKind], None] = lambda *_: None
        self.on_mode: Callable[[], None] = lambda: None
        self.provider = Provider(clock, forced_subtag=forced_subtag)
        self.provider.on_change = self._provider_changed
        self.load(conditions)

    # -- what there is -----------------------------------------------------------

    def load(self, conditions: Iterable[Condition]) -> None:
        """Take other conditions, as after a deploy; an alarm that is still described goes on.

        One that no longer is described clears.

        Raises:
            ConfigurationError: A condition reads what the plant does not have; then
                nothing has changed.
        """
        specs = [spec for each in conditions for spec in points_of(each, self._rounding(each))]
        for spec in specs:
            for reference in spec.reads:
                if self._plant.find(reference) is None:
                    raise ConfigurationError(
                        f"alarm {spec.short}: the plant has no attribute {reference}"
                    )
        for point in self._points.replace(specs):
            if point.active:
                self._clear(point)
        self._subtags.follow(self._points)
        self._watch()

    def _rounding(self, condition: Condition) -> Callable[[float], float]:
        tag = self._plant.find(condition.reference)
        return to_float if tag is not None and tag.info.data_type is MxDataType.FLOAT else float

    def _watch(self) -> None:
        for unwatch in self._unwatch:
            unwatch()
        readers: dict[str, list[AlarmPoint]] = {}
        for point in self._points:
            for reference in point.spec.reads:
                readers.setdefault(reference.lower(), []).append(point)
        self._unwatch = [
            self._plant.watch(reference, self._changed(points))
            for reference, points in readers.items()
        ]
        self.look_again()

    def look_again(self) -> None:
        """Evaluate every condition, as after objects were enabled or disabled."""
        now = self._clock()
        for point in self._points:
            self._evaluate(point, now)

    def __getitem__(self, reference: str) -> AlarmPoint:
        """Return an alarm by reference, by GUID, or by `Object.Attribute` alone.

        Raises:
            UnknownAlarmError: There is no such alarm.
        """
        return self._points[reference]

    def __iter__(self) -> Iterator[AlarmPoint]:
        """Yield all alarms that can occur."""
        return iter(self._points)

    @property
    def active(self) -> list[AlarmPoint]:
        """The alarms that are active, in the order of the plant."""
        return [point for point in self._points if point.active]

    @property
    def degraded(self) -> bool:
        """Whether alarms are made up from tags."""
        return self.provider.degraded

    def guid(self, point: AlarmPoint) -> str:
        """Return the GUID under which the provider of the moment knows an alarm."""
        return point.subtag_guid if self.degraded else point.guid

    def snapshots(self, prefix: str = "") -> list[ActiveAlarmSnapshot]:
        """Return the active alarms whose reference begins with `prefix`, as messages."""
        return [
            snapshot_message(point, degraded=self.degraded)
            for point in self._points
            if point.active and point.reference.startswith(prefix)
        ]

    # -- what happens ------------------------------------------------------------

    def _changed(self, points: list[AlarmPoint]) -> Callable[[Tag, datetime], None]:
        def changed(_tag: Tag, now: datetime) -> None:
            for point in points:
                self._evaluate(point, now)

        return changed

    def _evaluate(self, point: AlarmPoint, now: datetime) -> None:
        judge = point.spec.judge
        if point.forced or judge is None:
            return
        if self._disabled(point.spec.source):
            if point.active:
                self._clear(point, now)
            return
        values: list[Any] = []
        for reference in point.spec.reads:
            tag = self._plant.find(reference)
            value = None if tag is None or tag.quality < _USABLE else tag.value
            if value is None or (isinstance(value, float) and math.isnan(value)):
                return
            values.append(value)
        active = judge(tuple(values), point.active)
        if active is not point.active:
            if active:
                self._raise(point, now)
            else:
                self._clear(point, now)

    def _raise(self, point: AlarmPoint, now: datetime) -> None:
        kind = _Kind.RAISE if point.acked else _Kind.RETRIGGER
        point.active = True
        point.acked = False
        point.guid = _guid(self._ids())
        point.raised = point.seen = now
        point.operator = point.comment = ""
        self._tell(point, kind, now)

    def _clear(self, point: AlarmPoint, now: datetime | None = None) -> None:
        point.active = point.forced = False
        self._tell(point, _Kind.CLEAR, self._clock() if now is None else now)

    def _tell(self, point: AlarmPoint, kind: AlarmTransitionKind, now: datetime) -> None:
        point.changed = now
        tag = self._plant.find(point.spec.attribute)
        if tag is not None:
            point.value = to_message(tag.info, tag.value)
        self._subtags.update(point, kind, now)
        self.on_transition(point, kind)

    # -- what people do ----------------------------------------------------------

    def raise_(
        self,
        reference: str,
        *,
        severity: int = 500,
        description: str = "",
        category: str = "Process",
    ) -> AlarmPoint:
        """Raise an alarm, whatever its condition says until `clear`.

        Args:
            reference: `Galaxy!Area.Object.Attribute`, or `Object.Attribute`. One that no
                condition describes is made up, with the values below.
            severity: Its priority.
            description: What it says.
            category: Its category.

        Raises:
            ConfigurationError: The reference has no object and attribute.
        """
        try:
            point = self[reference]
        except UnknownAlarmError:
            point = self._points.make_up(
                reference, severity=severity, description=description, category=category
            )
        point.forced = True
        if not point.active:
            self._raise(point, self._clock())
        return point

    def clear(self, reference: str) -> None:
        """Clear an alarm; its condition counts again from the next change of what it reads.

        Raises:
            UnknownAlarmError: There is no such alarm.
        """
        point = self[reference]
        point.forced = False
        if point.active:
            self._clear(point)

    def acknowledge(self, reference: str, comment: str = "", operator: str = "") -> AlarmPoint:
        """Acknowledge an alarm, by reference or GUID.

        One that has cleared already leaves the alarm manager without another transition;
        one that is acknowledged stays as it is.

        Raises:
            UnknownAlarmError: There is no such alarm, it has not been raised, or it
                cannot be acknowledged by its tags.
        """
        point = self[reference]
        if not point.active and (point.acked or self.degraded):
            raise UnknownAlarmError(f"alarm {reference!r} is not active")
        if self.degraded and not self._subtags.can_acknowledge(point):
            raise UnknownAlarmError(f"alarm {reference!r} has no AckMsg attribute to write to")
        if not point.acked:
            self._acknowledge(point, comment, operator)
        return point

    def _acknowledge(self, point: AlarmPoint, comment: str, operator: str) -> None:
        point.acked = True
        point.comment = comment
        # By its tag an alarm is acknowledged without a name (MXAccess reference, section 9).
        point.operator = "" if self.degraded else operator
        now = self._clock()
        if point.active:
            self._tell(point, _Kind.ACKNOWLEDGE, now)
        else:
            self._subtags.update(point, _Kind.ACKNOWLEDGE, now)

    def _acknowledge_by_subtag(self, point: AlarmPoint, comment: str) -> None:
        if not point.acked:
            self._acknowledge(point, comment, "")

    # -- provider ----------------------------------------------------------------

    def failover(self, reason: str = "the alarm manager does not answer") -> None:
        """Make alarms up from tags from now on; what is active counts as raised now."""
        self.provider.failover(reason)

    def failback(self) -> None:
        """Take alarms from the alarm manager again; nothing happens where that is so.

        Raises:
            ConfigurationError: The fallback is forced.
        """
        self.provider.failback()

    def _provider_changed(self) -> None:
        if self.degraded:
            for point in self.active:
                point.seen = self.provider.since
        self.on_mode()


def _guid(digits: str) -> str:
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
