"""Bytes on their way from a connection to its writer."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any

from mxgateway.transport.signals import Flag

__all__ = ["HOPELESS", "Outbox"]

_HIGH_WATER = 1 << 20  # queued bytes above which senders wait for the writer

HOPELESS = 1 << 26
"""Queued bytes that only a peer can cause which sends, wants answers and reads none."""


class Outbox:
    """Queue of bytes for the writer; stands in for the asyncio transport of grpclib.

    Attributes:
        queued: Bytes ever written here.
        handed: Bytes ever handed to the socket, whether or not they arrived.
        ready: Raised while the writer has something to do.
        drained: Raised while senders may go on.
        closing: Raised once `close` was called.
        dropped: Whether queued bytes were thrown away; what was not handed over never will be.
        call_soon: Has the loop of the writer call something; None while there is no writer.
    """

    def __init__(self) -> None:
        self.queued = 0
        self.handed = 0
        self.ready = Flag()
        self.drained = Flag(True)
        self.closing = Flag()
        self._chunks: list[bytes] = []
        self._abandoned: deque[Callable[[], None]] = deque()
        self._blocked: list[Flag] = []
        self.dropped = False
        self.call_soon: Callable[[Callable[[], None]], Any] | None = None

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
        self._let_senders_go()
        return data

    def drop(self) -> None:
        """Throw away what is queued: it must not reach a peer that calls gave up on."""
        self._chunks.clear()
        self.dropped = True
        self._let_senders_go()

    def raise_when_drained(self, flag: Flag) -> None:
        """Raise `flag` once, as soon as senders may go on."""
        self._blocked.append(flag)

    def _let_senders_go(self) -> None:
        self.drained.set()
        blocked, self._blocked = self._blocked, []
        for flag in blocked:
            flag.set()

    def abandon(self, close: Callable[[], None]) -> None:
        """Have the writer call `close` soon.

        For finalizers: the collector may run in another thread, or in the middle
        of h2's own work, where HTTP/2 state must not be touched.
        """
        self._abandoned.append(close)
        if self.call_soon is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and the socket with it
                self.call_soon(self.ready.set)

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
        self._let_senders_go()

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ARG002
        """Return `default`: grpclib asks for asyncio's extras, of which there are none."""
        return default
