"""Commands that handle handles (MXAccess reference, sections 1 and 8)."""

from __future__ import annotations

from typing import Any

import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.generated.mxaccess_gateway import v1 as contract
from mxgateway.generated.mxaccess_gateway.v1 import (
    AddItem2Command,
    AddItemCommand,
    AdviseCommand,
    MxAccessGatewayBase,
    MxCommand,
    MxCommandKind,
    MxCommandRequest,
    MxEventFamily,
    MxStatusCategory,
    MxStatusSource,
    PingCommand,
    ProtocolStatusCode,
    RegisterCommand,
    RemoveItemCommand,
    UnAdviseCommand,
    UnregisterCommand,
)
from mxgateway.simulator import ManualClock, Settings, Simulator

E_INVALIDARG = -2147024809
EMPTY_IS_INVALID = {
    MxCommandKind.WRITE,
    MxCommandKind.WRITE2,
    MxCommandKind.WRITE_SECURED,
    MxCommandKind.WRITE_SECURED2,
}
KINDS = [kind for kind in MxCommandKind if kind is not MxCommandKind.UNSPECIFIED]
PAYLOADS = {
    # The contract names these three after more than their kind.
    MxCommandKind.ACKNOWLEDGE_ALARM: "acknowledge_alarm_command",
    MxCommandKind.QUERY_ACTIVE_ALARMS: "query_active_alarms_command",
    MxCommandKind.ACKNOWLEDGE_ALARM_BY_NAME: "acknowledge_alarm_by_name_command",
}
CLASSES = {name.lower(): getattr(contract, name) for name in dir(contract)}


def refused(reply: Any) -> None:
    """The reply is a refusal by MXAccess with E_INVALIDARG."""
    assert reply.protocol_status.code is ProtocolStatusCode.MXACCESS_FAILURE
    assert reply.hresult == E_INVALIDARG
    assert reply.statuses
    assert reply.statuses[0].success == 0
    assert reply.statuses[0].category is not MxStatusCategory.OK
    assert reply.diagnostic_message


def accepted(reply: Any) -> None:
    """The reply is a plain yes."""
    assert reply.protocol_status.code is ProtocolStatusCode.OK
    assert reply.hresult == 0


def payload_of(kind: MxCommandKind) -> tuple[str, Any]:
    field = PAYLOADS.get(kind, kind.name.lower())
    name = field.removesuffix("_command").replace("_", "") + "command"
    return field, CLASSES[name]()


def test_there_are_39_kinds() -> None:
    assert len(KINDS) == 39


@pytest.mark.rule("command.kind", "command.correlation")
@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.name)
async def test_every_kind_is_answered_with_its_kind_and_the_correlation_id(
    sim: Simulator, user: Any, kind: MxCommandKind
) -> None:
    field, payload = payload_of(kind)
    command = MxCommand(kind=kind)
    setattr(command, field, payload)
    request = MxCommandRequest(
        session_id=user.session_id, client_correlation_id="mine", command=command
    )
    if kind in EMPTY_IS_INVALID:
        with pytest.raises(GRPCError) as caught:
            await user.stub.invoke(request)
        assert caught.value.status is Status.INVALID_ARGUMENT
        return
    reply = await user.stub.invoke(request)
    assert reply.kind is kind
    assert reply.correlation_id == "mine"
    assert reply.session_id == user.session_id


@pytest.mark.rule("command.kind", "status.invalid-argument")
@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.name)
async def test_a_payload_of_another_kind_is_an_invalid_argument(
    sim: Simulator, user: Any, kind: MxCommandKind
) -> None:
    other = (
        MxCommand(kind=kind, register=RegisterCommand())
        if kind is MxCommandKind.PING
        else MxCommand(kind=kind, ping=PingCommand())
    )
    for command in (other, MxCommand(kind=kind)):
        with pytest.raises(GRPCError) as caught:
            await user.stub.invoke(MxCommandRequest(session_id=user.session_id, command=command))
        assert caught.value.status is Status.INVALID_ARGUMENT
        assert kind.name in str(caught.value.message)


@pytest.mark.rule("status.invalid-argument")
@pytest.mark.parametrize("number", [0, 77])
async def test_a_kind_that_nobody_knows_is_an_invalid_argument(
    sim: Simulator, user: Any, number: int
) -> None:
    command = MxCommand(kind=MxCommandKind(number), ping=PingCommand())
    with pytest.raises(GRPCError) as caught:
        await user.stub.invoke(MxCommandRequest(session_id=user.session_id, command=command))
    assert caught.value.status is Status.INVALID_ARGUMENT


@pytest.mark.rule("mx.first-handles")
async def test_handles_start_at_one_and_come_in_the_payload_and_the_return_value(
    sim: Simulator, user: Any
) -> None:
    assert user.server == 1
    reply = await user.invoke(
        MxCommandKind.ADD_ITEM,
        AddItemCommand(server_handle=1, item_definition="SimProbe_001.TestInt"),
    )
    accepted(reply)
    assert reply.kind is MxCommandKind.ADD_ITEM
    assert reply.session_id == user.session_id
    assert reply.add_item.item_handle == 1
    assert reply.return_value.int32_value == 1
    assert reply.return_value.variant_type == "VT_I4"
    assert await user.add("SimProbe_001.TestInt") == 2


@pytest.mark.rule("mx.handles", "command.two-layers", "command.hresult")
async def test_invalid_handles_are_refused_by_mxaccess(sim: Simulator, user: Any) -> None:
    kind = MxCommandKind
    item = await user.add("SimProbe_001.TestInt")
    second = await user.invoke(kind.REGISTER, RegisterCommand(client_name="second"))
    other = second.register.server_handle
    for server, handle in ((99, item), (user.server, 99), (other, item), (0, 0), (-1, -1)):
        refused(await user.invoke(kind.ADVISE, AdviseCommand(server, handle)))
        refused(await user.invoke(kind.UN_ADVISE, UnAdviseCommand(server, handle)))
        refused(await user.invoke(kind.REMOVE_ITEM, RemoveItemCommand(server, handle)))
    refused(await user.invoke(kind.UNREGISTER, UnregisterCommand(99)))
    refused(await user.invoke(kind.ADD_ITEM, AddItemCommand(99, "SimProbe_001.TestInt")))
    refused(await user.invoke(kind.ADD_ITEM, AddItemCommand(user.server, "")))


@pytest.mark.rule("mx.removed-handle", "mx.unregister", "mx.remove-advised")
async def test_removed_items_and_ended_registrations_leave_no_valid_handles(
    sim: Simulator, user: Any
) -> None:
    kind = MxCommandKind
    first, second = await user.advised("SimProbe_001.TestInt"), await user.add("Nowhere.At.All")
    accepted(await user.invoke(kind.REMOVE_ITEM, RemoveItemCommand(user.server, first)))
    refused(await user.advise(first))
    accepted(await user.invoke(kind.UNREGISTER, UnregisterCommand(user.server)))
    refused(await user.advise(second))
    assert not sim.plant["SimProbe_001.TestInt"].listeners


@pytest.mark.rule("mx.advise-again")
async def test_a_second_advise_succeeds_and_sends_no_second_first_value(
    sim: Simulator, user: Any
) -> None:
    item = await user.advised("SimProbe_001.TestInt")
    accepted(await user.advise(item))
    accepted(await user.advise(item, supervisory=True))
    last = await user.advised("SimProbe_001.TestBool")
    async with user.events() as stream:
        assert [event.item_handle for event in await stream.take(2)] == [item, last]


@pytest.mark.rule("mx.un-advise-stops", "mx.un-advise-unadvised")
async def test_un_advise_stops_data_changes_and_may_be_repeated(sim: Simulator, user: Any) -> None:
    item = await user.advised("SimProbe_001.TestInt")
    for _ in range(2):
        accepted(await user.invoke(MxCommandKind.UN_ADVISE, UnAdviseCommand(user.server, item)))
    await sim.set_value("SimProbe_001.TestInt", 5)
    last = await user.advised("SimProbe_001.TestBool")
    async with user.events() as stream:
        assert [event.item_handle for event in await stream.take(2)] == [item, last]


@pytest.mark.rule("mx.misspelt-handle", "mx.failed-change", "mx.unresolved")
@pytest.mark.parametrize(
    "reference",
    [
        "NoSuchObject.Value",
        "SimProbe_001.NoSuchAttribute",
        "SimProbe_001.TestInt[1]",
        "SimProbe_001.TestIntArray[0]",
        "SimProbe_001.TestIntArray[9]",
        "SimProbe_001.TestIntArray[1",
        "Me.TestInt",
        "[]",
    ],
)
async def test_a_reference_that_leads_nowhere_gets_a_handle_and_a_failing_data_change(
    sim: Simulator, user: Any, clock: ManualClock, reference: str
) -> None:
    item = await user.advised(reference)
    async with user.events() as stream:
        event = await stream.next()
    assert event.family is MxEventFamily.ON_DATA_CHANGE
    assert event.item_handle == item
    assert event.value.is_null
    assert event.quality == 0
    assert event.source_timestamp == clock.now
    (status,) = event.statuses
    assert status.success == 0
    assert status.category is MxStatusCategory.CONFIGURATION_ERROR
    assert status.detected_by is MxStatusSource.REQUESTING_LMX
    assert status.detail == 6


@pytest.mark.rule("mx.case")
@pytest.mark.parametrize("reference", ["simprobe_001.testint", "SIMPROBE_001.TESTINT"])
async def test_references_ignore_case(sim: Simulator, user: Any, reference: str) -> None:
    await user.advised(reference)
    async with user.events() as stream:
        assert (await stream.next()).value.int32_value == 0


@pytest.mark.rule("value.array-brackets")
async def test_the_bare_name_of_an_array_means_the_whole_array(sim: Simulator, user: Any) -> None:
    for reference in ("SimProbe_001.TestIntArray", "SimProbe_001.TestIntArray[]"):
        await user.advised(reference)
    await user.advised("SimProbe_001.TestIntArray[-1]")
    async with user.events() as stream:
        for event in await stream.take(3):
            assert event.value.array_value.int32_values.values == list(range(8))


@pytest.mark.rule("mx.bare-array")
async def test_an_older_gateway_fails_the_bare_name_of_an_array(
    clock: ManualClock, connect: Any
) -> None:
    settings = Settings(normalise_arrays=False)
    async with Simulator(interval=None, clock=clock, settings=settings) as sim:
        user = await connect(sim)
        await user.advised("SimProbe_001.TestIntArray")
        async with user.events() as stream:
            (status,) = (await stream.next()).statuses
        assert status.category is MxStatusCategory.CONFIGURATION_ERROR
        assert status.detail == 1003
        user.channel.close()


@pytest.mark.rule("value.array-element", "mx.element-zero")
async def test_elements_are_counted_from_one(sim: Simulator, user: Any) -> None:
    await user.advised("SimProbe_001.TestIntArray[3]")
    async with user.events() as stream:
        event = await stream.next()
    assert event.value.int32_value == 2


@pytest.mark.rule("mx.context")
async def test_add_item2_gives_me_a_meaning(sim: Simulator, user: Any) -> None:
    reply = await user.invoke(
        MxCommandKind.ADD_ITEM2,
        AddItem2Command(user.server, "Me.TestIntArray", "SimProbe_001"),
    )
    accepted(reply)
    await user.advise(reply.add_item2.item_handle)
    async with user.events() as stream:
        assert (await stream.next()).value.array_value.int32_values.values[7] == 7


async def test_commands_are_counted_by_kind(sim: Simulator, user: Any) -> None:
    await user.add("SimProbe_001.TestInt")
    refused(await user.advise(99))
    assert sim.audit.commands == {"REGISTER": 1, "ADD_ITEM": 1, "ADVISE": 1}
    assert sim.audit.calls == {"OpenSession": 1, "Invoke": 3}


def test_the_service_lists_every_rpc_of_the_contract(sim: Simulator) -> None:
    listener: Any = sim._listener
    assert set(MxAccessGatewayBase().__mapping__()) < set(listener._mapping)
    assert len(listener._mapping) == 12
