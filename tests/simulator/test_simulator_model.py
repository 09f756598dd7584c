"""Plant files: what they describe, what is wrong with them, and that they can be written."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from doc_blocks import ROOT, blocks_of
from hypothesis import given, settings
from hypothesis import strategies as st

from mxgateway.errors import ConfigurationError
from mxgateway.generated.mxaccess_gateway.v1 import MxDataType
from mxgateway.simulator import (
    ManualClock,
    ModelAttribute,
    ModelObject,
    ModelTemplate,
    Plant,
    PlantModel,
    Simulator,
    demo_model,
    dump_model,
    galaxy_of,
    load_model,
    parse_model,
)
from mxgateway.simulator.alarms.conditions import DeviationAlarm, DiscreteAlarm, LimitAlarm
from mxgateway.simulator.compound import Episodes
from mxgateway.simulator.model import ModelSource
from mxgateway.simulator.model.kinds import KINDS
from mxgateway.simulator.model.lines import Lines
from mxgateway.simulator.processes import Flow, Follow, Integrate, Interlock, Lag, Switch
from mxgateway.simulator.signals import Counter, Phases, RandomWalk, Sine, Square, Steps

T = MxDataType
EXAMPLES = ROOT / "examples" / "plants"
PAGE = ROOT / "docs" / "plant-file.md"

SMALL = """\
[plant]
name = "Small"

[templates."$Pump"]

[templates."$Pump".attributes]
Cmd = { type = "Boolean", value = true }
Speed = { type = "Float", class = "ViewOnly", category = "Calculated", historized = true }
Interlocks = { type = "Boolean", length = 3 }

[templates."$Pump".attributes.Current]
type = "Float"
value = 12.5
units = "A"
signal = { kind = "follow", source = "Me.Speed", gain = 0.01 }
alarm = [
    { kind = "limit", Hi = [13.5, 650], HiHi = [15, 50], deadband = 0.2 },
    { kind = "deviation", setpoint = "Me.Speed", minor = [5.0, 700] },
]

[templates."$Tank"]

[templates."$Tank".attributes]
Level = { type = "Double" }

[templates."$Tank.Pump"]
derived_from = "$Pump"

[objects.Site]
template = "$Area"

[objects.T1]
template = "$Tank"
area = "Site"
description = "Raw water"

[objects.P1]
template = "$Tank.Pump"
container = "T1"
contained_name = "Feed"

[objects.P1.attributes.Speed]
value = 1450
signal = { kind = "sine", middle = 1450, amplitude = 20, period = 30 }
"""


def running(model: PlantModel) -> Plant:
    return Plant(ModelSource(model), clock=ManualClock(), seed=1)


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


# -- mistakes ------------------------------------------------------------------------

WRONG = """\
[plant]
nam = "Typo"

[templates."$Pump"]
derived_from = "$UserDefind"

[templates."$Pump".attributes]
Cmd = { type = "Bool", value = true }
Speed = { type = "Float", clas = "ViewOnly" }
Mode = { type = "Integer", value = "many" }
Wave = { type = "Float", signal = { kind = "sin", middle = 1 } }
Walk = { type = "Float", signal = { kind = "walk", low = 1, high = 0, stride = 1 } }

[templates."$Pump".attributes.Current]
type = "Float"
alarm = { kind = "limit", Hi = [10.0, 650], Lo = [20.0, 5000] }

[objects.P1]
template = "$Pmp"
id = 1

[objects.P2]
id = 1
area = "P3"
template = "$Pump"
"""


def test_every_mistake_is_told_with_line_and_key_path() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_model(WRONG, "wrong.toml")
    pump = 'templates."$Pump"'
    assert str(caught.value).splitlines() == [
        "the plant file wrong.toml has 12 mistakes:",
        "wrong.toml:2: plant.nam: there is no key 'nam' here; did you mean 'name'?",
        (
            f"wrong.toml:5: {pump}.derived_from: there is no template '$UserDefind'; "
            "did you mean '$UserDefined'?"
        ),
        (
            f"wrong.toml:8: {pump}.attributes.Cmd.type: there is no data type 'Bool'; "
            "did you mean 'Boolean'?"
        ),
        (
            f"wrong.toml:9: {pump}.attributes.Speed.clas: there is no key 'clas' here; "
            "did you mean 'class'?"
        ),
        f"wrong.toml:10: {pump}.attributes.Mode.value: the text cannot be read as Integer",
        (
            f"wrong.toml:11: {pump}.attributes.Wave.signal.kind: there is no kind of signal 'sin'; "
            "did you mean 'sine'?"
        ),
        f"wrong.toml:12: {pump}.attributes.Walk.signal: low has to be below high",
        (
            f"wrong.toml:16: {pump}.attributes.Current.alarm: the limits have to rise from LoLo "
            "over Lo and Hi to HiHi"
        ),
        f"wrong.toml:16: {pump}.attributes.Current.alarm.Lo: a priority is 0 to 999, not 5000",
        "wrong.toml:19: objects.P1.template: there is no template '$Pmp'; did you mean '$Pump'?",
        "wrong.toml:23: objects.P2.id: P1 has the id 1 already",
        "wrong.toml:24: objects.P2.area: there is no object 'P3'",
    ]


def _with(*lines: str) -> str:
    return SMALL + "\n" + "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "<plant>:1: objects: the plant has no objects"),
        ("[plant", "<plant>:1: Expected ']'"),
        ("a = 1\nb = \n", "<plant>:2: Invalid value"),
        (_with("[object.X]"), "there is no key 'object' here; did you mean 'objects'"),
        (_with("[objects.A]"), "an object needs a template"),
        (_with('[objects."A B"]', 'template = "$Area"'), "a tag name has letters"),
        (_with("[objects.Me]", 'template = "$Area"'), "no reserved word"),
        (_with("[objects.SITE]", 'template = "$Area"'), "two objects have this tag name"),
        (_with("[objects.A]", 'template = "$Tank"', 'area = "T1"'), "write container = 'T1'"),
        (_with("[objects.A]", 'template = "$Tank"', 'container = "Site"'), "write area = 'Site'"),
        (_with("[objects.A]", 'template = "$Tank"', 'container = "T1"'), "needs a contained name"),
        (
            _with("[objects.A]", 'template = "$Tank"', 'container = "T1"', 'area = "Site"'),
            "not both",
        ),
        (
            _with(
                *("[objects.A]", 'template = "$Tank"', 'container = "T1"'),
                'contained_name = "feed"',
            ),
            "T1 contains another one",
        ),
        (
            _with(
                *("[objects.A]", 'template = "$Area"', 'area = "B"'),
                *("[objects.B]", 'template = "$Area"', 'area = "A"'),
            ),
            "the object contains itself",
        ),
        (_with("[objects.A]", 'template = "$Area"', 'host = "Nobody"'), "no object 'Nobody'"),
        (_with('[templates."$A"]', 'derived_from = "$A"'), "derives from itself"),
        (_with("[templates.A]"), "a template is called"),
        (SMALL.replace("Me.Speed", "Me.Sped", 1), "'Me.Sped' of P1; did you mean 'P1.Speed'"),
        (SMALL.replace('setpoint = "Me.Speed"', 'setpoint = "Me.No"'), "'Me.No' of P1"),
        (SMALL.replace("Me.Speed", "Me.Interlocks", 1), "'Me.Interlocks' of P1 is an array"),
        (
            SMALL.replace('"Double" }', '"String" }').replace('"Me.Speed", m', '"T1.Level", m'),
            "'T1.Level' of P1 is no number, but String",
        ),
        (SMALL.replace("length = 3", "length = 9_999_999_999"), "an array has 1 to 32767"),
        (SMALL.replace("Hi = [13.5", "Hi = [nan"), "give a finite limit"),
        (SMALL.replace("period = 30", "period = inf"), "signal.period: give a finite number"),
        (SMALL.replace('"Double" }', '"Double", class = 7 }'), "class: give 0 to 6, not 7"),
        (SMALL.replace('template = "$Area"', 'template = "$Area"\nid = 4294967296'), "an id is 1"),
        (SMALL.replace("length = 3", "length = 0"), "an array has 1 to 32767 elements"),
        (SMALL.replace("length = 3", "length = 3, value = [true]"), "1 elements, the array 3"),
        (SMALL.replace('type = "Double"', 'type = "Double", value = [1.0]'), "an array cannot"),
        (SMALL.replace('type = "Double"', 'type = "BigString", length = 2'), "has no arrays"),
        (SMALL.replace('type = "Double"', 'value = 1.0'), "an attribute needs a type"),
        (SMALL.replace('"Double" }', '"Double", class = "Operator" }'), "did you mean 'Operate'"),
        (SMALL.replace('"Double" }', '"Double", quality = "Good" }'), "give a whole number"),
        (SMALL.replace('"Double" }', '"Double", alarm = { kind = "dscrete" } }'), "'discrete'"),
        (SMALL.replace('"Double" }', '"Double", alarm = { kind = "discrete" } }'), "a Boolean"),
        (SMALL.replace('"Double" }', '"Double", signal = { kind = "toggle" } }'), "gives Boolean"),
        (SMALL.replace('"Double" }', '"Double", signal = { kind = "rotate" } }'), "arrays only"),
        (SMALL.replace('"Double" }', '"Double", signal = { kind = "lag" } }'), "needs setpoint"),
        (
            SMALL.replace('"Double" }', '"Double", signal = { kind = "steps", values = ["a"] } }'),
            "'a': the text cannot be read",
        ),
        (
            SMALL.replace('"Double" }', '"Double", no_value = true, signal = { kind = "walk", '
            "low = 0, high = 1, stride = 1 } }"),
            "stays without one",
        ),
        (SMALL.replace('"Small"', '"Small"\ndeployed = 2026-01-01T00:00:00'), "no offset"),
        (SMALL.replace('"Double" }', '"Time", value = 2026-01-01T00:00:00 }'), "no time zone"),
        (SMALL.replace("Hi = [13.5, 650]", "Hi = 13.5"), "the limit and its priority"),
        (SMALL.replace("minor = [5.0, 700]", "minor = [0, 700]"), "a tolerance is above 0"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_model(text)
    assert message in str(caught.value), str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"missing\.toml"):
        load_model(tmp_path / "missing.toml")
    latin = tmp_path / "latin.toml"
    latin.write_bytes('[plant]\nname = "Behälter"'.encode("latin-1"))
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        load_model(latin)


def test_a_mistake_is_told_once_however_much_follows_from_it() -> None:
    text = """
[objects.Farm]
template = "$Arae"
[objects.Tank_001]
template = "$UserDefined"
area = "Farm"
[objects.Tank_002]
template = "$UserDefined"
area = "Tank_001"
[objects.Tank_003]
template = "$UserDefined"
container = "Tank_001"
"""
    with pytest.raises(ConfigurationError) as caught:
        parse_model(text, "farm.toml")
    assert str(caught.value).splitlines()[1:] == [
        "farm.toml:3: objects.Farm.template: there is no template '$Arae'; did you mean '$Area'?",
        "farm.toml:9: objects.Tank_002.area: Tank_001 is no area; write container = 'Tank_001'",
        (
            "farm.toml:10: objects.Tank_003.contained_name: "
            "an object inside Tank_001 needs a contained name"
        ),
    ]


def test_windows_line_ends_and_a_byte_order_mark_make_no_difference(tmp_path: Path) -> None:
    file = tmp_path / "small.toml"
    file.write_bytes(b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode())
    assert load_model(file) == parse_model(SMALL)
    file.write_bytes(WRONG.replace("\n", "\r\n").encode())
    with pytest.raises(ConfigurationError, match=r"wrong|:24: objects\.P2\.area"):
        load_model(file)


def test_a_model_made_in_python_is_checked_too() -> None:
    with pytest.raises(ConfigurationError, match=r"objects\.A\.template.*objects\.B\.template"):
        PlantModel([ModelObject(name=name, template="$No") for name in "AB"])


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.stem)
def test_the_examples_are_sound_and_run(path: Path) -> None:
    plant = running(load_model(path))
    for tag in plant:
        tag.listeners["someone"] = None
    assert sum(plant.scan() for _ in range(30)) > 30
    assert {tag.quality for tag in plant} <= {192, 24, 20}


# -- lines ---------------------------------------------------------------------------


def test_lines_are_found_through_texts_arrays_and_inline_tables() -> None:
    text = '''\
# a comment with [brackets] and = signs
top = """
[not.a.table]
key = 1 """
"quoted.key" = 'it''s' # "
[a.'b c']
x.y = [ # [
  1, "]", { z = 2 },
  [3],
]
[[list]]
k = 1
[[list]]
k = 2
m = { n = """
x""", o = 1 }
'''.replace("'it''s'", "'its'")
    tomllib.loads(text)
    lines = Lines(text)
    for path, line in {
        ("top",): 2,
        ("quoted.key",): 5,
        ("a",): 6,
        ("a", "b c"): 6,
        ("a", "b c", "x", "y"): 7,
        ("a", "b c", "x", "y", "z"): 8,
        ("list", "k"): 12,
        ("list", "m", "n"): 15,
        ("list", "m", "o"): 16,
        ("list", "m", "other"): 15,
        ("nothing",): 1,
    }.items():
        assert lines.of(path) == line, path


# -- writing -------------------------------------------------------------------------

_NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,8}", fullmatch=True)
_NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)
_TEXTS = st.text(max_size=12).filter(lambda text: text.isprintable() or "\n" in text)
_TEXTS_OF_UTF8 = st.text(st.characters(codec="utf-8"), max_size=12)
_VALUES: dict[MxDataType, st.SearchStrategy[Any]] = {
    T.BOOLEAN: st.booleans(),
    T.INTEGER: st.integers(-(1 << 31), (1 << 31) - 1),
    T.FLOAT: _NUMBERS,
    T.DOUBLE: _NUMBERS,
    T.STRING: _TEXTS_OF_UTF8,
    T.TIME: st.datetimes(timezones=st.just(ManualClock().now.tzinfo)),
    T.ELAPSED_TIME: _NUMBERS,
    T.QUALIFIED_STRUCT: st.binary(max_size=5),
    T.INTERNATIONALIZED_STRING: _TEXTS_OF_UTF8,
}
_PHASE = st.none() | st.integers(0, 9)
_SIGNALS = {
    T.FLOAT: st.one_of(
        st.builds(RandomWalk, st.floats(-9, 0), st.floats(1, 9), st.floats(0.1, 2)),
        st.builds(Sine, _NUMBERS, _NUMBERS, st.floats(1, 99), _NUMBERS, st.floats(0, 1)),
        st.builds(Steps, st.lists(_NUMBERS, min_size=1, max_size=3).map(tuple), st.integers(1, 9)),
        st.builds(Lag, _NUMBERS | st.just("Me.Base"), st.floats(0.1, 1), _NUMBERS),
        st.builds(Follow, st.just("Me.Base"), _NUMBERS, _NUMBERS),
        st.builds(
            Integrate,
            st.lists(st.builds(Flow, st.just("Me.Base"), _NUMBERS), max_size=2).map(tuple),
        ),
        st.builds(Episodes, st.none() | st.builds(Counter, st.integers(1, 9)), phase=_PHASE),
    ),
    T.BOOLEAN: st.one_of(
        st.builds(Square, period=st.integers(1, 9), on=st.integers(0, 9), phase=_PHASE),
        st.builds(Interlock, st.just(("Me.Base",)), st.just(("A.Base",))),
        st.builds(Switch, st.just("Me.Base"), st.floats(0, 1), st.floats(2, 3), st.booleans()),
    ),
    T.STRING: st.builds(Phases, st.just(("a", "b")), st.just((2, 3))),
}
_PRIORITY = st.integers(0, 999)
_ALARMS = {
    T.FLOAT: st.lists(
        st.one_of(
            st.builds(
                lambda lo, hi, p, d, text: LimitAlarm(
                    reference="Me", limits={"Lo": (lo, p), "Hi": (hi, p)}, deadband=d, category=text
                ),
                *(st.floats(-9, 0), st.floats(1, 9), _PRIORITY, st.floats(0, 1), _TEXTS_OF_UTF8),
            ),
            st.builds(
                lambda size, p: DeviationAlarm(
                    reference="Me", setpoint="Me.Base", minor=(size, p), major=None
                ),
                *(st.floats(0.1, 9), _PRIORITY),
            ),
        ),
        max_size=2,
    ).map(tuple),
    T.BOOLEAN: st.builds(
        lambda active, p: (DiscreteAlarm(reference="Me", active=active, priority=p),),
        *(st.booleans(), _PRIORITY),
    ),
}


@st.composite
def attributes(draw: st.DrawFn, name: str) -> ModelAttribute:
    data_type = draw(st.sampled_from(list(_VALUES)))
    values = _VALUES[data_type]
    length = None
    if data_type is not T.QUALIFIED_STRUCT and draw(st.booleans()):
        length = draw(st.integers(1, 3))
        values = st.lists(values, min_size=length, max_size=length)
    value = draw(st.none() | values)
    scalar = length is None and value is not None
    alarms = draw(_ALARMS.get(data_type, st.just(()))) if scalar else ()
    return ModelAttribute(
        name=name,
        data_type=data_type,
        value=value,
        length=length,
        classification=draw(st.integers(0, 6)),
        category=draw(st.integers(2, 19)),
        historized=draw(st.booleans()),
        quality=draw(st.sampled_from([0, 24, 64, 192])),
        signal=draw(st.none() | _SIGNALS.get(data_type, st.none())) if scalar else None,
        flagged=not alarms and draw(st.booleans()),
        alarms=alarms,
        description=draw(_TEXTS_OF_UTF8),
        units=draw(_TEXTS_OF_UTF8),
    )


@st.composite
def models(draw: st.DrawFn) -> PlantModel:
    base = ModelAttribute(name="Base", data_type=T.FLOAT, value=1.0)

    def some(names: list[str]) -> tuple[ModelAttribute, ...]:
        return tuple(draw(attributes(name)) for name in names)

    names = draw(st.lists(_NAMES, max_size=4, unique_by=str.lower).filter(lambda n: "base" not in
                 [x.lower() for x in n]))  # fmt: skip
    templates = (
        ModelTemplate(name="$Top", category=draw(st.none() | st.just(10)), attributes=(base,)),
        ModelTemplate(name="$Top.Under", derived_from="$Top", attributes=some(names)),
    )
    objects = (
        ModelObject(name="Site", template="$Area", description=draw(_TEXTS_OF_UTF8)),
        ModelObject(name="A", template="$Top.Under", parent="Site", host="Site", id=9),
        ModelObject(
            name="B",
            template="$Top",
            parent="A",
            contained_name="Inner",
            attributes=some(names[:2]),
        ),
    )
    return PlantModel(objects, templates, name=draw(_TEXTS_OF_UTF8) or "Plant")


@settings(max_examples=60, deadline=None)
@given(models())
def test_a_plant_written_to_a_file_reads_back_equal(model: PlantModel) -> None:
    text = dump_model(model)
    assert parse_model(text) == model
    lines = text.splitlines()
    found = Lines(text)
    for path in _paths(tomllib.loads(text)):
        line = lines[found.of(path) - 1]
        assert path[-1] in line or path[-1].isprintable() is False, (path, line)


def _paths(table: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in table.items():
        yield (*above, key)
        if isinstance(value, dict):
            yield from _paths(value, (*above, key))


def test_an_override_is_written_with_all_that_differs() -> None:
    pump = ModelAttribute(
        name="V",
        data_type=T.FLOAT,
        value=1.0,
        signal=Counter(),
        alarms=(LimitAlarm(reference="Me", limits={"Hi": (1.0, 2)}),),
        units="A",
    )
    plain = ModelAttribute(name="V", data_type=T.FLOAT, value=0.0)
    template = ModelTemplate(name="$A", attributes=(pump,))
    for own in (plain, replace(pump, value=None, signal=None), replace(plain, flagged=True)):
        model = PlantModel([ModelObject(name="O", template="$A", attributes=(own,))], [template])
        assert parse_model(dump_model(model)) == model
    assert parse_model(dump_model(demo_model())) == demo_model()


def test_what_a_file_cannot_hold_is_refused() -> None:
    class Own:
        def step(self, at: Any) -> Any:
            return at.current

    attribute = ModelAttribute(name="V", data_type=T.FLOAT, value=0.0, signal=Own())
    model = PlantModel([ModelObject(name="O", template="$Area", attributes=(attribute,))])
    with pytest.raises(ConfigurationError, match="no kind of signal for Own"):
        dump_model(model)


def test_the_page_shows_the_example_as_it_is() -> None:
    (block,) = [block for block in blocks_of(PAGE) if block.language == "toml"]
    assert block.text + "\n" == (EXAMPLES / "tank-farm.toml").read_text("utf-8")


def test_every_kind_of_signal_is_described() -> None:
    page = PAGE.read_text("utf-8")
    for name, kind in KINDS.items():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
        for member in kind.members:
            assert f"`{member}`" in row, (name, member)
