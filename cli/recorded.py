"""A session that keeps the replies to its commands, so that output can show them as they came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mxgateway.session import Session

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient
    from mxgateway.generated.mxaccess_gateway.v1 import MxCommand, MxCommandReply

__all__ = ["RecordedSession"]


class RecordedSession(Session):
    """A session that is open already, with the checks of the library and every reply kept.

    Attributes:
        replies: The replies that were found to say success, in order.
    """

    def __init__(
        self, client: GatewayClient, session_id: str, replies: list[MxCommandReply]
    ) -> None:
        super().__init__(client, client.session(session_id).session_id)
        self.replies = replies

    async def invoke(
        self, command: MxCommand, *, timeout: float | None = None, correlation_id: str = ""
    ) -> MxCommandReply:
        """Send a command as `Session.invoke` does, and keep its reply."""
        reply = await super().invoke(command, timeout=timeout, correlation_id=correlation_id)
        self.replies.append(reply)
        return reply
