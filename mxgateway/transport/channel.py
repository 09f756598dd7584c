"""The channel: owns connections over time. It connects, drains, replaces and closes them."""

from __future__ import annotations

import logging
import ssl
import warnings
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self, TypeVar

import anyio
import betterproto2
from anyio.abc import TaskGroup, TaskStatus
from grpclib.client import Channel as GrpclibChannel
from grpclib.const import Cardinality
from grpclib.events import _DispatchChannelEvents
from grpclib.metadata import USER_AGENT, Deadline
from h2.errors import ErrorCodes
from multidict import MultiDict

from mxgateway._version import __version__
from mxgateway.codec.grpc import MessageCodec
from mxgateway.errors import (
    ClientClosedError,
    ConfigurationError,
    MxGatewayError,
    RpcError,
)
from mxgateway.options import ClientOptions
from mxgateway.redact import Secret, redact
from mxgateway.transport import tls
from mxgateway.transport.attempts import Attempts
from mxgateway.transport.call import Call
from mxgateway.transport.connection import Connection
from mxgateway.transport.dial import dial, warned_of_key_in_clear
from mxgateway.transport.metadata import Headers, MetadataLike
from mxgateway.transport.protocol import Protocol
from mxgateway.transport.pump import Pump

__all__ = ["Channel"]

log = logging.getLogger("mxgateway.transport")

# At DEBUG hpack logs every header that it encodes, the API key among them. A root
# logger at DEBUG must not write the key down; whoever names "hpack" still gets it.
_hpack_log = logging.getLogger("hpack")
if _hpack_log.level == logging.NOTSET:
    _hpack_log.setLevel(logging.INFO)

_SendType = TypeVar("_SendType", bound=betterproto2.Message)
_RecvType = TypeVar("_RecvType", bound=betterproto2.Message)
_MAX_KEEPALIVE = 3600.0
_UNPACKERS = 4
_FAREWELL = 0.2  # seconds that a spawned task has to end by itself when the channel closes


class Channel(GrpclibChannel):
    """Calls to one gateway; betterproto2's stubs take it as it is.

    `await connect()` does all that can fail and raises there. `async with` (or
    `run_in`) starts reader, writer and keepalive. Afterwards a lost connection is
    replaced when the next call needs one.

    Args:
        options: Where the gateway is and how to reach it.
    """

    def __init__(self, options: ClientOptions) -> None:
        # Not grpclib's constructor: it binds to an asyncio loop.
        self.options = options
        self._host = options.host
        self._port = options.port
        self._path = None
        self._codec = MessageCodec()
        self._status_details_codec = None
        self._ssl = None
        self._scheme = "http" if options.plaintext else "https"
        self._authority = options.authority
        self.__dispatch__ = _DispatchChannelEvents()
        self.base_headers: Headers = [
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("user-agent", f"mxgateway/{__version__} {USER_AGENT}"),
            ("grpc-accept-encoding", "identity,gzip"),
        ]
        if options.api_key is not None:
            self.base_headers.append(("authorization", Secret("Bearer " + options.api_key)))
        self._keepalive_time = options.keepalive_time
        self._pumps: dict[Connection, Pump] = {}
        self._current: Connection | None = None
        self._attempts = Attempts(self._open_connection, options.target)
        self._tasks: TaskGroup | None = None
        self._spawned: set[anyio.CancelScope] = set()
        self._own: TaskGroup | None = None
        self._close_requested: anyio.Event | None = None
        self._served: anyio.Event | None = None
        self._closed = False
        self._unpackers: anyio.CapacityLimiter | None = None
        # When the last call that failed or was cancelled ended, and what it was waiting for.
        self.failed_call: tuple[float, str] = (0.0, "")
        self._told_plaintext = False

    def __repr__(self) -> str:
        return f"<Channel to {self.options.target}, {self.state}>"

    @property
    def state(self) -> str:
        """One word: "closed", "new", "connected" (not running yet), "running"."""
        if self._closed:
            return "closed"
        if self._tasks is not None:
            return "running"
        return "connected" if self._pumps else "new"

    @property
    def connected(self) -> bool:
        """Whether a connection that takes new calls is there now."""
        return self._current is not None and self._current.usable

    @property
    def unpackers(self) -> anyio.CapacityLimiter:
        """How many threads decode large messages at once; those of the caller are not taken."""
        if self._unpackers is None:  # it belongs to the running loop, which is not there before
            self._unpackers = anyio.CapacityLimiter(_UNPACKERS)
        return self._unpackers

    # Life ---------------------------------------------------------------------

    async def connect(self) -> None:
        """Look up the name, connect, do TLS, check ALPN and exchange SETTINGS.

        Raises:
            ConnectError: The name is unknown, or nobody listens there.
            TlsError: The handshake failed, or did not choose HTTP/2.
            ConnectTimeout: `connect_timeout` passed first.
            ClientClosedError: The channel is closed.
        """
        self._check_open()
        earlier = self._attempts.under_way
        while not self.connected:
            if await self._attempts.made(self._tasks, earlier) is not None:
                return
            self._check_open()

    async def __aenter__(self) -> Self:
        self._check_startable()
        own = anyio.create_task_group()
        await own.__aenter__()
        self._own = own
        try:
            # A cancelled body may still make calls in a shielded scope, to put things in
            # order, and resets its streams; `__aexit__` ends the tasks in every case.
            with anyio.CancelScope(shield=True):  # starting waits for nothing
                await own.start(self._serve, True)
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        own = self._own
        if own is None:
            await self.aclose()
            return
        self._own = None
        # The exception of the body leaves bare: the group sees none, and its scope
        # is shielded so that a cancelled caller still ends in order. All of it is bounded.
        own.cancel_scope.shield = True
        try:
            await self.aclose()
        finally:
            own.cancel_scope.cancel()
            await own.__aexit__(None, None, None)

    async def run_in(self, task_group: TaskGroup) -> None:
        """Run in the caller's task group until `aclose`.

        Raises:
            ClientClosedError: The channel is closed or runs already.
        """
        self._check_startable()
        await task_group.start(self._serve, False)

    async def aclose(self) -> None:
        """End all calls and connections. Idempotent, allowed in every state, never waits long."""
        self._closed = True
        self._current = None
        if self._tasks is None:
            self._attempts.give_up()
            for pump in list(self._pumps.values()):
                await pump.discard()
            self._pumps.clear()
            return
        assert self._close_requested is not None
        assert self._served is not None
        self._close_requested.set()
        with anyio.CancelScope(shield=True):
            await self._served.wait()

    async def _serve(self, shield: bool, *, task_status: TaskStatus[None]) -> None:
        with anyio.CancelScope(shield=shield):
            if self._closed:  # while the task was being started
                task_status.started()
            else:
                await self._serve_until_closed(task_status)

    async def _serve_until_closed(self, task_status: TaskStatus[None]) -> None:
        close_requested = self._close_requested = anyio.Event()
        served = self._served = anyio.Event()
        try:
            async with anyio.create_task_group() as tasks:
                self._tasks = tasks
                for connection, pump in self._pumps.items():
                    tasks.start_soon(self._run_pump, connection, pump)
                task_status.started()
                try:
                    await close_requested.wait()
                finally:
                    # Also when cancelled: from here on the group may take no new task.
                    self._closed = True
                    self._current = None
                for connection in list(self._pumps):
                    connection.close()
                # Their calls end with the connections, so they end by themselves; one
                # that waits for something else is cancelled.
                for scope in self._spawned:
                    scope.deadline = anyio.current_time() + _FAREWELL
                # Each pump ends by itself within its farewell time; a try to
                # connect is given up.
                self._attempts.give_up()
        finally:
            self._closed = True
            self._current = None
            self._tasks = None
            for pump in list(self._pumps.values()):
                await pump.discard()
            self._pumps.clear()
            self._attempts.abandon()
            served.set()

    def spawn(self, func: Callable[[], Awaitable[None]]) -> None:
        """Run `func` in the channel's own task group; it ends with the channel at the latest.

        `func` raises nothing but cancellation. When the channel closes, its calls
        end; what it does besides is cancelled a moment later.

        Raises:
            ClientClosedError: The channel does not run, not yet or no longer.
        """
        self._check_running().start_soon(self._run_spawned, func)

    async def _run_spawned(self, func: Callable[[], Awaitable[None]]) -> None:
        with anyio.CancelScope() as scope:
            if self._closed:  # while the task was being started
                scope.deadline = anyio.current_time() + _FAREWELL
            self._spawned.add(scope)
            try:
                await func()
            finally:
                self._spawned.discard(scope)

    async def _run_pump(self, connection: Connection, pump: Pump) -> None:
        try:
            await pump.run()
        finally:
            self._pumps.pop(connection, None)

    def _check_open(self) -> None:
        if self._closed:
            raise ClientClosedError("the client is closed; connect a new one")

    def _check_running(self) -> TaskGroup:
        self._check_open()
        if self._tasks is None:
            raise ClientClosedError(
                "the client is not running; enter it with 'async with' before calling"
            )
        return self._tasks

    def _check_startable(self) -> None:
        self._check_open()
        if self._tasks is not None or self._own is not None:
            raise ClientClosedError("the client runs already; enter it only once")

    # Connections ----------------------------------------------------------------

    async def __connect__(self) -> Protocol:
        """Return the protocol of a connection that takes a new call, connecting if need be.

        Callers that come together share one attempt, and none of them ends it by
        being cancelled.
        """
        earlier = self._attempts.under_way
        while True:
            tasks = self._check_running()
            current = self._current
            if current is not None and current.usable:
                return self._pumps[current].protocol
            pump = await self._attempts.made(tasks, earlier)
            if pump is not None:
                # Even if it is lost again: the call counts how often that happens.
                return pump.protocol

    async def _open_connection(self) -> Pump:
        """Make a connection, and run it if the channel runs."""
        context = None if self.options.plaintext else self._tls_context()
        pump = await dial(self.options, context, self._keepalive_time)
        if self._closed:
            await pump.discard()
            raise ClientClosedError("the client was closed while it connected")
        connection = pump.protocol.connection
        if not self._told_plaintext:
            self._told_plaintext = warned_of_key_in_clear(self.options, pump)
        connection.on_unusable = self._retire
        self._pumps[connection] = pump
        self._current = connection
        if self._tasks is not None:
            self._tasks.start_soon(self._run_pump, connection, pump)
        return pump

    def _tls_context(self) -> ssl.SSLContext:
        if self._ssl is None:
            self._ssl = tls.client_context(self.options)
        return self._ssl

    def _retire(self, connection: Connection) -> None:
        """Take a connection that takes no new calls out of use; its streams go on."""
        if self._current is connection:
            self._current = None
        goaway = connection.draining
        if (
            goaway is not None
            and goaway.error_code == ErrorCodes.ENHANCE_YOUR_CALM
            and goaway.debug == b"too_many_pings"
            and self._keepalive_time is not None
        ):
            self._keepalive_time = min(self._keepalive_time * 2, _MAX_KEEPALIVE)
            log.warning(
                "%s finds the keepalive PINGs too many; the interval is now %g s",
                self.options.target,
                self._keepalive_time,
            )

    # Calls --------------------------------------------------------------------------

    def request(  # type: ignore[override]  # both types are messages here
        self,
        name: str,
        cardinality: Cardinality,
        request_type: type[_SendType],
        reply_type: type[_RecvType],
        *,
        timeout: float | None = None,
        deadline: Deadline | None = None,
        metadata: MetadataLike | None = None,
    ) -> Call[_SendType, _RecvType]:
        """Return a call that has not started; enter it with `async with`.

        Args:
            name: `/package.Service/Method`.
            cardinality: UNARY_UNARY or UNARY_STREAM; the contract has no other.
            request_type: Class of the request message.
            reply_type: Class of the reply messages.
            timeout: Seconds for the whole call.
            deadline: The same as a point in time; the earlier of both counts.
            metadata: Additional metadata.
        """
        if cardinality.client_streaming:
            raise ConfigurationError(f"{name}: client streaming is not part of the contract")
        if timeout is not None:
            limit = Deadline.from_timeout(timeout)
            deadline = limit if deadline is None else min(limit, deadline)
        try:
            fields = MultiDict(metadata or ())
        except (TypeError, ValueError):
            raise ConfigurationError(  # the original text may hold a secret
                f"{name}: metadata must be a mapping or a sequence of (name, value) pairs"
            ) from None
        return Call(
            self,
            name,
            fields,
            cardinality,
            request_type,
            reply_type,
            codec=self._codec,
            status_details_codec=None,
            dispatch=self.__dispatch__,
            deadline=deadline,
        )

    def redact_error(self, error: MxGatewayError) -> None:
        """Take this channel's key out of an error that quotes the peer."""
        key = self.options.api_key
        if key is None:
            return
        error.message = redact(error.message, key)
        error.args = (error.message,)
        if isinstance(error, RpcError):
            error.status_message = redact(error.status_message, key)
            error.trailing_metadata = tuple(
                (name, redact(value, key) if isinstance(value, str) else value)
                for name, value in error.trailing_metadata
            )

    def close(self) -> None:
        """Ask for the end without waiting for it; `aclose` waits."""
        self._closed = True
        self._current = None
        if self._close_requested is not None:
            self._close_requested.set()

    def __del__(self) -> None:
        pumps = getattr(self, "_pumps", None)
        if pumps and getattr(self, "_tasks", None) is None:
            warnings.warn(f"unclosed {self!r}; close it or enter it", ResourceWarning, stacklevel=2)
