"""QualifiedEnum: labels, and the numbers behind them (MXAccess reference, sections 3 and 8)."""

from __future__ import annotations

from typing import Any

import pytest

from mxgateway.errors import ConfigurationError
from mxgateway.generated.mxaccess_gateway.v1 import MxDataType, MxValue
from mxgateway.simulator import (
    ModelAttribute,
    ModelObject,
    PlantModel,
    Simulator,
    dump_model,
    parse_model,
)

MODE = "Intake.AlarmModeCmd"
ENUM = MxDataType.QUALIFIED_ENUM


@pytest.mark.rule("mx.enum", "mx.enum-ordinal")
async def test_the_ordinal_follows_the_label(sim: Simulator, user: Any) -> None:
    label = await user.advised("Reactor_001.State")
    await user.advised("Reactor_001.State.#EnumOrdinal")
    await user.advised("reactor_001.ATTRIBUTE(State).#enumordinal")
    for _ in range(20):
        await sim.scan()
    async with user.events() as stream:
        events = await stream.take(6)
    told = [(e.value.string_value, e.value.int32_value, e.quality) for e in events]
    assert told == [
        *[("Idle", None, 192), (None, 0, 192), (None, 0, 192)],
        *[("Charging", None, 192), (None, 1, 192), (None, 1, 192)],
    ]
    assert events[0].item_handle == label
    assert events[0].value.data_type is ENUM
    assert events[1].value.data_type is MxDataType.INTEGER


@pytest.mark.rule("mx.enum-ordinal", "mx.unresolved")
async def test_only_an_enum_has_an_ordinal_and_nobody_writes_it(sim: Simulator, user: Any) -> None:
    await user.advised("SimProbe_001.TestInt.#EnumOrdinal")
    ordinal = await user.advised(f"{MODE}.#EnumOrdinal")
    await user.write(ordinal, MxValue(int32_value=1))
    async with user.events() as stream:
        nowhere, first, complete = await stream.take(3)
    assert nowhere.statuses[0].detail == 6
    assert first.value.int32_value == 0
    assert complete.statuses[0].detail == 902
    assert sim.plant[MODE].value == "Enable"


@pytest.mark.rule("mx.enum", "mx.coercion")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (MxValue(string_value="silence"), "Silence"),
        (MxValue(int32_value=2), "Disable"),
        (MxValue(string_value="1"), "Silence"),
        (MxValue(int32_value=3), None),
        (MxValue(string_value="Off"), None),
        (MxValue(bool_value=True), None),
    ],
    ids=["label", "number", "number as text", "no such number", "no such label", "Boolean"],
)
async def test_an_enum_takes_its_labels_and_their_numbers(
    sim: Simulator, user: Any, value: MxValue, expected: str | None
) -> None:
    await user.write(await user.advised(MODE), value)
    await sim.wait_for(lambda s: len(s.audit.writes(MODE)) == 1)
    (record,) = sim.audit.writes(MODE)
    assert (record.value, record.detail) == (expected, 0 if expected else 902)
    assert sim.plant[MODE].value == (expected or "Enable")


def model(**fields: Any) -> PlantModel:
    given: dict[str, Any] = {"name": "M", "data_type": ENUM, "value": "A"} | fields
    attribute = ModelAttribute(**given)
    return PlantModel([ModelObject(name="X", template="$UserDefined", attributes=(attribute,))])


def test_labels_travel_through_a_plant_file() -> None:
    made = model(labels=("A", "B"))
    assert parse_model(dump_model(made)) == made
    assert Simulator(model=made).plant["X.M"].labels == ("A", "B")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"labels": ("A", "a")}, "comes twice"),
        ({"labels": ("B", "C")}, "none of the labels"),
        ({"labels": ("A",), "data_type": MxDataType.STRING}, "only a QualifiedEnum"),
    ],
)
def test_labels_that_make_no_sense_are_refused(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        model(**fields)
