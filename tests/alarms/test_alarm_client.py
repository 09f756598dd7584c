"""The alarm calls of GatewayClient against the simulator."""

from __future__ import annotations

import gc
import logging

import anyio
import anyio.to_thread
import betterproto2
import pytest

from mxgateway import (
    AlarmBook,
    AlarmChange,
    AlarmChangeKind,
    AlarmConditionState,
    AlarmFeedMessage,
    AlarmFollower,
    AlarmProviderMode,
    ClientClosedError,
    ClientOptions,
    ConfigurationError,
    FailedPreconditionError,
    GatewayClient,
    InvalidArgumentError,
    MessageStream,
    MxAccessError,
    PermissionDeniedError,
    ResourceExhaustedError,
    Timestamp,
    UnavailableError,
)
from mxgateway.simulator import ApiKey, ManualClock, Settings, Simulator, ThreadedSimulator

LEVEL = "Tank_001.Level"
HI = "Galaxy!Intake.Tank_001.Level.Hi"
HIHI = "Galaxy!Intake.Tank_001.Level.HiHi"


def streams(sim: Simulator) -> int:
    """Alarm streams that the simulator has open."""
    assert sim.gateway.alarms is not None
    return sim.gateway.alarms.streams


async def streams_are(sim: ThreadedSimulator, count: int) -> None:
    """Wait for the number of open alarm streams."""
    await anyio.to_thread.run_sync(sim.wait_until, lambda s: streams(s) == count)


async def upcoming(follower: AlarmFollower) -> AlarmChange:
    """The next change, soon."""
    with anyio.fail_after(5):
        return await anext(follower)


async def snapshot_read(follower: AlarmFollower) -> None:
    """Read up to the provider's status, with which the opening of a feed ends."""
    while (await upcoming(follower)).kind is not AlarmChangeKind.PROVIDER:
        pass


async def payloads(stream: MessageStream[AlarmFeedMessage], count: int) -> list[str]:
    """The names of the payloads of the next messages."""
    with anyio.fail_after(5):
        messages = [await anext(stream) for _ in range(count)]
    return [betterproto2.which_one_of(message, "payload")[0] for message in messages]


@pytest.mark.rule("alarm.prefix", "alarm.sessionless")
async def test_active_alarms_are_queried_with_and_without_a_prefix(
    sim: ThreadedSimulator, options: ClientOptions, clock: ManualClock
) -> None:
    clock.advance(1.2345678)
    sim.set_value(LEVEL, 96.5)
    sim.alarms.raise_("Pump_004.Fault")
    async with GatewayClient.connect(options=options) as client:
        with anyio.fail_after(5):
            everything = [alarm async for alarm in client.query_active_alarms()]
            intake = [a async for a in client.query_active_alarms(r"\\Galaxy\Intake.")]
            none = [alarm async for alarm in client.query_active_alarms("Nowhere!")]

    references = [alarm.alarm_full_reference for alarm in everything]
    assert references == [HI, HIHI, "Galaxy!Reaction.Pump_004.Fault"]
    assert [alarm.alarm_full_reference for alarm in intake] == [HI, HIHI]
    assert none == []
    highest = everything[1]
    assert (highest.severity, highest.alarm_type_name, highest.category) == (100, "HiHi", "Value")
    assert highest.current_state == AlarmConditionState.ACTIVE
    assert highest.source_object_reference == "Tank_001"
    assert highest.current_value is not None
    assert highest.limit_value is not None
    assert (highest.current_value.float_value, highest.limit_value.float_value) == (96.5, 95.0)
    assert isinstance(highest.original_raise_timestamp, Timestamp)
    assert highest.original_raise_timestamp == clock()


@pytest.mark.rule("alarm.feed-order")
@pytest.mark.requirement("stream.early-exit")
async def test_the_feed_keeps_its_order_and_ends_when_it_is_left(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    sim.set_value(LEVEL, 96.5)
    async with GatewayClient.connect(options=options) as client:
        async with client.stream_alarms() as feed:
            assert await payloads(feed, 4) == [
                *["active_alarm"] * 2,
                "snapshot_complete",
                "provider_status",
            ]
            sim.set_value(LEVEL, 50.0)
            sim.alarms.failover("three failures")
            sim.set_value(LEVEL, 99.0)
            assert await payloads(feed, 5) == [
                *["transition"] * 2,
                "provider_status",
                *["transition"] * 2,
            ]
        await streams_are(sim, 0)

        async for _ in client.stream_alarms("Galaxy!Intake."):
            break
        gc.collect()
        await streams_are(sim, 0)


@pytest.mark.rule("alarm.older-gateway")
async def test_an_older_gateway_tells_no_provider(clock: ManualClock) -> None:
    settings = Settings(provider_status_message=False)
    with ThreadedSimulator(seed=1, interval=None, settings=settings) as sim:
        async with GatewayClient.connect(
            endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True
        ) as client:
            async with client.follow_alarms() as follower:
                assert (await upcoming(follower)).kind == "complete"
                sim.alarms.failover("nobody is told")
                sim.alarms.raise_("Pump_001.Fault")
                change = await upcoming(follower)
                assert (change.kind, change.provider) == ("raised", None)
                assert change.alarm is not None
                assert change.alarm.degraded


async def test_a_follower_reports_what_happens_and_keeps_the_book(
    sim: ThreadedSimulator, options: ClientOptions, clock: ManualClock
) -> None:
    sim.set_value(LEVEL, 86.0)
    async with GatewayClient.connect(options=options) as client:
        async with client.follow_alarms() as follower:
            first = await upcoming(follower)
            assert (first.kind, first.from_snapshot) == ("raised", True)
            assert (await upcoming(follower)).kind == "complete"
            assert (await upcoming(follower)).kind == "provider"

            clock.advance(1)
            await client.acknowledge_alarm(HI, "pump off", "PLANT\\shift", correlation_id="ack-1")
            acked = await upcoming(follower)
            assert (acked.kind, acked.from_snapshot) == ("acknowledged", False)
            assert acked.alarm is not None
            assert (acked.alarm.operator, acked.alarm.comment) == ("PLANT\\shift", "pump off")
            assert follower.book.unacked == []
            assert repr(follower) == "<AlarmFollower of <AlarmBook 1 active, 0 not acknowledged>>"

            clock.advance(1)
            sim.set_value(LEVEL, 84.5)  # inside the deadband of 1
            sim.set_value(LEVEL, 84.0)
            assert (await upcoming(follower)).kind == "cleared"
            assert len(follower.book) == 0

            sim.set_value(LEVEL, 85.0)
            assert (await upcoming(follower)).kind == "raised"
            sim.set_value(LEVEL, 20.0)
            assert (await upcoming(follower)).kind == "cleared"
            sim.set_value(LEVEL, 85.0)
            assert (await upcoming(follower)).kind == "retriggered"
        await streams_are(sim, 0)


async def test_a_book_survives_a_lost_connection(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    book = AlarmBook()
    sim.set_value(LEVEL, 86.0)
    sim.alarms.raise_("Pump_001.Fault")
    async with GatewayClient.connect(options=options) as client:
        follower = client.follow_alarms(book=book)
        await snapshot_read(follower)
        sim.faults.drop_connections()
        with pytest.raises(Exception, match="connection"):
            await upcoming(follower)
        assert len(book) == 2

        sim.alarms.clear("Pump_001.Fault")
        sim.alarms.raise_("Pump_002.Fault")
        async with client.follow_alarms(book=book) as again:
            changes = [await upcoming(again) for _ in range(3)]
    told = [(str(c.kind), c.alarm.tag if c.alarm else "") for c in changes]
    assert told == [
        ("raised", "Pump_002.Fault"),
        ("cleared", "Pump_001.Fault"),
        ("complete", ""),
    ]
    assert {alarm.tag for alarm in book.active} == {"Tank_001.Level.Hi", "Pump_002.Fault"}


@pytest.mark.rule("alarm.degraded", "alarm.provider-status", "mx.subtag-poorer")
async def test_failover_makes_alarms_poorer_and_failback_whole_again(
    sim: ThreadedSimulator, options: ClientOptions, clock: ManualClock
) -> None:
    sim.set_value(LEVEL, 86.0)
    async with GatewayClient.connect(options=options) as client:
        async with client.follow_alarms() as follower:
            await snapshot_read(follower)
            clock.advance(60)
            sim.alarms.failover("three failures")
            change = await upcoming(follower)
            assert change.provider is not None
            assert (change.provider.degraded, change.provider.reason) == (True, "three failures")
            with anyio.fail_after(5):
                (poor,) = [alarm async for alarm in client.query_active_alarms()]
            assert (poor.degraded, poor.source_provider) == (True, AlarmProviderMode.SUBTAG)
            assert (poor.description, poor.current_value, poor.limit_value) == ("", None, None)
            # Best effort: since when the fallback sees it.
            assert poor.original_raise_timestamp == clock()
            assert poor.severity == 500
            sim.alarms.failback()
            back = await upcoming(follower)
            assert back.provider is not None
            assert not back.provider.degraded
            with anyio.fail_after(5):
                (whole,) = [alarm async for alarm in client.query_active_alarms()]
            assert (whole.degraded, whole.description != "") == (False, True)


async def test_a_slow_reader_ends_with_resource_exhausted(clock: ManualClock) -> None:
    with ThreadedSimulator(seed=1, interval=None, settings=Settings(alarm_buffer=5)) as sim:
        async with GatewayClient.connect(
            endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True, stream_window=65_535
        ) as client:
            async with client.stream_alarms() as feed:
                await payloads(feed, 2)

                def flood(simulator: Simulator) -> None:
                    # In one turn of its loop, so that nothing can be sent meanwhile.
                    for _ in range(4):
                        simulator.alarms.raise_("Pump_001.Fault")
                        simulator.alarms.clear("Pump_001.Fault")

                sim.call(flood)
                with anyio.fail_after(5), pytest.raises(ResourceExhaustedError, match="too slowly"):
                    async for _ in feed:
                        pass
        await streams_are(sim, 0)


async def test_a_reader_that_stopped_gets_whole_messages_and_then_the_end(
    clock: ManualClock,
) -> None:
    with ThreadedSimulator(seed=1, interval=None, settings=Settings(alarm_buffer=5)) as sim:
        async with GatewayClient.connect(
            endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True, stream_window=65_535
        ) as client:
            async with client.stream_alarms() as feed:
                await payloads(feed, 2)
                # Until the window is closed, the gateway's sender waits, and its queue is full.
                for _ in range(5000):
                    if not sim.call(streams):
                        break
                    sim.alarms.raise_("Pump_001.Fault")
                    sim.alarms.clear("Pump_001.Fault")
                arrived: list[AlarmFeedMessage] = []

                async def read_all() -> None:
                    async for message in feed:
                        arrived.append(message)  # noqa: PERF401 - an error follows; these count

                with anyio.fail_after(5), pytest.raises(ResourceExhaustedError, match="too slowly"):
                    await read_all()
    assert len(arrived) > 100
    assert all(message.transition is not None for message in arrived)


@pytest.mark.rule("status.shutdown")
async def test_the_feed_ends_with_the_gateway(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GatewayClient.connect(options=options) as client:
        async with client.follow_alarms() as follower:
            await snapshot_read(follower)
            await anyio.to_thread.run_sync(sim.stop)
            with pytest.raises(UnavailableError, match="shutting down"):
                await upcoming(follower)


# -- acknowledging ---------------------------------------------------------------------


@pytest.mark.rule("alarm.acknowledge", "alarm.acknowledge-guid", "alarm.acknowledge-refused")
@pytest.mark.parametrize(
    "form", [HI, r"\\Galaxy\Intake.Tank_001.Level.Hi", r"\Galaxy\Intake.Tank_001.Level.Hi", "guid"]
)
async def test_every_form_of_a_reference_acknowledges(
    sim: ThreadedSimulator, options: ClientOptions, form: str
) -> None:
    sim.set_value(LEVEL, 86.0)
    if form == "guid":
        form = sim.alarms.guid(sim.alarms[HI])
        assert len(form) == 36
    async with GatewayClient.connect(options=options) as client:
        reply = await client.acknowledge_alarm(form, "seen", "op", correlation_id="ack-1")

    assert (reply.correlation_id, reply.hresult, reply.status) == ("ack-1", 0, None)
    point = sim.alarms[HI]
    assert (point.acked, point.comment, point.operator) == (True, "seen", "op")


@pytest.mark.rule("alarm.acknowledge-refused")
async def test_an_alarm_that_is_not_there_is_refused_by_its_hresult(
    options: ClientOptions,
) -> None:
    async with GatewayClient.connect(options=options) as client:
        with pytest.raises(MxAccessError, match="0x80070490") as caught:
            await client.acknowledge_alarm(HI)
    assert caught.value.hresult == -2147023728
    assert caught.value.reply.diagnostic_message == f"alarm {HI!r} is not active"
    assert HI in caught.value.message


@pytest.mark.rule("alarm.reference-form")
async def test_a_form_that_nobody_knows_is_sent_and_the_gateway_refuses_it(
    options: ClientOptions, caplog: pytest.LogCaptureFixture
) -> None:
    async with GatewayClient.connect(options=options) as client:
        with caplog.at_level(logging.WARNING, "mxgateway.alarms"):
            with pytest.raises(InvalidArgumentError, match=r"Provider!Group\.Tag"):
                await client.acknowledge_alarm("Tank_001.Level.Hi")
        assert len(caplog.records) == 1
        with pytest.raises(ConfigurationError, match="empty"):
            await client.acknowledge_alarm("")


@pytest.mark.rule("alarm.acknowledge-subtag", "mx.subtag-identity")
async def test_in_subtag_mode_a_failing_acknowledgement_is_a_failed_precondition(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    sim.set_value(LEVEL, 86.0)
    native = sim.alarms.guid(sim.alarms[HI])
    sim.alarms.failover("three failures")
    made_up = sim.alarms.guid(sim.alarms[HI])
    assert made_up != native
    async with GatewayClient.connect(options=options) as client:
        for reference in (HIHI, native):
            with pytest.raises(FailedPreconditionError, match="subtag mode"):
                await client.acknowledge_alarm(reference)
        await client.acknowledge_alarm(made_up, "seen")
    assert sim.alarms[HI].acked
    assert sim.plant["Tank_001.Level.Hi.AckMsg"].value == "seen"


# -- who may ---------------------------------------------------------------------------


@pytest.mark.rule("alarm.disabled")
async def test_without_the_monitor_alarm_calls_are_a_failed_precondition(
    clock: ManualClock,
) -> None:
    with ThreadedSimulator(interval=None, settings=Settings(alarms_enabled=False)) as sim:
        async with GatewayClient.connect(
            endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True
        ) as client:
            with anyio.fail_after(5):
                for stream in (client.query_active_alarms(), client.stream_alarms()):
                    with pytest.raises(FailedPreconditionError, match="not enabled"):
                        await anext(stream)
                with pytest.raises(FailedPreconditionError, match="not enabled") as caught:
                    await client.acknowledge_alarm(HI)
    assert "whether the gateway's alarm monitor is on" in caught.value.diagnostics()


@pytest.mark.rule("auth.scope-events", "auth.scope-acknowledge")
async def test_each_call_needs_its_scope() -> None:
    reader = ApiKey("mxgw_reader_secret", frozenset({"events:read"}))
    writer = ApiKey("mxgw_writer_secret", frozenset({"invoke:write"}))
    with ThreadedSimulator(interval=None, seed=1, keys=[reader, writer]) as sim:
        sim.set_value(LEVEL, 86.0)
        fields = {"endpoint": sim.endpoint, "plaintext": True}
        async with GatewayClient.connect(
            options=ClientOptions(api_key=reader.key, **fields)  # type: ignore[arg-type]
        ) as client:
            with anyio.fail_after(5):
                assert len([alarm async for alarm in client.query_active_alarms()]) == 1
                assert await payloads(client.stream_alarms(), 1) == ["active_alarm"]
                with pytest.raises(PermissionDeniedError, match="invoke:write"):
                    await client.acknowledge_alarm(HI)
        async with GatewayClient.connect(
            options=ClientOptions(api_key=writer.key, **fields)  # type: ignore[arg-type]
        ) as client:
            with anyio.fail_after(5):
                await client.acknowledge_alarm(HI)
                for stream in (client.query_active_alarms(), client.stream_alarms()):
                    with pytest.raises(PermissionDeniedError, match="events:read"):
                        await anext(stream)


async def test_a_closed_client_says_so(options: ClientOptions) -> None:
    client = await GatewayClient.connect(options=options)
    await client.close()
    with pytest.raises(ClientClosedError):
        await client.acknowledge_alarm(HI)
    with pytest.raises(ClientClosedError):
        await anext(client.stream_alarms())
