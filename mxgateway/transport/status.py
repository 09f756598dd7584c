"""How an ended call is judged: HTTP status, content type, trailers and reset codes to gRPC status.

Pure functions over received headers; the tables follow the public documents
"gRPC over HTTP/2" and "HTTP to gRPC status code mapping".
"""

from __future__ import annotations

from typing import Final

from grpclib.metadata import decode_grpc_message
from h2.errors import ErrorCodes

from mxgateway.errors import (
    DeadlineExceededError,
    Processed,
    RpcError,
    StatusCode,
    rpc_error,
)
from mxgateway.printable import printable
from mxgateway.redact import redact
from mxgateway.transport.metadata import Headers, decode_binary, decode_metadata

__all__ = [
    "HTTP_STATUS",
    "RESET_STATUS",
    "foreign_reply",
    "is_grpc_reply",
    "reset_error",
    "reset_name",
    "trailers_error",
]

HTTP_STATUS: Final[dict[str, StatusCode]] = {
    "400": StatusCode.INTERNAL,
    "401": StatusCode.UNAUTHENTICATED,
    "403": StatusCode.PERMISSION_DENIED,
    "404": StatusCode.UNIMPLEMENTED,
    "429": StatusCode.UNAVAILABLE,
    "502": StatusCode.UNAVAILABLE,
    "503": StatusCode.UNAVAILABLE,
    "504": StatusCode.UNAVAILABLE,
}
"""HTTP status to gRPC status; anything else is UNKNOWN."""

RESET_STATUS: Final[dict[int, StatusCode]] = {
    ErrorCodes.REFUSED_STREAM: StatusCode.UNAVAILABLE,
    ErrorCodes.CANCEL: StatusCode.CANCELLED,
    ErrorCodes.ENHANCE_YOUR_CALM: StatusCode.RESOURCE_EXHAUSTED,
    ErrorCodes.INADEQUATE_SECURITY: StatusCode.PERMISSION_DENIED,
}
"""HTTP/2 error code of an RST_STREAM to gRPC status; anything else is INTERNAL."""

_CONTENT_TYPE = "application/grpc"
_BODY_SHOWN = 200
_CREDENTIALS = frozenset({"authorization", "cookie", "set-cookie", "proxy-authorization"})


def reset_name(code: int) -> str:
    """Return the name of an HTTP/2 error code, or its number in hex where it has none."""
    try:
        return ErrorCodes(code).name
    except ValueError:
        return f"0x{code:x}"


def reset_error(code: int, *, deadline_passed: bool = False, phase: str = "") -> RpcError:
    """Return the error for an RST_STREAM that came before the trailers."""
    status = RESET_STATUS.get(code, StatusCode.INTERNAL)
    processed: Processed = "no" if code == ErrorCodes.REFUSED_STREAM else "maybe"
    if status is StatusCode.CANCELLED and deadline_passed:
        error = DeadlineExceededError("the gateway reset the call as its deadline passed")
        error.phase = phase
        return error
    return rpc_error(status, f"the peer reset the stream ({reset_name(code)})", processed=processed)


def is_grpc_reply(headers: Headers) -> bool:
    """Return whether these reply headers come from a gRPC server."""
    fields = dict(headers)
    return fields.get(":status") == "200" and _is_grpc_type(fields.get("content-type"))


def _is_grpc_type(content_type: str | None) -> bool:
    if content_type is None:
        return False
    base = content_type.split(";", 1)[0].strip().lower()
    return base in (_CONTENT_TYPE, f"{_CONTENT_TYPE}+proto")


def foreign_reply(headers: Headers, body: bytes) -> RpcError:
    """Return the error for a reply that no gRPC server wrote, such as a proxy's HTML page.

    A `grpc-status` in it is believed; otherwise the HTTP status decides. The
    message shows status, content type and the first bytes of the body.
    """
    fields = dict(headers)
    if "grpc-status" in fields:
        error = trailers_error(headers)
        if error is not None:
            return error
    http = fields.get(":status", "none")
    content_type = fields.get("content-type")
    status = StatusCode.UNKNOWN if http == "200" else HTTP_STATUS.get(http, StatusCode.UNKNOWN)
    text = f"not a gRPC reply: HTTP status {http if http.isalnum() else repr(http)}, "
    text += "no content type" if content_type is None else f"content type {content_type!r}"
    shown = _printable(body[:_BODY_SHOWN])
    if shown:
        text += f", body starts {shown!r}"
    return rpc_error(status, text)


def _printable(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    return "".join(c if printable(c) == c else " " for c in text).strip()


def trailers_error(trailers: Headers) -> RpcError | None:
    """Return the error that trailers (or trailers-only headers) stand for; None for OK."""
    fields = dict(trailers)
    text = fields.get("grpc-status")
    if text is None:
        return rpc_error(StatusCode.UNKNOWN, "the reply ended without grpc-status")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        return rpc_error(
            StatusCode.UNKNOWN, f"the reply has an unreadable grpc-status: {text[:40]!r}"
        )
    status = StatusCode(int(text))
    if status is StatusCode.OK:
        return None
    encoded = fields.get("grpc-status-details-bin")
    return rpc_error(
        status,
        decode_grpc_message(fields.get("grpc-message", "")),
        details=None if encoded is None else decode_binary(encoded),
        trailing_metadata=_shown_metadata(trailers),
    )


def _shown_metadata(trailers: Headers) -> list[tuple[str, str | bytes]]:
    return [
        (name, redact(value) if isinstance(value, str) else value)
        for name, value in decode_metadata(trailers).items()
        if name not in _CREDENTIALS
    ]
