"""Engines and platforms that are shut down, beside those that are off scan.

MXAccess reference, sections 2, 4.1 and 5.
"""

from __future__ import annotations

from typing import Any

import pytest

from mxgateway.errors import ConfigurationError
from mxgateway.generated.mxaccess_gateway.v1 import (
    AddBufferedItemCommand,
    MxCommandKind,
    MxDataType,
    MxEvent,
    MxEventFamily,
    MxStatusCategory,
    MxStatusSource,
    MxValue,
    ReadBulkCommand,
)
from mxgateway.simulator import ManualClock, Settings, Simulator, TagSpec

TAG = "SimProbe_001.TestInt"
COUNTER = "SimProbe_001.Counter"
ENGINE, PLATFORM = "DemoEngine_001", "DemoPlatform"


def failure(event: MxEvent) -> tuple[MxStatusCategory, MxStatusSource, int]:
    """What a failing event says, after the look of it was checked."""
    assert event.value is not None
    assert (event.value.is_null, event.quality) == (True, 0)
    (status,) = event.statuses
    assert status.success == 0
    return MxStatusCategory(status.category), MxStatusSource(status.detected_by), status.detail


@pytest.mark.rule("mx.host-stopped", "mx.no-answer", "mx.failed-change")
@pytest.mark.parametrize(
    ("host", "ending", "source", "detail"),
    [
        (ENGINE, "stopped", MxStatusSource.RESPONDING_NMX, 5),
        (PLATFORM, "stopped", MxStatusSource.REQUESTING_NMX, 2),
        (ENGINE, "no-answer", MxStatusSource.REQUESTING_NMX, 1),
        (PLATFORM, "no-answer", MxStatusSource.REQUESTING_NMX, 1),
    ],
)
async def test_what_a_host_serves_fails_while_it_is_stopped_and_comes_back(
    sim: Simulator, user: Any, host: str, ending: Any, source: MxStatusSource, detail: int
) -> None:
    expected = (MxStatusCategory.COMMUNICATION_ERROR, source, detail)
    tags = [TAG, f"{ENGINE}.ScanState", "SimProbe_001.TestIntArray[2]", f"{TAG}.Quality"]
    handles = {await user.advised(tag) for tag in tags}
    async with user.events() as stream:
        await stream.take(4)
        fault = await sim.faults.stop_engine(host, ending=ending)
        failed = await stream.take(4)
        assert {event.item_handle for event in failed} == handles
        assert {failure(event) for event in failed} == {expected}
        # What is advised only now fails too.
        await user.advised("Pump_001.Running")
        assert failure(await stream.next()) == expected
        await sim.faults.clear(fault)
        back = await stream.take(5)
    assert {event.statuses[0].category for event in back} == {MxStatusCategory.OK}
    assert {event.quality for event in back if event.item_handle in handles} == {192}


@pytest.mark.rule("mx.host-stopped")
async def test_writes_and_reads_fail_with_the_same_status(
    sim: Simulator, user: Any, connect: Any
) -> None:
    item = await user.advised(TAG)
    await sim.faults.stop_engine(ENGINE)
    reply = await user.write(item, MxValue(int32_value=7))
    assert reply.hresult == 0
    await sim.wait_for(lambda s: len(s.audit.writes(TAG)) == 1)
    assert (sim.audit.writes(TAG)[0].succeeded, sim.audit.writes(TAG)[0].detail) == (False, 5)
    command = ReadBulkCommand(server_handle=user.server, tag_addresses=[TAG, "Pump_001.Cmd"])
    for result in (await user.invoke(MxCommandKind.READ_BULK, command)).read_bulk.results:
        assert not result.was_successful
        assert "was stopped" in result.error_message
        assert result.statuses[0].detail == 5
    buffered = await user.invoke(
        MxCommandKind.ADD_BUFFERED_ITEM, AddBufferedItemCommand(user.server, COUNTER, "")
    )
    await user.advise(buffered.add_buffered_item.item_handle)
    async with user.events() as stream:
        events = await stream.take(4)
    assert [e.family for e in events][2:] == [
        MxEventFamily.ON_WRITE_COMPLETE,
        MxEventFamily.ON_BUFFERED_DATA_CHANGE,
    ]
    assert {e.statuses[0].detail for e in events[1:]} == {5}


@pytest.mark.rule("mx.host-stopped", "mx.write-in-flight")
async def test_a_write_that_was_accepted_before_fails_where_its_engine_stops_meanwhile(
    connect: Any, clock: ManualClock
) -> None:
    settings = Settings(write_delay=0.02)
    async with Simulator(interval=None, clock=clock, settings=settings) as sim:
        user = await connect(sim)
        await user.write(await user.advised(TAG), MxValue(int32_value=7))
        await sim.faults.stop_engine(ENGINE)
        await sim.advance(0.02)
        assert sim.audit.writes(TAG)[0].detail == 5
        assert sim.plant[TAG].value == 0
        user.channel.close()


@pytest.mark.rule("mx.frozen")
async def test_last_good_values_may_go_on_being_served_and_only_the_scan_state_tells(
    sim: Simulator, user: Any, clock: ManualClock
) -> None:
    counter = await user.advised(COUNTER)
    state = await user.advised(f"{ENGINE}.ScanState")
    await sim.scan()
    fault = await sim.faults.stop_engine(ENGINE, ending="frozen")
    for _ in range(3):
        clock.advance(1)
        await sim.scan()
    assert (sim.plant[COUNTER].value, sim.plant[COUNTER].quality) == (1, 192)
    await sim.faults.clear(fault)
    async with user.events() as stream:
        events = await stream.take(6)
    seen = [(e.item_handle, e.quality, e.value.int32_value, e.value.bool_value) for e in events]
    assert seen == [
        *[(counter, 192, 0, None), (state, 192, None, True)],
        (counter, 192, 1, None),
        (state, 192, None, False),
        *[(state, 192, None, True), (counter, 192, 4, None)],
    ]


@pytest.mark.rule("mx.frozen", "mx.host-stopped")
async def test_what_stands_still_unnoticed_takes_no_writes(sim: Simulator, user: Any) -> None:
    item = await user.advised(TAG)
    fault = await sim.faults.stop_engine(ENGINE, ending="frozen")
    await user.write(item, MxValue(int32_value=7))
    await sim.wait_for(lambda s: len(s.audit.writes(TAG)) == 1)
    await sim.faults.clear(fault)
    await user.write(item, MxValue(int32_value=8))
    await sim.wait_for(lambda s: len(s.audit.writes(TAG)) == 2)
    assert [record.detail for record in sim.audit.writes(TAG)] == [5, 0]


@pytest.mark.rule("mx.quality-off-scan", "mx.host-stopped")
async def test_a_stopped_engine_hides_that_an_object_is_off_scan(sim: Simulator) -> None:
    plant = sim.plant
    await sim.scan()
    await sim.set_value("SimProbe_001.ScanStateCmd", value=False)
    assert (plant[COUNTER].quality, plant["Pump_001.Cmd"].quality) == (28, 192)
    fault = await sim.faults.stop_engine(ENGINE)
    assert (plant[COUNTER].quality, plant["Pump_001.Cmd"].quality) == (0, 0)
    await sim.scan()
    await sim.faults.clear(fault)
    assert (plant[COUNTER].quality, plant["Pump_001.Cmd"].quality) == (28, 192)
    assert plant[COUNTER].value == 1
    await sim.set_value("SimProbe_001.ScanStateCmd", value=True)
    assert (plant[COUNTER].quality, plant[COUNTER].value) == (192, 2)


@pytest.mark.rule("mx.alarm-unusable")
async def test_alarms_stay_as_they_are_while_their_engine_is_stopped(sim: Simulator) -> None:
    await sim.set_value("Pump_001.Fault", value=True)
    fault = await sim.faults.stop_engine(PLATFORM)
    await sim.set_value("Pump_001.Fault", value=False)
    assert [point.spec.short for point in sim.alarms.active] == ["Pump_001.Fault"]
    await sim.faults.clear(fault)
    assert sim.alarms.active == []


async def test_only_an_engine_or_a_platform_can_be_stopped_and_once(sim: Simulator) -> None:
    stop: Any = sim.faults.stop_engine
    with pytest.raises(ConfigurationError, match="DemoPlatform, DemoEngine_001"):
        await stop("Pump_001")
    with pytest.raises(ConfigurationError, match="no-answer"):
        await stop(ENGINE, ending="smoke")
    await stop(ENGINE.lower())
    with pytest.raises(ConfigurationError, match="stopped already"):
        await stop(ENGINE)
    assert [fault.kind for fault in sim.faults.active()] == ["stop_engine"]
    plain = Simulator(plant=[TagSpec("A.V", MxDataType.INTEGER, 0)], interval=None)
    with pytest.raises(ConfigurationError, match="give it a model"):
        await plain.faults.stop_engine("A")
