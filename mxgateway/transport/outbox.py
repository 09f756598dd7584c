"""Bytes on their way from a connection to its writer."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from mxgateway.transport.signals import Flag

__all__ = ["Outbox"]

_HIGH_WATER = 1 << 20  # queued bytes above which senders wait for the writer


class Outbox:
    """Queue of bytes for the writer; stands in for the asyncio transport of grpclib.

    Attributes:
        queued: Bytes ever written here.
        handed: Bytes ever handed to the socket, whether or not they arrived.
        ready: Raised while the writer has something to do.
        drained: Raised while senders may go on.
        closing: Raised once `close` was called.
    """

    def __init__(self) -> None:
        self.queued = 0
        self.handed = 0
        self.ready = Flag()
        self.drained = Flag(True)
        self.closing = Flag()
        self._chunks: list[bytes] = []
        self._abandoned: deque[Callable[[], None]] = deque()
        self._thread = threading.get_ident()

    def write(self, data: bytes) -> None:
        """Queue bytes; after `close` they are dropped."""
        if data and not self.is_closing():
            self._chunks.append(data)
            self.queued += len(data)
            if self.queued - self.handed > _HIGH_WATER:
                self.drained.clear()
            self.ready.set()

    def take(self) -> bytes:
        """Return all queued bytes and count them as handed over; b"" if there are none."""
        data = b"".join(self._chunks)
        self._chunks.clear()
        self.ready.clear()
        self.handed += len(data)
        self.drained.set()
        return data

    def abandon(self, close: Callable[[], None]) -> None:
        """Have the writer call `close` soon.

        For finalizers: the collector may run in another thread, or in the middle
        of h2's own work, where HTTP/2 state must not be touched.
        """
        self._abandoned.append(close)
        if threading.get_ident() == self._thread:
            self.ready.set()

    def close_abandoned(self) -> None:
        """Call what was handed to `abandon`."""
        while self._abandoned:
            self._abandoned.popleft()()

    def is_closing(self) -> bool:
        """Return whether `close` was called."""
        return self.closing.is_set()

    def close(self) -> None:
        """Take no more bytes; what is queued may still leave."""
        self.closing.set()
        self.ready.set()
        self.drained.set()

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ARG002
        """Return `default`: grpclib asks for asyncio's extras, of which there are none."""
        return default
