"""The hub's task: opens the gateway's stream, reads it, and decides what follows its end."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Protocol

import anyio

from mxgateway.errors import (
    AlreadyExistsError,
    ConnectionLost,
    InternalError,
    MxGatewayError,
)
from mxgateway.events.weight import held_bytes
from mxgateway.generated.mxaccess_gateway.v1 import MxEvent

__all__ = ["HubReader", "OpenStream", "RawStream", "StreamSource"]

_log = logging.getLogger("mxgateway.events")

_FIRST_PAUSE: Final = 0.02
_LONGEST_PAUSE: Final = 0.5
_PATIENCE: Final = 2.0  # seconds of pauses together
_JUST_CLOSED: Final = 5.0  # seconds in which the gateway has surely seen our reset


class RawStream(Protocol):
    """What the hub needs of a MessageStream[MxEvent]."""

    @property
    def last_size(self) -> int:
        """Bytes of the message returned last."""

    async def __aenter__(self) -> Any:
        """Send the request."""

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        """End the stream."""

    async def __anext__(self) -> MxEvent:
        """Return the next message."""

    def close(self) -> None:
        """End the stream now; who waits in `__anext__` gets StopAsyncIteration."""


OpenStream = Callable[[int], RawStream]


class StreamSource:
    """Opens the stream of a session, and says whether to open it again after its end.

    What is to survive more than the moment after a reset (a lost connection, say)
    is decided in a subclass; the hub asks nobody else.

    Args:
        open_stream: Returns a new stream that starts after a worker sequence.
    """

    def __init__(self, open_stream: OpenStream) -> None:
        self._open_stream = open_stream
        self._closed_at = -_JUST_CLOSED
        self._be_patient()

    def open(self, after: int) -> RawStream:
        """Return a stream that starts after `after`; 0 for a fresh one."""
        return self._open_stream(after)

    def closed(self) -> None:
        """Note that the hub has just reset its stream."""
        self._closed_at = time.monotonic()
        self._be_patient()

    def received(self) -> None:
        """Note that the stream delivers."""
        self._be_patient()

    def _be_patient(self) -> None:
        self._paused = 0.0
        self._pause = _FIRST_PAUSE

    async def again(self, error: MxGatewayError | None) -> bool:
        """Return whether the stream shall be opened again, at once; waits as long as it takes.

        The gateway may not have seen our reset of an earlier stream yet and refuse
        a second one (ALREADY_EXISTS). Then it is asked again after a short pause,
        for 2 s at most.

        Args:
            error: What the stream ended with; None for OK.
        """
        just_closed = time.monotonic() - self._closed_at < _JUST_CLOSED
        if not isinstance(error, AlreadyExistsError) or not just_closed:
            return False
        if self._paused >= _PATIENCE:
            return False
        pause = min(self._pause, _PATIENCE - self._paused)
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        self._paused += pause
        _log.debug("the gateway still has the earlier event stream; next try in %g s", pause)
        await anyio.sleep(pause)
        return True


class _Owner(Protocol):
    """The hub, as its reader sees it."""

    name: str

    def stream_opens(self, reader: HubReader, after: int) -> None: ...
    def stream_opened(self, reader: HubReader) -> None: ...
    def deliver(self, message: MxEvent, size: int) -> None: ...
    def resume_point(self) -> int: ...
    def reader_ended(self, reader: HubReader, error: MxGatewayError | None) -> None: ...


class HubReader:
    """One run of the hub's task, from its first sink to its last or to the stream's end.

    Args:
        hub: Gets what is read.
        source: Opens streams.
        after: Where the first one starts.
    """

    def __init__(self, hub: _Owner, source: StreamSource, after: int) -> None:
        self._hub = hub
        self._source = source
        self._after = after
        self._stream: RawStream | None = None
        self._stopped = False

    def stop(self) -> None:
        """End now: the stream is reset at once, the hub hears no more."""
        if self._stopped:
            return
        self._stopped = True
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
            self._source.closed()

    async def run(self) -> None:
        """Read until the stream ends for good or `stop` is called; raises only cancellation."""
        # What the sinks hear where this task is cancelled, which only a client does that closes.
        error: MxGatewayError | None = ConnectionLost(
            f"the client was closed while events of {self._hub.name} were read", cause="closed"
        )
        try:
            error = await self._read_all()
        finally:
            if not self._stopped:
                self._stopped = True
                self._hub.reader_ended(self, error)

    async def _read_all(self) -> MxGatewayError | None:
        after = self._after
        while not self._stopped:
            error = await self._read(after)
            if self._stopped or not await self._source.again(error):
                return error
            after = self._hub.resume_point() or after
        return None

    async def _read(self, after: int) -> MxGatewayError | None:
        """Read one stream; return what it ended with, None for OK."""
        hub = self._hub
        try:
            hub.stream_opens(self, after)
            stream = self._stream = self._source.open(after)
            async with stream:
                hub.stream_opened(self)
                message = await stream.__anext__()
                self._source.received()
                while not self._stopped:
                    hub.deliver(message, held_bytes(message, stream.last_size))
                    message = await stream.__anext__()
        except StopAsyncIteration:
            return None
        except MxGatewayError as failed:
            return failed
        except Exception as broken:
            _log.exception("reading the events of %r failed inside", hub.name)
            error = InternalError(f"reading the events of {hub.name!r} failed inside: {broken!r}")
            error.__cause__ = broken
            return error
        finally:
            self._stream = None
        return None
