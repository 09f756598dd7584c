"""Errors of the connection."""

from __future__ import annotations

from typing import Any, Literal

from mxgateway.errors.base import MxGatewayError, Processed, StatusCode

__all__ = [
    "ConnectError",
    "ConnectTimeout",
    "ConnectionLost",
    "LostCause",
    "RemoteProtocolError",
    "TlsError",
    "TransportError",
]

LostCause = Literal["eof", "reset", "keepalive", "goaway", "closed"]


class TransportError(MxGatewayError):
    """The connection, not the gateway's answer, is the problem."""

    default_status = StatusCode.UNAVAILABLE
    default_transient = True


class ConnectError(TransportError, ConnectionError):
    """No connection could be made. Nothing was sent."""

    hint = "Check the endpoint, that the gateway runs, and that no firewall is in between."


class TlsError(ConnectError):
    """The TLS handshake failed, or did not negotiate HTTP/2. Nothing was sent."""

    default_transient = False
    hint = (
        "Check the certificate, --ca-file and --server-name-override, and that the port speaks TLS."
    )


class ConnectTimeout(TransportError, TimeoutError):  # noqa: N818
    """Name lookup, TCP and TLS together took longer than the connect timeout. Nothing was sent."""

    hint = "Check the endpoint and the network; a firewall that drops packets looks like this."


class ConnectionLost(TransportError, ConnectionError):  # noqa: N818
    """A connection that worked has ended while a call was using it.

    Attributes:
        cause: "eof" (the peer closed), "reset" (the network or system did),
            "keepalive" (no answer to a PING), "goaway" (the peer refused the call
            while shutting down), "closed" (this client closed it).
    """

    hint = "The next call connects anew."

    def __init__(self, message: str, *, cause: LostCause, processed: Processed = "maybe") -> None:
        super().__init__(message, processed=processed)
        self.cause: LostCause = cause

    def to_dict(self) -> dict[str, Any]:
        return super().to_dict() | {"cause": self.cause}


class RemoteProtocolError(TransportError):
    """The peer broke the rules of HTTP/2; the connection was given up."""

    default_status = StatusCode.INTERNAL
    hint = "Check that the port belongs to a gateway and that no proxy rewrites the traffic."
