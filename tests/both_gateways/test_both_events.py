"""The event stream and the hub that shares it, on either gateway."""

from __future__ import annotations

import functools

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from both_gateways.plants import PlantUnderTest
from both_gateways.user import User, open_user, raw_events, take
from interop.plant_rows import PROBE

from mxgateway.errors import AlreadyExistsError
from mxgateway.events import DataChange, DroppedEvents, ReplayGapEvent
from mxgateway.generated.mxaccess_gateway.v1 import MxEventFamily
from mxgateway.values import from_mx_value

TAG = f"{PROBE}.TestInt"


def change(plant: PlantUnderTest, *values: int) -> None:
    """Let the tag have these values one after another."""
    for value in values:
        plant.set_value(TAG, value)


async def no_streams(plant: PlantUnderTest) -> None:
    """Wait until the gateway has noticed that the streams are left."""
    await anyio.to_thread.run_sync(plant.wait_streams, 0)


@pytest.mark.rule("events.order", "events.contiguous")
async def test_events_are_numbered_from_one_in_every_session(
    plant: PlantUnderTest, user: User
) -> None:
    other = await open_user(user.client)
    for each in (user, other):
        await each.advised(TAG)
    change(plant, *range(1, 501))
    for each in (user, other):
        async with raw_events(each.client, each.session) as stream:
            events = [await anext(stream) for _ in range(501)]
        assert [event.worker_sequence for event in events] == list(range(1, 502))
        assert [from_mx_value(event.value) for event in events] == list(range(501))
        assert {event.session_id for event in events} == {each.session.session_id}
        assert {event.family for event in events} == {MxEventFamily.ON_DATA_CHANGE}


@pytest.mark.rule("events.one-stream", "status.already-exists")
async def test_a_second_stream_of_a_session_already_exists(
    plant: PlantUnderTest, user: User
) -> None:
    await user.advised(TAG)
    async with raw_events(user.client, user.session) as first:
        await anext(first)
        with pytest.raises(AlreadyExistsError):
            await anext(raw_events(user.client, user.session))
        change(plant, 1)
        assert from_mx_value((await anext(first)).value) == 1


@pytest.mark.requirement("sub.slow-consumer")
@pytest.mark.rule("events.one-stream", "events.order")
async def test_many_consumers_share_the_one_stream(plant: PlantUnderTest, user: User) -> None:
    item = await user.advised(TAG)
    async with (
        user.session.stream_events() as first,
        user.session.stream_events() as second,
        user.session.stream_events(max_events=10, overflow="drop_oldest") as slow,
        user.session.stream_events(items=[item + 1000]) as deaf,
    ):
        change(plant, *range(1, 101))
        for stream in (first, second):
            changes = [await take(stream, DataChange, item) for _ in range(101)]
            assert [each.value for each in changes] == list(range(101))
        dropped = await take(slow, DroppedEvents)
        kept = [await take(slow, DataChange, item) for _ in range(slow.queued)]
        assert deaf.queued == 0

    assert kept[-1].value == 100
    assert dropped.count + len(kept) == 101


@pytest.mark.rule("events.fresh", "events.resume")
async def test_a_stream_resumes_where_it_was_left(plant: PlantUnderTest, user: User) -> None:
    await user.advised(TAG)
    change(plant, *range(1, 6))
    async with raw_events(user.client, user.session) as stream:
        for _ in range(6):
            await anext(stream)
    await no_streams(plant)
    change(plant, *range(6, 9))

    async with raw_events(user.client, user.session, 4) as stream:
        resumed = [(await anext(stream)).worker_sequence for _ in range(5)]
    await no_streams(plant)
    change(plant, 9)
    async with raw_events(user.client, user.session) as stream:
        fresh = (await anext(stream)).worker_sequence

    assert resumed == [5, 6, 7, 8, 9]
    assert fresh == 10


@pytest.mark.rule("events.gap", "events.gap-edge", "events.gap-shape")
async def test_what_is_not_kept_any_more_is_told_as_a_gap(
    plant: PlantUnderTest, user: User
) -> None:
    session = user.session
    await user.advised(TAG)
    change(plant, *range(1, 6))
    async with raw_events(user.client, session) as stream:
        for _ in range(6):
            await anext(stream)
    await no_streams(plant)
    plant.evict(session.session_id)
    change(plant, 6, 7)

    async with session.stream_events(2) as events:
        gap = await anext(events)
        after = [(await anext(events)).worker_sequence for _ in range(2)]
    assert isinstance(gap, ReplayGapEvent)
    assert (gap.requested_after, gap.oldest_available, gap.lost) == (2, 7, 4)
    assert gap.raw is not None
    assert (gap.raw.family, gap.raw.worker_sequence) == (MxEventFamily.UNSPECIFIED, 0)
    assert (gap.raw.server_handle, gap.raw.item_handle, gap.raw.value) == (0, 0, None)
    assert gap.raw.on_data_change is None
    assert after == [7, 8]

    await no_streams(plant)
    async with raw_events(user.client, session, 6) as stream:
        edge = await anext(stream)
    assert (edge.replay_gap, edge.worker_sequence) == (None, 7)


@pytest.mark.rule("events.close")
async def test_closing_the_session_ends_its_stream_with_what_came(
    plant: PlantUnderTest, user: User
) -> None:
    await user.advised(TAG)
    sequences = []
    async for event in raw_events(user.client, user.session):
        sequences.append(event.worker_sequence)
        await user.session.close()

    assert sequences == [1]


@pytest.mark.rule("command.drain")
async def test_what_waits_for_a_stream_can_be_drained(plant: PlantUnderTest, user: User) -> None:
    await user.advised(TAG)
    change(plant, 1, 2, 3)
    some = await user.session.drain_events(2)
    rest = await user.session.drain_events()
    nothing = await user.session.drain_events()

    assert [event.worker_sequence for event in some] == [1, 2]
    assert [event.worker_sequence for event in rest] == [3, 4]
    assert nothing == []


@pytest.mark.requirement("stream.early-exit")
async def test_sixteen_sessions_stream_over_one_connection(
    plant: PlantUnderTest, user: User
) -> None:
    users = [user, *[await open_user(user.client) for _ in range(15)]]
    values: dict[str, list[object]] = {}

    async def follow(each: User) -> None:
        async with each.session.stream_events() as stream:
            item = await each.advised(TAG)
            mine = values[each.session.session_id] = []
            while len(mine) < 51:
                mine.append((await take(stream, DataChange, item)).value)

    async with anyio.create_task_group() as tasks:
        for each in users:
            tasks.start_soon(follow, each)
        await anyio.to_thread.run_sync(plant.wait_streams, 16)
        while len(values) < 16:
            await anyio.lowlevel.checkpoint()
        await anyio.to_thread.run_sync(functools.partial(change, plant, *range(1, 51)))

    assert list(values.values()) == [list(range(51))] * 16
