"""Subscriptions by tag name."""

from __future__ import annotations

import gc

import anyio
import anyio.lowlevel
import pytest
from tags.tags_plant import LIMIT, Plant

from mxgateway import (
    ClientClosedError,
    ConnectionLost,
    DroppedEvents,
    GatewayClient,
    SessionLostError,
    SlowConsumerError,
    TagSubscription,
    TagValue,
)
from mxgateway.simulator import Settings, ThreadedSimulator

INT = "SimProbe_001.TestInt"
FLOAT = "SimProbe_001.TestFloat"


async def _value(subscription: TagSubscription) -> TagValue:
    update = await anext(subscription)
    assert isinstance(update, TagValue)
    return update


async def test_the_present_value_comes_first_then_every_change(
    client: GatewayClient, plant: Plant
) -> None:
    with anyio.fail_after(LIMIT):
        async with client.subscribe([INT]) as subscription:
            assert (await _value(subscription)).value == 0
            for number in range(1, 6):
                await plant.set(INT, number)
            values = [await _value(subscription) for _ in range(5)]
            assert [value.value for value in values] == [1, 2, 3, 4, 5]
            assert {value.tag for value in values} == {INT}
            assert subscription.values[INT].value == 5
            assert await plant.items() == [INT]
        assert await plant.items() == []


async def test_it_may_be_iterated_without_being_entered(
    client: GatewayClient, plant: Plant
) -> None:
    with anyio.fail_after(LIMIT):
        async for update in client.subscribe(INT):
            assert isinstance(update, TagValue)
            break
        gc.collect()
        await plant.until(lambda s: not s.gateway.open_sessions[0].registrations[1].items)


async def test_a_tag_that_cannot_be_had_says_why_and_the_others_go_on(
    client: GatewayClient, plant: Plant
) -> None:
    with anyio.fail_after(LIMIT):
        async with client.subscribe(["SimProbe_001.NoSuch", INT]) as subscription:
            values = {value.tag: value for value in [await _value(subscription) for _ in range(2)]}
            assert not values["SimProbe_001.NoSuch"].ok
            assert values[INT].good
            await plant.set(INT, 9)
            assert (await _value(subscription)).value == 9


async def test_subscriptions_share_one_item_and_each_keeps_its_spelling(
    client: GatewayClient, plant: Plant
) -> None:
    with anyio.fail_after(LIMIT):
        async with client.subscribe([INT]) as one:
            assert (await _value(one)).value == 0
            async with client.subscribe([INT.upper(), INT]) as two:
                first = await _value(two)
                assert (first.tag, first.value) == (INT.upper(), 0)
                assert two.tags == (INT.upper(),)
                assert await plant.items() == [INT]
                await plant.set(INT, 1)
                assert (await _value(one)).tag == INT
                assert (await _value(two)).tag == INT.upper()
            assert await plant.items() == [INT]
            await plant.set(INT, 2)
            assert (await _value(one)).value == 2
        assert await plant.items() == []
    assert plant.sim.audit.streams_opened == 1


async def test_tags_are_added_and_removed_while_it_runs(
    client: GatewayClient, plant: Plant
) -> None:
    with anyio.fail_after(LIMIT):
        async with client.subscribe() as subscription:
            assert not subscription.tags
            await subscription.add(INT, FLOAT, INT)
            assert list(subscription.tags) == [INT, FLOAT]
            assert {(await _value(subscription)).tag for _ in range(2)} == {INT, FLOAT}
            await plant.set(INT, 1)
            await plant.until(lambda s: s.audit.events_sent >= 3)
            await subscription.remove(INT, "SimProbe_001.NeverThere")
            assert await plant.items() == [FLOAT]
            assert list(subscription.tags) == [FLOAT]
            await plant.set(FLOAT, 2.5)
            # A value of the removed tag that was waiting is not handed out.
            assert (await _value(subscription)).tag == FLOAT
            await subscription.add(INT)
            assert (await _value(subscription)).value == 1


async def test_tags_given_before_the_start_can_be_changed(
    client: GatewayClient, plant: Plant
) -> None:
    with anyio.fail_after(LIMIT):
        subscription = client.subscribe([INT])
        await subscription.add(FLOAT)
        await subscription.remove(INT)
        assert plant.sim.session_count == 0
        async with subscription:
            assert (await _value(subscription)).tag == FLOAT
            assert await plant.items() == [FLOAT]


@pytest.mark.requirement("sub.slow-consumer")
async def test_a_slow_consumer_is_told_and_harms_nobody_else(
    client: GatewayClient, plant: Plant
) -> None:
    with anyio.fail_after(LIMIT):
        async with client.subscribe(INT, max_events=10) as slow, client.subscribe(INT) as quick:
            for number in range(1, 31):
                await plant.set(INT, number)
            values = [await _value(quick) for _ in range(31)]
            assert [value.value for value in values] == list(range(31))
            taken = [await _value(slow) for _ in range(10)]
            assert [value.value for value in taken] == list(range(10))
            with pytest.raises(SlowConsumerError, match="max_events"):
                await anext(slow)
            assert slow.values[INT].value == 30  # the latest is known all the same
            assert await plant.items() == [INT]


@pytest.mark.requirement("sub.slow-consumer")
async def test_dropped_values_are_counted_and_marked_in_order(
    client: GatewayClient, plant: Plant
) -> None:
    with anyio.fail_after(LIMIT):
        async with (
            client.subscribe(INT, max_events=10, overflow="drop_oldest") as slow,
            client.subscribe(INT) as quick,
        ):
            for number in range(1, 31):
                await plant.set(INT, number)
            for _ in range(31):
                await _value(quick)
            mark = await anext(slow)
            assert isinstance(mark, DroppedEvents)
            assert mark.count == slow.dropped == 21
            assert [(await _value(slow)).value for _ in range(10)] == list(range(21, 31))


async def test_a_wait_that_is_given_up_loses_nothing(client: GatewayClient, plant: Plant) -> None:
    seen: list[object] = []
    with anyio.fail_after(LIMIT):
        async with client.subscribe(INT) as subscription:
            await _value(subscription)
            for number in range(1, 400):
                await plant.set(INT, number)
                while len(seen) < number:
                    with anyio.move_on_after(0 if number % 3 else 1):
                        seen.append((await _value(subscription)).value)
    assert seen == list(range(1, 400))


async def test_closing_ends_the_iteration_of_another_task(client: GatewayClient) -> None:
    ended = anyio.Event()
    subscription = client.subscribe(INT)

    async def follow() -> None:
        async for _ in subscription:
            pass
        ended.set()

    with anyio.fail_after(LIMIT):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(follow)
            while not subscription.values:
                await anyio.lowlevel.checkpoint()
            await subscription.aclose()
            await ended.wait()
        await subscription.aclose()
        with pytest.raises(ClientClosedError):
            await subscription.add(FLOAT)
        with pytest.raises(StopAsyncIteration):
            await anext(subscription)


async def test_a_lost_session_ends_every_subscription_and_the_next_call_opens_another(
    client: GatewayClient, plant: Plant
) -> None:
    with anyio.fail_after(LIMIT):
        async with client.subscribe(INT) as one, client.subscribe(FLOAT) as two:
            await _value(one)
            await _value(two)
            await plant.do(lambda s: s.gateway.open_sessions[0].close("test"))
            for subscription in (one, two):
                with pytest.raises(SessionLostError):
                    await anext(subscription)
        [value] = await client.read(INT)
        assert value.good
    assert plant.sim.audit.sessions_opened == 2


async def test_a_lost_connection_ends_subscriptions_with_its_cause() -> None:
    with ThreadedSimulator(seed=1, interval=None) as sim:
        async with GatewayClient.connect(
            endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True
        ) as client:
            with anyio.fail_after(LIMIT):
                async with client.subscribe(INT) as subscription:
                    await _value(subscription)
                    await anyio.to_thread.run_sync(sim.stop)
                    with pytest.raises(SessionLostError) as caught:
                        await anext(subscription)
                    assert caught.value.__cause__ is not None
                    await anyio.to_thread.run_sync(sim.start)
                async with client.subscribe(INT) as again:
                    assert (await _value(again)).good


async def test_closing_the_client_closes_its_session_and_ends_subscriptions(
    sim: ThreadedSimulator,
) -> None:
    plant = Plant(sim)
    ended: list[BaseException] = []
    started = anyio.Event()

    async def follow(client: GatewayClient) -> None:
        try:
            async for _ in client.subscribe(INT):
                started.set()
        except (SessionLostError, ConnectionLost) as error:
            ended.append(error)

    with anyio.fail_after(LIMIT):
        async with anyio.create_task_group() as tasks:
            async with GatewayClient.connect(
                endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True
            ) as client:
                tasks.start_soon(follow, client)
                await started.wait()
        assert [type(error) for error in ended] == [SessionLostError]
        await plant.until(lambda s: s.session_count == 0)
    assert sim.audit.sessions_closed == 1


async def test_an_array_where_the_gateway_does_not_append_the_brackets() -> None:
    settings = Settings(normalise_arrays=False)
    with ThreadedSimulator(seed=1, interval=None, settings=settings) as sim:
        async with GatewayClient.connect(
            endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True
        ) as client:
            with anyio.fail_after(LIMIT):
                async with client.subscribe("SimProbe_001.TestIntArray") as subscription:
                    value = await _value(subscription)
                    assert value.value == list(range(8))
                    assert value.tag == "SimProbe_001.TestIntArray"
                    await client.write("SimProbe_001.TestIntArray", [1] * 8)
                    assert (await _value(subscription)).value == [1] * 8
                assert await Plant(sim).items() in ([], ["SimProbe_001.TestIntArray[]"])


@pytest.mark.requirement("call.cancel-clean")
@pytest.mark.parametrize("turns", [*range(12), 20, 40])
async def test_a_cancelled_start_leaves_no_item(
    client: GatewayClient, plant: Plant, turns: int
) -> None:
    subscription = client.subscribe([INT, FLOAT])
    with anyio.fail_after(LIMIT):
        async with anyio.create_task_group() as tasks:

            async def start() -> None:
                async with subscription:
                    await anyio.sleep_forever()

            tasks.start_soon(start)
            for _ in range(turns):
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        # The session may still be opening; the next call shares it.
        await client.read("Tank_001.Level")
        assert await plant.items() == []
