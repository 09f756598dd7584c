"""Plant files: attributes, galaxy and alarms follow from one description."""

from __future__ import annotations

from typing import Any

import pytest
from simulator.small_plant import SMALL, running

from mxgateway.errors import ConfigurationError
from mxgateway.simulator import (
    ManualClock,
    ModelObject,
    PlantModel,
    Simulator,
    demo_model,
    galaxy_of,
    parse_model,
)
from mxgateway.simulator.alarms.conditions import DeviationAlarm, LimitAlarm

# -- one description, three views ----------------------------------------------------


def test_attributes_galaxy_and_alarms_follow_from_one_file() -> None:
    model = parse_model(SMALL)
    plant, galaxy = running(model), galaxy_of(model)
    assert [tag.reference for tag in plant] == [
        *("T1.Level", "P1.Cmd", "P1.Speed", "P1.Interlocks[]", "P1.Current"),
    ]
    assert len(plant) == galaxy.attribute_count == 5
    pump = galaxy.by_path("Site/T1/Feed")
    assert pump is not None
    assert pump.templates == ("$Tank.Pump", "$Pump", "$UserDefined")
    assert [a.name for a in pump.attributes if a.alarm] == ["Current"]
    assert plant["P1.Speed"].value == 1450.0
    assert plant["P1.Speed"].classification == 6
    assert model.alarms == (
        LimitAlarm(
            reference="P1.Current",
            limits={"Hi": (13.5, 650), "HiHi": (15.0, 50)},
            deadband=0.2,
            area="Site",
        ),
        DeviationAlarm(reference="P1.Current", setpoint="P1.Speed", minor=(5.0, 700), area="Site"),
    )


@pytest.mark.parametrize("model", [demo_model(), parse_model(SMALL)], ids=["demo", "small"])
def test_plant_and_galaxy_have_the_same_attributes_in_every_respect(model: PlantModel) -> None:
    plant = running(model)
    listed = {
        a.message(spec.tag_name).full_tag_reference: a
        for spec in galaxy_of(model).objects
        for a in spec.attributes
    }
    assert {tag.reference for tag in plant} == listed.keys()
    for tag in plant:
        attribute = listed[tag.reference]
        assert attribute.data_type + 2 == int(tag.info.data_type)
        assert (attribute.length is not None) is tag.is_array
        assert attribute.length is None or attribute.length == len(tag.value)
        assert attribute.classification == tag.classification
        assert attribute.category == tag.category


@pytest.mark.rule("mx.contained-name")
def test_contained_names_lead_to_the_same_attribute() -> None:
    plant = running(demo_model())
    assert plant["Tank_001.InletValve.Cmd"] is plant["valve_001.cmd"]
    assert plant.find("Tank_001.InletValve") is None
    assert plant.find("Tank_001.Nothing.Cmd") is None


@pytest.mark.rule("mx.builtin", "mx.suffix", "mx.attribute-list")
def test_built_in_attributes_are_there_and_tell_of_their_object() -> None:
    plant = running(demo_model())
    before = len(plant)
    values = {
        "Valve_001.Tagname": "Valve_001",
        "Valve_001.ContainedName": "InletValve",
        "Valve_001.HierarchicalName": "Tank_001.InletValve",
        "Valve_001.Area": "Intake",
        "Valve_001.Container": "Tank_001",
        "Valve_001.Host": "Intake",
        "Tank_001.ShortDesc": "Raw water tank",
        "Pump_001.ScanState": True,
        "Tank_001.Level.Hi.Limit": 85.0,
        "Tank_001.Level.Hi.Priority": 500,
        "Tank_001.Level.EngUnits": "%",
        "Pump_001.Fault.Priority": 250,
        "Pump_001.Fault.InAlarm": False,
        "Pump_001.Fault.AckMsg": "",
    }
    assert {name: plant[name].value for name in values} == values
    names = plant["Tank_001._Attributes[]"].value
    assert {"Level", "Level.Hi.Limit", "ScanState", "_Attributes"} <= set(names)
    assert len(plant) == before
    with pytest.raises(KeyError):
        plant["Tank_001.Level.Middle.Limit"]


# -- scan state ----------------------------------------------------------------------


@pytest.mark.rule("mx.quality-off-scan")
async def test_an_engine_off_scan_takes_its_objects_with_it_and_brings_them_back(
    user: Any, sim: Simulator, clock: ManualClock
) -> None:
    speed = await user.advised("Pump_001.Speed")
    counter = await user.advised("SimProbe_001.Counter")
    command = await user.advised("DemoEngine_001.ScanStateCmd")
    state = await user.advised("DemoEngine_001.ScanState")
    await sim.scan()
    async with user.events() as stream:
        await stream.take(4 + 2)
        await sim.set_value("DemoEngine_001.ScanStateCmd", value=False)
        events = await stream.take(4)
        qualities = {event.item_handle: event.quality for event in events}
        assert qualities == {command: 192, state: 192, speed: 28, counter: 28}
        clock.advance(1)
        await sim.scan()
        assert sim.plant["SimProbe_001.Counter"].value == 1
        # What is used only now is off scan too, and stands where it stood then.
        assert sim.plant["Pump_002.Speed"].quality == 28
        states = [sim.plant["Pump_002.ScanState"].value]
        assert sim.plant["DemoPlatform.CPULoad"].quality == 192
        await sim.set_value("DemoEngine_001.ScanStateCmd", value=True)
        events = await stream.take(4)
        found = {event.item_handle: event for event in events}
        assert {event.quality for event in found.values()} == {192}
        assert found[counter].value.int32_value == 2
    assert [*states, sim.plant["Pump_002.ScanState"].value] == [False, True]
    assert sim.plant["Pump_002.Speed"].quality == 192


@pytest.mark.rule("mx.quality-off-scan")
async def test_one_object_goes_off_scan_alone(sim: Simulator) -> None:
    await sim.set_value("Pump_001.ScanStateCmd", value=False)
    assert sim.plant["Pump_001.Speed"].quality == 28
    assert sim.plant["Pump_001.ScanState"].value is False
    assert sim.plant["Pump_002.Speed"].quality == 192


# -- deploying -----------------------------------------------------------------------


@pytest.mark.rule("mx.quality-undeployed")
async def test_a_deploy_adds_removes_and_keeps_attributes(user: Any, sim: Simulator) -> None:
    gone = await user.advised("Pump_003.Speed")
    kept = await user.advised("SimProbe_001.TestInt")
    later = await user.advised("Pump_009.Mode")
    await sim.set_value("SimProbe_001.TestInt", 7)
    model = demo_model()
    objects = [spec for spec in model.objects if spec.name != "Pump_003"]
    new = ModelObject(name="Pump_009", template="$Pump", parent="Intake", host="Intake")
    async with user.events() as stream:
        await stream.take(4)
        deployed = await sim.redeploy(PlantModel([*objects, new], model.templates))
        first, second = await stream.take(2)
    assert (deployed.object_count, deployed.attribute_count) == (32, 325)
    assert (first.item_handle, first.value.is_null, first.quality) == (gone, True, 0)
    assert (int(first.statuses[0].category), first.statuses[0].detail) == (6, 6)
    assert (second.item_handle, second.value.int32_value, second.quality) == (later, 1, 192)
    assert kept
    assert sim.plant["SimProbe_001.TestInt"].value == 7
    assert "Pump_003.Speed" not in sim.plant
    with pytest.raises(ConfigurationError, match="no template"):
        await sim.redeploy(PlantModel([ModelObject(name="A", template="$Nothing")]))


async def test_the_galaxy_is_deployed_on_schedule(clock: ManualClock) -> None:
    async with Simulator(interval=None, clock=clock, redeploy_every=60) as sim:
        assert sim.galaxy.sequence == 1
        await sim.advance(59)
        assert sim.galaxy.sequence == 1
        await sim.advance(61)
        assert sim.galaxy.sequence == 3
        assert sim.galaxy.deploy_time == clock.now


def test_a_model_stands_for_itself() -> None:
    with pytest.raises(ConfigurationError, match="not both"):
        Simulator(model=demo_model(), plant=[])
    with pytest.raises(ConfigurationError, match="redeploy_every"):
        Simulator(redeploy_every=0)
