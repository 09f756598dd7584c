"""What the tests against grpc-js share: connecting, and requests that carry a script."""

from __future__ import annotations

import json
from typing import Any, Unpack

from grpcjs.grpcjs_gateway import GrpcJsGateway

from mxgateway import ClientOptions, GatewayClient, Session
from mxgateway.client import Connector, OptionFields
from mxgateway.generated.mxaccess_gateway.v1 import (
    MxCommand,
    MxCommandKind,
    MxCommandRequest,
    MxEvent,
    PingCommand,
    StreamEventsRequest,
)
from mxgateway.transport.stream import MessageStream

__all__ = [
    "INVOKE",
    "OPEN_SESSION",
    "STREAM_EVENTS",
    "connect",
    "options",
    "ping",
    "raw_events",
    "scripted",
]

_SERVICE = "/mxaccess_gateway.v1.MxAccessGateway"
INVOKE = f"{_SERVICE}/Invoke"
OPEN_SESSION = f"{_SERVICE}/OpenSession"
STREAM_EVENTS = f"{_SERVICE}/StreamEvents"


def options(gateway: GrpcJsGateway, **fields: Unpack[OptionFields]) -> ClientOptions:
    """Return plaintext options for `gateway`."""
    given: OptionFields = {"endpoint": gateway.endpoint, "plaintext": True}
    return ClientOptions(**(given | fields))


def connect(gateway: GrpcJsGateway, **fields: Unpack[OptionFields]) -> Connector:
    """Return a plaintext connection in the making."""
    return GatewayClient.connect(options=options(gateway, **fields))


async def scripted(client: GatewayClient, **script: Any) -> Session:
    """Open a session whose stream does what `script` says, see gateway_service.js."""
    return await client.open_session(client_session_name=json.dumps(script))


def raw_events(
    client: GatewayClient, session: Session, *, timeout: float | None = None
) -> MessageStream[MxEvent]:
    """Return the session's one event stream as it comes, with nothing in between."""
    request = StreamEventsRequest(session_id=session.session_id)
    return client.stream_events_raw(request, timeout=timeout)


def ping(session: Session | str, **script: Any) -> MxCommandRequest:
    """Return a Ping that is answered as `script` says, see gateway_service.js."""
    session_id = session if isinstance(session, str) else session.session_id
    command = MxCommand(kind=MxCommandKind.PING, ping=PingCommand(message=json.dumps(script)))
    return MxCommandRequest(session_id=session_id, client_correlation_id="ping", command=command)
