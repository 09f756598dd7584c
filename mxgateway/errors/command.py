"""Errors in what the gateway answered, and of sessions, tags and event consumers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mxgateway.errors.base import MxGatewayError, Processed, StatusCode
from mxgateway.redact import redact

if TYPE_CHECKING:
    from mxgateway.generated.mxaccess_gateway.v1 import (
        MxCommandReply,
        MxStatusProxy,
        ProtocolStatus,
    )

__all__ = [
    "MalformedReplyError",
    "MxAccessError",
    "MxGatewayCommandError",
    "ReplayGapError",
    "SessionLostError",
    "SlowConsumerError",
    "TagError",
    "WriteFailedError",
    "WriteOutcomeUnknownError",
]


class MalformedReplyError(MxGatewayError):
    """The gateway answered OK but without the payload that the command calls for.

    Attributes:
        reply: The reply message as it came.
    """

    hint = "Check that the client and the gateway use the same version of the contract."

    def __init__(self, message: str, *, reply: Any = None) -> None:
        super().__init__(message, status=StatusCode.OK, processed="yes")
        self.reply = reply


class MxGatewayCommandError(MxGatewayError):
    """The gateway answered, and the answer says that the command failed.

    Attributes:
        reply: The whole reply message as it came.
        protocol_status: Its protocol status, or None where the reply has none.
    """

    def __init__(
        self,
        message: str,
        *,
        reply: Any,
        protocol_status: ProtocolStatus | None,
        processed: Processed = "yes",
        transient: bool | None = None,
        secret: str | None = None,
    ) -> None:
        super().__init__(
            redact(message, secret), status=StatusCode.OK, processed=processed, transient=transient
        )
        self.reply = reply
        self.protocol_status = protocol_status
        # Made here, so that the error need not keep the secret to take it out later.
        self._shown: dict[str, Any] = {
            "protocolStatus": None
            if protocol_status is None
            else {
                "code": str(protocol_status.code),
                "message": redact(protocol_status.message, secret),
            }
        }

    def to_dict(self) -> dict[str, Any]:
        return super().to_dict() | self._shown


class MxAccessError(MxGatewayCommandError):
    """MXAccess itself refused the command (protocol status MXACCESS_FAILURE or a failing status).

    Attributes:
        reply: The whole reply message as it came.
        protocol_status: Its protocol status.
        hresult: The HRESULT of the COM call, or None where the reply has none.
        statuses: Every MXSTATUS_PROXY entry of the reply.
    """

    reply: MxCommandReply

    def __init__(
        self,
        message: str,
        *,
        reply: Any,
        protocol_status: ProtocolStatus | None,
        hresult: int | None,
        statuses: Sequence[MxStatusProxy],
        secret: str | None = None,
    ) -> None:
        super().__init__(message, reply=reply, protocol_status=protocol_status, secret=secret)
        self.hresult = hresult
        self.statuses = tuple(statuses)
        self._shown |= {
            "hresult": hresult,
            "statuses": [
                {
                    "success": s.success,
                    "category": str(s.category),
                    "detectedBy": str(s.detected_by),
                    "detail": s.detail,
                    "diagnosticText": redact(s.diagnostic_text, secret),
                }
                for s in self.statuses
            ],
        }


class WriteFailedError(MxAccessError):
    """MXAccess accepted a write, and then told that it failed (OnWriteComplete).

    Attributes:
        tag: The reference, or its handles where this session object did not add it.
        event: The write-complete event.
        reply: The reply that accepted the write.
        hresult: The HRESULT of the event; None where it has none.
        statuses: Every MXSTATUS_PROXY of the event.
    """

    def __init__(
        self,
        message: str,
        *,
        tag: str,
        event: Any,
        reply: Any,
        hresult: int | None,
        statuses: Sequence[MxStatusProxy],
        secret: str | None = None,
    ) -> None:
        super().__init__(
            message,
            reply=reply,
            protocol_status=getattr(reply, "protocol_status", None),
            hresult=hresult,
            statuses=statuses,
            secret=secret,
        )
        self.tag = tag
        self.event = event

    def to_dict(self) -> dict[str, Any]:
        return super().to_dict() | {"tag": self.tag}


class WriteOutcomeUnknownError(MxGatewayError, TimeoutError):
    """A write was sent and nobody knows how it ended; it may take effect, also later.

    Attributes:
        tag: The reference, or its handles where this session object did not add it.
    """

    hint = (
        "Read the tag before you write again. For another confirmed write add it anew and remove "
        "the old item after that: a late completion could be taken for that of the next write."
    )

    def __init__(self, message: str, *, tag: str, processed: Processed = "maybe") -> None:
        super().__init__(message, processed=processed)
        self.tag = tag

    def to_dict(self) -> dict[str, Any]:
        return super().to_dict() | {"tag": self.tag}


class TagError(MxGatewayError):
    """One tag of a batch failed; the others are not affected.

    Attributes:
        tag: The reference as it was asked for.
    """

    def __init__(self, message: str, *, tag: str, processed: Processed = "yes") -> None:
        super().__init__(message, processed=processed)
        self.tag = tag

    def to_dict(self) -> dict[str, Any]:
        return super().to_dict() | {"tag": self.tag}


class SessionLostError(MxGatewayError):
    """The gateway no longer has the session, or it is faulted; its handles are worthless."""

    hint = "Open a new session; register, add and advise again."


class ReplayGapError(MxGatewayError):
    """Events were lost between the last one seen and the oldest that the gateway still has.

    No method raises it, for events go on behind a gap: streams bring a ReplayGapEvent.
    It is there for programs that would rather end there.
    """

    hint = "Read the tags anew, for what is known of them may be old."


class SlowConsumerError(MxGatewayError):
    """A consumer did not take its events in time and its queue was full."""

    hint = (
        'Take events faster, raise max_events or max_bytes, or choose overflow="drop_oldest"; '
        "read the tags anew, for events are lost."
    )
