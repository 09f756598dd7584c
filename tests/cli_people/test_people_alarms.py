"""`alarms`: snapshot, changes, and acknowledging the alarm that a person saw."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from cli_people.people_runs import Outcome
from hypothesis import given
from hypothesis import strategies as st

from mxgateway.simulator import ThreadedSimulator

Run = Callable[..., Outcome]
TEST = "Galaxy!Reaction.SimProbe_001.TestAlarm"
HIHI = "Galaxy!Intake.Tank_001.Level.HiHi"
rows: Any = import_module("mxgateway_cli.tags.alarm_rows")


@pytest.fixture
def alarms(sim: ThreadedSimulator) -> ThreadedSimulator:
    """A plant in which three alarms are active."""
    sim.set_value("SimProbe_001.TestAlarm", True)
    sim.set_value("Tank_001.Level", 97.0)  # Hi and HiHi
    return sim


def test_a_snapshot_has_the_most_urgent_first_and_whole_references(
    run: Run, alarms: ThreadedSimulator
) -> None:
    outcome = run("alarms", "--once")
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert [line.split()[1] for line in lines[1:]] == ["100", "500", "500"]
    assert HIHI in lines[1]
    assert "unacked" in lines[1]
    assert "97.0 / 95.0" in lines[1]
    assert "Source of alarms: ALARMMGR" in outcome.err


@pytest.mark.requirement("cli.stdout-pure")
def test_two_snapshots_are_the_same_bytes_and_tell_the_source(
    run: Run, alarms: ThreadedSimulator
) -> None:
    first, second = (run("alarms", "--once", "--json") for _ in range(2))
    assert first.out == second.out
    document = first.json()
    assert [alarm["severity"] for alarm in document["alarms"]] == [100, 500, 500]
    assert document["provider"]["mode"] == "ALARM_PROVIDER_MODE_ALARMMGR"
    assert document["provider"]["degraded"] is False


def test_no_alarm_gives_an_empty_list(run: Run, sim: ThreadedSimulator) -> None:
    assert run("alarms", "--once", "--json").json()["alarms"] == []


def test_a_degraded_source_is_told(run: Run, alarms: ThreadedSimulator) -> None:
    alarms.alarms.failover("the manager is away")
    document = run("alarms", "--once", "--json").json()
    assert document["provider"]["degraded"] is True
    assert {alarm["degraded"] for alarm in document["alarms"]} == {True}
    assert "the manager is away" in run("alarms", "--once").err


def test_a_prefix_chooses_alarms(run: Run, alarms: ThreadedSimulator) -> None:
    outcome = run("alarms", "--once", "--filter-prefix", "Galaxy!Reaction.", "--json")
    assert [alarm["reference"] for alarm in outcome.json()["alarms"]] == [TEST]


def test_changes_come_as_rows_until_a_bound(run: Run, alarms: ThreadedSimulator) -> None:
    outcome = run("alarms", "--until", "kind=complete", "--output", "jsonl")
    assert outcome.code == 0
    kinds = [row["kind"] for row in outcome.rows()]
    assert kinds == ["raised"] * 3 + ["complete"]
    assert all(row["fromSnapshot"] for row in outcome.rows())
    table = run("alarms", "--max-events", "4").out.splitlines()
    assert len(table) == 5
    assert "the present alarms are told" in table[4]


def number_of(run: Run, reference: str) -> str:
    alarms = run("alarms", "--once", "--json").json()["alarms"]
    return str(next(a["number"] for a in alarms if a["reference"] == reference))


@pytest.mark.parametrize("way", ["number", "tag", "reference", "path"])
def test_an_alarm_is_acknowledged_by_whatever_names_it(
    run: Run, alarms: ThreadedSimulator, way: str
) -> None:
    which = {
        "number": number_of(run, TEST),
        "tag": "simprobe_001.testalarm",
        "reference": TEST,
        "path": r"\\Galaxy\Reaction.SimProbe_001.TestAlarm",
    }[way]
    words = ("--comment", "seen", "--operator", "anna")
    outcome = run("alarms", "ack", which, *words, "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json()["ok"] is True
    [acked] = [a for a in run("alarms", "--once", "--json").json()["alarms"] if a["acked"]]
    assert acked["reference"] == TEST
    assert acked["comment"] == "seen"


def test_a_number_means_the_same_alarm_after_others_came_and_went(
    run: Run, alarms: ThreadedSimulator
) -> None:
    number = number_of(run, TEST)
    alarms.set_value("Tank_001.Level", 50.0)
    alarms.set_value("Reactor_001.Level", 97.0)
    outcome = run("alarms", "ack", number)
    assert outcome.code == 0
    assert TEST in outcome.out


@pytest.mark.parametrize("which", ["10000", "99999", "Tank_009.Level.Hi"])
def test_what_no_active_alarm_has_acknowledges_nothing(
    run: Run, alarms: ThreadedSimulator, which: str
) -> None:
    outcome = run("alarms", "ack", TEST.rpartition("!")[2].partition(".")[2], which, "--json")
    assert outcome.code == 7
    assert "Nothing was acknowledged" in json.loads(outcome.err)["message"]
    alarms_now = run("alarms", "--once", "--json").json()["alarms"]
    assert not any(alarm["acked"] for alarm in alarms_now)


def test_a_number_that_two_alarms_share_acknowledges_neither(
    run: Run, alarms: ThreadedSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    module: Any = import_module("mxgateway_cli.tags.acknowledging")
    monkeypatch.setattr(module, "number_of", lambda reference: 12_345)
    outcome = run("alarms", "ack", "12345")
    assert outcome.code == 2
    assert TEST in outcome.err
    assert HIHI in outcome.err


def test_several_are_acknowledged_and_one_that_fails_stops_no_other(
    run: Run, alarms: ThreadedSimulator
) -> None:
    outcome = run("alarms", "ack", "Galaxy!Nowhere.Nothing.X", TEST, "--json")
    assert outcome.code == 8
    assert [r["ok"] for r in outcome.json()["results"]] == [False, True]
    alone = run("alarms", "ack", "Galaxy!Nowhere.Nothing.X")
    assert alone.code == 7
    assert "not acknowledged" in alone.out


@pytest.mark.parametrize(
    "words",
    [
        ("ack",),
        ("ack", " "),
        ("ack", TEST, "--once"),
        ("ack", TEST, "--filter-prefix", "x"),
        ("--comment", "x"),
        ("--operator", "x", "--once"),
        ("acknowledge", TEST),
    ],
)
def test_options_that_do_not_go_together_are_refused(run: Run, words: tuple[str, ...]) -> None:
    assert run("alarms", *words, "--plaintext", "--endpoint", "127.0.0.1:1").code == 2


@given(st.text(max_size=60))
def test_a_number_has_five_digits_and_does_not_see_case(reference: str) -> None:
    number = rows.number_of(reference.lower())
    assert 10_000 <= number <= 99_999
    assert rows.number_of(reference.lower()) == number
    if reference.upper().lower() == reference.lower():
        assert rows.number_of(reference.upper()) == number
