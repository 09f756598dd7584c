"""The tank guard against a simulated plant, also where the gateway fails.

pip install "mxgateway" pytest trio
pytest examples/tank_guard
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.to_thread
import pytest
from tank_guard import TankGuard

from mxgateway import ClientOptions, GatewayClient, TagValue
from mxgateway.simulator import ThreadedSimulator

pytest_plugins = ["mxgateway.simulator.pytest"]
pytestmark = pytest.mark.anyio  # on asyncio and on trio

LEVEL, VALVE = "Tank_001.Level", "Valve_001.Cmd"


class Bench:
    """A guard at work on a simulated plant."""

    def __init__(self, simulator: ThreadedSimulator, looks: Any) -> None:
        self.simulator = simulator
        self._looks = looks

    async def until_it_has_seen(self, seen: Callable[[TagValue], bool]) -> None:
        """Return once the guard has dealt with such a value."""
        async for value in self._looks:
            if seen(value):
                return

    async def until(self, true: Callable[[Any], bool]) -> None:
        """Return once something is so in the simulator; the guard goes on meanwhile."""
        await anyio.to_thread.run_sync(self.simulator.wait_until, true)


@asynccontextmanager
async def guarding(simulator: ThreadedSimulator, options: ClientOptions) -> AsyncIterator[Bench]:
    """Let a guard run while the block does; nothing takes longer than ten seconds."""
    simulator.set_value(VALVE, True)
    looked, looks = anyio.create_memory_object_stream[TagValue](1000)
    with anyio.fail_after(10), looked, looks:
        async with GatewayClient.connect(options=options) as client:
            guard = TankGuard(
                client,
                "Tank_001",
                VALVE,
                limit=80.0,
                write_timeout=0.5,
                retry=0.01,
                looked=looked.send_nowait,
            )
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(guard.run)
                yield Bench(simulator, looks)
                tasks.cancel_scope.cancel()


async def test_it_closes_the_valve_at_the_limit_once(
    mxgateway_simulator: ThreadedSimulator, mxgateway_options: ClientOptions
) -> None:
    audit = mxgateway_simulator.audit
    async with guarding(mxgateway_simulator, mxgateway_options) as bench:
        mxgateway_simulator.set_value(LEVEL, 79.5)
        await bench.until_it_has_seen(lambda value: value.value == 79.5)
        assert audit.values_written(VALVE) == []

        mxgateway_simulator.set_value(LEVEL, 80.0)
        await bench.until_it_has_seen(lambda value: value.value == 80.0)
        mxgateway_simulator.set_value(LEVEL, 81.0)
        await bench.until_it_has_seen(lambda value: value.value == 81.0)
        assert audit.values_written(VALVE) == [False]


async def test_it_closes_the_valve_when_it_cannot_see_the_level(
    mxgateway_simulator: ThreadedSimulator, mxgateway_options: ClientOptions
) -> None:
    async with guarding(mxgateway_simulator, mxgateway_options) as bench:
        mxgateway_simulator.set_value(LEVEL, 30.0, quality=24)  # Bad, comm failure
        await bench.until_it_has_seen(lambda value: value.tag == LEVEL and not value.good)
        assert mxgateway_simulator.plant[VALVE].value is False


async def test_it_acknowledges_the_alarm_once_the_valve_is_closed(
    mxgateway_simulator: ThreadedSimulator, mxgateway_options: ClientOptions
) -> None:
    async with guarding(mxgateway_simulator, mxgateway_options) as bench:
        mxgateway_simulator.set_value(LEVEL, 86.0)
        await bench.until(lambda s: s.alarms["Tank_001.Level.Hi"].operator == "tank-guard")
        assert mxgateway_simulator.plant[VALVE].value is False
        assert mxgateway_simulator.alarms["Tank_001.Level.Hi"].comment == f"{VALVE} is closed"


async def test_a_lost_session_does_not_end_it(
    mxgateway_simulator: ThreadedSimulator, mxgateway_options: ClientOptions
) -> None:
    async with guarding(mxgateway_simulator, mxgateway_options) as bench:
        await bench.until_it_has_seen(lambda value: value.tag == LEVEL)
        mxgateway_simulator.faults.kill_worker()
        mxgateway_simulator.set_value(LEVEL, 90.0)
        await bench.until_it_has_seen(lambda value: value.value == 90.0)
        assert mxgateway_simulator.audit.values_written(VALVE) == [False]
        assert mxgateway_simulator.audit.sessions_opened == 2


async def test_a_write_whose_answer_is_lost_is_not_taken_for_done(
    mxgateway_simulator: ThreadedSimulator, mxgateway_options: ClientOptions
) -> None:
    async with guarding(mxgateway_simulator, mxgateway_options) as bench:
        await bench.until_it_has_seen(lambda value: value.tag == LEVEL)
        mxgateway_simulator.faults.stall(method="Invoke", at="request")
        mxgateway_simulator.set_value(LEVEL, 90.0)
        await bench.until_it_has_seen(lambda value: value.value == 90.0)
        assert mxgateway_simulator.plant[VALVE].value is True  # nothing has arrived

        mxgateway_simulator.faults.clear()
        mxgateway_simulator.set_value(LEVEL, 91.0)
        await bench.until_it_has_seen(lambda value: value.value == 91.0)
        await bench.until(lambda s: s.plant[VALVE].value is False)
