"""Alarm subtags: `.InAlarm`, `.Acked` and the like as attributes, kept in step with the alarms.

Which there are: MXAccess reference, section 7.3. Only those that somebody uses are kept;
an attribute that is used for the first time gets its values then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from mxgateway.generated.mxaccess_gateway.v1 import AlarmTransitionKind
from mxgateway.simulator.alarms.points import AlarmPoint
from mxgateway.simulator.clock import Clock
from mxgateway.simulator.plant import Plant, Tag

__all__ = ["Subtags"]

_Acknowledge = Callable[[AlarmPoint, str], None]


class Subtags:
    """The subtags of all alarms that the plant has attributes for.

    Writing a comment to `.AckMsg` acknowledges, even an empty one or the same again.

    Args:
        plant: The attributes.
        acknowledge: Called with the alarm and the comment.
        clock: Where times come from.
    """

    def __init__(self, plant: Plant, acknowledge: _Acknowledge, *, clock: Clock) -> None:
        self._plant = plant
        self._acknowledge = acknowledge
        self._clock = clock
        self._points: dict[str, list[AlarmPoint]] = {}
        self._used: dict[str, Tag] = {}
        others = plant.on_new

        def entered(tag: Tag) -> None:
            others(tag)
            self._entered(tag)

        plant.on_new = entered

    def follow(self, points: Iterable[AlarmPoint]) -> None:
        """Look after these alarms from now on."""
        self._points, self._used = {}, {}
        for point in points:
            self._points.setdefault(point.spec.short.lower(), []).append(point)
            attribute = point.spec.attribute.lower()
            if attribute != point.spec.short.lower():
                self._points.setdefault(attribute, []).append(point)
        for tag in self._plant.used:
            self._entered(tag)

    def can_acknowledge(self, point: AlarmPoint) -> bool:
        """Whether there is an `.AckMsg` to write to."""
        return self._plant.find(f"{point.spec.short}.AckMsg") is not None

    def update(self, point: AlarmPoint, kind: AlarmTransitionKind, now: datetime) -> None:
        """Set the subtags that are used, after a transition."""
        if not self._used:
            return
        short, attribute = point.spec.short.lower(), point.spec.attribute.lower()
        names = [f"{short}.{suffix}" for suffix in _VALUES]
        if attribute != short:
            names += [f"{attribute}.{suffix}" for suffix in _SUMMARIES]
        for name in names:
            if name in self._used:
                self._refresh(self._used[name], now)
        moment = self._used.get(f"{short}.{_TIMES[kind]}")
        if moment is not None:
            self._set(moment, now, now)

    def _entered(self, tag: Tag) -> None:
        """Give an attribute that is used for the first time its value, if it is one of ours."""
        name = tag.spec.reference.lower()
        owner, _, suffix = name.rpartition(".")
        if owner not in self._points or suffix not in _SUFFIXES:
            return
        self._used[name] = tag
        if suffix == "ackmsg":
            tag.writers[self] = self._commented
        if suffix in _VALUES:
            self._refresh(tag, self._clock())

    def _refresh(self, tag: Tag, now: datetime) -> None:
        owner, _, suffix = tag.spec.reference.lower().rpartition(".")
        self._set(tag, _VALUES[suffix](self._points[owner]), now)

    def _set(self, tag: Tag, value: Any, now: datetime) -> None:
        self._plant.set(tag, value, now=now)

    def _commented(self, tag: Tag) -> None:
        for point in self._points.get(tag.spec.reference.lower().rpartition(".")[0], ()):
            self._acknowledge(point, str(tag.value))


def _any_active(points: list[AlarmPoint]) -> bool:
    return any(point.active for point in points)


def _deviates(point: AlarmPoint) -> bool:
    return point.spec.type_name.startswith("Dev.")


_VALUES: dict[str, Callable[[list[AlarmPoint]], Any]] = {
    "inalarm": _any_active,
    "alarmed": _any_active,
    "levelalarmed": lambda points: _any_active([p for p in points if not _deviates(p)]),
    "deviationalarmed": lambda points: _any_active([p for p in points if _deviates(p)]),
    "acked": lambda points: all(point.acked for point in points),
    "ackmsg": lambda points: points[0].comment,
}
_SUMMARIES = ("levelalarmed", "deviationalarmed")
_TIMES = {
    AlarmTransitionKind.RAISE: "timealarmon",
    AlarmTransitionKind.RETRIGGER: "timealarmon",
    AlarmTransitionKind.CLEAR: "timealarmoff",
    AlarmTransitionKind.ACKNOWLEDGE: "timealarmacked",
}
_SUFFIXES = frozenset({*_VALUES, *_TIMES.values()})
