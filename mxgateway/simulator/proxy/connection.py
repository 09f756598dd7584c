"""One connection through the proxy: both directions, its open streams, its end."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import Any

from mxgateway.simulator.connection import EVERYTHING, goaway_frame
from mxgateway.simulator.linger import reset_on_close
from mxgateway.simulator.proxy.frames import ACK, Frame, make_frame
from mxgateway.simulator.proxy.pipe import Direction, Ending, Pipe, Traffic

__all__ = ["ProxyConnection"]

_DRAIN_PING = b"fltproxy"
_CANCEL = 8


class ProxyConnection:
    """A client's connection and the one to the target that belongs to it.

    Attributes:
        to_server: The way of the client's bytes.
        to_client: The way of the target's bytes.
        streams: Open calls by stream id, on plaintext HTTP/2.
    """

    def __init__(
        self,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        traffic: dict[Direction, Traffic],
        *,
        keep: Callable[[Direction, Frame], bool],
        changed: Callable[[], None],
    ) -> None:
        self._writers = (client[1], server[1])
        self._keep = keep
        self._changed = changed
        self._ended = asyncio.Event()
        self._refusing: int | None = None
        self._draining = False
        self._reset_streams: set[int] = set()
        self._last_stream = 0
        self.streams: set[int] = set()

        def pipe(
            direction: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> Pipe:
            return Pipe(
                direction,
                reader,
                writer,
                traffic[direction],
                inspect=self._inspect,
                raw=self._take_no_frames,
                end=self.end,
                changed=changed,
            )

        self.to_server = pipe("to_server", client[0], server[1])
        self.to_client = pipe("to_client", server[0], client[1])

    def _take_no_frames(self) -> None:
        self.to_server.take_no_frames()
        self.to_client.take_no_frames()

    def pipe(self, direction: Direction) -> Pipe:
        """Return one of the two ways."""
        return self.to_server if direction == "to_server" else self.to_client

    async def run(self) -> None:
        """Move bytes both ways until both have ended, or the connection is cut."""
        pipes = [asyncio.create_task(each.run()) for each in (self.to_server, self.to_client)]
        cut = asyncio.create_task(self._ended.wait())
        try:
            both = asyncio.gather(*pipes)
            both.add_done_callback(_seen)
            ends: list[asyncio.Future[Any]] = [both, cut]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if both.done() and both.exception() is not None:
                self.end("reset")  # as the side that was reset has seen it
        finally:
            # First, because the proxy may stop, and so cancel this task, during the waiting.
            for writer in self._writers:
                writer.close()
            self._changed()
            for task in (*pipes, cut):
                task.cancel()
            await asyncio.wait([*pipes, cut])

    def end(self, ending: Ending) -> None:
        """End both sides: with a TCP reset, in order, or in silence that goes on."""
        if ending == "hold":
            self.hold()
            return
        for writer in self._writers:
            if ending == "reset" and not writer.is_closing():
                reset_on_close(writer.transport)
                writer.transport.abort()
        self._ended.set()

    def hold(self) -> None:
        """Let nothing through, either way."""
        self.to_server.hold()
        self.to_client.hold()

    def release(self) -> None:
        """Let everything through again."""
        self.to_server.release()
        self.to_client.release()

    # -- frames ------------------------------------------------------------------------

    def _inspect(self, direction: Direction, frame: Frame) -> bool:
        if frame.kind == "PING" and frame.payload == _DRAIN_PING and frame.flags & ACK:
            self._refuse_new_calls()
            return False
        if direction == "to_server" and frame.kind == "HEADERS":
            if frame.stream_id > self._last_stream:
                self._last_stream = frame.stream_id
                self.streams.add(frame.stream_id)
                if self._refusing is not None:
                    self.end("close")  # it was told that this call would not be processed
        elif frame.ends_stream and (direction == "to_client" or frame.kind == "RST_STREAM"):
            self._over(frame.stream_id)
        if frame.kind != "DATA":
            return self._keep(direction, frame)
        if frame.stream_id not in self._reset_streams and self._keep(direction, frame):
            return True
        self._give_back(direction, frame)
        return False

    def _give_back(self, direction: Direction, frame: Frame) -> None:
        """Return the credit of DATA that the receiver never sees."""
        size = len(frame.payload)
        if size:
            credit = struct.pack(">I", size)
            back = self.to_server if direction == "to_client" else self.to_client
            back.inject(make_frame("WINDOW_UPDATE", 0, credit))
            if frame.stream_id not in self._reset_streams:
                back.inject(make_frame("WINDOW_UPDATE", frame.stream_id, credit))

    def _over(self, stream_id: int) -> None:
        self.streams.discard(stream_id)
        if self._refusing is not None and not self.streams:
            # The frame that ended the last call is still to be passed on.
            asyncio.get_running_loop().call_soon(self.end, "close")

    def reset(self, stream_id: int, code: int) -> bool:
        """Reset one call on both sides; False if it is not open."""
        if stream_id not in self.streams:
            return False
        self._reset_streams.add(stream_id)
        self.to_client.inject(make_frame("RST_STREAM", stream_id, struct.pack(">I", code)))
        self.to_server.inject(make_frame("RST_STREAM", stream_id, struct.pack(">I", _CANCEL)))
        self._over(stream_id)
        return True

    def goaway(self, code: int, last_stream_id: int, debug: bytes) -> None:
        """Say GOAWAY to the client and close both sides."""
        self.to_client.inject(goaway_frame(code, last_stream_id, debug))
        self.end("close")

    def drain(self, debug: bytes) -> None:
        """Say GOAWAY politely: open calls finish, then both sides close."""
        if self._draining:
            return
        self._draining = True
        self._debug = debug
        self.to_client.inject(goaway_frame(0, EVERYTHING, debug))
        self.to_client.inject(make_frame("PING", 0, _DRAIN_PING))

    def _refuse_new_calls(self) -> None:
        self._refusing = self._last_stream
        self.to_client.inject(goaway_frame(0, self._last_stream, self._debug))
        if not self.streams:
            self.end("close")


def _seen(both: asyncio.Future[Any]) -> None:
    # What a pipe fails with after a cut is nobody's business any more.
    if not both.cancelled():
        both.exception()
