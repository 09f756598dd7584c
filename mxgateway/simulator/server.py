"""Listening: grpclib's server, made to close what it opened."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Collection
from dataclasses import dataclass
from os import PathLike
from typing import Any

from grpclib.protocol import H2Protocol
from grpclib.server import Server
from h2.errors import ErrorCodes
from h2.events import Event, StreamReset

from mxgateway.codec.grpc import MessageCodec
from mxgateway.errors import ConfigurationError
from mxgateway.simulator.audit import Audit
from mxgateway.simulator.rpc import Service

__all__ = ["Listener", "TlsFiles", "tls_context"]

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
        try:
            context.load_cert_chain(tls.certificate, tls.key)
        except OSError as error:  # ssl.SSLError is one
            raise ConfigurationError(
                f"cannot load the certificate {tls.certificate} with the key {tls.key}: {error}"
            ) from error
    else:
        context = tls
    context.set_alpn_protocols(["h2"])
    return context


class _Protocol(H2Protocol):
    """One connection; tells the listener when it comes and goes."""

    listener: Listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        super().connection_made(transport)
        known = self.processor.process

        def process(event: Event) -> None:
            if isinstance(event, StreamReset) and event.remote_reset:
                self.listener.was_reset(event)
            # grpclib gives up on events it has no handler for, such as unknown frames.
            if type(event) in getattr(self.processor, "processors", ()):
                known(event)

        self.processor.process = process  # type: ignore[method-assign]
        self.listener.arrived(self)

    def data_received(self, data: bytes) -> None:
        if not self.connection.is_closing():
            super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        self.listener.left(self)

    def shut(self) -> None:
        """Say GOAWAY and close."""
        if not self.connection.is_closing():
            self.connection._connection.close_connection()
            self.connection.flush()
        self.processor.close("the server is shutting down")

    def abort(self) -> None:
        """Close without waiting for the peer."""
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()


class Listener(Server):
    """A grpclib server that knows its connections and closes them when it closes.

    Args:
        services: What it serves.
        audit: Where connections are counted.
    """

    def __init__(self, services: Collection[Service], audit: Audit) -> None:
        super().__init__(services, codec=MessageCodec())
        self._audit = audit
        self._protocols: set[_Protocol] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    def _protocol_factory(self) -> H2Protocol:
        made = super()._protocol_factory()
        protocol = _Protocol(made.handler, made.config, made.h2_config)
        protocol.listener = self
        return protocol

    def arrived(self, protocol: _Protocol) -> None:
        """Note a new connection."""
        self._protocols.add(protocol)
        self._empty.clear()
        self._audit.connections_opened += 1
        self._audit.changed()

    def left(self, protocol: _Protocol) -> None:
        """Note the end of a connection."""
        self._protocols.discard(protocol)
        self._audit.connections_closed += 1
        self._audit.changed()
        if not self._protocols:
            self._empty.set()

    def was_reset(self, event: StreamReset) -> None:
        """Note that the peer reset a stream."""
        code = event.error_code
        self._audit.stream_resets[code.name if isinstance(code, ErrorCodes) else str(code)] += 1
        self._audit.changed()

    async def listen(self, host: str, port: int, context: ssl.SSLContext | None) -> int:
        """Start listening and return the port.

        Raises:
            OSError: The address cannot be used; the text says which and why.
        """
        try:
            await self.start(host, port, ssl=context)
        except OSError as error:
            raise OSError(
                error.errno,
                f"cannot listen on {host}:{port} ({error.strerror or error}); "
                "choose another port, or 0 for a free one",
            ) from error
        server: Any = self._server
        actual: int = server.sockets[0].getsockname()[1]
        return actual

    async def stop(self) -> None:
        """Stop listening, let calls end for a moment, then close every connection."""
        server: Any = self._server
        server.close()
        calls = {
            task
            for handler in self._handlers
            for task in handler._tasks.values()
            if not task.done()
        }
        if calls:
            await asyncio.wait(calls, timeout=_GRACE)
        self.close()
        for protocol in list(self._protocols):
            protocol.shut()
        try:
            await asyncio.wait_for(self._empty.wait(), _GRACE)
        except TimeoutError:
            for protocol in list(self._protocols):
                protocol.abort()
            await self._empty.wait()
        await self.wait_closed()
