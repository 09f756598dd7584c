"""An HTTP/2 server that sends frames without end, as fast as the client takes them.

It speaks in bytes only, so that nothing of an HTTP/2 library bounds what it sends. Each
connection gets the greeting, then, once the request has come, the flood of its peer.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Final, Self

from hpack import Encoder
from scripted_peer import raw_frame

__all__ = ["FLOODS", "FloodingPeer"]

DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_HEADERS: Final = 0x4
PADDED: Final = 0x8
STREAM: Final = 1
_OK: Final = [(":status", "200"), ("content-type", "application/grpc")]
_CHUNK: Final = 1 << 16


def _ok() -> bytes:
    return raw_frame(HEADERS, END_HEADERS, STREAM, Encoder().encode(_OK))


def _again(frame: bytes, first: bytes = b"") -> Callable[[], Iterator[bytes]]:
    def flood() -> Iterator[bytes]:
        yield first
        many = frame * max(1, _CHUNK // len(frame))
        while True:
            yield many

    return flood


def _header_list() -> Iterator[bytes]:
    """One header block of 100 MB, in frames of 64 KiB."""
    block = b"".join(
        b"\0" + bytes([6]) + b"x-%04d" % n + bytes([100]) + b"v" * 100 for n in range(600)
    )[:_CHUNK]
    yield raw_frame(HEADERS, 0, STREAM, Encoder().encode(_OK))
    while True:
        yield raw_frame(CONTINUATION, 0, STREAM, block)


def _hpack_bomb() -> Iterator[bytes]:
    """A field of 3 kB that is put into the table once, and named by one byte 200,000 times."""
    entry = b"\x40\x03x-a\x7f\xc9\x16" + b"v" * 3000
    block = Encoder().encode(_OK) + entry + b"\xbe" * 200_000
    yield raw_frame(HEADERS, END_HEADERS, STREAM, block)
    yield from _again(raw_frame(PING, 0, 0, bytes(8)))()


def _trailers() -> Iterator[bytes]:
    fields = b"".join(
        b"\x10" + bytes([9]) + b"meta-%04d" % n + bytes([100]) + b"v" * 100 for n in range(2000)
    )
    yield _ok()
    yield raw_frame(HEADERS, END_HEADERS | 1, STREAM, fields)
    yield from _again(raw_frame(PING, 0, 0, bytes(8)))()


def _settings() -> Iterator[bytes]:
    """Other settings in every frame, so that each of them is one that the peer never used."""
    for start in itertools.count(0, 1000):
        body = b"".join(
            (0x10 + (start + n) % 60_000).to_bytes(2, "big") + (start + n).to_bytes(4, "big")
            for n in range(1000)
        )
        yield raw_frame(SETTINGS, 0, 0, body)


def _tiny_data() -> Iterator[bytes]:
    """A message of 15 MiB by single bytes, each with 200 bytes of padding."""
    yield _ok()
    yield raw_frame(DATA, 0, STREAM, b"\0\0\xf0\0\0")
    frame = raw_frame(DATA, PADDED, STREAM, bytes([200]) + b"\n" + bytes(200))
    for _ in itertools.count():
        yield frame * 20


def _tiny_frames() -> Iterator[bytes]:
    """The same without padding, with frames between that keep them apart."""
    yield _ok()
    yield raw_frame(DATA, 0, STREAM, b"\0\0\xf0\0\0")
    pair = raw_frame(DATA, 0, STREAM, b"\n\0") + raw_frame(0xBB, 0, 0)
    while True:
        yield pair * 100


def _priorities() -> Iterator[bytes]:
    for start in itertools.count(1, 1000):
        yield b"".join(
            raw_frame(PRIORITY, 0, (start + n) * 2 + 1 & 0x7FFF_FFFF, b"\0\0\0\0\x10")
            for n in range(1000)
        )


def _resets() -> Iterator[bytes]:
    for start in itertools.count(1, 1000):
        yield b"".join(
            raw_frame(RST, 0, (start + n) * 2 + 1 & 0x7FFF_FFFF, bytes(4)) for n in range(1000)
        )


FLOODS: dict[str, Callable[[], Iterator[bytes]]] = {
    "header list": _header_list,
    "empty continuations": _again(
        raw_frame(CONTINUATION, 0, STREAM), raw_frame(HEADERS, 0, STREAM, Encoder().encode(_OK))
    ),
    "hpack bomb": _hpack_bomb,
    "trailers": _trailers,
    "interim headers": _again(
        raw_frame(HEADERS, END_HEADERS, STREAM, b"\x08\x03103" + b"\x00\x01x\x01y")
    ),
    "settings": _again(raw_frame(SETTINGS, 0, 0)),
    "other settings": _settings,
    "pings": _again(raw_frame(PING, 0, 0, bytes(8))),
    "resets of the call": _again(raw_frame(RST, 0, STREAM, bytes(4)), _ok()),
    "resets of others": _resets,
    "priorities": _priorities,
    "credit": _again(raw_frame(WINDOW, 0, 0, (1).to_bytes(4, "big"))),
    "unknown frames": _again(raw_frame(0xBB, 0, 0, b"x" * 100)),
    "goaways": _again(raw_frame(GOAWAY, 0, 0, (1).to_bytes(4, "big") + bytes(4) + b"d" * 9000)),
    "promises": _again(raw_frame(PUSH, END_HEADERS, STREAM, (2).to_bytes(4, "big") + b"\x82")),
    "empty data": _again(raw_frame(DATA, 0, STREAM), _ok()),
    "padded data": _tiny_data,
    "tiny data": _tiny_frames,
}


class FloodingPeer:
    """Listens from entering to leaving and floods every connection; a context manager.

    Args:
        name: Which of `FLOODS`.
    """

    def __init__(self, name: str) -> None:
        self._flood = FLOODS[name]
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []

    @property
    def endpoint(self) -> str:
        """`host:port`."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join()

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                one, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(one)
            self._start(lambda one=one: self._serve(one))  # type: ignore[misc]

    def _serve(self, one: socket.socket) -> None:
        with contextlib.suppress(OSError):
            one.sendall(raw_frame(SETTINGS, 0, 0) + raw_frame(SETTINGS, 1, 0))
            # Preface, settings and window come first, then the request on stream 1.
            seen = b""
            while raw_frame(HEADERS, 0, STREAM)[5:9] not in seen[60:]:
                data = one.recv(_CHUNK)
                if not data:
                    return
                seen += data
            for chunk in self._flood():
                one.sendall(chunk)
