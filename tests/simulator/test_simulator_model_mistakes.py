"""Plant files: what is wrong with one is said, with its line and key."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from doc_blocks import ROOT
from simulator.small_plant import SMALL, running

from mxgateway.errors import ConfigurationError
from mxgateway.simulator import (
    ModelObject,
    PlantModel,
    load_model,
    parse_model,
)
from mxgateway.simulator.model.lines import Lines

EXAMPLES = ROOT / "examples" / "plants"


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
