"""The methods of our client's session against the simulator, on both event loops."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import anyio
import pytest
from simulator.gateway_user import client_of, events_of, in_thread, until

from mxgateway import (
    BufferedDataChange,
    DataChange,
    GatewayClient,
    MxAccessError,
    MxDataType,
    MxEvent,
    PermissionDeniedError,
    SessionState,
    WriteComplete,
)
from mxgateway.events import typed_event
from mxgateway.simulator import ApiKey, ManualClock, ThreadedSimulator

INT, ARRAY = "SimProbe_001.TestInt", "SimProbe_001.TestIntArray"
SECURED, VERIFIED = "SimProbe_001.Secured", "SimProbe_001.Verified"
TIME = datetime(2020, 2, 29, tzinfo=UTC)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(("asyncio", {"debug": True}), id="asyncio"),
        pytest.param(("trio", {}), id="trio"),
    ],
)
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    """The simulator runs in a thread, so the client may run on either loop."""
    return request.param


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still."""
    return ManualClock()


@pytest.fixture
def sim(clock: ManualClock) -> Iterator[ThreadedSimulator]:
    """A simulator that moves only when told to, with a second key that has constraints."""
    keys = [
        ApiKey("mxgw_all_1"),
        ApiKey("mxgw_few_2", write_scope=("Tank_001",), max_write_classification=1),
    ]
    with ThreadedSimulator(interval=None, seed=1, clock=clock, keys=keys) as simulator:
        yield simulator


async def test_bulk_methods(sim: ThreadedSimulator) -> None:
    async with client_of(sim) as client:
        session = await client.open_session()
        server = await session.register("tests")
        first, second = await session.subscribe_bulk(server, [INT, ARRAY])
        assert (first.was_successful, second.was_successful) == (True, True)
        good, bad = await session.write_bulk(server, [(first.item_handle, 5), (99, 6)])
        assert (good.was_successful, bad.was_successful) == (True, False)
        await until(sim, lambda s: s.audit.values_written(INT) == [5])
        cached, read = await session.read_bulk(server, [INT, "SimProbe_001.TestBool"])
        assert (cached.was_cached, read.was_cached) == (True, False)
        results = await session.unsubscribe_bulk(server, [first.item_handle, second.item_handle])
        assert all(result.was_successful for result in results)


async def test_secured_and_verified_writes(sim: ThreadedSimulator) -> None:
    async with client_of(sim) as client:
        session = await client.open_session()
        server = await session.register("tests")
        one = await session.authenticate_user(server, "operator", "operator")
        two = await session.authenticate_user(server, "engineer", "engineer")
        with pytest.raises(MxAccessError):
            await session.authenticate_user(server, "operator", "wrong")
        secured, verified = [await session.add_item(server, tag) for tag in (SECURED, VERIFIED)]
        for item in (secured, verified):
            await session.advise(server, item)
        await session.write_secured(server, secured, 1, current_user_id=one)
        await session.write_secured2(
            server, verified, 2, TIME, current_user_id=one, verifier_user_id=two
        )
        await until(sim, lambda s: s.audit.values_written(VERIFIED) == [2])
        assert sim.audit.values_written(SECURED) == [1]
        plain = await session.add_item(server, INT)
        await session.advise(server, plain)
        with pytest.raises(MxAccessError) as caught:
            await session.write_secured(server, plain, 1, current_user_id=one)
        assert caught.value.hresult == -2147467231


async def test_buffered_items_and_suspending(sim: ThreadedSimulator, clock: ManualClock) -> None:
    async with client_of(sim) as client:
        session = await client.open_session()
        server = await session.register("tests")
        await session.set_buffered_update_interval(server, 500)
        buffered = await session.add_buffered_item(server, INT)
        await session.advise(server, buffered)
        plain = await session.add_item(server, INT)
        await session.advise(server, plain)
        await session.suspend(server, plain)
        for value in (1, 2):
            await in_thread(sim.set_value, INT, value)
        await session.activate(server, plain)
        await in_thread(sim.advance, 0.5)
        with anyio.fail_after(5):
            async with events_of(client, session) as stream:
                messages: list[MxEvent] = [await anext(stream) for _ in range(3)]
        before, after, batch = (typed_event(message) for message in messages)
        assert isinstance(before, DataChange)
        assert isinstance(after, DataChange)
        assert (before.value, after.value) == (0, 2)
        assert isinstance(batch, BufferedDataChange)
        assert [sample.value for sample in batch.samples] == [0, 1, 2]
        assert all(sample.quality.good for sample in batch.samples)


async def test_writes_with_their_completion_and_array_elements(sim: ThreadedSimulator) -> None:
    async with client_of(sim) as client:
        session = await client.open_session()
        server = await session.register("tests")
        item = await session.add_item(server, ARRAY)
        await session.advise(server, item)
        await session.write_array_elements(
            server, item, {1: 9}, total_length=3, data_type=MxDataType.INTEGER
        )
        await until(sim, lambda s: s.plant[ARRAY].value == [0, 9, 0])
        with anyio.fail_after(5):
            done = await session.write_and_wait(server, item, [1, 2])
        assert isinstance(done, WriteComplete)
        assert done.ok
        assert sim.plant[ARRAY].value == [1, 2]


async def test_control_methods(sim: ThreadedSimulator) -> None:
    async with client_of(sim) as client:
        session = await client.open_session()
        assert (await session.ping("hello")).diagnostic_message == "hello"
        assert await session.get_session_state() is SessionState.READY
        assert (await session.get_worker_info()).worker_process_id
        server = await session.register("tests")
        item = await session.add_item(server, INT)
        await session.advise(server, item)
        assert [event.item_handle for event in await session.drain_events()] == [item]
        await session.shutdown_worker(grace_period=1)
        assert sim.session_count == 0


async def test_constraints_of_a_key(sim: ThreadedSimulator) -> None:
    async with GatewayClient.connect(
        endpoint=sim.endpoint, api_key="mxgw_few_2", plaintext=True
    ) as client:
        session = await client.open_session()
        server = await session.register("tests")
        inside = await session.add_item(server, "Tank_001.Product")
        outside = await session.add_item(server, "Tank_002.Product")
        for item in (inside, outside):
            await session.advise(server, item)
        results = await session.write_bulk(server, [(outside, "x"), (inside, "y")])
        assert [result.was_successful for result in results] == [False, True]
        with pytest.raises(PermissionDeniedError):
            await session.write(server, outside, "x")
