"""AlarmEngine: evaluates conditions, keeps every alarm's state, tells what happens."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from mxgateway.errors import ConfigurationError
from mxgateway.generated.mxaccess_gateway.v1 import (
    ActiveAlarmSnapshot,
    AlarmProviderMode,
    AlarmProviderStatus,
    AlarmTransitionKind,
    MxDataType,
)
from mxgateway.simulator.alarms.conditions import Condition
from mxgateway.simulator.alarms.messages import snapshot_message
from mxgateway.simulator.alarms.points import (
    PROVIDER,
    AlarmPoint,
    PointSpec,
    UnknownAlarmError,
    points_of,
)
from mxgateway.simulator.alarms.subtags import Subtags
from mxgateway.simulator.clock import Clock, IdSource
from mxgateway.simulator.coercion import to_float
from mxgateway.simulator.plant import Plant, Tag
from mxgateway.simulator.variant import to_message

__all__ = ["FORCED", "AlarmEngine"]

FORCED = "forced by configuration"
"""Reason of a provider that never was the native one."""

_USABLE = 64  # OPC DA quality from which a value counts
_UNASSIGNED = "Unassigned"

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
        forced_subtag: Whether alarms are made up from tags for good.

    Attributes:
        mode: Where alarms are taken from now.
        reason: Why.
        since: Since when.
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
        forced_subtag: bool = False,
    ) -> None:
        self._plant = plant
        self._clock = clock
        self._ids = ids
        self._group_of = group_of
        self._forced = forced_subtag
        self._points: dict[str, AlarmPoint] = {}
        self._unwatch: list[Callable[[], None]] = []
        self._subtags = Subtags(plant, self._acknowledge_by_subtag, clock=clock)
        self.on_transition: Callable[[AlarmPoint, AlarmTransitionKind], None] = lambda *_: None
        self.on_mode: Callable[[], None] = lambda: None
        native = AlarmProviderMode.ALARMMGR
        self.mode = AlarmProviderMode.SUBTAG if forced_subtag else native
        self.reason = FORCED if forced_subtag else ""
        self.since = clock()
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
        before, self._points = self._points, {}
        for spec in specs:
            point = AlarmPoint(spec, spec.area or self._group(spec.source))
            known = before.pop(_key(point.reference), None)
            if known is not None:
                known.spec, point = spec, known
            self._points[_key(point.reference)] = point
        for key, point in before.items():
            if point.spec.judge is None:
                self._points[key] = point  # raised by hand, and described nowhere
            elif point.active:
                self._clear(point)
        self._subtags.follow(self._points.values())
        self._watch()

    def _rounding(self, condition: Condition) -> Callable[[float], float]:
        tag = self._plant.find(condition.reference)
        return to_float if tag is not None and tag.info.data_type is MxDataType.FLOAT else float

    def _group(self, source: str) -> str:
        return self._group_of(source) or _UNASSIGNED

    def _watch(self) -> None:
        for unwatch in self._unwatch:
            unwatch()
        readers: dict[str, list[AlarmPoint]] = {}
        for point in self._points.values():
            for reference in point.spec.reads:
                readers.setdefault(reference.lower(), []).append(point)
        self._unwatch = [
            self._plant.watch(reference, self._changed(points))
            for reference, points in readers.items()
        ]
        now = self._clock()
        for point in self._points.values():
            self._evaluate(point, now)

    def __getitem__(self, reference: str) -> AlarmPoint:
        """Return an alarm by reference, by GUID, or by `Object.Attribute` alone.

        Raises:
            UnknownAlarmError: There is no such alarm.
        """
        wanted = _key(reference)
        point = self._points.get(wanted)
        if point is None:
            digits = wanted.strip("{}").replace("-", "")
            for each in self._points.values():
                guid = self.guid(each).replace("-", "")
                if wanted == _key(each.spec.short) or (guid and guid == digits):
                    return each
            raise UnknownAlarmError(f"there is no alarm {reference!r}")
        return point

    def __iter__(self) -> Iterator[AlarmPoint]:
        """Yield all alarms that can occur."""
        return iter(self._points.values())

    @property
    def active(self) -> list[AlarmPoint]:
        """The alarms that are active, in the order of the plant."""
        return [point for point in self._points.values() if point.active]

    @property
    def degraded(self) -> bool:
        """Whether alarms are made up from tags."""
        return self.mode is AlarmProviderMode.SUBTAG

    def guid(self, point: AlarmPoint) -> str:
        """Return the GUID under which the provider of the moment knows an alarm."""
        return point.subtag_guid if self.degraded else point.guid

    def snapshots(self, prefix: str = "") -> list[ActiveAlarmSnapshot]:
        """Return the active alarms whose reference begins with `prefix`, as messages."""
        return [
            snapshot_message(point, degraded=self.degraded)
            for point in self._points.values()
            if point.active and point.reference.startswith(prefix)
        ]

    def provider_status(self) -> AlarmProviderStatus:
        """Return the provider of the moment, as a message."""
        return AlarmProviderStatus(
            mode=self.mode, degraded=self.degraded, reason=self.reason, since=self.since
        )

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
            point = self._made_up(reference, severity, description, category)
        point.forced = True
        if not point.active:
            self._raise(point, self._clock())
        return point

    def _made_up(
        self, reference: str, severity: int, description: str, category: str
    ) -> AlarmPoint:
        area, short = "", reference.removeprefix(f"{PROVIDER}!")
        if short != reference:
            area, _, short = short.partition(".")
        if not short.partition(".")[2]:
            raise ConfigurationError(f"alarm {reference!r}: give Galaxy!Area.Object.Attribute")
        spec = PointSpec(
            short=short,
            attribute=short,
            type_name="DSC",
            severity=severity,
            category=category,
            description=description,
        )
        point = AlarmPoint(spec, area or self._group(spec.source))
        self._points[_key(point.reference)] = point
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
        point.operator = operator
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
        self.mode = AlarmProviderMode.SUBTAG
        self.reason = reason
        self.since = self._clock()
        for point in self.active:
            point.seen = self.since
        self.on_mode()

    def failback(self) -> None:
        """Take alarms from the alarm manager again; nothing happens where that is so.

        Raises:
            ConfigurationError: The fallback is forced.
        """
        if self._forced:
            raise ConfigurationError("the subtag mode is forced; there is no way back")
        if self.degraded:
            self.mode = AlarmProviderMode.ALARMMGR
            self.reason = "the alarm manager answers again"
            self.since = self._clock()
            self.on_mode()


def _key(reference: str) -> str:
    return reference.lower()


def _guid(digits: str) -> str:
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
