"""What tells of lost events: the gateway's own gap, and the marks that this client makes."""

from __future__ import annotations

from typing import Any

from mxgateway.events.base import Event, Received
from mxgateway.generated.mxaccess_gateway.v1 import MxEvent

__all__ = ["DroppedEvents", "ReplayGapEvent", "SequenceGap"]


class ReplayGapEvent(Received):
    """Events are lost: drop what you know of this session's items, and read or advise anew.

    It stands where the events are missing. The gateway sends it where a stream is
    resumed behind its ring (gateway semantics, section 6); a consumer that joins a
    running stream behind what the client keeps gets one of the same form.
    """

    __slots__ = ()

    @property
    def requested_after(self) -> int:
        """The last sequence that is known to have been seen."""
        gap = self._message.replay_gap
        return 0 if gap is None else gap.requested_after_sequence

    @property
    def oldest_available(self) -> int:
        """The first sequence that comes after the gap."""
        gap = self._message.replay_gap
        return 0 if gap is None else gap.oldest_available_sequence

    @property
    def lost(self) -> int | None:
        """How many events are lost; None where the numbers do not say."""
        count = self.oldest_available - self.requested_after - 1
        return count if count >= 0 else None

    def _text(self) -> str:
        return f"events lost after {self.requested_after} and before {self.oldest_available}"


class _Mark(Event):
    """What this client says in between; no message stands behind it."""

    __slots__ = ()

    def __init__(self, session_id: str = "") -> None:
        super().__init__(MxEvent(session_id=session_id))

    @property
    def raw(self) -> None:
        """None: no message stands behind it."""
        return None


class SequenceGap(_Mark):
    """The worker sequence jumped although the gateway reported no gap: events are lost.

    Treat it like a ReplayGapEvent.

    Attributes:
        after: The last sequence before the jump.
        before: The first one behind it.
    """

    __slots__ = ("after", "before")

    def __init__(self, after: int, before: int, session_id: str = "") -> None:
        super().__init__(session_id)
        self.after = after
        self.before = before

    @property
    def lost(self) -> int:
        """How many events are lost."""
        return self.before - self.after - 1

    def to_dict(self) -> dict[str, Any]:
        """Return the mark as plain JSON types, its numbers as protobuf JSON has them."""
        return {
            "type": "SequenceGap",
            "sessionId": self.session_id,
            "after": str(self.after),
            "before": str(self.before),
            "lost": str(self.lost),
        }

    def _text(self) -> str:
        return f"events lost after {self.after} and before {self.before}"


class DroppedEvents(_Mark):
    """The oldest events of this consumer's queue were dropped, where this mark stands.

    Attributes:
        count: How many.
    """

    __slots__ = ("count",)

    def __init__(self, count: int, session_id: str = "") -> None:
        super().__init__(session_id)
        self.count = count

    def to_dict(self) -> dict[str, Any]:
        """Return the mark as plain JSON types."""
        return {"type": "DroppedEvents", "sessionId": self.session_id, "count": self.count}

    def _text(self) -> str:
        return f"{self.count} events of this consumer dropped"
