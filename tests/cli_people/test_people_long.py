"""Very long texts and very long tables: people get what can be read, pipes get everything."""

from __future__ import annotations

import io
import re
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest
from cli_people.people_runs import Outcome
from hostile.hostile_gateway import HostileGateway, field
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from mxgateway import AlarmBook
from mxgateway.generated.mxaccess_gateway.v1 import (
    ActiveAlarmSnapshot,
    AlarmConditionState,
    AlarmFeedMessage,
    AlarmProviderMode,
    AlarmProviderStatus,
)

alarms: Any = import_module("mxgateway_cli.output.live_alarms")
environments: Any = import_module("mxgateway_cli.environment")
galaxy_rows: Any = import_module("mxgateway_cli.output.galaxy_rows")
tables: Any = import_module("mxgateway_cli.output.tables")
texts: Any = import_module("mxgateway_cli.output.text")

LONG = "A" + "x" * (1 << 20)
SHORT = 5_999


class TerminalStream(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Nowhere(io.StringIO):
    """A stream that keeps nothing but how much was written."""

    characters = 0
    writes = 0

    def write(self, text: str, /) -> int:
        self.characters += len(text)
        self.writes += 1
        return len(text)


def environment(stdout: io.StringIO | None = None, stderr: io.StringIO | None = None) -> Any:
    return environments.Environment(
        variables={"COLUMNS": "80"}, stdout=stdout or io.StringIO(), stderr=stderr or io.StringIO()
    )


def shown(items: list[str], stream: io.StringIO) -> str:
    """A table of one column and a fixed second one."""
    columns = [tables.Column("Tag"), tables.Column("Note")]
    tables.write_table(environment(stream), columns, items, lambda item: [item, "note"])
    return stream.getvalue()


@pytest.fixture
def galaxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A galaxy with one object whose name has a MiB, and thousands that are as usual."""
    names = [LONG, *(f"Pump_{n}" for n in range(SHORT))]
    objects = [field(1, n + 1) + field(2, name.encode()) for n, name in enumerate(names)]
    page = b"".join(field(1, each) for each in objects)
    children = page + field(4, bytes(len(objects))) + field(5, 1)
    replies = {"DiscoverHierarchy": lambda _: page, "BrowseChildren": lambda _: children}
    with HostileGateway(replies) as gateway:
        monkeypatch.setenv("MXGATEWAY_ENDPOINT", gateway.endpoint)
        monkeypatch.setenv("MXGATEWAY_PLAINTEXT", "1")
        yield


@pytest.mark.parametrize("words", [("find", "*"), ("galaxy-discover",), ("tree",)], ids=str)
def test_a_pipe_has_every_row_whole_and_one_long_name_pads_no_other(
    run: Callable[..., Outcome], galaxy: None, words: tuple[str, ...]
) -> None:
    done = run(*words)
    assert done.code == 0, done.err
    assert LONG in done.out
    rows = done.out.splitlines()
    assert len(rows) in (SHORT + 1, SHORT + 2)
    assert sum(map(len, rows)) < len(LONG) + 100 * len(rows)


@pytest.mark.parametrize(
    "words", [("find", "*"), ("galaxy-discover",), ("galaxy-browse",), ("tree",)], ids=str
)
def test_a_terminal_has_the_first_rows_and_is_told_of_the_rest(
    terminal: Callable[..., Any], galaxy: None, words: tuple[str, ...]
) -> None:
    one = terminal(*words, columns=120)
    assert one.finish() == 0
    raw = one.raw.decode()
    assert f"{SHORT + 1 - 5_000} more " in raw
    assert "--output jsonl" in raw
    # It folds anywhere, also within these words.
    plain = "".join(re.sub(r"\x1b\[[0-9;]*m", "", raw).split())
    assert f"...{len(LONG) - 4_000}morecharacters" in plain
    assert plain.count("x") < 5_000
    assert "Pump_4000" in raw
    assert f"Pump_{SHORT - 1}" not in raw


def test_rows_on_a_pipe_are_made_and_written_some_at_a_time() -> None:
    stream = Nowhere()
    columns = [tables.Column("Tag"), tables.Column("Text")]
    rows = 50_000
    tracemalloc.start()
    try:
        tables.write_table(
            environment(stream), columns, range(rows), lambda n: [f"Tag_{n}", "text " * 20]
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert stream.characters > 100 * rows
    assert peak < 2_000_000
    assert stream.writes < rows / 100


def test_a_long_cell_is_counted_on_a_terminal_and_whole_elsewhere() -> None:
    long = "é" * 100_000
    assert long in shown([long, "b"], io.StringIO())
    drawn = "".join(shown([long, "b"], TerminalStream()).split())
    assert drawn.count("é") == 4_000
    assert "...96000morecharacters" in drawn


@pytest.mark.parametrize("stream", [io.StringIO, TerminalStream])
def test_a_blank_at_the_edge_of_a_cell_is_seen(stream: type[io.StringIO]) -> None:
    drawn = shown(["Pump_1", "Pump_1 ", " Pump_1", "Pump 1", " "], stream())
    names = [line.split("  ")[0].split("note")[0].strip() for line in drawn.splitlines()]
    assert names[-5:] == ["Pump_1", "Pump_1\\x20", "\\x20Pump_1", "Pump 1", "\\x20"]


def test_a_line_on_stderr_is_short_for_people_and_whole_in_json() -> None:
    stderr = io.StringIO()
    told = environment(stderr=stderr)
    told.keep_secret("mykey123")
    told.say("a" * 2_995 + "mykey123" + "b" * 100_000, "next")
    first, second = stderr.getvalue().splitlines()
    assert "mykey" not in first
    assert len(first) < 4_100
    assert " more characters ..." in first
    assert first.endswith("b" * 1_000)
    assert second == "next"
    told.say_json({"message": "c" * 100_000})
    assert "c" * 100_000 in stderr.getvalue()


# -- how wide a text is --------------------------------------------------------------

ODD = st.text("ab 液é\u0301\u0903\u1161\uac00\U0001f1e6\U0001f3fd\u2630\U0001f600\u3164\x1b\ufe0f")


def plainly_folded(text: str, cells: int) -> list[str]:
    """Return what `fold` has to, by its definition."""
    lines = []
    while texts.width(text) > cells:
        end = len(texts.first(text, cells)) or 1
        blank = text.rfind(" ", 1, end + 1)
        if blank > 0:
            lines.append(text[:blank].rstrip())
            text = text[blank + 1 :].lstrip()
        else:
            lines.append(text[:end])
            text = text[end:]
    return [*lines, text]


@given(ODD | st.text(), st.integers(1, 12))
def test_folding_keeps_to_its_definition(text: str, cells: int) -> None:
    assert texts.fold(text, cells) == plainly_folded(text, cells)


def calls_of(function: Callable[[], object]) -> int:
    """Return how many functions are called, C functions too."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("word", ["é", "é ", "éé ", "a\u0301", "液 a"])
def test_folding_takes_time_as_the_text_is_long(word: str) -> None:
    one = calls_of(lambda: texts.fold(word * 2_000, 10))
    three = calls_of(lambda: texts.fold(word * 6_000, 10))
    assert three < 3.2 * one


@given(ODD | st.text())
def test_a_terminal_gets_lines_as_wide_as_they_are_counted(text: str) -> None:
    drawn = texts.on_screen(text)
    assert texts.width(drawn) == cell_len(drawn)
    assert not {c for c in drawn if "\U0001f1e6" <= c <= "\U0001f1ff"}
    assert texts.width(drawn) * 9 + 8 >= len(drawn)


def test_every_single_character_is_as_wide_for_the_console_as_for_the_columns() -> None:
    odd = []
    for number in range(0x110000):
        drawn = texts.on_screen(chr(number))
        if not drawn.isascii() and texts.width(drawn) != cell_len(drawn):
            odd.append(hex(number))
    assert odd == []


def test_letters_of_scripts_with_marks_stay_and_piles_of_marks_do_not() -> None:
    for text in ("Füllstand 液位 °C", "दबाव पम्प", "ความดัน", "압력 펌프", "e\u0301"):
        assert texts.on_screen(text) == text
    assert texts.on_screen("a" + "\u0301" * 10) == "a" + "\u0301" * 8 + "\\u0301" * 2
    assert texts.on_screen("\U0001f1e6x") == "\\U0001f1e6x"


# -- a picture that moves ------------------------------------------------------------


def board_of(count: int, reason: str = "", text: str = "") -> tuple[Any, list[str]]:
    """A board with so many alarms, and the references of those whose row was made."""
    made: list[str] = []

    def cells(alarm: Any, age: str) -> list[str]:
        made.append(alarm.reference)
        return ["1", "1", "unacked", age, alarm.reference + text, "", text, "", ""]

    board, book = alarms.AlarmBoard("gateway", cells), AlarmBook()
    status = AlarmProviderStatus(mode=AlarmProviderMode.SUBTAG, degraded=True, reason=reason)
    messages = [AlarmFeedMessage(provider_status=status)] if reason else []
    messages += [
        AlarmFeedMessage(
            active_alarm=ActiveAlarmSnapshot(
                alarm_full_reference=f"Galaxy!Area.Tag_{n}",
                severity=count - n,
                current_state=AlarmConditionState.ACTIVE,
            )
        )
        for n in range(count)
    ]
    messages.append(AlarmFeedMessage(snapshot_complete=True))
    for message in messages:
        for change in book.apply(message):
            board.take(book, change)
    return board, made


def drawn(picture: object, columns: int = 100) -> list[str]:
    stream = io.StringIO()
    Console(file=stream, width=columns).print(picture)
    return stream.getvalue().splitlines()


def test_a_frame_of_many_alarms_looks_only_at_those_that_have_room() -> None:
    few, _ = board_of(100)
    many, made = board_of(4_000)
    more = calls_of(lambda: many.picture(100, 30)) - calls_of(lambda: few.picture(100, 30))
    assert more < 1.2 * 3_900  # a step of sorting for each, as the most urgent come last
    lines = drawn(many.picture(100, 30))
    assert "4000 active  4000 unacked" in lines[0]
    assert len(lines) <= 30
    assert made[0] == "Galaxy!Area.Tag_3999"  # the most urgent
    assert len(set(made)) <= 30


def test_a_long_reason_leaves_room_for_the_alarms() -> None:
    board, _ = board_of(5, reason="é" * 1_000_000)
    lines = drawn(board.picture(80, 24), 80)
    assert len(lines) <= 24
    assert sum("é" in line for line in lines) <= 4
    assert any("more characters" in "".join(lines[i : i + 2]) for i in range(6))
    assert sum("Tag_" in line for line in lines) == 5


def test_one_long_alarm_takes_no_more_than_some_lines_of_a_frame() -> None:
    board, _ = board_of(3, text="液" * 100_000)
    lines = drawn(board.picture(120, 50), 120)
    assert len(lines) <= 50
    assert sum("Galaxy!Area.Tag_" in line for line in lines) == 3


def test_what_an_ended_picture_leaves_is_bounded_and_says_so() -> None:
    board, made = board_of(1_200)
    lines = drawn(board.summary(100, 1_000))
    assert len(made) == 1_000
    assert "200 more alarms" in lines[-1]
