"""TLS: the context that the options describe, the handshake, and the checks after it."""

from __future__ import annotations

import hashlib
import hmac
import logging
import ssl
from collections.abc import Mapping
from typing import Any

import anyio
from anyio.abc import ByteStream
from anyio.streams.tls import TLSAttribute, TLSStream

from mxgateway.errors import ConfigurationError, TlsError
from mxgateway.options import ClientOptions
from mxgateway.transport.tls_errors import certificate_text, handshake_text

__all__ = ["client_context", "start_tls"]

log = logging.getLogger("mxgateway.transport")

_ALPN = "h2"


def client_context(options: ClientOptions) -> ssl.SSLContext:
    """Return the context that `options` describe: TLS 1.2 or newer, ALPN h2.

    Without `ca_file` the system's trust store decides (on Windows the certificate
    store of machine and user). With `fingerprint` and no `ca_file` the pin alone
    decides, after the handshake and before the first byte. `insecure` trusts
    anybody and says so in the log.

    Raises:
        ConfigurationError: A file holds no certificate or key in PEM form.
    """
    if options.ca_file is None and not options.insecure and options.fingerprint is None:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if options.ca_file is not None:
        try:
            context.load_verify_locations(cafile=options.ca_file)
        except (ssl.SSLError, OSError) as error:
            raise ConfigurationError(
                f"ca_file {str(options.ca_file)!r} cannot be used: {error}; give a file with "
                "certificates in PEM form"
            ) from error
    elif options.insecure or options.fingerprint is not None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if options.insecure:
        log.warning(
            "TLS to %s is INSECURE: the certificate is not checked, so anybody in between can "
            "read the API key and change values; pin it with a fingerprint or give a ca_file",
            options.target,
        )
    _load_client_certificate(context, options)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols([_ALPN])
    return context


def _load_client_certificate(context: ssl.SSLContext, options: ClientOptions) -> None:
    if options.client_cert is None:
        return
    try:
        # An empty password: a key that needs one fails instead of asking on the terminal.
        context.load_cert_chain(options.client_cert, options.client_key, password=lambda: b"")
    except (ssl.SSLError, OSError) as error:
        raise ConfigurationError(
            f"client_cert {str(options.client_cert)!r} cannot be used: {error}; give certificate "
            "and unencrypted key in PEM form, the key in client_key or in the same file"
        ) from error


async def start_tls(
    stream: ByteStream, context: ssl.SSLContext, options: ClientOptions
) -> TLSStream:
    """Do the handshake on `stream`, check the pin and that HTTP/2 was negotiated.

    The caller closes `stream` when this raises.

    Raises:
        TlsError: The handshake failed, the certificate is not the pinned one, or
            ALPN chose something else than h2.
        ConfigurationError: No certificate can be for the name to expect.
    """
    name = options.server_name_override or options.host
    try:
        tls = await TLSStream.wrap(
            _SerialSend(stream),
            server_side=False,
            hostname=name,
            ssl_context=context,
            standard_compatible=False,
        )
    except ssl.SSLCertVerificationError as error:
        text = certificate_text(error, name, options)
        if "mismatch" in error.verify_message.lower():
            text += await _names_offered(options)
        raise TlsError(text) from error
    except ssl.SSLError as error:
        raise TlsError(handshake_text(error, options)) from error
    except (anyio.EndOfStream, anyio.BrokenResourceError, OSError) as error:
        raise TlsError(
            f"{options.target} closed the connection during the TLS handshake; check that this "
            "port speaks TLS, and whether the server wants a client certificate (client_cert)"
        ) from error
    except (ValueError, TypeError) as error:
        raise ConfigurationError(
            f"{name!r} cannot be the name in a certificate: {error}; check endpoint and "
            "server_name_override"
        ) from error
    _check_pin(tls, options)
    chosen = tls.extra(TLSAttribute.alpn_protocol, None)  # noqa: S610
    if chosen != _ALPN:
        raise TlsError(
            f"{options.target} negotiated {'no protocol' if chosen is None else repr(chosen)} "
            f"by ALPN where gRPC needs {_ALPN!r}; check that no proxy stands in between"
        )
    return tls


def _check_pin(tls: TLSStream, options: ClientOptions) -> None:
    if options.fingerprint is None:
        return
    certificate = tls.extra(TLSAttribute.peer_certificate_binary, None) or b""  # noqa: S610
    found = hashlib.sha256(certificate).hexdigest()
    if not hmac.compare_digest(found, options.fingerprint):
        raise TlsError(
            f"the certificate of {options.target} has the SHA-256 fingerprint {found}, pinned is "
            f"{options.fingerprint}; if the gateway got a new certificate, pin the new one, else "
            "somebody stands in between"
        )


async def _names_offered(options: ClientOptions) -> str:
    """Say which names the certificate is for, as a hint in an error; "" if that cannot be seen.

    A failed handshake keeps nothing of the certificate, so a second one, on a
    connection that is used for nothing else, reads it with the name check off.
    """
    look = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    look.check_hostname = False
    if options.ca_file is not None:
        look.load_verify_locations(cafile=options.ca_file)
    else:
        look.load_default_certs(ssl.Purpose.SERVER_AUTH)
    look.set_alpn_protocols([_ALPN])
    _load_client_certificate(look, options)
    names: list[str] = []
    try:
        tcp = await anyio.connect_tcp(options.host, options.port)
        async with tcp:
            tls = await TLSStream.wrap(
                tcp, server_side=False, ssl_context=look, standard_compatible=False
            )
            certificate = tls.extra(TLSAttribute.peer_certificate, None) or {}  # noqa: S610
            names = [str(entry[1]) for entry in certificate.get("subjectAltName", ())]
    except (OSError, anyio.EndOfStream, anyio.BrokenResourceError) as error:
        log.debug("the names in the certificate could not be read: %s", error)
    return f"; the certificate is for {', '.join(map(repr, names))}" if names else ""


class _SerialSend(ByteStream):
    """The socket under TLS, with sends one after another.

    Reading TLS may have to send too (a key update), at the moment when the
    writer sends; the socket allows one sender at a time.
    """

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._lock = anyio.Lock(fast_acquire=True)

    async def receive(self, max_bytes: int = 65536) -> bytes:
        return await self._stream.receive(max_bytes)

    async def send(self, item: bytes) -> None:
        async with self._lock:
            await self._stream.send(item)

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()

    @property
    def extra_attributes(self) -> Mapping[Any, Any]:
        return self._stream.extra_attributes
