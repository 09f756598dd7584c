"""An event that can be cleared, on whichever event loop runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import anyio.lowlevel

__all__ = ["Flag", "loop_scheduler"]


def loop_scheduler() -> Callable[[Callable[[], None]], Any]:
    """Return a function that has the running event loop call something soon.

    It may be called from any thread and from a finalizer, in the middle of anything.
    It raises RuntimeError once the loop has ended.
    """
    token = anyio.lowlevel.current_token()
    # anyio below 4.11 returns the bare token. Its blocking way into a loop from another
    # thread is not for finalizers; each loop has one that does not wait.
    native: Any = getattr(token, "native_token", token)
    schedule: Callable[[Callable[[], None]], Any] = (
        native.run_sync_soon
        if hasattr(native, "run_sync_soon")  # trio
        else native.call_soon_threadsafe  # asyncio
    )
    return schedule


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
