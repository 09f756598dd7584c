"""What the tag methods leave at a gateway when they are cut short: nothing."""

from __future__ import annotations

import asyncio

import anyio
import anyio.to_thread
import pytest
from tags.tags_plant import LIMIT, Plant

from mxgateway import GatewayClient, MxGatewayError, SessionLostError
from mxgateway.simulator import ApiKey, ThreadedSimulator

INT = "SimProbe_001.TestInt"
FLOAT = "SimProbe_001.TestFloat"


@pytest.mark.requirement("call.cancel-clean")
@pytest.mark.parametrize("anyio_backend", ["asyncio"], scope="module")
@pytest.mark.parametrize("turns", [*range(4, 20), 24, 32])
async def test_asyncio_s_own_cancellation_leaves_no_item(
    client: GatewayClient, plant: Plant, turns: int
) -> None:
    with anyio.fail_after(LIMIT):
        await client.read(FLOAT)
        # As by asyncio.wait_for, against which no scope of anyio shields.
        task = asyncio.create_task(client.read([INT, FLOAT]))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await client.read("Tank_001.Level")
        assert await plant.items() == []


async def test_closing_while_the_session_opens_leaves_no_session(
    client: GatewayClient, sim: ThreadedSimulator, plant: Plant
) -> None:
    async def read() -> None:
        with pytest.raises(MxGatewayError, match="closed"):
            await client.read(INT)

    with anyio.fail_after(LIMIT):
        await anyio.to_thread.run_sync(lambda: sim.faults.delay(0.3, method="OpenSession"))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await plant.until(lambda s: s.session_count == 1)
            tasks.start_soon(client.close)
            tasks.start_soon(client.close)
    assert sim.session_count == 0


async def test_a_session_whose_connection_was_lost_is_closed(
    client: GatewayClient, sim: ThreadedSimulator, plant: Plant
) -> None:
    with anyio.fail_after(LIMIT):
        async with client.subscribe(INT) as values:
            await anext(values)
            await anyio.to_thread.run_sync(sim.faults.drop_connections)
            with pytest.raises(SessionLostError):
                await anext(values)
            await plant.until(lambda s: s.session_count == 0)


async def test_a_session_without_events_whose_lease_ended_is_replaced() -> None:
    key = ApiKey(
        "mxgw_reader_only-reads", frozenset({"session:open", "session:close", "invoke:read"})
    )
    with ThreadedSimulator(seed=1, interval=None, keys=[key]) as sim:
        async with GatewayClient.connect(
            endpoint=sim.endpoint, api_key=key.key, plaintext=True
        ) as client:
            with anyio.fail_after(LIMIT):
                assert (await client.read(INT))[0].value == 0
                await anyio.to_thread.run_sync(sim.faults.expire_lease)
                assert (await client.read(INT))[0].value == 0
    assert sim.audit.sessions_opened == 2
