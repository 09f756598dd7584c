"""The smallest way to make calls in transport tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
from scripted_peer import Peer

from mxgateway.generated.mxaccess_gateway.v1 import (
    MxAccessGatewayStub,
    MxEvent,
    OpenSessionReply,
    OpenSessionRequest,
    StreamEventsRequest,
)
from mxgateway.options import ClientOptions
from mxgateway.transport.channel import Channel
from mxgateway.transport.stream import MessageStream

__all__ = [
    "EVENTS",
    "REPLY",
    "channel_to",
    "event",
    "lost",
    "open_session",
    "options_for",
    "stream_events",
    "until",
]

EVENTS = "/mxaccess_gateway.v1.MxAccessGateway/StreamEvents"
REPLY = bytes(OpenSessionReply(session_id="session-1"))


def options_for(peer: Peer, **fields: Any) -> ClientOptions:
    """Return options for a plaintext peer; keepalive is off unless asked for."""
    defaults: dict[str, Any] = {
        "endpoint": peer.endpoint,
        "plaintext": True,
        "keepalive_time": None,
    }
    return ClientOptions(**(defaults | fields))


@asynccontextmanager
async def channel_to(peer: Peer, **fields: Any) -> AsyncIterator[Channel]:
    """Run a channel to `peer` for the time of the block."""
    channel = Channel(options_for(peer, **fields))
    await channel.connect()
    async with channel:
        yield channel


async def open_session(channel: Channel, *, timeout: float | None = 5, **more: Any) -> str:
    """Make a unary call; return the session id of the reply."""
    stub = MxAccessGatewayStub(channel)
    reply = await stub.open_session(OpenSessionRequest(), timeout=timeout, **more)
    return reply.session_id


def stream_events(channel: Channel, **more: Any) -> MessageStream[MxEvent]:
    """Make a server-streaming call."""
    return MessageStream(channel, EVENTS, StreamEventsRequest(session_id="s"), MxEvent, **more)


async def until(condition: Callable[[], bool]) -> None:
    """Give other tasks turns until `condition` is true."""
    with anyio.fail_after(5):
        while not condition():
            await anyio.lowlevel.checkpoint()


async def lost(channel: Channel) -> None:
    """Wait until the channel has noticed that its connection is gone."""
    await until(lambda: not channel.connected)


def event(sequence: int, size: int = 0) -> bytes:
    """Return an event as bytes, filled up to about `size` bytes."""
    return bytes(MxEvent(worker_sequence=sequence, raw_status="x" * size))
