"""Root of the error tree, and the gRPC status codes."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, ClassVar, Literal, Self

from mxgateway.printable import printable
from mxgateway.redact import redact

__all__ = ["MxGatewayError", "Processed", "StatusCode"]

Processed = Literal["no", "maybe", "yes"]


class StatusCode(IntEnum):
    """The gRPC status codes. A number that gRPC does not define stays, named `CODE_<n>`."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_ = f"CODE_{value}"
        member._value_ = value
        return member


# The gateway checked the request and refused it; nobody needs to look whether it was done.
_REFUSALS = frozenset(
    {
        StatusCode.INVALID_ARGUMENT,
        StatusCode.NOT_FOUND,
        StatusCode.ALREADY_EXISTS,
        StatusCode.PERMISSION_DENIED,
        StatusCode.FAILED_PRECONDITION,
        StatusCode.UNIMPLEMENTED,
        StatusCode.UNAUTHENTICATED,
    }
)


class MxGatewayError(Exception):
    """Root of every error this library raises.

    Attributes:
        message: What happened, in one line: what is not printable in it, such as a line break in
            the words of a gateway, is escaped, and keys are taken out.
        status: The gRPC status behind it, or None where no call was involved.
        processed: Whether the gateway executed the request: "no" (certainly not,
            it is safe to send it again), "maybe" or "yes".
        transient: True where the same call may succeed later without any change.
        partial_results: What was done before the failure, in input order, by a call
            that the client sent in several parts (`ClientOptions.max_bulk_items`);
            else empty.
    """

    default_status: ClassVar[StatusCode | None] = None
    default_transient: ClassVar[bool] = False
    hint: ClassVar[str] = ""

    message: str
    status: StatusCode | None
    processed: Processed
    transient: bool
    partial_results: Sequence[Any] = ()

    def __init__(
        self,
        message: str = "",
        *,
        status: StatusCode | int | None = None,
        processed: Processed = "no",
        transient: bool | None = None,
    ) -> None:
        # Of every error, so that no gateway can forge a line of a log or steer a terminal.
        self.message = printable(redact(message))
        super().__init__(self.message)
        if status is None:
            status = self.default_status
        self.status = None if status is None else StatusCode(status)
        self.processed = processed
        self.transient = self.default_transient if transient is None else transient

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # Subclasses take keyword-only arguments, which the default form would drop.
        return (_rebuild, (type(self), self.args), self.__dict__.copy())

    @property
    def refused(self) -> bool:
        """Whether the status says that the gateway checked the request and would not execute it.

        `processed` may be "maybe" all the same: it says only what the transport knows.
        """
        return self.status in _REFUSALS

    def diagnostics(self) -> str:
        """Return the message and, where there is one, the advice what to check next."""
        lines = [f"{type(self).__name__}: {self.message}"]
        if self.status is not None and self.status is not StatusCode.OK:
            lines.append(f"gRPC status: {self.status.name} ({self.status.value})")
        if self.processed == "maybe" and not self.refused:
            lines.append(
                "The gateway may have executed the request; look before you send it again."
            )
        if self.hint:
            lines.append(self.hint)
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the error as plain JSON types: type, message, status, processed, transient."""
        return {
            "type": type(self).__name__,
            "message": self.message,
            "status": None if self.status is None else self.status.name,
            "processed": self.processed,
            "transient": self.transient,
        }


def _rebuild(cls: type[MxGatewayError], args: tuple[Any, ...]) -> MxGatewayError:
    return cls.__new__(cls, *args)
