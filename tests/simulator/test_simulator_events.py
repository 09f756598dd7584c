"""The event stream (gateway semantics, section 6)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import anyio
import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError
from h2.errors import ErrorCodes

from mxgateway.codec import decode, encode
from mxgateway.generated.mxaccess_gateway.v1 import (
    CloseSessionRequest,
    DrainEventsCommand,
    MxCommandKind,
    MxEvent,
    MxEventFamily,
    MxValue,
    PingCommand,
    SessionState,
    UnAdviseCommand,
)
from mxgateway.simulator import ManualClock, Settings, Simulator

TAG = "SimProbe_001.TestInt"


async def changes(sim: Simulator, count: int, start: int = 1) -> None:
    """Let the tag change `count` times."""
    for number in range(start, start + count):
        await sim.set_value(TAG, number)


def numbers(events: list[MxEvent]) -> list[int]:
    return [event.worker_sequence for event in events]


@pytest.mark.rule("events.order", "events.contiguous")
async def test_events_arrive_in_order_and_numbered_without_a_hole(
    sim: Simulator, user: Any
) -> None:
    await user.advised(TAG)
    async with user.events() as stream:
        await changes(sim, 500)
        events = await stream.take(501)
    assert numbers(events) == list(range(1, 502))
    assert [event.value.int32_value for event in events] == list(range(501))
    assert sim.audit.events_sent == 501
    assert sim.audit.events_sent_by_session == {user.session_id: 501}


@pytest.mark.rule("events.contiguous")
async def test_the_numbers_start_again_with_every_session(
    sim: Simulator, user: Any, connect: Any
) -> None:
    other = await connect(sim)
    for each in (user, other):
        await each.advised(TAG)
        async with each.events() as stream:
            assert (await stream.next()).worker_sequence == 1


@pytest.mark.rule("events.three-clocks", "mx.first-value", "mx.one-status", "mx.quality")
async def test_a_data_change_carries_value_quality_status_and_three_times(
    sim: Simulator, user: Any, clock: ManualClock
) -> None:
    item = await user.advised("SimProbe_001.TestDouble")
    source = datetime(2025, 7, 1, 8, 0, 0, 250_000, tzinfo=UTC)
    clock.advance(60)
    await sim.set_value("SimProbe_001.TestDouble", 2.5, quality=64, timestamp=source)
    async with user.events() as stream:
        _, event = await stream.take(2)
    assert event.family is MxEventFamily.ON_DATA_CHANGE
    assert event.on_data_change is not None
    assert event.session_id == user.session_id
    assert (event.server_handle, event.item_handle) == (user.server, item)
    assert event.value.double_value == 2.5
    assert event.value.variant_type == "VT_R8"
    assert event.quality == 64
    assert event.source_timestamp == source
    assert event.worker_timestamp == event.gateway_receive_timestamp == clock.now
    assert event.statuses[0].success == -1
    assert event.hresult is None
    assert event.replay_gap is None


async def test_events_made_of_parts_equal_what_the_encoder_writes(
    sim: Simulator, user: Any
) -> None:
    item = await user.advised(TAG)
    await user.advised("Nowhere.Value")
    await user.advised("SimProbe_001.TestStringArray")
    await user.write(item, MxValue(int32_value=3))
    await changes(sim, 300, start=10)
    session = sim.gateway.sessions[user.session_id]
    subscriber = session.events.attach(0)
    for framed in subscriber.take(1 << 20):
        message = framed[5:]
        assert encode(decode(MxEvent, message)) == message
        assert int.from_bytes(framed[1:5], "big") == len(message)
    # Else the end of the session would cancel this task, as it does with a reader's.
    session.events.detach(subscriber)


async def test_what_happened_before_the_stream_opened_comes_first(
    sim: Simulator, user: Any
) -> None:
    await user.advised(TAG)
    await changes(sim, 3)
    async with user.events() as stream:
        assert numbers(await stream.take(4)) == [1, 2, 3, 4]


@pytest.mark.rule("events.fresh")
async def test_a_fresh_stream_replays_nothing(sim: Simulator, user: Any) -> None:
    await user.advised(TAG)
    async with user.events() as stream:
        await changes(sim, 3)
        await stream.take(4)
    await sim.wait_for(lambda s: s.audit.streams_open == 0)
    await changes(sim, 1, start=100)
    async with user.events() as stream:
        assert (await stream.next()).worker_sequence == 5


@pytest.mark.rule("events.unsent", "events.fresh")
@pytest.mark.parametrize("kept", [True, False])
async def test_what_came_without_a_stream_waits_for_the_next_one_if_it_is_so_set(
    clock: ManualClock, connect: Any, kept: bool
) -> None:
    settings = Settings(keep_unsent=kept, queue_limit=5)
    async with Simulator(interval=None, clock=clock, settings=settings) as sim:
        user = await connect(sim)
        await user.advised(TAG)
        await changes(sim, 4)
        async with user.events() as stream:
            if kept:
                assert numbers(await stream.take(5)) == [1, 2, 3, 4, 5]
            else:
                await sim.wait_for(lambda s: s.audit.streams_open == 1)
            await changes(sim, 1, start=50)
            assert (await stream.next()).worker_sequence == 6
        await sim.wait_for(lambda s: s.audit.streams_open == 0)

        await changes(sim, 6, start=60)  # one more than the queue holds
        (session,) = sim.gateway.open_sessions
        if kept:
            assert session.state is SessionState.FAULTED
        else:
            reply = await user.invoke(MxCommandKind.DRAIN_EVENTS, DrainEventsCommand())
            assert numbers(reply.drain_events.events) == [8, 9, 10, 11, 12]
            async with user.events(after=10) as stream:  # the ring is another matter
                assert numbers(await stream.take(2)) == [11, 12]
        user.channel.close()


@pytest.mark.rule("events.one-stream", "status.already-exists")
async def test_a_second_stream_on_a_session_already_exists(sim: Simulator, user: Any) -> None:
    await user.advised(TAG)
    async with user.events() as first:
        await first.next()
        with pytest.raises(GRPCError) as caught:
            async with user.events() as second:
                await second.end()
        assert caught.value.status is Status.ALREADY_EXISTS
        await changes(sim, 1)
        assert (await first.next()).worker_sequence == 2


@pytest.mark.rule("events.resume")
async def test_resuming_delivers_what_came_after_without_gap_or_duplicate(
    sim: Simulator, user: Any
) -> None:
    await user.advised(TAG)
    async with user.events() as stream:
        await changes(sim, 5)
        await stream.take(6)
    await sim.wait_for(lambda s: s.audit.streams_open == 0)
    await changes(sim, 2, start=100)
    async with user.events(after=3) as stream:
        assert numbers(await stream.take(5)) == [4, 5, 6, 7, 8]
        await changes(sim, 1, start=200)
        assert (await stream.next()).worker_sequence == 9
    await sim.wait_for(lambda s: s.audit.streams_open == 0)
    async with user.events(after=9) as stream:
        await changes(sim, 1, start=300)
        assert (await stream.next()).worker_sequence == 10


async def test_resuming_skips_what_nobody_took_but_the_client_claims_to_have(
    sim: Simulator, user: Any
) -> None:
    await user.advised(TAG)
    await changes(sim, 5)
    async with user.events(after=4) as stream:
        assert numbers(await stream.take(2)) == [5, 6]


@pytest.mark.rule("events.gap", "events.gap-shape", "events.gap-edge")
async def test_a_gap_begins_with_one_sentinel_and_the_oldest_event_follows(
    clock: ManualClock, connect: Any
) -> None:
    settings = Settings(ring_size=4)
    async with Simulator(interval=None, clock=clock, settings=settings) as sim:
        user = await connect(sim)
        await user.advised(TAG)
        async with user.events() as stream:
            await changes(sim, 9)
            await stream.take(10)
        await sim.wait_for(lambda s: s.audit.streams_open == 0)
        async with user.events(after=2) as stream:
            gap, *events = await stream.take(5)
        assert gap.replay_gap.requested_after_sequence == 2
        assert gap.replay_gap.oldest_available_sequence == 7
        assert gap.family is MxEventFamily.UNSPECIFIED
        assert (gap.server_handle, gap.item_handle, gap.worker_sequence) == (0, 0, 0)
        assert gap.on_data_change is None
        assert numbers(events) == [7, 8, 9, 10]
        await sim.wait_for(lambda s: s.audit.streams_open == 0)
        async with user.events(after=6) as stream:
            assert numbers(await stream.take(4)) == [7, 8, 9, 10]
        user.channel.close()


@pytest.mark.rule("events.ring")
async def test_the_ring_forgets_events_that_are_too_old(clock: ManualClock, connect: Any) -> None:
    settings = Settings(detach_grace=0)
    async with Simulator(interval=None, clock=clock, settings=settings) as sim:
        user = await connect(sim)
        await user.advised(TAG)
        async with user.events() as stream:
            await changes(sim, 2)
            await stream.take(3)
        await sim.wait_for(lambda s: s.audit.streams_open == 0)
        clock.advance(301)
        await changes(sim, 1, start=50)
        async with user.events(after=1) as stream:
            gap, event = await stream.take(2)
        assert gap.replay_gap.oldest_available_sequence == 4
        assert event.worker_sequence == 4
        user.channel.close()


@pytest.mark.rule("command.drain", "events.drain-no-gap")
async def test_drain_events_takes_what_waits_and_never_a_sentinel(
    sim: Simulator, user: Any
) -> None:
    await user.advised(TAG)
    await changes(sim, 4)
    for limit, expected in ((2, [1, 2]), (0, [3, 4, 5]), (0, [])):
        reply = await user.invoke(MxCommandKind.DRAIN_EVENTS, DrainEventsCommand(max_events=limit))
        assert numbers(reply.drain_events.events) == expected


@pytest.mark.rule("status.cancelled")
async def test_a_cancelled_stream_is_seen_and_leaves_the_session_ready(
    sim: Simulator, user: Any
) -> None:
    await user.advised(TAG)
    async with user.events() as stream:
        await stream.next()
        assert sim.audit.streams_open == 1
    await sim.wait_for(lambda s: s.audit.streams_cancelled == 1)
    assert sim.audit.streams_open == 0
    assert (await user.invoke(MxCommandKind.PING, PingCommand())).hresult == 0


async def test_the_reset_code_of_a_cancelled_stream_is_counted(sim: Simulator, user: Any) -> None:
    async with user.events() as stream:
        await sim.wait_for(lambda s: s.audit.streams_open == 1)
        await stream.stream._stream.reset(ErrorCodes.CANCEL)
        stream.stream._cancel_done = True
        stream.stream._recv_trailing_metadata_done = True
        await sim.wait_for(lambda s: s.audit.stream_resets["CANCEL"] == 1)
    await sim.wait_for(lambda s: s.audit.streams_open == 0)


@pytest.mark.rule("status.deadline-exceeded")
async def test_a_deadline_ends_the_stream_and_leaves_the_session(sim: Simulator, user: Any) -> None:
    async def follow() -> None:
        async with user.events(timeout=1) as stream:
            await stream.end()

    with pytest.raises((GRPCError, TimeoutError)):
        await follow()
    await sim.wait_for(lambda s: s.audit.streams_ended == 1)
    assert sim.session_count == 1


@pytest.mark.rule("events.close")
async def test_closing_the_session_ends_its_stream_with_ok(sim: Simulator, user: Any) -> None:
    await user.advised(TAG)
    async with user.events() as stream:
        await stream.next()
        await user.stub.close_session(CloseSessionRequest(session_id=user.session_id))
        await stream.end()
    assert sim.audit.streams_cancelled == 0


@pytest.mark.rule("events.overflow")
async def test_an_overflow_without_a_reader_faults_the_session(
    clock: ManualClock, connect: Any
) -> None:
    async with Simulator(interval=None, clock=clock, settings=Settings(queue_limit=10)) as sim:
        user = await connect(sim)
        await user.advised(TAG)
        await changes(sim, 9)
        assert sim.gateway.sessions[user.session_id].state is SessionState.READY
        await changes(sim, 1, start=50)
        assert sim.gateway.sessions[user.session_id].state is SessionState.FAULTED
        assert sim.audit.sessions_faulted == 1
        with pytest.raises(GRPCError) as caught:
            await user.invoke(MxCommandKind.PING, PingCommand())
        assert caught.value.status is Status.FAILED_PRECONDITION
        assert "EventQueueOverflow" in str(caught.value.message)
        closed = await user.stub.close_session(CloseSessionRequest(session_id=user.session_id))
        assert closed.final_state is SessionState.FAULTED
        assert sim.session_count == 0
        user.channel.close()


@pytest.mark.rule("events.overflow", "status.resource-exhausted")
async def test_a_reader_that_does_not_read_overflows_and_gets_whole_messages_then_the_status(
    clock: ManualClock, connect: Any
) -> None:
    async with Simulator(interval=None, clock=clock, settings=Settings(queue_limit=100)) as sim:
        user = await connect(sim)
        await user.advised(TAG)
        async with user.events() as stream:
            await stream.next()
            before = sim.audit.events_sent
            number = 0
            # The window of the client fills first, then the queue.
            while not sim.audit.sessions_faulted:
                number += 1
                await sim.set_value(TAG, number)
                if number % 50 == 0:
                    await anyio.lowlevel.checkpoint()
                    await anyio.lowlevel.checkpoint()
            await sim.wait_for(lambda s: s.audit.streams_ended == 1)
            received = 1
            with anyio.fail_after(5):
                while await stream.stream.recv_message() is not None:
                    received += 1
            with pytest.raises(GRPCError) as caught:
                await stream.end()
            assert caught.value.status is Status.RESOURCE_EXHAUSTED
            assert before < received == sim.audit.events_sent
        assert sim.audit.streams_cancelled == 0
        user.channel.close()


async def test_a_large_event_passes_a_small_window(sim: Simulator, user: Any) -> None:
    await user.advised("SimProbe_002.TestBigString")
    text = "x" * 10_000_000
    async with user.events() as stream:
        await stream.next()
        await sim.set_value("SimProbe_002.TestBigString", text)
        event = await stream.next()
        assert event.value.string_value == text


async def test_a_first_value_that_is_still_to_come_goes_with_the_advise(
    clock: ManualClock, connect: Any
) -> None:
    settings = Settings(first_value_delay=0.01)
    async with Simulator(interval=None, clock=clock, settings=settings) as sim:
        user = await connect(sim)
        item = await user.advised(TAG)
        await user.invoke(MxCommandKind.UN_ADVISE, UnAdviseCommand(user.server, item))
        other = await user.advised("SimProbe_001.TestBool")
        await sim.advance(0.01)
        async with user.events() as stream:
            assert (await stream.next()).item_handle == other
        assert not sim.plant[TAG].listeners
        user.channel.close()
