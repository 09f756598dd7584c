"""Pure byte work: HTTP/2 frames on the way to h2, gRPC messages on the way out of DATA.

Nothing here does I/O, reads a clock or knows an event loop.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from mxgateway.errors import StatusCode

__all__ = [
    "FrameScanner",
    "FramingError",
    "GoAway",
    "MessageCutter",
    "MessageError",
    "describe_foreign",
    "frame_message",
]

_DATA = 0x0
_HEADERS = 0x1
_SETTINGS = 0x4
_PUSH_PROMISE = 0x5
_GOAWAY = 0x7
_CONTINUATION = 0x9
_END_HEADERS = 0x4
_FRAME_HEADER = 9  # RFC 9113, section 4.1
_MESSAGE_HEADER = 5  # gRPC over HTTP/2: one flag byte, four bytes of length


class FramingError(Exception):
    """The bytes are not HTTP/2 frames that this side may accept; the connection is beyond use.

    Attributes:
        frames: The whole frames that came before in the same read, for h2.
        goaways: The GOAWAYs among them.
    """

    frames: bytes = b""
    goaways: Sequence[GoAway] = ()


class MessageError(Exception):
    """The DATA of one stream is no valid sequence of gRPC messages.

    Attributes:
        status: The gRPC status to end the call with.
    """

    def __init__(self, status: StatusCode, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class GoAway:
    """A GOAWAY frame (RFC 9113, section 6.8)."""

    last_stream_id: int
    error_code: int
    debug: bytes


class FrameScanner:
    """Takes received bytes, gives whole frames for h2, with two changes.

    Runs of DATA frames of one stream become one DATA frame: same bytes, same
    flow-control sum, but h2 looks at one frame instead of hundreds. GOAWAY is
    taken out, because h2 refuses every frame after it while the streams that the
    peer still serves go on.
    """

    def __init__(self) -> None:
        self._tail = b""
        self._seen_settings = False
        self._in_header_block = False

    @property
    def pending(self) -> bytes:
        """Bytes of a frame that has not arrived whole."""
        return self._tail

    def feed(self, data: bytes, limit: int) -> tuple[bytes, list[GoAway]]:
        """Return the frames completed by `data`, and the GOAWAYs among them.

        Args:
            data: Received bytes, cut anywhere.
            limit: Largest frame payload that may come in; merged frames stay below it too.

        Raises:
            FramingError: The peer does not speak HTTP/2, or sends a frame above the limit.
        """
        if self._tail:
            data = self._tail + data
            self._tail = b""
        if not self._seen_settings and not self._check_first(data):
            self._tail = data
            return b"", []
        out: list[bytes] = []
        goaways: list[GoAway] = []
        run: list[bytes] = []
        run_stream = b""
        run_length = 0
        pos = 0
        end = len(data)
        bad: FramingError | None = None
        while end - pos >= _FRAME_HEADER:
            length = data[pos] << 16 | data[pos + 1] << 8 | data[pos + 2]
            if length > limit:
                bad = FramingError(f"frame of {length} bytes received, the limit is {limit}")
                break
            stop = pos + _FRAME_HEADER + length
            if stop > end:
                break
            kind = data[pos + 3]
            if kind == _DATA and data[pos + 4] == 0 and length:
                # Neither END_STREAM nor padding: it may join its neighbours.
                stream = data[pos + 5 : pos + 9]
                if stream != run_stream or run_length + length > limit:
                    if run:
                        _close_run(out, run, run_stream, run_length)
                    run = []
                    run_length = 0
                    run_stream = stream
                run.append(data[pos + _FRAME_HEADER : stop])
                run_length += length
            else:
                if run:
                    _close_run(out, run, run_stream, run_length)
                    run = []
                    run_length = 0
                    run_stream = b""
                if kind == _GOAWAY and not self._in_header_block:
                    try:
                        goaways.append(_parse_goaway(data[pos:stop]))
                    except FramingError as error:
                        bad = error
                        break
                else:
                    if kind in (_HEADERS, _PUSH_PROMISE, _CONTINUATION):
                        self._in_header_block = not data[pos + 4] & _END_HEADERS
                    out.append(data[pos:stop])
            pos = stop
        if run:
            _close_run(out, run, run_stream, run_length)
        self._tail = data[pos:] if pos else data
        if bad is not None:
            bad.frames, bad.goaways = b"".join(out), goaways
            raise bad
        return b"".join(out), goaways

    def _check_first(self, data: bytes) -> bool:
        # The server's preface is a SETTINGS frame (RFC 9113, section 3.4); anything
        # else is another protocol, and its first bytes often say which.
        if len(data) >= _FRAME_HEADER:
            if data[3] != _SETTINGS or data[5:9] != b"\0\0\0\0":
                raise FramingError(describe_foreign(data))
            self._seen_settings = True
            return True
        return False


def describe_foreign(data: bytes) -> str:
    """Say in words what `data`, the first bytes of a peer that is no HTTP/2 server, look like."""
    if data[:5] == b"HTTP/":
        line = data.split(b"\r\n", 1)[0][:80].decode("latin-1")
        return f"the peer speaks HTTP/1, not HTTP/2: {line!r}"
    if data[:1] in (b"\x15", b"\x16") and data[1:2] == b"\x03":
        return "the peer speaks TLS; connect with TLS instead of plaintext"
    return f"the peer does not speak HTTP/2; its first bytes are {data[:16]!r}"


def _close_run(out: list[bytes], run: list[bytes], stream: bytes, length: int) -> None:
    out.append(length.to_bytes(3, "big") + b"\0\0" + stream)
    out.extend(run)


def _parse_goaway(frame: bytes) -> GoAway:
    body = frame[_FRAME_HEADER:]
    if len(body) < 8 or frame[5:9] != b"\0\0\0\0":
        raise FramingError("malformed GOAWAY frame received")
    last = int.from_bytes(body[:4], "big") & 0x7FFF_FFFF
    return GoAway(last, int.from_bytes(body[4:8], "big"), body[8:])


def frame_message(payload: bytes) -> bytes:
    """Return `payload` behind the prefix of an uncompressed gRPC message."""
    return b"\0" + len(payload).to_bytes(4, "big") + payload


class MessageCutter:
    """Cuts the gRPC messages of one stream out of its DATA.

    `messages` holds the payloads that are complete; a compressed one stays so
    until `take` hands it out, so that memory is bounded by what was received.

    Args:
        limit: Largest message in bytes; checked on the prefix, before the body is kept.
    """

    __slots__ = ("_needed", "_parts", "_size", "encoding", "error", "limit", "messages")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.encoding = "identity"
        self.messages: deque[bytes | _Compressed] = deque()
        self.error: MessageError | None = None
        self._parts: list[bytes] = []
        self._size = 0  # bytes in _parts
        self._needed = 0  # size of the message they belong to, prefix included; 0 = not known yet

    @property
    def partial(self) -> int:
        """Bytes received of a message that is not complete."""
        return self._size

    @property
    def missing(self) -> int:
        """Bytes still to come for the incomplete message; 0 if there is none."""
        if not self._size:
            return 0
        return max(self._needed, _MESSAGE_HEADER) - self._size

    def feed(self, data: bytes) -> None:
        """Take the next DATA. On an error the rest of the stream is dropped and `error` set."""
        if self.error is not None or not data:
            return
        if self._size:
            self._size += len(data)
            if self._size < self._needed:
                self._parts.append(data)
                return
            data = b"".join((*self._parts, data))
            self._parts = []
            self._size = self._needed = 0
        try:
            pos = self._cut(data)
        except MessageError as error:
            self.error = error
            return
        if pos < len(data):
            self._parts = [data[pos:] if pos else data]
            self._size = len(data) - pos

    def _cut(self, data: bytes) -> int:
        """Append the complete messages of `data` and return where the incomplete one starts."""
        end = len(data)
        pos = 0
        limit = self.limit
        append = self.messages.append
        while end - pos >= _MESSAGE_HEADER:
            start = pos + _MESSAGE_HEADER
            length = int.from_bytes(data[pos + 1 : start], "big")
            if length > limit:
                raise MessageError(
                    StatusCode.RESOURCE_EXHAUSTED,
                    f"message of {length} bytes announced, the limit is {limit} "
                    "(option max_receive_bytes)",
                )
            flag = data[pos]
            if flag > 1:
                raise MessageError(StatusCode.INTERNAL, f"unknown message flag {flag}")
            if flag and self.encoding == "identity":
                raise MessageError(
                    StatusCode.INTERNAL,
                    "a message is marked as compressed, but the reply names no grpc-encoding",
                )
            stop = start + length
            if stop > end:
                self._needed = _MESSAGE_HEADER + length
                break
            append(_Compressed(data[start:stop]) if flag else data[start:stop])
            pos = stop
        return pos

    def take(self) -> tuple[bytes, int]:
        """Remove the oldest message; return its payload and the bytes it took on the wire.

        Raises:
            MessageError: It is compressed in a way this side does not know, is
                damaged, or grows beyond the limit.
        """
        message = self.messages.popleft()
        size = len(message) + _MESSAGE_HEADER
        if type(message) is _Compressed:
            return self._expand(message), size
        return message, size

    def _expand(self, data: bytes) -> bytes:
        if self.encoding != "gzip":
            raise MessageError(
                StatusCode.INTERNAL,
                f"a message is compressed with {self.encoding!r}; only gzip is understood",
            )
        expander = zlib.decompressobj(wbits=31)
        try:
            result = expander.decompress(data, self.limit + 1)
        except zlib.error as error:
            raise MessageError(StatusCode.INTERNAL, f"damaged gzip message: {error}") from error
        if len(result) > self.limit:
            raise MessageError(
                StatusCode.RESOURCE_EXHAUSTED,
                f"message grows beyond {self.limit} bytes when expanded (option max_receive_bytes)",
            )
        if not expander.eof:
            raise MessageError(StatusCode.INTERNAL, "damaged gzip message: it ends too early")
        if expander.unused_data:
            # Dropping the rest would make a shorter message of it, without a word.
            raise MessageError(StatusCode.INTERNAL, "damaged gzip message: more follows its end")
        return result


class _Compressed(bytes):
    """Payload of a message whose compressed flag was set."""

    __slots__ = ()
