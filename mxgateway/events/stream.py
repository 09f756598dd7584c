"""EventStream: the events of a session for one consumer."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Any, Final, Self

import anyio
import anyio.lowlevel

from mxgateway.errors import ClientClosedError, DeadlineExceededError
from mxgateway.events.base import Event
from mxgateway.events.hub import EventHub
from mxgateway.events.queue import EventQueue
from mxgateway.printable import printable
from mxgateway.transport.home import Home
from mxgateway.transport.signals import loop_scheduler

__all__ = ["EventStream"]

_FAIRNESS: Final = 128  # events taken in a row before other tasks get a turn


class EventStream(AsyncIterator[Event]):
    """The events of a session, in the worker's order, for one of its consumers.

    Made by `Session.stream_events`. Iterate it, or use it as an async context
    manager; it starts with the first `__anext__` or on entering, and is over when
    the block is left, when `aclose` is called, when an error is raised, or when the
    last reference goes, as after `break` out of `async for`. A cancelled wait ends
    nothing. The gateway's stream is reset with its last consumer. It belongs to the
    event loop in which it starts.

    Args:
        hub: Where events come from.
        queue: This consumer's queue.
        after: Start after this worker sequence; 0 for what comes from now on.
        timeout: Seconds for the whole stream; None for no limit.
    """

    def __init__(
        self, hub: EventHub, queue: EventQueue, *, after: int = 0, timeout: float | None = None
    ) -> None:
        self._hub = hub
        self._queue = queue
        self._after = after
        self._timeout = timeout
        self._deadline: float | None = None
        self._schedule: Callable[[Callable[[], None]], Any] | None = None
        self._home: Home | None = None
        self._closed = False
        self._turns = 0

    @property
    def queued(self) -> int:
        """Events that wait to be taken."""
        return len(self._queue)

    @property
    def queued_bytes(self) -> int:
        """Bytes of these events, as they were on the wire."""
        return self._queue.size

    @property
    def dropped(self) -> int:
        """Events that overflow="drop_oldest" has dropped so far."""
        return self._queue.dropped

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open" if self._schedule else "new"
        return printable(f"<EventStream of {self._hub.name}, {state}, {self.queued} events queued>")

    async def __aenter__(self) -> Self:
        """Start, and return once the request of the gateway's stream has gone out.

        Raises:
            ClientClosedError: The stream or session is closed, the client does not run, or
                the stream belongs to another event loop or thread.
            TransportError: The stream could not be opened.
        """
        if self._closed:
            raise ClientClosedError("the stream is closed; ask the session for a new one")
        if self._home is not None:
            self._home.check()
        try:
            self._start()
            if not await self._in_time(self._hub.wait_started):
                raise self._too_late()
            if self._queue.ended and not len(self._queue):
                self._raise_end()
        except BaseException:
            self._close()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self._close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        """Return the next event. Cancelled, it loses nothing: ask again.

        Raises:
            StopAsyncIteration: The gateway ended the stream with OK, or the session or
                this stream was closed here.
            SlowConsumerError: This consumer's queue was full; what it held has been returned.
            RpcError: The gateway ended the stream with another status.
            ConnectionLost: The connection ended, or the client was closed.
            DecodeError: A message was not readable.
            DeadlineExceededError: The stream's `timeout` passed, after what came before.
            ClientClosedError: The session is closed, the client does not run, or the stream
                belongs to another event loop or thread; it goes on there.
        """
        if self._closed:
            raise StopAsyncIteration
        home = self._home
        if home is not None:
            home.check_thread()
            if not len(self._queue):
                home.check()  # it would wait for ever; each time, it costs too much
        try:
            if self._schedule is None:
                self._start()
            self._turns += 1
            if self._turns % _FAIRNESS == 0:
                await anyio.lowlevel.checkpoint()  # before the event is taken: none is lost by it
            queue = self._queue
            if self._deadline is not None and anyio.current_time() >= self._deadline:
                self._expire()
            event = queue.take()
            while event is None:
                if self._closed:  # by another task, while this one waited
                    raise StopAsyncIteration
                if queue.ended:
                    self._raise_end()
                    raise StopAsyncIteration
                if not await self._in_time(queue.wait):
                    self._expire()
                event = queue.take()
        except Exception:  # not cancellation, after which the stream goes on
            self._close()
            raise
        return event

    async def aclose(self) -> None:
        """Leave the stream. Idempotent; does not wait for the gateway.

        A task that waits in `__anext__` gets StopAsyncIteration. In a forked child nothing
        happens: the stream is the parent's.

        Raises:
            ClientClosedError: The stream belongs to another event loop or thread.
        """
        if self._home is not None and not self._closed:
            if self._home.inherited:
                return
            self._home.check()
        self._close()

    def _start(self) -> None:
        if self._schedule is not None:
            return
        schedule = loop_scheduler()
        self._hub.attach(self._queue, self._after)
        self._schedule = schedule
        self._home = Home("the stream")
        if self._timeout is not None:
            self._deadline = anyio.current_time() + self._timeout

    async def _in_time(self, wait: Callable[[], Awaitable[None]]) -> bool:
        """Wait, until the deadline at most; return whether it was in time."""
        if self._deadline is None:
            await wait()
            return True
        with anyio.CancelScope(deadline=self._deadline):
            await wait()
            return True
        return False

    def _expire(self) -> None:
        """Take no more than what has come by now: the error comes after that."""
        if not self._queue.ended:
            self._hub.detach(self._queue)
            self._queue.end(self._too_late())

    def _too_late(self) -> DeadlineExceededError:
        error = DeadlineExceededError(
            f"the {self._timeout:g} s for the events of {self._hub.name!r} have passed",
            processed="yes",
        )
        error.phase = "message"
        return error

    def _raise_end(self) -> None:
        error = self._queue.take_error()
        if error is not None:
            raise error

    def _close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._schedule is not None:
            self._hub.detach(self._queue)
        self._queue.clear()

    def __del__(self) -> None:
        # After `break` out of `async for` nobody else can leave. The collector may run
        # in another thread, or in the middle of the hub's work.
        home = getattr(self, "_home", None)
        if home is not None and not self._closed and not home.inherited:
            assert self._schedule is not None
            hub, queue = self._hub, self._queue
            with contextlib.suppress(RuntimeError):  # the loop has ended, and the stream with it
                self._schedule(lambda: hub.detach(queue))
