"""GatewayClient: one connection to a gateway, and the calls that belong to no session."""

from __future__ import annotations

import datetime as dt
import logging
from types import TracebackType
from typing import Final, TypeAlias

from mxgateway._version import GATEWAY_PROTOCOL_VERSION, WORKER_PROTOCOL_VERSION
from mxgateway.alarms.client import AlarmMethods
from mxgateway.commands import check_protocol_status, check_reply, new_correlation_id
from mxgateway.connecting import ClientConnector, OptionFields, check_request, seconds_or
from mxgateway.errors import ConfigurationError, MalformedReplyError
from mxgateway.generated.mxaccess_gateway.v1 import (
    CloseSessionReply,
    CloseSessionRequest,
    MxAccessGatewayStub,
    MxCommandKind,
    MxCommandReply,
    MxCommandRequest,
    MxEvent,
    OpenSessionReply,
    OpenSessionRequest,
    StreamEventsRequest,
)
from mxgateway.options import ClientOptions
from mxgateway.session import Session
from mxgateway.tags.client import TagMethods
from mxgateway.tags.engine import TagEngine
from mxgateway.transport.channel import Channel
from mxgateway.transport.stream import MessageStream

__all__ = ["Connector", "GatewayClient", "OptionFields"]

_log = logging.getLogger("mxgateway.client")

_STREAM_EVENTS: Final = "/mxaccess_gateway.v1.MxAccessGateway/StreamEvents"


class GatewayClient(TagMethods, AlarmMethods):
    """A client of one MXAccess Gateway: one connection, kept up as long as the client runs.

    `read`, `write`, `write_many` and `subscribe` take tags by name. `open_session` gives
    a Session with the methods of MXAccess and its events. `follow_alarms`,
    `query_active_alarms` and `acknowledge_alarm` are about alarms. Methods in `_raw` send
    and return messages as they are. `GalaxyRepositoryClient.on(client)` browses the
    galaxy over the same connection.

    Three ways to start it, each of which makes the connection and raises there
    when it cannot be made::

        async with GatewayClient.connect(endpoint="plant:5000", plaintext=True) as client: ...

        client = await GatewayClient.connect(endpoint="plant:5000", plaintext=True)
        async with client: ...

        client = await GatewayClient.connect(options=options, task_group=task_group)
        ...
        await client.close()

    A call on a client that does not run, not yet or no longer, raises
    ClientClosedError; so does one from another event loop or thread than the one
    that connected it, and one in a forked child. A lost connection ends the calls in flight with
    ConnectionLost; the next call connects anew. Cancelling a call ends the wait
    and resets its stream; a command that the worker has begun goes on.

    Every call takes `timeout` in seconds (default: the options' `call_timeout`)
    and raises the errors of `mxgateway.errors` only: ConnectError, ConnectTimeout
    and ConnectionLost from the connection, an RpcError subclass for a gRPC status,
    and those that the call itself documents.
    """

    def __init__(self, options: ClientOptions, *, channel: Channel | None = None) -> None:
        super().__init__(options, channel=channel)
        self._stub = MxAccessGatewayStub(self._channel)

    @property
    def _tags(self) -> TagEngine:
        # Before anything of the engine is touched, or made in a loop that is not its own.
        self._check_home()
        return super()._tags

    async def close(self) -> None:
        """Close the connection; calls in flight end with ConnectionLost.

        May be called in any state, more than once, and by several tasks at once.
        Sessions stay open at the gateway; close them first. The one behind `read`,
        `write` and `subscribe` is closed here. In a forked child nothing happens: the
        connection is the parent's.

        Raises:
            ClientClosedError: The client runs in another event loop or thread.
        """
        if self._may_close():
            try:
                await self._close_tags()
            finally:
                await super().close()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._may_close():
            try:
                await self._close_tags()
            finally:
                await super().__aexit__(exc_type, exc, traceback)

    async def open_session(
        self,
        client_session_name: str = "",
        *,
        requested_backend: str = "",
        command_timeout: float | dt.timedelta | None = None,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> Session:
        """Open a session; the gateway starts a worker for it, which can take tens of seconds.

        Args:
            client_session_name: A name for the gateway's logs and dashboard.
            requested_backend: The backend to ask for; empty for the gateway's default.
            command_timeout: How long the gateway shall wait for one command, in
                seconds; None for its default.
            timeout: Seconds for this call.
            correlation_id: Sent along; empty for a new one.

        Raises:
            MxGatewayCommandError: The protocol status of the reply is not OK.
            MalformedReplyError: The reply has no protocol status or no session id.
            ConfigurationError: A timeout is no positive number of seconds.
        """
        request = OpenSessionRequest(
            client_session_name=client_session_name,
            requested_backend=requested_backend,
            client_correlation_id=correlation_id or new_correlation_id(),
            command_timeout=_span(command_timeout),
        )
        reply = await self.open_session_raw(request, timeout=timeout)
        secret = self._options.api_key
        check_protocol_status(reply.protocol_status, reply, "OpenSession", secret=secret)
        if not reply.session_id:
            raise MalformedReplyError("OpenSession: the reply has no session id", reply=reply)
        warnings = _version_warnings(reply)
        for warning in warnings:
            _log.warning("session %r: %s", reply.session_id, warning)
        return Session(self, reply.session_id, open_reply=reply, version_warnings=warnings)

    def session(self, session_id: str) -> Session:
        """Return a session that is open already, by its id. Nothing is sent.

        Raises:
            ConfigurationError: The id is empty.
        """
        if not session_id:
            raise ConfigurationError("session_id is missing; give the id that OpenSession returned")
        return Session(self, session_id)

    async def open_session_raw(
        self, request: OpenSessionRequest, *, timeout: float | None = None
    ) -> OpenSessionReply:
        """Send an OpenSession request as it is and return the reply unchecked.

        Raises:
            ConfigurationError: It is no such message.
        """
        check_request(request, OpenSessionRequest)
        return await self._unary(self._stub.open_session, request, timeout)

    async def close_session_raw(
        self, request: CloseSessionRequest, *, timeout: float | None = None
    ) -> CloseSessionReply:
        """Send a CloseSession request as it is and return the reply unchecked.

        Raises:
            ConfigurationError: It is no such message.
        """
        check_request(request, CloseSessionRequest)
        return await self._unary(self._stub.close_session, request, timeout)

    async def invoke(
        self, request: MxCommandRequest, *, timeout: float | None = None
    ) -> MxCommandReply:
        """Send a command and return the reply once it is known to say success.

        Raises:
            MxGatewayCommandError: The gateway or the worker could not run it.
            MxAccessError: MXAccess refused it.
            MalformedReplyError: The reply is OK but not the one to this command.
        """
        reply = await self.invoke_raw(request, timeout=timeout)
        kind = MxCommandKind.UNSPECIFIED if request.command is None else request.command.kind
        return check_reply(reply, kind, secret=self._options.api_key)

    async def invoke_raw(
        self, request: MxCommandRequest, *, timeout: float | None = None
    ) -> MxCommandReply:
        """Send a command as it is and return the reply as it came.

        Neither the protocol status nor the outcome in MXAccess is looked at: a
        refused command returns like any other. Use `invoke` to have both checked.

        Raises:
            ConfigurationError: It is no such message.
        """
        check_request(request, MxCommandRequest)
        return await self._unary(self._stub.invoke, request, timeout)

    def stream_events_raw(
        self, request: StreamEventsRequest, *, timeout: float | None = None
    ) -> MessageStream[MxEvent]:
        """Return the events of a session as they come, in the worker's order.

        The call starts with the first event that is asked for, or on entering the
        stream with `async with`. Leaving the block, the loop, or calling
        `aclose()` resets it at once. A slow consumer slows the gateway down, whose
        queue is bounded: when it overflows, the gateway may fault the session.

        Args:
            request: Session id and the worker sequence to resume after; 0 for a
                fresh stream.
            timeout: Seconds for the whole stream; default the options' `stream_timeout`.

        Raises:
            ConfigurationError: It is no such message, or the timeout no positive number.
        """
        check_request(request, StreamEventsRequest)
        return MessageStream(
            self._channel,
            _STREAM_EVENTS,
            request,
            MxEvent,
            timeout=seconds_or("timeout", timeout, self._options.stream_timeout),
        )


def _span(value: float | dt.timedelta | None) -> dt.timedelta | None:
    if value is None:
        return None
    if isinstance(value, dt.timedelta):
        if value <= dt.timedelta(0):
            raise ConfigurationError(f"command_timeout: give a positive time, not {value}")
        return value
    seconds = seconds_or("command_timeout", value, None)
    if seconds is None or seconds > dt.timedelta.max.total_seconds():
        raise ConfigurationError(f"command_timeout: {value!r} seconds are too many")
    return dt.timedelta(seconds=seconds)


def _version_warnings(reply: OpenSessionReply) -> tuple[str, ...]:
    warnings = []
    for what, told, expected in (
        ("gateway", reply.gateway_protocol_version, GATEWAY_PROTOCOL_VERSION),
        ("worker", reply.worker_protocol_version, WORKER_PROTOCOL_VERSION),
    ):
        if told != expected:
            said = f"speaks version {told}" if told else "does not tell its version"
            warnings.append(
                f"the {what} {said} of the {what} protocol, this client was made for {expected}"
            )
    return tuple(warnings)


Connector: TypeAlias = ClientConnector[GatewayClient]
"""What `GatewayClient.connect` returns."""
