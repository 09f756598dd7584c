"""Pure byte work: HTTP/2 frames on their way to h2.

Nothing here does I/O, reads a clock or knows an event loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "FrameScanner",
    "FramingError",
    "GoAway",
    "describe_foreign",
]

_DATA = 0x0
_HEADERS = 0x1
_SETTINGS = 0x4
_PUSH_PROMISE = 0x5
_GOAWAY = 0x7
_CONTINUATION = 0x9
_END_HEADERS = 0x4
_FRAME_HEADER = 9  # RFC 9113, section 4.1
# Frames given to h2 in one go, long ones counted by 64 bytes: some 10 ms of work, whatever the
# peer sends.
_TURN = 256


class FramingError(Exception):
    """The bytes are not HTTP/2 frames that this side may accept; the connection is beyond use.

    Attributes:
        frames: The whole frames that came before in the same read, for h2.
        goaways: The GOAWAYs among them.
    """

    frames: bytes = b""
    goaways: Sequence[GoAway] = ()


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

    Attributes:
        more: Whether whole frames are left over for the next `feed`, which need not bring
            anything; so a flood of tiny frames does not hold up the event loop.
    """

    def __init__(self) -> None:
        self._tail = b""
        self.more = False
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
        self.more = False
        left = _TURN
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
                if left <= 0:
                    self.more = True
                    break
                left -= 1 + (length >> 6)
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
