"""Making one connection: name lookup, TCP, TLS, ALPN and the exchange of SETTINGS."""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import time
from collections.abc import Callable

import anyio
from anyio.abc import ByteStream, SocketAttribute
from grpclib.client import Handler
from grpclib.config import Configuration
from h2.config import H2Configuration
from h2.errors import ErrorCodes

from mxgateway.addresses import is_loopback
from mxgateway.errors import ConnectError, ConnectTimeout, TlsError
from mxgateway.options import ClientOptions
from mxgateway.redact import redact
from mxgateway.transport import tls
from mxgateway.transport.connection import Connection, goaway_text
from mxgateway.transport.keepalive import Keepalive
from mxgateway.transport.outbox import Outbox
from mxgateway.transport.protocol import Protocol
from mxgateway.transport.pump import Pump
from mxgateway.transport.tls_errors import handshake_text

__all__ = ["dial", "make_protocol", "warned_of_key_in_clear"]

log = logging.getLogger("mxgateway.transport")

_GREETINGS = 3  # connections tried while the peer politely ends each before a call could start


async def dial(
    options: ClientOptions, context: ssl.SSLContext | None, keepalive_time: float | None
) -> Pump:
    """Return a connection that is ready for calls; its pump has yet to be run.

    Args:
        options: Where to connect, and for how long to try (`connect_timeout`).
        context: For TLS; None for plaintext.
        keepalive_time: Seconds between PINGs; may be longer than `options` say.

    Raises:
        ConnectError: The name is unknown, nobody listens, it is no HTTP/2 server, or
            one that sends GOAWAY before the first call, if politely then three times.
        TlsError: The handshake failed, or did not choose HTTP/2.
        ConnectTimeout: `connect_timeout` passed first.
    """
    started = time.monotonic()
    phase = "looking up the name and connecting"

    def enter(new_phase: str) -> None:
        nonlocal phase
        phase = new_phase

    timeout = options.connect_timeout
    with anyio.move_on_after(timeout) as scope:
        for _ in range(_GREETINGS):
            pump = await _open(options, context, keepalive_time, enter)
            connection = pump.protocol.connection
            if connection.usable:
                log.debug("connected to %s in %.3f s", options.target, time.monotonic() - started)
                return pump
            await pump.discard()
            # A server may reach the age limit of a connection, or end, just then.
            if connection.draining is None or connection.draining.error_code != ErrorCodes.NO_ERROR:
                break
    if scope.cancelled_caught:
        raise ConnectTimeout(
            f"no connection to {options.target} within {timeout:g} s, while {phase}"
        )
    raise _unready(connection, options)


async def _open(
    options: ClientOptions,
    context: ssl.SSLContext | None,
    keepalive_time: float | None,
    enter: Callable[[str], None],
) -> Pump:
    stream = await _connect_tcp(options)
    try:
        # Small requests must not wait for the answer to earlier ones (Nagle). Some systems
        # refuse on a socket that the peer has closed already; the first read will tell.
        raw = stream.extra(SocketAttribute.raw_socket)  # noqa: S610
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is not None:
            enter("doing the TLS handshake")
            stream = await tls.start_tls(stream, context, options)
        enter("waiting for the peer's HTTP/2 settings")
        protocol = make_protocol(options, Outbox())
        keepalive = Keepalive(
            keepalive_time, options.keepalive_timeout, options.keepalive_without_calls
        )
        pump = Pump(stream, protocol, keepalive)
        await pump.handshake()
    except BaseException:
        with anyio.CancelScope(shield=True):  # closing does not wait for the peer
            await stream.aclose()
        raise
    return pump


async def _connect_tcp(options: ClientOptions) -> ByteStream:
    try:
        return await anyio.connect_tcp(options.host, options.port)
    except socket.gaierror as error:
        raise ConnectError(
            f"the name {options.host!r} cannot be resolved: {error.strerror or error}"
        ) from error
    except (OSError, UnicodeError) as error:
        raise ConnectError(f"no connection to {options.target}: {_reason(error)}") from error


def warned_of_key_in_clear(options: ClientOptions, pump: Pump) -> bool:
    """Warn in the log if the key goes over a network unencrypted; return whether it does."""
    if not options.plaintext or options.api_key is None:
        return False
    if is_loopback(pump.peer_host or options.host):
        return False
    log.warning(
        "plaintext to %s is INSECURE: everybody on the way there can read the API key and "
        "change values; use TLS, or a tunnel that ends on this computer",
        options.target,
    )
    return True


def make_protocol(options: ClientOptions, outbox: Outbox) -> Protocol:
    """Return the protocol of a new connection, with its preface queued in `outbox`."""
    # grpclib's settings but for the encoding: headers stay bytes, so that no
    # peer can raise UnicodeDecodeError inside h2.
    config = H2Configuration(
        client_side=True,
        header_encoding=None,
        validate_inbound_headers=False,
        validate_outbound_headers=False,
        normalize_inbound_headers=False,
        normalize_outbound_headers=False,
    )
    protocol = Protocol(Handler(), Configuration().__for_client__(), config, options)
    protocol.connection_made(outbox)
    return protocol


def _unready(connection: Connection, options: ClientOptions) -> ConnectError:
    if connection.draining is not None:
        text = f"{options.target} takes no calls: {goaway_text(connection.draining)}"
        return ConnectError(redact(text, options.api_key))
    loss = connection.loss
    assert loss is not None
    if isinstance(loss.source, ssl.SSLError):
        # With TLS 1.3 the server judges the client's certificate after the handshake.
        refused = TlsError(handshake_text(loss.source, options))
        refused.__cause__ = loss.source
        return refused
    text = f"{options.target} did not begin HTTP/2: {loss.text}"
    if options.plaintext and loss.cause is not None:
        text += "; if the gateway speaks TLS there, connect with TLS instead of plaintext"
    elif loss.cause is not None and options.client_cert is None:
        text += "; a server that wants a client certificate may end it like this, see client_cert"
    error = ConnectError(redact(text, options.api_key))
    error.__cause__ = loss.source
    return error


def _reason(error: BaseException) -> str:
    """Return the system's reason for a failed connect, out of the wrapping around it."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(dict.fromkeys(_reason(e) for e in error.exceptions))
    if error.__cause__ is not None:
        return _reason(error.__cause__)
    if isinstance(error, ConnectionRefusedError):
        return "connection refused, nobody listens there"  # asyncio's text does not say it
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
