"""Every command of the scripts in every outcome and format."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_lines import ALARM, BENCHES, LINES, PASSWORD, SETTINGS, Line, Prepared, prepare
from json_schema import problems

from mxgateway.simulator import ManualClock, ThreadedSimulator

Run = Callable[..., Any]

SCHEMAS = Path(__file__).parents[2] / "docs" / "cli" / "schemas"
ALL = (*LINES, *BENCHES)
STYLES = ("json", "table")
UNKNOWN = Prepared("session-1", 1)
named = pytest.mark.parametrize("line", ALL, ids=[line.command for line in ALL])


@pytest.fixture(scope="module")
def shared() -> Iterator[ThreadedSimulator]:
    """One simulated gateway for all outcomes that leave it as it was."""
    with ThreadedSimulator(interval=None, settings=SETTINGS) as simulator:
        simulator.alarms.raise_(ALARM)
        yield simulator


def lead_to(monkeypatch: pytest.MonkeyPatch, simulator: ThreadedSimulator) -> None:
    monkeypatch.setenv("MXGATEWAY_ENDPOINT", simulator.endpoint)
    monkeypatch.setenv("MXGATEWAY_API_KEY", simulator.api_key)
    monkeypatch.setenv("MXGATEWAY_PLAINTEXT", "1")
    monkeypatch.setenv("PLANT_PASSWORD", PASSWORD)


def check_error(outcome: Any, code: int, style: str) -> None:
    assert outcome.code == code, outcome.err
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
    assert "mxgw_" not in outcome.err
    assert PASSWORD not in outcome.err
    if style == "json":
        error = outcome.error()
        assert problems(error, SCHEMAS / "error.json") == []
        assert error["exitCode"] == code
    else:
        assert outcome.err.endswith("\n")


def check_document(command: str, outcome: Any) -> Any:
    """The outcome has one document that is as its schema says."""
    document = outcome.json()
    assert problems(document, SCHEMAS / f"{command}.json") == []
    assert "mxgw_" not in outcome.out
    assert PASSWORD not in outcome.out
    return document


@pytest.mark.requirement("cli.stdout-pure")
@pytest.mark.requirement("cli.table-whole")
def test_every_command_succeeds_in_every_format(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for style in ("json", "table", "jsonl", "csv"):
        with ThreadedSimulator(interval=None, settings=SETTINGS) as simulator:
            simulator.alarms.raise_(ALARM)
            lead_to(monkeypatch, simulator)
            prepared = prepare(run)
            for line in ALL:
                outcome = run(line.command, *line.filled(prepared), "--output", style, "--quiet")
                assert (outcome.code, outcome.err) == (0, ""), line
                assert outcome.out.endswith("\n"), line
                assert "\x1b" not in outcome.out
                assert "…" not in outcome.out
                assert simulator.api_key not in outcome.out
                if style == "json":
                    check_document(line.command, outcome)
                elif style == "jsonl":
                    schema = SCHEMAS / f"{line.command}.json"
                    for text in outcome.out.splitlines():
                        assert problems(json.loads(text), schema, line=True) == []


@named
@pytest.mark.parametrize("style", STYLES)
def test_a_gateway_that_fails_is_seven(
    run: Run, shared: Any, monkeypatch: pytest.MonkeyPatch, line: Line, style: str
) -> None:
    lead_to(monkeypatch, shared)
    # Calls fail before they are looked at, streams with their first message.
    shared.faults.fail("INTERNAL", "out of order", times=None)
    shared.faults.fail("INTERNAL", "out of order", method="*", at="reply", times=None)
    try:
        outcome = run(line.command, *line.filled(UNKNOWN), "--output", style)
    finally:
        shared.faults.clear()
    check_error(outcome, 7, style)
    assert ("session-1" if line.command == "stream-events" else "out of order") in outcome.err


@named
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--endpoint", "127.0.0.1:1"), 3),
        (("--api-key", "mxgw_nobody_nothing"), 5),
        (("--timeout", "never"), 2),
    ],
    ids=["no connection", "bad key", "usage"],
)
def test_a_command_that_cannot_begin_says_why(
    run: Run,
    shared: Any,
    monkeypatch: pytest.MonkeyPatch,
    line: Line,
    style: str,
    words: tuple[str, ...],
    code: int,
) -> None:
    lead_to(monkeypatch, shared)
    own = line.filled(UNKNOWN)
    check_error(run(line.command, *own, *words, "--output", style), code, style)


@pytest.mark.parametrize("line", [x for x in ALL if x.needs], ids=lambda line: line.command)
@pytest.mark.parametrize("style", STYLES)
def test_without_its_options_a_command_sends_nothing(
    run: Run, shared: Any, monkeypatch: pytest.MonkeyPatch, line: Line, style: str
) -> None:
    lead_to(monkeypatch, shared)
    calls = shared.audit.calls.total()
    outcome = run(line.command, "--output", style)
    check_error(outcome, 2, style)
    assert "--" in outcome.err
    assert shared.audit.calls.total() == calls


@pytest.mark.requirement("cli.stdout-pure")
def test_two_plants_in_the_same_state_get_the_same_bytes_from_every_command(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    prints = []
    for _ in range(2):
        with ThreadedSimulator(
            interval=None, seed=7, clock=ManualClock(), settings=SETTINGS
        ) as simulator:
            simulator.alarms.raise_(ALARM)
            lead_to(monkeypatch, simulator)
            prepared = prepare(run)
            shown = {}
            for line in LINES:
                words = line.filled(prepared)
                shown[line.command] = run(line.command, *words, "--json").out
                if line.repeatable:
                    again = run(line.command, *words, "--json").out
                    assert again == shown[line.command], line
        prints.append(shown)
    assert prints[0] == prints[1]


SAMPLE = {line.command: line for line in ALL}


@pytest.mark.requirement("cli.exit-codes")
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    ("command", "words", "code"),
    [
        ("read-bulk", (), 0),
        ("galaxy-last-deploy", (), 0),
        ("session-state", ("--session-id", "session-1"), 7),
        ("query-active-alarms", ("--endpoint", "127.0.0.1:1"), 3),
        ("worker-info", ("--api-key", "mxgw_nobody_nothing"), 5),
        ("write2-bulk", ("--values", "1"), 2),
        ("advise-item-bulk", ("--item-handles", "1,99"), 8),
    ],
)
def test_a_process_ends_as_the_function_does(
    run: Run,
    spawn: Run,
    shared: Any,
    monkeypatch: pytest.MonkeyPatch,
    style: str,
    command: str,
    words: tuple[str, ...],
    code: int,
) -> None:
    lead_to(monkeypatch, shared)
    own = SAMPLE[command].filled(prepare(run))
    outcome = spawn(command, *own, *words, "--output", style)
    if code not in (0, 8):
        check_error(outcome, code, style)
        return
    assert outcome.code == code
    assert "Traceback" not in outcome.err
    if style == "json":
        check_document(command, outcome)


BULK = {
    "advise-item-bulk": "--item-handles 1,99",
    "un-advise-item-bulk": "--item-handles 1,99",
    "remove-item-bulk": "--item-handles 4,99",
    "unsubscribe-bulk": "--item-handles 1,99",
    "read-bulk": "--items SimProbe_001.TestInt,No.Such --timeout-ms 100",
    "write-bulk": "--item-handles 1,99 --type int32 --values 5,6",
    "write2-bulk": "--item-handles 1,99 --type int32 --values 5,6 --timestamp 2025-01-31T12:00:00Z",
    "write-secured-bulk": "--item-handles 3,99 --type int32 --values 5,6 --current-user-id {user}",
    "write-secured2-bulk": "--item-handles 3,99 --type int32 --values 5,6 --current-user-id {user} "
    "--timestamp 2025-01-31T12:00:00Z",
}


@pytest.mark.requirement("cli.exit-codes")
@pytest.mark.parametrize("command", BULK)
def test_a_bulk_that_failed_in_part_prints_every_row_and_is_eight(
    run: Run, shared: Any, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    lead_to(monkeypatch, shared)
    for style in ("json", "table", "jsonl", "csv"):
        prepared = prepare(run)
        words = Line(command, f"--session-id {{session}} --server-handle 1 {BULK[command]}")
        outcome = run(command, *words.filled(prepared), "--output", style)
        assert outcome.code == 8
        if style == "json":
            document = check_document(command, outcome)
            (payload,) = [p for p in document.values() if isinstance(p, dict) and "results" in p]
            assert [r["wasSuccessful"] for r in payload["results"]] == [True, False]
        else:
            assert len(outcome.out.splitlines()) == (2 if style == "jsonl" else 3)
        if style in ("json", "jsonl"):
            error = outcome.error()
            assert problems(error, SCHEMAS / "error.json") == []
            assert (error["exitCode"], error["failed"], error["total"]) == (8, 1, 2)
        else:
            assert outcome.err == "1 of 2 entries failed.\n"
        assert run("close-session", "--session-id", prepared.session_id).code == 0


def test_fields_reduce_the_rows_of_a_bulk_in_every_format(
    run: Run, shared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead_to(monkeypatch, shared)
    prepared = prepare(run)
    words = ("--session-id", prepared.session_id, "--server-handle", "1", "--fields")
    items = ("itemHandle,wasSuccessful", "--items", "Tank_001.Level")
    add = ("add-item-bulk", *words, *items)
    document = run(*add, "--json").json()
    assert document["addItemBulk"]["results"] == [{"itemHandle": 5, "wasSuccessful": True}]
    assert document["sessionId"] == prepared.session_id
    assert run(*add, "--output", "jsonl").out == '{"itemHandle":6,"wasSuccessful":true}\n'
    assert run(*add, "--output", "csv").out == "itemHandle,wasSuccessful\n7,true\n"
    misspelt = run("add-item-bulk", *words, "handle", *items[1:], "--json")
    assert "No result has handle" in misspelt.err


def test_every_command_of_the_scripts_stands_in_this_matrix_and_in_the_help(spawn: Run) -> None:
    from importlib import import_module

    headings = {"Sessions", "Items", "Events", "Writes", "Many items at once", "Measure"}
    headings |= {"Alarms", "Galaxy"}
    known = import_module("mxgateway_cli.app").COMMANDS
    scripted = {name for name, (_, heading) in known.items() if heading in headings}
    assert scripted <= {line.command for line in ALL}
    words = set(spawn("--help").out.split())
    assert scripted <= words


def test_the_schemas_are_those_of_the_contract_and_refuse_what_is_not_in_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(SCHEMAS.parent))  # where the script finds its parts
    spec = importlib.util.spec_from_file_location("cli_schemas", SCHEMAS.with_suffix(".py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = {path.name: path.read_text(encoding="utf-8") for path in SCHEMAS.glob("*.json")}
    assert found == module.files(), "run python docs/cli/schemas.py"
    assert {f"{line.command}.json" for line in ALL} <= set(found)
    reply = {"ok": True}
    assert problems(reply, SCHEMAS / "galaxy-test-connection.json") == []
    assert problems({"ok": 1}, SCHEMAS / "galaxy-test-connection.json")
    assert problems({}, SCHEMAS / "galaxy-test-connection.json")
    assert problems(reply | {"more": 1}, SCHEMAS / "galaxy-test-connection.json")
    events = {"events": [{"sequence": 1}]}
    assert problems(events, SCHEMAS / "galaxy-watch-deploys.json")
