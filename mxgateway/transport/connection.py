"""State of one HTTP/2 connection: its streams, the slots for more, credit, draining and loss.

Everything here is synchronous, but for waiting in turn for a slot: received
bytes go in through `protocol`, queued bytes come out through `outbox`, and flags
wake the tasks that wait. The tasks themselves stand in `pump`.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from grpclib import protocol as grpclib_protocol
from grpclib.config import Configuration
from h2.connection import ConnectionState, H2Connection
from h2.exceptions import ProtocolError

from mxgateway.errors import (
    ConnectionLost,
    LostCause,
    Processed,
    RemoteProtocolError,
    TransportError,
)
from mxgateway.options import ClientOptions
from mxgateway.printable import printable
from mxgateway.redact import redact
from mxgateway.transport.call_stream import CallStream
from mxgateway.transport.framing import GoAway
from mxgateway.transport.outbox import Outbox
from mxgateway.transport.signals import Flag
from mxgateway.transport.status import reset_name

__all__ = ["CLOSED", "Connection", "Loss", "StreamLimit", "goaway_text"]

log = logging.getLogger("mxgateway.transport")

_LAST_STREAM_ID = (1 << 31) - 1 - 64  # from here on a new connection is opened


@dataclass(frozen=True, slots=True)
class Loss:
    """Why a connection ended; makes one error for each call that it takes along."""

    cause: LostCause | None  # None: the peer broke the protocol
    text: str
    source: BaseException | None = None

    def error(self, processed: Processed) -> TransportError:
        """Return a new error for one call."""
        error: TransportError
        if self.cause is None:
            error = RemoteProtocolError(self.text, processed=processed)
        else:
            error = ConnectionLost(self.text, cause=self.cause, processed=processed)
        error.__cause__ = self.source
        return error


CLOSED = Loss("closed", "the client closed the connection")
"""This side ended the connection."""


class _SlotWaiter:
    __slots__ = ("flag", "granted")

    def __init__(self) -> None:
        self.flag = Flag()
        self.granted = False


class StreamLimit(NamedTuple):
    """How many streams are open, and how many the peer allows."""

    open: int
    limit: int


class Connection(grpclib_protocol.Connection):
    """State of one connection: its streams, the slots for more, draining and loss."""

    _transport: Outbox  # type: ignore[assignment]  # where grpclib has asyncio's
    write_ready: Flag  # type: ignore[assignment]
    last_data_received: float

    def __init__(
        self,
        connection: H2Connection,
        transport: Outbox,
        *,
        config: Configuration,
        options: ClientOptions,
    ) -> None:
        # Not grpclib's constructor: it makes asyncio primitives.
        self._connection = connection
        self._transport = transport
        self._config = config
        self.options = options
        self.outbox = transport
        self.write_ready = transport.drained
        self.streams: dict[int, CallStream] = {}
        self.draining: GoAway | None = None
        self.exhausted = False
        self.loss: Loss | None = None
        self.settings_received = False
        self.on_unusable: Callable[[Connection], None] = _ignore
        self._open = 0
        self._waiters: deque[_SlotWaiter] = deque()
        self._due = 0
        self._threshold = options.connection_window // 4
        self.last_data_received = time.monotonic()

    # Streams and their slots ------------------------------------------------

    @property
    def usable(self) -> bool:
        """Whether a new call may start here."""
        return self.loss is None and self.draining is None and not self.exhausted

    @property
    def stream_limit(self) -> StreamLimit:
        """How many streams are open, and how many the peer allows."""
        return StreamLimit(self._open, self._connection.remote_settings.max_concurrent_streams)

    async def acquire_slot(self) -> bool:
        """Wait in turn until the peer allows one more stream; False if none will ever open here."""
        if not self.usable:
            return False
        if not self._waiters and self._open < self.stream_limit.limit:
            self._open += 1
            return True
        waiter = _SlotWaiter()
        self._waiters.append(waiter)
        try:
            await waiter.flag.wait()
        except BaseException:
            if waiter.granted:
                self._release_slot()
            elif waiter in self._waiters:
                self._waiters.remove(waiter)
            raise
        return self._keep_slot(waiter)

    def _keep_slot(self, waiter: _SlotWaiter) -> bool:
        if waiter.granted and not self.usable:
            # GOAWAY or loss came after the slot was granted and before its task ran.
            self._release_slot()
            return False
        return waiter.granted

    def _release_slot(self) -> None:
        self._open -= 1
        self.grant_slots()
        if not self.streams and not self._open and not self.usable:
            self.close()

    def grant_slots(self) -> None:
        """Let waiting calls start, in turn, as far as the peer's limit allows."""
        limit = self.stream_limit.limit
        while self._waiters and self._open < limit and self.usable:
            waiter = self._waiters.popleft()
            waiter.granted = True
            self._open += 1
            waiter.flag.set()

    def _dismiss_waiters(self) -> None:
        while self._waiters:
            self._waiters.popleft().flag.set()

    def create_stream(self, **_: Any) -> CallStream:
        """Return a stream that has not been opened."""
        return CallStream(self, self._connection, self._transport)

    def register(self, stream: CallStream) -> None:
        """Note an opened stream."""
        assert stream.id is not None
        self.streams[stream.id] = stream
        self.streams_started += 1
        self.last_stream_created = stream.created
        if stream.id >= _LAST_STREAM_ID:
            self.exhausted = True
            self._dismiss_waiters()
            self._tell_unusable()

    def release(self, stream: CallStream) -> None:
        """Forget an ended stream and give its slot to the next in turn."""
        if stream.id is not None:
            self.streams.pop(stream.id, None)
        self._release_slot()

    # Bytes --------------------------------------------------------------------

    def return_credit(self, size: int) -> None:
        """Give the peer connection credit for received bytes, whoever they are for.

        It never waits for a consumer: one unread stream must not starve the others.
        """
        self._due += size
        if self._due < self._threshold or self.loss is not None:
            return
        if self._connection.state_machine.state is not ConnectionState.CLOSED:
            self._connection.increment_flow_control_window(self._due)
            self._due = 0

    def send_ping(self) -> None:
        """Queue a PING; its answer counts as received bytes like any other."""
        now = time.monotonic()
        self._connection.ping(int(now * 1e6).to_bytes(8, "big"))
        self.last_ping_sent = now
        self.flush()

    def close(self) -> None:
        """Say goodbye and stop: queued bytes still go out, then the socket is closed.

        Calls in flight end now; what arrives during the farewell is no longer looked at.
        """
        if self.is_closing():
            return
        with contextlib.suppress(ProtocolError):  # h2 refuses after an error of the peer
            self._connection.close_connection()
            self.flush()
        self.lose(CLOSED)

    def is_closing(self) -> bool:
        """Return whether no more bytes will be queued."""
        return self.outbox.is_closing()

    def _tell_unusable(self) -> None:
        """Tell the channel once, at the first of the reasons."""
        tell, self.on_unusable = self.on_unusable, _ignore
        tell(self)

    # The ways a connection ends -------------------------------------------------

    def drain(self, goaway: GoAway) -> None:
        """Act on GOAWAY: streams that the peer serves go on, the others fail as not processed."""
        self.draining = goaway
        text = goaway_text(goaway)
        log.debug("%s", text)
        for stream_id in [i for i in self.streams if i > goaway.last_stream_id]:
            self.streams[stream_id].fail(
                lambda: ConnectionLost(text, cause="goaway", processed="no")
            )
        self._dismiss_waiters()
        self._tell_unusable()
        if not self.streams and not self._open:
            self.close()

    def lose(self, loss: Loss) -> None:
        """End every stream now. The first loss counts; later ones change nothing.

        Unless this side closes in order, requests that are still queued are dropped, so
        that a call which failed as not processed cannot be executed after all.
        """
        if self.loss is not None:
            return
        if self.draining is not None and loss.cause in ("eof", "reset"):
            text = f"{loss.text} after {goaway_text(self.draining)}"
            loss = Loss("goaway", text, loss.source)
        if loss.cause != "closed":
            self.outbox.drop()
            self.flush()  # after an error of the peer h2 has prepared a GOAWAY
        self.loss = loss
        log.debug("connection lost: %s", printable(loss.text))
        for stream in list(self.streams.values()):
            stream.fail(lambda stream=stream: loss.error(stream.processed))  # type: ignore[misc]
        self._dismiss_waiters()
        self._tell_unusable()
        self.outbox.close()


def _ignore(_: Connection) -> None:
    return None


def goaway_text(goaway: GoAway) -> str:
    """Return a GOAWAY in words, with what the peer said."""
    text = f"GOAWAY ({reset_name(goaway.error_code)}, last stream {goaway.last_stream_id})"
    if goaway.debug:
        text += f", saying {redact(goaway.debug[:200].decode('utf-8', 'replace'))!r}"
    return text
