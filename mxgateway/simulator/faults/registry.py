"""The faults that last: which there are, and how each one ends."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mxgateway.errors import ConfigurationError
from mxgateway.simulator.gate import METHODS

if TYPE_CHECKING:
    from mxgateway.simulator.simulator import Simulator

__all__ = ["Fault", "FaultBase"]


@dataclass(frozen=True)
class Fault:
    """One fault that is in force.

    Attributes:
        id: Its number; `Faults.clear` takes it.
        kind: The method that set it.
        arguments: What it was set with.
    """

    id: int
    kind: str
    arguments: dict[str, Any] = field(default_factory=dict)


class FaultBase:
    """What all groups of faults share: the simulator, the list, the audit.

    Args:
        simulator: The simulator to hurt.
    """

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._numbers = itertools.count(1)
        self._active: dict[int, tuple[Fault, Callable[[], Awaitable[None]]]] = {}
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._forgetting: dict[int, Callable[[], None]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def active(self) -> list[Fault]:
        """Return the faults that are in force, oldest first."""
        return [fault for fault, _ in self._active.values()]

    async def clear(self, fault: int | None = None) -> None:
        """End one fault by its id, or all.

        Raises:
            ConfigurationError: There is no such fault in force.
        """
        if fault is not None and fault not in self._active:
            raise ConfigurationError(
                f"there is no fault {fault} in force; it may have ended by itself"
            )
        for each in [fault] if fault is not None else list(self._active):
            await self._end(each)

    def shut_down(self) -> None:
        """Forget all faults, as the simulator does when it stops."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._active.clear()
        for forget in self._forgetting.values():
            forget()
        self._forgetting.clear()
        self._simulator.gateway.gate.release()

    def _only(self, kind: str) -> None:
        """Refuse a fault of a kind that is in force."""
        if any(fault.kind == kind for fault in self.active()):
            raise ConfigurationError(f"{kind} is in force already; clear it first")

    def _check_method(self, kind: str, method: str | None) -> None:
        """Refuse a method that no call has, which would never be struck."""
        if method is not None and method not in METHODS:
            raise ConfigurationError(
                f"{kind}: method: there is no {method!r}; there are {', '.join(sorted(METHODS))}"
            )

    def _note(self, kind: str) -> None:
        """Count a fault in the audit."""
        self._simulator.audit.faults[kind] += 1
        self._simulator.audit.changed()

    def _begin(
        self,
        kind: str,
        arguments: dict[str, Any],
        undo: Callable[[], Awaitable[None]],
        *,
        seconds: float | None = None,
        forget: Callable[[], None] | None = None,
    ) -> int:
        """Enter a fault that lasts until it is cleared, or for `seconds`; return its id.

        `forget` is done in place of `undo` when the simulator stops: what is left of the
        fault then must not be there after its next start.
        """
        if seconds is not None and not seconds > 0:
            raise ConfigurationError(f"{kind}: give seconds above 0, or None for no end")
        number = next(self._numbers)
        given = {name: value for name, value in arguments.items() if value is not None}
        self._active[number] = (Fault(number, kind, given), undo)
        if forget is not None:
            self._forgetting[number] = forget
        if seconds is not None:
            loop = asyncio.get_running_loop()
            self._timers[number] = loop.call_later(seconds, lambda: self._end_soon(number))
        self._note(kind)
        return number

    def _forget(self, number: int) -> None:
        """Take a fault that has ended by itself off the list."""
        self._active.pop(number, None)

    def _end_soon(self, number: int) -> None:
        task = asyncio.get_running_loop().create_task(self._end(number))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end(self, number: int) -> None:
        timer = self._timers.pop(number, None)
        if timer is not None:
            timer.cancel()
        found = self._active.pop(number, None)
        self._forgetting.pop(number, None)
        if found is not None:
            await found[1]()
            self._simulator.audit.changed()
