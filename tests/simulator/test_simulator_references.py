"""From references to attributes (MXAccess reference, section 8)."""

from __future__ import annotations

from typing import Any

import pytest

from mxgateway.generated.mxaccess_gateway.v1 import (
    AddItem2Command,
    MxCommandKind,
    MxDataType,
    MxEvent,
    MxStatusCategory,
    MxValue,
)
from mxgateway.simulator import ManualClock, Plant, Simulator, TagSpec
from mxgateway.simulator.galaxy import Galaxy, ObjectSpec
from mxgateway.simulator.references import BARE_ARRAY, INVALID_REFERENCE, References

T = MxDataType
GALAXY = Galaxy(
    [
        ObjectSpec(1, "Site", category=13, host=6),
        ObjectSpec(2, "Hall", parent=1, category=13, host=6),
        ObjectSpec(5, "Node", parent=1, category=1),
        ObjectSpec(6, "Engine", parent=1, category=3, host=5),
        ObjectSpec(10, "Tank_001", parent=2, host=2),
        ObjectSpec(11, "Valve_001", parent=10, contained_name="Inlet", host=2),
        ObjectSpec(12, "Motor_001", parent=11, contained_name="Motor", host=2),
    ]
)
SPECS = [
    TagSpec("Site.State", T.INTEGER, 1),
    TagSpec("Hall.State", T.INTEGER, 2),
    TagSpec("Node.Load", T.FLOAT, 3.0),
    TagSpec("Engine.Load", T.FLOAT, 4.0),
    TagSpec("Tank_001.Level", T.FLOAT, 5.0),
    TagSpec("Tank_001.Level.Hi.Limit", T.FLOAT, 90.0),
    TagSpec("Tank_001.PV", T.FLOAT, 6.0),
    TagSpec("Tank_001.Trend", T.FLOAT, [1.0, 2.0, 3.0]),
    TagSpec("Valve_001.Cmd", T.BOOLEAN, False),
    TagSpec("Valve_001.PV", T.FLOAT, [1.0]),
    TagSpec("Motor_001.Status", T.INTEGER, 0b1010),
    TagSpec("Motor_001.Category", T.STRING, "its own"),
]


@pytest.fixture
def references() -> References:
    """Resolves against a small plant and its galaxy."""
    return References(Plant(SPECS, clock=ManualClock(), seed=1), lambda: GALAXY)


@pytest.mark.rule(
    "mx.contained-name",
    "mx.relative",
    "mx.relative-inside",
    "mx.default-attribute",
    "mx.spelt-out",
    "mx.suffix",
)
@pytest.mark.parametrize(
    ("definition", "context", "expected"),
    [
        ("Tank_001.Level", "", "Tank_001.Level"),
        ("TANK_001.level", "", "Tank_001.Level"),
        ("Tank_001.Level.Hi.Limit", "", "Tank_001.Level.Hi.Limit"),
        ("Tank_001", "", "Tank_001.PV"),
        ("Tank_001.Inlet.Cmd", "", "Valve_001.Cmd"),
        ("Tank_001.Inlet.Motor.Status", "", "Motor_001.Status"),
        ("Tank_001.ATTRIBUTE(Level.Hi.Limit)", "", "Tank_001.Level.Hi.Limit"),
        ("Tank_001.Inlet.Attribute(Cmd)", "", "Valve_001.Cmd"),
        ("Tank_001.Level.PROPERTY(Value)", "", "Tank_001.Level"),
        ("Tank_001.Level.Value", "", "Tank_001.Level"),
        # An attribute wins over a property of the same name.
        ("Motor_001.Category", "", "Motor_001.Category"),
        ("Me.Level", "Tank_001", "Tank_001.Level"),
        ("me", "Tank_001", "Tank_001.PV"),
        ("Me.Cmd", "Tank_001.Inlet", "Valve_001.Cmd"),
        ("MyContainer.Level", "Valve_001", "Tank_001.Level"),
        ("MyContainer.Inlet.Cmd", "Valve_001", "Valve_001.Cmd"),
        ("MyContainer.Motor.Status", "Motor_001", "Motor_001.Status"),
        ("MyArea.State", "Tank_001", "Hall.State"),
        ("MyArea.State", "Motor_001", "Hall.State"),
        ("MyArea.State", "Hall", "Site.State"),
        ("MyHost.State", "Tank_001", "Hall.State"),
        ("MyEngine.Load", "Motor_001", "Engine.Load"),
        ("MyEngine.Load", "Engine", "Engine.Load"),
        ("MyPlatform.Load", "Tank_001", "Node.Load"),
    ],
)
def test_a_reference_leads_to_its_attribute(
    references: References, definition: str, context: str, expected: str
) -> None:
    target = references.resolve(definition, context)
    assert target.tag is not None
    assert target.tag.reference == expected
    assert (target.index, target.part, target.detail) == (None, "", 0)
    assert references.name(definition, context) == expected


@pytest.mark.rule(
    "mx.unresolved",
    "mx.relative-alone",
    "mx.relative-inside",
    "mx.default-attribute",
    "mx.element-zero",
    "mx.bit",
)
@pytest.mark.parametrize(
    ("definition", "context"),
    [
        ("", ""),
        ("Nowhere.Level", ""),
        ("Tank_001.Nothing", ""),
        ("Tank_001.", ""),
        (".Level", ""),
        ("Valve_001", ""),  # its PV is an array
        ("Hall", ""),  # has no PV
        ("Me.Level", ""),
        ("MyArea.State", ""),
        ("Me.Level", "Nowhere"),
        ("Me.Inlet.Cmd", "Tank_001"),  # a contained name may not follow Me
        ("MyEngine.Inlet.Cmd", "Tank_001"),
        ("MyContainer.Level", "Tank_001"),  # it is in an area, not in an object
        ("MyArea.State", "Site"),
        ("MyPlatform.Load", "Site.Nothing"),
        ("Tank_001.Trend[0]", ""),
        ("Tank_001.Trend[-2]", ""),
        ("Tank_001.Trend[4]", ""),
        ("Tank_001.Trend[x]", ""),
        ("Tank_001.Level[1]", ""),
        ("Tank_001.Level[]", ""),
        ("Tank_001.Trend[1].Quality", ""),
        ("Tank_001.ATTRIBUTE(Inlet.Cmd)", ""),
        ("Tank_001.ATTRIBUTE(Level", ""),
        ("Tank_001.Level.PROPERTY(Nothing)", ""),
        ("Tank_001.Level.07", ""),  # bits are for integers
        ("Motor_001.Status.32", ""),
        ("Motor_001.Status.7", ""),
    ],
)
def test_a_reference_that_cannot_be_resolved_fails_with_6(
    references: References, definition: str, context: str
) -> None:
    target = references.resolve(definition, context)
    assert (target.tag, target.detail) == (None, INVALID_REFERENCE)
    assert references.normalise(definition, context) == definition


@pytest.mark.rule("mx.bare-array")
@pytest.mark.parametrize(
    ("definition", "context"),
    [
        ("Tank_001.Trend", ""),
        ("Me.Trend", "Tank_001"),
        ("Tank_001.ATTRIBUTE(Trend)", ""),
        ("MyContainer.Trend", "Valve_001"),
    ],
)
def test_the_bare_name_of_an_array_fails_with_1003_and_gets_brackets(
    references: References, definition: str, context: str
) -> None:
    assert references.resolve(definition, context).detail == BARE_ARRAY
    normalised = references.normalise(definition, context)
    assert normalised == f"{definition}[]"
    target = references.resolve(normalised, context)
    assert target.tag is not None
    assert target.tag.reference == "Tank_001.Trend[]"


@pytest.mark.rule("value.array-element", "mx.whole-array")
@pytest.mark.parametrize(("index", "element"), [("[]", None), ("[-1]", None), ("[3]", 3)])
def test_elements_are_counted_from_one(
    references: References, index: str, element: int | None
) -> None:
    target = references.resolve(f"Tank_001.Trend{index}")
    assert target.tag is not None
    assert target.index == element


# -- what a client sees -------------------------------------------------------------------


async def first_value(user: Any, reference: str) -> MxEvent:
    await user.advised(reference)
    async with user.events() as stream:
        event: MxEvent = await stream.next()
    return event


@pytest.mark.rule("mx.property")
@pytest.mark.parametrize(
    ("reference", "data_type", "value"),
    [
        ("SimProbe_001.TestInt.Type", T.ENUM, 2),
        ("SimProbe_001.TestString.Type", T.ENUM, 5),
        ("SimProbe_001.AlwaysBad.Quality", T.DATA_QUALITY_TYPE, 24),
        ("SimProbe_001.TestIntArray.Dimension1", T.INTEGER, 8),
        ("SimProbe_001.TestInt.Dimension1", T.INTEGER, 0),
        ("SimProbe_001.Verified.SecurityClassification", T.SECURITY_CLASSIFICATION_ENUM, 3),
        ("SimProbe_001.TestInt.PROPERTY(Category)", T.INTEGER, 10),
    ],
)
async def test_properties_are_values_of_their_own(
    sim: Simulator, user: Any, reference: str, data_type: MxDataType, value: int
) -> None:
    event = await first_value(user, reference)
    assert event.value is not None
    assert event.value.data_type is data_type
    assert event.value.int32_value == value
    assert event.quality == 192


async def test_nothing_is_locked(sim: Simulator, user: Any) -> None:
    event = await first_value(user, "SimProbe_001.TestInt.Locked")
    assert event.value is not None
    assert event.value.bool_value is False


@pytest.mark.rule("mx.bit")
async def test_a_bit_changes_when_it_changes_and_can_be_written(sim: Simulator, user: Any) -> None:
    bit = await user.advised("SimProbe_001.TestInt.31")
    await sim.set_value("SimProbe_001.TestInt", 5)  # leaves the bit as it is
    reply = await user.write(bit, MxValue(bool_value=True))
    assert reply.hresult == 0
    async with user.events() as stream:
        before, complete, after = await stream.take(3)
    assert before.value.bool_value is False
    assert complete.statuses[0].category is MxStatusCategory.OK
    assert after.value.bool_value is True
    assert sim.plant["SimProbe_001.TestInt"].value == 5 - (1 << 31)


async def test_an_element_is_told_only_when_it_changes(sim: Simulator, user: Any) -> None:
    element = await user.advised("SimProbe_001.TestIntArray[2]")
    for value in ([9, 1, 2], [9, 7, 2]):
        await sim.set_value("SimProbe_001.TestIntArray", value)
    async with user.events() as stream:
        events = await stream.take(2)
    assert [event.value.int32_value for event in events] == [1, 7]
    assert {event.item_handle for event in events} == {element}


async def test_an_element_that_is_gone_fails_and_cannot_be_written(
    sim: Simulator, user: Any
) -> None:
    element = await user.advised("SimProbe_001.TestIntArray[8]")
    await sim.set_value("SimProbe_001.TestIntArray", [1, 2])
    await user.write(element, MxValue(int32_value=5))
    async with user.events() as stream:
        _, gone, complete = await stream.take(3)
    assert gone.statuses[0].detail == 6
    assert complete.statuses[0].category is MxStatusCategory.CONFIGURATION_ERROR
    assert sim.plant["SimProbe_001.TestIntArray"].value == [1, 2]


async def test_other_properties_cannot_be_written(sim: Simulator, user: Any) -> None:
    item = await user.advised("SimProbe_001.TestInt.Quality")
    await user.write(item, MxValue(int32_value=0))
    async with user.events() as stream:
        _, complete = await stream.take(2)
    assert complete.statuses[0].detail == 902


@pytest.mark.rule("mx.relative", "mx.context")
async def test_contexts_reach_the_objects_around(sim: Simulator, user: Any) -> None:
    sim.plant["Tank_001.Level"]
    for reference, context in (
        ("MyContainer.LevelSP", "Valve_001"),
        ("MyEngine.ScanState", "Tank_001"),
        ("MyPlatform.ScanState", "Pump_004"),
        ("MyArea.ScanState", "Valve_001"),
    ):
        reply = await user.invoke(
            MxCommandKind.ADD_ITEM2, AddItem2Command(user.server, reference, context)
        )
        await user.advise(reply.add_item2.item_handle)
    async with user.events() as stream:
        events = await stream.take(4)
    assert [event.statuses[0].category for event in events] == [MxStatusCategory.OK] * 4
