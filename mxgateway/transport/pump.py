"""The tasks of one connection: reader, writer and keepalive. Nothing else uses its socket."""

from __future__ import annotations

import logging
import time

import anyio
import anyio.lowlevel
from anyio.abc import ByteStream, SocketAttribute

from mxgateway.transport.connection import CLOSED, Connection, Loss
from mxgateway.transport.keepalive import Action, Keepalive
from mxgateway.transport.protocol import Protocol
from mxgateway.transport.signals import loop_scheduler

__all__ = ["FAREWELL_SECONDS", "Pump"]

log = logging.getLogger("mxgateway.transport")

FAREWELL_SECONDS = 0.25
"""Longest time that closing waits for queued bytes to leave."""

_READ_SIZE = 1 << 18
_SOCKET_ERRORS = (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)  # and ssl.SSLError


class Pump:
    """Moves bytes between one socket and one protocol until either has ended.

    Args:
        stream: The connected socket, with or without TLS.
        protocol: The protocol, with `connection_made` called.
        keepalive: Decides on PINGs.
    """

    def __init__(self, stream: ByteStream, protocol: Protocol, keepalive: Keepalive) -> None:
        self._stream = stream
        self.protocol = protocol
        self._keepalive = keepalive
        self._written = anyio.Event()

    @property
    def _connection(self) -> Connection:
        return self.protocol.connection

    @property
    def peer_host(self) -> str | None:
        """The address at the other end, as the system tells it; None where it does not."""
        address = self._stream.extra(SocketAttribute.remote_address, None)  # noqa: S610
        return str(address[0]) if isinstance(address, tuple) else None

    async def handshake(self) -> None:
        """Send the preface and wait for the peer's SETTINGS; then the connection is ready or lost.

        Without the peer's SETTINGS it is not known how many streams it allows.
        """
        connection = self._connection
        try:
            await self._stream.send(connection.outbox.take())
            while not connection.settings_received and connection.loss is None:
                await self._feed(await self._stream.receive(_READ_SIZE))
        except Exception as error:
            self._lost(error)

    async def run(self) -> None:
        """Run until the connection has ended. Raises nothing but the loop's own cancellation."""
        self._connection.outbox.call_soon = loop_scheduler()
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._read)
                tasks.start_soon(self._write)
                if self._keepalive.interval is not None:
                    tasks.start_soon(self._keep_alive)
                await self._connection.outbox.closing.wait()
                # What was queued last, such as GOAWAY, may still leave; a peer that
                # reads nothing must not keep us.
                with anyio.move_on_after(FAREWELL_SECONDS):
                    await self._written.wait()
                tasks.cancel_scope.cancel()
        finally:
            await self.discard()

    async def discard(self) -> None:
        """Close the socket at once and end every call that is still on the connection."""
        self._connection.lose(CLOSED)
        self._connection.outbox.drop()
        with anyio.CancelScope(shield=True):  # closing does not wait for the peer
            await self._stream.aclose()

    async def _read(self) -> None:
        receive = self._stream.receive
        connection = self._connection
        try:
            while connection.loss is None:
                await self._feed(await receive(_READ_SIZE))
        except Exception as error:
            self._lost(error)

    async def _feed(self, data: bytes) -> None:
        while self.protocol.data_received(data):
            data = b""
            await anyio.lowlevel.checkpoint()

    async def _write(self) -> None:
        outbox = self._connection.outbox
        send = self._stream.send
        try:
            while True:
                outbox.close_abandoned()
                data = outbox.take()
                if data:
                    await send(data)
                elif outbox.is_closing():
                    break
                else:
                    await outbox.ready.wait()
        except Exception as error:
            self._lost(error)
        self._written.set()

    def _lost(self, error: Exception) -> None:
        if isinstance(error, anyio.EndOfStream):
            self.protocol.connection_lost(None)
        elif isinstance(error, _SOCKET_ERRORS):
            self.protocol.connection_lost(error)
        else:
            # A defect of ours must not leave calls waiting for ever.
            log.error("the connection failed inside", exc_info=error)
            self._connection.lose(Loss("reset", f"the connection failed inside: {error!r}", error))

    async def _keep_alive(self) -> None:
        try:
            await self._ask_when_silent()
        except Exception as error:
            self._lost(error)

    async def _ask_when_silent(self) -> None:
        connection = self._connection
        while connection.loss is None:
            now = time.monotonic()
            last = connection.last_data_received
            action, wake_at = self._keepalive.check(now, last, calls=bool(connection.streams))
            if action is Action.LOST:
                text = f"no sign of life for {now - last:.1f} s, a PING was not answered"
                connection.lose(Loss("keepalive", text))
                return
            if action is Action.PING:
                connection.send_ping()
            await anyio.sleep(max(0.0, wake_at - time.monotonic()))
