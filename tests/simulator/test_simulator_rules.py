"""Rules of the gateway and of MXAccess that no other file shows: details of calls and values."""

from __future__ import annotations

from typing import Any

import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.codec import encode
from mxgateway.errors import ConfigurationError
from mxgateway.generated.mxaccess_gateway.v1 import (
    AddBufferedItemCommand,
    AddItem2Command,
    AddItemBulkCommand,
    AddItemCommand,
    AdviseItemBulkCommand,
    DrainEventsCommand,
    MxCommand,
    MxCommandKind,
    MxCommandRequest,
    MxDataType,
    MxEventFamily,
    MxValue,
    OpenSessionRequest,
    PingCommand,
    ProtocolStatusCode,
    ReadBulkCommand,
    SubscribeBulkCommand,
    WriteCommand,
)
from mxgateway.simulator import (
    ManualClock,
    ModelAttribute,
    ModelObject,
    PlantModel,
    Settings,
    Simulator,
    TagSpec,
)

KIND = MxCommandKind
TAG = "SimProbe_001.TestInt"
ARRAY = "SimProbe_001.TestIntArray"


# -- sessions and keys -----------------------------------------------------------------


@pytest.mark.rule("session.defaults", "events.ring", "events.overflow", "bulk.read-default")
def test_limits_and_times_are_those_of_the_gateway() -> None:
    settings = Settings()
    assert (settings.session_limit, settings.pending_limit) == (64, 128)
    assert (settings.lease, settings.sweep_interval, settings.detach_grace) == (1800, 30, 30)
    assert (settings.command_timeout, settings.worker_start_timeout) == (30, 30)
    assert settings.heartbeat_grace == 15
    assert (settings.queue_limit, settings.max_subscribers) == (10_000, 1)
    assert settings.overflow == "fail-fast"
    assert (settings.ring_size, settings.ring_seconds) == (1024, 300)
    assert settings.max_message_bytes == 16 << 20


@pytest.mark.rule("auth.revoked")
async def test_a_key_revoked_while_the_gateway_runs_ends_new_calls_and_no_stream(
    sim: Simulator, user: Any
) -> None:
    await user.advised(TAG)
    async with user.events() as stream:
        await stream.next()
        fault = await sim.faults.revoke_key("demo")
        with pytest.raises(GRPCError) as caught:
            await user.invoke(KIND.PING, PingCommand())
        assert caught.value.status is Status.UNAUTHENTICATED
        assert "revoked" in str(caught.value.message)
        await sim.set_value(TAG, 5)
        assert (await stream.next()).value.int32_value == 5
        await sim.faults.clear(fault)
        assert (await user.invoke(KIND.PING, PingCommand())).hresult == 0


async def test_only_a_key_that_is_good_can_be_revoked(sim: Simulator) -> None:
    with pytest.raises(ConfigurationError, match="there are demo, viewer"):
        await sim.faults.revoke_key("nobody")
    await sim.faults.revoke_key("viewer")
    with pytest.raises(ConfigurationError, match="already"):
        await sim.faults.revoke_key("viewer")


# -- commands --------------------------------------------------------------------------


@pytest.mark.rule("command.drain")
async def test_draining_may_be_a_look_that_leaves_the_events(
    clock: ManualClock, connect: Any
) -> None:
    settings = Settings(drain_takes=False)
    async with Simulator(interval=None, clock=clock, settings=settings) as sim:
        user = await connect(sim)
        await user.advised(TAG)
        await sim.set_value(TAG, 1)
        for limit, expected in ((1, [1]), (0, [1, 2]), (5, [1, 2])):
            reply = await user.invoke(KIND.DRAIN_EVENTS, DrainEventsCommand(max_events=limit))
            assert [e.worker_sequence for e in reply.drain_events.events] == expected
        async with user.events() as stream:
            assert [e.worker_sequence for e in await stream.take(2)] == [1, 2]
        user.channel.close()


@pytest.mark.rule("mx.hresult", "command.two-layers", "command.hresult")
async def test_mxaccess_may_refuse_any_command_with_any_hresult(sim: Simulator, user: Any) -> None:
    no_licence = -2147024891
    await sim.faults.refuse_commands("ADD_ITEM", hresult=no_licence, text="no licence")
    command = AddItemCommand(server_handle=user.server, item_definition=TAG)
    refused = await user.invoke(KIND.ADD_ITEM, command)
    assert refused.protocol_status.code is ProtocolStatusCode.MXACCESS_FAILURE
    assert (refused.hresult, refused.diagnostic_message) == (no_licence, "no licence")
    assert (await user.invoke(KIND.ADD_ITEM, command)).hresult == 0
    assert sim.faults.active() == []
    fault = await sim.faults.refuse_commands("PING", times=None)
    for _ in range(2):
        assert (await user.invoke(KIND.PING, PingCommand())).hresult == -2147467259
    await sim.faults.clear(fault)
    assert (await user.invoke(KIND.PING, PingCommand())).hresult == 0
    assert sim.audit.commands["PING"] == 3


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"kind": "PONG"}, "PONG"),
        ({"kind": "PING", "hresult": 0}, "HRESULT"),
        ({"times": 0}, "1 or"),
    ],
)
async def test_a_refusal_that_makes_no_sense_is_refused(
    sim: Simulator, arguments: dict[str, Any], text: str
) -> None:
    refuse: Any = sim.faults.refuse_commands
    with pytest.raises(ConfigurationError, match=text):
        await refuse(**{"kind": "PING"} | arguments)


@pytest.mark.rule("mx.empty-context", "mx.relative-alone", "mx.intouch")
async def test_an_empty_context_is_none_and_intouch_names_lead_nowhere(
    sim: Simulator, user: Any
) -> None:
    for reference in (TAG, "Me.TestInt", "InTouch:TestInt"):
        reply = await user.invoke(KIND.ADD_ITEM2, AddItem2Command(user.server, reference, ""))
        await user.advise(reply.add_item2.item_handle)
    async with user.events() as stream:
        found, relative, intouch = await stream.take(3)
    assert found.value.int32_value == 0
    assert (relative.statuses[0].detail, intouch.statuses[0].detail) == (6, 6)


@pytest.mark.rule("value.array-brackets")
async def test_every_way_to_add_an_item_appends_the_brackets(sim: Simulator, user: Any) -> None:
    server = user.server
    replies = [
        await user.invoke(KIND.ADD_ITEM, AddItemCommand(server, ARRAY)),
        await user.invoke(
            KIND.ADD_ITEM2, AddItem2Command(server, "Me.TestIntArray", "SimProbe_001")
        ),
        await user.invoke(KIND.ADD_BUFFERED_ITEM, AddBufferedItemCommand(server, ARRAY, "")),
    ]
    bulk = await user.invoke(KIND.ADD_ITEM_BULK, AddItemBulkCommand(server, [ARRAY]))
    handles = [
        replies[0].add_item.item_handle,
        replies[1].add_item2.item_handle,
        bulk.add_item_bulk.results[0].item_handle,
    ]
    await user.invoke(KIND.ADVISE_ITEM_BULK, AdviseItemBulkCommand(server, handles))
    async with user.events() as stream:
        events = await stream.take(3)
    assert {e.statuses[0].success for e in events} == {-1}
    assert {len(e.value.array_value.int32_values.values) for e in events} == {8}
    session = sim.gateway.sessions[user.session_id]
    buffered = session.registrations[server].items[replies[2].add_buffered_item.item_handle]
    assert buffered.definition == f"{ARRAY}[]"


@pytest.mark.rule("value.array-brackets", "mx.bare-array")
async def test_nothing_appends_the_brackets_in_subscribe_bulk_and_read_bulk(user: Any) -> None:
    server = user.server
    await user.invoke(KIND.SUBSCRIBE_BULK, SubscribeBulkCommand(server, [ARRAY, f"{ARRAY}[]"]))
    async with user.events() as stream:
        events = await stream.take(2)
    assert [event.statuses[0].detail for event in events] == [1003, 0]
    reply = await user.invoke(KIND.READ_BULK, ReadBulkCommand(server, [ARRAY, f"{ARRAY}[]"]))
    results = reply.read_bulk.results
    assert [result.was_successful for result in results] == [False, True]
    assert results[0].statuses[0].detail == 1003


@pytest.mark.rule("transport.message-size", "status.resource-exhausted")
async def test_a_request_of_16_mib_passes_and_one_byte_more_is_refused(
    sim: Simulator, user: Any
) -> None:
    item = await user.advised("SimProbe_001.TestString")

    def request(length: int) -> MxCommandRequest:
        write = WriteCommand(user.server, item, MxValue(string_value="x" * length))
        command = MxCommand(kind=KIND.WRITE, write=write)
        return MxCommandRequest(session_id=user.session_id, command=command)

    limit = 16 << 20
    length = limit - (len(encode(request(limit))) - limit)
    assert len(encode(request(length))) == limit
    assert (await user.stub.invoke(request(length))).hresult == 0
    with pytest.raises(GRPCError) as caught:
        await user.stub.invoke(request(length + 1))
    assert caught.value.status is Status.RESOURCE_EXHAUSTED


@pytest.mark.rule("transport.message-size", "status.resource-exhausted")
async def test_an_event_of_16_mib_is_sent_and_one_byte_more_ends_the_stream(
    sim: Simulator, user: Any
) -> None:
    tag, limit = "SimProbe_001.TestString", 16 << 20
    await user.advised(tag)
    async with user.events() as stream:
        await stream.next()
        await sim.set_value(tag, "x" * (1 << 22))
        length = limit - (len(encode(await stream.next())) - (1 << 22))
        await sim.set_value(tag, "x" * length)
        assert len(encode(await stream.next())) == limit
        await sim.set_value(tag, "x" * (length + 1))
        with pytest.raises(GRPCError) as caught:
            await stream.end()
    assert caught.value.status is Status.RESOURCE_EXHAUSTED
    await sim.wait_for(lambda s: not s.audit.streams_open)
    await sim.set_value(tag, "small")
    async with user.events() as stream:  # the large one is in nobody's way
        assert (await stream.next()).value.string_value == "small"


@pytest.mark.rule("transport.message-size", "status.resource-exhausted")
async def test_a_reply_above_the_limit_is_not_sent(connect: Any) -> None:
    async with Simulator(interval=None, settings=Settings(max_message_bytes=2000)) as sim:
        user = await connect(sim)
        few, many = ([TAG] * count for count in (5, 50))
        reply = await user.invoke(KIND.READ_BULK, ReadBulkCommand(user.server, few))
        assert len(reply.read_bulk.results) == 5
        with pytest.raises(GRPCError) as caught:
            await user.invoke(KIND.READ_BULK, ReadBulkCommand(user.server, many))
        assert caught.value.status is Status.RESOURCE_EXHAUSTED
        assert "the limit is 2000" in (caught.value.message or "")
        user.channel.close()


# -- values and qualities --------------------------------------------------------------


@pytest.mark.rule("value.raw")
async def test_what_has_no_projection_is_raw_bytes_with_a_diagnostic(connect: Any) -> None:
    spec = TagSpec("A.Struct", MxDataType.QUALIFIED_STRUCT, b"\1\2\3")
    async with Simulator(interval=None, plant=[spec]) as sim:
        user = await connect(sim)
        await user.advised("A.Struct")
        async with user.events() as stream:
            value = (await stream.next()).value
        assert (value.raw_value, value.variant_type) == (b"\1\2\3", "VT_UNKNOWN")
        assert value.raw_diagnostic
        user.channel.close()


@pytest.mark.rule("value.null-wins", "mx.coercion")
async def test_a_null_wins_over_an_empty_kind_and_cannot_be_written(
    sim: Simulator, user: Any
) -> None:
    item = await user.advised(TAG)
    with pytest.raises(GRPCError) as caught:
        await user.write(item, MxValue())
    assert caught.value.status is Status.INVALID_ARGUMENT
    for null in (MxValue(is_null=True), MxValue(is_null=True, int32_value=5)):
        assert (await user.write(item, null)).hresult == 0
    await sim.wait_for(lambda s: len(s.audit.writes(TAG)) == 2)
    assert [record.detail for record in sim.audit.writes(TAG)] == [902, 902]


@pytest.mark.rule("mx.status-raw", "mx.one-status")
async def test_raw_members_of_a_status_hold_the_numbers_of_the_contract(
    sim: Simulator, user: Any
) -> None:
    await user.advised("Nowhere.At")
    await user.write(await user.advised("SimProbe_001.Secured"), MxValue(int32_value=1))
    async with user.events() as stream:
        events = await stream.take(3)
    statuses = [status for event in events for status in event.statuses]
    assert [(s.success, s.raw_category, s.raw_detected_by) for s in statuses] == [
        (0, 6, 2),  # configuration, requesting LMX
        (-1, 2, 2),
        (0, 8, 7),  # security, responding automation object
    ]
    assert all(s.raw_category == int(s.category) for s in statuses)


@pytest.mark.rule("mx.quality-kept", "mx.quality", "mx.change-only")
async def test_a_quality_arrives_with_its_substatus_its_limits_and_vendor_bits(
    sim: Simulator, user: Any
) -> None:
    given = [0, 4, 8, 12, 17, 20, 24, 27, 64, 68, 83, 84, 88, 195, 216, 219, 65536, 65602]
    await user.advised(TAG)
    for quality in given:
        await sim.set_value(TAG, 0, quality=quality)
    async with user.events() as stream:
        events = await stream.take(1 + len(given))
    assert [event.quality for event in events] == [192, *given]
    assert {event.value.int32_value for event in events} == {0}
    assert {event.family for event in events} == {MxEventFamily.ON_DATA_CHANGE}


@pytest.mark.rule("mx.quality")
async def test_a_written_value_is_good(sim: Simulator, user: Any) -> None:
    await sim.set_value(TAG, 0, quality=24)
    await user.write(await user.advised(TAG), MxValue(int32_value=1))
    async with user.events() as stream:
        bad, _, good = await stream.take(3)
    assert (bad.quality, good.quality) == (24, 192)


# -- names -----------------------------------------------------------------------------


def plant(name: str = "A", attribute: str = "V") -> PlantModel:
    made = ModelAttribute(name=attribute, data_type=MxDataType.INTEGER, value=0)
    return PlantModel([ModelObject(name=name, template="$UserDefined", attributes=(made,))])


@pytest.mark.rule("mx.name-length")
def test_names_have_their_length() -> None:
    parts = ["x" * 32] * 10
    longest = ".".join(parts)[:329]
    assert f"A.{longest}" in Simulator(model=plant(attribute=longest)).plant
    assert f"{'A' * 32}.V" in Simulator(model=plant("A" * 32)).plant
    for wrong in ({"name": "A" * 33}, {"attribute": "x" * 33}, {"attribute": ".".join(parts * 2)}):
        with pytest.raises(ConfigurationError, match=r"up to 32|above 32|329"):
            plant(**wrong)


@pytest.mark.rule("mx.reserved")
@pytest.mark.parametrize("name", ["Me", "MyContainer", "myarea", "MYHOST", "MyEngine", "System"])
def test_relative_words_name_no_object(name: str) -> None:
    with pytest.raises(ConfigurationError, match="reserved"):
        plant(name)


@pytest.mark.rule("mx.reserved")
@pytest.mark.parametrize("name", ["Quality", "dimension1", "Locked", "#EnumOrdinal"])
def test_properties_name_no_attribute(name: str) -> None:
    with pytest.raises(ConfigurationError, match="property of that name"):
        plant(attribute=name)


@pytest.mark.rule("session.ready", "session.defaults")
async def test_the_command_timeout_is_30_seconds_unless_asked_otherwise(
    sim: Simulator, user: Any
) -> None:
    reply = await user.stub.open_session(OpenSessionRequest())
    assert reply.default_command_timeout.total_seconds() == 30
