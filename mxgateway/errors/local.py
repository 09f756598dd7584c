"""Errors of this side: options, messages it cannot write or read, a closed client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mxgateway.errors.base import MxGatewayError, StatusCode
from mxgateway.printable import printable
from mxgateway.redact import redact

__all__ = ["ClientClosedError", "ConfigurationError", "DecodeError", "EncodeError"]


class ConfigurationError(MxGatewayError, ValueError):
    """An option is missing, has a wrong value, or contradicts another. Nothing was sent.

    Attributes:
        places: What is wrong in detail, such as each mistake in a plant file: one line each,
            which follow the message in `str` and `diagnostics`.
    """

    def __init__(self, message: str = "", *, places: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.places = tuple(printable(redact(place)) for place in places)

    def __str__(self) -> str:
        return "\n".join([self.message, *self.places])

    def diagnostics(self) -> str:
        return "\n".join([super().diagnostics(), *self.places])

    def to_dict(self) -> dict[str, Any]:
        return super().to_dict() | {"message": str(self)}


class EncodeError(MxGatewayError, ValueError):
    """A message cannot be written: a field holds a value that its type cannot carry.

    Attributes:
        message_type: Name of the message class.
        field: Name of the field.
        reason: Why the value was refused.
    """

    def __init__(self, message_type: str, field: str, reason: str) -> None:
        super().__init__(f"cannot encode {message_type}.{field}: {reason}")
        self.message_type = message_type
        self.field = field
        self.reason = reason

    def to_dict(self) -> dict[str, Any]:
        return super().to_dict() | {"messageType": self.message_type, "field": self.field}


class DecodeError(MxGatewayError, ValueError):
    """Received bytes are no valid message. Only the stream they came on is affected.

    Attributes:
        message_type: Name of the message class that was being read.
        offset: Byte offset, counted from the start of the message that was passed in.
        size: Length of that message in bytes.
        reason: What was wrong there.
    """

    hint = "Check that the client and the gateway use the same version of the contract."

    def __init__(self, message_type: str, offset: int, reason: str, *, size: int = 0) -> None:
        super().__init__(
            f"cannot decode {message_type}: {reason} at byte {offset} of {size}",
            status=StatusCode.INTERNAL,
            processed="maybe",
        )
        self.message_type = message_type
        self.offset = offset
        self.size = size
        self.reason = reason

    def to_dict(self) -> dict[str, Any]:
        return super().to_dict() | {
            "messageType": self.message_type,
            "offset": self.offset,
            "size": self.size,
        }


class ClientClosedError(MxGatewayError, RuntimeError):
    """The client, session or stream is not running: not entered yet, or closed."""
