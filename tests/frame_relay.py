"""A TCP relay that reads the HTTP/2 frames which pass: what each end really sends the other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
from anyio.abc import SocketAttribute, SocketStream

__all__ = ["DATA", "GOAWAY", "PING", "RST_STREAM", "Frame", "FrameRelay", "frame_relay"]

DATA, RST_STREAM, PING, GOAWAY = 0x0, 0x3, 0x6, 0x7
_PREFACE = 24
_HEADER = 9
_ACK = 0x1


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; `code` is the error code of RST_STREAM and GOAWAY, else 0."""

    kind: int
    flags: int
    stream: int
    length: int
    code: int = 0

    @property
    def ack(self) -> bool:
        """Whether a PING is the answer to one."""
        return self.kind == PING and bool(self.flags & _ACK)


class _Reader:
    """Cuts frames out of one direction of one connection."""

    def __init__(self, frames: list[Frame], skip: int) -> None:
        self._frames = frames
        self._skip = skip
        self._data = b""

    def feed(self, data: bytes) -> None:
        data = self._data + data
        pos = min(self._skip, len(data))
        self._skip -= pos
        while len(data) - pos >= _HEADER:
            length = int.from_bytes(data[pos : pos + 3], "big")
            end = pos + _HEADER + length
            if end > len(data):
                break
            kind, flags = data[pos + 3], data[pos + 4]
            stream = int.from_bytes(data[pos + 5 : pos + 9], "big")
            at = {RST_STREAM: 0, GOAWAY: 4}.get(kind)
            body = data[pos + _HEADER : end]
            code = 0 if at is None else int.from_bytes(body[at : at + 4], "big")
            self._frames.append(Frame(kind, flags, stream, length, code))
            pos = end
        self._data = data[pos:]


class FrameRelay:
    """A relay in front of one endpoint.

    Attributes:
        endpoint: Where it listens, as `host:port`.
        from_client: The frames that the clients have sent, in order.
        from_server: The frames that the server has sent, in order.
        received: Bytes that have come from the server.
    """

    def __init__(self, endpoint: str, target: str) -> None:
        host, _, port = target.rpartition(":")
        self.endpoint = endpoint
        self.from_client: list[Frame] = []
        self.from_server: list[Frame] = []
        self.received = 0
        self._target = (host, int(port))
        self._passed = anyio.Event()

    async def acks_from_client(self, count: int) -> None:
        """Wait until the client has answered `count` PINGs."""
        await self._acks(self.from_client, count)

    async def acks_from_server(self, count: int) -> None:
        """Wait until the server has answered `count` PINGs."""
        await self._acks(self.from_server, count)

    async def _acks(self, frames: list[Frame], count: int) -> None:
        while sum(frame.ack for frame in frames) < count:
            await self._passed.wait()

    async def serve(self, client: SocketStream) -> None:
        """Carry one connection in both directions until either end closes it."""
        async with client:
            try:
                server = await anyio.connect_tcp(*self._target)
            except OSError:
                return  # nobody listens any more; the client sees its connection close
            async with server, anyio.create_task_group() as tasks:

                async def carry(
                    source: SocketStream, sink: SocketStream, frames: list[Frame], skip: int
                ) -> None:
                    reader = _Reader(frames, skip)
                    try:
                        async for chunk in source:
                            reader.feed(chunk)
                            if source is server:
                                self.received += len(chunk)
                            self._passed.set()
                            self._passed = anyio.Event()
                            await sink.send(chunk)
                    except anyio.BrokenResourceError:
                        pass  # one end is gone; the other is told by closing
                    tasks.cancel_scope.cancel()

                tasks.start_soon(carry, client, server, self.from_client, _PREFACE)
                tasks.start_soon(carry, server, client, self.from_server, 0)


@asynccontextmanager
async def frame_relay(target: str) -> AsyncIterator[FrameRelay]:
    """Listen in front of `target`, a `host:port`, from entering to leaving."""
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        port = listener.extra(SocketAttribute.local_port)
        relay = FrameRelay(f"127.0.0.1:{port}", target)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, relay.serve)
            yield relay
            tasks.cancel_scope.cancel()
