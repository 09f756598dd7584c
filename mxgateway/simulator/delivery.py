"""From the worker to the event streams: numbering, the replay ring, bounded queues.

The rules are those of the gateway semantics, section 6. An event is encoded and
framed once; every subscriber queues the same bytes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.codec import decode, encode
from mxgateway.generated.mxaccess_gateway.v1 import MxEvent, ReplayGap
from mxgateway.simulator.events import FRAME_HEAD, SEQUENCE_TAG, frame, varint

__all__ = ["EventLog", "Limits", "Subscriber"]

_GAP = 0  # stands for the sequence number of a gap sentinel, which has none

Framed = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept, and for whom.

    Attributes:
        queue: Events that may wait for one subscriber.
        ring_size: Events kept for resuming.
        ring_seconds: Seconds they are kept; 0 for no limit in time.
        subscribers: Event streams at a time.
        faults_session: Whether an overflow faults the session (FailFast) or ends one stream.
        keeps_unsent: Whether what nobody took waits for the next fresh stream.
    """

    queue: int
    ring_size: int
    ring_seconds: float
    subscribers: int
    faults_session: bool
    keeps_unsent: bool = True


class Subscriber:
    """What one event stream has still to send."""

    def __init__(self, limit: int, after: int, events: deque[Framed]) -> None:
        self._limit = limit
        self._skip_until = after
        self._wake: asyncio.Future[None] | None = None
        self._reader = asyncio.current_task()
        self.pending = events
        self.ended = False
        self.error: GRPCError | None = None

    def __len__(self) -> int:
        return len(self.pending)

    def put(self, sequence: int, framed: bytes) -> bool:
        """Queue an event; False if the queue is full."""
        if sequence <= self._skip_until or self.ended:
            return True
        if len(self.pending) >= self._limit:
            return False
        self.pending.append((sequence, framed))
        if self._wake is not None:
            self._wake_reader()
        return True

    def _wake_reader(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
        self._wake = None

    def next_size(self) -> int:
        """Return the bytes of the next event, 0 if there is none."""
        return len(self.pending[0][1]) if self.pending else 0

    def take(self, limit: int) -> list[bytes]:
        """Take the next event and as many more as fit into `limit` bytes together, framed."""
        pending = self.pending
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

    async def wait(self) -> None:
        """Return once there may be something to take, or the stream has to end."""
        if self.pending or self.ended:
            return
        self._wake = asyncio.get_running_loop().create_future()
        await self._wake

    def end(self, error: GRPCError | None) -> None:
        """End the stream with `error` (None: OK), even one that waits to send."""
        if self.ended:
            return
        self.ended = True
        self.error = error
        if error is not None:
            self.pending.clear()
        if self._wake is not None:
            self._wake_reader()
        elif self._reader is not None and error is not None:
            self._reader.cancel()


class EventLog:
    """All events of one session: numbered, kept for resuming, handed to who is subscribed.

    Without a subscriber events pile up; the next fresh stream starts with them where
    the limits say so. What was handed to a stream once is only seen again by resuming.

    Args:
        session_id: The session, for the gap sentinel.
        clock: Decides what is too old for the ring.
        limits: How much is kept, and for whom.
        on_overflow: Called when an overflow has to fault the session.

    Attributes:
        sequence: Number of the last event.
        ended: Whether the session takes no more events.
        dropped: Events that nobody was subscribed for and the queue had no room for.
    """

    def __init__(
        self,
        session_id: str,
        *,
        clock: Callable[[], datetime],
        limits: Limits,
        on_overflow: Callable[[], None],
    ) -> None:
        self._session_id = session_id
        self._clock = clock
        self._limits = limits
        self._on_overflow = on_overflow
        self._waiting: deque[Framed] = deque()
        self._ring: deque[tuple[int, bytes, datetime]] = deque(maxlen=limits.ring_size)
        self._subscribers: list[Subscriber] = []
        self.sequence = 0
        self.ended = False
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def waiting(self) -> int:
        """Events that nobody has taken yet, of the slowest subscriber if there are any."""
        if not self._subscribers:
            return len(self._waiting)
        return max(len(subscriber) for subscriber in self._subscribers)

    @property
    def subscribers(self) -> int:
        """Event streams that are open now."""
        return len(self._subscribers)

    def publish(self, prefix: bytes, head: bytes, tail: bytes, now: datetime) -> None:
        """Give the event that these parts make the next sequence number and queue it."""
        if self.ended:
            return
        self.sequence = sequence = self.sequence + 1
        framed = frame(b"".join((prefix, head, SEQUENCE_TAG, varint(sequence), tail)))
        self._hand_out(sequence, framed, now)

    def publish_framed(self, framed: bytes) -> None:
        """Queue any bytes as the next event, for faults: they stand where an event would."""
        if not self.ended:
            self.sequence += 1
            self._hand_out(self.sequence, framed, self._clock())

    def _hand_out(self, sequence: int, framed: bytes, now: datetime) -> None:
        self._ring.append((sequence, framed, now))
        subscribers = self._subscribers
        if not subscribers:
            self._keep(sequence, framed)
            return
        for subscriber in subscribers:
            if not subscriber.put(sequence, framed):
                self.overflow(subscriber)
                if self.ended:
                    return

    def _keep(self, sequence: int, framed: bytes) -> None:
        if len(self._waiting) >= self._limits.queue:
            if self._limits.faults_session and self._limits.keeps_unsent:
                self._on_overflow()
                return
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append((sequence, framed))

    def overflow(self, subscriber: Subscriber | None = None) -> None:
        """Do what a full queue leads to, for one subscriber or for all.

        FailFast faults the session; else the stream ends with RESOURCE_EXHAUSTED.
        """
        if self._limits.faults_session:
            self._on_overflow()
            return
        text = f"EventQueueOverflow: more than {self._limits.queue} events waiting"
        ended = [subscriber] if subscriber is not None else self._subscribers
        for each in ended:
            each.end(GRPCError(Status.RESOURCE_EXHAUSTED, text))

    def attach(self, after: int) -> Subscriber:
        """Subscribe the current task, resuming behind sequence number `after`.

        0 starts fresh: with what nobody has taken yet. Where events between
        `after` and the oldest retained one are lost, a gap sentinel comes first.

        Raises:
            GRPCError: ALREADY_EXISTS, the session allows one stream and has it;
                RESOURCE_EXHAUSTED, it has as many as it allows.
        """
        limit = self._limits.subscribers
        if len(self._subscribers) >= limit:
            if limit == 1:
                raise GRPCError(
                    Status.ALREADY_EXISTS,
                    f"session {self._session_id} already has an event stream; it allows one",
                )
            raise GRPCError(
                Status.RESOURCE_EXHAUSTED,
                f"session {self._session_id} has {limit} event streams, which is its limit",
            )
        unsent, self._waiting = self._waiting, deque()
        if not self._limits.keeps_unsent:
            unsent = deque()
        events = self._rewound(after, unsent) if after else unsent
        subscriber = Subscriber(self._limits.queue, after, events)
        self._subscribers.append(subscriber)
        return subscriber

    def _rewound(self, after: int, waiting: deque[Framed]) -> deque[Framed]:
        seconds = self._limits.ring_seconds
        if seconds:
            now = self._clock()
            while self._ring and (now - self._ring[0][2]).total_seconds() > seconds:
                self._ring.popleft()
        first_waiting = waiting[0][0] if waiting else self.sequence + 1
        events = deque(
            (sequence, framed)
            for sequence, framed, _ in self._ring
            if after < sequence < first_waiting
        )
        events.extend(each for each in waiting if each[0] > after)
        oldest = events[0][0] if events else self.sequence + 1
        if oldest > after + 1:
            gap = MxEvent(
                session_id=self._session_id,
                replay_gap=ReplayGap(
                    requested_after_sequence=after, oldest_available_sequence=oldest
                ),
            )
            events.appendleft((_GAP, frame(encode(gap))))
        return events

    def detach(self, subscriber: Subscriber) -> None:
        """Let a stream go; what the last one did not take waits for the next one."""
        if subscriber in self._subscribers:
            self._subscribers.remove(subscriber)
        if not self._subscribers and not self.ended:
            self._waiting.extend(each for each in subscriber.pending if each[0] != _GAP)

    def drain(self, limit: int, *, take: bool = True) -> list[MxEvent]:
        """Return up to `limit` events that wait for a stream, all of them for 0; take them."""
        found = [*islice(self._waiting, limit or None)]
        if take:
            for _ in found:
                self._waiting.popleft()
        return [decode(MxEvent, framed[FRAME_HEAD:]) for _, framed in found]

    def evict(self) -> None:
        """Empty the ring; who resumes behind the last event of a stream finds a gap."""
        self._ring.clear()

    def end(self, error: GRPCError | None) -> None:
        """End the log and every stream, with `error` (None: OK)."""
        if self.ended:
            return
        self.ended = True
        self._waiting.clear()
        for subscriber in self._subscribers:
            subscriber.end(error)
