"""Lines of the control channel, bounded before they are kept."""

from __future__ import annotations

import asyncio
from typing import Final

__all__ = ["FIRST_LINE_LIMIT", "LINE_LIMIT", "LineReader", "LineTooLongError"]

FIRST_LINE_LIMIT: Final = 4096
"""Bytes of the line with which a connection shows its token for the first time."""

LINE_LIMIT: Final = 1 << 20
"""Bytes of every later line."""

_PIECE: Final = 1 << 16


class LineTooLongError(ValueError):
    """A line has more bytes than it may have."""


class LineReader:
    """Reads lines whose longest length may change from one to the next.

    Args:
        reader: Where the bytes come from.
    """

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._kept = bytearray()

    async def next(self, limit: int) -> bytes | None:
        """Return the next line without its end, or None when nothing follows.

        Raises:
            LineTooLongError: It has more than `limit` bytes.
            OSError: The connection failed.
        """
        looked_at = 0
        while (end := self._kept.find(b"\n", looked_at)) < 0:
            looked_at = len(self._kept)
            if looked_at > limit:
                break
            data = await self._reader.read(_PIECE)
            if not data:
                line = bytes(self._kept)
                self._kept.clear()
                return line or None
            self._kept += data
        if not 0 <= end <= limit:
            raise LineTooLongError(f"the line has more than {limit:,} bytes")
        line = bytes(self._kept[:end])
        del self._kept[: end + 1]
        return line
