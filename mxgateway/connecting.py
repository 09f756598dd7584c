"""What clients of one gateway have in common: connecting, running, closing, unary calls."""

from __future__ import annotations

import math
import os
from collections.abc import Awaitable, Callable, Generator
from types import TracebackType
from typing import Any, Generic, Self, TypedDict, TypeVar, Unpack, cast

import betterproto2
from anyio.abc import TaskGroup

from mxgateway.errors import ConfigurationError
from mxgateway.options import ClientOptions, with_hidden_key
from mxgateway.transport.bound import BoundChannel
from mxgateway.transport.channel import Channel
from mxgateway.transport.unary import measured_call

__all__ = [
    "ChannelClient",
    "ClientConnector",
    "OptionFields",
    "check_request",
    "client_options",
    "failed_call",
    "seconds_or",
]

_Client = TypeVar("_Client", bound="ChannelClient")
_Reply = TypeVar("_Reply", bound=betterproto2.Message)


class OptionFields(TypedDict, total=False):
    """The fields of ClientOptions as keyword arguments of a client's `connect`."""

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
    max_bulk_items: int
    stream_window: int
    connection_window: int
    keepalive_time: float | None
    keepalive_timeout: float
    keepalive_without_calls: bool
    max_message_elements: int
    max_expansion: int
    max_objects: int
    max_walk_bytes: int
    max_depth: int
    max_alarms: int


class ClientConnector(Generic[_Client]):
    """What `connect` returns: await it, or enter it with `async with`."""

    def __init__(self, client: _Client, task_group: TaskGroup | None) -> None:
        self._client = client
        self._task_group = task_group

    def __await__(self) -> Generator[Any, Any, _Client]:
        return self._connect().__await__()

    async def _connect(self) -> _Client:
        client = self._client
        await client._channel.connect()
        if self._task_group is not None:
            await client._channel.run_in(self._task_group)
        return client

    async def __aenter__(self) -> _Client:
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


class ChannelClient:
    """A client of one gateway on one channel; base of the clients of both services."""

    def __init__(self, options: ClientOptions, *, channel: Channel | None = None) -> None:
        """Make a client without connecting it; `connect` is the usual way.

        It needs no event loop. It belongs to the loop, thread and process that connect
        it; used from another one, it raises ClientClosedError.

        Args:
            options: Where the gateway is and how to reach it.
            channel: A channel to use in place of one of its own.
        """
        self._options = options
        self._channel = BoundChannel(options) if channel is None else channel

    @classmethod
    def connect(
        cls,
        *,
        options: ClientOptions | None = None,
        task_group: TaskGroup | None = None,
        **fields: Unpack[OptionFields],
    ) -> ClientConnector[Self]:
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
        fields = cast("OptionFields", with_hidden_key(dict(fields)))
        return ClientConnector(cls(client_options(options, fields)), task_group)

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

        May be called in any state, more than once, and by several tasks at once. In a
        forked child it does nothing: the connection is the parent's.

        Raises:
            ClientClosedError: The client runs in another event loop or thread.
        """
        await self._channel.aclose()

    def _check_home(self) -> None:
        """Check that the caller runs where the client does, if it runs.

        Raises:
            ClientClosedError: It runs in another event loop, thread or process.
        """
        if isinstance(self._channel, BoundChannel):
            self._channel.check_home()

    def _may_close(self) -> bool:
        """Return whether there is anything to close for this caller, before it begins.

        Raises:
            ClientClosedError: The client runs in another event loop or thread.
        """
        return not isinstance(self._channel, BoundChannel) or self._channel.may_close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} to {self._options.target}, {self._channel.state}>"

    async def _unary(
        self,
        method: Callable[..., Awaitable[_Reply]],
        request: betterproto2.Message,
        timeout: float | None,
    ) -> _Reply:
        """Every unary call goes through here: one place for the timeout."""
        seconds = seconds_or("timeout", timeout, self._options.call_timeout)
        return await method(request, timeout=seconds)

    async def _measured(
        self,
        route: str,
        request: betterproto2.Message,
        reply_type: type[_Reply],
        timeout: float | None,
    ) -> tuple[_Reply, int]:
        """Make a unary call as `_unary` does and return the bytes of the reply as well."""
        seconds = seconds_or("timeout", timeout, self._options.call_timeout)
        return await measured_call(self._channel, route, request, reply_type, seconds)


def client_options(options: ClientOptions | None, fields: OptionFields) -> ClientOptions:
    """Return `options`, or those that the single fields make.

    Raises:
        ConfigurationError: Both were given, no endpoint was, or a field is unknown.
    """
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


def failed_call(client: ChannelClient, *, since: float) -> str:
    """Say what the last call that failed, or was cancelled, was waiting for; "" for none.

    Args:
        client: Whose call.
        since: When it must have ended at the earliest, by `time.monotonic`.
    """
    ended, doing = client._channel.failed_call
    return doing if ended >= since else ""


def check_request(request: object, kind: type[betterproto2.Message]) -> None:
    """Check that a raw method was given the message that it sends.

    Another message would be encoded all the same, and be read as what it is not.

    Raises:
        ConfigurationError: It is something else.
    """
    if not isinstance(request, kind):
        raise ConfigurationError(
            f"request: give a message of type {kind.__name__}, not {type(request).__name__}"
        )


def seconds_or(name: str, value: float | None, default: float | None) -> float | None:
    """Return a timeout of one call; None takes the default, infinity means no limit.

    Raises:
        ConfigurationError: It is no positive number.
    """
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ConfigurationError(f"{name}: give a positive number of seconds, not {value!r}")
    return None if math.isinf(value) else value
