"""Reading tags by name."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from tags.tags_plant import LIMIT, Plant

from mxgateway import (
    ConfigurationError,
    ConnectError,
    GatewayClient,
    MxDataType,
    PermissionDeniedError,
    TagError,
    raise_errors,
)
from mxgateway.simulator import ApiKey, Settings, ThreadedSimulator


@pytest.mark.requirement("read.batch-partial")
async def test_one_result_for_each_tag_in_order_with_duplicates(
    client: GatewayClient, plant: Plant
) -> None:
    await plant.set("SimProbe_001.TestInt", 7)
    tags = [
        "SimProbe_001.TestInt",
        "SimProbe_001.NoSuch",
        "SimProbe_001.TestString",
        "simprobe_001.testint",
        "SimProbe_001.AlwaysBad",
        "SimProbe_001.TestInt",
        "SimProbe_001.TestIntArray[]",
    ]
    with anyio.fail_after(LIMIT):
        values = await client.read(tags)
    assert [value.tag for value in values] == tags
    assert [value.value for value in values[::3]] == [7, 7, [0, 1, 2, 3, 4, 5, 6, 7]]
    assert [value.ok for value in values] == [True, False, True, True, True, True, True]
    assert values[0].good
    assert values[0].data_type == MxDataType.INTEGER
    assert values[0].timestamp is not None
    assert "cannot be resolved" in values[1].status
    assert values[4].bad
    assert values[4].quality.value == 24
    with pytest.raises(ExceptionGroup) as group:
        raise_errors(values)
    assert [type(error) for error in group.value.exceptions] == [TagError]
    assert "SimProbe_001.NoSuch" in str(group.value.exceptions[0])
    raise_errors(values[2:])


@pytest.mark.requirement("read.batch-partial")
async def test_a_read_leaves_nothing_behind(client: GatewayClient, plant: Plant) -> None:
    with anyio.fail_after(LIMIT):
        await client.read(["SimProbe_001.TestInt", "Tank_001.Level"])
        assert await plant.items() == []
        await client.read("Tank_001.Level")
    assert plant.sim.session_count == 1
    assert plant.sim.audit.sessions_opened == 1


async def test_one_tag_alone_and_none_at_all(client: GatewayClient, plant: Plant) -> None:
    with anyio.fail_after(LIMIT):
        assert await client.read([]) == []
        assert plant.sim.session_count == 0
        [value] = await client.read("Tank_001.Level")
    assert value.tag == "Tank_001.Level"


async def test_what_is_subscribed_is_answered_at_once(client: GatewayClient, plant: Plant) -> None:
    with anyio.fail_after(LIMIT):
        async with client.subscribe("Tank_001.Level") as levels:
            first = await anext(levels)
            added = plant.sim.audit.commands["SUBSCRIBE_BULK"]
            [value] = await client.read(["TANK_001.level"])
            assert value == first or value.value == first.value  # type: ignore[union-attr]
            assert value.cached
            assert plant.sim.audit.commands["SUBSCRIBE_BULK"] == added
            assert await plant.items() == ["Tank_001.Level"]


async def test_a_tag_without_a_value_in_time_is_an_error_result_and_is_given_back() -> None:
    settings = Settings(first_value_delay=60)
    with ThreadedSimulator(seed=1, interval=None, settings=settings) as sim:
        async with GatewayClient.connect(
            endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True
        ) as client:
            with anyio.fail_after(LIMIT):
                values = await client.read(["Tank_001.Level", "Tank_001.Temp"], timeout=0.1)
            assert [value.ok for value in values] == [False, False]
            assert "no value within 0.1 s" in values[0].status
            assert values[0].error is not None
            assert values[0].error.tag == "Tank_001.Level"
            assert await Plant(sim).items() == []


@pytest.mark.parametrize("tags", [[""], ["Tank_001.Level", 5], ["  "], 5, None, b"Tank_001.Level"])
async def test_what_is_no_tag_is_refused_before_anything_is_sent(
    client: GatewayClient, plant: Plant, tags: Any
) -> None:
    with pytest.raises(ConfigurationError, match=r"^tags"):
        client.subscribe(tags)
    with pytest.raises(ConfigurationError, match=r"^tags"):
        await client.read(tags)
    assert plant.sim.audit.sessions_opened == 0


async def test_a_key_that_may_not_read_events_reads_through_the_worker() -> None:
    scopes = frozenset({"session:open", "session:close", "invoke:read"})
    key = ApiKey("mxgw_reader_only-reads", scopes)
    with ThreadedSimulator(seed=1, interval=None, keys=[key]) as sim:
        async with GatewayClient.connect(
            endpoint=sim.endpoint, api_key=key.key, plaintext=True
        ) as client:
            with anyio.fail_after(LIMIT):
                values = await client.read(["SimProbe_001.TestInt", "SimProbe_001.NoSuch"])
                assert [value.ok for value in values] == [True, False]
                assert values[0].value == 0
                again = await client.read("SimProbe_001.TestInt")
                assert again[0].value == 0
                # No gateway appends the brackets to what is read in bulk.
                mixed = await client.read(["SimProbe_001.TestIntArray", "SimProbe_001.TestInt"])
                assert [value.value for value in mixed] == [list(range(8)), 0]
                assert mixed[0].tag == "SimProbe_001.TestIntArray"
                assert await Plant(sim).items() == []
                with pytest.raises(PermissionDeniedError):
                    async with client.subscribe("SimProbe_001.TestInt"):
                        pass


async def test_no_gateway_is_an_error_and_not_a_list_of_bad_values() -> None:
    with ThreadedSimulator(seed=1, interval=None) as sim:
        async with GatewayClient.connect(
            endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True
        ) as client:
            await anyio.to_thread.run_sync(sim.stop)
            with anyio.fail_after(LIMIT), pytest.raises(ConnectError):
                await client.read("Tank_001.Level")


async def test_many_readers_at_once_share_the_session_and_the_items(
    client: GatewayClient, plant: Plant
) -> None:
    seen: list[object] = []

    async def read() -> None:
        seen.append((await client.read("SimProbe_001.TestInt"))[0].value)

    with anyio.fail_after(LIMIT):
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(read)
    assert seen == [0] * 20
    assert plant.sim.audit.sessions_opened == 1
    assert await plant.items() == []
