"""The certificate that a server shows, in words, whoever signed it.

Python decodes a certificate only after it has verified it. So it is fetched by one
handshake that verifies nothing, and by a second one made its own authority, with the
check of its dates off; nothing but the certificate travels in either.
"""

from __future__ import annotations

import hashlib
import ssl
import time
from dataclasses import dataclass
from typing import Any, Final

import anyio
from anyio.streams.tls import TLSAttribute, TLSStream

from mxgateway.errors import ConnectError, ConnectTimeout, TlsError
from mxgateway.options import ClientOptions

__all__ = ["Certificate", "fingerprint", "look_at_certificate"]

_ALPN: Final = "h2"
# X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which ssl.VerifyFlags does not name.
_NO_CHECK_TIME: Final = 0x20_0000


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says, and how it was shown.

    Attributes:
        pem: The certificate in PEM form.
        fingerprint: Its SHA-256, hex in upper case with colons.
        subject: Whose it is.
        issuer: Who signed it.
        names: The names and addresses it is for, such as `DNS:plant` and `IP Address:10.0.0.5`.
        not_before: Start of its validity, seconds since 1970.
        not_after: End of its validity, seconds since 1970.
        usable_as_authority: Whether it can be given as `--ca-file`.
        alpn: The protocol that ALPN chose, or None.
        tls_version: The TLS version of the handshake, such as `TLSv1.3`.
    """

    pem: str
    fingerprint: str
    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: float
    not_after: float
    usable_as_authority: bool
    alpn: str | None
    tls_version: str

    @property
    def self_signed(self) -> bool:
        """Whether it names itself as the signer."""
        return self.subject == self.issuer

    def validity(self) -> str:
        """Return from when to when it is valid, in UTC."""
        return f"{_day(self.not_before)} to {_day(self.not_after)}"

    def to_dict(self) -> dict[str, Any]:
        """Return it in plain JSON types, without the PEM text."""
        return {
            "subject": self.subject,
            "issuer": self.issuer,
            "names": list(self.names),
            "notBefore": _time(self.not_before),
            "notAfter": _time(self.not_after),
            "fingerprint": self.fingerprint,
            "selfSigned": self.self_signed,
            "usableAsCaFile": self.usable_as_authority,
            "alpn": self.alpn,
            "tlsVersion": self.tls_version,
        }


async def look_at_certificate(options: ClientOptions) -> Certificate:
    """Fetch the certificate of a TLS server. Neither key nor request is sent.

    Raises:
        ConnectError: Nobody listens.
        ConnectTimeout: The options' `connect_timeout` passed.
        TlsError: The server does not speak TLS, or shows another certificate each time.
    """
    with anyio.move_on_after(options.connect_timeout) as scope:
        return await _look(options)
    assert scope.cancelled_caught
    raise ConnectTimeout(
        f"the certificate of {options.target} did not come within {options.connect_timeout:g} s; "
        "check that this port speaks TLS"
    )


async def _look(options: ClientOptions) -> Certificate:
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    shown = await _handshake(options, trusting)
    pem = ssl.DER_cert_to_PEM_cert(shown.der)
    usable, decoded = await _decode(options, pem)
    if decoded.der != shown.der:
        raise TlsError(
            f"{options.target} shows another certificate at each connection; a load balancer or "
            "somebody else stands in between"
        )
    try:
        begin = ssl.cert_time_to_seconds(decoded.fields["notBefore"])
        end = ssl.cert_time_to_seconds(decoded.fields["notAfter"])
    except ValueError as error:
        raise TlsError(
            f"the certificate of {options.target} has a date that is none, so it is damaged or "
            "made up"
        ) from error
    return Certificate(
        pem=pem,
        fingerprint=fingerprint(shown.der),
        subject=_name(decoded.fields.get("subject", ())),
        issuer=_name(decoded.fields.get("issuer", ())),
        names=tuple(f"{kind}:{text}" for kind, text in decoded.fields.get("subjectAltName", ())),
        not_before=begin,
        not_after=end,
        usable_as_authority=usable,
        alpn=shown.alpn,
        tls_version=shown.version,
    )


async def _decode(options: ClientOptions, pem: str) -> tuple[bool, _Shown]:
    """Have the certificate decoded; return also whether it would do as --ca-file."""
    try:
        # As a client does with it, but for dates: those are told, not refused.
        return True, await _handshake(options, _own_authority(pem, ssl.VerifyFlags(0)))
    except ssl.SSLCertVerificationError:
        # Signed by another: only taken where a chain may end before its root.
        partial = ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    try:
        return False, await _handshake(options, _own_authority(pem, partial))
    except ssl.SSLCertVerificationError as error:
        raise TlsError(
            f"the certificate of {options.target} cannot be verified by itself "
            f"({error.verify_message}): it is damaged, or a load balancer or somebody else in "
            "between shows another one at each connection"
        ) from error


def _own_authority(pem: str, flags: ssl.VerifyFlags) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=pem)
    context.verify_flags |= flags | ssl.VerifyFlags(_NO_CHECK_TIME)
    return context


@dataclass(frozen=True, slots=True)
class _Shown:
    der: bytes
    fields: dict[str, Any]
    alpn: str | None
    version: str


async def _handshake(options: ClientOptions, context: ssl.SSLContext) -> _Shown:
    context.set_alpn_protocols([_ALPN])
    if options.client_cert is not None:
        # An empty password: a key that needs one fails instead of asking on the terminal.
        context.load_cert_chain(options.client_cert, options.client_key, password=lambda: b"")
    try:
        tcp = await anyio.connect_tcp(options.host, options.port)
    except OSError as error:
        raise ConnectError(f"no connection to {options.target}: {error}") from error
    async with tcp:
        try:
            tls = await TLSStream.wrap(
                tcp,
                server_side=False,
                hostname=options.server_name_override or options.host,
                ssl_context=context,
                standard_compatible=False,
            )
        except ssl.SSLCertVerificationError:
            raise
        except (ssl.SSLError, anyio.EndOfStream, anyio.BrokenResourceError, OSError) as error:
            raise TlsError(
                f"the TLS handshake with {options.target} failed: {error or 'it was cut off'}; "
                "check that this port speaks TLS"
            ) from error
        fields: Any = tls.extra(TLSAttribute.peer_certificate, None) or {}  # noqa: S610
        return _Shown(
            der=tls.extra(TLSAttribute.peer_certificate_binary, None) or b"",  # noqa: S610
            fields=fields,
            alpn=tls.extra(TLSAttribute.alpn_protocol, None),  # noqa: S610
            version=tls.extra(TLSAttribute.tls_version, ""),  # noqa: S610
        )


def fingerprint(der: bytes) -> str:
    """Return the SHA-256 of a certificate, hex in upper case with colons."""
    digits = hashlib.sha256(der).hexdigest().upper()
    return ":".join(digits[n : n + 2] for n in range(0, len(digits), 2))


def _name(parts: Any) -> str:
    """Return a distinguished name as `commonName=plant, organizationName=...`."""
    return ", ".join(f"{key}={text}" for part in parts for key, text in part) or "(empty)"


def _time(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))
