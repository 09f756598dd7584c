"""EventHub: one event stream of a session, any number of consumers."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from mxgateway.errors import ClientClosedError, InternalError, MxGatewayError
from mxgateway.events.base import Event
from mxgateway.events.marks import ReplayGapEvent, SequenceGap
from mxgateway.events.reader import HubReader, OpenStream, StreamSource
from mxgateway.events.types import typed_event
from mxgateway.generated.mxaccess_gateway.v1 import MxEvent, ReplayGap
from mxgateway.printable import printable
from mxgateway.transport.signals import Flag

__all__ = ["EventHub", "EventSink"]

_log = logging.getLogger("mxgateway.events")

_KEPT_EVENTS: Final = 1024
_KEPT_BYTES: Final = 4 << 20


class EventSink(Protocol):
    """Where the hub puts events. Both methods are called in the event loop and never wait."""

    def feed(self, event: Event, size: int, /) -> None:
        """Take an event that had `size` bytes on the wire; 0 for a mark."""

    def end(self, error: MxGatewayError | None, /) -> None:
        """The stream has ended, with `error` or with OK; nothing more comes."""


class EventHub:
    """Reads the event stream of one session and passes each event on to every sink.

    The gateway allows one event stream per session and faults the session where
    its reader is slow (gateway semantics, section 6). So the hub always reads, and
    sinks are bounded. The stream starts with the first sink and is reset with the
    last one; passive sinks get what comes, and neither start nor keep it.

    A worker sequence that jumps without the gateway's own gap message puts a
    SequenceGap before the event. An event whose sequence repeats or falls is passed
    on as it is, for nothing shows that it is the same event; it is logged once for
    each stream.

    Args:
        open_stream: Returns a new stream that starts after a worker sequence.
        spawn: Runs the hub's task, as `Channel.spawn` does.
        name: The session's id.
        source: Opens streams and decides what follows their end; by default a
            StreamSource of `open_stream`.
        check_caller: Raises where a sink comes from another event loop: it would wait
            there for ever.
    """

    def __init__(
        self,
        open_stream: OpenStream,
        spawn: Callable[[Callable[[], Awaitable[None]]], None],
        name: str,
        *,
        source: StreamSource | None = None,
        check_caller: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self._source = StreamSource(open_stream) if source is None else source
        self._spawn = spawn
        self._check_caller = check_caller
        self._reader: HubReader | None = None
        self._sinks: tuple[EventSink, ...] = ()
        self._passive: tuple[EventSink, ...] = ()
        self._all: tuple[EventSink, ...] = ()
        self._late: dict[EventSink, int] = {}  # sinks that want what comes after a sequence
        self._held = False
        self._closed = False
        self._started = Flag()
        self._idle = Flag(True)
        self._expected = 0  # sequence of the next event; 0 while unknown
        self._newest = 0  # of all streams so far
        self._replayed = 0  # up to this sequence the stream repeats what an earlier one brought
        self._warned = False
        # The events since the last gap, for sinks that come later.
        self._kept: deque[tuple[Event, int]] = deque()
        self._kept_bytes = 0

    @property
    def running(self) -> bool:
        """Whether the stream is open or being opened."""
        return self._reader is not None

    @property
    def last_sequence(self) -> int:
        """The worker sequence of the last event; 0 before the first one of the stream."""
        return max(self._expected - 1, 0)

    def __repr__(self) -> str:
        state = "closed" if self._closed else "running" if self.running else "idle"
        return printable(f"<EventHub of {self.name}, {state}, {len(self._sinks)} consumers>")

    # Sinks --------------------------------------------------------------------------

    def attach(self, sink: EventSink, after: int = 0, *, passive: bool = False) -> None:
        """Pass events on to `sink` from now on; the first one starts the stream.

        Args:
            sink: Gets them.
            after: Start after this worker sequence. The first sink's number goes to
                the gateway. On a running stream the hub's own last 1024 events are
                passed on first; where these do not reach back far enough, a
                ReplayGapEvent comes before them. 0 for what comes from now on.
            passive: Do not start the stream and do not keep it open. It gets no event
                again that a stream resumed further back repeats.

        Raises:
            ClientClosedError: The session is closed, or the client does not run, or not here.
        """
        if self._check_caller is not None and not passive:
            self._check_caller()
        self._check_open()
        if passive:
            self._passive = (*self._passive, sink)
        else:
            if after and self._reader is not None:
                self._catch_up(sink, after)
            self._sinks = (*self._sinks, sink)
        self._set_all()
        if not passive and self._reader is None:
            # With the sink in place: the task may run, and even end, at once.
            try:
                self._start(after)
            except BaseException:
                self._sinks = ()
                self._set_all()
                raise

    def detach(self, sink: EventSink) -> None:
        """Pass nothing more on to `sink`, without telling it; the last one resets the stream."""
        self._passive = tuple(other for other in self._passive if other is not sink)
        self._sinks = tuple(other for other in self._sinks if other is not sink)
        self._late.pop(sink, None)
        self._set_all()
        if not self._sinks and not self._held and self._reader is not None:
            self._stop()  # passive sinks have to know that what follows may miss something

    def hold(self) -> None:
        """Start the stream if need be, and keep it open without a sink until it ends.

        Raises:
            ClientClosedError: The session is closed, or the client does not run, or not here.
        """
        if self._check_caller is not None:
            self._check_caller()
        self._check_open()
        self._held = True
        if self._reader is None:
            try:
                self._start(0)
            except BaseException:
                self._held = False
                raise

    def close(self) -> None:
        """End the stream and every sink, plainly. Idempotent."""
        self._closed = True
        self._stop()

    def _stop(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.stop()
        self._finish(None)

    def _check_open(self) -> None:
        if self._closed:
            raise ClientClosedError(f"session {self.name!r} is closed; open a new one")

    async def wait_started(self) -> None:
        """Return once the stream's request has gone out, or the stream has ended."""
        if self._reader is not None:
            await self._started.wait()

    async def wait_idle(self) -> None:
        """Return once no stream runs."""
        await self._idle.wait()

    def _start(self, after: int) -> None:
        reader = self._reader = HubReader(self, self._source, after)
        self._forget()
        self._started.clear()
        self._idle.clear()
        try:
            self._spawn(reader.run)
        except BaseException:
            self._reader = None
            self._started.set()
            self._idle.set()
            raise

    def _set_all(self) -> None:
        # Passive sinks first: they know of an event before its consumers act on it.
        self._all = self._passive + self._sinks

    def _catch_up(self, sink: EventSink, after: int) -> None:
        """Bring a sink that comes to a running stream from sequence `after` to now."""
        if not self._expected or after >= self._expected:
            self._late[sink] = after
            return
        oldest = self._kept[0][0].worker_sequence if self._kept else self._expected
        if oldest > after + 1:
            sink.feed(self._gap(after, oldest), 0)
        for event, size in self._kept:
            if event.worker_sequence > after:
                sink.feed(event, size)

    def _gap(self, after: int, oldest: int) -> ReplayGapEvent:
        gap = ReplayGap(requested_after_sequence=after, oldest_available_sequence=oldest)
        return ReplayGapEvent(MxEvent(session_id=self.name, replay_gap=gap))

    # What the reader calls ------------------------------------------------------------

    def stream_opens(self, reader: HubReader, after: int) -> None:
        """A stream that starts after `after` is being opened."""
        if reader is self._reader:
            self._expected = after + 1 if after else 0
            self._replayed = self._newest if after else 0
            self._warned = False

    def stream_opened(self, reader: HubReader) -> None:
        """Its request has gone out."""
        if reader is self._reader:
            self._started.set()

    def resume_point(self) -> int:
        """The sequence after which a stream that is opened again has to start; 0 for none."""
        return self.last_sequence

    def deliver(self, message: MxEvent, size: int) -> None:
        """Pass a message on."""
        event = typed_event(message)
        sequence = message.worker_sequence
        if sequence != self._expected or not sequence:
            self._irregular(event, sequence)
        if sequence:
            self._expected = sequence + 1
            self._newest = max(self._newest, sequence)
            kept = self._kept
            kept.append((event, size))
            self._kept_bytes += size
            while len(kept) > _KEPT_EVENTS or self._kept_bytes > _KEPT_BYTES:
                self._kept_bytes -= kept.popleft()[1]
        if self._late:
            self._admit(sequence)
        self._pass_on(event, size)

    def reader_ended(self, reader: HubReader, error: MxGatewayError | None) -> None:
        """The stream has ended for good."""
        if reader is self._reader:
            self._reader = None
            self._finish(error)

    # ---------------------------------------------------------------------------------

    def _pass_on(self, event: Event, size: int) -> None:
        late, sinks = self._late, self._all
        if self._replayed and event.worker_sequence:
            if event.worker_sequence > self._replayed:
                self._replayed = 0
            else:
                sinks = self._sinks
        for sink in sinks:
            if late and sink in late:
                continue
            try:
                sink.feed(event, size)
            except Exception as broken:
                self._expel(sink, broken)

    def _expel(self, sink: EventSink, broken: Exception) -> None:
        """Let a sink that fails take no other one along."""
        _log.error("a consumer of %r failed inside", self.name, exc_info=broken)
        error = InternalError(f"a consumer of {self.name!r} failed inside: {broken!r}")
        error.__cause__ = broken
        self.detach(sink)
        self._end_sinks((sink,), error)

    def _irregular(self, event: Event, sequence: int) -> None:
        """Note a sequence that is not the next one; a jump gets its mark."""
        expected = self._expected
        if not sequence:
            if isinstance(event, ReplayGapEvent):
                self._forget()
                self._expected = event.oldest_available
        elif sequence > expected:
            self._forget()
            if expected:
                _log.warning(
                    "events of %r: sequence %d follows %d, and the gateway reported no gap",
                    self.name,
                    sequence,
                    expected - 1,
                )
                self._pass_on(SequenceGap(expected - 1, sequence, self.name), 0)
        else:
            self._forget()
            if not self._warned:
                self._warned = True
                _log.warning(
                    "events of %r: sequence %d after %d; passed on as it is, not logged again",
                    self.name,
                    sequence,
                    expected - 1,
                )

    def _admit(self, sequence: int) -> None:
        """Let sinks in that wait for what comes after a sequence."""
        for sink, after in list(self._late.items()):
            if sequence > after:
                del self._late[sink]
                if sequence > after + 1:
                    sink.feed(self._gap(after, sequence), 0)

    def _forget(self) -> None:
        self._kept.clear()
        self._kept_bytes = 0

    def _finish(self, error: MxGatewayError | None) -> None:
        """Tell every sink of the end, and stand ready for a new first one."""
        sinks, self._sinks = self._all, ()
        self._held = False
        self._late.clear()
        self._forget()
        self._set_all()
        self._started.set()
        self._idle.set()
        self._end_sinks(sinks, error)  # the last: a sink may attach another, which starts anew

    def _end_sinks(self, sinks: tuple[EventSink, ...], error: MxGatewayError | None) -> None:
        for sink in sinks:
            try:
                sink.end(error)
            except Exception:
                _log.exception("a consumer of %r failed inside", self.name)
