"""What the commands for MXAccess methods do in the plant, and what they refuse to send."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_lines import PASSWORD, SETTINGS, Prepared, prepare

from mxgateway.errors import UnavailableError
from mxgateway.session import Session
from mxgateway.simulator import ThreadedSimulator

Run = Callable[..., Any]


@pytest.fixture
def sim() -> Iterator[ThreadedSimulator]:
    with ThreadedSimulator(interval=None, settings=SETTINGS) as simulator:
        yield simulator


@pytest.fixture
def prepared(run: Run, connected: ThreadedSimulator, monkeypatch: pytest.MonkeyPatch) -> Prepared:
    monkeypatch.setenv("PLANT_PASSWORD", PASSWORD)
    return prepare(run)


@pytest.fixture
def server(prepared: Prepared) -> tuple[str, ...]:
    return ("--session-id", prepared.session_id, "--server-handle", "1")


def written(simulator: ThreadedSimulator, tag: str) -> Any:
    """The value that was written to a tag, once it has come."""
    simulator.wait_until(lambda s: len(s.audit.writes(tag)) >= 1)
    return simulator.audit.values_written(tag)[-1]


def test_write_array_elements_resets_what_it_does_not_name(
    run: Run, connected: ThreadedSimulator, server: tuple[str, ...]
) -> None:
    words = ("--item-handle", "2", "--type", "int32", "--total-length", "4")
    outcome = run("write-array-elements", *server, *words, "--element", "3=9", "--element", "0=7")
    assert outcome.code == 0
    assert "OnWriteComplete" in outcome.err
    assert written(connected, "SimProbe_001.TestIntArray[]") == [7, 0, 0, 9]


@pytest.mark.parametrize(
    ("elements", "told"),
    [
        (("5",), "INDEX=VALUE"),
        (("x=5",), "INDEX=VALUE"),
        (("0=5", "0=6"), "twice"),
        (("0=five",), "--element 0"),
        (("4=5",), "0 to 3"),
    ],
)
def test_elements_that_are_none_are_refused(
    run: Run,
    connected: ThreadedSimulator,
    server: tuple[str, ...],
    elements: tuple[str, ...],
    told: str,
) -> None:
    words = [word for element in elements for word in ("--element", element)]
    array = ("--item-handle", "2", "--type", "int32", "--total-length", "4")
    outcome = run("write-array-elements", *server, *array, *words)
    assert outcome.code == 2
    assert told in outcome.err
    assert connected.audit.commands["WRITE"] == 0


@pytest.mark.parametrize("values", ["5,6", "[5, 6]"])
def test_write_bulk_writes_each_value_to_its_item(
    run: Run, connected: ThreadedSimulator, server: tuple[str, ...], values: str
) -> None:
    run("advise", *server, "--item-handle", "4")
    words = ("--item-handles", "1,4", "--type", "int32", "--values", values)
    assert run("write-bulk", *server, *words).code == 0
    assert written(connected, "SimProbe_001.TestInt") == 5
    assert written(connected, "SimProbe_001.TestDouble") == 6.0


def test_write_bulk_takes_an_array_for_each_item(
    run: Run, connected: ThreadedSimulator, server: tuple[str, ...]
) -> None:
    words = ("--item-handles", "2", "--type", "int32[]", "--values", "[[1, 2]]")
    assert run("write-bulk", *server, *words).code == 0
    assert written(connected, "SimProbe_001.TestIntArray[]") == [1, 2]


@pytest.mark.parametrize(
    ("type_name", "values", "told"),
    [
        ("int32", "5", "1 values for 2 handles"),
        ("int32", "5,6,7", "3 values for 2 handles"),
        ("int32", "5,six", "--values, value 2"),
        ("int32", "[5,", "no JSON array"),
        ("int32", "[[5],[6]]", "single values"),
        ("int32[]", "5,6", "JSON array"),
        ("int32[]", "[5,6]", "arrays, one for each handle"),
        ("word", "5,6", "'word'"),
    ],
)
def test_values_that_do_not_fit_the_handles_are_never_sent(
    run: Run,
    connected: ThreadedSimulator,
    server: tuple[str, ...],
    type_name: str,
    values: str,
    told: str,
) -> None:
    words = ("--item-handles", "1,1", "--type", type_name, "--values", values, "--json")
    outcome = run("write-bulk", *server, *words)
    assert outcome.code == 2
    assert told in outcome.error()["message"]
    assert connected.audit.commands["WRITE_BULK"] == 0


@pytest.mark.parametrize("command", ["write-secured", "write-secured-bulk"])
def test_a_secured_value_is_in_no_message(
    run: Run,
    connected: ThreadedSimulator,
    prepared: Prepared,
    server: tuple[str, ...],
    command: str,
) -> None:
    secret = "4711-secret"
    bulk = command.endswith("bulk")
    words = ("--item-handles", "3", "--values") if bulk else ("--item-handle", "3", "--value")
    signed = ("--current-user-id", str(prepared.user_id))
    for style in ((), ("--json",), ("--debug",)):
        outcome = run(command, *server, *words, secret, "--type", "int32", *signed, *style)
        assert outcome.code == 2
        assert "not shown" in outcome.err
        assert secret not in outcome.out + outcome.err
    done = run(command, *server, *words, "4711", "--type", "int32", *signed, "--json")
    assert done.code == 0
    assert "4711" not in done.out + done.err


@pytest.mark.parametrize("place", ["variable", "file"])
def test_authenticate_user_takes_the_password_from_a_variable_or_a_file(
    run: Run, server: tuple[str, ...], tmp_path: Path, place: str
) -> None:
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\n")
    source = {
        "variable": ("--password-env", "PLANT_PASSWORD"),
        "file": ("--password-file", str(path)),
    }[place]
    outcome = run("authenticate-user", *server, "--user", "anna", *source)
    assert outcome.code == 0
    assert "User id" in outcome.out
    assert PASSWORD not in outcome.out + outcome.err


def test_a_refused_login_shows_no_password(
    run: Run, server: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRONG", "wrong-password")
    words = ("--user", "anna", "--password-env", "WRONG")
    for style in ("--json", "--debug"):
        outcome = run("authenticate-user", *server, *words, style)
        assert outcome.code == 7
        assert "wrong-password" not in outcome.out + outcome.err


def test_a_password_that_the_gateway_repeats_is_hidden_and_ids_stay_whole(
    run: Run, server: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Session.invoke

    async def invoke(*arguments: Any, **rest: Any) -> Any:
        reply = await plain(*arguments, **rest)
        reply.diagnostic_message = f"{PASSWORD} is right, so is session-"
        return reply

    monkeypatch.setattr(Session, "invoke", invoke)
    for style in ("json", "table"):
        words = ("--user", "anna", "--password-env", "PLANT_PASSWORD", "--output", style)
        outcome = run("authenticate-user", *server, *words)
        assert outcome.code == 0
        assert "*** is right" in outcome.out
        assert server[1] in outcome.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "terminal"),
        (("--password-env", "NOT_SET"), "NOT_SET"),
        (("--password-file", "/no/such/file"), "/no/such/file"),
        (("--password-env", "PLANT_PASSWORD", "--password-file", "x"), "not both"),
        (("--password", "typed-on-the-line"), "--password"),
    ],
)
def test_there_is_no_password_on_the_command_line_and_none_is_guessed(
    spawn: Run, server: tuple[str, ...], words: tuple[str, ...], told: str
) -> None:
    outcome = spawn("authenticate-user", *server, "--user", "anna", *words)
    assert outcome.code == 2
    assert told in outcome.err
    assert "typed-on-the-line" not in outcome.err


@pytest.mark.parametrize(
    ("items", "told"),
    [("", "none of them empty"), ("A.B,,C.D", "none of them empty"), ('"A.B', "cannot be read")],
)
def test_a_list_with_a_hole_is_refused(
    run: Run, connected: ThreadedSimulator, server: tuple[str, ...], items: str, told: str
) -> None:
    outcome = run("add-item-bulk", *server, "--items", items)
    assert outcome.code == 2
    assert "--items" in outcome.err
    assert told in outcome.err
    assert connected.audit.commands["ADD_ITEM_BULK"] == 0


@pytest.mark.parametrize("handles", ["0", "1,x", "1,2147483648"])
def test_handles_that_are_none_are_refused(run: Run, server: tuple[str, ...], handles: str) -> None:
    outcome = run("advise-item-bulk", *server, "--item-handles", handles)
    assert outcome.code == 2
    assert "--item-handles" in outcome.err


def test_more_entries_than_one_command_takes_come_back_in_one_document(
    run: Run, connected: ThreadedSimulator, server: tuple[str, ...]
) -> None:
    handles = ",".join(["1"] * 1500)
    outcome = run("advise-item-bulk", *server, "--item-handles", handles, "--json")
    assert outcome.code == 0
    assert len(outcome.json()["adviseItemBulk"]["results"]) == 1500
    assert connected.audit.commands["ADVISE_ITEM_BULK"] == 2


def test_rows_of_the_parts_before_a_failure_are_kept(
    run: Run, server: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, calls = Session.invoke, []

    async def invoke(*arguments: Any, **rest: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            raise UnavailableError("the worker is gone", processed="maybe")
        return await plain(*arguments, **rest)

    monkeypatch.setattr(Session, "invoke", invoke)
    handles = ",".join(["1"] * 1500)
    outcome = run("advise-item-bulk", *server, "--item-handles", handles, "--output", "jsonl")
    assert outcome.code == 7
    assert len(outcome.out.splitlines()) == 1000
    error = outcome.error()
    assert error["processed"] == "maybe"
    assert "1000 done" in error["message"]


def test_a_galaxy_whose_database_is_away_is_seven_with_its_answer(
    run: Run, connected: ThreadedSimulator
) -> None:
    connected.call(lambda s: setattr(s.galaxy, "connection_ok", False))
    outcome = run("galaxy-test-connection", "--json")
    assert outcome.json() == {"ok": False}
    assert outcome.code == 7


def test_discovering_remembers_tags_for_completion_and_a_part_adds_to_them(
    run: Run, connected: ThreadedSimulator, tmp_path: Path
) -> None:
    def known() -> set[str]:
        (cache,) = tmp_path.rglob("tags-*.txt")
        return set(cache.read_text().splitlines())

    run("galaxy-discover", "--tag-name-glob", "Tank_001", "--json")
    assert "Tank_001.Level" in known()
    run("galaxy-browse", "--parent-tag-name", "Intake", "--tag-name-glob", "Pump_*", "--json")
    assert {"Tank_001.Level", "Pump_001.Running"} <= known()
    run("galaxy-discover", "--json")
    whole = known()
    assert {"Tank_002.Level", "Pump_001.Running"} <= whole
    run("galaxy-discover", "--no-attributes", "--json")
    assert known() == whole


def test_browsing_two_ways_at_once_is_refused(run: Run, connected: ThreadedSimulator) -> None:
    outcome = run("galaxy-browse", "--parent-gobject-id", "1", "--parent-tag-name", "Plant")
    assert outcome.code == 2
    assert "--parent-gobject-id and --parent-tag-name" in outcome.err


def test_a_browse_of_several_levels_is_the_walk_itself(
    run: Run, connected: ThreadedSimulator
) -> None:
    words = ("--no-attributes", "--json")
    found = run("galaxy-browse", "--depth", "9", *words).json()["children"]
    objects = run("galaxy-discover", *words).json()["objects"]
    assert {row["gobjectId"] for row in found} == {row["gobjectId"] for row in objects}
    levels = {row["gobjectId"]: row["level"] for row in found}
    assert all(row["level"] == levels.get(row["parentGobjectId"], 0) + 1 for row in found)


def test_stream_alarms_shows_the_snapshot_and_then_what_happens(
    run: Run, connected: ThreadedSimulator
) -> None:
    connected.alarms.raise_("Galaxy!Probe.SimProbe_001.TestAlarm")
    document = run(
        "stream-alarms", "--filter-prefix", "Galaxy!Probe", "--max-messages", "3", "--json"
    ).json()
    kinds = [next(iter(message)) for message in document["messages"]]
    assert kinds == ["activeAlarm", "snapshotComplete", "providerStatus"]
    table = run("stream-alarms", "--max-messages", "3").out
    assert "Galaxy!Probe.SimProbe_001.TestAlarm" in table
    assert "snapshot complete" in table


def test_an_alarm_is_acknowledged_in_the_form_of_a_path_too(
    run: Run, connected: ThreadedSimulator
) -> None:
    connected.alarms.raise_("Galaxy!Probe.SimProbe_001.TestAlarm")
    path = "\\\\Galaxy\\Probe.SimProbe_001.TestAlarm"
    words = ("--reference", path, "--comment", "seen", "--operator", "anna", "--json")
    assert run("acknowledge-alarm", *words).json()["hresult"] == 0
    (alarm,) = run("query-active-alarms", "--json").json()["alarms"]
    assert alarm["currentState"] == "ALARM_CONDITION_STATE_ACTIVE_ACKED"
    assert (alarm["operatorUser"], alarm["operatorComment"]) == ("anna", "seen")


def test_alarms_that_were_not_all_told_in_time_are_an_error(
    run: Run, connected: ThreadedSimulator
) -> None:
    connected.alarms.raise_("Galaxy!Probe.SimProbe_001.TestAlarm")
    connected.faults.stall(method="QueryActiveAlarms")
    outcome = run("query-active-alarms", "--timeout", "0.3", "--json")
    assert (outcome.code, outcome.out) == (6, "")


def test_a_batch_runs_them_and_a_bulk_that_failed_in_part_is_no_error_there(
    run: Run, spawn: Run, server: tuple[str, ...]
) -> None:
    words = " ".join(server)
    lines = f"advise-item-bulk {words} --item-handles 1,99\nsession-state {' '.join(server[:2])}\n"
    outcome = spawn("batch", stdin=lines.encode())
    first, second, rest = outcome.out.split("__MXGW_BATCH_EOR__\n")
    assert [r["wasSuccessful"] for r in json.loads(first)["adviseItemBulk"]["results"]] == [
        True,
        False,
    ]
    assert json.loads(second)["sessionState"]["state"] == "SESSION_STATE_READY"
    assert (rest, outcome.err, outcome.code) == ("", "", 0)


def test_a_failure_of_smoke_names_client_endpoint_and_where_the_key_came_from(
    run: Run, connected: ThreadedSimulator
) -> None:
    outcome = run("smoke", "--item", "A.B", "--api-key", "mxgw_nobody_nothing", "--json")
    connection = outcome.error()["connection"]
    assert connection["client"] == "mxgw-py"
    assert connection["endpoint"] == connected.endpoint
    assert "--api-key" in connection["auth"]
    assert "nothing" not in outcome.err
