"""`write TAG VALUE`: the tag's type, the outcome, users of secured writes, and files of writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cli_people.people_runs import Outcome

from mxgateway.simulator import Settings, ThreadedSimulator

Run = Callable[..., Outcome]


def value_in(sim: ThreadedSimulator, tag: str) -> object:
    """What the plant has now."""
    return sim.call(lambda s: s.plant[tag].value)


@pytest.mark.requirement("write.types")
@pytest.mark.parametrize(
    ("tag", "text", "value"),
    [
        ("SimProbe_001.TestBool", "true", True),
        ("SimProbe_001.TestInt", "-5", -5),
        ("SimProbe_001.TestInt", "0x10", 16),
        ("SimProbe_001.TestFloat", "-2.5", -2.5),
        ("SimProbe_001.TestDouble", "1e-3", 0.001),
        ("SimProbe_001.TestString", "5", "5"),
        ("SimProbe_002.TestBigString", "12", "12"),
        ("SimProbe_001.TestIntArray", "8,7,6,5,4,3,2,1", [8, 7, 6, 5, 4, 3, 2, 1]),
    ],
)
def test_a_text_becomes_a_value_of_the_tags_own_type(
    run: Run, sim: ThreadedSimulator, tag: str, text: str, value: object
) -> None:
    outcome = run("write", tag, text, "--json")
    assert outcome.code == 0, outcome.err
    [result] = outcome.json()["results"]
    assert (result["ok"], result["processed"], result["written"]) == (True, "yes", text)
    read = run("read", tag, "--json").json()["results"][0]
    assert read["value"] == value
    assert type(read["value"]) is type(value)


@pytest.mark.parametrize(
    ("tag", "text"),
    [("SimProbe_001.TestTime", "2026-01-31T12:00:00.1234567Z"), ("SimProbe_001.TestElapsed", "90")],
)
def test_times_are_written_as_times(run: Run, sim: ThreadedSimulator, tag: str, text: str) -> None:
    assert run("write", tag, text).code == 0
    shown = run("read", tag).out.splitlines()[1]
    assert {"SimProbe_001.TestTime": text, "SimProbe_001.TestElapsed": "90.0 s"}[tag] in shown


@pytest.mark.requirement("write.types")
@pytest.mark.parametrize(
    "words",
    [
        ("SimProbe_001.TestInt", "4x2"),
        ("SimProbe_001.TestInt", "99999999999"),
        ("SimProbe_001.TestBool", "2"),
        ("SimProbe_001.TestFloat", "1,5"),
    ],
)
def test_a_text_that_is_no_value_of_the_tag_is_refused_and_nothing_is_written(
    run: Run, sim: ThreadedSimulator, words: tuple[str, str]
) -> None:
    before = value_in(sim, words[0])
    outcome = run("write", *words, "--json")
    assert outcome.code == 2
    [result] = outcome.json()["results"]
    assert (result["ok"], result["processed"]) == (False, "no")
    assert value_in(sim, words[0]) == before


def test_a_type_that_is_given_wins_and_is_checked_before_connecting(
    run: Run, sim: ThreadedSimulator
) -> None:
    assert run("write", "SimProbe_001.TestInt", "7", "--type", "int32").code == 0
    outcome = run("write", "A.B", "x", "--type", "int32", "--endpoint", "127.0.0.1:1")
    assert outcome.code == 2
    assert run("write", "A.B", "1", "--type", "number", "--endpoint", "127.0.0.1:1").code == 2


def test_the_table_says_what_was_before_and_how_it_ended(run: Run, sim: ThreadedSimulator) -> None:
    outcome = run("write", "SimProbe_001.TestInt", "42")
    assert outcome.out.splitlines()[1].split() == [
        "SimProbe_001.TestInt", "42", "0", "written", "Integer",
    ]  # fmt: skip
    assert outcome.err == ""


@pytest.mark.requirement("cli.exit-codes")
def test_a_refused_write_and_a_missing_tag_have_their_codes(
    run: Run, sim: ThreadedSimulator
) -> None:
    refused = run("write", "SimProbe_001.ReadOnly", "1", "--json")
    assert refused.code == 7
    assert refused.json()["results"][0]["error"]["type"] == "WriteFailedError"
    assert run("write", "Nope.X", "1").code == 8
    assert sim.session_count == 0


def test_a_key_that_may_not_write_leaves_no_doubt_about_the_outcome(
    run: Run, sim: ThreadedSimulator
) -> None:
    outcome = run("write", "SimProbe_001.TestInt", "5", "--api-key", sim.read_only_key)
    assert outcome.code == 5
    assert "not written" in outcome.out
    assert "unknown" not in outcome.out
    assert "may have taken effect" not in outcome.err


def test_a_pattern_is_no_tag_to_write(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "writes.txt"
    file.write_text("Tank_001.Level 5\nTank_*.Level 5\n", encoding="utf-8")
    for words in (("Tank_*.Level", "5"), (f"@{file}",)):
        outcome = run("write", *words, "--plaintext", "--endpoint", "127.0.0.1:1")
        assert outcome.code == 2
        assert "'Tank_*.Level' is a pattern" in outcome.err


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadedSimulator]:
    """A gateway that accepts writes and never says how they ended."""
    settings = Settings(write_delay=3600.0)
    with ThreadedSimulator(seed=1, interval=None, settings=settings) as simulator:
        monkeypatch.setenv("MXGATEWAY_ENDPOINT", simulator.endpoint)
        monkeypatch.setenv("MXGATEWAY_API_KEY", simulator.api_key)
        monkeypatch.setenv("MXGATEWAY_PLAINTEXT", "1")
        yield simulator


@pytest.mark.requirement("write.no-replay")
def test_an_outcome_that_nobody_knows_is_told_as_such(run: Run, slow: ThreadedSimulator) -> None:
    outcome = run("write", "SimProbe_001.TestInt", "1", "--timeout", "1", "--json")
    assert outcome.code == 6
    [result] = outcome.json()["results"]
    assert (result["ok"], result["processed"]) == (False, "maybe")
    assert "read the tag before writing again" in outcome.err


def test_a_secured_write_needs_a_user_and_says_so(run: Run, sim: ThreadedSimulator) -> None:
    outcome = run("write", "SimProbe_001.Secured", "5", "--json")
    assert outcome.code == 8
    assert outcome.json()["results"][0]["processed"] == "no"
    assert "--user NAME" in outcome.err
    assert value_in(sim, "SimProbe_001.Secured") == 0


def test_users_sign_with_passwords_that_are_never_shown(
    run: Run, sim: ThreadedSimulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPERATOR_PASSWORD", "operator")
    file = tmp_path / "supervisor.txt"
    file.write_text("supervisor\n", encoding="utf-8")
    user = ("--user", "operator", "--password-env", "OPERATOR_PASSWORD")
    verifier = ("--verifier", "supervisor", "--verifier-password-file", str(file))
    secured = run("write", "SimProbe_001.Secured", "5", *user, "--json", "--debug")
    assert secured.code == 0, secured.err
    assert secured.json()["results"][0]["secured"] is True
    verified = run("write", "SimProbe_001.Verified", "6", *user, *verifier, "--json")
    assert verified.code == 0, verified.err
    assert verified.json()["query"]["userPassword"] == "***"
    assert verified.json()["results"][0]["written"] == "***"
    assert run("write", "SimProbe_001.Verified", "7", *user).code == 8

    monkeypatch.setenv("OPERATOR_PASSWORD", "a-wrong-password")
    wrong = run("write", "SimProbe_001.Secured", "8", *user, "--json", "--debug")
    assert wrong.code not in (0, 8)
    assert "a-wrong-password" not in wrong.out + wrong.err
    assert value_in(sim, "SimProbe_001.Secured") == 5


@pytest.mark.parametrize("more", [(), ("--type", "int32")])
def test_no_message_quotes_the_value_of_a_secured_write(
    run: Run, sim: ThreadedSimulator, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
) -> None:
    monkeypatch.setenv("OPERATOR_PASSWORD", "operator")
    user = ("--user", "operator", "--password-env", "OPERATOR_PASSWORD")
    outcome = run("write", "SimProbe_001.Secured", "hush-4711", *user, *more, "--json", "--debug")
    assert outcome.code == 2
    assert "hush" not in outcome.out + outcome.err
    assert "not shown" in outcome.out + outcome.err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("A.B", "1", "--user", "anna"), "--password-env"),
        (("A.B", "1", "--user", "anna", "--password-env", "NOT_SET"), "NOT_SET"),
        (("A.B", "1", "--verifier", "anna"), "--user"),
        (("A.B", "1", "--password-env", "X"), "--user"),
        (("A.B",), "TAG VALUE"),
        (("A.B", "1", "2"), "TAG VALUE"),
        (("A.B", "--tpye", "int32"), "--tpye"),
        (("A.B", "1", "--session-id", "x"), "neither handles"),
        (("@nofile",), "cannot be read"),
    ],
)
def test_a_form_that_is_not_complete_is_refused(
    spawn: Run, words: tuple[str, ...], reason: str
) -> None:
    outcome = spawn("write", *words, "--plaintext", "--endpoint", "127.0.0.1:1")
    assert outcome.code == 2
    assert reason in outcome.err


def test_a_file_of_writes_is_done_whole_although_some_fail(
    run: Run, sim: ThreadedSimulator, tmp_path: Path
) -> None:
    file = tmp_path / "writes.jsonl"
    file.write_text(
        "# a recipe\n\n"
        "SimProbe_001.TestInt 9\n"
        '{"tag": "SimProbe_001.TestFloat", "value": 2.5}\n'
        '{"tag": "SimProbe_001.TestBool", "value": 1}\n'
        '{"tag": "SimProbe_001.ReadOnly", "value": 1}\n'
        '{"tag": "Nope.X", "value": "1"}\n'
        '{"tag": "SimProbe_001.TestString", "value": "two words"}\n'
        '{"tag": "SimProbe_001.TestInt", "value": "11", "type": "int32"}\n',
        encoding="utf-8",
    )
    outcome = run("write", f"@{file}", "--json")
    assert outcome.code == 8
    document = outcome.json()
    # In order; a number is no bool, and one tag that fails stops no other.
    assert [r["ok"] for r in document["results"]] == [True, True, False, False, False, True, True]
    assert document["failed"] == 3
    assert value_in(sim, "SimProbe_001.TestInt") == 11
    assert value_in(sim, "SimProbe_001.TestFloat") == 2.5
    assert value_in(sim, "SimProbe_001.TestString") == "two words"
    assert document["results"][4]["status"].startswith("Nope.X: not written")


@pytest.mark.parametrize(
    "line",
    [
        '{"tag": "A.B"}',
        '{"tag": "A.B", "value": 1, "typ": "int32"}',
        '{"tag": "A.B", "value": 1, "type": 5}',
        '{"tag": "A.B", "value": 1, "timestamp": "yesterday"}',
        '{"tag": "A.B", "value": "x", "type": "int32"}',
        '{"tag": "A.B", "value": true, "type": "int32"}',
        "A.B",
    ],
)
def test_a_wrong_write_in_a_file_stops_all_of_them(run: Run, tmp_path: Path, line: str) -> None:
    file = tmp_path / "writes.jsonl"
    file.write_text(f"A.A 1\n{line}\n", encoding="utf-8")
    outcome = run("write", f"@{file}", "--plaintext", "--endpoint", "127.0.0.1:1", "--json")
    assert outcome.code == 2
    assert json.loads(outcome.err)["exitCode"] == 2
