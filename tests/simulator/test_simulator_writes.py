"""Writes and their completion (MXAccess reference, sections 1.1, 3, 4.1 and 6)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.generated.mxaccess_gateway.v1 import (
    Int32Array,
    MxArray,
    MxCommandKind,
    MxDataType,
    MxEventFamily,
    MxSparseArray,
    MxSparseElement,
    MxStatusCategory,
    MxStatusSource,
    MxValue,
    ProtocolStatusCode,
    StringArray,
    UnAdviseCommand,
    Write2Command,
    WriteCommand,
)
from mxgateway.simulator import Classification, ManualClock, Settings, Simulator, TagSpec

E_INVALIDARG = -2147024809
TAG = "SimProbe_001.TestInt"


def refused(reply: Any) -> None:
    assert reply.protocol_status.code is ProtocolStatusCode.MXACCESS_FAILURE
    assert reply.hresult == E_INVALIDARG
    assert reply.statuses[0].category is MxStatusCategory.OPERATIONAL_ERROR


@pytest.mark.rule("write.completion", "mx.one-status")
async def test_a_write_takes_effect_and_sends_completion_then_data_change(
    sim: Simulator, user: Any, clock: ManualClock
) -> None:
    item = await user.advised(TAG)
    clock.advance(1)
    reply = await user.write(item, MxValue(int32_value=7))
    assert reply.protocol_status.code is ProtocolStatusCode.OK
    assert reply.hresult == 0
    async with user.events() as stream:
        _, complete, change = await stream.take(3)
    assert complete.family is MxEventFamily.ON_WRITE_COMPLETE
    assert complete.on_write_complete is not None
    assert complete.item_handle == item
    assert complete.server_handle == user.server
    assert complete.statuses[0].category is MxStatusCategory.OK
    assert complete.statuses[0].success == -1
    assert change.family is MxEventFamily.ON_DATA_CHANGE
    assert change.value.int32_value == 7
    assert change.quality == 192
    assert change.source_timestamp == clock.now
    assert sim.plant[TAG].value == 7
    assert sim.audit.values_written(TAG) == [7]
    assert sim.audit.write_count[TAG] == 1


async def test_a_write_reaches_every_session_that_advised_the_tag(
    sim: Simulator, user: Any, connect: Any
) -> None:
    watcher = await connect(sim)
    await watcher.advised(TAG)
    item = await user.advised(TAG)
    await user.write(item, MxValue(int32_value=9))
    async with watcher.events() as stream:
        first, second = await stream.take(2)
    assert [first.value.int32_value, second.value.int32_value] == [0, 9]
    assert {first.session_id, second.session_id} == {watcher.session_id}


@pytest.mark.rule("mx.change-only", "write.one-completion")
async def test_writing_the_value_it_has_completes_without_a_data_change(
    sim: Simulator, user: Any
) -> None:
    item = await user.advised(TAG)
    await user.write(item, MxValue(int32_value=0))
    await user.write(item, MxValue(int32_value=1))
    async with user.events() as stream:
        families = [event.family for event in (await stream.take(4))[1:]]
    assert families == [
        MxEventFamily.ON_WRITE_COMPLETE,
        MxEventFamily.ON_WRITE_COMPLETE,
        MxEventFamily.ON_DATA_CHANGE,
    ]


@pytest.mark.rule("write.advise-first")
async def test_an_unadvised_item_cannot_be_written(sim: Simulator, user: Any) -> None:
    item = await user.add(TAG)
    refused(await user.write(item, MxValue(int32_value=1)))
    await user.advise(item)
    await user.invoke(MxCommandKind.UN_ADVISE, UnAdviseCommand(user.server, item))
    refused(await user.write(item, MxValue(int32_value=1)))
    refused(await user.write(99, MxValue(int32_value=1)))
    assert sim.plant[TAG].value == 0
    assert sim.audit.writes(TAG) == []


@pytest.mark.rule("mx.write-before-value")
async def test_a_write_before_the_first_data_change_is_refused(
    clock: ManualClock, connect: Any
) -> None:
    settings = Settings(first_value_delay=0.02)
    async with Simulator(interval=None, clock=clock, settings=settings) as sim:
        user = await connect(sim)
        item = await user.advised(TAG)
        refused(await user.write(item, MxValue(int32_value=1)))
        await sim.advance(0.02)
        async with user.events() as stream:
            await stream.next()
            reply = await user.write(item, MxValue(int32_value=1))
            assert reply.protocol_status.code is ProtocolStatusCode.OK
            assert (await stream.next()).family is MxEventFamily.ON_WRITE_COMPLETE
        user.channel.close()


async def test_a_reference_that_leads_nowhere_cannot_be_written(sim: Simulator, user: Any) -> None:
    refused(await user.write(await user.advised("Nowhere.Value"), MxValue(int32_value=1)))


@pytest.mark.rule(
    "mx.not-writable",
    "mx.coercion",
    "mx.wrong-type",
    "mx.secured-needed",
    "mx.verified-needed",
    "mx.view-only",
)
@pytest.mark.parametrize(
    ("tag", "value", "category", "detail"),
    [
        ("SimProbe_001.ReadOnly", 1, MxStatusCategory.OPERATIONAL_ERROR, 902),
        ("SimProbe_001.Counter", 1, MxStatusCategory.OPERATIONAL_ERROR, 902),
        ("SimProbe_001.TestInt", "many", MxStatusCategory.OPERATIONAL_ERROR, 902),
        ("SimProbe_001.Secured", 1, MxStatusCategory.SECURITY_ERROR, 1012),
        ("SimProbe_001.Verified", 1, MxStatusCategory.SECURITY_ERROR, 1013),
    ],
)
async def test_what_the_object_refuses_is_accepted_and_fails_in_the_completion(
    sim: Simulator, user: Any, tag: str, value: Any, category: MxStatusCategory, detail: int
) -> None:
    before = sim.plant[tag].value
    item = await user.advised(tag)
    text = isinstance(value, str)
    message = MxValue(string_value=value) if text else MxValue(int32_value=value)
    reply = await user.write(item, message)
    assert reply.protocol_status.code is ProtocolStatusCode.OK
    async with user.events() as stream:
        _, complete = await stream.take(2)
    assert complete.family is MxEventFamily.ON_WRITE_COMPLETE
    (status,) = complete.statuses
    assert status.success == 0
    assert status.category is category
    assert status.detected_by is MxStatusSource.RESPONDING_AUTOMATION_OBJECT
    assert status.detail == detail
    assert status.diagnostic_text
    assert sim.plant[tag].value == before
    (record,) = sim.audit.writes(tag)
    assert (record.succeeded, record.detail) == (False, detail)
    assert sim.audit.values_written(tag) == []


@pytest.mark.rule("mx.supervisory-bypass", "write.user-supervisory")
@pytest.mark.parametrize("tag", ["SimProbe_001.Secured", "SimProbe_001.Verified"])
async def test_a_supervisory_advise_asks_for_no_sign_in(
    sim: Simulator, user: Any, tag: str
) -> None:
    item = await user.advised(tag, supervisory=True)
    await user.write(item, MxValue(int32_value=3), user_id=12)
    async with user.events() as stream:
        _, complete = await stream.take(2)
    assert complete.statuses[0].category is MxStatusCategory.OK
    assert sim.plant[tag].value == 3
    assert sim.audit.writes(tag)[0].user_id == 12


@pytest.mark.rule("write.user-supervisory")
async def test_the_user_id_counts_on_a_supervisory_advise_only(sim: Simulator, user: Any) -> None:
    item = await user.advised(TAG)
    await user.write(item, MxValue(int32_value=1), user_id=12)
    await sim.wait_for(lambda s: len(s.audit.writes(TAG)) == 1)
    assert sim.audit.writes(TAG)[0].user_id == 0


@pytest.mark.parametrize(
    ("category", "user_may", "application_may"),
    [(4, True, False), (5, False, True), (6, True, True), (9, True, False), (10, True, True)],
)
async def test_the_attribute_category_says_who_may_write(
    connect: Any, category: int, user_may: bool, application_may: bool
) -> None:
    spec = TagSpec("A.V", MxDataType.INTEGER, 0, Classification.OPERATE, category)
    async with Simulator(interval=None, plant=[spec]) as sim:
        user = await connect(sim)
        await user.write(await user.advised("A.V"), MxValue(int32_value=1))
        item = await user.advised("A.V", supervisory=True)
        await user.write(item, MxValue(int32_value=2))
        await sim.wait_for(lambda s: len(s.audit.writes("A.V")) == 2)
        outcome = [record.succeeded for record in sim.audit.writes("A.V")]
        assert outcome == [user_may, application_may]
        user.channel.close()


@pytest.mark.rule("mx.write-time")
async def test_write2_carries_the_callers_time(sim: Simulator, user: Any) -> None:
    item = await user.advised(TAG)
    time = datetime(2020, 2, 29, 12, 30, 15, 123456, tzinfo=UTC)
    await user.invoke(
        MxCommandKind.WRITE2,
        Write2Command(
            server_handle=user.server,
            item_handle=item,
            value=MxValue(int32_value=4),
            timestamp_value=MxValue(timestamp_value=time),
        ),
    )
    async with user.events() as stream:
        _, _, change = await stream.take(3)
    assert change.value.int32_value == 4
    assert change.source_timestamp == time
    assert change.worker_timestamp != time


@pytest.mark.rule("value.sparse-index", "value.sparse-element", "status.invalid-argument")
async def test_a_malformed_write_is_an_invalid_argument(sim: Simulator, user: Any) -> None:
    item = await user.advised("SimProbe_001.TestIntArray")
    handles = {"server_handle": user.server, "item_handle": item}
    skewed = MxArray(dimensions=[3], int32_values=Int32Array(values=[1, 2]))
    sparse = MxSparseArray(element_data_type=MxDataType.INTEGER, total_length=2)
    outside = MxSparseArray(
        element_data_type=MxDataType.INTEGER,
        total_length=2,
        elements=[MxSparseElement(index=2, value=MxValue(int32_value=1))],
    )
    wrong = MxSparseArray(
        element_data_type=MxDataType.INTEGER,
        total_length=2,
        elements=[MxSparseElement(index=0, value=MxValue(string_value="x"))],
    )
    untyped = MxSparseArray(total_length=2)
    empty = MxSparseArray(element_data_type=MxDataType.INTEGER)
    cases = [WriteCommand(**handles), WriteCommand(**handles, value=MxValue())]
    cases += [
        WriteCommand(**handles, value=MxValue(sparse_array_value=each))
        for each in (outside, wrong, untyped, empty)
    ]
    cases.append(WriteCommand(**handles, value=MxValue(array_value=skewed)))
    for case in cases:
        with pytest.raises(GRPCError) as caught:
            await user.invoke(MxCommandKind.WRITE, case)
        assert caught.value.status is Status.INVALID_ARGUMENT
    with pytest.raises(GRPCError) as caught:
        await user.invoke(
            MxCommandKind.WRITE2, Write2Command(**handles, value=MxValue(int32_value=1))
        )
    assert caught.value.status is Status.INVALID_ARGUMENT
    assert (await user.write(item, MxValue(sparse_array_value=sparse))).hresult == 0


@pytest.mark.rule("value.array-whole")
async def test_a_whole_array_write_replaces_every_element(sim: Simulator, user: Any) -> None:
    item = await user.advised("SimProbe_001.TestStringArray")
    array = MxArray(string_values=StringArray(values=["a", "b"]))
    await user.write(item, MxValue(array_value=array))
    async with user.events() as stream:
        _, _, change = await stream.take(3)
    assert change.value.array_value.string_values.values == ["a", "b"]
    assert change.value.array_value.dimensions == [2]


@pytest.mark.rule("value.array-element")
async def test_an_element_write_leaves_the_others(sim: Simulator, user: Any) -> None:
    await user.advised("SimProbe_001.TestIntArray")
    item = await user.advised("SimProbe_001.TestIntArray[2]")
    await user.write(item, MxValue(int32_value=50))
    async with user.events() as stream:
        events = await stream.take(5)
    whole, element = events[3:]
    assert whole.value.array_value.int32_values.values == [0, 50, 2, 3, 4, 5, 6, 7]
    assert element.value.int32_value == 50


@pytest.mark.rule("value.sparse-reset")
async def test_a_sparse_write_resets_what_it_does_not_list(sim: Simulator, user: Any) -> None:
    item = await user.advised("SimProbe_001.TestIntArray")
    sparse = MxSparseArray(
        element_data_type=MxDataType.INTEGER,
        total_length=4,
        elements=[MxSparseElement(index=2, value=MxValue(int32_value=9))],
    )
    await user.write(item, MxValue(sparse_array_value=sparse))
    await sim.wait_for(lambda s: s.plant["SimProbe_001.TestIntArray"].value == [0, 0, 9, 0])


@pytest.mark.rule("mx.write-in-flight")
async def test_a_completion_is_lost_when_the_item_is_un_advised_meanwhile(
    clock: ManualClock, connect: Any
) -> None:
    settings = Settings(write_delay=0.02)
    async with Simulator(interval=None, clock=clock, settings=settings) as sim:
        user = await connect(sim)
        item = await user.advised(TAG)
        await user.write(item, MxValue(int32_value=1))
        await user.invoke(MxCommandKind.UN_ADVISE, UnAdviseCommand(user.server, item))
        assert sim.plant[TAG].value == 0
        await sim.advance(0.02)
        assert sim.plant[TAG].value == 1
        other = await user.advised("SimProbe_001.TestBool")
        async with user.events() as stream:
            assert [event.item_handle for event in await stream.take(2)] == [item, other]
        user.channel.close()


@pytest.mark.rule("write.one-completion")
async def test_writes_complete_in_the_order_in_which_they_were_sent(
    sim: Simulator, user: Any
) -> None:
    item = await user.advised(TAG)
    for number in range(1, 51):
        await user.write(item, MxValue(int32_value=number))
    await sim.wait_for(lambda s: s.audit.write_count[TAG] == 50)
    assert sim.audit.values_written(TAG) == list(range(1, 51))


@pytest.mark.rule("value.sparse-element")
async def test_a_sparse_element_of_another_type_or_given_twice_is_an_invalid_argument(
    sim: Simulator, user: Any
) -> None:
    item = await user.advised("SimProbe_001.TestIntArray")
    one = MxSparseElement(index=0, value=MxValue(int32_value=1))
    for elements in (
        [one, one],
        [MxSparseElement(index=0, value=MxValue(double_value=1.0))],
        [MxSparseElement(index=0, value=MxValue(array_value=MxArray()))],
        [MxSparseElement(index=0)],
    ):
        sparse = MxSparseArray(
            element_data_type=MxDataType.INTEGER, total_length=3, elements=elements
        )
        with pytest.raises(GRPCError) as caught:
            await user.write(item, MxValue(sparse_array_value=sparse))
        assert caught.value.status is Status.INVALID_ARGUMENT
    assert sim.audit.writes("SimProbe_001.TestIntArray") == []


@pytest.mark.rule("mx.pending-first")
async def test_a_completion_may_be_pending_first(clock: ManualClock, connect: Any) -> None:
    settings = Settings(pending_first=True)
    async with Simulator(interval=None, clock=clock, settings=settings) as sim:
        user = await connect(sim)
        await user.write(await user.advised(TAG), MxValue(int32_value=1))
        async with user.events() as stream:
            _, pending, complete = await stream.take(3)
        assert pending.statuses[0].category is MxStatusCategory.PENDING
        assert pending.statuses[0].success != 0
        assert complete.statuses[0].category is MxStatusCategory.OK
        assert sim.audit.write_count[TAG] == 1
        user.channel.close()


@pytest.mark.rule("mx.host-stopped")
@pytest.mark.parametrize(
    ("host", "source", "detail"),
    [
        ("DemoEngine_001", MxStatusSource.RESPONDING_NMX, 5),
        ("DemoPlatform", MxStatusSource.REQUESTING_NMX, 2),
    ],
)
async def test_a_write_to_what_a_stopped_host_serves_fails_in_communication(
    sim: Simulator, user: Any, host: str, source: MxStatusSource, detail: int
) -> None:
    item = await user.advised(TAG)
    command = await user.advised(f"{host}.ScanStateCmd")
    await user.write(command, MxValue(bool_value=False))
    await sim.wait_for(lambda s: s.plant[TAG].quality == 28)
    await user.write(item, MxValue(int32_value=1))
    await sim.wait_for(lambda s: len(s.audit.writes(TAG)) == 1)
    assert sim.audit.writes(TAG)[0].detail == detail
    await user.write(command, MxValue(bool_value=True))
    await user.write(item, MxValue(int32_value=2))
    await sim.wait_for(lambda s: s.audit.values_written(TAG) == [2])
    async with user.events() as stream:
        events = await stream.take(9)
    failed = [e.statuses[0] for e in events if e.statuses[0].success == 0]
    assert [(s.category, s.detected_by) for s in failed] == [
        (MxStatusCategory.COMMUNICATION_ERROR, source)
    ]


async def test_a_write_that_a_deploy_overtakes_fails_in_the_completion(connect: Any) -> None:
    kept, gone = (TagSpec(f"A.{name}", MxDataType.INTEGER, 0) for name in ("Kept", "Gone"))
    settings = Settings(write_delay=0.02)
    async with Simulator(interval=None, plant=[kept, gone], settings=settings) as sim:
        user = await connect(sim)
        for name in ("A.Kept", "A.Gone"):
            await user.write(await user.advised(name), MxValue(int32_value=1))
        sim.plant.replace([kept])
        await sim.wait_for(lambda s: s.audit.write_count.total() == 2)
        assert sim.audit.values_written("A.Kept") == [1]
        (record,) = sim.audit.writes("A.Gone")
        assert (record.succeeded, record.detail, record.value) == (False, 6, None)
        async with user.events() as stream:
            events = await stream.take(5)
        failed = [e for e in events if e.statuses[0].success == 0]
        assert [e.family for e in failed] == [MxEventFamily.ON_WRITE_COMPLETE]
        user.channel.close()
