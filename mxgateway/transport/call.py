"""One RPC: grpclib's client stream with our waits, deadlines, limits and errors.

A call never writes to the socket and never waits under a scope that lives
longer than one method, so it can be cancelled anywhere: what the peer has to be
told is queued synchronously.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Generic, TypeVar

import betterproto2
from grpclib.metadata import encode_timeout
from h2.errors import ErrorCodes
from h2.exceptions import H2Error, NoAvailableStreamIDError

from mxgateway.codec import encoder_for
from mxgateway.errors import (
    CallCancelledError,
    ClientClosedError,
    ConnectError,
    ConnectionLost,
    DeadlineExceededError,
    MxGatewayError,
    ResourceExhaustedError,
)
from mxgateway.transport import metadata as grpc_metadata
from mxgateway.transport.connection import Connection
from mxgateway.transport.messages import frame_message
from mxgateway.transport.reply import ReplyReader
from mxgateway.transport.unpacking import Unpacker
from mxgateway.transport.waiting import PHASES, Phase, Waiting

__all__ = ["Call"]

_SendType = TypeVar("_SendType", bound=betterproto2.Message)
_RecvType = TypeVar("_RecvType", bound=betterproto2.Message)

_PLACES = 3  # connections that one call tries while each is lost before it could start
_RESENDS = 2  # times that a request is sent again after the peer said it did not look at it


class Call(ReplyReader[_SendType, _RecvType], Generic[_SendType, _RecvType]):
    """A call in progress; `Channel.request` makes it, `async with` bounds its life.

    Leaving the block before the peer ended the call resets it at once
    (RST_STREAM CANCEL). All errors are of the tree in `mxgateway.errors`.
    """

    _connection: Connection | None = None
    _entered = False
    _resends = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting = Waiting(self._deadline, self._deadline_error)
        self._unpacker = Unpacker(self._recv_type, self._channel.options)
        self._decode, self._plain = self._unpacker.decode, self._unpacker.plain

    # Life ---------------------------------------------------------------------

    async def __aenter__(self) -> Call[_SendType, _RecvType]:
        self.enter()
        return self

    def enter(self) -> None:
        """Begin; what `async with` does, for owners that bound the call's life themselves.

        Raises:
            ClientClosedError: The call was entered before.
        """
        if self._entered:
            raise ClientClosedError("a call can be entered only once")
        self._entered = True
        self._channel._calls_started += 1
        self._channel._last_call_started = time.monotonic()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        failed = True
        try:
            # A call left before its request was complete gets no reply to wait for.
            if exc_val is None and self._send_message_done and not self._cancel_done:
                await self._finish()
            failed = exc_val is not None
        finally:
            self.close(failed=failed)

    async def _finish(self) -> None:
        """Wait for the status where it is due; an early exit from a stream does not wait."""
        stream = self._stream
        if self._cardinality.server_streaming and not (stream.ended or stream.failure):
            return
        if not self._judged and (not self._cardinality.server_streaming or not self.unread):
            if not self._recv_initial_metadata_done:
                await self.recv_initial_metadata()
            if not self._recv_trailing_metadata_done:
                await self.recv_trailing_metadata()

    def close(self, *, failed: bool = False) -> None:
        """End the call now, without waiting: reset what is open, free the slot. Idempotent.

        A task that waits in one of the call's methods gets ClientClosedError.
        """
        if self._closed:
            return
        self._closed = True
        self._waiting.stop()
        self._unpacker.stop()
        if self._send_request_done:
            self._stream.cancel()
            self._stream.fail(lambda: ClientClosedError("the call is over"))
            self._connection_of_call.release(self._stream)
        if failed:
            self._channel._calls_failed += 1
            doing = f"{PHASES[self._waiting.phase]} ({self._method_name})"
            self._channel.failed_call = (time.monotonic(), doing)
        else:
            self._channel._calls_succeeded += 1

    def abandon(self) -> None:
        """End the call from a finalizer: the writer does it at its next turn."""
        if self._send_request_done and not self._closed:
            self._connection_of_call.outbox.abandon(self.close)

    async def cancel(self) -> None:
        """Reset the stream (RST_STREAM CANCEL) without waiting for the peer.

        What is asked of the call afterwards, or is waited for by another task, ends with
        CallCancelledError, after the messages that came before.
        """
        self._waiting.stop()
        if self._send_request_done:
            self._stream.cancel()
            self._stream.fail(lambda: CallCancelledError("this client cancelled the call"))
        self._cancel_done = True

    @property
    def _connection_of_call(self) -> Connection:
        assert self._connection is not None
        return self._connection

    @property
    def unread(self) -> bool:
        """Whether messages have come that nobody took yet."""
        return self._send_request_done and bool(self._stream.cutter.messages)

    def _deadline_error(self, phase: Phase) -> DeadlineExceededError:
        text = f"the deadline of {self._method_name} passed while {PHASES[phase]}"
        if phase == "slot" and self._connection is not None:
            limit = self._connection.stream_limit
            text += f" (stream limit {limit.limit} reached, {limit.open} calls open)"
        sent = self._send_request_done
        error = DeadlineExceededError(text, processed=self._stream.processed if sent else "no")
        error.phase = phase
        return error

    # Sending --------------------------------------------------------------------

    async def send_request(self, *, end: bool = False) -> None:
        """Get a connection and a stream slot, then queue the request headers.

        Raises:
            ConnectError: No connection could be made.
            DeadlineExceededError: The deadline passed first; nothing was sent.
            ClientClosedError: The client is not running, or the call is over.
        """
        if not self._entered:
            raise ClientClosedError("enter the call with 'async with' first")
        if self._closed or self._cancel_done or self._send_request_done:
            raise ClientClosedError("the request of this call was sent already, or it is over")
        if end:
            raise ClientClosedError("a unary request needs a message before it ends")
        fields = grpc_metadata.encode(self._metadata)
        for _ in range(_PLACES):
            self._waiting.phase = "connect"
            protocol = await self._waiting.until_stopped(self._channel.__connect__())
            connection: Connection = protocol.connection
            self._waiting.phase = "slot"
            self._connection = connection
            if not await self._waiting.until_stopped(connection.acquire_slot()):
                continue
            stream = connection.create_stream()
            try:
                if self._closed or self._cancel_done:  # by another task, as the slot was granted
                    raise ClientClosedError("the call was closed before it started")
                stream.open(self._request_headers(fields))
            except NoAvailableStreamIDError:
                connection.release(stream)
                continue
            except H2Error as error:
                connection.release(stream)
                raise ConnectError(f"the connection cannot take a call: {error}") from error
            except BaseException:
                connection.release(stream)
                raise
            self._stream = stream
            self._send_request_done = True
            self.peer = connection.get_peer()
            return
        raise ConnectError(
            f"{self._channel.options.target} accepts connections but ends each before a call "
            f"can start ({_PLACES} tried)"
        )

    def _request_headers(self, fields: grpc_metadata.Headers) -> grpc_metadata.Headers:
        channel = self._channel
        headers = [
            (":method", "POST"),
            (":scheme", channel._scheme),
            (":path", self._method_name),
            (":authority", channel._authority),
        ]
        left = self._waiting.left()
        if left is not None:
            # At most eight digits are allowed; a day is long enough for a deadline on the wire.
            headers.append(("grpc-timeout", encode_timeout(min(left, 86_400.0))))
        headers += channel.base_headers
        headers += fields
        return headers

    async def send_message(self, message: _SendType, *, end: bool = False) -> None:  # noqa: ARG002
        """Encode and queue the request message, as the peer's window allows, and end the request.

        Raises:
            EncodeError: A field holds what its type cannot carry; nothing was sent.
            ResourceExhaustedError: The message is larger than `max_send_bytes`; nothing was sent.
            TransportError, RpcError: As for the whole call.
        """
        if self._send_message_done or self._cancel_done:
            raise ClientClosedError("the request of this call was sent already, or it is over")
        payload = encoder_for(self._send_type)(message)
        limit = self._channel.options.max_send_bytes
        if len(payload) > limit:
            raise ResourceExhaustedError(
                f"message of {len(payload)} bytes, the limit is {limit} (option max_send_bytes)",
                processed="no",
                transient=False,
            )
        if not self._send_request_done:
            await self.send_request()
        self._request = frame_message(payload)
        await self._send_data(self._request)
        self._send_message_done = True
        self._end_done = True
        self._messages_sent += 1
        connection = self._connection_of_call
        connection.messages_sent += 1
        connection.last_message_sent = time.monotonic()

    async def _send_data(self, data: bytes) -> None:
        self._waiting.phase = "send"
        stream = self._stream
        outbox = self._connection_of_call.outbox
        pos = 0
        while pos < len(data):
            # An answer that came early, or a failure, decides the call; it is read later.
            if stream.ended or stream.failure is not None:
                return
            if not outbox.drained.is_set():
                outbox.raise_when_drained(stream.window_updated)
                await self._waiting.change_of(stream.window_updated)
                continue
            sent = stream.send_some(data, pos)
            if not sent:
                await self._waiting.change_of(stream.window_updated)
            pos += sent

    def _may_send_again(self, error: MxGatewayError) -> bool:
        """Whether the peer certainly did not look at the request: refused, or behind its GOAWAY.

        Then it goes out again, on another connection where this one is spent; so a
        polite restart ends no call. A write can never be executed twice by it.
        """
        refused = self._stream.reset_code == ErrorCodes.REFUSED_STREAM
        lost = isinstance(error, ConnectionLost) and error.cause != "closed"
        return (
            error.processed == "no"
            and (refused or lost)
            and self._request is not None
            and self._resends < _RESENDS
            and not (self._closed or self._cancel_done)
        )

    async def _recovered(self, error: MxGatewayError) -> bool:
        if not self._may_send_again(error):
            return False
        assert self._request is not None
        self._resends += 1
        self._connection_of_call.release(self._stream)
        self._send_request_done = False
        await self.send_request()
        await self._send_data(self._request)
        return True
