"""Deploy events as they come, with what was missed between them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from mxgateway.generated.galaxy_repository.v1 import DeployEvent
from mxgateway.transport.stream import MessageStream

__all__ = ["DeployGap", "DeployWatch"]

_log = logging.getLogger("mxgateway.galaxy")


@dataclass(frozen=True, slots=True)
class DeployGap:
    """A break in the sequence of deploy events. Browse again after either kind.

    Attributes:
        kind: "dropped": the gateway dropped events of a slow reader. "restart": the
            sequence fell, so the gateway was started anew and counts from the beginning.
        expected: The sequence that should have come.
        got: The sequence that came.
    """

    kind: Literal["dropped", "restart"]
    expected: int
    got: int


class DeployWatch(AsyncIterator[DeployEvent]):
    """Deploy events of the galaxy: the current state first, then one event per deploy.

    Iterate it, or use it as an async context manager. Leaving the block or the
    loop, `aclose` and cancelling reset the call at once.

    Attributes:
        missed: Events known to be lost so far, by gaps in the sequence.
        restarted: Whether the sequence has fallen: the gateway was started anew.
        last_sequence: Sequence of the last event; None before the first one. Give it
            to the next watch, so that this one finds out what was missed between the two.

    Args:
        stream: The call.
        last_seen_sequence: Sequence of the last event of an earlier watch, or None.
        on_gap: Told of every gap before the event that shows it is returned. What it
            raises leaves `__anext__`; the event is returned by the next one.
    """

    def __init__(
        self,
        stream: MessageStream[DeployEvent],
        *,
        last_seen_sequence: int | None = None,
        on_gap: Callable[[DeployGap], object] | None = None,
    ) -> None:
        self._stream = stream
        self._on_gap = on_gap
        # The first event may repeat the current state, and with it a known sequence.
        self._repeat_allowed = True
        self._held: DeployEvent | None = None  # its gap is being told
        self.last_sequence = last_seen_sequence
        self.missed = 0
        self.restarted = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> DeployEvent:
        """Return the next event.

        Raises:
            StopAsyncIteration: The gateway ended the stream with OK, or it was closed here.
            RpcError: The gateway ended it with another status.
            ConnectionLost: The connection ended; watch again with `last_sequence`.
        """
        if self._held is not None:
            event, self._held = self._held, None
            return event
        event = await self._stream.__anext__()
        gap = self._note(event.sequence)
        if gap is not None:
            _log.warning(
                "deploy events: expected sequence %d, got %d (%s); browse again",
                gap.expected,
                gap.got,
                gap.kind,
            )
            if self._on_gap is not None:
                self._held = event
                self._on_gap(gap)
                self._held = None
        return event

    def __repr__(self) -> str:
        told = f"{self.missed} missed" if self.missed else "none missed"
        return f"<{type(self).__name__} after sequence {self.last_sequence}, {told}>"

    def _note(self, sequence: int) -> DeployGap | None:
        last, self.last_sequence = self.last_sequence, sequence
        repeat_allowed, self._repeat_allowed = self._repeat_allowed, False
        if last is None or sequence == last + 1 or (sequence == last and repeat_allowed):
            return None
        if sequence > last:
            self.missed += sequence - last - 1
            return DeployGap("dropped", last + 1, sequence)
        self.restarted = True
        return DeployGap("restart", last + 1, sequence)

    async def aclose(self) -> None:
        """End the stream and tell the gateway. Idempotent."""
        self._held = None
        await self._stream.aclose()

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._held = None
        await self._stream.__aexit__(exc_type, exc, traceback)
