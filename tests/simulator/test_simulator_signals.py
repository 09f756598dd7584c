"""Signals: what they give, and that nobody has to look for it to come out right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mxgateway.errors import ConfigurationError
from mxgateway.generated.mxaccess_gateway.v1 import MxDataType
from mxgateway.simulator import ManualClock, Plant, TagSpec
from mxgateway.simulator.compound import Each, Episodes
from mxgateway.simulator.moment import Signal
from mxgateway.simulator.processes import (
    Above,
    Approach,
    Below,
    Count,
    Flow,
    Follow,
    Integrate,
    Interlock,
    Lag,
    Lasting,
    Stamp,
    Switch,
    Trend,
)
from mxgateway.simulator.signals import (
    Clocked,
    Counter,
    Phases,
    Ramp,
    RandomWalk,
    Rotate,
    Sine,
    Square,
    Steps,
    Toggle,
)

T = MxDataType
START = datetime(2026, 1, 1, tzinfo=UTC)


def plant_of(*specs: TagSpec, seed: int = 1) -> Plant:
    """A plant with a clock that goes on by a second when `run` scans it."""
    return Plant(specs, clock=ManualClock(START), seed=seed)


def run(plant: Plant, scans: int = 1) -> None:
    for _ in range(scans):
        clock = plant._clock
        assert isinstance(clock, ManualClock)
        clock.advance(1)
        plant.scan()


def course(signal: Signal, data_type: MxDataType, start: Any, scans: int) -> list[Any]:
    """The values of the scans from 1."""
    plant = plant_of(TagSpec("A.V", data_type, start, signal=signal))
    seen = []
    for _ in range(scans):
        run(plant)
        seen.append(plant["A.V"].value)
    return seen


@pytest.mark.parametrize(
    ("signal", "start", "expected"),
    [
        (Counter(2, first=1, last=5), 3, [5, 1, 3, 5, 1]),
        (Counter(every=2), 7, [7, 8, 8, 9, 9]),
        (Ramp(0.0, 2.0, 1.0), 1.0, [2.0, 0.0, 1.0, 2.0, 0.0]),
        (Ramp(0.0, 2.0, -1.0), 1.0, [0.0, 2.0, 1.0, 0.0, 2.0]),
        (Toggle(2), False, [False, True, True, False, False]),
        (Square(period=3, on=1), True, [False, False, True, False, False]),
        (Square(low=1.5, high=2.5, period=2, on=1), 0.0, [1.5, 2.5, 1.5, 2.5, 1.5]),
        (Steps(("a", "b", "c"), 2), "a", ["a", "b", "b", "c", "c"]),
        (Phases(("a", "b"), (1, 3)), "a", ["b", "b", "b", "a", "b"]),
        (Rotate(2), [1, 2, 3], [[1, 2, 3], [3, 1, 2], [3, 1, 2], [2, 3, 1], [2, 3, 1]]),
        (Each(Counter(), 2), [0, 10], [[0, 10], [1, 11], [1, 11], [2, 12], [2, 12]]),
    ],
)
def test_signals_go_as_described(signal: Signal, start: Any, expected: list[Any]) -> None:
    types = {bool: T.BOOLEAN, int: T.INTEGER, float: T.DOUBLE, str: T.STRING, list: T.INTEGER}
    assert course(signal, types[type(start)], start, 5) == expected


def test_walks_and_sines_stay_within_their_bounds_and_their_steps() -> None:
    walk = course(RandomWalk(10.0, 20.0, 0.4), T.DOUBLE, 12.0, 3000)
    assert 10.0 <= min(walk) < 13.0
    assert 17.0 < max(walk) <= 20.0
    steps = [abs(after - before) for before, after in zip([12.0, *walk], walk, strict=False)]
    assert max(steps) <= 0.4
    assert len(set(walk)) > 2900
    sine = course(Sine(10.0, 2.0, 7, noise=0.5), T.DOUBLE, 10.0, 300)
    assert 7.5 <= min(sine) < 8.0
    assert 12.0 < max(sine) <= 12.5
    assert course(Sine(10.0, 2.0, 4), T.DOUBLE, 10.0, 4) == pytest.approx([12, 10, 8, 10])


def test_attributes_of_one_kind_have_noise_of_their_own() -> None:
    specs = [TagSpec(f"A.V{n}", T.DOUBLE, 5.0, signal=RandomWalk(0, 10, 1)) for n in range(20)]
    plant = plant_of(*specs)
    run(plant, 300)
    assert len({tag.value for tag in plant}) == 20


LAZY: list[tuple[Any, MxDataType, Any]] = [
    (Counter(3, last=100), T.INTEGER, 5),
    (Ramp(0.0, 30.0, 0.7), T.DOUBLE, 3.0),
    (Sine(10.0, 5.0, 60.0, noise=1.0), T.FLOAT, 10.0),
    (RandomWalk(0.0, 100.0, 1.0), T.FLOAT, 50.0),
    (Square(period=20, on=7, phase=None), T.BOOLEAN, False),
    (Toggle(7), T.BOOLEAN, False),
    (Steps(("a", "b", "c"), 9), T.STRING, "a"),
    (Phases((1, 2, 3), (4, 5, 6)), T.INTEGER, 1),
    (Clocked(5), T.TIME, START),
    (Rotate(3), T.INTEGER, [1, 2, 3, 4]),
    (Each(RandomWalk(0.0, 10.0, 1.0), 4), T.FLOAT, [1.0, 2.0, 3.0]),
    (Episodes(RandomWalk(0.0, 10.0, 1.0), period=12, lasting=4), T.FLOAT, 5.0),
]


@pytest.mark.parametrize(("signal", "data_type", "start"), LAZY, ids=lambda v: type(v).__name__)
@settings(max_examples=25)
@given(
    looks=st.sets(st.integers(1, 60), max_size=6),
    written=st.none() | st.integers(1, 59),
)
def test_who_looks_late_sees_what_who_followed_has_seen(
    signal: Signal, data_type: MxDataType, start: Any, looks: set[int], written: int | None
) -> None:
    spec = TagSpec("A.V", data_type, start, signal=signal)
    followed, other = plant_of(spec), plant_of(spec)
    told: list[Any] = []
    followed.watch("A.V", lambda tag, _now: told.append(tag.value))
    for scan in range(1, 61):
        for plant in (followed, other):
            run(plant)
            if scan == written:
                plant.set(plant["A.V"], start)
        if scan in looks or scan == 60:
            one, two = followed["A.V"], other["A.V"]
            assert (one.value, one.quality) == (two.value, two.quality)
            assert one.timestamp == two.timestamp
    assert told


@pytest.mark.parametrize(("signal", "start"), [(Toggle(10), False), (Steps("ab", 10), "a")])
def test_a_written_value_holds_until_the_next_turn(signal: Signal, start: Any) -> None:
    data_type = T.BOOLEAN if start is False else T.STRING
    plant = plant_of(TagSpec("A.V", data_type, start, signal=signal))
    run(plant, 13)
    written = plant["A.V"].value
    plant.set(plant["A.V"], start)
    run(plant, 6)
    assert (written, plant["A.V"].value) != (start, written)
    assert plant["A.V"].value == start
    run(plant)
    assert plant["A.V"].value != start or start == "a"


def test_bad_quality_comes_in_episodes_in_which_the_value_stands_still() -> None:
    plant = plant_of(
        TagSpec(
            "A.V", T.INTEGER, 0, signal=Episodes(Counter(), bad=20, period=5, lasting=2, phase=0)
        )
    )
    seen = []
    for _ in range(10):
        run(plant)
        seen.append((plant["A.V"].value, plant["A.V"].quality))
    assert seen == [
        *[(0, 20), (2, 192), (3, 192), (4, 192), (4, 20)],
        *[(4, 20), (7, 192), (8, 192), (9, 192), (9, 20)],
    ]


# -- signals that follow other attributes ------------------------------------------


def test_a_lag_nears_its_setpoint_and_goes_to_rest_when_it_is_stopped() -> None:
    plant = plant_of(
        TagSpec("P.SP", T.FLOAT, 100.0),
        TagSpec("P.On", T.BOOLEAN, True),
        TagSpec("P.V", T.FLOAT, 0.0, signal=Lag("Me.SP", 0.5, enable="Me.On")),
    )
    run(plant, 3)
    assert plant["P.V"].value == 87.5
    plant.set(plant["P.SP"], 7.5)
    run(plant)
    assert plant["P.V"].value == 47.5
    plant.set(plant["P.V"], 7.5)
    run(plant)
    assert plant["P.V"].value == 7.5
    plant.set(plant["P.On"], value=False)
    run(plant, 20)
    assert plant["P.V"].value == 0.0


def test_the_noise_of_a_lag_does_not_add_up() -> None:
    plant = plant_of(TagSpec("P.V", T.DOUBLE, 50.0, signal=Lag(50.0, 0.01, noise=0.5)))
    values = []
    for _ in range(500):
        run(plant)
        values.append(plant["P.V"].value)
    assert 49.5 <= min(values) < 49.6
    assert 50.4 < max(values) <= 50.5


def test_a_tank_fills_and_drains_by_its_valves() -> None:
    flows = (Flow("Me.In", 2.0), Flow("Me.Out", -1.0))
    plant = plant_of(
        TagSpec("T.In", T.BOOLEAN, True),
        TagSpec("T.Out", T.BOOLEAN, False),
        TagSpec("T.Level", T.FLOAT, 95.0, signal=Integrate(flows, 0.0, 100.0)),
        TagSpec("T.Volume", T.DOUBLE, 0.0, signal=Follow("T.Level", 200.0, 5.0)),
        TagSpec("T.Full", T.BOOLEAN, False, signal=Above("Me.Level", 99.0)),
        TagSpec("T.Empty", T.BOOLEAN, False, signal=Below("Me.Level", 1.0)),
    )
    run(plant, 3)
    assert plant["T.Level"].value == 100.0
    assert plant["T.Volume"].value == 20_005.0
    assert (plant["T.Full"].value, plant["T.Empty"].value) == (True, False)
    plant.set(plant["T.In"], value=False)
    plant.set(plant["T.Out"], value=True)
    run(plant, 100)
    assert plant["T.Level"].value == 0.0
    assert (plant["T.Full"].value, plant["T.Empty"].value) == (False, True)


def test_a_valve_travels_and_a_pump_stops_on_a_fault() -> None:
    plant = plant_of(
        TagSpec("V.Cmd", T.BOOLEAN, True),
        TagSpec("V.Position", T.FLOAT, 0.0, signal=Approach("Me.Cmd", 40.0, gain=100.0)),
        TagSpec("P.Fault", T.BOOLEAN, False),
        TagSpec("P.Running", T.BOOLEAN, False, signal=Interlock(["V.Cmd"], ["Me.Fault"])),
        TagSpec("P.Starts", T.INTEGER, 0, signal=Count("Me.Running")),
        TagSpec("P.LastStart", T.TIME, START, signal=Stamp("Me.Running")),
        TagSpec("P.LastStop", T.TIME, START, signal=Stamp("Me.Running", falling=True)),
    )
    positions = []
    for _ in range(4):
        run(plant)
        positions.append(plant["V.Position"].value)
    assert positions == [40.0, 80.0, 100.0, 100.0]
    plant.set(plant["P.Fault"], value=True)
    run(plant)
    assert plant["P.Running"].value is False
    assert plant["P.LastStop"].value == START + timedelta(seconds=5)
    plant.set(plant["P.Fault"], value=False)
    run(plant)
    assert (plant["P.Running"].value, plant["P.Starts"].value) == (True, 1)
    assert plant["P.LastStart"].value == START + timedelta(seconds=6)


def test_a_switch_changes_at_its_limits_and_leaves_what_is_written_in_between() -> None:
    plant = plant_of(
        TagSpec("T.Level", T.FLOAT, 50.0),
        TagSpec("T.Fill", T.BOOLEAN, False, signal=Switch("Me.Level", 20.0, 80.0)),
        TagSpec("T.Drain", T.BOOLEAN, False, signal=Switch("Me.Level", 20.0, 80.0, inverse=True)),
    )

    def at(level: float) -> tuple[Any, Any]:
        plant.set(plant["T.Level"], level)
        run(plant)
        return plant["T.Fill"].value, plant["T.Drain"].value

    assert at(19.0) == (True, False)
    assert at(50.0) == (True, False)
    assert at(81.0) == (False, True)
    plant.set(plant["T.Fill"], value=True)
    assert at(82.0) == (True, True)
    assert at(50.0) == (True, True)
    assert at(80.0) == (False, True)


def test_a_trend_keeps_the_last_values_and_a_duration_starts_anew() -> None:
    plant = plant_of(
        TagSpec("R.Phase", T.INTEGER, 0, signal=Counter(every=4)),
        TagSpec("R.Since", T.ELAPSED_TIME, 0.0, signal=Lasting("Me.Phase", 0.5)),
        TagSpec("R.Trend", T.FLOAT, [0.0] * 3, signal=Trend("Me.Phase", 2)),
    )
    since = []
    for _ in range(9):
        run(plant)
        since.append(plant["R.Since"].value)
    assert since == [0.5, 1.0, 1.5, 0.0, 0.5, 1.0, 1.5, 0.0, 0.5]
    assert plant["R.Trend"].value == [1.0, 1.0, 2.0]


def test_a_source_that_is_not_there_makes_the_attribute_bad_and_harms_no_other() -> None:
    plant = plant_of(
        TagSpec("A.V", T.FLOAT, 1.0, signal=Follow("A.Nothing")),
        TagSpec("A.W", T.FLOAT, 1.0, signal=Follow("A.V", 2.0)),
    )
    run(plant)
    assert (plant["A.V"].value, plant["A.V"].quality) == (1.0, 4)
    assert (plant["A.W"].value, plant["A.W"].quality) == (2.0, 192)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Counter(0), "step_by"),
        (lambda: Counter(first=3, last=2), "first"),
        (lambda: Ramp(0, 1, 0), "slope"),
        (lambda: Ramp(1, 0, 1), "low"),
        (lambda: Sine(0, 1, 0), "period"),
        (lambda: Square(period=0), "period"),
        (lambda: RandomWalk(0, 1, 0), "stride"),
        (lambda: Toggle(0), "every"),
        (lambda: Steps(()), "values"),
        (lambda: Phases((1, 2), (1,)), "scans"),
        (lambda: Lag(1.0, 0.0), "rate"),
        (lambda: Approach(1.0, 0.0), "speed"),
        (lambda: Switch("A.V", 2.0, 1.0), "low"),
        (lambda: Episodes(bad=70_000), "quality"),
    ],
)
def test_arguments_that_make_no_signal_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make()
