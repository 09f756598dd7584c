"""HTTP/2 frames as far as a proxy needs them: cut apart, named, and a few made."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from mxgateway.errors import ConfigurationError

__all__ = ["KINDS", "PREFACE", "Frame", "FrameCutter", "frame_kind", "make_frame"]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
KINDS = (
    "DATA",
    "HEADERS",
    "PRIORITY",
    "RST_STREAM",
    "SETTINGS",
    "PUSH_PROMISE",
    "PING",
    "GOAWAY",
    "WINDOW_UPDATE",
    "CONTINUATION",
)
_HEAD = 9
END_STREAM = 0x1
ACK = 0x1
END_HEADERS = 0x4


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame.

    Attributes:
        kind: Its type by name; "UNKNOWN" for one that RFC 9113 does not know.
        flags: Its flags.
        stream_id: Its stream; 0 for the connection.
        data: The whole frame, head included.
    """

    kind: str
    flags: int
    stream_id: int
    data: bytes

    @property
    def payload(self) -> bytes:
        """What follows the head."""
        return self.data[_HEAD:]

    @property
    def ends_stream(self) -> bool:
        """Whether the sender has nothing more to say on its stream."""
        if self.kind in ("DATA", "HEADERS"):
            return bool(self.flags & END_STREAM)
        return self.kind == "RST_STREAM"


def frame_kind(name: str) -> str:
    """Return the name of a frame type as KINDS has it.

    Raises:
        ConfigurationError: There is no such type.
    """
    if name.upper() not in KINDS:
        raise ConfigurationError(f"{name!r} is no frame type; known: {', '.join(KINDS)}")
    return name.upper()


def make_frame(kind: int | str, stream_id: int = 0, payload: bytes = b"", flags: int = 0) -> bytes:
    """Return a frame of a type given by name or number, legal or not."""
    number = KINDS.index(kind) if isinstance(kind, str) else kind
    head = len(payload).to_bytes(3, "big") + bytes((number, flags))
    return head + struct.pack(">I", stream_id) + payload


class FrameCutter:
    """Cuts one direction of a connection into frames.

    Args:
        preface: Whether it begins with the client's preface. What does not begin so
            is no plaintext HTTP/2; then `raw` becomes true and all bytes pass uncut.
    """

    def __init__(self, *, preface: bool) -> None:
        self._buffer = bytearray()
        self._preface = preface
        self.raw = False

    def feed(self, data: bytes) -> list[Frame | bytes]:
        """Return the frames that `data` completes; bytes for what is no frame."""
        self._buffer += data
        if self.raw:
            return [self.rest()]
        pieces: list[Frame | bytes] = []
        if self._preface:
            size = min(len(PREFACE), len(self._buffer))
            if self._buffer[:size] != PREFACE[:size]:
                self.raw = True
                return [self.rest()]
            if size < len(PREFACE):
                return []
            self._preface = False
            del self._buffer[:size]
            pieces.append(PREFACE)
        start = 0
        while len(self._buffer) - start >= _HEAD:
            end = start + _HEAD + int.from_bytes(self._buffer[start : start + 3], "big")
            if end > len(self._buffer):
                break
            pieces.append(_frame(bytes(self._buffer[start:end])))
            start = end
        del self._buffer[:start]
        return pieces

    def rest(self) -> bytes:
        """Take what has come of a frame that is not complete."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest


def _frame(data: bytes) -> Frame:
    number = data[3]
    kind = KINDS[number] if number < len(KINDS) else "UNKNOWN"
    return Frame(kind, data[4], int.from_bytes(data[5:_HEAD], "big") & 0x7FFFFFFF, data)
