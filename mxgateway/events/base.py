"""Event: what all events of a session have in common."""

from __future__ import annotations

from typing import Any

from mxgateway.codec import to_jsonable
from mxgateway.generated.mxaccess_gateway.v1 import MxEvent, MxEventFamily, MxStatusProxy
from mxgateway.printable import printable
from mxgateway.timestamp import Timestamp

__all__ = ["Event", "Received", "moment_of"]


class Event:
    """Something that happened in a session; consumers share it, so nobody may change it."""

    __slots__ = ("_message",)

    def __init__(self, message: MxEvent) -> None:
        self._message = message

    @property
    def raw(self) -> MxEvent | None:
        """The message as it came; None for a mark that this client made."""
        return self._message

    @property
    def family(self) -> MxEventFamily:
        """The family as it came; UNSPECIFIED for gaps and marks."""
        return MxEventFamily(self._message.family)

    @property
    def session_id(self) -> str:
        """The session it belongs to."""
        return self._message.session_id

    @property
    def server_handle(self) -> int:
        """The registration; 0 where the event is about no item."""
        return self._message.server_handle

    @property
    def item_handle(self) -> int:
        """The item; 0 where the event is about none."""
        return self._message.item_handle

    @property
    def worker_sequence(self) -> int:
        """The event's place in the session, from 1; 0 for gaps and marks."""
        return self._message.worker_sequence

    @property
    def worker_timestamp(self) -> Timestamp | None:
        """When the worker had it, UTC; None where it is missing."""
        return moment_of(self._message.worker_timestamp)

    @property
    def gateway_receive_timestamp(self) -> Timestamp | None:
        """When the gateway had it, UTC; None where it is missing."""
        return moment_of(self._message.gateway_receive_timestamp)

    @property
    def source_timestamp(self) -> Timestamp | None:
        """The source's own time, UTC; None where it is missing."""
        return moment_of(self._message.source_timestamp)

    @property
    def statuses(self) -> tuple[MxStatusProxy, ...]:
        """Every MXSTATUS_PROXY of the event."""
        return tuple(self._message.statuses)

    @property
    def hresult(self) -> int | None:
        """The HRESULT; None where the event has none, which is not 0."""
        return self._message.hresult

    def to_dict(self) -> dict[str, Any]:
        """Return the event as plain JSON types, by the rules of protobuf JSON."""
        shown: dict[str, Any] = to_jsonable(self._message)
        return shown

    def _text(self) -> str:
        """What is particular about it, for `__repr__`."""
        return ""

    def __repr__(self) -> str:
        text = f"<{type(self).__name__}"
        if self.worker_sequence:
            text += f" {self.worker_sequence}"
        if self.item_handle:
            text += f", server {self.server_handle} item {self.item_handle}"
        about = self._text()
        return printable(f"{text}: {about}>" if about else f"{text}>")


class Received(Event):
    """An event that the gateway sent."""

    __slots__ = ()

    @property
    def raw(self) -> MxEvent:
        """The message as it came."""
        return self._message


def moment_of(moment: Any) -> Timestamp | None:
    """Return a time of a message as a Timestamp."""
    if moment is None or isinstance(moment, Timestamp):
        return moment
    return Timestamp.from_datetime(moment)
