"""Server streaming as an object: iterate it, close it, or use it as a context manager."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from grpclib.const import Cardinality

from mxgateway.errors import ClientClosedError
from mxgateway.transport.call import Call
from mxgateway.transport.home import Home
from mxgateway.transport.metadata import Metadata, MetadataLike

if TYPE_CHECKING:
    import betterproto2

    from mxgateway.transport.channel import Channel

__all__ = ["MessageStream"]

_T = TypeVar("_T", bound="betterproto2.Message")


class MessageStream(AsyncIterator[_T], Generic[_T]):
    """The messages of one server-streaming call, with back-pressure to the sender.

    The request goes out with the first `__anext__` or on entering. The stream is
    over, and the peer told so by RST_STREAM(CANCEL), when the block is left, when
    `aclose` is called, when an error is raised, or when the last reference goes,
    as after `break` out of `async for`.

    Args:
        channel: The channel to call on.
        route: `/package.Service/Method`.
        request: The request message.
        reply_type: Class of the messages.
        timeout: Seconds for the whole stream; None for no limit.
        metadata: Additional metadata.
    """

    def __init__(
        self,
        channel: Channel,
        route: str,
        request: betterproto2.Message,
        reply_type: type[_T],
        *,
        timeout: float | None = None,
        metadata: MetadataLike | None = None,
    ) -> None:
        self._call: Call[betterproto2.Message, _T] = channel.request(
            route,
            Cardinality.UNARY_STREAM,
            type(request),
            reply_type,
            timeout=timeout,
            metadata=metadata,
        )
        self._request = request
        self._home: Home | None = None
        self._started = False
        self._closed = False

    @property
    def initial_metadata(self) -> Metadata | None:
        """Metadata of the reply headers; None before they came."""
        return self._call.initial_metadata

    @property
    def trailing_metadata(self) -> Metadata | None:
        """Metadata of the trailers; None before they came."""
        return self._call.trailing_metadata

    @property
    def last_size(self) -> int:
        """Bytes that the message returned last had on the wire; 0 before the first one."""
        return self._call.last_size

    async def __aenter__(self) -> Self:
        self._check_home()
        try:
            await self._start()
        except BaseException:
            self._close(failed=True)
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self._close(failed=exc_val is not None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> _T:
        """Return the next message.

        Raises:
            StopAsyncIteration: The peer ended the stream with OK, or it was closed here.
            RpcError: The peer ended it with another status.
            ConnectionLost: The connection ended; every message that came before was returned.
            ClientClosedError: The client is closed, or the stream runs in another event
                loop, thread or process; it goes on there.
        """
        if self._closed:
            raise StopAsyncIteration
        self._check_home()
        if self._home is not None and not self._call.unread:
            self._home.check()  # it would wait for ever; each time, it costs too much
        try:
            if not self._started:
                await self._start()
            message = await self._call.recv_message()
            if message is None:
                await self._call.recv_trailing_metadata()
        except ClientClosedError:
            if self._closed:  # by another task, while this one waited
                raise StopAsyncIteration from None
            self._close(failed=True)
            raise
        except BaseException:
            self._close(failed=True)
            raise
        if message is None:
            self._close()
            raise StopAsyncIteration
        return message

    async def aclose(self) -> None:
        """End the stream and tell the peer. Idempotent; does not wait for the peer.

        A task that waits in `__anext__` gets StopAsyncIteration. In a forked child the
        peer is not told: the connection is the parent's.

        Raises:
            ClientClosedError: The stream runs in another thread.
        """
        self.close()

    def close(self) -> None:
        """End the stream as `aclose` does, for callers that cannot await."""
        if not self._inherited:
            self._check_home()
        self._close()

    async def _start(self) -> None:
        if self._started:
            return
        if self._closed:
            raise ClientClosedError("the stream is closed")
        self._home = Home("the stream")
        self._started = True
        self._call.enter()
        await self._call.send_message(self._request, end=True)

    def _close(self, *, failed: bool = False) -> None:
        self._closed = True
        if self._started and not self._inherited:
            self._call.close(failed=failed)

    @property
    def _inherited(self) -> bool:
        return self._home is not None and self._home.inherited

    def _check_home(self) -> None:
        if self._home is not None:
            self._home.check_thread()

    def __del__(self) -> None:
        # After `break` out of `async for` nobody else can end the call.
        if getattr(self, "_started", False) and not self._closed and not self._inherited:
            self._call.abandon()
