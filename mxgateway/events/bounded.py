"""A queue bounded in entries and bytes that never blocks who fills it."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable
from typing import Generic, Literal, TypeVar

from mxgateway.errors import ConfigurationError, MxGatewayError, SlowConsumerError
from mxgateway.events.marks import ReplayGapEvent, SequenceGap
from mxgateway.transport.signals import Flag

__all__ = ["BoundedQueue", "Overflow"]

Overflow = Literal["error", "drop_oldest"]

_T = TypeVar("_T")


class BoundedQueue(Generic[_T]):
    """What waits for one consumer.

    When it is full, it either takes no more and ends with SlowConsumerError after
    what it holds, or drops its oldest entries and says so with one mark where they
    were. Where gaps are among these, the last one follows the mark: who only wants the
    newest values still has to know that the gateway lost some. An entry larger than
    `max_bytes` is taken while the queue is empty.

    Attributes:
        size: Bytes of the entries it holds, as they were on the wire.
        dropped: Entries dropped so far; gaps do not count.
        ended: Whether no more entries come; what is held can still be taken.

    Args:
        max_events: Entries it holds at most.
        max_bytes: Bytes it holds at most.
        overflow: What happens when it is full.
        mark: Makes the entry that tells of dropped ones, from their number.
        name: Whose queue it is, for the error.
    """

    __slots__ = (
        "_entries",
        "_error",
        "_gap",
        "_mark",
        "_marked",
        "_max_bytes",
        "_max_events",
        "_name",
        "_overflow",
        "_wake",
        "dropped",
        "ended",
        "size",
    )

    def __init__(
        self,
        max_events: int,
        max_bytes: int,
        overflow: Overflow,
        mark: Callable[[int], _T],
        name: str,
    ) -> None:
        for option, bound in (("max_events", max_events), ("max_bytes", max_bytes)):
            if isinstance(bound, bool) or not isinstance(bound, int) or bound < 1:
                raise ConfigurationError(f"{option}: give a whole number above 0, not {bound!r}")
        if overflow not in ("error", "drop_oldest"):
            raise ConfigurationError(f'overflow: give "error" or "drop_oldest", not {overflow!r}')
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._overflow = overflow
        self._mark = mark
        self._name = name
        self._entries: deque[tuple[_T, int]] = deque()
        self._gap: _T | None = None  # the last one among those dropped, not told yet
        self._marked = 0  # of `dropped`, entries that a mark has told of
        self._error: MxGatewayError | None = None
        self._wake = Flag()
        self.size = 0
        self.dropped = 0
        self.ended = False

    def __len__(self) -> int:
        return len(self._entries)

    def feed(self, entry: _T, size: int) -> None:
        """Take an entry of `size` bytes."""
        if self.ended:
            return
        entries = self._entries
        if len(entries) >= self._max_events or (entries and self.size + size > self._max_bytes):
            if self._overflow == "error":
                self.end(self._too_slow(size))
                return
            self._drop(size)
        entries.append((entry, size))
        self.size += size
        self._wake.set()

    def _drop(self, size: int) -> None:
        entries = self._entries
        while entries and (len(entries) >= self._max_events or self.size + size > self._max_bytes):
            entry, freed = entries.popleft()
            self.size -= freed
            if isinstance(entry, ReplayGapEvent | SequenceGap):
                self._gap = entry
            else:
                self.dropped += 1

    def _too_slow(self, size: int) -> SlowConsumerError:
        if len(self._entries) >= self._max_events:
            limit = f"{self._max_events} events (max_events)"
        else:
            limit = f"{self.size + size} bytes, {self._max_bytes} allowed (max_bytes)"
        return SlowConsumerError(f"{self._name} did not keep up: its queue holds {limit}")

    def end(self, error: MxGatewayError | None) -> None:
        """Take no more; the consumer ends with `error`, or plainly, after what is held."""
        if self.ended:
            return
        self.ended = True
        self._error = error
        self._wake.set()

    def take(self) -> _T | None:
        """Return the oldest entry, a mark for those dropped before it; None if there is none."""
        if self.dropped > self._marked:
            count, self._marked = self.dropped - self._marked, self.dropped
            return self._mark(count)
        if self._gap is not None:
            gap, self._gap = self._gap, None
            return gap
        if not self._entries:
            return None
        entry, size = self._entries.popleft()
        self.size -= size
        return entry

    def take_error(self) -> MxGatewayError | None:
        """Return the error it ended with, once, an object of its own for this consumer."""
        error, self._error = self._error, None
        if error is None:
            return None
        own = copy.copy(error)
        own.__cause__ = error.__cause__
        return own

    async def wait(self) -> None:
        """Return once something was fed or the end has come, after the last look."""
        self._wake.clear()
        await self._wake.wait()

    def discard(self, unwanted: Callable[[_T], bool]) -> None:
        """Forget those entries that `unwanted` says; they do not count as dropped."""
        kept = [held for held in self._entries if not unwanted(held[0])]
        self._entries = deque(kept)
        self.size = sum(size for _, size in kept)

    def clear(self) -> None:
        """Forget what is held, and take no more."""
        self._entries.clear()
        self.size = 0
        self._gap = None
        self._marked = self.dropped
        self._error = None
        self.end(None)
        self._wake.set()
