"""Several event streams on one session, and what a full queue leads to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.generated.mxaccess_gateway.v1 import (
    DrainEventsCommand,
    MxCommandKind,
    MxEvent,
    SessionState,
)
from mxgateway.simulator import ManualClock, Settings, Simulator

TAG = "SimProbe_001.TestInt"
BIG = "SimProbe_002.TestBigString"
FILLER = "x" * 50_000


@asynccontextmanager
async def running(clock: ManualClock, **settings: Any) -> AsyncIterator[Simulator]:
    async with Simulator(
        interval=None, seed=1, clock=clock, settings=Settings(**settings)
    ) as simulator:
        yield simulator


async def changes(sim: Simulator, count: int, start: int = 1) -> None:
    for number in range(start, start + count):
        await sim.set_value(TAG, number)


async def flood(sim: Simulator, user: Any) -> None:
    """Change the tag until the window of a reader that does not read and its queue are full."""
    session = sim.gateway.sessions[user.session_id]
    before = session.events.subscribers
    number = 0
    with anyio.fail_after(20):
        while session.events.subscribers == before and session.state is SessionState.READY:
            number += 1
            await sim.set_value(BIG, f"{number} {FILLER}")
            if number % 10 == 0:
                for _ in range(4):
                    await anyio.lowlevel.checkpoint()


def numbers(events: list[MxEvent]) -> list[int]:
    return [event.worker_sequence for event in events]


@pytest.mark.rule("events.shared")
async def test_every_subscriber_gets_the_same_events(clock: ManualClock, connect: Any) -> None:
    async with running(clock, max_subscribers=3) as sim, AsyncExitStack() as stack:
        user = await connect(sim)
        stack.callback(user.channel.close)
        await user.advised(TAG)
        streams = [await stack.enter_async_context(user.events()) for _ in range(3)]
        await sim.wait_for(lambda s: s.audit.streams_open == 3)
        first = await streams[0].next()  # what waited went to whoever came first
        assert first.worker_sequence == 1
        await changes(sim, 200)
        received = [await stream.take(200) for stream in streams]
        assert numbers(received[0]) == list(range(2, 202))
        assert received[0] == received[1] == received[2]


@pytest.mark.rule("events.shared-limit", "status.resource-exhausted")
async def test_the_ninth_subscriber_is_too_many(clock: ManualClock, connect: Any) -> None:
    async with running(clock, max_subscribers=8) as sim, AsyncExitStack() as stack:
        user = await connect(sim)
        stack.callback(user.channel.close)
        for count in range(8):
            await stack.enter_async_context(user.events())
            await sim.wait_for(lambda s, n=count + 1: s.audit.streams_open == n)  # type: ignore[misc]
        with pytest.raises(GRPCError) as caught:
            async with user.events() as ninth:
                await ninth.end()
        assert caught.value.status is Status.RESOURCE_EXHAUSTED


async def test_a_subscriber_may_resume_beside_one_that_listens(
    clock: ManualClock, connect: Any
) -> None:
    async with running(clock, max_subscribers=2) as sim:
        user = await connect(sim)
        await user.advised(TAG)
        async with user.events() as first:
            await changes(sim, 5)
            await first.take(6)
            async with user.events(after=2) as second:
                assert numbers(await second.take(4)) == [3, 4, 5, 6]
                await changes(sim, 1, start=50)
                assert (await second.next()).worker_sequence == 7
                assert (await first.next()).worker_sequence == 7
        user.channel.close()


@pytest.mark.rule("events.overflow-shared")
@pytest.mark.parametrize("overflow", ["disconnect", "fail-fast"])
async def test_on_a_shared_session_only_the_slow_stream_ends(
    clock: ManualClock, connect: Any, overflow: str
) -> None:
    settings: dict[str, Any] = {"max_subscribers": 2, "queue_limit": 100, "overflow": overflow}
    async with running(clock, **settings) as sim:
        slow, quick = await connect(sim), await connect(sim, session=False)
        quick.session_id = slow.session_id
        await slow.advised(BIG)
        async with slow.events() as waits, quick.events() as reads:
            await sim.wait_for(lambda s: s.audit.streams_open == 2)
            received: list[MxEvent] = []

            async def read() -> None:
                while True:
                    received.append(await reads.next())

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read)
                await flood(sim, slow)
                with anyio.fail_after(5):
                    while await waits.stream.recv_message() is not None:
                        pass
                with pytest.raises(GRPCError) as caught:
                    await waits.end()
                last = sim.gateway.sessions[slow.session_id].events.sequence
                with anyio.fail_after(5):
                    while not received or received[-1].worker_sequence < last:
                        await anyio.lowlevel.checkpoint()
                tasks.cancel_scope.cancel()
        assert caught.value.status is Status.RESOURCE_EXHAUSTED
        assert "EventQueueOverflow" in str(caught.value.message)
        assert sim.gateway.sessions[slow.session_id].state is SessionState.READY
        assert numbers(received) == list(range(received[0].worker_sequence, last + 1))
        for user in (slow, quick):
            user.channel.close()


@pytest.mark.rule("events.resume")
@pytest.mark.requirement("sub.slow-consumer")
async def test_who_was_disconnected_resumes_without_loss(clock: ManualClock, connect: Any) -> None:
    settings: dict[str, Any] = {"queue_limit": 100, "ring_size": 100_000}
    async with running(clock, overflow="disconnect", **settings) as sim:
        user = await connect(sim)
        await user.advised(BIG)
        received: list[int] = []
        async with user.events() as stream:
            await sim.wait_for(lambda s: s.audit.streams_open == 1)
            await flood(sim, user)
            with anyio.fail_after(5):
                while (event := await stream.stream.recv_message()) is not None:
                    received.append(event.worker_sequence)
            with pytest.raises(GRPCError):
                await stream.end()
        last = sim.gateway.sessions[user.session_id].events.sequence
        async with user.events(after=received[-1]) as stream:
            received += numbers(await stream.take(last - len(received)))
        assert received == list(range(1, last + 1))
        assert sim.audit.sessions_faulted == 0
        user.channel.close()


async def test_without_a_reader_a_disconnecting_session_keeps_the_newest(
    clock: ManualClock, connect: Any
) -> None:
    async with running(clock, overflow="disconnect", queue_limit=10) as sim:
        user = await connect(sim)
        await user.advised(TAG)
        await changes(sim, 24)
        assert sim.gateway.sessions[user.session_id].events.dropped == 15
        drain = DrainEventsCommand(max_events=3)
        reply = await user.invoke(MxCommandKind.DRAIN_EVENTS, drain)
        assert numbers(reply.drain_events.events) == [16, 17, 18]
        async with user.events() as stream:
            assert numbers(await stream.take(7)) == list(range(19, 26))
        user.channel.close()


async def test_while_somebody_listens_nothing_waits_to_be_drained(
    sim: Simulator, user: Any
) -> None:
    await user.advised(TAG)
    async with user.events() as stream:
        await stream.next()
        await changes(sim, 3)
        reply = await user.invoke(MxCommandKind.DRAIN_EVENTS, DrainEventsCommand())
        assert reply.drain_events.events == []
        assert numbers(await stream.take(3)) == [2, 3, 4]


async def test_what_the_last_stream_did_not_take_waits_for_the_next(
    sim: Simulator, user: Any
) -> None:
    await user.advised(TAG)
    fault = await sim.faults.stall(method="StreamEvents")
    async with user.events():
        await sim.wait_for(lambda s: s.gateway.gate.waiting == 1)
    await sim.wait_for(lambda s: s.audit.streams_open == 0)
    await sim.faults.clear(fault)
    async with user.events() as stream:
        assert (await stream.next()).worker_sequence == 1
