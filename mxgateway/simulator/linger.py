"""Closing a socket so that the peer sees a TCP reset."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys

__all__ = ["reset_on_close"]

# struct linger: two shorts on Windows, two ints elsewhere; on, with no time to linger.
_LINGER_ZERO = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


def reset_on_close(transport: asyncio.BaseTransport) -> None:
    """Let the peer see a TCP reset when `transport` is closed or aborted next."""
    raw = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
