"""The MxAccessGateway service: sessions, commands, event streams."""

from __future__ import annotations

import asyncio

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.generated.mxaccess_gateway.v1 import (
    CloseSessionReply,
    CloseSessionRequest,
    MxAccessGatewayBase,
    MxCommandReply,
    MxCommandRequest,
    OpenSessionReply,
    OpenSessionRequest,
    ProtocolStatus,
    ProtocolStatusCode,
    SessionState,
    StreamEventsRequest,
)
from mxgateway.simulator.alarm_service import alarm_methods
from mxgateway.simulator.call import Call
from mxgateway.simulator.commands import run, select
from mxgateway.simulator.delivery import Subscriber
from mxgateway.simulator.events import FRAME_HEAD, frame
from mxgateway.simulator.gateway import Gateway
from mxgateway.simulator.keys import ApiKey, KeyRing
from mxgateway.simulator.rpc import AnyStream, Service, check_size
from mxgateway.simulator.sending import has_left, room_for

__all__ = ["BACKEND", "CAPABILITIES", "GatewayMethods", "gateway_service"]

BACKEND = "mxaccess-worker"
GATEWAY_PROTOCOL_VERSION = 3
WORKER_PROTOCOL_VERSION = 1
CAPABILITIES = ("invoke", "stream-events", "event-replay")

_BATCH_BYTES = 64 << 10


def gateway_service(gateway: Gateway, keys: KeyRing) -> Service:
    """Return the service for a gateway."""
    methods = GatewayMethods(gateway, keys)
    return Service(
        MxAccessGatewayBase,
        {
            "OpenSession": methods.open_session,
            "CloseSession": methods.close_session,
            "Invoke": methods.invoke,
            "StreamEvents": methods.stream_events,
            **alarm_methods(gateway, keys),
        },
        keys=keys,
        audit=gateway.audit,
        max_message_bytes=gateway.settings.max_message_bytes,
    )


def _ok() -> ProtocolStatus:
    return ProtocolStatus(code=ProtocolStatusCode.OK, message="OK")


class GatewayMethods:
    """What serves each RPC of the service."""

    def __init__(self, gateway: Gateway, keys: KeyRing) -> None:
        self._gateway = gateway
        self._keys = keys

    async def open_session(
        self, _stream: AnyStream, key: ApiKey, request: OpenSessionRequest
    ) -> OpenSessionReply:
        """Open a session. There is one backend, whatever the request asks for."""
        self._keys.require(key, "session:open")
        session = self._gateway.open_session(request.client_session_name, request.command_timeout)
        # A client that leaves meanwhile leaves a session behind, until its lease ends.
        await session.lifetime.responsive()
        if session.state is not SessionState.READY:
            session.close("worker-start-failed")
            raise GRPCError(Status.UNAVAILABLE, f"session {session.id}: {session.reason}")
        session.lifetime.touch()
        return OpenSessionReply(
            session_id=session.id,
            backend_name=BACKEND,
            worker_process_id=session.process_id,
            worker_protocol_version=WORKER_PROTOCOL_VERSION,
            capabilities=list(CAPABILITIES),
            default_command_timeout=session.command_timeout,
            protocol_status=_ok(),
            gateway_protocol_version=GATEWAY_PROTOCOL_VERSION,
        )

    async def close_session(
        self, _stream: AnyStream, key: ApiKey, request: CloseSessionRequest
    ) -> CloseSessionReply:
        """Close a session; closing again returns the final state."""
        self._keys.require(key, "session:close")
        session = self._gateway.session(request.session_id)
        session.close("client-close")
        return CloseSessionReply(
            session_id=session.id, final_state=session.state, protocol_status=_ok()
        )

    async def invoke(
        self, _stream: AnyStream, key: ApiKey, request: MxCommandRequest
    ) -> MxCommandReply:
        """Run one command."""
        entry, payload = select(request.command)
        self._keys.require(key, entry.scope)
        session = self._gateway.session(request.session_id)
        session.require_ready()
        session.lifetime.touch()
        correlation_id = request.client_correlation_id or self._gateway.ids()
        return await run(Call(self._gateway, session, key), entry, payload, correlation_id)

    async def stream_events(
        self, stream: AnyStream, key: ApiKey, request: StreamEventsRequest
    ) -> None:
        """Send the events of a session until it ends or the client leaves."""
        self._keys.require(key, "events:read")
        session = self._gateway.session(request.session_id)
        subscriber = session.attach(request.after_worker_sequence)
        audit = self._gateway.audit
        audit.streams_opened += 1
        audit.changed()
        try:
            await stream.send_initial_metadata()
            await self._pump(stream, subscriber, session.id)
        except asyncio.CancelledError:
            if subscriber.error is None or has_left(stream._stream):
                audit.streams_cancelled += 1
                raise
            # The stream had to end while this task waited for the client to read.
            task = asyncio.current_task()
            assert task is not None
            task.uncancel()
            raise subscriber.error from None
        finally:
            session.detach(subscriber)
            audit.streams_ended += 1
            audit.changed()

    async def _pump(self, stream: AnyStream, queue: Subscriber, session_id: str) -> None:
        audit = self._gateway.audit
        gate = self._gateway.gate
        limit = self._gateway.settings.max_message_bytes
        transport = stream._stream
        while True:
            if len(queue):
                if gate.active:
                    # Nothing is taken yet, so that nothing is lost while a fault holds it.
                    if instead := await gate.reply("StreamEvents", b""):
                        await transport.send_data(frame(instead))
                    if not len(queue):
                        continue
                if queue.next_size() - FRAME_HEAD > limit:
                    [too_large] = queue.take(0)  # so that it stands in no other stream's way
                    check_size(len(too_large) - FRAME_HEAD, limit)
                room = await room_for(transport, queue.next_size())
                frames = queue.take(min(room, _BATCH_BYTES))
                # Several messages in one DATA frame cost as much as one.
                await transport.send_data(b"".join(frames))
                audit.events_sent += len(frames)
                audit.events_sent_by_session[session_id] += len(frames)
                audit.changed()
            elif queue.ended:
                if queue.error is not None:
                    raise queue.error
                return
            else:
                await queue.wait()
