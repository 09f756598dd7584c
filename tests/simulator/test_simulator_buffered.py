"""Buffered items, Suspend and Activate (MXAccess reference, sections 1 and 2)."""

from __future__ import annotations

from typing import Any

import pytest

from mxgateway.generated.mxaccess_gateway.v1 import (
    ActivateCommand,
    AddBufferedItemCommand,
    MxCommandKind,
    MxCommandReply,
    MxDataType,
    MxEvent,
    MxEventFamily,
    MxStatusCategory,
    MxValue,
    SetBufferedUpdateIntervalCommand,
    SuspendCommand,
    UnAdviseCommand,
)
from mxgateway.simulator import ManualClock, Settings, Simulator

KIND = MxCommandKind
E_INVALIDARG = -2147024809
INT, BOOL = "SimProbe_001.TestInt", "SimProbe_001.TestBool"


async def buffered(user: Any, reference: str, *, supervisory: bool = False) -> int:
    reply = await user.invoke(
        KIND.ADD_BUFFERED_ITEM, AddBufferedItemCommand(user.server, reference, "")
    )
    item: int = reply.add_buffered_item.item_handle
    await user.advise(item, supervisory=supervisory)
    return item


async def interval(user: Any, milliseconds: int) -> MxCommandReply:
    reply: MxCommandReply = await user.invoke(
        KIND.SET_BUFFERED_UPDATE_INTERVAL,
        SetBufferedUpdateIntervalCommand(user.server, milliseconds),
    )
    return reply


@pytest.mark.rule("mx.buffered")
async def test_samples_of_one_interval_arrive_as_one_batch(
    sim: Simulator, user: Any, clock: ManualClock
) -> None:
    assert (await interval(user, 500)).hresult == 0
    item = await buffered(user, INT)
    start = clock.now
    for number in (1, 2):
        clock.advance(0.1)
        await sim.set_value(INT, number, quality=192 if number == 1 else 64)
    clock.advance(0.2)
    async with user.events() as stream:
        clock.advance(0.1)
        event = await stream.next()
        assert event.family is MxEventFamily.ON_BUFFERED_DATA_CHANGE
        assert event.item_handle == item
        assert event.value.data_type is MxDataType.INTEGER
        assert event.value.array_value.int32_values.values == [0, 1, 2]
        body = event.on_buffered_data_change
        assert body.data_type is MxDataType.INTEGER
        assert body.quality_values.int32_values.values == [192, 192, 64]
        times = body.timestamp_values.timestamp_values.values
        assert [(time - start).total_seconds() for time in times] == [0.0, 0.1, 0.2]
        assert event.statuses[0].category is MxStatusCategory.OK
        # An interval without samples sends nothing; the next sample begins a new one.
        clock.advance(10)
        await sim.set_value(INT, 3)
        clock.advance(0.5)
        assert (await stream.next()).value.array_value.int32_values.values == [3]


@pytest.mark.rule("mx.buffered-interval")
async def test_the_interval_counts_per_registration_and_has_to_be_above_zero(
    sim: Simulator, user: Any
) -> None:
    for milliseconds in (0, -1):
        assert (await interval(user, milliseconds)).hresult == E_INVALIDARG
    reply = await user.invoke(
        KIND.SET_BUFFERED_UPDATE_INTERVAL, SetBufferedUpdateIntervalCommand(99, 100)
    )
    assert reply.hresult == E_INVALIDARG


@pytest.mark.rule("mx.buffered-supervisory")
async def test_a_buffered_item_may_have_a_supervisory_advise_and_be_written(
    sim: Simulator, user: Any, clock: ManualClock
) -> None:
    item = await buffered(user, BOOL, supervisory=True)
    assert (await user.write(item, MxValue(bool_value=True))).hresult == 0
    await sim.wait_for(lambda s: s.plant[BOOL].value is True)
    clock.advance(1)
    async with user.events() as stream:
        complete, batch = await stream.take(2)
    assert complete.family is MxEventFamily.ON_WRITE_COMPLETE
    assert batch.value.array_value.bool_values.values == [False, True]


async def test_a_buffered_reference_that_leads_nowhere_fails_at_once(
    sim: Simulator, user: Any
) -> None:
    await buffered(user, "Nowhere.At.All")
    await buffered(user, "SimProbe_001.TestIntArray")
    async with user.events() as stream:
        nowhere, array = await stream.take(2)
    assert nowhere.family is MxEventFamily.ON_BUFFERED_DATA_CHANGE
    assert nowhere.value.is_null
    assert nowhere.statuses[0].detail == 6
    assert array.statuses[0].category is MxStatusCategory.OPERATIONAL_ERROR


async def test_types_without_arrays_are_batched_too(
    sim: Simulator, user: Any, clock: ManualClock
) -> None:
    await buffered(user, "Reactor_001.State")
    await buffered(user, "SimProbe_001.NeverUpdates")
    clock.advance(1)
    async with user.events() as stream:
        state, never = await stream.take(2)
    assert state.value.array_value.string_values.values == [sim.plant["Reactor_001.State"].value]
    # A sample without a value is the default; its quality says that it is none.
    assert never.value.array_value.float_values.values == [0.0]
    assert never.on_buffered_data_change.quality_values.int32_values.values == [32]


async def test_a_full_buffer_goes_out_early_and_loses_nothing(
    sim: Simulator, user: Any, clock: ManualClock
) -> None:
    await interval(user, 60_000)
    await buffered(user, INT)
    for number in range(1, 1500):
        await sim.set_value(INT, number)
    clock.advance(60)
    async with user.events() as stream:
        batches = [e.value.array_value.int32_values.values for e in await stream.take(2)]
    assert [*batches[0], *batches[1]] == list(range(1500))


async def test_un_advising_drops_what_was_gathered(
    sim: Simulator, user: Any, clock: ManualClock
) -> None:
    item = await buffered(user, INT)
    await user.invoke(KIND.UN_ADVISE, UnAdviseCommand(user.server, item))
    clock.advance(1)
    other = await user.advised(BOOL)
    async with user.events() as stream:
        assert (await stream.next()).item_handle == other


# -- suspend and activate ------------------------------------------------------------------


async def suspend(user: Any, item: int) -> MxCommandReply:
    reply: MxCommandReply = await user.invoke(KIND.SUSPEND, SuspendCommand(user.server, item))
    return reply


async def activate(user: Any, item: int) -> MxCommandReply:
    reply: MxCommandReply = await user.invoke(KIND.ACTIVATE, ActivateCommand(user.server, item))
    return reply


@pytest.mark.rule("mx.suspend")
async def test_a_suspended_item_sends_nothing_and_goes_on_with_the_current_value(
    sim: Simulator, user: Any
) -> None:
    item = await user.advised(INT)
    reply = await suspend(user, item)
    assert reply.suspend is not None
    assert reply.suspend.status is not None
    assert reply.suspend.status.category is MxStatusCategory.OK
    assert (await suspend(user, item)).hresult == 0
    for number in (1, 2):
        await sim.set_value(INT, number)
    reply = await activate(user, item)
    assert reply.activate is not None
    await sim.set_value(INT, 3)
    async with user.events() as stream:
        values = [event.value.int32_value for event in await stream.take(3)]
    assert values == [0, 2, 3]


async def test_a_suspended_item_can_be_written_and_tells_the_completion(
    sim: Simulator, user: Any
) -> None:
    item = await user.advised(INT)
    await suspend(user, item)
    assert (await user.write(item, MxValue(int32_value=5))).hresult == 0
    async with user.events() as stream:
        families = [event.family for event in await stream.take(2)]
    assert families == [MxEventFamily.ON_DATA_CHANGE, MxEventFamily.ON_WRITE_COMPLETE]


@pytest.mark.rule("mx.suspend-unadvised")
async def test_suspending_what_is_not_advised_gives_a_failing_status(
    sim: Simulator, user: Any
) -> None:
    item = await user.add(INT)
    reply = await suspend(user, item)
    assert reply.hresult == 0
    assert reply.suspend is not None
    assert reply.suspend.status is not None
    assert reply.suspend.status.category is MxStatusCategory.OPERATIONAL_ERROR
    assert (await suspend(user, 99)).hresult == E_INVALIDARG
    assert (await activate(user, 99)).hresult == E_INVALIDARG


@pytest.mark.rule("mx.activate-running")
async def test_activating_what_is_not_suspended_succeeds_and_sends_nothing(
    sim: Simulator, user: Any
) -> None:
    item = await user.advised(INT)
    reply = await activate(user, item)
    assert reply.activate is not None
    assert reply.activate.status is not None
    assert reply.activate.status.category is MxStatusCategory.OK
    last = await user.advised(BOOL)
    async with user.events() as stream:
        assert [event.item_handle for event in await stream.take(2)] == [item, last]


@pytest.mark.rule("events.operation-complete", "events.families")
async def test_an_operation_may_answer_pending_and_complete_later(
    clock: ManualClock, connect: Any
) -> None:
    settings = Settings(operation_complete=True)
    async with Simulator(interval=None, clock=clock, settings=settings) as sim:
        user = await connect(sim)
        item = await user.advised(INT)
        reply = await suspend(user, item)
        assert reply.suspend is not None
        assert reply.suspend.status is not None
        assert reply.suspend.status.category is MxStatusCategory.PENDING
        async with user.events() as stream:
            _, event = await stream.take(2)
            assert isinstance(event, MxEvent)
            assert event.family is MxEventFamily.OPERATION_COMPLETE
            assert event.operation_complete is not None
            assert event.item_handle == item
            assert event.statuses[0].category is MxStatusCategory.OK
        user.channel.close()
