"""A look at what the gateway holds, for the tests of tags."""

from __future__ import annotations

from collections.abc import Callable

import anyio.to_thread

from mxgateway.simulator import Simulator, ThreadedSimulator

__all__ = ["LIMIT", "Plant"]

LIMIT = 20  # seconds that any of these tests may take


class Plant:
    """A simulator, asked without blocking the event loop."""

    def __init__(self, sim: ThreadedSimulator) -> None:
        self.sim = sim

    async def scan(self) -> None:
        """Move the plant once."""
        await anyio.to_thread.run_sync(self.sim.scan)

    async def set(self, tag: str, value: object) -> None:
        """Give an attribute a value."""
        await anyio.to_thread.run_sync(self.sim.set_value, tag, value)

    async def until(self, predicate: Callable[[Simulator], bool]) -> None:
        """Wait until the simulator is in a state."""
        await anyio.to_thread.run_sync(self.sim.wait_until, predicate)

    async def do(self, function: Callable[[Simulator], object]) -> None:
        """Do something in the simulator."""
        await anyio.to_thread.run_sync(self.sim.call, function)

    async def items(self) -> list[str]:
        """The references of all items of all open sessions, advised or not, sorted."""
        return await anyio.to_thread.run_sync(self.sim.call, _items)


def _items(simulator: Simulator) -> list[str]:
    return sorted(
        item.definition
        for session in simulator.gateway.open_sessions
        for registration in session.registrations.values()
        for item in registration.items.values()
    )
