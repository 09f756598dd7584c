"""The receiving half of a call: headers, messages, trailers, and the verdict on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, NoReturn, TypeVar

import anyio
import anyio.lowlevel
import betterproto2
from grpclib.client import Stream as GrpclibStream

from mxgateway.errors import (
    ClientClosedError,
    DecodeError,
    InternalError,
    LimitError,
    MxGatewayError,
    RpcError,
    rpc_error,
)
from mxgateway.transport import metadata as grpc_metadata
from mxgateway.transport.call_stream import CallStream
from mxgateway.transport.messages import MessageError
from mxgateway.transport.status import foreign_reply, reset_error, trailers_error
from mxgateway.transport.unpacking import AT_ONCE, Unpacked, Unpacker
from mxgateway.transport.waiting import Waiting

if TYPE_CHECKING:
    from mxgateway.transport.channel import Channel

__all__ = ["ReplyReader"]

_SendType = TypeVar("_SendType", bound=betterproto2.Message)
_RecvType = TypeVar("_RecvType", bound=betterproto2.Message)

_FOREIGN_WAIT = 1.0  # seconds to wait for the body of a reply that is not gRPC
_MESSAGE_COST = 512  # bytes for which a message counts beside its own, for its turn


class ReplyReader(GrpclibStream[_SendType, _RecvType], Generic[_SendType, _RecvType]):
    """Reads the reply of a call whose request was sent.

    Attributes:
        last_size: Bytes of the message that `recv_message` returned last, expanded.
    """

    _channel: Channel
    _stream: CallStream
    _waiting: Waiting
    _unpacker: Unpacker[_RecvType]
    _decode: Callable[[bytes], _RecvType]  # of `_unpacker`, as is the next
    _plain: int
    _unpacking: anyio.Event | None = None  # while a worker thread has the oldest message
    _closed = False
    _taken = 0
    _turn = 0  # bytes taken in a row
    _judged = False
    _request: bytes | None = None  # as it was sent, while it may have to go out again
    last_size = 0

    async def _recovered(self, error: MxGatewayError) -> bool:
        """Whether a call that ended with `error` before any header goes on all the same."""
        raise NotImplementedError

    async def recv_initial_metadata(self) -> None:
        """Wait for the reply headers.

        Raises:
            RpcError: The reply is an error, or no gRPC reply at all.
            ConnectionLost: The connection ended first.
        """
        self._check_sent()
        if self._recv_initial_metadata_done:
            return
        self._waiting.phase = "headers"
        stream = self._stream
        while stream.headers is None:
            if stream.failure is None:
                await self._waiting.change_of(stream.wake)
                continue
            error = self._failure()
            if not await self._recovered(error):
                raise self._failed(error)
            self._waiting.phase = "headers"
            stream = self._stream
        self._request = None
        self._recv_initial_metadata_done = True
        if stream.foreign is not None:
            await self._collect_foreign()
            raise self._failed(foreign_reply(stream.headers, bytes(stream.foreign)))
        if stream.ended and stream.trailers is None and "grpc-status" in dict(stream.headers):
            self._trailers_only = True
            stream.trailers = stream.headers
            self.initial_metadata = grpc_metadata.decode_metadata([])
            if not self._cardinality.server_streaming:
                self._judge()
        else:
            self.initial_metadata = grpc_metadata.decode_metadata(stream.headers)

    async def _collect_foreign(self) -> None:
        stream = self._stream
        # The HTTP status is known and says more than a deadline, so that error is raised.
        wait = _FOREIGN_WAIT
        if self._deadline is not None:
            wait = min(wait, self._deadline.time_remaining())
        with anyio.move_on_after(wait):
            while not stream.foreign_enough:
                stream.wake.clear()
                await stream.wake.wait()

    async def recv_message(self) -> _RecvType | None:
        """Return the next message of the reply; None when the peer has ended it.

        Messages that arrived before a connection was lost are returned before
        the loss is raised.

        Raises:
            DecodeError: The bytes are no message of the expected type.
            RpcError, TransportError: As for the whole call.
        """
        if not self._recv_initial_metadata_done:
            await self.recv_initial_metadata()
        stream = self._stream
        cutter = stream.cutter
        self._waiting.phase = "message"
        if self._turn >= AT_ONCE:
            self._turn = 0
            # Before the message is taken: none is lost by it.
            await anyio.lowlevel.checkpoint()
            self._check_sent()  # another task may have ended the call
        if self._unpacking is not None or not cutter.messages:
            while self._unpacking is not None or not cutter.messages:
                if self._unpacking is not None:
                    await self._waiting.until(self._unpacking.wait())
                    self._check_sent()
                    continue
                if cutter.error is not None:
                    self._raise_damage(_message_error(cutter.error))
                if stream.ended:
                    self._check_end()
                    return None
                self._raise_failure()
                stream.expect_more()
                await self._waiting.change_of(stream.wake)
        elif self._deadline is not None:
            self._waiting.left()
        payload = cutter.messages[0]
        size = len(payload)
        if size <= self._plain and type(payload) is bytes:
            stream.drop_message()
            message = self._decode(payload)
        else:
            message, size = await self._unpacked(payload)
        self.last_size = size
        self._turn += size + _MESSAGE_COST
        self._taken += 1
        return message

    async def _unpacked(self, payload: bytes) -> Unpacked[_RecvType]:
        """Take the oldest message, which is compressed or not small.

        While a thread has it, it stays the oldest one: whoever is cancelled has not taken it.
        """
        stream, unpacker = self._stream, self._unpacker
        try:
            result = unpacker.small(payload, stream.cutter)
            if result is None:
                self._unpacking = anyio.Event()
                try:
                    result = await self._waiting.until(
                        unpacker.large(payload, stream.cutter, self._channel.unpackers)
                    )
                finally:
                    self._unpacking.set()
                    self._unpacking = None
                self._check_sent()
                if result is None:
                    raise ClientClosedError("the call is over")
        except MessageError as error:
            stream.drop_message()
            raise self._failed(_message_error(error)) from error
        except (DecodeError, LimitError):
            stream.drop_message()
            raise
        stream.drop_message()
        return result

    def _check_end(self) -> None:
        """Raise unless a reply that ended now is complete."""
        self._check_whole()
        if not self._cardinality.server_streaming:
            self._judge()
            if not self._taken:
                raise self._failed(InternalError("the reply is OK but holds no message"))

    def _check_whole(self) -> None:
        cutter = self._stream.cutter
        if cutter.partial:
            self._raise_damage(
                InternalError(
                    f"the reply ended inside a message: {cutter.partial} bytes of it came, "
                    f"at least {cutter.missing} are missing"
                )
            )

    def _raise_damage(self, error: RpcError) -> NoReturn:
        """Raise the peer's own error where its trailers came and hold one, else `error`."""
        if self._stream.trailers is not None:
            self._judge()
        raise self._failed(error)

    def _check_single(self) -> None:
        """Raise where a unary reply holds more than its one message."""
        if self._cardinality.server_streaming:
            return
        if self._taken + len(self._stream.cutter.messages) > 1:
            raise self._failed(InternalError("the reply holds more than one message"))

    async def recv_trailing_metadata(self) -> None:
        """Wait for the trailers and raise the error that they stand for.

        Messages of a stream that nobody has read stay, and keep the peer waiting for
        credit: read them first, or in another task.

        Raises:
            RpcError: The status is not OK, or the reply has none.
            ConnectionLost: The connection ended first.
        """
        self._check_sent()
        if not self._recv_initial_metadata_done:
            await self.recv_initial_metadata()
        self._waiting.phase = "trailers"
        stream = self._stream
        while not stream.ended:
            if stream.cutter.error is not None:
                raise self._failed(_message_error(stream.cutter.error))
            self._check_single()
            self._raise_failure()
            if not stream.cutter.messages:
                stream.expect_more()
            await self._waiting.change_of(stream.wake)
        self._judge()
        if not self._cardinality.server_streaming:
            self._check_single()
            if stream.cutter.error is not None:
                raise self._failed(_message_error(stream.cutter.error))
            self._check_whole()

    def _judge(self) -> None:
        """Read the final status from what has come; the first call raises, if there is an error."""
        if self._judged:
            return
        self._judged = True
        self._recv_trailing_metadata_done = True
        stream = self._stream
        if stream.trailers is None:
            raise self._failed(
                InternalError("the peer ended the reply without trailers, so without a status")
            )
        self.trailing_metadata = grpc_metadata.decode_metadata(stream.trailers)
        error = trailers_error(stream.trailers)
        if error is not None:
            raise self._failed(error)

    def _check_sent(self) -> None:
        if not self._send_request_done:
            raise ClientClosedError("the request of this call was not sent")
        if self._closed:
            raise ClientClosedError("the call is over")

    def _raise_failure(self) -> None:
        if self._stream.failure is not None:
            raise self._failed(self._failure())

    def _failure(self) -> MxGatewayError:
        stream = self._stream
        assert stream.failure is not None
        if stream.reset_code is not None:
            return reset_error(
                stream.reset_code,
                deadline_passed=self._waiting.passed(),
                phase=self._waiting.phase,
            )
        return stream.failure()

    def _failed(self, error: MxGatewayError) -> MxGatewayError:
        """Note that the call's error is known, and take this client's key out of its text."""
        self._judged = True
        self._channel.redact_error(error)
        return error


def _message_error(error: MessageError) -> RpcError:
    if error.option:
        return LimitError(str(error), option=error.option, limit=error.limit)
    return rpc_error(error.status, str(error))
