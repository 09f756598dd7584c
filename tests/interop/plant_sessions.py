"""Sessions of the grpcio gateway: handles, and every event that a session ever made.

The caller holds the plant's lock wherever one of these is touched.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any, Protocol

from google_messages import load_google_modules
from interop.statuses import BARE_ARRAY, status
from interop.tag_values import Kind, null_value

__all__ = ["FaultError", "Item", "Reader", "Session", "Tag"]

MESSAGE_PREFIX = 5
"""Bytes that gRPC puts before each message."""
SOURCE_SECONDS = 1_760_000_000
SOURCE_NANOS = 123_456_700  # seven digits, the resolution of MXAccess


class FaultError(Exception):
    """The session is faulted: its stream ends with this after the events that it has.

    Attributes:
        code: Name of the gRPC status.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Reader(Protocol):
    """A call that streams events.

    Attributes:
        ended: Set when it is over.
    """

    ended: threading.Event


@dataclass(eq=False, slots=True)
class Tag:
    """One attribute of the plant.

    Attributes:
        reference: Its name, without `[]`.
        kind: Its type; None where it takes values of any type as they are.
        value: Its value, None for none.
        quality: Its OPC DA quality.
        classification: Its security classification.
        script: Values that an advise delivers in place of the value.
        moment: Time of the value where a writer gave one.
    """

    reference: str
    kind: Kind | None
    value: Any = None
    quality: int = 192
    classification: int = 1
    script: tuple[float, ...] = ()
    moment: Any = None

    @property
    def array(self) -> bool:
        """Whether it is an array."""
        return isinstance(self.value, list)

    def message(self, index: int | None = None) -> Any:
        """Return the value, or the element counted from 1, as an MxValue."""
        if self.kind is None:
            pb = load_google_modules().gateway_pb2
            return pb.MxValue() if self.value is None else self.value
        return self.kind.message(self.value if index is None else self.value[index - 1])


@dataclass(eq=False, slots=True)
class Item:
    """One item; `tag` is None where the reference leads nowhere, `detail` says why."""

    server_handle: int
    handle: int
    reference: str
    tag: Tag | None
    index: int | None = None
    detail: int = 0
    buffered: bool = False
    advised: bool = False
    supervisory: bool = False
    suspended: bool = False
    has_value: bool = False
    samples: list[tuple[Any, int, Any]] = field(default_factory=list)
    due: float = 0.0


@dataclass(eq=False)
class Session:
    """One session.

    Attributes:
        events: Every event it ever made; the sequence of one is its place, counted from 1.
        made: How many bytes these take on a gRPC stream.
        sent: How many of them were handed to a stream, or drained.
        evicted: The ring holds no event up to this sequence.
        limit: Events that may wait to be handed out.
        users: Ids that AuthenticateUser and ArchestrAUserToId gave.
        state: Name of its state.
    """

    session_id: str
    ring: int = 1024
    limit: int = 10_000
    servers: set[int] = field(default_factory=set)
    items: dict[int, Item] = field(default_factory=dict)
    events: list[Any] = field(default_factory=list)
    made: int = 0
    sent: int = 0
    evicted: int = 0
    flooding: Item | None = None
    fault: FaultError | None = None
    reader: Reader | None = None
    users: set[int] = field(default_factory=set)
    state: str = "READY"
    interval: float = 1.0
    alarms: bool = False
    next_handle: int = 1

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self.state == "CLOSED"

    def new_handle(self) -> int:
        """Return a handle that was never given before."""
        self.next_handle += 1
        return self.next_handle - 1

    # Events -------------------------------------------------------------------------

    def position(self, after: int) -> tuple[int, Any]:
        """Return where a stream that resumes after `after` begins, and the gap before it.

        0 begins with what no stream was given yet. Gateway semantics, section 6.
        """
        if not after:
            return self.sent, None
        kept = min(len(self.events) - self.ring, self.sent)
        oldest = max(kept, self.evicted, 0) + 1
        if after + 1 >= oldest:
            return after, None
        gap = load_google_modules().gateway_pb2.MxEvent(session_id=self.session_id)
        gap.replay_gap.requested_after_sequence = after
        gap.replay_gap.oldest_available_sequence = oldest
        return oldest - 1, gap

    def change(self, item: Item) -> None:
        """Tell an item's present value, or that its reference leads nowhere."""
        tag = item.tag
        if tag is None:
            text = "array without []" if item.detail == BARE_ARRAY else "no such reference"
            refused = status("CONFIGURATION_ERROR", "REQUESTING_LMX", item.detail, text)
            self._change(item, null_value(), 0, refused)
        else:
            item.has_value = True
            self._change(item, tag.message(item.index), tag.quality, status(), tag.moment)

    def change_to(self, item: Item, value: Any) -> None:
        """Tell a value of one item that is not the tag's own."""
        assert item.tag is not None
        item.has_value = True
        message = value if item.tag.kind is None else item.tag.kind.message(value)
        self._change(item, message, 192, status())

    def _change(
        self, item: Item, value: Any, quality: int, outcome: Any, moment: Any = None
    ) -> None:
        event = self._event(item, "ON_DATA_CHANGE", [outcome])
        event.value.CopyFrom(value)
        event.quality = quality
        if moment is not None:
            event.source_timestamp.CopyFrom(moment)
        else:
            event.source_timestamp.seconds = SOURCE_SECONDS + len(self.events)
            event.source_timestamp.nanos = SOURCE_NANOS
        if item.buffered and item.tag is not None:
            if not item.samples:
                item.due = time.monotonic() + self.interval
            item.samples.append((value, quality, event.source_timestamp))
        else:
            event.on_data_change.SetInParent()
            self.log(event)

    def complete(self, item: Item, outcome: Any) -> None:
        """Tell how a write ended."""
        event = self._event(item, "ON_WRITE_COMPLETE", [outcome])
        event.on_write_complete.SetInParent()
        if outcome.success:
            event.hresult = 0
        self.log(event)

    def operation_complete(self, item: Item) -> None:
        """Tell that another operation has ended."""
        event = self._event(item, "OPERATION_COMPLETE", [status()])
        event.operation_complete.SetInParent()
        self.log(event)

    def alarm(self, member: str, body: Any) -> None:
        """Tell a transition of an alarm, or a change of the provider's mode."""
        event = load_google_modules().gateway_pb2.MxEvent(
            family=f"MX_EVENT_FAMILY_{member.upper()}", session_id=self.session_id
        )
        getattr(event, member).CopyFrom(body)
        self.log(event)

    def flush(self) -> float | None:
        """Send the batches that are due; return the seconds until the next, None for none."""
        now = time.monotonic()
        waiting = [item for item in self.items.values() if item.samples]
        for item in waiting:
            if item.due <= now:
                self._batch(item)
        return min((item.due - now for item in waiting if item.samples), default=None)

    def _batch(self, item: Item) -> None:
        assert item.tag is not None
        assert item.tag.kind is not None
        samples, item.samples = item.samples, []
        event = self._event(item, "ON_BUFFERED_DATA_CHANGE", [status()])
        stem = item.tag.kind.stem
        values = [_scalar(message, stem) for message, _, _ in samples]
        event.value.CopyFrom(item.tag.kind.message(values))
        body = event.on_buffered_data_change
        body.data_type = item.tag.kind.number
        qualities = body.quality_values
        qualities.dimensions.append(len(samples))
        qualities.int32_values.values.extend(quality for _, quality, _ in samples)
        moments = body.timestamp_values
        moments.dimensions.append(len(samples))
        for _, _, moment in samples:
            moments.timestamp_values.values.add().CopyFrom(moment)
        self.log(event)

    def _event(self, item: Item, family: str, statuses: list[Any]) -> Any:
        return load_google_modules().gateway_pb2.MxEvent(
            family=f"MX_EVENT_FAMILY_{family}",
            session_id=self.session_id,
            server_handle=item.server_handle,
            item_handle=item.handle,
            statuses=statuses,
        )

    def log(self, event: Any) -> None:
        """Number an event and keep it; one too many faults the session."""
        if self.state != "READY":
            return
        event.worker_sequence = len(self.events) + 1
        for moment, millis in ((event.worker_timestamp, 1), (event.gateway_receive_timestamp, 2)):
            moment.seconds = SOURCE_SECONDS + len(self.events)
            moment.nanos = SOURCE_NANOS + millis * 1_000_000
        self.events.append(event)
        self.made += event.ByteSize() + MESSAGE_PREFIX
        if len(self.events) - self.sent > self.limit:
            self.fail(FaultError("RESOURCE_EXHAUSTED", "EventQueueOverflow"))

    def fail(self, fault: FaultError) -> None:
        """Fault the session for good."""
        if self.state == "READY":
            self.state = "FAULTED"
            self.fault = fault


def _scalar(message: Any, stem: str) -> Any:
    value = getattr(message, f"{stem}_value")
    return value.ToNanoseconds() if stem == "timestamp" else value
