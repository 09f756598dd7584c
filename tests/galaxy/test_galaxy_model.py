"""The galaxies that the simulator comes with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mxgateway import ConfigurationError
from mxgateway.simulator import (
    AttributeSpec,
    Galaxy,
    ManualClock,
    ObjectSpec,
    ThreadedSimulator,
    demo_galaxy,
    scale_galaxy,
)
from mxgateway.simulator.gateway import Settings


def _attributes(galaxy: Galaxy) -> dict[str, AttributeSpec]:
    return {f"{o.tag_name}.{a.name}": a for o in galaxy.objects for a in o.attributes}


FOR_TESTS = {"SimProbe_002", "TestChildObject"}  # beside the DemoPlant of the reference


@pytest.mark.rule("galaxy.area", "mx.object-category")
def test_the_demo_plant_has_the_objects_attributes_and_flags_of_the_reference() -> None:
    galaxy = demo_galaxy()
    objects = [spec for spec in galaxy.objects if spec.tag_name not in FOR_TESTS]
    attributes = [attribute for spec in objects for attribute in spec.attributes]
    assert len(objects) == 30
    assert len(attributes) == 309
    assert sum(a.alarm for a in attributes) == 45
    assert sum(a.historized for a in attributes) == 107
    assert sum(a.length is not None for a in attributes) == 23


def test_two_objects_for_tests_come_on_top() -> None:
    galaxy = demo_galaxy()
    assert len(galaxy.objects) == 30 + len(FOR_TESTS)
    assert galaxy.attribute_count == 309 + 15 + 1


def test_objects_of_the_demo_plant_stand_where_the_reference_says() -> None:
    galaxy = demo_galaxy()
    valve = galaxy.by_path("Plant/Intake/Tank_001/InletValve")
    assert valve is not None
    assert (valve.id, valve.tag_name, valve.parent) == (22, "Valve_001", 20)
    assert valve.templates == ("$Tank.InletValve", "$Valve", "$gUserDefined", "$UserDefined")
    assert galaxy.by_path("plant.reaction.reactor_002.feedpump") is galaxy.by_id(37)
    hosts = {name: galaxy.by_tag(name) for name in ("DemoPlatform", "DemoEngine_001")}
    assert [(spec.category, spec.host) for spec in hosts.values() if spec] == [(1, 0), (3, 4)]


@pytest.mark.rule("galaxy.builtins")
def test_built_in_attributes_are_listed_on_demand_and_never_flagged() -> None:
    plain = _attributes(demo_galaxy())
    with ThreadedSimulator(
        interval=None, clock=ManualClock(), settings=Settings(galaxy_builtins=True)
    ) as sim:
        listed = _attributes(sim.galaxy.galaxy)
    added = [listed[name] for name in listed.keys() - plain.keys()]
    assert plain.items() <= listed.items()
    assert 5 * len(plain) < len(listed) < 9 * len(plain)
    assert not any(a.alarm or a.historized for a in added)
    for name in (
        "Pump_001.HierarchicalName",
        "Intake.PlantState",
        "DemoPlatform.CPULoadMax",
        "DemoEngine_001.Engine.Historian.ConnectState",
        "Tank_001.Level.Hi.Limit",
        "Pump_001.Fault.Acked",
        "Pump_001.Speed.TrendHi",
    ):
        assert name in listed


@pytest.mark.parametrize("count", [1, 2, 99, 2500])
def test_a_galaxy_of_any_size_has_exactly_that_many_objects(count: int) -> None:
    galaxy = scale_galaxy(count, 7)
    assert len(galaxy.objects) == count
    assert galaxy.attribute_count == 7 * count
    assert len(galaxy.roots) == 1
    assert galaxy == scale_galaxy(count, 7)


_ONE = ObjectSpec(1, "One")


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        ([_ONE, replace(_ONE, tag_name="Two")], "gobject id 1 comes twice"),
        ([_ONE, ObjectSpec(2, "ONE")], "tag name one comes twice"),
        ([ObjectSpec(1, "One", parent=7)], "parent 7 is not in the galaxy"),
        ([ObjectSpec(1, "One", host=7)], "host 7 is not in the galaxy"),
        ([ObjectSpec(1, "One", 2), ObjectSpec(2, "Two", 1)], "contain each other: One, Two"),
        ([ObjectSpec(0, "One")], "an id above 0"),
        ([ObjectSpec(1, "")], "a tag name"),
    ],
)
def test_a_galaxy_that_is_not_sound_is_refused(objects: list[ObjectSpec], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Galaxy(objects)


@pytest.mark.parametrize(
    ("name", "data_type", "length"), [("", 1, None), ("A", 17, None), ("A", 1, 0), ("A", 1, 40_000)]
)
def test_an_attribute_that_is_not_sound_is_refused(
    name: str, data_type: int, length: int | None
) -> None:
    with pytest.raises(ConfigurationError):
        AttributeSpec(name, data_type, length=length)


@pytest.mark.parametrize(("objects", "each"), [(0, 1), (1, -1)])
def test_a_size_that_makes_no_galaxy_is_refused(objects: int, each: int) -> None:
    with pytest.raises(ConfigurationError, match="give 1 object or more"):
        scale_galaxy(objects, each)
