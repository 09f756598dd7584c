"""An HTTP/2 server that does what a test says, frame by frame, legal or not.

It knows frames (hyperframe) and header compression (hpack) and nothing else: no state
machine stops a test from sending what no honest server would. It runs in the test's own
event loop. What the client sends is kept and can be waited for.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.lowlevel
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSStream
from hpack import Decoder, Encoder
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

__all__ = [
    "Peer",
    "PeerConnection",
    "Request",
    "Script",
    "grpc_message",
    "raw_frame",
    "scripted_peer",
]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
OK_HEADERS = ((":status", "200"), ("content-type", "application/grpc"))
SECONDS = 20.0


def grpc_message(payload: bytes, *, compressed: bool = False) -> bytes:
    """Return a gRPC message: flag, length, payload."""
    return bytes([compressed]) + len(payload).to_bytes(4, "big") + payload


def raw_frame(kind: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    """Return any frame, also one of a type that does not exist."""
    head = len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream_id.to_bytes(4, "big")
    return head + payload


@dataclass
class Request:
    """One request stream as the peer sees it."""

    stream_id: int
    headers: dict[str, str]
    data: bytearray = field(default_factory=bytearray)
    ended: bool = False
    reset: int | None = None
    credit: int = 0  # bytes that WINDOW_UPDATE on the stream has granted

    @property
    def message(self) -> bytes:
        """The payload of the request message."""
        return bytes(self.data[5:])


@dataclass
class PeerConnection:
    """One accepted connection."""

    stream: ByteStream
    settings: dict[int, int] = field(default_factory=dict)
    auto: bool = True  # answer SETTINGS and PING
    stop_reading: bool = False
    requests: dict[int, Request] = field(default_factory=dict)
    frames: list[Frame] = field(default_factory=list)
    credit: int = 0
    closed: bool = False
    _encoder: Encoder = field(default_factory=Encoder)
    _decoder: Decoder = field(default_factory=Decoder)
    _changed: anyio.Event = field(default_factory=anyio.Event)
    _sending: anyio.Lock = field(default_factory=anyio.Lock)
    _served: int = 0

    # What the peer does ---------------------------------------------------------

    async def raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        async with self._sending:
            await self.stream.send(data)

    async def byte_by_byte(self, data: bytes) -> None:
        """Send bytes one at a time, so that the client sees every cut."""
        for index in range(len(data)):
            await self.raw(data[index : index + 1])
            await anyio.lowlevel.checkpoint()

    async def send(self, *frames: Frame) -> None:
        """Send frames in one write."""
        await self.raw(b"".join(frame.serialize() for frame in frames))

    def headers_frame(
        self, stream_id: int, headers: Any = OK_HEADERS, *, end: bool = False
    ) -> HeadersFrame:
        """Return a HEADERS frame; the compression state moves on, so send it."""
        frame = HeadersFrame(stream_id, self._encoder.encode(list(headers)))
        frame.flags.add("END_HEADERS")
        if end:
            frame.flags.add("END_STREAM")
        return frame

    def data_frame(
        self, stream_id: int, data: bytes, *, end: bool = False, padding: int = 0
    ) -> DataFrame:
        """Return a DATA frame."""
        frame = DataFrame(stream_id, data)
        if padding:
            frame.flags.add("PADDED")
            frame.pad_length = padding
        if end:
            frame.flags.add("END_STREAM")
        return frame

    def trailers_frame(self, stream_id: int, status: Any = 0, **more: str) -> HeadersFrame:
        """Return trailers with a grpc-status; `more` names further fields, _ for -."""
        fields = [("grpc-status", str(status))] if status is not None else []
        fields += [(name.replace("_", "-"), value) for name, value in more.items()]
        return self.headers_frame(stream_id, fields, end=True)

    async def reply(self, stream_id: int, *payloads: bytes, status: Any = 0, **more: str) -> None:
        """Send a whole reply: headers, messages, trailers."""
        await self.send(
            self.headers_frame(stream_id),
            *(self.data_frame(stream_id, grpc_message(payload)) for payload in payloads),
            self.trailers_frame(stream_id, status, **more),
        )

    async def reset(self, stream_id: int, code: int) -> None:
        """Send RST_STREAM."""
        await self.send(RstStreamFrame(stream_id, error_code=code))

    async def goaway(self, last: int, code: int = 0, debug: bytes = b"") -> None:
        """Send GOAWAY."""
        await self.send(GoAwayFrame(0, last_stream_id=last, error_code=code, additional_data=debug))

    async def close(self) -> None:
        """Close the socket."""
        await self.stream.aclose()

    # What the client did --------------------------------------------------------

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something that the client sent makes `condition` true."""
        with anyio.fail_after(SECONDS):
            while not condition():
                await self._changed.wait()

    async def request(self) -> Request:
        """Return the next request, once its END_STREAM has come."""
        await self.until(lambda: len(self._complete()) > self._served)
        request = self._complete()[self._served]
        self._served += 1
        return request

    def _complete(self) -> list[Request]:
        return [request for request in self.requests.values() if request.ended]

    async def reset_of(self, stream_id: int) -> int:
        """Return the code of the client's RST_STREAM on a stream, once it has come."""
        await self.until(
            lambda: stream_id in self.requests and self.requests[stream_id].reset is not None
        )
        code = self.requests[stream_id].reset
        assert code is not None
        return code

    async def until_closed(self) -> None:
        """Wait until the client has closed the connection."""
        await self.until(lambda: self.closed)

    def kinds(self, stream_id: int) -> list[str]:
        """Return the names of the frames that came on a stream, in order."""
        return [type(frame).__name__ for frame in self.frames if frame.stream_id == stream_id]

    # Reading ----------------------------------------------------------------------

    async def serve(self) -> None:
        """Read until the client goes away."""
        buffer = b""
        preface = len(PREFACE)
        try:
            while not self.stop_reading:
                buffer += await self.stream.receive()
                if preface:
                    if len(buffer) < preface:
                        continue
                    assert buffer.startswith(PREFACE)
                    buffer = buffer[preface:]
                    preface = 0
                buffer = await self._frames(buffer)
            await anyio.sleep_forever()
        except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
            pass
        finally:
            self.closed = True
            self._notify()

    async def _frames(self, buffer: bytes) -> bytes:
        while len(buffer) >= 9:
            frame, length = Frame.parse_frame_header(memoryview(buffer[:9]))
            if len(buffer) < 9 + length:
                break
            frame.parse_body(memoryview(buffer[9 : 9 + length]))
            buffer = buffer[9 + length :]
            await self._frame(frame)
        self._notify()
        return buffer

    async def _frame(self, frame: Frame) -> None:
        self.frames.append(frame)
        request = self.requests.get(frame.stream_id)
        match frame:
            case HeadersFrame():
                fields = {
                    _text(name): _text(value) for name, value in self._decoder.decode(frame.data)
                }
                request = self.requests[frame.stream_id] = Request(frame.stream_id, fields)
            case DataFrame() if request is not None:
                request.data += frame.data
            case RstStreamFrame() if request is not None:
                request.reset = frame.error_code
            case WindowUpdateFrame():
                if request is not None:
                    request.credit += frame.window_increment
                else:
                    self.credit += frame.window_increment
            case SettingsFrame() if self.auto and "ACK" not in frame.flags:
                await self.send(SettingsFrame(0, flags=["ACK"]))
            case PingFrame() if self.auto and "ACK" not in frame.flags:
                await self.send(PingFrame(0, frame.opaque_data, flags=["ACK"]))
        if request is not None and "END_STREAM" in frame.flags:
            request.ended = True

    def _notify(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


Script = Callable[[PeerConnection], Awaitable[None]]


@dataclass
class Peer:
    """The listening peer.

    Attributes:
        hello: Whether a new connection is greeted with SETTINGS.
        connections: All that were accepted, in order.
    """

    host: str
    port: int
    hello: bool = True
    connections: list[PeerConnection] = field(default_factory=list)
    _accepted: anyio.Event = field(default_factory=anyio.Event)

    @property
    def endpoint(self) -> str:
        """`host:port`."""
        return f"{self.host}:{self.port}"

    async def connection(self, index: int = 0) -> PeerConnection:
        """Return the connection with this number, once it is there."""
        with anyio.fail_after(SECONDS):
            while len(self.connections) <= index:
                await self._accepted.wait()
        return self.connections[index]

    def _add(self, connection: PeerConnection) -> None:
        self.connections.append(connection)
        self._accepted.set()
        self._accepted = anyio.Event()


@asynccontextmanager
async def scripted_peer(
    script: Script | None = None,
    *,
    settings: dict[int, int] | None = None,
    context: ssl.SSLContext | None = None,
    hello: bool = True,
) -> AsyncIterator[Peer]:
    """Listen on a free port of 127.0.0.1 for the time of the block.

    Args:
        script: Runs for each connection, besides the reading; a test may also drive
            `peer.connection()` itself.
        settings: Sent in the first SETTINGS frame.
        context: Serve TLS.
        hello: Send SETTINGS at once.
    """
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(SocketAttribute.local_port)

    async def handle(stream: ByteStream) -> None:
        async with stream:
            if context is not None:
                try:
                    stream = await TLSStream.wrap(
                        stream, server_side=True, ssl_context=context, standard_compatible=False
                    )
                except (ssl.SSLError, anyio.EndOfStream, anyio.BrokenResourceError, OSError):
                    return
            connection = PeerConnection(stream)
            if peer.hello:
                await connection.send(SettingsFrame(0, settings=settings or {}))
            peer._add(connection)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(connection.serve)
                if script is not None:
                    tasks.start_soon(_run, script, connection)

    peer = Peer("127.0.0.1", port, hello)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, handle)
        try:
            yield peer
        finally:
            tasks.cancel_scope.cancel()


async def _run(script: Script, connection: PeerConnection) -> None:
    # Where the client goes away in the middle, the test looks at the client.
    with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        await script(connection)
