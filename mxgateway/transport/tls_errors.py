"""TLS failures in words: what is wrong with which side, and which option is about it."""

from __future__ import annotations

import ssl
from typing import Final

from mxgateway.options import ClientOptions

__all__ = ["certificate_text", "handshake_text"]

# Part of OpenSSL's verify message -> what to do about it.
_CERTIFICATE_ADVICE: Final = (
    (
        "self-signed",
        "give the gateway's certificate as ca_file (--ca-file), or pin its fingerprint",
    ),
    (
        "self signed",
        "give the gateway's certificate as ca_file (--ca-file), or pin its fingerprint",
    ),
    (
        "unable to get local issuer",
        "give the authority that signed it as ca_file (--ca-file)",
    ),
    (
        "unable to verify the first certificate",
        "give the authority that signed it as ca_file (--ca-file)",
    ),
    ("has expired", "renew it at the gateway, or check the clock of this machine"),
    ("not yet valid", "check the clocks of this machine and of the gateway"),
)

# Part of OpenSSL's reason -> what it means here.
_HANDSHAKE_ADVICE: Final = (
    ("WRONG_VERSION_NUMBER", "the port seems to speak plaintext, see --plaintext"),
    ("RECORD_LAYER_FAILURE", "the port seems to speak plaintext, see --plaintext"),
    ("HTTP_REQUEST", "the port seems to speak plaintext, see --plaintext"),
    ("PACKET_LENGTH_TOO_LONG", "the port seems to speak plaintext, see --plaintext"),
    ("NO_APPLICATION_PROTOCOL", "the server does not offer HTTP/2 (ALPN h2)"),
    ("CERTIFICATE_REQUIRED", "the server wants a client certificate, see client_cert"),
    ("HANDSHAKE_FAILURE", "no common cipher, or the server wants a client certificate"),
    ("UNKNOWN_CA", "the server does not know who signed the client certificate"),
    ("PROTOCOL_VERSION", "the server is too old; TLS 1.2 is needed at least"),
    ("UNSUPPORTED_PROTOCOL", "the server is too old; TLS 1.2 is needed at least"),
)


def certificate_text(error: ssl.SSLCertVerificationError, name: str, options: ClientOptions) -> str:
    """Return why the server's certificate was refused, and what to do about it."""
    reason = (error.verify_message or error.reason or str(error)).rstrip(".")
    text = f"the certificate of {options.target} is not accepted: {reason}"
    lowered = reason.lower()
    if "mismatch" in lowered:
        return f"{text}; expected the name {name!r}, see --server-name-override"
    for part, advice in _CERTIFICATE_ADVICE:
        if part in lowered:
            return f"{text}; {advice}"
    return text


def handshake_text(error: ssl.SSLError, options: ClientOptions) -> str:
    """Return why the handshake failed otherwise, and what it usually means."""
    reason = error.reason or str(error)
    text = f"the TLS handshake with {options.target} failed: {reason}"
    for part, advice in _HANDSHAKE_ADVICE:
        if part in reason:
            return f"{text}; {advice}"
    return text
