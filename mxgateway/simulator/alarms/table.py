"""The alarms that can occur, by reference, by GUID and by the attribute alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mxgateway.errors import ConfigurationError
from mxgateway.simulator.alarms.points import (
    PROVIDER,
    AlarmPoint,
    PointSpec,
    UnknownAlarmError,
)

__all__ = ["AlarmTable"]

_UNASSIGNED = "Unassigned"


class AlarmTable:
    """Alarms in the order of the plant; comparison ignores case.

    Args:
        group_of: Returns the area of an object, or "".
        guid_of: Returns the GUID that an alarm has now, or "".
        provider: What every reference begins with.
    """

    def __init__(
        self,
        group_of: Callable[[str], str],
        guid_of: Callable[[AlarmPoint], str],
        provider: str = PROVIDER,
    ) -> None:
        self._provider = provider
        self._group_of = group_of
        self._guid_of = guid_of
        self._points: dict[str, AlarmPoint] = {}

    def __iter__(self) -> Iterator[AlarmPoint]:
        return iter(self._points.values())

    def __getitem__(self, reference: str) -> AlarmPoint:
        """Return an alarm by reference, by GUID, or by `Object.Attribute` alone.

        Raises:
            UnknownAlarmError: There is no such alarm.
        """
        wanted = reference.lower()
        point = self._points.get(wanted)
        if point is not None:
            return point
        digits = wanted.strip("{}").replace("-", "")
        for each in self._points.values():
            guid = self._guid_of(each).replace("-", "")
            if wanted == each.spec.short.lower() or (guid and guid == digits):
                return each
        raise UnknownAlarmError(f"there is no alarm {reference!r}")

    def add(self, spec: PointSpec, area: str = "") -> AlarmPoint:
        """Enter an alarm; its group is `area`, or that of the object it belongs to."""
        point = AlarmPoint(spec, area or self._group_of(spec.source) or _UNASSIGNED, self._provider)
        self._points[point.reference.lower()] = point
        return point

    def replace(self, specs: list[PointSpec]) -> list[AlarmPoint]:
        """Take other alarms; one that is still described goes on.

        Those raised by hand and described nowhere stay too.

        Returns:
            The alarms that are described no longer.
        """
        before, self._points = self._points, {}
        for spec in specs:
            point = self.add(spec, spec.area)
            known = before.pop(point.reference.lower(), None)
            if known is not None:
                known.spec = spec
                self._points[point.reference.lower()] = known
        gone = []
        for key, point in before.items():
            if point.spec.judge is None:
                self._points[key] = point
            else:
                gone.append(point)
        return gone

    def make_up(
        self, reference: str, *, severity: int, description: str, category: str
    ) -> AlarmPoint:
        """Enter an alarm that no condition describes.

        Raises:
            ConfigurationError: The reference has no object and attribute.
        """
        area, short = "", reference.removeprefix(f"{self._provider}!")
        if short != reference:
            area, _, short = short.partition(".")
        if not short.partition(".")[2]:
            raise ConfigurationError(
                f"alarm {reference!r}: give {self._provider}!Area.Object.Attribute"
            )
        spec = PointSpec(
            short=short,
            attribute=short,
            type_name="DSC",
            severity=max(1, severity),
            category=category,
            description=description,
        )
        return self.add(spec, area)
