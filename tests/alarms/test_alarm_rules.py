"""Rules of alarms that a plant shows: groups, priorities, modes, comments, the provider."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from mxgateway import AlarmProviderMode, ClientOptions, GatewayClient, WriteFailedError
from mxgateway.commands import command
from mxgateway.errors import ConfigurationError
from mxgateway.generated.mxaccess_gateway.v1 import (
    MxDataType,
    QueryActiveAlarmsCommand,
    SubscribeAlarmsCommand,
)
from mxgateway.simulator import (
    DiscreteAlarm,
    ManualClock,
    ModelAttribute,
    ModelObject,
    PlantModel,
    Settings,
    Simulator,
    ThreadedSimulator,
)

LEVEL = "Tank_001.Level"
FAULT = "Valve_001.Fault"  # of a valve inside Tank_001
ACK = "Valve_001.Fault.AckMsg"


def shorts(sim: Any) -> list[str]:
    """The alarms that are active, by object and attribute."""
    return [point.spec.short for point in sim.alarms.active]


@pytest.mark.rule("mx.alarm-group", "mx.alarm-reference", "mx.alarm-limit", "alarm.severity")
async def test_the_group_is_the_area_and_the_severity_the_priority(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    sim.set_value(LEVEL, 97.0)
    sim.set_value(FAULT, True)
    async with GatewayClient.connect(options=options) as client:
        with anyio.fail_after(5):
            alarms = [each async for each in client.query_active_alarms()]

    assert {each.alarm_full_reference: each.severity for each in alarms} == {
        "Galaxy!Intake.Tank_001.Level.Hi": 500,
        "Galaxy!Intake.Tank_001.Level.HiHi": 100,
        "Galaxy!Intake.Valve_001.Fault": 250,
    }


def boolean(name: str, **alarm: Any) -> ModelAttribute:
    return ModelAttribute(
        name=name,
        data_type=MxDataType.BOOLEAN,
        value=True,
        description=alarm.pop("says", ""),
        alarms=(DiscreteAlarm(reference="Me", **alarm),),
    )


@pytest.mark.rule("mx.alarm-priority", "mx.alarm-message", "alarm.severity")
def test_priority_0_is_shown_as_1_and_the_message_is_the_nearest_text() -> None:
    attributes = (
        boolean("Own", priority=0, description="of the condition", says="of the attribute"),
        boolean("Attribute", priority=1, says="of the attribute"),
        boolean("Object", priority=999),
    )
    model = PlantModel(
        [
            ModelObject(name="Hall", template="$Area"),
            ModelObject(
                name="P",
                template="$UserDefined",
                parent="Hall",
                attributes=attributes,
                description="of the object",
            ),
        ]
    )
    sim = Simulator(model=model, interval=None)

    assert [(a.severity, a.description) for a in sim.alarms.snapshots()] == [
        (1, "of the condition"),
        (1, "of the attribute"),
        (999, "of the object"),
    ]
    with pytest.raises(ConfigurationError, match="0 to 999"):
        PlantModel(
            [ModelObject(name="P", template="$Area", attributes=(boolean("X", priority=1000),))]
        )


@pytest.mark.rule("mx.alarm-provider", "mx.alarm-query")
async def test_a_platform_may_give_the_provider_another_name() -> None:
    settings = Settings(alarm_provider="Galaxy_North")
    with ThreadedSimulator(interval=None, settings=settings) as sim:
        sim.set_value(LEVEL, 86.0)
        own = "Galaxy_North!Intake.Tank_001.Level.Hi"
        async with GatewayClient.connect(
            endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True
        ) as client:
            with anyio.fail_after(5):
                active = [a async for a in client.query_active_alarms()]
                assert [a.alarm_full_reference for a in active] == [own]
                assert (await client.acknowledge_alarm(own)).hresult == 0
                async with await client.open_session("tests") as session:
                    for expression, found in ((r"\Galaxy!Intake", 0), (r"\Galaxy_North!Intake", 1)):
                        subscribe = SubscribeAlarmsCommand(subscription_expression=expression)
                        await session.invoke(command(subscribe))
                        reply = await session.invoke(command(QueryActiveAlarmsCommand()))
                        assert reply.query_active_alarms is not None
                        assert len(reply.query_active_alarms.snapshots) == found
    with pytest.raises(ConfigurationError, match="alarm_provider: give Galaxy or Galaxy_<name>"):
        Settings(alarm_provider="North")


@pytest.mark.rule("mx.alarm-query")
@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (r"\Galaxy!Plant", "level valve pump"),
        (r"\Galaxy!Intake", "level valve"),
        (r"\\node_7\galaxy!reaction", "pump"),
        (r"\Galaxy!Intake!Tank*", "level"),
        (r"\Galaxy!Plant!*.Fault", "valve pump"),
        (r"\Galaxy!Intake!Valve_001.Fault \Galaxy!Reaction", "valve pump"),
        (r"\Other!Plant", ""),
        ("", "level valve pump"),
    ],
)
async def test_a_native_query_names_areas_and_filters(
    sim: ThreadedSimulator, options: ClientOptions, expression: str, expected: str
) -> None:
    names = {"level": "Tank_001.Level.Hi", "valve": FAULT, "pump": "Pump_004.Fault"}
    sim.set_value(LEVEL, 86.0)
    for tag in (FAULT, "Pump_004.Fault"):
        sim.set_value(tag, True)
    async with GatewayClient.connect(options=options) as client:
        async with await client.open_session("tests") as session:
            with anyio.fail_after(5):
                await session.invoke(
                    command(SubscribeAlarmsCommand(subscription_expression=expression))
                )
                reply = await session.invoke(command(QueryActiveAlarmsCommand()))
    assert reply.query_active_alarms is not None
    found = {s.alarm_full_reference.split(".", 1)[1] for s in reply.query_active_alarms.snapshots}
    assert found == {names[word] for word in expected.split()}


# -- disabling -------------------------------------------------------------------------


@pytest.mark.rule("mx.alarm-disabled")
@pytest.mark.parametrize(
    ("switch", "off", "on"),
    [
        ("Valve_001.AlarmModeCmd", "Disable", "Enable"),
        ("Valve_001.AlarmInhibit", True, False),
        ("Tank_001.AlarmModeCmd", "Disable", "Silence"),
        ("Intake.AlarmModeCmd", "Disable", "Enable"),
        ("Plant.AlarmInhibit", True, False),
    ],
)
def test_disabled_there_is_no_alarm_whatever_the_process_does(
    sim: ThreadedSimulator, switch: str, off: Any, on: Any
) -> None:
    in_alarm = sim.plant[f"{FAULT}.InAlarm"]
    mode = sim.plant["Valve_001.AlarmMode"]
    sim.set_value(FAULT, True)
    assert (shorts(sim), in_alarm.value, mode.value) == ([FAULT], True, "Enable")

    sim.set_value(switch, off)
    assert (shorts(sim), in_alarm.value, in_alarm.quality) == ([], False, 192)
    assert mode.value == "Disable"
    sim.set_value(FAULT, False)
    sim.set_value(FAULT, True)
    assert shorts(sim) == []

    sim.set_value(switch, on)
    assert (shorts(sim), in_alarm.value) == ([FAULT], True)
    assert mode.value == (on if isinstance(on, str) else "Enable")


@pytest.mark.rule("mx.alarm-disabled")
def test_the_strictest_of_object_container_and_area_counts_and_a_deploy_keeps_it(
    sim: ThreadedSimulator,
) -> None:
    sim.set_value("Intake.AlarmModeCmd", "Silence")
    assert sim.plant["Valve_001.AlarmMode"].value == "Silence"
    assert sim.plant["Reactor_001.AlarmMode"].value == "Enable"
    sim.set_value("Tank_001.AlarmModeCmd", "Disable")
    sim.set_value(FAULT, True)
    assert (sim.plant["Valve_001.AlarmMode"].value, shorts(sim)) == ("Disable", [])
    sim.redeploy(sim.call(lambda s: s.model))
    assert (sim.plant["Valve_001.AlarmMode"].value, shorts(sim)) == ("Disable", [])
    sim.set_value("Tank_001.AlarmModeCmd", "Enable")
    assert (sim.plant["Valve_001.AlarmMode"].value, shorts(sim)) == ("Silence", [FAULT])


# -- comments --------------------------------------------------------------------------


@pytest.mark.rule("mx.alarm-comment", "mx.alarm-again")
async def test_an_empty_comment_and_the_same_again_acknowledge(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    acked = sim.plant[f"{FAULT}.Acked"]
    times = sim.plant[f"{FAULT}.TimeAlarmAcked"]
    clock: Any = sim.call(lambda s: s.gateway.clock)
    async with GatewayClient.connect(options=options) as client:
        with anyio.fail_after(5):
            for comment in ("", "", "seen", "seen"):
                clock.advance(1)
                sim.set_value(FAULT, True)
                assert acked.value is False
                await client.write(ACK, comment)
                assert (acked.value, times.value) == (True, clock())
                assert sim.alarms[FAULT].comment == comment
                sim.set_value(FAULT, False)
            with pytest.raises(WriteFailedError) as caught:
                await client.write(ACK, "x" * 257)
            assert caught.value.event.statuses[0].detail == 902
            await client.write(ACK, "x" * 256)


# -- the provider ----------------------------------------------------------------------


@pytest.mark.rule("alarm.failover", "alarm.provider-status", "alarm.degraded")
async def test_three_failures_lead_to_the_subtag_mode_and_three_good_probes_back(
    sim: ThreadedSimulator, options: ClientOptions, clock: ManualClock
) -> None:
    modes: list[tuple[float, AlarmProviderMode, bool]] = []
    start = clock()
    async with GatewayClient.connect(options=options) as client:
        async with client.stream_alarms() as feed:
            with anyio.fail_after(5):
                assert (await anext(feed)).snapshot_complete
                await anext(feed)
                fault = sim.faults.stop_alarm_manager()
                sim.advance(1.5)
                assert not sim.call(lambda s: s.alarms.degraded)
                sim.advance(60.5)
                sim.faults.clear(fault)
                sim.advance(120)
                for _ in range(2):
                    status = (await anext(feed)).provider_status
                    assert status is not None
                    assert status.since is not None
                    passed = (status.since - start).total_seconds()
                    modes.append((passed, AlarmProviderMode(status.mode), status.degraded))

    # At once, after 1 s and after 2 s nothing answered. Probes at 32 and 62 s failed; those
    # at 92, 122 and 152 s did not.
    assert modes == [
        (2.0, AlarmProviderMode.SUBTAG, True),
        (152.0, AlarmProviderMode.ALARMMGR, False),
    ]


@pytest.mark.rule("alarm.failover")
def test_a_manager_that_answers_in_time_is_not_left(
    sim: ThreadedSimulator, clock: ManualClock
) -> None:
    for _ in range(3):
        fault = sim.faults.stop_alarm_manager()
        sim.advance(1.5)
        sim.faults.clear(fault)
        sim.advance(1.5)
    assert not sim.call(lambda s: s.alarms.degraded)
    sim.faults.stop_alarm_manager()
    with pytest.raises(ConfigurationError, match="in force already"):
        sim.faults.stop_alarm_manager()


@pytest.mark.rule("mx.subtag-acknowledge", "mx.subtag-poorer")
def test_acknowledged_by_its_tag_an_alarm_has_a_comment_and_no_operator(
    sim: ThreadedSimulator,
) -> None:
    sim.set_value(FAULT, True)
    sim.alarms.failover("away")
    sim.alarms.acknowledge(FAULT, "seen", "somebody")
    assert sim.plant[ACK].value == "seen"
    assert (sim.alarms[FAULT].comment, sim.alarms[FAULT].operator) == ("seen", "")


def test_a_forced_fallback_is_not_probed(clock: ManualClock) -> None:
    settings = Settings(forced_subtag=True)
    with ThreadedSimulator(interval=None, clock=clock, settings=settings) as sim:
        fault = sim.faults.stop_alarm_manager()
        sim.faults.clear(fault)
        sim.advance(300)
        assert sim.call(lambda s: s.alarms.provider.reason) == "forced by configuration"
