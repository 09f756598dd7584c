"""Bulk commands: one result per entry, in order (gateway semantics, section 8)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from mxgateway.generated.mxaccess_gateway.v1 import (
    AddItemBulkCommand,
    AdviseItemBulkCommand,
    MxCommandKind,
    MxEventFamily,
    MxStatusCategory,
    MxValue,
    PingCommand,
    ReadBulkCommand,
    RemoveItemBulkCommand,
    SubscribeBulkCommand,
    UnAdviseItemBulkCommand,
    UnsubscribeBulkCommand,
    Write2BulkCommand,
    Write2BulkEntry,
    WriteBulkCommand,
    WriteBulkEntry,
)
from mxgateway.simulator import ManualClock, Settings, Simulator

KIND = MxCommandKind
E_INVALIDARG = -2147024809
INT, BOOL, TEXT = "SimProbe_001.TestInt", "SimProbe_001.TestBool", "SimProbe_001.TestString"


async def read(user: Any, *tags: str, timeout_ms: int = 0) -> list[Any]:
    reply = await user.invoke(KIND.READ_BULK, ReadBulkCommand(user.server, [*tags], timeout_ms))
    results: list[Any] = reply.read_bulk.results
    return results


def is_read(sim: Simulator, handle: int) -> bool:
    """Whether ReadBulk waits for the value of the item that it added under that handle."""
    (session,) = sim.gateway.open_sessions
    return any(handle in each.items for each in session.registrations.values())


@pytest.mark.rule("bulk.order", "bulk.entry-fails")
async def test_items_are_added_advised_un_advised_and_removed_in_bulk(
    sim: Simulator, user: Any
) -> None:
    added = (
        await user.invoke(KIND.ADD_ITEM_BULK, AddItemBulkCommand(user.server, [INT, "", BOOL]))
    ).add_item_bulk.results
    assert [result.was_successful for result in added] == [True, False, True]
    assert [result.tag_address for result in added] == [INT, "", BOOL]
    assert added[1].error_message
    assert added[1].item_handle == 0
    handles = [added[0].item_handle, 99, added[2].item_handle]
    advised = (
        await user.invoke(KIND.ADVISE_ITEM_BULK, AdviseItemBulkCommand(user.server, handles))
    ).advise_item_bulk.results
    assert [result.was_successful for result in advised] == [True, False, True]
    assert [result.item_handle for result in advised] == handles
    assert [result.tag_address for result in advised] == [INT, "", BOOL]
    async with user.events() as stream:
        assert [event.item_handle for event in await stream.take(2)] == [handles[0], handles[2]]
    kinds = (
        (KIND.UN_ADVISE_ITEM_BULK, UnAdviseItemBulkCommand),
        (KIND.REMOVE_ITEM_BULK, RemoveItemBulkCommand),
    )
    for kind, command in kinds:
        reply = await user.invoke(kind, command(user.server, handles))
        results = getattr(reply, kind.name.lower()).results
        assert [result.was_successful for result in results] == [True, False, True]
        assert not sim.plant[INT].listeners


async def test_tags_are_subscribed_and_unsubscribed_in_bulk(sim: Simulator, user: Any) -> None:
    tags = [INT, "Nowhere.At.All", BOOL]
    subscribed = (
        await user.invoke(KIND.SUBSCRIBE_BULK, SubscribeBulkCommand(user.server, tags))
    ).subscribe_bulk.results
    # A misspelt name gets a handle, as by AddItem; its data change tells.
    assert all(result.was_successful for result in subscribed)
    handles = [result.item_handle for result in subscribed]
    async with user.events() as stream:
        events = await stream.take(3)
    assert [event.item_handle for event in events] == handles
    assert [event.quality for event in events] == [192, 0, 192]
    results = (
        await user.invoke(KIND.UNSUBSCRIBE_BULK, UnsubscribeBulkCommand(user.server, handles))
    ).unsubscribe_bulk.results
    assert [result.tag_address for result in results] == tags
    again = (
        await user.invoke(KIND.UNSUBSCRIBE_BULK, UnsubscribeBulkCommand(user.server, handles))
    ).unsubscribe_bulk.results
    assert not any(result.was_successful for result in again)


@pytest.mark.rule("bulk.entry-fails")
async def test_a_bad_server_handle_fails_each_entry_and_not_the_call(
    sim: Simulator, user: Any
) -> None:
    reply = await user.invoke(KIND.ADD_ITEM_BULK, AddItemBulkCommand(99, [INT, BOOL]))
    assert [result.was_successful for result in reply.add_item_bulk.results] == [False, False]
    reply = await user.invoke(KIND.READ_BULK, ReadBulkCommand(99, [INT]))
    assert not reply.read_bulk.results[0].was_successful


@pytest.mark.rule("bulk.order", "bulk.entry-fails", "bulk.one-command")
async def test_writes_in_bulk_run_in_order_and_fail_one_by_one(sim: Simulator, user: Any) -> None:
    first, unadvised, read_only = (
        await user.advised(INT),
        await user.add(BOOL),
        await user.advised("SimProbe_001.ReadOnly"),
    )
    entries = [
        WriteBulkEntry(first, MxValue(int32_value=1)),
        WriteBulkEntry(unadvised, MxValue(bool_value=True)),
        WriteBulkEntry(first, MxValue()),
        WriteBulkEntry(read_only, MxValue(int32_value=1)),
        WriteBulkEntry(first, MxValue(int32_value=2)),
    ]
    reply = await user.invoke(KIND.WRITE_BULK, WriteBulkCommand(user.server, entries))
    results = reply.write_bulk.results
    assert [result.item_handle for result in results] == [entry.item_handle for entry in entries]
    # What the object refuses is accepted and fails in the completion.
    assert [result.was_successful for result in results] == [True, False, False, True, True]
    assert [result.hresult for result in results] == [0, E_INVALIDARG, None, 0, 0]
    assert results[1].statuses[0].category is MxStatusCategory.OPERATIONAL_ERROR
    assert results[1].error_message
    assert results[2].error_message
    await sim.wait_for(lambda s: s.audit.write_count[INT] == 2)
    assert sim.audit.values_written(INT) == [1, 2]
    assert sim.audit.writes("SimProbe_001.ReadOnly")[0].succeeded is False


@pytest.mark.rule("mx.write-time")
async def test_write2_in_bulk_carries_a_time_per_entry(sim: Simulator, user: Any) -> None:
    item = await user.advised(INT)
    times = [datetime(2020, 1, day, tzinfo=UTC) for day in (1, 2)]
    entries = [
        Write2BulkEntry(item, MxValue(int32_value=number), MxValue(timestamp_value=time))
        for number, time in enumerate(times, 1)
    ]
    entries.append(Write2BulkEntry(item, MxValue(int32_value=3)))
    reply = await user.invoke(KIND.WRITE2_BULK, Write2BulkCommand(user.server, entries))
    assert [r.was_successful for r in reply.write2_bulk.results] == [True, True, False]
    await sim.wait_for(lambda s: s.audit.write_count[INT] == 2)
    assert [record.timestamp for record in sim.audit.writes(INT)] == times


@pytest.mark.rule("bulk.read-cached")
async def test_read_bulk_answers_from_the_cache_only_what_is_advised(
    sim: Simulator, user: Any, clock: ManualClock
) -> None:
    item = await user.advised(INT)
    await user.add(BOOL)
    clock.advance(5)
    await sim.set_value(INT, 42)
    results = await read(user, INT.upper(), BOOL, "SimProbe_001.TestIntArray[]")
    assert [result.was_successful for result in results] == [True, True, True]
    assert [result.was_cached for result in results] == [True, False, False]
    assert results[0].item_handle == item
    assert results[0].value.int32_value == 42
    assert results[0].quality == 192
    assert results[0].source_timestamp == clock.now
    assert results[0].statuses[0].category is MxStatusCategory.OK
    assert results[1].value.bool_value is False
    assert results[2].value.array_value.int32_values.values == list(range(8))


@pytest.mark.rule("bulk.read-leaves-nothing")
async def test_read_bulk_leaves_the_session_as_it_was_and_sends_no_events(
    sim: Simulator, user: Any
) -> None:
    await read(user, INT, BOOL)
    (session,) = sim.gateway.open_sessions
    assert session.registrations[user.server].items == {}
    assert not sim.plant[INT].listeners
    item = await user.advised(TEXT)
    async with user.events() as stream:
        assert (await stream.next()).item_handle == item


async def test_read_bulk_tells_a_bad_value_from_a_reference_that_leads_nowhere(
    sim: Simulator, user: Any
) -> None:
    never, bad, nowhere = await read(
        user, "SimProbe_001.NeverUpdates", "SimProbe_001.AlwaysBad", "Nowhere.At.All"
    )
    assert (never.was_successful, never.value.is_null, never.quality) == (True, True, 32)
    assert (bad.was_successful, bad.quality) == (True, 24)
    assert not nowhere.was_successful
    assert nowhere.statuses[0].detail == 6
    assert "Nowhere.At.All" in nowhere.error_message


@pytest.mark.rule("bulk.read-timeout", "bulk.read-default")
@pytest.mark.parametrize(("timeout_ms", "worker_default"), [(10, 5.0), (0, 0.01)])
async def test_read_bulk_gives_up_after_its_timeout_for_each_tag(
    clock: ManualClock, connect: Any, timeout_ms: int, worker_default: float
) -> None:
    settings = Settings(first_value_delay=60.0, read_timeout=worker_default)
    async with Simulator(interval=None, clock=clock, settings=settings) as sim:
        user = await connect(sim)
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(read(user, INT, BOOL, timeout_ms=timeout_ms))
            await sim.wait_for(lambda s: is_read(s, 1))
            await sim.advance(0.01)
            await sim.wait_for(lambda s: is_read(s, 2))
            await sim.advance(0.01)
        results = reading.result()
        assert not any(result.was_successful for result in results)
        assert all("10 ms" in result.error_message for result in results)
        (session,) = sim.gateway.open_sessions
        assert session.registrations[user.server].items == {}
        user.channel.close()


async def test_read_bulk_waits_for_the_first_value(clock: ManualClock, connect: Any) -> None:
    settings = Settings(first_value_delay=0.01)
    async with Simulator(interval=None, clock=clock, settings=settings) as sim:
        user = await connect(sim)
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(read(user, INT))
            await sim.wait_for(lambda s: is_read(s, 1))
            await sim.advance(0.01)
        (result,) = reading.result()
        assert (result.was_successful, result.was_cached) == (True, False)
        assert result.value.int32_value == 0
        user.channel.close()


async def test_empty_bulk_commands_have_empty_results(sim: Simulator, user: Any) -> None:
    assert await read(user) == []
    reply = await user.invoke(KIND.WRITE_BULK, WriteBulkCommand(user.server, []))
    assert reply.write_bulk.results == []
    reply = await user.invoke(KIND.SUBSCRIBE_BULK, SubscribeBulkCommand(user.server, []))
    assert reply.subscribe_bulk.results == []
    assert (await user.invoke(KIND.PING, PingCommand("x"))).diagnostic_message == "x"


@pytest.mark.rule("write.one-completion")
async def test_a_completion_comes_for_every_accepted_entry(sim: Simulator, user: Any) -> None:
    item = await user.advised(INT)
    entries = [WriteBulkEntry(item, MxValue(int32_value=n)) for n in (1, 2, 3)]
    await user.invoke(KIND.WRITE_BULK, WriteBulkCommand(user.server, entries))
    async with user.events() as stream:
        families = [event.family for event in await stream.take(7)]
    assert families.count(MxEventFamily.ON_WRITE_COMPLETE) == 3
