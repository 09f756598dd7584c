"""An event that can be cleared, on whichever event loop runs."""

from __future__ import annotations

import anyio

__all__ = ["Flag"]


class Flag:
    """Level-triggered flag for the tasks of one event loop.

    Setting it is synchronous and costs nothing while nobody waits; it may be
    made outside an event loop.
    """

    __slots__ = ("_event", "_set")

    def __init__(self, value: bool = False) -> None:
        self._set = value
        self._event: anyio.Event | None = None

    def set(self) -> None:
        """Raise the flag and wake every waiter."""
        self._set = True
        event = self._event
        if event is not None:
            self._event = None
            event.set()

    def clear(self) -> None:
        """Lower the flag."""
        self._set = False

    def is_set(self) -> bool:
        """Return whether the flag is raised."""
        return self._set

    async def wait(self) -> None:
        """Return once the flag is raised; at once, without a checkpoint, if it already is."""
        if self._set:
            return
        event = self._event
        if event is None:
            event = self._event = anyio.Event()
        await event.wait()
