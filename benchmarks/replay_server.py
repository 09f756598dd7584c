"""Replays canned gRPC messages over plain HTTP/2 as fast as the reader's windows allow.

Costs next to nothing, so that a benchmark measures the client: no HTTP/2 library,
no HPACK, no protobuf. Every message is one DATA frame, all frames of a stream are
built before the first is sent, and sending is slices of that block. Whatever a
client requests, it gets the same: headers, `--count` messages, status OK.
The rules that matter to a client are kept: SETTINGS and PING are acknowledged,
both flow-control windows are obeyed, a reset stream stops.

    python benchmarks/replay_server.py --messages FILE --message-size 124 --count 60000

prints the port it listens on as its first line and serves until its stdin closes.
"""

from __future__ import annotations

import argparse
import contextlib
import select
import socket
import struct
import sys
import threading
from pathlib import Path

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1
INITIAL_WINDOW_SIZE = 4
SEND_LIMIT = 1 << 18  # bytes between two looks at what the client says


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Return one HTTP/2 frame."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(name: bytes, value: bytes) -> bytes:
    """Return one header as HPACK writes it without any table (RFC 7541, section 6.2.2)."""
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


RESPONSE = b"\x88" + literal(b"content-type", b"application/grpc")  # 0x88 is `:status: 200`
TRAILERS = literal(b"grpc-status", b"0")


class Stream:
    """One response: how much of it is sent and how much the client lets us send."""

    def __init__(self, stream_id: int, window: int, messages: list[bytes], count: int) -> None:
        self.id = stream_id
        self.window = window
        self.left = count
        self.started = False
        self.payload_size = len(messages[0]) + 5
        self.frame_size = self.payload_size + 9
        self.block = memoryview(
            b"".join(
                frame(DATA, 0, stream_id, struct.pack(">BI", 0, len(message)) + message)
                for message in messages
            )
        )
        self.position = 0

    def take(self, connection_window: int) -> memoryview | None:
        """Return the next whole frames that both windows allow, or None."""
        ready = min(
            self.left,
            max(min(self.window, connection_window), 0) // self.payload_size,
            (len(self.block) - self.position) // self.frame_size,
            SEND_LIMIT // self.frame_size,
        )
        if not ready:
            return None
        end = self.position + ready * self.frame_size
        chunk = self.block[self.position : end]
        self.position = 0 if end == len(self.block) else end
        self.left -= ready
        self.window -= ready * self.payload_size
        return chunk


class Connection:
    """One client, served to its end by one thread."""

    def __init__(self, sock: socket.socket, messages: list[bytes], count: int) -> None:
        self.sock = sock
        self.messages = messages
        self.count = count
        self.received = bytearray()
        self.window = 65_535
        self.initial_window = 65_535
        self.streams: dict[int, Stream] = {}
        self.open = True

    def serve(self) -> None:
        """Answer requests until the client goes away."""
        with self.sock, contextlib.suppress(ConnectionError):
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sock.sendall(frame(SETTINGS, 0, 0, b""))
            while len(self.received) < len(PREFACE) and self.open:
                self.receive()
            del self.received[: len(PREFACE)]
            self.handle_frames()
            while self.open:
                if self.send() == 0 or select.select([self.sock], [], [], 0)[0]:
                    self.receive()
                    self.handle_frames()

    def receive(self) -> None:
        data = self.sock.recv(65_536)
        self.received += data
        self.open = bool(data)

    def send(self) -> int:
        """Send one chunk of every stream that may; return the number of bytes."""
        sent = 0
        for stream in [s for s in self.streams.values() if s.started]:
            chunk = stream.take(self.window)
            if chunk is not None:
                self.window -= len(chunk) // stream.frame_size * stream.payload_size
                self.sock.sendall(chunk)
                sent += len(chunk)
            if stream.left == 0:
                self.sock.sendall(frame(HEADERS, END_HEADERS | END_STREAM, stream.id, TRAILERS))
                del self.streams[stream.id]
        return sent

    def handle_frames(self) -> None:
        while len(self.received) >= 9:
            length = int.from_bytes(self.received[:3])
            if len(self.received) < 9 + length:
                return
            kind, flags, stream_id = struct.unpack_from(">BBI", self.received, 3)
            payload = bytes(self.received[9 : 9 + length])
            del self.received[: 9 + length]
            self.handle(kind, flags, stream_id & 0x7FFF_FFFF, payload)

    def handle(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        if kind == HEADERS:
            self.streams[stream_id] = Stream(
                stream_id, self.initial_window, self.messages, self.count
            )
        if kind in (HEADERS, DATA) and flags & END_STREAM and stream_id in self.streams:
            self.streams[stream_id].started = True
            self.sock.sendall(frame(HEADERS, END_HEADERS, stream_id, RESPONSE))
        elif kind == WINDOW_UPDATE:
            increment = int.from_bytes(payload)
            if stream_id == 0:
                self.window += increment
            elif stream_id in self.streams:
                self.streams[stream_id].window += increment
        elif kind == SETTINGS and not flags & ACK:
            self.apply_settings(payload)
            self.sock.sendall(frame(SETTINGS, ACK, 0, b""))
        elif kind == PING and not flags & ACK:
            self.sock.sendall(frame(PING, ACK, 0, payload))
        elif kind == RST_STREAM:
            self.streams.pop(stream_id, None)
        elif kind == GOAWAY:
            self.open = bool(self.streams)

    def apply_settings(self, payload: bytes) -> None:
        for name, value in struct.iter_unpack(">HI", payload):
            if name == INITIAL_WINDOW_SIZE:
                for stream in self.streams.values():
                    stream.window += value - self.initial_window
                self.initial_window = value


def main() -> None:
    """Listen on a free port of 127.0.0.1, print it, serve until stdin closes."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--messages", type=Path, required=True, help="messages, one after another")
    parser.add_argument("--message-size", type=int, required=True, help="bytes of each message")
    parser.add_argument("--count", type=int, required=True, help="messages per stream")
    options = parser.parse_args()
    data, size = options.messages.read_bytes(), options.message_size
    if not data or len(data) % size:
        parser.error(f"{options.messages} holds {len(data)} bytes, no multiple of {size}")
    messages = [data[start : start + size] for start in range(0, len(data), size)]

    def accept(listener: socket.socket) -> None:
        while True:
            sock, _ = listener.accept()
            connection = Connection(sock, messages, options.count)
            threading.Thread(target=connection.serve, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        print(listener.getsockname()[1], flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
