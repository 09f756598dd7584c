"""One HTTP/2 stream of a connection: what arrived on it, and the credit that the peer has."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from grpclib import protocol as grpclib_protocol
from h2.connection import H2Connection
from h2.errors import ErrorCodes

from mxgateway.errors import MxGatewayError, Processed
from mxgateway.transport.messages import MessageCutter
from mxgateway.transport.metadata import Headers
from mxgateway.transport.outbox import Outbox
from mxgateway.transport.signals import Flag
from mxgateway.transport.status import is_grpc_reply

if TYPE_CHECKING:
    from mxgateway.transport.connection import Connection

__all__ = ["CallStream"]

_FOREIGN_BODY = 256  # bytes kept of a reply that is not gRPC


class CallStream(grpclib_protocol.Stream):
    """State of one stream, changed by the events processor and read by its call.

    Attributes:
        headers: Reply headers, None before they came.
        trailers: Trailers, None before they came.
        ended: Whether the peer has ended the stream.
        failure: Makes the error that ended it otherwise; None while there is none.
        reset_code: HTTP/2 code of the RST_STREAM that ended it, else None.
        cutter: The messages that have arrived.
        foreign: First bytes of a reply that is not gRPC; None for one that is.
        wake: Raised when anything of this has changed.
    """

    id: int | None = None
    connection: Connection
    window_updated: Flag  # type: ignore[assignment]  # where grpclib has asyncio's
    _transport: Outbox  # type: ignore[assignment]

    def __init__(self, connection: Connection, h2_connection: H2Connection, outbox: Outbox) -> None:
        # Not grpclib's constructor: it makes asyncio primitives.
        self.connection = connection
        self._h2_connection = h2_connection
        self._transport = outbox
        self.wrapper = None
        self.headers = None
        self.trailers = None
        self.ended = False
        self.failure: Callable[[], MxGatewayError] | None = None
        self.reset_code: int | None = None
        options = connection.options
        self.cutter = MessageCutter(options.max_receive_bytes, options.max_expansion)
        self.foreign: bytearray | None = None
        self.wake = Flag()
        self.window_updated = Flag()
        self._mark = 0
        self._held = 0  # flow-controlled bytes received and not returned
        self._due = 0  # of these, bytes that may be returned
        self._ahead = 0  # bytes of the incomplete message that are in _due already
        self._threshold = options.stream_window // 4

    # Sending --------------------------------------------------------------------

    def open(self, headers: Headers) -> None:
        """Encode the request headers and queue them; from here on the peer has to be told."""
        h2 = self._h2_connection
        stream_id = h2.get_next_available_stream_id()
        self._mark = self._transport.queued
        h2.send_headers(stream_id, headers)
        self.id = stream_id
        self.created = time.monotonic()
        self.connection.register(self)
        self.connection.flush()
        self.connection.headers_send_process()

    def send_some(self, data: bytes, pos: int) -> int:
        """Queue as much of `data` from `pos` on as one frame and the window take; return how much.

        The frame that carries the last byte ends the request.
        """
        assert self.id is not None
        h2 = self._h2_connection
        left = len(data) - pos
        size = min(h2.local_flow_control_window(self.id), h2.max_outbound_frame_size, left)
        if size <= 0:
            return 0
        h2.send_data(self.id, data[pos : pos + size], end_stream=size == left)
        connection = self.connection
        connection.flush()
        connection.data_sent += size
        connection.data_send_process()
        return size

    def cancel(self, code: ErrorCodes = ErrorCodes.CANCEL) -> None:
        """Queue RST_STREAM, unless the stream is over on both sides. Never waits."""
        if self.id is not None and self.closable:
            self._h2_connection.reset_stream(self.id, error_code=code)
            self.connection.flush()

    @property
    def processed(self) -> Processed:
        """Whether the peer may have seen the request, or may yet see it.

        "no" only where no byte of it was handed to the socket and what was queued is
        thrown away: an encoded header block leaves even after its call has ended.
        """
        outbox = self._transport
        return "no" if outbox.dropped and outbox.handed <= self._mark else "maybe"

    # Receiving ------------------------------------------------------------------

    def receive_headers(self, headers: Headers) -> None:
        """Take the reply headers."""
        self.headers = headers
        if is_grpc_reply(headers):
            self.cutter.encoding = dict(headers).get("grpc-encoding", "identity")
        else:
            self.foreign = bytearray()
        self.wake.set()

    def receive_data(self, data: bytes, size: int) -> None:
        """Take DATA of which `size` bytes, padding included, count for flow control."""
        self._held += size
        if self.foreign is None:
            self._due += size - len(data)
            self.cutter.feed(data)
        else:
            self._due += size
            self.foreign += data[: _FOREIGN_BODY - len(self.foreign)]
        self.wake.set()

    @property
    def foreign_enough(self) -> bool:
        """Whether no more of a reply that is not gRPC will be kept."""
        return self.ended or self.failure is not None or len(self.foreign or b"") >= _FOREIGN_BODY

    def receive_trailers(self, trailers: Headers) -> None:
        """Take the trailers; the end follows."""
        self.trailers = trailers

    def receive_end(self) -> None:
        """Note that the peer has ended the stream."""
        self.ended = True
        self.wake.set()
        self.window_updated.set()

    def fail(self, make: Callable[[], MxGatewayError]) -> None:
        """End the stream with an error, unless it has ended already; the first reason wins."""
        if self.failure is None and not self.ended:
            self.failure = make
            self.wake.set()
            self.window_updated.set()

    # Credit -----------------------------------------------------------------------

    def drop_message(self) -> None:
        """Remove the oldest message and note its bytes as free to be sent anew."""
        self._due += self.cutter.drop() - self._ahead
        self._ahead = 0
        if self._due >= self._threshold:
            self._return_credit()

    def expect_more(self) -> None:
        """Note that the consumer waits: also the bytes of an incomplete message are free.

        Without this a message larger than the window would never arrive.
        """
        self._due = self._held
        self._ahead = self.cutter.partial
        if self._due >= self._threshold:
            self._return_credit()

    def _return_credit(self) -> None:
        assert self.id is not None
        if self.ended or not self.closable:
            return
        self._h2_connection.increment_flow_control_window(self._due, self.id)
        self._held -= self._due
        self._due = 0
        self.connection.flush()
