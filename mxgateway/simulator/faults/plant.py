"""What the plant can do to clients: values, deploys, engines that stop, alarms that come poorer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from mxgateway.errors import ConfigurationError
from mxgateway.simulator.faults.registry import FaultBase
from mxgateway.simulator.outage import Ending
from mxgateway.simulator.plant import GOOD

__all__ = ["PlantFaults"]


class PlantFaults(FaultBase):
    """What can go wrong behind the gateway."""

    async def set_value(
        self,
        tag: str,
        value: Any = None,
        *,
        quality: int = GOOD,
        timestamp: datetime | None = None,
    ) -> None:
        """Give an attribute a value from inside the plant, as `Simulator.set_value` does."""
        await self._simulator.set_value(tag, value, quality=quality, timestamp=timestamp)
        self._note("set_value")

    async def redeploy(self) -> int:
        """Deploy the same galaxy again: page tokens go stale; returns the new sequence."""
        event = await self._simulator.redeploy()
        self._note("redeploy")
        return event.sequence

    async def stop_engine(self, host: str, *, ending: Ending = "stopped") -> int:
        """Shut an engine or a platform down: what it serves fails, or stands still unnoticed.

        "stopped": its attributes fail with CommunicationError, detail 5 for an engine and
        2 for a platform; "no-answer": detail 1; "frozen": the last good values go on being
        served, and only `ScanState` tells. Writing false to `ScanStateCmd` is another
        thing: off scan, attributes have quality 28 (MXAccess reference, sections 2, 4.1, 5).

        Returns:
            The id of the fault; clearing it starts the engine again.

        Raises:
            ConfigurationError: The plant has no such engine or platform.
        """
        states = self._simulator.deployer.states
        if states is None:
            raise ConfigurationError("stop_engine: the plant has no engines; give it a model")
        states.stop(host, ending)

        async def undo() -> None:
            states.start(host)

        return self._begin(
            "stop_engine",
            {"host": host, "ending": ending},
            undo,
            forget=lambda: states.start(host),
        )

    async def failover(self, reason: str = "a fault of the simulator") -> None:
        """Let the alarm provider fail over to the subtag mode."""
        self._simulator.alarms.failover(reason)
        self._note("failover")

    async def failback(self) -> None:
        """Let the alarm provider return to the native mode."""
        self._simulator.alarms.failback()
        self._note("failback")

    async def stop_repository(self, *, cache: bool = False) -> int:
        """Let the galaxy's database not answer: TestConnection says ok = false.

        What the gateway has in its cache is still served, unless `cache` says that it has
        not loaded it: then discovering and browsing end with UNAVAILABLE.

        Returns:
            The id of the fault.
        """
        galaxy = self._simulator.galaxy
        self._only("stop_repository")

        def answer() -> None:
            galaxy.connection_ok = galaxy.cache_loaded = True

        async def undo() -> None:
            answer()

        number = self._begin("stop_repository", {"cache": cache}, undo, forget=answer)
        galaxy.connection_ok = False
        galaxy.cache_loaded = not cache
        return number

    async def stop_alarm_manager(self) -> int:
        """Let the native alarm manager fall silent: the gateway fails over by itself.

        It polls every second and fails over at the third failure; then it probes every 30
        seconds. Cleared, the third good probe leads back.

        Returns:
            The id of the fault.
        """
        provider = self._simulator.alarms.provider
        self._only("stop_alarm_manager")

        async def undo() -> None:
            provider.manager_answers(True)

        number = self._begin("stop_alarm_manager", {}, undo)
        provider.manager_answers(False)
        return number
