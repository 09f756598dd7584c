"""How a call waits: for flags and coroutines, never longer than its deadline, knowing for what."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Literal, TypeVar

import anyio
from grpclib.metadata import Deadline

from mxgateway.errors import ClientClosedError, DeadlineExceededError
from mxgateway.transport.signals import Flag

__all__ = ["PHASES", "Phase", "Waiting"]

Phase = Literal["connect", "slot", "send", "headers", "message", "trailers"]

PHASES: dict[Phase, str] = {
    "connect": "connecting",
    "slot": "waiting for a stream slot",
    "send": "sending the request",
    "headers": "waiting for the reply",
    "message": "waiting for a message",
    "trailers": "waiting for the status",
}
"""What a call waits for, as its deadline error says it."""

_T = TypeVar("_T")


class Waiting:
    """The deadline of one call and the phase it is in.

    Args:
        deadline: When the call ends at the latest; None for no limit.
        make_error: Makes the error for a deadline that passed in a phase.
    """

    __slots__ = ("_make_error", "_scope", "_stopped", "deadline", "phase")

    def __init__(
        self, deadline: Deadline | None, make_error: Callable[[Phase], DeadlineExceededError]
    ) -> None:
        self.deadline = deadline
        self.phase: Phase = "connect"
        self._make_error = make_error
        self._scope: anyio.CancelScope | None = None
        self._stopped = False

    def passed(self) -> bool:
        """Return whether the deadline has passed."""
        return self.deadline is not None and self.deadline.time_remaining() <= 0

    def left(self) -> float | None:
        """Return the seconds left; None for no limit.

        Raises:
            DeadlineExceededError: There are none left.
        """
        if self.deadline is None:
            return None
        left = self.deadline.time_remaining()
        if left <= 0:
            raise self._make_error(self.phase)
        return left

    async def until(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        """Await `coroutine`, until the deadline at most.

        Raises:
            DeadlineExceededError: The deadline passed first.
        """
        if self.deadline is None:
            return await coroutine
        # A deadline that has passed already still lets through what need not wait.
        with anyio.move_on_after(self.deadline.time_remaining()):
            return await coroutine
        raise self._make_error(self.phase)

    async def until_stopped(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        """Await `coroutine` as `until` does, and no longer than until `stop`.

        Raises:
            ClientClosedError: `stop` was called first.
            DeadlineExceededError: The deadline passed first.
        """
        left = None if self.deadline is None else self.deadline.time_remaining()
        with anyio.move_on_after(left) as scope:
            self._scope = scope
            try:
                return await coroutine
            finally:
                self._scope = None
        if self._stopped:
            raise ClientClosedError("the call was closed before it started")
        raise self._make_error(self.phase)

    def stop(self) -> None:
        """End `until_stopped`, which another task may be in."""
        self._stopped = True
        if self._scope is not None:
            self._scope.cancel()

    async def change_of(self, flag: Flag) -> None:
        """Wait until `flag` is raised anew; the caller has just looked at what it stands for."""
        flag.clear()
        await self.until(flag.wait())
