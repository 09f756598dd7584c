"""Event streams that a test writes itself, and a hub that reads them."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

import anyio
from anyio.abc import TaskGroup

from mxgateway.errors import ClientClosedError, MxGatewayError
from mxgateway.events import EventFilter, EventHub, EventQueue, EventStream, Overflow
from mxgateway.generated.mxaccess_gateway.v1 import MxEvent, MxEventFamily, MxValue, ReplayGap
from mxgateway.transport.signals import Flag

__all__ = ["SESSION", "HubBench", "ScriptedStream", "change", "gap", "queue"]

SESSION = "session-1"


def change(sequence: int, value: int = 0, *, item: int = 1, server: int = 1) -> MxEvent:
    """Return a data change."""
    return MxEvent(
        family=MxEventFamily.ON_DATA_CHANGE,
        session_id=SESSION,
        server_handle=server,
        item_handle=item,
        worker_sequence=sequence,
        value=MxValue(int32_value=value),
        quality=192,
    )


def gap(after: int, oldest: int) -> MxEvent:
    """Return the sentinel of a stream that cannot be resumed without loss."""
    lost = ReplayGap(requested_after_sequence=after, oldest_available_sequence=oldest)
    return MxEvent(session_id=SESSION, replay_gap=lost)


def queue(
    max_events: int = 10_000,
    max_bytes: int = 1 << 20,
    overflow: Overflow = "error",
    wanted: EventFilter | None = None,
) -> EventQueue:
    """Return a consumer's queue."""
    return EventQueue(max_events, max_bytes, overflow, wanted or EventFilter(None, None), SESSION)


class ScriptedStream:
    """Stands in for a MessageStream: what it returns and how it ends is up to the test.

    Attributes:
        after: Where it starts.
        last_size: Bytes of the message returned last.
        closed: Whether it was ended from the reader's side.
        refusal: What entering raises.
    """

    def __init__(self, after: int, refusal: MxGatewayError | None = None) -> None:
        self.after = after
        self.last_size = 0
        self.closed = False
        self.refusal = refusal
        self._queue: deque[tuple[MxEvent, int]] = deque()
        self._ended = False
        self._error: MxGatewayError | None = None
        self._wake = Flag()

    def is_open(self) -> bool:
        """Return whether nobody has ended it from the reader's side."""
        return not self.closed

    def send(self, *messages: MxEvent, size: int = 100) -> None:
        """Have the gateway send events of `size` bytes each."""
        self._queue.extend((message, size) for message in messages)
        self._wake.set()

    def finish(self, error: MxGatewayError | None = None) -> None:
        """Have the gateway end it, after what it has sent."""
        self._ended, self._error = True, error
        self._wake.set()

    async def __aenter__(self) -> Self:
        if self.closed:
            raise ClientClosedError("the stream is closed")
        if self.refusal is not None:
            raise self.refusal
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self.closed = True

    async def __anext__(self) -> MxEvent:
        while not self._queue:
            if self.closed or (self._ended and self._error is None):
                raise StopAsyncIteration
            if self._error is not None:
                raise self._error
            self._wake.clear()
            await self._wake.wait()
        message, self.last_size = self._queue.popleft()
        return message

    def close(self) -> None:
        """End it from the reader's side."""
        self.closed = True
        self._wake.set()


class HubBench:
    """A hub in a task group of its own.

    Attributes:
        hub: The hub.
        streams: Every stream that it opened, in order.
        refusals: What the next streams refuse to be entered with, or end with at once.
    """

    def __init__(self) -> None:
        self.streams: list[ScriptedStream] = []
        self.refusals: list[tuple[bool, MxGatewayError]] = []
        self._opened = Flag()
        self._tasks: TaskGroup
        self.hub: EventHub

    async def __aenter__(self) -> Self:
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self.hub = EventHub(self.open, self.spawn, SESSION)
        return self

    async def __aexit__(self, *exc: Any) -> None:
        self._tasks.cancel_scope.cancel()
        await self._tasks.__aexit__(*exc)

    def spawn(self, func: Callable[[], Awaitable[None]]) -> None:
        """Run the hub's task, as a channel does."""

        async def run() -> None:
            await func()

        self._tasks.start_soon(run)

    def open(self, after: int) -> ScriptedStream:
        """Open a stream, or what was scripted in its place."""
        stream = ScriptedStream(after)
        if self.refusals:
            entering, error = self.refusals.pop(0)
            if entering:
                stream.refusal = error
            else:
                stream.finish(error)
        self.streams.append(stream)
        self._opened.set()
        return stream

    async def stream(self, number: int = 1) -> ScriptedStream:
        """Return the stream that the hub opened as its `number`th."""
        with anyio.fail_after(5):
            while len(self.streams) < number:
                self._opened.clear()
                await self._opened.wait()
        return self.streams[number - 1]

    def consumer(
        self, after: int = 0, *, timeout: float | None = None, **bounds: Any
    ) -> EventStream:
        """Return a consumer that has not started."""
        return EventStream(self.hub, queue(**bounds), after=after, timeout=timeout)

    def cancel(self) -> None:
        """Cancel the hub's task, as a client does that is torn down."""
        self._tasks.cancel_scope.cancel()
