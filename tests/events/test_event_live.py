"""Consumers of a live session's events, against the simulator."""

from __future__ import annotations

import gc
from collections.abc import Callable

import anyio
import pytest

from mxgateway import (
    ClientOptions,
    ConnectionLost,
    DataChange,
    DroppedEvents,
    EventStream,
    GatewayClient,
    MxGatewayError,
    ReplayGapEvent,
    Session,
    SlowConsumerError,
    WriteComplete,
)
from mxgateway.simulator import Settings, Simulator, ThreadedSimulator

TAG = "SimProbe_001.TestInt"


async def advised(session: Session, tag: str = TAG) -> tuple[int, int]:
    server = await session.register("events")
    item = await session.add_item(server, tag)
    await session.advise(server, item)
    return server, item


async def move(sim: ThreadedSimulator, *values: int) -> None:
    """Give the tag one value after the other."""

    def set_all() -> None:
        for value in values:
            sim.set_value(TAG, value)

    await anyio.to_thread.run_sync(set_all)


async def until(sim: ThreadedSimulator, predicate: Callable[[Simulator], bool]) -> None:
    await anyio.to_thread.run_sync(sim.wait_until, predicate)


async def values(stream: EventStream, count: int) -> list[object]:
    """Return the values of the next `count` data changes."""
    found: list[object] = []
    with anyio.fail_after(5):
        while len(found) < count:
            event = await anext(stream)
            if isinstance(event, DataChange):
                found.append(event.value)
    return found


async def test_several_consumers_share_the_one_stream_that_the_gateway_allows(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GatewayClient.connect(options=options) as client:
        async with await client.open_session() as session:
            _, item = await advised(session)
            async with session.stream_events() as first:
                assert (await values(first, 1)) == [0]
                async with (
                    session.stream_events(families=[WriteComplete]) as completions,
                    session.stream_events(items=[item]) as second,
                ):
                    await move(sim, 1, 2, 3)
                    assert await values(first, 3) == [1, 2, 3]
                    assert await values(second, 3) == [1, 2, 3]
                    assert completions.queued == 0
                assert sim.audit.streams_open == 1
            await until(sim, lambda s: s.audit.streams_open == 0)
    assert sim.audit.streams_opened == 1
    assert sim.audit.stream_resets["CANCEL"] == 1


@pytest.mark.requirement("sub.slow-consumer")
async def test_slow_consumers_neither_fault_the_session_nor_fill_memory(
    options: ClientOptions, sim: ThreadedSimulator
) -> None:
    async with GatewayClient.connect(options=options) as client:
        async with await client.open_session() as session:
            await advised(session)
            async with (
                session.stream_events(max_events=10, overflow="drop_oldest") as slow,
                session.stream_events(max_events=100) as strict,
                session.stream_events(max_events=5_000) as fast,
            ):
                await values(fast, 1)
                await move(sim, *range(1, 2_001))
                assert await values(fast, 2_000) == list(range(1, 2_001))
                assert slow.queued == 10
                mark = await anext(slow)
                assert isinstance(mark, DroppedEvents)
                assert mark.count == 1_991
                assert await values(slow, 10) == list(range(1_991, 2_001))
                assert await values(strict, 100) == list(range(100))
                with pytest.raises(SlowConsumerError):
                    await anext(strict)
                # A command shows that the gateway has not faulted the session.
                await session.register("still there")
    assert sim.audit.sessions_faulted == 0


async def test_a_stream_resumes_without_gap_or_duplicate(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GatewayClient.connect(options=options) as client:
        async with await client.open_session() as session:
            await advised(session)
            last, seen = 0, []
            for number in (1, 2, 3):
                await move(sim, number)
                async with session.stream_events(last) as stream:
                    with anyio.fail_after(5):
                        async for event in stream:
                            assert isinstance(event, DataChange)
                            last = event.worker_sequence
                            seen.append(last)
                            if event.value == number:
                                break
            assert seen == [1, 2, 3, 4]


async def test_a_stream_resumed_behind_the_ring_starts_with_a_gap() -> None:
    settings = Settings(ring_size=4)
    with ThreadedSimulator(seed=1, interval=None, settings=settings) as sim:
        async with GatewayClient.connect(
            endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True
        ) as client:
            async with await client.open_session() as session:
                await advised(session)
                async with session.stream_events() as stream:
                    await move(sim, *range(1, 11))
                    await values(stream, 11)
                async with session.stream_events(2) as stream:
                    with anyio.fail_after(5):
                        gap = await anext(stream)
                    assert isinstance(gap, ReplayGapEvent)
                    assert (gap.requested_after, gap.oldest_available, gap.lost) == (2, 8, 5)
                    assert await values(stream, 4) == [7, 8, 9, 10]


async def test_consumers_come_and_go_at_once_without_being_refused(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GatewayClient.connect(options=options) as client:
        async with await client.open_session() as session:
            await advised(session)
            for number in range(1, 21):
                async with session.stream_events() as stream:
                    await move(sim, number)
                    while (await values(stream, 1)) != [number]:
                        pass


@pytest.mark.requirement("stream.early-exit")
async def test_break_out_of_the_loop_leaves_the_stream(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GatewayClient.connect(options=options) as client:
        async with await client.open_session() as session:
            await advised(session)
            with anyio.fail_after(5):
                async for event in session.stream_events():
                    assert isinstance(event, DataChange)
                    break
            del event
            gc.collect()
            await until(sim, lambda s: s.audit.streams_open == 0)
            assert not session.events.running


async def test_closing_the_session_ends_consumers_after_the_last_event(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GatewayClient.connect(options=options) as client:
        session = await client.open_session()
        await advised(session)
        stream = session.stream_events()
        await values(stream, 1)
        await move(sim, 1, 2)
        with anyio.fail_after(5):
            await session.close()
            assert [event.worker_sequence async for event in stream] == [2, 3]
        assert sim.audit.streams_open == 0


async def test_closing_the_client_ends_consumers_with_connection_lost(
    options: ClientOptions,
) -> None:
    ends: list[MxGatewayError] = []

    async def follow(session: Session, started: anyio.Event) -> None:
        async with session.stream_events() as stream:
            started.set()
            with pytest.raises(MxGatewayError) as ended:
                await values(stream, 1_000)
            ends.append(ended.value)

    with anyio.fail_after(5):
        async with GatewayClient.connect(options=options) as client:
            session = await client.open_session()
            await advised(session)
            async with anyio.create_task_group() as tasks:
                events = [anyio.Event(), anyio.Event()]
                for event in events:
                    tasks.start_soon(follow, session, event)
                    await event.wait()
                await client.close()
    assert [type(error) for error in ends] == [ConnectionLost, ConnectionLost]
    assert all(isinstance(e, ConnectionLost) and e.cause == "closed" for e in ends)


async def test_a_gateway_that_goes_ends_every_consumer_with_an_error() -> None:
    sim = ThreadedSimulator(interval=None).start()
    try:
        async with GatewayClient.connect(
            endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True
        ) as client:
            session = await client.open_session()
            await advised(session)
            async with session.stream_events() as first, session.stream_events() as second:
                await values(first, 1)
                await anyio.to_thread.run_sync(sim.stop)
                with anyio.fail_after(5):
                    for stream in (first, second):
                        with pytest.raises(MxGatewayError) as ended:
                            await values(stream, 1_000)
                        assert ended.value.transient
    finally:
        sim.stop()


async def test_a_cancelled_consumer_leaves_the_others_alone(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GatewayClient.connect(options=options) as client:
        async with await client.open_session() as session:
            await advised(session)
            async with session.stream_events() as stream:
                await values(stream, 1)
                with anyio.move_on_after(0) as scope:
                    async with session.stream_events() as other:
                        await anext(other)
                assert scope.cancelled_caught
                await move(sim, 5)
                assert await values(stream, 1) == [5]
