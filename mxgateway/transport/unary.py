"""One unary call, with the size of its reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from grpclib.const import Cardinality

if TYPE_CHECKING:
    import betterproto2

    from mxgateway.transport.channel import Channel

__all__ = ["measured_call"]

_Reply = TypeVar("_Reply", bound="betterproto2.Message")


async def measured_call(
    channel: Channel,
    route: str,
    request: betterproto2.Message,
    reply_type: type[_Reply],
    timeout: float | None,
) -> tuple[_Reply, int]:
    """Make a unary call as a stub does; return the reply and its bytes, expanded.

    Args:
        channel: The channel to call on.
        route: `/package.Service/Method`.
        request: The request message.
        reply_type: Class of the reply.
        timeout: Seconds for the call; None for no limit.

    Raises:
        MxGatewayError: The call failed.
    """
    call = channel.request(
        route, Cardinality.UNARY_UNARY, type(request), reply_type, timeout=timeout
    )
    async with call:
        await call.send_message(request, end=True)
        reply: _Reply | None = await call.recv_message()
        assert reply is not None  # a unary call has a message or raises
        return reply, call.last_size
