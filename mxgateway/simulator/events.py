"""Events of one session: encoding, the bounded queue, the replay ring.

The rules are those of the gateway semantics, section 6.

An event is put together from bytes: what belongs to the item was encoded when the
item was added, what belongs to the value once per change, whoever listens. Only
the sequence number is written per event. The parts stand in the order of the
field numbers, so the result equals the encoder's own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.codec import decode, encode
from mxgateway.generated.mxaccess_gateway.v1 import (
    MxEvent,
    MxEventFamily,
    MxStatusProxy,
    OnDataChangeEvent,
    OnWriteCompleteEvent,
    ReplayGap,
)
from mxgateway.simulator.plant import Tag
from mxgateway.simulator.references import INVALID_REFERENCE, Target
from mxgateway.simulator.status import OK_STATUS, unresolved_status
from mxgateway.simulator.variant import NO_DATA, to_message

__all__ = ["EventQueue", "change_head", "change_tail", "complete_parts", "frame", "item_prefix"]

_SEQUENCE_TAG = b"\x48"  # field 9, varint
_FRAME_HEAD = 5  # compressed flag and length, before each gRPC message


def item_prefix(
    family: MxEventFamily, session_id: str, server_handle: int, item_handle: int
) -> bytes:
    """Return fields 1 to 4, the same for all events of one family of one item."""
    return encode(
        MxEvent(
            family=family,
            session_id=session_id,
            server_handle=server_handle,
            item_handle=item_handle,
        )
    )


def change_head(target: Target, now: datetime) -> bytes:
    """Return fields 5 to 8 of a data change: value, quality, source time, status."""
    tag = target.tag
    if tag is None:
        return _failed_head(target.detail, now)
    head = tag.encoded.get(target.index)
    if head is None:
        head = tag.encoded[target.index] = _value_head(tag, target.index, now)
    return head


def _value_head(tag: Tag, index: int | None, now: datetime) -> bytes:
    value = tag.value
    if index is not None:
        if value is None or index > len(value):
            return _failed_head(INVALID_REFERENCE, now)
        value = value[index - 1]
    return encode(
        MxEvent(
            value=to_message(tag.info, value),
            quality=tag.quality,
            source_timestamp=tag.timestamp,
            statuses=[OK_STATUS],
        )
    )


def _failed_head(detail: int, now: datetime) -> bytes:
    # MXAccess reference, section 2: null, quality 0 and the current time on failure.
    return encode(
        MxEvent(
            value=to_message(NO_DATA, None),
            quality=0,
            source_timestamp=now,
            statuses=[unresolved_status(detail)],
        )
    )


def change_tail(now: datetime) -> bytes:
    """Return what follows the sequence number of a data change: the two clocks and the body."""
    return encode(
        MxEvent(
            worker_timestamp=now,
            gateway_receive_timestamp=now,
            on_data_change=OnDataChangeEvent(),
        )
    )


def complete_parts(status: MxStatusProxy, now: datetime) -> tuple[bytes, bytes]:
    """Return what stands before and after the sequence number of a write completion."""
    head = encode(MxEvent(statuses=[status]))
    tail = encode(
        MxEvent(
            worker_timestamp=now,
            gateway_receive_timestamp=now,
            on_write_complete=OnWriteCompleteEvent(),
        )
    )
    return head, tail


def frame(message: bytes) -> bytes:
    """Return `message` with the gRPC prefix of an uncompressed message."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def _varint(number: int) -> bytes:
    if number < 0x80:
        return number.to_bytes(1, "little")
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


class EventQueue:
    """What the worker produced and nobody has taken yet, plus the ring for resuming.

    Without a subscriber events pile up here; the next fresh stream starts with
    them. What was handed to a stream once is only seen again by resuming.

    Args:
        session_id: The session, for the gap sentinel.
        clock: Decides what is too old for the ring.
        limit: Events the queue holds before it overflows.
        ring_size: Events kept for resuming.
        ring_seconds: How long they are kept.
        on_overflow: Called once, when an event finds the queue full.
    """

    def __init__(
        self,
        session_id: str,
        *,
        clock: Callable[[], datetime],
        limit: int,
        ring_size: int,
        ring_seconds: float,
        on_overflow: Callable[[], None],
    ) -> None:
        self._session_id = session_id
        self._clock = clock
        self._limit = limit
        self._ring_seconds = ring_seconds
        self._on_overflow = on_overflow
        self._pending: deque[tuple[int, bytes]] = deque()
        self._ring: deque[tuple[int, bytes, datetime]] = deque(maxlen=ring_size)
        self._skip_until = 0
        self._wake: asyncio.Future[None] | None = None
        self._reader: asyncio.Task[object] | None = None
        self.sequence = 0
        self.ended = False
        self.error: GRPCError | None = None

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def attached(self) -> bool:
        """Whether an event stream reads this queue."""
        return self._reader is not None

    def publish(self, prefix: bytes, head: bytes, tail: bytes, now: datetime) -> None:
        """Give the event that these parts make the next sequence number and queue it."""
        if self.ended:
            return
        if len(self._pending) >= self._limit:
            self._on_overflow()
            return
        self.sequence = sequence = self.sequence + 1
        framed = frame(b"".join((prefix, head, _SEQUENCE_TAG, _varint(sequence), tail)))
        self._ring.append((sequence, framed, now))
        if sequence > self._skip_until:
            self._pending.append((sequence, framed))
            if self._wake is not None:
                self._wake_reader()

    def _wake_reader(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
        self._wake = None

    def attach(self, after: int) -> None:
        """Make the current task the one reader, resuming behind sequence number `after`.

        0 starts fresh: with what nobody has taken yet. Where events between
        `after` and the oldest retained one are lost, a gap sentinel comes first.

        Raises:
            GRPCError: ALREADY_EXISTS, the session has a reader.
        """
        if self._reader is not None:
            raise GRPCError(
                Status.ALREADY_EXISTS,
                f"session {self._session_id} already has an event stream; it allows one",
            )
        self._skip_until = after
        if after:
            self._rewind(after)
        self._reader = asyncio.current_task()

    def _rewind(self, after: int) -> None:
        if self._ring_seconds:
            now = self._clock()
            while self._ring and (now - self._ring[0][2]).total_seconds() > self._ring_seconds:
                self._ring.popleft()
        first_pending = self._pending[0][0] if self._pending else self.sequence + 1
        replayed = [
            (sequence, framed)
            for sequence, framed, _ in self._ring
            if after < sequence < first_pending
        ]
        while self._pending and self._pending[0][0] <= after:
            self._pending.popleft()
        self._pending.extendleft(reversed(replayed))
        oldest = self._pending[0][0] if self._pending else self.sequence + 1
        if oldest > after + 1:
            gap = MxEvent(
                session_id=self._session_id,
                replay_gap=ReplayGap(
                    requested_after_sequence=after, oldest_available_sequence=oldest
                ),
            )
            self._pending.appendleft((0, frame(encode(gap))))

    def detach(self) -> None:
        """Let the reader go; a gap sentinel it did not take goes with it."""
        self._reader = None
        self._wake = None
        self._skip_until = 0
        if self._pending and self._pending[0][0] == 0:
            self._pending.popleft()

    def next_size(self) -> int:
        """Return the bytes of the next event, 0 if there is none."""
        return len(self._pending[0][1]) if self._pending else 0

    def take(self, limit: int) -> list[bytes]:
        """Take the next event and as many more as fit into `limit` bytes together, framed."""
        pending = self._pending
        taken: list[bytes] = []
        size = 0
        while pending:
            framed = pending[0][1]
            size += len(framed)
            if taken and size > limit:
                break
            taken.append(framed)
            pending.popleft()
        return taken

    def drain(self, limit: int) -> list[MxEvent]:
        """Take up to `limit` events as messages, all of them for 0; never a gap sentinel."""
        count = len(self._pending) if limit == 0 else limit
        events: list[MxEvent] = []
        while self._pending and len(events) < count:
            sequence, framed = self._pending.popleft()
            if sequence:
                events.append(decode(MxEvent, framed[_FRAME_HEAD:]))
        return events

    async def wait(self) -> None:
        """Return once there may be something to take, or the queue has ended."""
        if self._pending or self.ended:
            return
        self._wake = asyncio.get_running_loop().create_future()
        await self._wake

    def end(self, error: GRPCError | None) -> None:
        """End the queue; a reader ends with `error` (None: OK), even one that waits to send."""
        if self.ended:
            return
        self.ended = True
        self.error = error
        if error is not None:
            self._pending.clear()
        if self._wake is not None:
            self._wake_reader()
        elif self._reader is not None and error is not None:
            self._reader.cancel()
