"""Plant files: what is written reads back equal, and the page about them is true."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import replace
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
    PlantModel,
    demo_model,
    dump_model,
    parse_model,
)
from mxgateway.simulator.alarms.conditions import DeviationAlarm, DiscreteAlarm, LimitAlarm
from mxgateway.simulator.compound import Episodes
from mxgateway.simulator.model.kinds import KINDS
from mxgateway.simulator.model.lines import Lines
from mxgateway.simulator.processes import Flow, Follow, Integrate, Interlock, Lag, Switch
from mxgateway.simulator.signals import Counter, Phases, RandomWalk, Sine, Square, Steps

T = MxDataType
EXAMPLES = ROOT / "examples" / "plants"
PAGE = ROOT / "docs" / "plant-file.md"


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
