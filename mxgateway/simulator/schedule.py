"""Scans by the clock on the wall, as the engines of a plant do them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mxgateway.errors import ConfigurationError
from mxgateway.simulator.plant import Plant

__all__ = ["ScanSchedule"]


class ScanSchedule:
    """Scans a plant again and again while it is started.

    Args:
        plant: The plant.
        interval: Seconds between two scans; None for none.
        parts: Parts that a scan is spread over, one after the other within the interval.
        changed: Called after every part.

    Raises:
        ConfigurationError: Interval or parts make no sense.
    """

    def __init__(
        self, plant: Plant, interval: float | None, parts: int, changed: Callable[[], None]
    ) -> None:
        if interval is not None and not interval > 0:
            raise ConfigurationError(f"interval: give seconds above 0, or None, not {interval!r}")
        if parts < 1:
            raise ConfigurationError(f"scan_parts: give 1 or more, not {parts!r}")
        self._plant = plant
        self._interval = interval
        self._parts = parts
        self._changed = changed
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to scan."""
        if self._interval is not None:
            self._task = asyncio.create_task(self._scan_for_ever(self._interval))

    async def stop(self) -> None:
        """Scan no more; harmless when repeated."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _scan_for_ever(self, interval: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            for part in range(self._parts):
                due = max(due + interval / self._parts, loop.time())
                await asyncio.sleep(due - loop.time())
                self._plant.scan(part, self._parts)
                self._changed()
