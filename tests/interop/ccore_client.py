"""What the tests against the C core share: reaching the gateway, requests, waiting for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Unpack

import anyio.to_thread
from interop.ccore_gateway import CCoreGateway

from mxgateway import ClientOptions, GatewayClient, Session
from mxgateway.client import Connector, OptionFields
from mxgateway.errors import MxGatewayError
from mxgateway.generated.mxaccess_gateway.v1 import (
    MxCommand,
    MxCommandKind,
    MxCommandRequest,
    MxEvent,
    PingCommand,
    StreamEventsRequest,
)
from mxgateway.transport.channel import Channel
from mxgateway.transport.stream import MessageStream

__all__ = [
    "STREAM_EVENTS",
    "advised",
    "connect",
    "open_channel",
    "options",
    "outcome",
    "ping",
    "raw_events",
    "saw_cancelled",
    "until",
]

STREAM_EVENTS = "/mxaccess_gateway.v1.MxAccessGateway/StreamEvents"


def options(gateway: CCoreGateway, **fields: Unpack[OptionFields]) -> ClientOptions:
    """Return options for `gateway`, with its key, plain or by TLS as it serves."""
    given: OptionFields = {"endpoint": gateway.endpoint, "api_key": gateway.api_key}
    if gateway.tls is None:
        given["plaintext"] = True
    else:
        given["ca_file"] = gateway.tls.ca_file
    return ClientOptions(**(given | fields))


def connect(gateway: CCoreGateway, **fields: Unpack[OptionFields]) -> Connector:
    """Return a connection in the making."""
    return GatewayClient.connect(options=options(gateway, **fields))


def open_channel(gateway: CCoreGateway, **fields: Unpack[OptionFields]) -> Channel:
    """Return a channel to be entered, for calls that the client does not offer."""
    return Channel(options(gateway, **fields))


def ping(session: Session | str, script: str = "hang") -> MxCommandRequest:
    """Return a Ping that is answered as `script` says, see ccore_rpcs."""
    session_id = session if isinstance(session, str) else session.session_id
    command = MxCommand(kind=MxCommandKind.PING, ping=PingCommand(message=script))
    return MxCommandRequest(session_id=session_id, client_correlation_id="ping-1", command=command)


async def advised(client: GatewayClient, *tags: str) -> tuple[Session, int, list[int]]:
    """Open a session that is advised to `tags`; return it with its handles."""
    session = await client.open_session(client_session_name="interop")
    server = await session.register("interop")
    items = [await session.add_item(server, tag) for tag in tags]
    for item in items:
        await session.advise(server, item)
    return session, server, items


def raw_events(
    client: GatewayClient, session: Session, after: int = 0, *, timeout: float | None = None
) -> MessageStream[MxEvent]:
    """Return the session's one event stream as it comes, with nothing in between."""
    request = StreamEventsRequest(session_id=session.session_id, after_worker_sequence=after)
    return client.stream_events_raw(request, timeout=timeout)


async def until(gateway: CCoreGateway, predicate: Callable[[CCoreGateway], bool]) -> None:
    """Wait until the server sees `predicate` hold."""
    await anyio.to_thread.run_sync(gateway.wait_until, predicate)


async def saw_cancelled(gateway: CCoreGateway, *methods: str) -> None:
    """Wait until the server has seen exactly these calls given up, in any order."""
    await until(gateway, lambda g: sorted(g.journal.cancelled) == sorted(methods))


async def outcome(call: Callable[[], Awaitable[object]], errors: list[MxGatewayError]) -> None:
    """Await a call and note the error that it ends with."""
    try:
        await call()
    except MxGatewayError as error:
        errors.append(error)
