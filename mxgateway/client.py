"""GatewayClient: one connection to a gateway, and the calls that belong to no session."""

from __future__ import annotations

import datetime as dt
import logging
import math
import os
from collections.abc import Awaitable, Callable, Generator
from types import TracebackType
from typing import Any, Final, Self, TypedDict, TypeVar, Unpack

import betterproto2
from anyio.abc import TaskGroup

from mxgateway._version import GATEWAY_PROTOCOL_VERSION, WORKER_PROTOCOL_VERSION
from mxgateway.commands import check_protocol_status, check_reply, new_correlation_id
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
from mxgateway.transport.channel import Channel
from mxgateway.transport.stream import MessageStream

__all__ = ["Connector", "GatewayClient", "OptionFields"]

_log = logging.getLogger("mxgateway.client")

_STREAM_EVENTS: Final = "/mxaccess_gateway.v1.MxAccessGateway/StreamEvents"

_Reply = TypeVar("_Reply", bound=betterproto2.Message)


class OptionFields(TypedDict, total=False):
    """The fields of ClientOptions as keyword arguments of `GatewayClient.connect`."""

    endpoint: str
    api_key: str | None
    plaintext: bool
    ca_file: str | os.PathLike[str] | None
    server_name_override: str | None
    fingerprint: str | None
    client_cert: str | os.PathLike[str] | None
    client_key: str | os.PathLike[str] | None
    insecure: bool
    connect_timeout: float | None
    call_timeout: float | None
    stream_timeout: float | None
    max_receive_bytes: int
    max_send_bytes: int
    stream_window: int
    connection_window: int
    keepalive_time: float | None
    keepalive_timeout: float
    keepalive_without_calls: bool


class Connector:
    """What `GatewayClient.connect` returns: await it, or enter it with `async with`."""

    def __init__(self, client: GatewayClient, task_group: TaskGroup | None) -> None:
        self._client = client
        self._task_group = task_group

    def __await__(self) -> Generator[Any, Any, GatewayClient]:
        return self._connect().__await__()

    async def _connect(self) -> GatewayClient:
        client = self._client
        await client._channel.connect()
        if self._task_group is not None:
            await client._channel.run_in(self._task_group)
        return client

    async def __aenter__(self) -> GatewayClient:
        client = await self._connect()
        if self._task_group is None:
            await client.__aenter__()
        return client

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._task_group is None:
            await self._client.__aexit__(exc_type, exc, traceback)
        else:
            await self._client.close()


class GatewayClient:
    """A client of one MXAccess Gateway.

    Three ways to start it, each of which makes the connection and raises there
    when it cannot be made::

        async with GatewayClient.connect(endpoint="plant:5000", plaintext=True) as client: ...

        client = await GatewayClient.connect(endpoint="plant:5000", plaintext=True)
        async with client: ...

        client = await GatewayClient.connect(options=options, task_group=task_group)
        ...
        await client.close()

    A call on a client that does not run, not yet or no longer, raises
    ClientClosedError. A lost connection ends the calls in flight with
    ConnectionLost; the next call connects anew. Cancelling a call ends the wait
    and resets its stream; a command that the worker has begun goes on.

    Every call takes `timeout` in seconds (default: the options' `call_timeout`)
    and raises the errors of `mxgateway.errors` only: ConnectError, ConnectTimeout
    and ConnectionLost from the connection, an RpcError subclass for a gRPC status,
    and those that the call itself documents.
    """

    def __init__(self, options: ClientOptions, *, channel: Channel | None = None) -> None:
        """Make a client without connecting it; `connect` is the usual way.

        Args:
            options: Where the gateway is and how to reach it.
            channel: A channel to use in place of one of its own.
        """
        self._options = options
        self._channel = Channel(options) if channel is None else channel
        self._stub = MxAccessGatewayStub(self._channel)

    @classmethod
    def connect(
        cls,
        *,
        options: ClientOptions | None = None,
        task_group: TaskGroup | None = None,
        **fields: Unpack[OptionFields],
    ) -> Connector:
        """Return a connection in the making: await it, or enter it with `async with`.

        Give the fields of ClientOptions as keywords (`endpoint`, `api_key`,
        `plaintext`, `ca_file`, `server_name_override`, ...), or ready-made
        `options`. With a `task_group` of anyio the client runs in it at once,
        until `close`.

        Raises:
            ConfigurationError: An option is missing, wrong, or not known; raised
                here, before anything is awaited.
            ConnectError: On awaiting or entering: name lookup or TCP failed.
            TlsError: The same, for TLS and ALPN.
            ConnectTimeout: The same, when `connect_timeout` passed.
        """
        return Connector(cls(_options(options, fields)), task_group)

    @property
    def options(self) -> ClientOptions:
        """The options of this client; their repr hides the key."""
        return self._options

    @property
    def closed(self) -> bool:
        """Whether the client was closed, by `close` or by leaving its context."""
        return self._channel.state == "closed"

    async def __aenter__(self) -> Self:
        await self._channel.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._channel.__aexit__(exc_type, exc, traceback)

    async def close(self) -> None:
        """Close the connection; calls in flight end with ConnectionLost.

        May be called in any state, more than once, and by several tasks at once.
        Sessions stay open at the gateway; close them first.
        """
        await self._channel.aclose()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} to {self._options.target}, {self._channel.state}>"

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
            _log.warning("session %s: %s", reply.session_id, warning)
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
        """Send an OpenSession request as it is and return the reply unchecked."""
        return await self._unary(self._stub.open_session, request, timeout)

    async def close_session_raw(
        self, request: CloseSessionRequest, *, timeout: float | None = None
    ) -> CloseSessionReply:
        """Send a CloseSession request as it is and return the reply unchecked."""
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
        """
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
        """
        return MessageStream(
            self._channel,
            _STREAM_EVENTS,
            request,
            MxEvent,
            timeout=_seconds("timeout", timeout, self._options.stream_timeout),
        )

    async def _unary(
        self,
        method: Callable[..., Awaitable[_Reply]],
        request: betterproto2.Message,
        timeout: float | None,
    ) -> _Reply:
        """Every unary call goes through here: one place for the timeout."""
        seconds = _seconds("timeout", timeout, self._options.call_timeout)
        return await method(request, timeout=seconds)


def _options(options: ClientOptions | None, fields: OptionFields) -> ClientOptions:
    unknown = sorted(set(fields) - set(OptionFields.__annotations__))
    if unknown:
        known = ", ".join(OptionFields.__annotations__)
        raise ConfigurationError(f"no such option: {', '.join(unknown)}; known are {known}")
    if options is None:
        if "endpoint" not in fields:
            raise ConfigurationError(
                "endpoint is missing; give HOST:PORT, for example endpoint='localhost:5000'"
            )
        return ClientOptions(**fields)
    if fields:
        raise ConfigurationError(
            f"give either options or single fields, not both: {', '.join(sorted(fields))}; "
            "options.replace(...) changes single fields"
        )
    return options


def _seconds(name: str, value: float | None, default: float | None) -> float | None:
    """Return a timeout of one call; None takes the default, infinity means no limit."""
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ConfigurationError(f"{name}: give a positive number of seconds, not {value!r}")
    return None if math.isinf(value) else value


def _span(value: float | dt.timedelta | None) -> dt.timedelta | None:
    if value is None:
        return None
    if isinstance(value, dt.timedelta):
        if value <= dt.timedelta(0):
            raise ConfigurationError(f"command_timeout: give a positive time, not {value}")
        return value
    seconds = _seconds("command_timeout", value, None)
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
