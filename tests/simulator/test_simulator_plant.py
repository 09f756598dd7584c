"""The built-in plant: every data type, signals, and repeatable runs."""

from __future__ import annotations

import threading
from collections import Counter as Tally
from typing import Any

import pytest

from mxgateway.codec import encode
from mxgateway.errors import ConfigurationError
from mxgateway.generated.mxaccess_gateway.v1 import (
    MxCommandKind,
    MxDataType,
    MxValue,
    UnAdviseCommand,
)
from mxgateway.simulator import DEFAULT_ITEM, ManualClock, Plant, Simulator, TagSpec
from mxgateway.simulator.signals import Counter

T = MxDataType
TYPES = [t for t in MxDataType if t not in (T.UNSPECIFIED, T.UNKNOWN, T.NO_DATA, T.END)]
ARRAY_TYPES = [
    T.BOOLEAN,
    T.INTEGER,
    T.FLOAT,
    T.DOUBLE,
    T.STRING,
    T.TIME,
    T.ELAPSED_TIME,
    T.REFERENCE_TYPE,
    T.INTERNATIONALIZED_STRING,
]
KINDS = {
    T.BOOLEAN: "bool_value",
    T.INTEGER: "int32_value",
    T.FLOAT: "float_value",
    T.DOUBLE: "double_value",
    T.ELAPSED_TIME: "double_value",
    T.TIME: "timestamp_value",
    T.QUALIFIED_STRUCT: "raw_value",
}


async def first_values(user: Any, tags: list[str]) -> dict[str, MxValue]:
    """What each tag's first data change carries."""
    handles = {await user.advised(tag): tag for tag in tags}
    async with user.events() as stream:
        return {handles[e.item_handle]: e.value for e in await stream.take(len(handles))}


@pytest.mark.rule("mx.types", "value.integer", "value.timestamp")
async def test_every_data_type_is_there_with_its_variant_and_kind(
    sim: Simulator, user: Any
) -> None:
    scalars = {t.info.data_type: t.reference for t in sim.plant if not t.is_array}
    assert set(scalars) == set(TYPES)
    values = await first_values(user, list(scalars.values()))
    for data_type, reference in scalars.items():
        value = values[reference]
        if value.is_null:
            continue
        assert value.data_type is data_type
        assert value.raw_data_type == int(data_type)
        assert value.variant_type.startswith("VT_")
        if data_type in KINDS:
            assert getattr(value, KINDS[data_type]) is not None


@pytest.mark.rule("mx.arrays", "value.sparse-written-only")
@pytest.mark.parametrize("data_type", ARRAY_TYPES, ids=lambda t: t.name)
async def test_every_type_that_has_arrays_is_there_as_an_array(
    sim: Simulator, user: Any, data_type: MxDataType
) -> None:
    tags = [t for t in sim.plant if t.is_array and t.info.data_type is data_type]
    (value,) = (await first_values(user, [tags[0].reference])).values()
    array = value.array_value
    assert array is not None
    assert array.element_data_type is data_type
    assert array.dimensions == [len(tags[0].value)]
    assert value.variant_type == array.variant_type == f"VT_ARRAY|{tags[0].info.variant}"
    members = [getattr(array, f"{kind}_values") for kind in ARRAY_MEMBERS]
    (filled,) = [member for member in members if member is not None]
    assert list(filled.values) == tags[0].value


ARRAY_MEMBERS = ("bool", "int32", "int64", "float", "double", "string", "timestamp", "raw")


def test_the_plant_has_the_tags_that_the_documents_name() -> None:
    names = {tag.reference for tag in Simulator().plant}
    assert {
        DEFAULT_ITEM,
        "Pump_001.Speed",
        "Tank_001.Level",
        "Reactor_001.State",
        "SimProbe_001.TestInt",
        "SimProbe_001.AlwaysBad",
        "SimProbe_001.NeverUpdates",
    } <= names
    assert DEFAULT_ITEM == "TestChildObject.TestInt"


@pytest.mark.rule("mx.quality", "mx.quality-initial", "value.null")
async def test_the_odd_probes_are_bad_and_null(sim: Simulator, user: Any) -> None:
    bad = await user.advised("SimProbe_001.AlwaysBad")
    await user.advised("SimProbe_001.NeverUpdates")
    await sim.scan()
    async with user.events() as stream:
        first, second = await stream.take(2)
    assert (first.item_handle, first.quality, first.value.is_null) == (bad, 24, False)
    assert (second.quality, second.value.is_null) == (32, True)


async def test_a_scan_moves_what_has_a_signal_and_nothing_else(
    sim: Simulator, clock: ManualClock
) -> None:
    before = {tag.reference: tag.value for tag in sim.plant}
    clock.advance(1)
    await sim.scan()
    moved = {tag.reference for tag in sim.plant if tag.value != before[tag.reference]}
    assert len(moved) > 40
    assert "SimProbe_001.TestInt" not in moved
    assert sim.plant["SimProbe_001.Counter"].value == 1
    for reference in moved:
        assert sim.plant[reference].timestamp == clock.now


async def test_with_everything_advised_about_65_attributes_change_per_scan(
    clock: ManualClock,
) -> None:
    async with Simulator(interval=None, seed=1, clock=clock) as sim:
        session = sim.gateway.open_session("rate", None)
        registration = session.register("rate")
        for tag in sim.plant:
            session.advise(session.add_item(registration, tag.reference, ""), supervisory=False)
        session.events.drain(0)
        counts = []
        for _ in range(60):
            clock.advance(1)
            changed = await sim.scan()
            assert len(session.events.drain(0)) == changed
            counts.append(changed)
    assert min(counts) >= 50
    assert max(counts) <= 80
    assert 60 <= sum(counts) / 60 <= 70


def test_only_what_is_followed_is_told_of_and_what_follows_it_is_told_after_clients() -> None:
    clock = ManualClock()
    plant = Plant(
        [
            TagSpec("A.One", T.INTEGER, 0, signal=Counter()),
            TagSpec("A.Two", T.INTEGER, 0, signal=Counter()),
            TagSpec("A.Sum", T.INTEGER, 0),
        ],
        clock=clock,
        seed=1,
    )
    told: list[tuple[str, str, int]] = []
    plant.on_change = lambda tag, _now: told.append(("client", tag.reference, tag.value))

    def add(tag: Any, now: Any) -> None:
        told.append(("watcher", tag.reference, tag.value))
        assert now == clock.now
        plant.set(plant["A.Sum"], plant["A.Sum"].value + tag.value)

    plant["A.One"].listeners["someone"] = None
    plant["A.Sum"].listeners["someone"] = None
    unwatch = plant.watch("a.one", add)
    clock.advance(1)
    assert plant.scan() == 1
    assert told == [("client", "A.One", 1), ("watcher", "A.One", 1), ("client", "A.Sum", 1)]
    unwatch()
    plant.scan()
    assert told[3:] == [("client", "A.One", 2)]
    with pytest.raises(KeyError, match=r"A\.Three"):
        plant.watch("A.Three", add)


def test_a_plant_may_be_read_from_other_threads_while_it_moves() -> None:
    specs = [TagSpec(f"A.V{n}", T.INTEGER, 0, signal=Counter()) for n in range(200)]
    plant = Plant(specs, clock=ManualClock(), seed=1)
    told = Tally[str]()
    plant.on_change = lambda tag, _now: told.update([tag.reference])
    for tag in list(plant)[:100]:
        tag.listeners["someone"] = None
    wrong: list[int] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            for tag in plant:
                before = plant.scans
                value = tag.value
                if not before <= value <= plant.scans:
                    wrong.append(value)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for _ in range(200):
            plant.scan()
    finally:
        stop.set()
        reader.join()
    assert wrong == []
    assert set(told.values()) == {200}
    assert len(told) == 100


def test_an_attribute_read_in_the_middle_of_a_scan_is_told_of_once() -> None:
    specs = [TagSpec(f"A.V{n}", T.INTEGER, 0, signal=Counter()) for n in range(10)]
    plant = Plant(specs, clock=ManualClock(), seed=1)
    told: list[str] = []
    plant.on_change = lambda tag, _now: told.append(f"{tag.reference}={tag.value}")
    for tag in plant:
        tag.listeners["someone"] = None
    for scan in (1, 2):
        told.clear()
        for part in range(5):
            assert plant.scan(part, 5) == 2
            assert plant["A.V4"].value == scan
        assert sorted(told) == [f"A.V{n}={scan}" for n in range(10)]


async def test_values_change_by_themselves_at_the_set_rate(connect: Any) -> None:
    async with Simulator(interval=0.01) as sim:
        user = await connect(sim)
        await user.advised("SimProbe_001.Counter")
        async with user.events() as stream:
            values = [event.value.int32_value for event in await stream.take(5)]
        assert values == list(range(values[0], values[0] + 5))
        user.channel.close()


async def test_a_counter_goes_on_from_a_written_value(sim: Simulator, user: Any) -> None:
    item = await user.advised(DEFAULT_ITEM)
    await user.write(item, MxValue(int32_value=40))
    await sim.wait_for(lambda s: s.plant[DEFAULT_ITEM].value == 40)
    await sim.scan()
    assert sim.plant[DEFAULT_ITEM].value == 41


async def test_the_plant_takes_values_from_inside(sim: Simulator) -> None:
    await sim.set_value("Tank_001.Level", "55.5")
    assert sim.plant["tank_001.level"].value == 55.5
    await sim.set_value("SimProbe_001.TestIntArray", [1, 2])
    assert sim.plant["SimProbe_001.TestIntArray[]"].value == [1, 2]
    await sim.set_value("Tank_001.Level", None, quality=32)
    assert sim.plant["Tank_001.Level"].value is None
    with pytest.raises(KeyError):
        await sim.set_value("Tank_001.Nothing", 1)
    with pytest.raises(ValueError, match="scalar"):
        await sim.set_value("Tank_001.Level", [1.0])


async def record(seed: int) -> list[bytes]:
    """All bytes of the events of a fixed course of things."""
    clock = ManualClock()
    async with Simulator(interval=None, clock=clock, seed=seed) as sim:
        session = sim.gateway.open_session("record", None)
        registration = session.register("record")
        for tag in sim.plant:
            item = session.add_item(registration, tag.reference, "")
            session.advise(item, supervisory=False)
        for _ in range(20):
            clock.advance(1)
            await sim.scan()
        await sim.set_value("SimProbe_001.TestInt", 5)
        return [encode(event) for event in session.events.drain(0)]


async def test_two_runs_with_the_same_seed_and_clock_are_equal_byte_for_byte() -> None:
    first, second, other = await record(3), await record(3), await record(4)
    assert first == second
    assert len(first) > 200
    assert first != other


@pytest.mark.parametrize(
    "specs",
    [
        [TagSpec("A.V", T.INTEGER, 0), TagSpec("a.v", T.INTEGER, 0)],
        [TagSpec("A.V", T.INTEGER, "many")],
        [TagSpec("A.V", T.INTEGER, 1 << 40)],
    ],
)
def test_a_plant_that_contradicts_itself_is_a_configuration_error(specs: list[TagSpec]) -> None:
    with pytest.raises(ConfigurationError, match=r"(?i)a\.v"):
        Simulator(plant=specs)


async def test_nobody_listens_any_more_after_un_advise_and_close(sim: Simulator, user: Any) -> None:
    item = await user.advised("SimProbe_001.TestInt")
    tag = sim.plant["SimProbe_001.TestInt"]
    assert len(tag.listeners) == 1
    await user.invoke(MxCommandKind.UN_ADVISE, UnAdviseCommand(user.server, item))
    assert not tag.listeners
    await user.advise(item)
    sim.gateway.sessions[user.session_id].close("client-close")
    assert not tag.listeners
