"""One connection of the server: grpclib's protocol, made to tell, to hold and to misbehave."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import Any

from grpclib.config import Configuration
from grpclib.protocol import AbstractHandler, H2Protocol
from grpclib.protocol import Stream as TransportStream
from h2.config import H2Configuration
from h2.errors import ErrorCodes
from h2.events import (
    Event,
    PingAckReceived,
    RemoteSettingsChanged,
    RequestReceived,
    StreamReset,
)

from mxgateway.simulator.linger import reset_on_close

__all__ = ["EVERYTHING", "ServerConnection", "goaway_frame"]

EVERYTHING = (1 << 31) - 1
"""Last stream id of a GOAWAY that refuses nothing yet."""

_DRAIN_PING = b"draining"
_DRAIN_PING_LIMIT = 1.0  # seconds until a peer that answers no PING counts as told


def goaway_frame(code: int, last_stream_id: int, debug: bytes = b"") -> bytes:
    """Return a GOAWAY frame; h2 would take the connection as closed after writing its own."""
    payload = struct.pack(">II", last_stream_id, code) + debug
    return len(payload).to_bytes(3, "big") + b"\x07\x00" + bytes(4) + payload


class _Wire:
    """A transport that can fall silent: nothing is read, and what is written waits."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held: list[bytes] | None = None

    def write(self, data: bytes) -> None:
        if self._held is not None:
            self._held.append(data)
        elif not self._transport.is_closing():  # after which asyncio drops it, and logs that
            self._transport.write(data)

    def hold(self) -> None:
        if self._held is None and not self._transport.is_closing():
            self._held = []
            self._transport.pause_reading()

    def release(self) -> None:
        held, self._held = self._held, None
        if held is not None and not self._transport.is_closing():
            self._transport.write(b"".join(held))
            self._transport.resume_reading()

    @property
    def held(self) -> bool:
        """Whether nothing is read or written."""
        return self._held is not None

    def close(self) -> None:
        if self._held is None:
            self._transport.close()
        else:
            self._transport.abort()

    def abort(self, *, reset: bool) -> None:
        if reset:
            reset_on_close(self._transport)
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)


class ServerConnection(H2Protocol):
    """One connection; tells its owner when it comes, goes, and is reset on.

    Args:
        handler: grpclib's handler of its calls.
        config: grpclib's configuration.
        h2_config: The configuration of h2.
        arrived: Called when it is there.
        left: Called when it is gone.
        was_reset: Called for every RST_STREAM from the peer.
        preface_timeout: Seconds for the peer to begin HTTP/2; then the connection is closed.
    """

    def __init__(
        self,
        handler: AbstractHandler,
        config: Configuration,
        h2_config: H2Configuration,
        *,
        arrived: Callable[[ServerConnection], None],
        left: Callable[[ServerConnection], None],
        was_reset: Callable[[StreamReset], None],
        preface_timeout: float,
    ) -> None:
        super().__init__(handler, config, h2_config)
        self._arrived = arrived
        self._left = left
        self._was_reset = was_reset
        self._last_accepted: int | None = None
        self._drain_debug = b""
        self._drain_timer: asyncio.TimerHandle | None = None
        self._preface_timeout = preface_timeout
        self._preface_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.wire = _Wire(transport)
        super().connection_made(self.wire)  # type: ignore[arg-type]
        known = self.processor.process

        def process(event: Event) -> None:
            if self._taken(event):
                return
            # grpclib gives up on events it has no handler for, such as unknown frames.
            if type(event) in getattr(self.processor, "processors", ()):
                known(event)
            if isinstance(event, RequestReceived):
                self._name(event)

        self.processor.process = process  # type: ignore[method-assign]
        self._await_preface()
        self._arrived(self)

    def _await_preface(self) -> None:
        loop = asyncio.get_running_loop()
        self._preface_timer = loop.call_later(self._preface_timeout, self._has_said_nothing)

    def _has_said_nothing(self) -> None:
        if self.wire.held:  # by a fault, so nothing could be heard
            self._await_preface()
        else:
            self.abort()

    def _taken(self, event: Event) -> bool:
        if isinstance(event, StreamReset) and event.remote_reset:
            self._was_reset(event)
        elif isinstance(event, RemoteSettingsChanged) and self._preface_timer is not None:
            self._preface_timer.cancel()
            self._preface_timer = None
        elif isinstance(event, PingAckReceived) and event.ping_data == _DRAIN_PING:
            self._refuse_new_calls()
        elif isinstance(event, RequestReceived) and self._last_accepted is not None:
            assert event.stream_id is not None
            self.h2.reset_stream(event.stream_id, ErrorCodes.REFUSED_STREAM)
            return True
        return False

    def _name(self, event: RequestReceived) -> None:
        assert event.stream_id is not None
        stream = self.processor.streams.get(event.stream_id)
        headers: dict[Any, Any] = dict(event.headers or ())
        if stream is not None:
            vars(stream)["method"] = str(headers.get(":path", "")).rpartition("/")[2]

    def data_received(self, data: bytes) -> None:
        if not self.connection.is_closing():
            super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        for timer in (self._drain_timer, self._preface_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)
        self._left(self)

    @property
    def h2(self) -> Any:
        """The state machine of h2."""
        return self.connection._connection

    def streams(self, method: str | None = None) -> list[TransportStream]:
        """Return the open calls, of one method by name or all."""
        return [
            stream
            for stream in self.processor.streams.values()
            if method is None or vars(stream).get("method") == method
        ]

    # -- ends, clean and otherwise -----------------------------------------------------

    def shut(self) -> None:
        """Say GOAWAY and close."""
        if not self.connection.is_closing():
            self.h2.close_connection()
            self.connection.flush()
        self.processor.close("the server is shutting down")

    def abort(self, *, reset: bool = False) -> None:
        """Close without waiting for the peer; with `reset` it sees a TCP reset."""
        self.wire.abort(reset=reset)

    def goaway(self, code: int, last_stream_id: int, debug: bytes) -> None:
        """Say GOAWAY and close at once, whatever calls are open."""
        if not self.connection.is_closing():
            self.wire.write(goaway_frame(code, last_stream_id, debug))
            self.processor.close("the server said GOAWAY")

    def drain(self, debug: bytes) -> None:
        """Say GOAWAY as RFC 9113, section 6.8 asks: open calls finish, then the connection closes.

        The first GOAWAY refuses nothing; the second one, after a round trip, refuses
        what is new.
        """
        if self.connection.is_closing() or self._drain_timer is not None:
            return
        self._drain_debug = debug
        self.wire.write(goaway_frame(0, EVERYTHING, debug))
        self.h2.ping(_DRAIN_PING)
        self.connection.flush()
        loop = asyncio.get_running_loop()
        self._drain_timer = loop.call_later(_DRAIN_PING_LIMIT, self._refuse_new_calls)

    def _refuse_new_calls(self) -> None:
        if self._last_accepted is not None or self.connection.is_closing():
            return
        self._last_accepted = self.h2.highest_inbound_stream_id
        self.wire.write(goaway_frame(0, self._last_accepted, self._drain_debug))
        tasks = [task for task in getattr(self.handler, "_tasks", {}).values() if not task.done()]
        self._draining = len(tasks)
        for task in tasks:
            task.add_done_callback(self._one_call_less)
        if not tasks:
            self.processor.close("the connection is drained")

    def _one_call_less(self, _task: object) -> None:
        self._draining -= 1
        if not self._draining and not self.connection.is_closing():
            self.processor.close("the connection is drained")

    def reset_streams(self, code: int, method: str | None) -> int:
        """Reset the open calls of a method, or all; return how many."""
        streams = [stream for stream in self.streams(method) if stream.closable]
        for stream in streams:
            stream.reset_nowait(ErrorCodes(code))
            self.handler.cancel(stream)
        return len(streams)
