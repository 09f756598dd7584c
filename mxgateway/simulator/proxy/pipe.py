"""One direction of one connection through the proxy."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from mxgateway.simulator.proxy.frames import END_HEADERS, Frame, FrameCutter

__all__ = ["Cut", "Direction", "Ending", "Pipe", "Traffic"]

Direction = Literal["to_server", "to_client"]
"""Which way bytes go."""

Ending = Literal["reset", "close", "hold"]
"""How a cut ends a connection: TCP reset, ordinary close, or silence."""

_CHUNK = 1 << 16


@dataclass
class Traffic:
    """What went through the proxy in one direction, all connections together.

    Attributes:
        bytes: Bytes passed on, those of the proxy's own frames included.
        frames: Frames passed on by type name, on plaintext HTTP/2.
        dropped: Frames taken out, by type name.
    """

    bytes: int = 0
    frames: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)


@dataclass(eq=False)
class Cut:
    """One cut that is to come.

    Attributes:
        after: Bytes that still pass, counted from where the cut was set.
        ending: How the connection ends then.
        struck: Called when it has happened.
    """

    after: int
    ending: Ending
    struck: Callable[[], None]


class Pipe:
    """Moves bytes from one side to the other, frame by frame where there are frames.

    Args:
        direction: Which way it goes.
        reader: Where bytes come from.
        writer: Where they go.
        traffic: Where they are counted.
        inspect: Asked for every frame; False takes it out.
        raw: Called once if what comes is no plaintext HTTP/2.
        end: Ends the whole connection.
        changed: Called after everything that happens.
    """

    def __init__(
        self,
        direction: Direction,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        traffic: Traffic,
        *,
        inspect: Callable[[Direction, Frame], bool],
        raw: Callable[[], None],
        end: Callable[[Ending], None],
        changed: Callable[[], None],
    ) -> None:
        self.direction = direction
        self._reader = reader
        self._writer = writer
        self._traffic = traffic
        self._cutter = FrameCutter(preface=direction == "to_server")
        self._inspect = inspect
        self._raw = raw
        self._end = end
        self._changed = changed
        self._open = asyncio.Event()
        self._open.set()
        self._in_headers = False
        self._in_frame = False
        self._over = False
        self._held: list[bytes] = []
        self._injected: list[bytes] = []
        self._mask: tuple[int, int] | None = None
        self.uncut = False
        self.passed = 0
        self.delay = 0.0
        self.piece: int | None = None
        self.cut: Cut | None = None

    def take_no_frames(self) -> None:
        """Pass bytes uncut from now on."""
        self.uncut = self._cutter.raw = True

    async def run(self) -> None:
        """Move bytes until the sender ends or the connection does."""
        while data := await self._reader.read(_CHUNK):
            if self.delay:
                await asyncio.sleep(self.delay)
            await self._open.wait()
            for piece in self._cutter.feed(data):
                if self._cutter.raw and not self.uncut:
                    self._raw()
                await self._pass(piece)
                self._write_injected()
            await self._writer.drain()
            self._changed()
        await self._open.wait()
        self._write(self._cutter.rest())
        if self._writer.can_write_eof():
            self._writer.write_eof()
        else:
            self._writer.close()

    async def _pass(self, piece: Frame | bytes) -> None:
        if isinstance(piece, bytes):
            await self._send(piece)
            return
        if not self._inspect(self.direction, piece):
            self._traffic.dropped[piece.kind] += 1
            return
        self._traffic.frames[piece.kind] += 1
        if piece.kind in ("HEADERS", "PUSH_PROMISE", "CONTINUATION"):
            self._in_headers = not piece.flags & END_HEADERS
        await self._send(piece.data)

    async def _send(self, data: bytes) -> None:
        size = self.piece
        if size is None:
            self._write(data)
            return
        self._in_frame = True
        try:
            for start in range(0, len(data), size):
                self._write(data[start : start + size])
                await self._writer.drain()
                await asyncio.sleep(0)
        finally:
            self._in_frame = False

    def _write(self, data: bytes) -> None:
        if not data or self._over:
            return
        if not self._open.is_set():
            self._held.append(data)
            return
        if self._mask is not None:
            data = self._damaged(data, *self._mask)
        cut, rest = self.cut, b""
        if cut is not None:
            data, rest = data[: cut.after], data[cut.after :]
            cut.after -= len(data)
        if not self._writer.is_closing():
            self._writer.write(data)
        self.passed += len(data)
        self._traffic.bytes += len(data)
        if cut is not None and not cut.after:
            self.cut = None
            self._over = cut.ending != "hold"
            self._end(cut.ending)
            cut.struck()
        self._write(rest)

    def _damaged(self, data: bytes, offset: int, mask: int) -> bytes:
        place = offset - self.passed
        if not 0 <= place < len(data):
            return data
        self._mask = None
        return data[:place] + bytes((data[place] ^ mask,)) + data[place + 1 :]

    def _write_injected(self) -> None:
        if self._injected and not self._in_headers and not self._in_frame:
            injected, self._injected = self._injected, []
            for data in injected:
                self._write(data)

    # -- faults ------------------------------------------------------------------------

    def inject(self, data: bytes) -> None:
        """Send `data` between two frames, at once where that is now."""
        self._injected.append(data)
        self._write_injected()

    def hold(self) -> None:
        """Let nothing through until `release`."""
        self._open.clear()

    def release(self) -> None:
        """Let everything through again, what was held first."""
        self._open.set()
        held, self._held = self._held, []
        for data in held:
            self._write(data)

    def damage(self, after: int, mask: int) -> None:
        """Change the byte that passes behind `after` others from now on."""
        self._mask = (self.passed + after, mask)
