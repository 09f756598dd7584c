"""Each command against a simulated gateway: JSON, lines, records, and failures of the gateway."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from mxgateway._version import GATEWAY_PROTOCOL_VERSION, WORKER_PROTOCOL_VERSION
from mxgateway.simulator import ManualClock, ThreadedSimulator
from mxgateway.values import TYPE_NAMES

Run = Callable[..., Any]


def test_version_tells_client_and_protocols(run: Run) -> None:
    document = run("version", "--json").json()
    assert document["gatewayProtocolVersion"] == GATEWAY_PROTOCOL_VERSION == 3
    assert document["workerProtocolVersion"] == WORKER_PROTOCOL_VERSION == 1
    assert document["clientVersion"] in run("version").out


def test_open_session_prints_the_reply_with_sorted_keys(
    run: Run, connected: ThreadedSimulator
) -> None:
    outcome = run("open-session", "--json", "--client-session-name", "shift-1")
    document = outcome.json()
    assert outcome.err == ""
    assert list(document) == sorted(document)
    assert document["sessionId"].startswith("session-")
    assert document["protocolStatus"]["code"] == "PROTOCOL_STATUS_CODE_OK"
    assert "correlationId" not in document
    closed = run("close-session", "--session-id", document["sessionId"], "--json").json()
    assert closed["finalState"] == "SESSION_STATE_CLOSED"


def test_the_documented_way_yields_handles_at_the_top_level(
    run: Run, connected: ThreadedSimulator
) -> None:
    session = ("--session-id", run("open-session", "--json").json()["sessionId"])
    registered = run("register", *session, "--client-name", "c", "--json").json()
    assert registered["serverHandle"] == registered["register"]["serverHandle"] == 1
    added = run(
        *("add-item", *session, "--server-handle", "1"),
        *("--item", "SimProbe_001.TestInt", "--json"),
    ).json()
    assert added["itemHandle"] == added["addItem"]["itemHandle"] == 1
    handles = ("--server-handle", "1", "--item-handle", "1")
    advised = run("advise", *session, *handles, "--json").json()
    assert advised["kind"] == "MX_COMMAND_KIND_ADVISE"
    assert advised["hresult"] == 0
    assert run("close-session", *session).code == 0


@pytest.mark.parametrize("command", ["open-session", "close-session", "register", "advise"])
def test_a_correlation_id_appears_only_when_it_was_given(
    run: Run, advised: Any, command: str
) -> None:
    words = {
        "open-session": [],
        "close-session": advised.session,
        "register": [*advised.session, "--client-name", "c"],
        "advise": advised.item,
    }[command]
    without = run(command, *words, "--json")
    assert "orrelation" not in without.out
    assert run(command, *words, "--json").code == 0
    given = run(command, *words, "--json", "--correlation-id", "shift-7").json()
    assert given["correlationId"] == "shift-7"
    if command == "open-session":
        for reply in (without.json(), given):
            run("close-session", "--session-id", reply["sessionId"])


def test_jsonl_is_the_same_reply_on_one_line(run: Run, advised: Any) -> None:
    document = run("advise", *advised.item, "--json").json()
    line = run("advise", *advised.item, "--output", "jsonl").out
    assert line.count("\n") == 1
    assert json.loads(line) == document


def test_records_for_people_hold_every_fact_whole(run: Run, advised: Any) -> None:
    out = run("register", *advised.session, "--client-name", "c").out
    assert advised.session_id in out
    assert "Server handle" in out
    assert "Protocol status  OK" in out
    assert "\x1b" not in out


EXAMPLES = {
    "bool": ("SimProbe_001.TestBool", "true", True),
    "int32": ("SimProbe_001.TestInt", "-42", -42),
    "float": ("SimProbe_001.TestFloat", "1.5", 1.5),
    "double": ("SimProbe_001.TestDouble", "2.25", 2.25),
    "string": ("SimProbe_001.TestString", "Grüße, Welt", "Grüße, Welt"),
    "elapsed": ("SimProbe_001.TestElapsed", "0:01:30", 90.0),
    "bool[]": ("SimProbe_001.TestBoolArray", "true,false", [True, False]),
    "int32[]": ("SimProbe_001.TestIntArray", "1,2,3", [1, 2, 3]),
    "float[]": ("SimProbe_002.TestFloatArray", "[0.5, 1.5]", [0.5, 1.5]),
    "double[]": ("SimProbe_002.TestDoubleArray", "0.25", [0.25]),
    "string[]": ("SimProbe_001.TestStringArray", 'a,"b,c"', ["a", "b,c"]),
}


@pytest.mark.parametrize("type_name", EXAMPLES)
def test_write_sends_the_typed_value_and_says_where_the_outcome_comes(
    run: Run, advised: Any, connected: ThreadedSimulator, type_name: str
) -> None:
    tag, text, value = EXAMPLES[type_name]
    handle = ("--server-handle", str(advised.server_handle))
    added = run("add-item", *advised.session, *handle, "--item", tag, "--json").json()
    item = (*advised.session, *handle, "--item-handle", str(added["itemHandle"]))
    assert run("advise", *item).code == 0
    before = len(connected.audit.writes(tag))
    outcome = run("write", *item, "--type", type_name, "--value", text)
    assert outcome.code == 0
    assert "OnWriteComplete" in outcome.err
    connected.wait_until(lambda s: len(s.audit.writes(tag)) > before)
    assert connected.audit.values_written(tag)[-1] == value


def test_write_in_json_prints_the_reply_and_nothing_else(run: Run, advised: Any) -> None:
    words = ("--type", "int32", "--value", "7", "--user-id", "3", "--json")
    outcome = run("write", *advised.item, *words)
    assert outcome.err == ""
    assert outcome.json()["kind"] == "MX_COMMAND_KIND_WRITE"
    assert outcome.json()["protocolStatus"]["code"] == "PROTOCOL_STATUS_CODE_OK"


def test_every_type_name_of_the_library_is_named_in_the_help_of_write(run: Run) -> None:
    text = run("write", "--help").out
    for name in TYPE_NAMES:
        assert name.removesuffix("[]") in text


@pytest.mark.parametrize(
    ("type_name", "text"),
    [("int32", "123x"), ("int32", "2147483648"), ("bool", "2"), ("time", "today"), ("word", "x")],
)
def test_a_value_that_is_none_is_refused_before_anything_is_sent(
    run: Run, advised: Any, connected: ThreadedSimulator, type_name: str, text: str
) -> None:
    calls = connected.audit.calls["Invoke"]
    outcome = run("write", *advised.item, "--type", type_name, "--value", text, "--json")
    assert outcome.code == 2
    assert outcome.error()["type"] == "ConfigurationError"
    assert connected.audit.calls["Invoke"] == calls


def test_a_refusal_by_mxaccess_keeps_hresult_and_statuses(run: Run, advised: Any) -> None:
    words = [*advised.item[:-1], "77", "--type", "int32", "--value", "1"]
    outcome = run("write", *words, "--json")
    error = outcome.error()
    assert outcome.code == error["exitCode"] == 7
    assert error["type"] == "MxAccessError"
    assert error["hresult"] == -2147024809
    assert error["statuses"]
    people = run("write", *words)
    assert people.code == 7
    assert "E_INVALIDARG" in people.err
    assert "Traceback" not in people.err


def test_an_unknown_session_is_a_gateway_error(run: Run, connected: ThreadedSimulator) -> None:
    outcome = run("register", "--session-id", "session-0", "--client-name", "c", "--json")
    assert outcome.code == 7
    assert outcome.error()["status"] == "NOT_FOUND"


def test_a_key_without_the_scope_is_a_permission_error(run: Run, advised: Any, sim: Any) -> None:
    words = ("--type", "int32", "--value", "1", "--json", "--api-key", sim.read_only_key)
    outcome = run("write", *advised.item, *words)
    assert outcome.code == 5
    assert "invoke:write" in outcome.error()["message"]


def test_smoke_gives_the_comparable_record_and_leaves_nothing_open(
    run: Run, connected: ThreadedSimulator
) -> None:
    sessions = connected.session_count
    record = run("smoke", "--item", "SimProbe_001.TestInt", "--json").json()
    assert set(record) == {
        *("language", "operation", "sessionId", "serverHandle", "itemHandle", "eventCount"),
        *("eventFamily", "workerSequence", "protocolStatus", "hresult", "statuses", "closeStatus"),
    }
    assert record["language"] == "python"
    assert record["operation"] == "smoke"
    assert record["eventCount"] == 1
    assert record["eventFamily"] == "MX_EVENT_FAMILY_ON_DATA_CHANGE"
    assert record["workerSequence"] == "1"
    assert record["closeStatus"] == "SESSION_STATE_CLOSED"
    assert connected.session_count == sessions
    for step in ("UN_ADVISE", "REMOVE_ITEM", "UNREGISTER"):
        assert connected.audit.commands[step] >= 1


def test_smoke_closes_the_session_when_too_few_events_come_and_still_succeeds(
    run: Run, connected: ThreadedSimulator
) -> None:
    sessions = connected.session_count
    words = ("--item", "SimProbe_001.TestInt", "--max-events", "5", "--timeout", "0.5", "--json")
    assert run("smoke", *words).json()["eventCount"] == 1
    assert connected.session_count == sessions


def test_smoke_without_any_event_fails_with_the_deadline_and_closes(run: Run) -> None:
    from mxgateway.simulator import Settings

    settings = Settings(first_value_delay=60.0)
    with ThreadedSimulator(interval=None, settings=settings) as simulator:
        words = ("--endpoint", simulator.endpoint, "--api-key", simulator.api_key, "--plaintext")
        item = ("--item", "SimProbe_001.TestInt", "--timeout", "0.5", "--json")
        outcome = run("smoke", *words, *item)
        assert outcome.code == 6
        assert "SimProbe_001.TestInt" in outcome.error()["message"]
        assert simulator.session_count == 0


def test_a_text_value_cannot_steer_the_terminal_or_break_a_row(
    run: Run, connected: ThreadedSimulator
) -> None:
    connected.set_value("SimProbe_001.TestString", "a\x1b[2Jb\nc\u202ed")
    out = run("smoke", "--item", "SimProbe_001.TestString").out
    assert "a\\x1b[2Jb\\nc\\u202ed" in out
    assert "\x1b" not in out


def test_two_runs_against_the_same_gateway_state_print_the_same_bytes(run: Run) -> None:
    prints = []
    for _ in range(2):
        with ThreadedSimulator(interval=None, seed=7, clock=ManualClock()) as simulator:
            base = ("--plaintext", "--endpoint", simulator.endpoint)
            words = (*base, "--api-key", simulator.api_key, "--json")
            session = run("open-session", *words)
            name = ("--session-id", session.json()["sessionId"])
            registered = run("register", *name, "--client-name", "c", *words)
            smoke = run("smoke", "--item", "Tank_001.Level", *words)
            prints.append((session.out, registered.out, smoke.out))
    assert prints[0] == prints[1]
