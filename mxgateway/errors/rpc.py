"""Errors of a call that ended with a gRPC status other than OK: one class for each status."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mxgateway.errors.base import MxGatewayError, Processed, StatusCode
from mxgateway.redact import redact

__all__ = [
    "AbortedError",
    "AlreadyExistsError",
    "AuthenticationError",
    "CallCancelledError",
    "DataLossError",
    "DeadlineExceededError",
    "FailedPreconditionError",
    "InternalError",
    "InvalidArgumentError",
    "LimitError",
    "NotFoundError",
    "OutOfRangeError",
    "PermissionDeniedError",
    "ResourceExhaustedError",
    "RpcError",
    "UnavailableError",
    "UnimplementedError",
    "UnknownStatusError",
    "rpc_error",
]


class RpcError(MxGatewayError):
    """The call ended with a gRPC status other than OK.

    Attributes:
        status_message: The words of the status as they came, with keys taken out: line breaks and
            control characters too, so escape them where you show them; `message` has that done.
        details: Raw bytes of `grpc-status-details-bin`, or None.
        trailing_metadata: Trailers as (name, value) pairs, credentials excluded.
    """

    default_status = StatusCode.UNKNOWN

    def __init__(
        self,
        message: str = "",
        *,
        status: StatusCode | int | None = None,
        processed: Processed = "maybe",
        transient: bool | None = None,
        details: bytes | None = None,
        trailing_metadata: Sequence[tuple[str, str | bytes]] = (),
    ) -> None:
        super().__init__(message, status=status, processed=processed, transient=transient)
        self.status_message = redact(message)
        self.details = details
        self.trailing_metadata = tuple(trailing_metadata)

    def __str__(self) -> str:
        name = self.status.name if self.status is not None else "UNKNOWN"
        return f"{name}: {self.message}" if self.message else name


class CallCancelledError(RpcError):
    """The peer cancelled the call (CANCELLED)."""

    default_status = StatusCode.CANCELLED


class UnknownStatusError(RpcError):
    """UNKNOWN, or a status number that gRPC does not define."""

    default_status = StatusCode.UNKNOWN


class InvalidArgumentError(RpcError):
    """The gateway refused the request as invalid (INVALID_ARGUMENT)."""

    default_status = StatusCode.INVALID_ARGUMENT


class DeadlineExceededError(RpcError, TimeoutError):
    """The deadline of the call passed (DEADLINE_EXCEEDED).

    A command that the gateway has begun goes on in the worker, so a write may
    still take effect (gateway semantics, section 4).

    Attributes:
        phase: What the call was waiting for: "connect", "slot", "send",
            "headers", "message", "trailers", or "" where the gateway said so.
    """

    default_status = StatusCode.DEADLINE_EXCEEDED
    default_transient = True
    hint = "Raise the timeout, or check whether the gateway and its worker are busy."

    phase: str = ""

    def to_dict(self) -> dict[str, Any]:
        return super().to_dict() | {"phase": self.phase}


class NotFoundError(RpcError, LookupError):
    """No such session, object or parent (NOT_FOUND)."""

    default_status = StatusCode.NOT_FOUND
    hint = "The session has ended, or its id is wrong: open a new one."


class AlreadyExistsError(RpcError):
    """A second event stream on a session that allows one (ALREADY_EXISTS)."""

    default_status = StatusCode.ALREADY_EXISTS
    hint = "Another client reads the events of this session: open a session of your own."


class PermissionDeniedError(RpcError):
    """The key lacks the scope, or a constraint of it forbids this (PERMISSION_DENIED)."""

    default_status = StatusCode.PERMISSION_DENIED
    hint = "Check the scopes and constraints of the API key."


class ResourceExhaustedError(RpcError):
    """A limit of sessions, commands, queue or message size was reached (RESOURCE_EXHAUSTED)."""

    default_status = StatusCode.RESOURCE_EXHAUSTED
    default_transient = True


class LimitError(ResourceExhaustedError):
    """What the gateway sent goes beyond a limit that this client keeps (RESOURCE_EXHAUSTED).

    The gateway did its part, so asking again gives the same; a higher limit may help, where the
    gateway is to be trusted with it.

    Attributes:
        option: The name of the limit, a field of ClientOptions.
        limit: Its value.
    """

    default_transient = False

    option: str
    limit: float

    def __init__(self, message: str, *, option: str, limit: float) -> None:
        super().__init__(f"{message}; the limit is {limit} (option {option})", processed="yes")
        self.option = option
        self.limit = limit

    def to_dict(self) -> dict[str, Any]:
        return super().to_dict() | {"option": self.option, "limit": self.limit}


class FailedPreconditionError(RpcError):
    """The session or the gateway is not in a state for this (FAILED_PRECONDITION)."""

    default_status = StatusCode.FAILED_PRECONDITION
    hint = "Check the state of the session, and whether the gateway's alarm monitor is on."


class AbortedError(RpcError):
    """The gateway gave the operation up (ABORTED)."""

    default_status = StatusCode.ABORTED
    default_transient = True


class OutOfRangeError(RpcError):
    """OUT_OF_RANGE."""

    default_status = StatusCode.OUT_OF_RANGE


class UnimplementedError(RpcError):
    """The peer does not know the method (UNIMPLEMENTED)."""

    default_status = StatusCode.UNIMPLEMENTED
    hint = "Check that the endpoint is an MXAccess Gateway and how old it is."


class InternalError(RpcError):
    """The gateway failed inside, or its answer broke the gRPC protocol (INTERNAL)."""

    default_status = StatusCode.INTERNAL
    hint = "Look at the gateway's log."


class UnavailableError(RpcError):
    """Worker or gateway are not available now (UNAVAILABLE)."""

    default_status = StatusCode.UNAVAILABLE
    default_transient = True
    hint = "Try again later; if it lasts, look at the gateway's log."


class DataLossError(RpcError):
    """DATA_LOSS."""

    default_status = StatusCode.DATA_LOSS


class AuthenticationError(RpcError):
    """The API key is missing, malformed, unknown or revoked (UNAUTHENTICATED)."""

    default_status = StatusCode.UNAUTHENTICATED
    hint = "Check the API key (--api-key, --api-key-env or MXGATEWAY_API_KEY)."


_RPC_ERRORS: dict[StatusCode, type[RpcError]] = {
    cls.default_status: cls
    for cls in (
        CallCancelledError,
        UnknownStatusError,
        InvalidArgumentError,
        DeadlineExceededError,
        NotFoundError,
        AlreadyExistsError,
        PermissionDeniedError,
        ResourceExhaustedError,
        FailedPreconditionError,
        AbortedError,
        OutOfRangeError,
        UnimplementedError,
        InternalError,
        UnavailableError,
        DataLossError,
        AuthenticationError,
    )
    if cls.default_status is not None
}


def rpc_error(
    status: StatusCode | int,
    message: str = "",
    *,
    processed: Processed = "maybe",
    details: bytes | None = None,
    trailing_metadata: Sequence[tuple[str, str | bytes]] = (),
) -> RpcError:
    """Return the error whose class belongs to `status`; UnknownStatusError if gRPC has no such."""
    code = StatusCode(status)
    cls = _RPC_ERRORS.get(code, UnknownStatusError)
    return cls(
        message,
        status=code,
        processed=processed,
        details=details,
        trailing_metadata=trailing_metadata,
    )
