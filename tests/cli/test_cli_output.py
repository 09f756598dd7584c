"""The output layer: formats, --fields, and what goes to stderr."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxgateway.simulator import ThreadedSimulator

Run = Callable[..., Any]
SMOKE = ("smoke", "--item", "SimProbe_001.TestInt")
fields = import_module("mxgateway_cli.output.fields")
csv_lines = import_module("mxgateway_cli.output.csv_lines")

DOCUMENT = {
    "a": 1,
    "b": {"c": "x", "d": [{"e": True, "f": None}, {"e": False}]},
    "g": [],
    "h": 0,
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a", 1),
        ("b.c", "x"),
        ("b.d.e", [True, False]),
        ("b.d.f", [None, None]),
        ("b.nothing", None),
        ("a.c", None),
        ("g.x", []),
        ("h", 0),
    ],
)
def test_a_member_is_found_by_its_dotted_name(path: str, found: Any) -> None:
    assert fields.member(DOCUMENT, path) == found


def test_picked_members_keep_their_nesting_and_missing_ones_are_null() -> None:
    assert fields.pick(DOCUMENT, ["b.d.e", "h", "x.y"]) == {
        "b": {"d": [{"e": True}, {"e": False}]},
        "h": 0,
        "x": None,
    }
    assert fields.pick(DOCUMENT, ["b.c", "b", "b.d"]) == {"b": DOCUMENT["b"]}


@given(st.lists(st.lists(st.text(), min_size=1, max_size=4), min_size=1, max_size=5))
def test_csv_reads_back_as_it_was(rows: list[list[str]]) -> None:
    text = "".join(csv_lines.csv_line(row, for_terminal=False) for row in rows)
    assert list(csv.reader(io.StringIO(text, newline=""), strict=True)) == rows


def test_csv_on_a_terminal_sends_no_control_characters() -> None:
    assert csv_lines.csv_line(["a\x1b[2J"], for_terminal=True) == "a\\x1b[2J\n"
    assert csv_lines.csv_line([None, True, 1, {"b": 1}], for_terminal=False) == (
        ',true,1,"{""b"":1}"\n'
    )


FORMULAS = [
    '=HYPERLINK("http://192.0.2.1","x")',
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    "-",
    "- 1",
    "-Infinity",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "\xa0=1",
    "\x00=1",
    "\ufeff=1",
    "\u200b@x",
    "\uff1d1",
    "\uff0b1",
    "\uff0d1",
    "\uff20x",
    "-\uff11",
    "=1,2",
    '="a"',
]


@pytest.mark.parametrize("text", FORMULAS)
def test_csv_safe_puts_an_apostrophe_before_what_a_spreadsheet_takes_for_a_formula(
    text: str,
) -> None:
    line = csv_lines.csv_line([text, "after"], for_terminal=False, safe=True)
    assert list(csv.reader(io.StringIO(line, newline=""), strict=True)) == [["'" + text, "after"]]
    assert csv_lines.csv_line([text], for_terminal=True, safe=True).strip("\n").isprintable()


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_csv_safe_lets_no_cell_begin_within_another(separator: str) -> None:
    """Where the separator of lists is another, as in German and French spreadsheets."""
    text = f"Tank{separator}=1+1{separator}x"
    line = csv_lines.csv_line([text, "after"], for_terminal=False, safe=True)
    for delimiter in (",", separator):
        (row,) = csv.reader([line], delimiter=delimiter)
        assert not [cell for cell in row if cell.startswith("=")]
    assert next(csv.reader([line])) == [text, "after"]


@pytest.mark.parametrize(
    "value",
    [
        *("-1.5", "+3", "-7", "-.5", "+1.", "-1.5e-07", "+2E+10", -1.5, -3, -1e300, None, True),
        *("Tank_001.Level", "a=b", "'=1", "2026-01-01T00:00:00Z", "", "x -1", [-1, 2], {"a": -1}),
    ],
)
def test_csv_safe_leaves_numbers_and_all_other_cells_as_they_are(value: Any) -> None:
    safe = csv_lines.csv_line([value], for_terminal=False, safe=True)
    assert safe == csv_lines.csv_line([value], for_terminal=False)


@given(st.text() | st.from_regex(r"[\s=+@-]{1,3}[0-9.eE+-]{0,4}"))
def test_csv_safe_takes_one_apostrophe_to_undo(text: str) -> None:
    line = csv_lines.csv_line([text], for_terminal=False, safe=True)
    ((cell,),) = csv.reader(io.StringIO(line, newline=""), strict=True)
    assert cell in (text, "'" + text)
    if cell == text and text.lstrip().startswith(("=", "+", "-", "@")):
        assert math.isfinite(float(text)) or "e" in text.lower()


def test_csv_safe_is_off_unless_asked_for_by_option_or_variable(
    run: Run, connected: ThreadedSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected.set_value("Tank_001.Product", "=1+1")
    read = (
        "read",
        "Tank_001.Product",
        "Pump_001.Speed",
        "--output",
        "csv",
        "--fields",
        "value",
    )
    assert "=1+1" in run(*read).out.splitlines()
    assert "'=1+1" in run(*read, "--csv-safe").out.splitlines()
    words = ("--output", "csv", "--fields", "=1+1")
    assert run("version", *words, "--csv-safe").out == '\'=1+1\n""\n'
    monkeypatch.setenv("MXGATEWAY_CSV_SAFE", "1")
    assert "'=1+1" in run(*read).out.splitlines()
    assert json.loads(run("version", "--json").out)  # no business of other formats
    monkeypatch.setenv("MXGATEWAY_CSV_SAFE", "perhaps")
    assert run("version").code == 2


@pytest.mark.parametrize("words", [(), ("--json",), ("--output", "jsonl")])
def test_csv_safe_without_csv_is_refused(run: Run, words: tuple[str, ...]) -> None:
    outcome = run("version", "--csv-safe", *words)
    assert outcome.code == 2
    assert "--csv-safe has no meaning without --output csv" in outcome.err


def test_one_result_in_csv_is_a_line_for_each_member_or_a_column_for_each_field(
    run: Run, connected: ThreadedSimulator
) -> None:
    rows = list(csv.reader(io.StringIO(run(*SMOKE, "--output", "csv").out)))
    assert rows[0] == ["member", "value"]
    assert dict(rows[1:])["closeStatus"] == "SESSION_STATE_CLOSED"
    words = ("--output", "csv", "--fields", "eventCount, itemHandle")
    assert run(*SMOKE, *words).out == "eventCount,itemHandle\n1,1\n"


@pytest.mark.parametrize("output", ["json", "jsonl", "table"])
def test_fields_reduce_every_format(run: Run, connected: ThreadedSimulator, output: str) -> None:
    outcome = run(*SMOKE, "--output", output, "--fields", "closeStatus,eventCount")
    assert outcome.err == ""
    if output == "table":
        assert outcome.out == "closeStatus  SESSION_STATE_CLOSED\neventCount   1\n"
    else:
        assert outcome.json() == {"closeStatus": "SESSION_STATE_CLOSED", "eventCount": 1}


def test_a_misspelt_field_is_told_with_those_that_exist(
    run: Run, connected: ThreadedSimulator
) -> None:
    words = ("--fields", "closeStat", "--json")
    outcome = run(*SMOKE, *words)
    assert outcome.code == 0
    assert outcome.json() == {"closeStat": None}
    assert "No result has closeStat; there are closeStatus" in outcome.err
    assert run(*SMOKE, *words, "--quiet").err == ""


def test_a_stream_in_csv_has_the_same_header_with_and_without_events(
    run: Run, advised: Any
) -> None:
    words = ("stream-events", *advised.session, "--output", "csv")
    lines = run(*words, "--max-events", "1").out.splitlines()
    assert len(lines) == 2
    rows = list(csv.DictReader(lines))
    assert rows[0]["event"] == "data change"
    assert rows[0]["itemHandle"] == str(advised.item_handle)
    assert rows[0]["type"] == "Integer"
    assert run(*words, "--seconds", "0.2").out == lines[0] + "\n"


def test_fields_of_a_stream_reduce_every_event(run: Run, advised: Any) -> None:
    run("write", *advised.item, "--type", "int32", "--value", "5")
    words = ("stream-events", *advised.session, "--max-events", "2")
    chosen = ("--fields", "workerSequence,value.int32Value")
    document = run(*words, *chosen, "--json").json()
    assert document["events"][0]["workerSequence"] == "1"
    assert set(document["events"][0]["value"]) == {"int32Value"}
    run("write", *advised.item, "--type", "int32", "--value", "6")
    table = run(*words, *chosen).out.splitlines()
    assert table[0].split() == ["workerSequence", "value.int32Value"]


def test_until_ends_a_stream_after_the_event_that_has_all_of_it(run: Run, advised: Any) -> None:
    run("write", *advised.item, "--type", "int32", "--value", "5")
    words = ("stream-events", *advised.session, "--json", "--timeout", "20")
    wanted = ("--until", "family=MX_EVENT_FAMILY_ON_WRITE_COMPLETE")
    handle = ("--until", f"itemHandle={advised.item_handle}")
    events = run(*words, *wanted, *handle).json()["events"]
    assert [e["family"] for e in events].index("MX_EVENT_FAMILY_ON_WRITE_COMPLETE") == (
        len(events) - 1
    )
    wrong = run(*words, "--until", "nothing")
    assert wrong.code == 2
    assert "give MEMBER=TEXT" in wrong.error()["message"]


@pytest.mark.requirement("cli.stdout-pure")
def test_verbose_and_debug_go_to_stderr_without_the_key(
    run: Run, connected: ThreadedSimulator
) -> None:
    outcome = run(*SMOKE, "--json", "--verbose", "--debug")
    assert outcome.json()["eventCount"] == 1
    assert connected.endpoint in outcome.err
    assert "Finished after" in outcome.err
    assert connected.api_key not in outcome.err
    failing = run("close-session", "--session-id", "x", "--json", "--verbose")
    assert json.loads(failing.err.splitlines()[-1])["exitCode"] == 7


def test_the_variable_for_json_makes_errors_json_too(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MXGATEWAY_OUTPUT", "json")
    assert run("smoke", "--nonsense").error()["type"] == "UsageError"
    assert run("smoke", "--output", "table").err.startswith("Usage:")
