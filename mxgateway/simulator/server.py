"""Listening: grpclib's server, made to close what it opened."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Collection
from dataclasses import dataclass
from os import PathLike
from typing import Any

from grpclib.protocol import H2Protocol
from grpclib.server import Server
from h2.errors import ErrorCodes
from h2.events import StreamReset

from mxgateway.bounded_files import MOST_PEM_BYTES, require_ordinary
from mxgateway.codec.grpc import MessageCodec
from mxgateway.errors import ConfigurationError
from mxgateway.simulator.audit import Audit
from mxgateway.simulator.connection import ServerConnection
from mxgateway.simulator.gate import CallGate
from mxgateway.simulator.rpc import Service
from mxgateway.simulator.settings import Settings

__all__ = ["Listener", "TlsFiles", "load_certificate", "tls_context"]

_LOG = logging.getLogger("mxgateway.simulator")
_GRACE = 1.0  # seconds for calls to end, and again for connections


@dataclass(frozen=True)
class TlsFiles:
    """PEM files for TLS.

    Attributes:
        certificate: The server's certificate, followed by intermediates if any.
        key: Its private key.
    """

    certificate: str | PathLike[str]
    key: str | PathLike[str]


def tls_context(tls: ssl.SSLContext | TlsFiles | None) -> ssl.SSLContext | None:
    """Return a server context that offers HTTP/2 by ALPN, or None for plaintext.

    Raises:
        ConfigurationError: The files cannot be read or do not belong together.
    """
    if tls is None:
        return None
    if isinstance(tls, TlsFiles):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        load_certificate(context, tls.certificate, tls.key)
    else:
        context = tls
    context.set_alpn_protocols(["h2"])
    return context


def load_certificate(
    context: ssl.SSLContext, certificate: str | PathLike[str], key: str | PathLike[str]
) -> None:
    """Let a server show a certificate from now on, on new connections.

    Raises:
        ConfigurationError: The files cannot be read or do not belong together.
    """
    try:
        for path in (certificate, key):
            require_ordinary(path, MOST_PEM_BYTES)  # OpenSSL would wait for a pipe.
        context.load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigurationError(
            f"cannot load the certificate {certificate} with the key {key}: {error}"
        ) from error


class Listener(Server):
    """A grpclib server that knows its connections and closes them when it closes.

    Args:
        services: What it serves.
        audit: Where connections are counted.
        gate: What every call passes, so that faults can touch it.
        settings: How many connections there can be, and how long they may say nothing.
    """

    def __init__(
        self, services: Collection[Service], audit: Audit, gate: CallGate, settings: Settings
    ) -> None:
        super().__init__(services, codec=MessageCodec())
        for service in services:
            service.gate = gate
        self._audit = audit
        self._settings = settings
        self._crowded = False
        self._empty = asyncio.Event()
        self._empty.set()
        self._address = ("", 0)
        self._silent = False
        self.context: ssl.SSLContext | None = None
        self.connections: set[ServerConnection] = set()

    def _protocol_factory(self) -> H2Protocol:
        made = super()._protocol_factory()
        # grpclib forgets handlers when their connections end, which those never do whose TLS
        # handshake fails; so only those count that arrive.
        self._handlers.discard(made.handler)
        return ServerConnection(
            made.handler,
            made.config,
            made.h2_config,
            arrived=self._arrived,
            left=self._left,
            was_reset=self._was_reset,
            preface_timeout=self._settings.preface_timeout,
        )

    def _arrived(self, connection: ServerConnection) -> None:
        self._handlers.add(connection.handler)  # type: ignore[arg-type]
        if len(self.connections) >= self._settings.connection_limit:
            self._turn_away(connection)
            return
        self._crowded = False
        self.connections.add(connection)
        if self._silent:
            connection.wire.hold()
        self._empty.clear()
        self._audit.connections_opened += 1
        self._audit.changed()

    def _turn_away(self, connection: ServerConnection) -> None:
        if not self._crowded:  # once for all that come before another has left
            self._crowded = True
            _LOG.warning(
                "%d connections are open, which is the connection_limit; others are closed",
                len(self.connections),
            )
        self._audit.connections_opened += 1
        connection.abort()

    def _left(self, connection: ServerConnection) -> None:
        self.connections.discard(connection)
        self._audit.connections_closed += 1
        self._audit.changed()
        if not self.connections:
            self._empty.set()

    def _was_reset(self, event: StreamReset) -> None:
        code = event.error_code
        self._audit.stream_resets[code.name if isinstance(code, ErrorCodes) else str(code)] += 1
        self._audit.changed()

    # -- listening -----------------------------------------------------------------

    async def listen(self, host: str, port: int, context: ssl.SSLContext | None) -> int:
        """Start listening and return the port.

        Raises:
            OSError: The address cannot be used; the text says which and why.
        """
        self.context = context
        try:
            self._server = await self._create_server(host, port)
        except OSError as error:
            raise OSError(
                error.errno,
                f"cannot listen on {host}:{port} ({error.strerror or error}); "
                "choose another port, or 0 for a free one",
            ) from error
        self._server_closed_fut = asyncio.get_running_loop().create_future()
        actual: int = self._server.sockets[0].getsockname()[1]
        self._address = (host, actual)
        return actual

    async def _create_server(self, host: str, port: int) -> asyncio.Server:
        # As `Server.start` of grpclib, which knows no deadline for handshakes.
        return await asyncio.get_running_loop().create_server(
            self._protocol_factory,
            host,
            port,
            ssl=self.context,
            ssl_handshake_timeout=self._settings.preface_timeout if self.context else None,
        )

    def refuse(self) -> None:
        """Stop listening: new connections are refused, those that are there go on."""
        server: Any = self._server
        server.close()

    async def accept_again(self) -> None:
        """Listen again on the same port.

        Raises:
            OSError: Somebody else has taken the port.
        """
        self._server = await self._create_server(*self._address)

    def silence(self) -> None:
        """Read and send nothing more, on connections that are there and on new ones."""
        self._silent = True
        for connection in self.connections:
            connection.wire.hold()

    def speak(self) -> None:
        """End the silence; what was held back is sent now."""
        self._silent = False
        for connection in list(self.connections):
            connection.wire.release()

    async def stop(self) -> None:
        """Stop listening, let calls end for a moment, then close every connection."""
        self.refuse()
        calls = {
            task
            for handler in self._handlers
            for task in handler._tasks.values()
            if not task.done()
        }
        if calls:
            await asyncio.wait(calls, timeout=_GRACE)
        self.close()
        for connection in list(self.connections):
            connection.shut()
        try:
            await asyncio.wait_for(self._empty.wait(), _GRACE)
        except TimeoutError:
            for connection in list(self.connections):
                connection.abort()
            await self._empty.wait()
        await self.wait_closed()
