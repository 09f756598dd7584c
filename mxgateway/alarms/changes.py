"""What a message of the alarm feed changed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mxgateway.alarms.alarm import Alarm, AlarmProvider

__all__ = ["AlarmChange", "AlarmChangeKind"]


class AlarmChangeKind(StrEnum):
    """What a change of the book is about.

    UPDATED is a difference that is none of the others, such as another severity. OTHER is
    a transition of a kind that this version does not know; the alarm stays. COMPLETE
    means that a snapshot is complete, PROVIDER that the source of alarms has changed;
    both are about no single alarm.
    """

    RAISED = "raised"
    RETRIGGERED = "retriggered"
    ACKNOWLEDGED = "acknowledged"
    CLEARED = "cleared"
    UPDATED = "updated"
    OTHER = "other"
    COMPLETE = "complete"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """One change of the book.

    Attributes:
        kind: What happened.
        alarm: The alarm as it stands now; a cleared one is INACTIVE and no longer in the
            book. None for COMPLETE and PROVIDER.
        previous: The alarm as it stood before; None where it was not in the book.
        provider: The source of alarms; None while the gateway has not told it.
        from_snapshot: Whether a snapshot told it: it happened before the feed began, or
            while nobody listened.
    """

    kind: AlarmChangeKind
    alarm: Alarm | None = None
    previous: Alarm | None = None
    provider: AlarmProvider | None = None
    from_snapshot: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the change as plain JSON types; only the members that belong to its kind."""
        shown: dict[str, Any] = {"kind": self.kind.value, "fromSnapshot": self.from_snapshot}
        if self.alarm is not None:
            shown["alarm"] = self.alarm.to_dict()
        if self.provider is not None:
            shown["provider"] = self.provider.to_dict()
        return shown

    def __str__(self) -> str:
        about = self.alarm or self.provider
        return self.kind.value if about is None else f"{self.kind.value} {about}"
