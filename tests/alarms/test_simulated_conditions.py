"""The simulator's alarm engine on a plant of a few attributes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import pytest

from mxgateway import ConfigurationError
from mxgateway.generated.mxaccess_gateway.v1 import MxDataType
from mxgateway.simulator import (
    DeviationAlarm,
    DiscreteAlarm,
    LimitAlarm,
    ManualClock,
    Plant,
    TagSpec,
    seeded_ids,
)
from mxgateway.simulator.alarms.engine import AlarmEngine
from mxgateway.simulator.alarms.points import UnknownAlarmError

T = MxDataType
LEVEL = LimitAlarm(
    reference="Tank.Level",
    limits={"LoLo": (5.1, 200), "Lo": (15, 600), "Hi": (85, 500), "HiHi": (95.1, 100)},
    deadband=2,
    description="Level",
)


@dataclass
class Rig:
    """An engine and what it told."""

    plant: Plant
    engine: AlarmEngine
    clock: ManualClock
    told: list[str] = field(default_factory=list)

    def set(self, reference: str, value: Any, quality: int = 192) -> list[str]:
        """Set an attribute; return the transitions that follow."""
        self.told.clear()
        tag = self.plant[reference]
        self.plant.write(tag, None if value is None else tag.info.convert(value), quality=quality)
        return list(self.told)


def rig(*conditions: Any, level: float = 50.0) -> Rig:
    """An engine with these conditions."""
    clock = ManualClock()
    specs = [
        TagSpec("Tank.Level", T.FLOAT, level),
        TagSpec("Tank.LevelSP", T.FLOAT, 50.0),
        TagSpec("Tank.Level.LevelAlarmed", T.BOOLEAN, False),
        TagSpec("Tank.Level.DeviationAlarmed", T.BOOLEAN, False),
        TagSpec("Tank.Fault", T.BOOLEAN, False),
        TagSpec("Tank.Fault.AckMsg", T.STRING, ""),
        TagSpec("Tank.Fault.InAlarm", T.BOOLEAN, False),
        TagSpec("Tank.Fault.Acked", T.BOOLEAN, True),
        TagSpec("Tank.Fault.TimeAlarmOn", T.TIME, clock()),
    ]
    plant = Plant(specs, clock=clock, seed=1)
    engine = AlarmEngine(
        plant,
        conditions,
        clock=clock,
        ids=seeded_ids(1),
        group_of=lambda name: "Area" if name == "Tank" else "",
    )
    made = Rig(plant, engine, clock)
    engine.on_transition = lambda point, kind: made.told.append(f"{kind.name} {point.spec.short}")
    return made


@pytest.mark.rule("mx.alarm-limit")
def test_limits_are_on_at_the_limit_and_off_beyond_the_deadband() -> None:
    tank = rig(LEVEL)

    # 95.1 is no number of 32 bits; the attribute's nearest one is the limit all the same.
    for value, expected in [
        (84.9, []),
        (85.0, ["RAISE Tank.Level.Hi"]),
        (95.1, ["RAISE Tank.Level.HiHi"]),
        (93.2, []),
        (93.0, ["CLEAR Tank.Level.HiHi"]),
        (83.1, []),
        (83.0, ["CLEAR Tank.Level.Hi"]),
        (15.0, ["RAISE Tank.Level.Lo"]),
        (5.1, ["RAISE Tank.Level.LoLo"]),
        (7.0, []),
        (7.2, ["CLEAR Tank.Level.LoLo"]),
        (17.0, ["CLEAR Tank.Level.Lo"]),
    ]:
        assert tank.set("Tank.Level", value) == expected, value


def test_an_alarm_that_is_there_at_the_start_is_raised_at_the_start() -> None:
    tank = rig(LEVEL, level=96.0)

    assert [point.spec.short for point in tank.engine.active] == [
        "Tank.Level.Hi",
        "Tank.Level.HiHi",
    ]
    (hi, hihi) = tank.engine.snapshots()
    assert (hi.alarm_full_reference, hihi.alarm_type_name) == ("Galaxy!Area.Tank.Level.Hi", "HiHi")
    assert hi.original_raise_timestamp == tank.clock()


@pytest.mark.rule("mx.alarm-unusable")
@pytest.mark.parametrize(("value", "quality"), [(None, 192), (math.nan, 192), (10.0, 24)])
def test_without_a_usable_value_an_alarm_stays_as_it_is(value: float | None, quality: int) -> None:
    tank = rig(LEVEL, level=90.0)

    assert tank.set("Tank.Level", value, quality) == []
    assert len(tank.engine.active) == 1


def test_a_deviation_looks_at_value_and_setpoint() -> None:
    tank = rig(
        DeviationAlarm(
            reference="Tank.Level",
            setpoint="Tank.LevelSP",
            minor=(10, 700),
            major=(20, 300),
            deadband=1,
        )
    )

    assert tank.set("Tank.Level", 60.0) == ["RAISE Tank.Level.Dev.Minor"]
    assert tank.set("Tank.LevelSP", 80.0) == ["RAISE Tank.Level.Dev.Major"]
    assert tank.set("Tank.LevelSP", 79.5) == []
    assert tank.set("Tank.LevelSP", 62.0) == [
        "CLEAR Tank.Level.Dev.Minor",
        "CLEAR Tank.Level.Dev.Major",
    ]


@pytest.mark.rule("alarm.transitions", "alarm.retrigger", "alarm.cleared-gone")
def test_the_life_of_an_alarm() -> None:
    tank = rig(DiscreteAlarm(reference="Tank.Fault", priority=250))
    assert tank.set("Tank.Fault", True) == ["RAISE Tank.Fault"]
    first = tank.engine["Tank.Fault"].guid

    # True again before it was acknowledged: a retrigger, which is another occurrence.
    assert tank.set("Tank.Fault", False) == ["CLEAR Tank.Fault"]
    assert tank.engine.snapshots() == []
    assert tank.set("Tank.Fault", True) == ["RETRIGGER Tank.Fault"]
    assert tank.engine["Tank.Fault"].guid not in ("", first)

    tank.told.clear()
    tank.engine.acknowledge("Galaxy!Area.Tank.Fault", "seen", "op")
    tank.engine.acknowledge("GALAXY!AREA.TANK.FAULT", "again", "other")
    assert tank.told == ["ACKNOWLEDGE Tank.Fault"]
    (snapshot,) = tank.engine.snapshots()
    assert (snapshot.operator_user, snapshot.operator_comment) == ("op", "seen")
    assert tank.set("Tank.Fault", False) == ["CLEAR Tank.Fault"]
    assert tank.set("Tank.Fault", True) == ["RAISE Tank.Fault"]

    # Acknowledged after it has cleared: nothing to tell, and the next one is a raise.
    tank.set("Tank.Fault", False)
    tank.told.clear()
    tank.engine.acknowledge("{" + tank.engine["Tank.Fault"].guid.upper() + "}")
    assert tank.told == []
    assert tank.set("Tank.Fault", True) == ["RAISE Tank.Fault"]


def test_what_is_not_there_cannot_be_acknowledged() -> None:
    tank = rig(DiscreteAlarm(reference="Tank.Fault"))

    for reference in ("Galaxy!Area.Tank.Fault", "Galaxy!Area.Nothing.At.All", ""):
        with pytest.raises(UnknownAlarmError, match="alarm"):
            tank.engine.acknowledge(reference)


def test_an_alarm_raised_by_hand_stays_until_it_is_cleared_by_hand() -> None:
    tank = rig(DiscreteAlarm(reference="Tank.Fault"))

    tank.engine.raise_("Tank.Fault")
    assert tank.set("Tank.Fault", True) == []
    assert tank.set("Tank.Fault", False) == []
    tank.engine.clear("Tank.Fault")
    assert tank.engine.active == []

    made_up = tank.engine.raise_("Galaxy!Elsewhere.Boiler.Flame.Out", severity=1)
    assert (made_up.reference, made_up.group) == ("Galaxy!Elsewhere.Boiler.Flame.Out", "Elsewhere")
    assert tank.engine.raise_("Boiler.Door").group == "Unassigned"
    with pytest.raises(ConfigurationError, match=r"Galaxy!Area\.Object\.Attribute"):
        tank.engine.raise_("Boiler")


def test_other_conditions_clear_what_is_no_longer_described() -> None:
    tank = rig(LEVEL, DiscreteAlarm(reference="Tank.Fault"), level=90.0)
    tank.set("Tank.Fault", True)
    tank.told.clear()

    tank.engine.load([DiscreteAlarm(reference="Tank.Fault")])

    assert tank.told == ["CLEAR Tank.Level.Hi"]
    assert [point.spec.short for point in tank.engine.active] == ["Tank.Fault"]
    assert tank.set("Tank.Level", 99.0) == []
    with pytest.raises(ConfigurationError, match=r"no attribute Tank\.Missing"):
        tank.engine.load([DiscreteAlarm(reference="Tank.Missing")])
    assert [point.spec.short for point in tank.engine] == ["Tank.Fault"]


# -- subtags ---------------------------------------------------------------------------


@pytest.mark.rule("mx.alarm-comment", "mx.alarm-again", "mx.alarm-boolean")
def test_subtags_follow_the_alarm_and_a_comment_acknowledges() -> None:
    tank = rig(DiscreteAlarm(reference="Tank.Fault"))
    plant = tank.plant
    assert (plant["Tank.Fault.InAlarm"].value, plant["Tank.Fault.Acked"].value) == (False, True)

    tank.clock.advance(5)
    tank.set("Tank.Fault", True)
    assert (plant["Tank.Fault.InAlarm"].value, plant["Tank.Fault.Acked"].value) == (True, False)
    assert plant["Tank.Fault.AckMsg"].value == ""

    assert tank.set("Tank.Fault.AckMsg", "pump off") == ["ACKNOWLEDGE Tank.Fault"]
    assert plant["Tank.Fault.Acked"].value is True
    assert tank.engine["Tank.Fault"].comment == "pump off"


def test_an_attribute_says_whether_any_of_its_alarms_is_active() -> None:
    deviation = DeviationAlarm(reference="Tank.Level", setpoint="Tank.LevelSP", major=(20, 300))
    tank = rig(LEVEL, deviation)
    level = tank.plant["Tank.Level.LevelAlarmed"]
    deviates = tank.plant["Tank.Level.DeviationAlarmed"]

    for value, expected in [(75.0, (False, True)), (90.0, (True, True)), (50.0, (False, False))]:
        tank.set("Tank.Level", value)
        assert (level.value, deviates.value) == expected


def test_a_subtag_that_is_first_used_later_has_the_state_of_the_moment() -> None:
    tank = rig(DiscreteAlarm(reference="Tank.Fault"))
    tank.set("Tank.Fault", True)

    assert tank.plant["Tank.Fault.InAlarm"].value is True


# -- provider --------------------------------------------------------------------------


@pytest.mark.rule("mx.subtag-poorer", "mx.subtag-identity", "alarm.degraded")
def test_the_fallback_knows_no_retrigger_and_no_details() -> None:
    tank = rig(DiscreteAlarm(reference="Tank.Fault", description="Motor protection"))
    tank.set("Tank.Fault", True)
    tank.clock.advance(60)
    tank.engine.failover("away")

    (poor,) = tank.engine.snapshots()
    assert (poor.degraded, poor.description, poor.original_raise_timestamp) == (
        True,
        "",
        tank.clock(),
    )
    assert tank.engine.guid(tank.engine["Tank.Fault"]) == tank.engine["Tank.Fault"].subtag_guid
    tank.engine.failback()
    (whole,) = tank.engine.snapshots()
    assert (whole.degraded, whole.description) == (False, "Motor protection")


@pytest.mark.rule("mx.subtag-acknowledge")
def test_the_fallback_cannot_acknowledge_where_there_is_nothing_to_write_to() -> None:
    tank = rig(LEVEL, level=90.0)
    tank.engine.failover("away")

    with pytest.raises(UnknownAlarmError, match="AckMsg"):
        tank.engine.acknowledge("Tank.Level.Hi")


def test_a_forced_fallback_has_no_way_back() -> None:
    clock = ManualClock()
    plant = Plant([TagSpec("Tank.Fault", T.BOOLEAN, True)], clock=clock, seed=1)
    engine = AlarmEngine(
        plant,
        [DiscreteAlarm(reference="Tank.Fault")],
        clock=clock,
        ids=seeded_ids(1),
        group_of=lambda _: "Area",
        forced_subtag=True,
    )

    assert engine.provider.reason == "forced by configuration"
    assert engine.snapshots()[0].degraded
    with pytest.raises(ConfigurationError, match="forced"):
        engine.failback()
