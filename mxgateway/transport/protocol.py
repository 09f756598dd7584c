"""Received bytes through frame scanner, h2 and events processor into a connection."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any

from grpclib import protocol as grpclib_protocol
from grpclib.config import Configuration
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    RequestReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings
from hyperframe.frame import Frame, RstStreamFrame

from mxgateway.options import ClientOptions
from mxgateway.transport.connection import Connection, Loss
from mxgateway.transport.framing import FrameScanner, FramingError, GoAway, describe_foreign
from mxgateway.transport.metadata import decode_headers
from mxgateway.transport.outbox import HOPELESS, Outbox
from mxgateway.transport.status import reset_error

__all__ = ["Protocol"]

log = logging.getLogger("mxgateway.transport")

_MAX_FRAME = 1 << 18  # advertised; a run of merged DATA frames may grow to this
_MAX_HEADER_LIST = 1 << 16


class _H2(H2Connection):
    """h2, but for frames that arrive late on a stream that was reset here: they are ignored.

    h2 would answer each with one more RST_STREAM (RFC 9113, section 5.1: an endpoint that
    sent RST_STREAM must ignore what was on its way).

    Attributes:
        received: Events of the current `receive_data`; they are kept when it raises, because
            what came before a broken frame is as good as if it had come in an earlier read.
    """

    def __init__(self, config: H2Configuration) -> None:
        super().__init__(config=config)
        self.received: list[Event] = []

    def receive_data(self, data: Any) -> list[Event]:
        self.received.clear()
        return super().receive_data(data)

    def _receive_frame(self, frame: Frame) -> list[Event]:
        events = super()._receive_frame(frame)
        self.received += events
        return events

    def _prepare_for_sending(self, frames: list[Frame]) -> None:
        super()._prepare_for_sending(
            [
                frame
                for frame in frames
                if not isinstance(frame, RstStreamFrame)
                or frame.error_code != ErrorCodes.STREAM_CLOSED
            ]
        )


class _Processor(grpclib_protocol.EventsProcessor):
    """Hands h2's events to connection and streams; what it does not know it ignores."""

    connection: Connection

    def __init__(self, handler: Any, connection: Connection) -> None:
        super().__init__(handler, connection)
        self.streams = connection.streams  # type: ignore[assignment]

    def process(self, event: Event) -> None:
        proc = self.processors.get(event.__class__)
        if proc is None:
            # RFC 9113, section 5.5: extensions that are not understood are ignored.
            log.debug("ignored %r", event)
        else:
            proc(event)  # type: ignore[operator]

    def process_response_received(self, event: ResponseReceived) -> None:
        stream = self.connection.streams.get(event.stream_id)
        if stream is not None:
            stream.receive_headers(decode_headers(event.headers))

    def process_trailers_received(self, event: TrailersReceived) -> None:
        stream = self.connection.streams.get(event.stream_id)
        if stream is not None:
            stream.receive_trailers(decode_headers(event.headers))

    def process_data_received(self, event: DataReceived) -> None:
        connection = self.connection
        size = event.flow_controlled_length
        connection.return_credit(size)
        stream = connection.streams.get(event.stream_id)
        if stream is not None:
            stream.receive_data(event.data, size)
        connection.data_received += size

    def process_stream_ended(self, event: StreamEnded) -> None:
        stream = self.connection.streams.get(event.stream_id)
        if stream is not None:
            stream.receive_end()
        self.connection.streams_succeeded += 1

    def process_stream_reset(self, event: StreamReset) -> None:
        stream = self.connection.streams.get(event.stream_id)
        if stream is not None:
            stream.reset_code = int(event.error_code)
            stream.fail(lambda: reset_error(int(event.error_code)))
        self.connection.streams_failed += 1

    def process_remote_settings_changed(self, event: RemoteSettingsChanged) -> None:
        self.connection.settings_received = True
        super().process_remote_settings_changed(event)
        self.connection.grant_slots()

    def process_request_received(self, event: RequestReceived) -> None:
        # Only clients open streams in gRPC, and push is switched off.
        text = f"the peer broke HTTP/2: it opened stream {event.stream_id} itself"
        self.connection.lose(Loss(None, text))

    def process_connection_terminated(self, event: ConnectionTerminated) -> None:  # noqa: ARG002
        # The scanner takes GOAWAY out; it can come here only inside a header block.
        self.connection.lose(Loss(None, "GOAWAY inside a header block received"))


class Protocol(grpclib_protocol.H2Protocol):
    """Feeds received bytes through scanner, h2 and processor."""

    connection: Connection
    processor: _Processor

    def __init__(
        self,
        handler: Any,
        config: Configuration,
        h2_config: H2Configuration,
        options: ClientOptions,
    ) -> None:
        super().__init__(handler, config, h2_config)
        self.options = options
        self.scanner = FrameScanner()

    def connection_made(self, transport: Outbox) -> None:  # type: ignore[override]
        """Queue preface, SETTINGS and the connection's window."""
        h2 = self._h2 = _H2(self.h2_config)
        h2.local_settings = Settings(
            client=True,
            initial_values={
                SettingCodes.ENABLE_PUSH: 0,
                SettingCodes.INITIAL_WINDOW_SIZE: self.options.stream_window,
                SettingCodes.MAX_FRAME_SIZE: _MAX_FRAME,
                SettingCodes.MAX_HEADER_LIST_SIZE: _MAX_HEADER_LIST,
            },
        )
        h2.max_inbound_frame_size = _MAX_FRAME
        h2.initiate_connection()
        extra = self.options.connection_window - 65_535
        if extra > 0:
            h2.increment_flow_control_window(extra)
        self.connection = Connection(h2, transport, config=self.config, options=self.options)
        self.connection.flush()
        self.processor = _Processor(self.handler, self.connection)

    def data_received(self, data: bytes) -> bool:  # type: ignore[override]
        """Act on received bytes; what is wrong with them ends the connection, not the caller.

        Returns:
            Whether there is more to do: call it again, without data, at the next turn.
        """
        connection = self.connection
        if connection.loss is not None:
            return False
        connection.last_data_received = time.monotonic()
        h2 = self._h2
        goaways: Sequence[GoAway]
        loss: Loss | None = None
        try:
            frames, goaways = self.scanner.feed(data, h2.max_inbound_frame_size)
        except FramingError as error:
            frames, goaways = error.frames, error.goaways
            loss = Loss(None, str(error), error)
        events: list[Event] = []
        if frames:
            try:
                events = h2.receive_data(frames)
            except ProtocolError as error:
                events = h2.received
                loss = Loss(None, f"the peer broke HTTP/2: {error}", error)
        for event in events:
            self.processor.process(event)
        for goaway in goaways:
            connection.drain(goaway)
        connection.flush()
        outbox = connection.outbox
        if loss is None and outbox.queued - outbox.handed > HOPELESS:
            loss = Loss(None, "the peer wants more answers than it reads")
        if loss is not None:
            connection.lose(loss)
        return self.scanner.more and loss is None

    def connection_lost(self, exc: BaseException | None) -> None:
        """Note the end of the socket."""
        pending = self.scanner.pending
        if exc is None:
            text = "the peer closed the connection"
            if pending and self.connection.settings_received:
                text += f" inside a frame ({len(pending)} bytes of it had come)"
            elif pending:
                text += f"; {describe_foreign(pending)}"
            self.connection.lose(Loss("eof", text))
        else:
            # anyio's own error has no words; what the system said is behind it, if anything.
            known = (exc, exc.__cause__, exc.__context__)
            reason = next((str(e) for e in known if e is not None and str(e)), "it was reset")
            self.connection.lose(Loss("reset", f"the connection broke: {reason}", exc))
