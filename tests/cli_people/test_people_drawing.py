"""The pieces that the screens are made of: columns that fit, trends, charts, ages, patterns."""

from __future__ import annotations

import datetime as dt
import io
import itertools
import math
import re
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from mxgateway import DroppedEvents, SequenceGap, TagValue
from mxgateway.glob import name_test
from mxgateway.values import to_mx_value

columns: Any = import_module("mxgateway_cli.output.live_columns")
sparks: Any = import_module("mxgateway_cli.output.spark")
plot: Any = import_module("mxgateway_cli.output.plot")
words: Any = import_module("mxgateway_cli.output.live_words")
values: Any = import_module("mxgateway_cli.output.live_values")
patterns: Any = import_module("mxgateway_cli.tags.patterns")

SLOTS = (
    columns.Slot("Tag", 0),
    columns.Slot("Value", 0, least=6),
    columns.Slot("Note", 2, least=8),
    columns.Slot("Age", 1),
)


@pytest.mark.requirement("cli.table-whole")
@given(
    st.lists(st.tuples(*[st.text("abc.", max_size=40)] * 4), min_size=1, max_size=6),
    st.integers(24, 220),
)
def test_columns_fit_and_the_name_gives_way_last(
    rows: list[tuple[str, str, str, str]], room: int
) -> None:
    fitted = columns.fit(SLOTS, rows, room)
    widths = dict(fitted.shown)
    assert sum(widths.values()) + 2 * (len(widths) - 1) <= room
    assert {0, 1} <= set(widths)
    longest = max(3, *(len(row[0]) for row in rows))
    if widths[0] < longest:
        # Only when what has to stay leaves no room; everything else has gone already.
        assert set(widths) == {0, 1}
    natural = max(3, *(len(row[3]) for row in rows))
    if 3 not in widths and any(row[3] for row in rows):
        assert natural + 2 + 2 + widths[0] + min(widths[1], 6) > room  # it comes first by rank


@given(st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), max_size=50))
def test_a_spark_has_a_mark_for_each_value_and_orders_them(values: list[float | None]) -> None:
    marks = "▁▂▃▄▅▆▇█"
    line = sparks.spark(values)
    assert len(line) == len(values)
    pairs = [(v, marks.index(c)) for v, c in zip(values, line, strict=True) if v is not None]
    assert all(c == " " for v, c in zip(values, line, strict=True) if v is None)
    for one, first in pairs:
        for other, second in pairs:
            assert one > other or first <= second
    assert sparks.spark(values, blocks=False).isascii()


def test_a_trend_holds_values_until_the_next_and_forgets_what_is_old() -> None:
    trend = sparks.Trend(60.0)
    trend.take("text", 0.0)
    assert not trend.numeric
    trend.take(1, 10.0)
    trend.take(2.0, 40.0)
    assert trend.line(6, 60.0) == "▁▁▁███"
    assert trend.line(6, 200.0) == "▁▁▁▁▁▁"
    trend.take(math.nan, 200.0)
    assert trend.line(6, 260.0) == "      "


def test_a_trend_of_many_changes_stays_small() -> None:
    trend = sparks.Trend(60.0)
    for n in range(100_000):
        trend.take(n, n / 1_000)
    assert len(trend._points) <= 250
    assert trend.line(4, 99.0) == "▁▃▆█"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((0.04, "0.0 s"), (9.94, "9.9 s"), (10, "10 s"), (119, "119 s"), (120, "2 min")),
        *((7_200, "2 h"), (172_800, "2 d"), (-3, "-3.0 s"), (-300, "-5 min")),
    ],
)
def test_ages_have_one_unit(seconds: float, text: str) -> None:
    assert words.age_text(dt.timedelta(seconds=seconds)) == text


def test_no_age_is_a_dash() -> None:
    assert words.age_text(None) == "-"


def chart(values: list[tuple[float, float | None, bool]], **more: Any) -> list[str]:
    samples = [plot.Sample(*value) for value in values]
    options = {"seconds": 10.0, "now": 10.0, "columns": 40, "lines": 10} | more
    lines = plot.draw(samples, **options)
    return ["".join(cell.text for cell in line).rstrip() for line in lines]


def test_a_chart_holds_values_and_marks_what_was_not_good() -> None:
    lines = chart([(0, 0.0, True), (5, 10.0, False)], blocks=False)
    assert len(lines) == 10
    assert lines[0].startswith("10 +")
    # The second half is high, the first is low, and they meet in the middle.
    assert lines[0].strip().endswith("*" * 18)
    assert "*" * 18 in lines[7]
    assert lines[8].strip().startswith("+" + "-" * 17)
    assert lines[8].endswith("x" * 18)
    assert lines[9].split() == ["0", "s", "5", "s", "10", "s"]
    assert all(line.isascii() for line in lines)


def test_a_value_that_is_none_leaves_a_hole() -> None:
    lines = chart([(0, 1.0, True), (3, None, False), (6, 1.0, True)], blocks=False)
    row = next(line for line in lines if "*" in line)
    assert "* " in row.strip()
    assert row.strip().endswith("*")


@given(
    st.lists(
        st.tuples(
            st.floats(0, 10),
            st.none() | st.floats(allow_nan=False, allow_infinity=False),
            st.booleans(),
        ),
        min_size=1,
        max_size=20,
    ),
    st.integers(20, 200),
    st.integers(6, 60),
    st.booleans(),
)
def test_a_chart_keeps_its_size_whatever_the_values(
    values: list[tuple[float, float | None, bool]], width: int, height: int, blocks: bool
) -> None:
    lines = chart(sorted(values, key=lambda v: v[0]), columns=width, lines=height, blocks=blocks)
    assert len(lines) == height
    assert max(map(len, lines)) <= max(width, 40)


@given(st.floats(-1e12, 1e12), st.floats(1e-6, 1e9), st.integers(1, 12))
def test_ticks_hold_what_they_are_for(low: float, extent: float, steps: int) -> None:
    high = low + extent
    ticks = plot.nice_ticks(low, high, steps)
    slack = abs(high) * 1e-8 + extent * 1e-6
    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack
    assert ticks == sorted(ticks)
    assert 2 <= len(ticks) <= 2 * steps + 3


NAMES = st.text("ab_1", min_size=1, max_size=6)


@given(NAMES, st.lists(NAMES, min_size=1, max_size=3), st.text("ab_1*?.", min_size=1, max_size=10))
def test_asking_for_fewer_objects_loses_no_attribute(
    name: str, rest: list[str], pattern: str
) -> None:
    reference = ".".join([name, *rest])
    narrowed = patterns.objects_glob(pattern)
    for candidate in (reference, name):
        if name_test(pattern)(candidate) and narrowed:
            assert name_test(narrowed)(name)


@pytest.mark.parametrize(
    ("pattern", "narrowed"),
    [
        *(("Tank_*.Level", "Tank_*"), ("Tank_001.Level", "Tank_001"), ("*.Level", "")),
        *(("?ank.Level", ""), ("Tank_00?.*", "Tank_00*"), ("Tank_001", "Tank_001")),
    ],
)
def test_a_pattern_is_looked_for_where_it_can_be(pattern: str, narrowed: str) -> None:
    assert patterns.objects_glob(pattern) == narrowed


def drawn(board: Any, width: int, height: int) -> str:
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(board.picture(width, height))
    return console.export_text()


@pytest.fixture
def environment() -> Any:
    module: Any = import_module("mxgateway_cli.environment")
    return module.Environment(variables={}, stdout=io.StringIO(), stderr=io.StringIO())


def reading(tag: str, value: float, quality: int = 192) -> TagValue:
    return TagValue.of(tag, to_mx_value(value, "float"), quality, None, ())


@pytest.mark.requirement("sub.slow-consumer")
def test_what_is_missing_is_told_below_the_values(environment: Any) -> None:
    board = values.ValueBoard(environment, ["A.B", "C.D"])
    board.take(reading("a.b", 1.5))
    board.take(DroppedEvents(7))
    board.take(SequenceGap(1, 5))
    shown = drawn(board, 100, 24)
    assert "7 values were dropped" in shown
    assert "1 gap: values were lost on the way" in shown
    assert "1 tag has no value yet" in shown


@pytest.mark.parametrize(
    ("order", "wanted"),
    [
        ("given", ["B.X", "A.X", "C.X", "D.X"]),
        ("tag", ["A.X", "B.X", "C.X", "D.X"]),
        ("value", ["C.X", "B.X", "A.X", "D.X"]),
        ("quality", ["C.X", "A.X", "B.X", "D.X"]),
        ("changed", ["A.X", "C.X", "B.X", "D.X"]),
        ("changes", ["A.X", "B.X", "C.X", "D.X"]),
    ],
)
def test_rows_are_sorted_by_what_matters(environment: Any, order: str, wanted: list[str]) -> None:
    moments = itertools.count(0.0)
    board = values.ValueBoard(
        environment,
        ["B.X", "A.X", "C.X", "D.X"],
        order=values.Order(order),
        clock=lambda: next(moments),
    )
    for value in (
        reading("B.X", 2.0), reading("C.X", 1.0, 0), reading("A.X", 3.0), reading("A.X", 9.0, 64)
    ):  # fmt: skip
        board.take(value)
    shown = drawn(board, 100, 24).splitlines()
    assert [line.split()[0] for line in shown if ".X" in line] == wanted


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_number_that_moves_is_short_and_never_cut(number: float) -> None:
    text = words.value_cell(reading("A.B", number), short=True).text
    assert len(text) <= 10
    assert math.isclose(float(text), number, rel_tol=6e-3, abs_tol=1e-37)


@pytest.mark.parametrize("height", range(9, 30))
def test_a_picture_is_never_higher_than_its_terminal(environment: Any, height: int) -> None:
    tags = [f"Object_with_a_long_name_{n}.Attribute" for n in range(20)]
    board = values.ValueBoard(environment, tags)
    for tag in tags[:-1]:
        board.take(reading(tag, 1.0))
    shown = drawn(board, 30, height).rstrip("\n").splitlines()
    assert len(shown) <= height
    assert any("more below" in line for line in shown)


def test_no_frame_cuts_a_quality(environment: Any) -> None:
    tags = [f"Object_{n}.Attribute" for n in range(3)]
    board = values.ValueBoard(environment, tags)
    for tag in tags:
        board.take(reading(tag, 1.0, 64))
    for columns in (40, 60, 80, 120):
        assert drawn(board, columns, 24).count("Uncertain") == 3, columns


def test_a_frame_looks_only_at_the_rows_that_it_shows(
    environment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tags = [f"Object_{n}.Attribute" for n in range(500)]
    board = values.ValueBoard(environment, tags)
    for tag in tags:
        board.take(reading(tag, 1.0))
    looked: list[Any] = []
    kept = values.level_cell

    def look(value: Any, **rest: Any) -> Any:
        looked.append(value)
        return kept(value, **rest)

    monkeypatch.setattr(values, "level_cell", look)
    shown = drawn(board, 80, 24)
    assert "Object_0.Attribute" in shown
    assert "more below" in shown
    assert len(looked) <= 24


def test_a_silence_is_told(environment: Any) -> None:
    moment = 0.0
    board = values.ValueBoard(environment, ["A.B"], clock=lambda: moment)
    board.take(reading("A.B", 1.0))
    assert "ago" not in drawn(board, 80, 24)
    moment = 25.0
    assert "last value 25 s ago" in drawn(board, 80, 24)


@pytest.mark.parametrize("columns", [20, 40, 80])
def test_a_progress_line_never_folds_and_is_gone_at_the_end(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    module: Any = import_module("mxgateway_cli.output.progress")
    monkeypatch.setattr(
        module.os, "get_terminal_size", lambda _: module.os.terminal_size((columns, 24))
    )

    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

        def fileno(self) -> int:
            return 2

    stream = Screen()
    environment = import_module("mxgateway_cli.environment").Environment(
        variables={}, stdout=io.StringIO(), stderr=stream
    )
    with module.WalkBar(environment, "objects") as bar:
        for done in (1_000, 250_000, 1_000_000):
            bar.show(done, 1_000_000, 3)
    lines = stream.getvalue().split("\r")
    assert "1000000 of 1000000" in stream.getvalue()
    assert ("[####" in stream.getvalue()) == (columns >= 80)
    assert all(len(line) < columns for line in lines)
    assert lines[-1] == ""
    assert lines[-2].strip() == ""


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [
        ([1.5] * 5_000, "float[]", "4800 more]"),
        ("x" * 5_000, "string", "3000 more characters"),
        ([1.5] * 200, "float[]", "1.5]"),
        ("x" * 2_000, "string", "x" * 40),
    ],
)
def test_of_what_fills_screens_a_table_shows_the_beginning_and_counts_the_rest(
    environment: Any, value: Any, kind: str, shown: str
) -> None:
    board = values.ValueBoard(environment, ["A.B"])
    board.take(TagValue.of("A.B", to_mx_value(value, kind), 192, None, ()))
    assert re.search(r"^A\.B +(\[1\.5, |xxxx).*\.\.\. ", drawn(board, 80, 24), re.MULTILINE)
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(board.summary(80))
    # The column of values folds, so blanks say nothing.
    assert shown.replace(" ", "") in "".join(console.export_text().split())
    reading_text = import_module("mxgateway_cli.output.values").value_text(to_mx_value(value, kind))
    assert "more" not in reading_text


@given(st.text(max_size=60), st.integers(1, 30))
def test_folded_text_fits_and_loses_only_blanks(text: str, cells: int) -> None:
    module: Any = import_module("mxgateway_cli.output.text")
    lines = module.fold(text, cells)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(module.width(line) <= max(cells, 2) for line in lines)


@given(
    st.lists(st.tuples(st.floats(0, 0.05), st.floats(-5, 5) | st.none(), st.booleans()), min_size=1)
)
def test_thinning_keeps_what_a_chart_must_show(content: list[tuple[float, Any, bool]]) -> None:
    samples = [plot.Sample(*one) for one in sorted(content, key=lambda one: one[0])]
    fewer = plot.thinned(samples, 10.0)
    assert len(fewer) <= len(samples)
    assert [s for s in samples if any(s is kept for kept in fewer)] == fewer
    assert (fewer[0], fewer[-1]) == (samples[0], samples[-1])
    for trait in (
        lambda some: any(not s.good for s in some),  # what is good leaves no mark of its own
        lambda some: {s.value is None for s in some},
        lambda some: min((s.value for s in some if s.value is not None), default=None),
        lambda some: max((s.value for s in some if s.value is not None), default=None),
    ):
        assert trait(fewer) == trait(samples)


def test_a_thinned_chart_is_small() -> None:
    samples = [plot.Sample(n / 10_000, float(n % 7), n % 3 > 0) for n in range(100_000)]
    assert len(plot.thinned(samples, 10.0)) <= 6_000
