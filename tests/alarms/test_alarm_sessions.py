"""Alarm commands of a session, and the alarm events that follow."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from mxgateway import (
    AlarmTransition,
    AlarmTransitionKind,
    ClientOptions,
    GatewayClient,
    MxAccessError,
    MxCommandReply,
    MxEventFamily,
    ProviderModeChange,
    Session,
)
from mxgateway.commands import command
from mxgateway.generated.mxaccess_gateway.v1 import (
    AcknowledgeAlarmByNameCommand,
    AcknowledgeAlarmCommand,
    AlarmProviderMode,
    QueryActiveAlarmsCommand,
    SubscribeAlarmsCommand,
    UnsubscribeAlarmsCommand,
)
from mxgateway.simulator import ThreadedSimulator
from mxgateway.simulator.model import ModelObject, PlantModel

LEVEL = "Tank_001.Level"
HI = "Galaxy!Intake.Tank_001.Level.Hi"


async def invoke(session: Session, payload: Any) -> MxCommandReply:
    """Run one command that the session has no method for."""
    with anyio.fail_after(5):
        return await session.invoke(command(payload))


async def next_event(events: Any) -> Any:
    """The next event, soon."""
    with anyio.fail_after(5):
        return await anext(events)


@pytest.mark.rule("alarm.session-events", "events.families", "mx.alarm-query")
async def test_a_session_that_subscribed_gets_what_is_active_and_what_happens(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    sim.set_value(LEVEL, 86.0)
    sim.alarms.raise_("Pump_004.Fault")  # of another area
    async with GatewayClient.connect(options=options) as client:
        async with await client.open_session("tests") as session:
            async with session.stream_events() as events:
                await invoke(
                    session, SubscribeAlarmsCommand(subscription_expression=r"\Galaxy!Intake")
                )
                first = await next_event(events)
                assert isinstance(first, AlarmTransition)
                assert first.family == MxEventFamily.ON_ALARM_TRANSITION
                assert (first.kind, first.alarm_full_reference) == (AlarmTransitionKind.RAISE, HI)
                assert (first.server_handle, first.item_handle, first.worker_sequence) == (0, 0, 1)

                sim.alarms.clear("Pump_004.Fault")
                sim.set_value(LEVEL, 50.0)
                assert (await next_event(events)).kind == AlarmTransitionKind.CLEAR

                sim.alarms.failover("away")
                change = await next_event(events)
                assert isinstance(change, ProviderModeChange)
                assert (change.mode, change.reason) == (AlarmProviderMode.SUBTAG, "away")
                sim.set_value(LEVEL, 86.0)
                assert (await next_event(events)).degraded

                await invoke(session, UnsubscribeAlarmsCommand())
                sim.set_value(LEVEL, 50.0)
                await invoke(session, SubscribeAlarmsCommand())
                sim.set_value("Pump_002.Fault", True)
                last = await next_event(events)
                assert last.alarm_full_reference == "Galaxy!Intake.Pump_002.Fault"
                assert last.worker_sequence == 5


async def test_a_forced_fallback_is_of_one_session_only(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GatewayClient.connect(options=options) as client:
        async with await client.open_session("tests") as session:
            async with session.stream_events() as events:
                await invoke(session, SubscribeAlarmsCommand(forced_mode=AlarmProviderMode.SUBTAG))
                assert "forced" in (await next_event(events)).reason
                sim.set_value(LEVEL, 86.0)
                assert (await next_event(events)).degraded
        with anyio.fail_after(5):
            (alarm,) = [each async for each in client.query_active_alarms()]
        assert not alarm.degraded


async def test_a_session_queries_and_acknowledges(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    sim.set_value(LEVEL, 96.0)
    async with GatewayClient.connect(options=options) as client:
        async with await client.open_session("tests") as session:
            with pytest.raises(MxAccessError, match="SubscribeAlarms"):
                await invoke(session, QueryActiveAlarmsCommand())
            with pytest.raises(MxAccessError, match="no alarm query"):
                await invoke(session, SubscribeAlarmsCommand(subscription_expression="Intake"))
            # An area covers those below it; the filter is about the alarm within its group.
            await invoke(
                session,
                SubscribeAlarmsCommand(subscription_expression=r"\\node\Galaxy!Plant!*.hi"),
            )
            reply = await invoke(session, QueryActiveAlarmsCommand(alarm_filter_prefix="Galaxy!"))
            assert reply.query_active_alarms is not None
            (snapshot,) = reply.query_active_alarms.snapshots
            assert snapshot.alarm_full_reference == HI

            await invoke(
                session,
                AcknowledgeAlarmByNameCommand(
                    alarm_name="Tank_001.Level.Hi",
                    provider_name="Galaxy",
                    group_name="Intake",
                    comment="by name",
                    operator_user="op",
                ),
            )
            assert sim.alarms[HI].comment == "by name"
            hihi = sim.alarms["Tank_001.Level.HiHi"]
            await invoke(session, AcknowledgeAlarmCommand(alarm_guid=hihi.guid, comment="by guid"))
            assert sim.alarms[hihi.reference].comment == "by guid"
            with pytest.raises(MxAccessError) as caught:
                await invoke(session, AcknowledgeAlarmCommand(alarm_guid="0" * 32))
            assert caught.value.hresult == -2147023728


@pytest.mark.rule("mx.alarm-comment")
async def test_a_comment_written_by_a_client_acknowledges(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    sim.set_value(LEVEL, 86.0)
    async with GatewayClient.connect(options=options) as client:
        with anyio.fail_after(5):
            (before,) = await client.read("Tank_001.Level.Hi.InAlarm")
            assert before.value is True
            await client.write("Tank_001.Level.Hi.AckMsg", "seen")
            (acked,) = await client.read("Tank_001.Level.Hi.Acked")
            (alarm,) = [each async for each in client.query_active_alarms()]
    assert acked.value is True
    assert alarm.operator_comment == "seen"


async def test_a_deploy_takes_alarms_along(sim: ThreadedSimulator, options: ClientOptions) -> None:
    sim.set_value(LEVEL, 86.0)
    async with GatewayClient.connect(options=options) as client:
        with anyio.fail_after(5):
            async with client.follow_alarms() as follower:
                for _ in range(3):
                    await anext(follower)
                sim.redeploy(PlantModel([ModelObject(name="Area", template="$Area")]))
                change = await anext(follower)
    assert (str(change.kind), len(follower.book)) == ("cleared", 0)
