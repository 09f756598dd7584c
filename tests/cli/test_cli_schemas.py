"""The JSON Schema of every command, held against what the command prints, failures included."""

from __future__ import annotations

import inspect
import json
import subprocess
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from json_schema import lines_schema, load, problems

from mxgateway import errors
from mxgateway.events import DroppedEvents, ReplayGapEvent
from mxgateway.generated.mxaccess_gateway.v1 import MxEvent, ReplayGap
from mxgateway.simulator import GalaxyUser, Settings, ThreadedSimulator, TlsFiles

Run = Callable[..., Any]

SCHEMAS = Path(__file__).parents[2] / "docs" / "cli" / "schemas"
ALARM = "Galaxy!Probe.SimProbe_001.TestAlarm"
MISSING = "No.Such"
# Schema -> command lines whose JSON it describes, with their exit codes.
LINES: dict[str, tuple[tuple[str, int], ...]] = {
    "version": (("version", 0),),
    "read": (("read SimProbe_001.*", 0), (f"read SimProbe_001.TestInt {MISSING}", 8)),
    "write-tag": (
        ("write SimProbe_001.TestInt 5", 0),
        ("write SimProbe_001.TestInt 5.5", 2),
        (f"write {MISSING} 5", 8),
        ("write @{recipe}", 8),
        ("write SimProbe_001.Secured 5 --user anna --password-env PLANT_PASSWORD", 0),
    ),
    "watch": (("watch SimProbe_001.* --max-events 3", 0), (f"watch {MISSING} --max-events 1", 0)),
    "plot": (("plot SimProbe_001.TestInt --seconds 0.3", 0),),
    "find": (("find *TestInt*", 0), ("find Tank_001", 0), (f"find {MISSING}", 0)),
    "tree": (("tree", 0), ("tree Plant --depth 1 --attributes", 0)),
    "info": (
        ("info SimProbe_001.TestIntArray[]", 0),
        ("info Tank_001.Level", 0),
        (f"info {MISSING}", 8),
    ),
    "alarms": (("alarms --max-events 2", 0),),
    "alarms-once": (("alarms --once", 0), ("alarms --once --filter-prefix Galaxy!None.", 0)),
    "alarms-ack": (
        (f"alarms ack {ALARM} --comment seen", 0),
        (f"alarms ack {ALARM} Galaxy!No.Such", 8),
        ("alarms ack Galaxy!No.Such", 7),
    ),
    "doctor": (("doctor --item SimProbe_001.TestInt", 0), ("doctor --endpoint 127.0.0.1:1", 3)),
    "profile-add": (("profile add bench --endpoint plant:5001 --tls --timeout 5", 0),),
    "profile-show": (("profile show bench", 0),),
    "profile-list": (("profile list", 0),),
    "profile-use": (("profile use bench", 0), ("profile use --none", 0)),
    "profile-remove": (("profile remove bench", 0),),
    "config": (("config", 0), ("config --timeout 5 --api-key literal", 0)),
    "simulate-calls": (("simulate control", 0),),
}
COMMANDS = sorted({line.split()[0] for lines in LINES.values() for line, _ in lines})
# These are made by other tests of this file.
ELSEWHERE = {"trust", "simulate", "simulate-control", "batch-error", "error", "messages"}
# Commands that print no JSON, or only that of others.
WITHOUT = {"demo", "completion", "batch"}


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadedSimulator]:
    """A simulated gateway with a raised alarm and a user, and the variables that lead there."""
    settings = Settings(users=(GalaxyUser("anna", "correct-horse"),))
    with ThreadedSimulator(interval=None, settings=settings) as simulator:
        simulator.alarms.raise_(ALARM)
        monkeypatch.setenv("MXGATEWAY_ENDPOINT", simulator.endpoint)
        monkeypatch.setenv("MXGATEWAY_API_KEY", simulator.api_key)
        monkeypatch.setenv("MXGATEWAY_PLAINTEXT", "1")
        monkeypatch.setenv("PLANT_PASSWORD", "correct-horse")
        yield simulator


def check(outcome: Any, schema: str, style: str, code: int) -> None:
    """Exit code, stdout and, for a failure, the last line of stderr are as documented."""
    assert outcome.code == code, outcome.err
    file = SCHEMAS / f"{schema}.json"
    if style == "json":
        assert problems(outcome.json(), file) == []
    else:
        for line in outcome.out.splitlines():
            assert problems(json.loads(line), file, line=True) == []
    if code == 0:
        assert outcome.err == ""
        return
    error = outcome.error()
    assert problems(error, SCHEMAS / "error.json") == []
    assert error["exitCode"] == code


@pytest.mark.requirement("cli.stdout-pure")
@pytest.mark.parametrize("style", ["json", "jsonl"])
def test_what_a_command_prints_is_as_its_schema_says(
    run: Run, plant: ThreadedSimulator, tmp_path: Path, style: str
) -> None:
    recipe = tmp_path / "recipe.txt"
    recipe.write_text(
        'SimProbe_001.TestInt 9\n{"tag": "SimProbe_001.TestFloat", "value": 2.5, "type": "float", '
        '"timestamp": "2025-01-31T12:00:00Z"}\nNo.Such 1\n',
        encoding="utf-8",
    )
    for schema, lines in LINES.items():
        for line, code in lines:
            words = line.replace("{recipe}", str(recipe)).split()
            outcome = run(*words, "--output", style, "--quiet")
            check(outcome, schema, style, code)
            assert "correct-horse" not in outcome.out + outcome.err


def test_every_command_has_its_schema_and_every_schema_is_used() -> None:
    known = {path.stem for path in SCHEMAS.glob("*.json")}
    commands = set(import_module("mxgateway_cli.app").COMMANDS) - WITHOUT
    covered = {line.split()[0] for lines in LINES.values() for line, _ in lines}
    matrix = {line.command for line in import_module("cli_lines").LINES}
    benches = {line.command for line in import_module("cli_lines").BENCHES}
    assert commands <= covered | matrix | benches | ELSEWHERE
    assert known == set(LINES) | matrix | benches | ELSEWHERE


@pytest.mark.parametrize("style", ["json", "jsonl"])
def test_trust_prints_the_certificate_as_its_schema_says(
    run: Run, self_signed: Any, tmp_path: Path, style: str
) -> None:
    files = TlsFiles(self_signed.cert_file, self_signed.key_file)
    with ThreadedSimulator(tls=files, interval=None) as simulator:
        words = ("trust", simulator.endpoint, "--output", style, "--quiet")
        check(run(*words), "trust", style, 0)
        check(run(*words, "--yes", "--output-file", str(tmp_path / "x.pem")), "trust", style, 0)


def test_what_simulate_prints_is_as_its_schema_says(run: Run, script: list[str]) -> None:
    process = subprocess.Popen(
        [*script, "simulate", "--port", "0", "--control", "127.0.0.1:0", "--json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())
        assert problems(facts, SCHEMAS / "simulate.json") == []
        words = ("simulate", "control", "--at", facts["control"], "--token", facts["controlToken"])
        for style in ("json", "jsonl"):
            check(run(*words, "status", "--output", style), "simulate-control", style, 0)
    finally:
        process.terminate()
        process.communicate()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("style", ["json", "jsonl"])
@pytest.mark.parametrize(
    "words", [("--no-such-option",), ("--timeout", "never"), ("--debug", "--api-key", "odd_key")]
)
def test_an_error_is_as_its_schema_says(
    run: Run, plant: ThreadedSimulator, command: str, style: str, words: tuple[str, ...]
) -> None:
    (line, _), *_ = next(x for x in LINES.values() if x[0][0].split()[0] == command)
    outcome = run(*line.split(), *words, "--output", style)
    if outcome.code == 0:
        assert command in ("config", "profile")  # They take the key and send nothing.
        return
    error = json.loads(outcome.err.splitlines()[-1])
    assert problems(error, SCHEMAS / "error.json") == []
    assert error["exitCode"] == outcome.code
    assert "odd_key" not in outcome.out + outcome.err


def test_a_line_of_a_batch_that_fails_is_as_its_schema_says(
    spawn: Run, plant: ThreadedSimulator
) -> None:
    lines = (
        "no-such-command",
        "version --nonsense",
        '"open',
        f"write {MISSING} 5",
        "write SimProbe_001.TestInt 5.5",
        "alarms ack Galaxy!No.Such",
        "session-state --session-id none",
        "version --endpoint 127.0.0.1:1",
        "ping --session-id none --endpoint 127.0.0.1:1",
    )
    outcome = spawn("batch", stdin="\n".join(lines).encode())
    assert outcome.code == 0
    answers = [json.loads(text) for text in outcome.out.split("__MXGW_BATCH_EOR__\n")[:-1]]
    assert len(answers) == len(lines)
    for answer in answers:
        assert problems(answer, SCHEMAS / "batch-error.json") == []
        assert answer["error"] == answer["details"]["message"]


def test_marks_of_lost_values_are_as_the_schema_says() -> None:
    shape = import_module("mxgateway_cli.tags.watching").UPDATES
    gaps = [DroppedEvents(3), ReplayGapEvent(MxEvent(replay_gap=ReplayGap(1, 5)))]
    for mark in gaps:
        for schema in ("watch", "plot"):
            assert problems(shape.document(mark), SCHEMAS / f"{schema}.json", line=True) == []


def test_every_kind_of_error_is_as_the_schema_says() -> None:
    made = [
        errors.ConfigurationError("wrong:", places=["here"]),
        errors.EncodeError("MxValue", "value", "too big"),
        errors.DecodeError("MxEvent", 5, "truncated", size=9),
        errors.DeadlineExceededError("late"),
        errors.LimitError("too much", option="max_objects", limit=9),
        errors.ConnectionLost("gone", cause="eof"),
        errors.TagError("no", tag="A.B"),
        errors.WriteOutcomeUnknownError("nobody knows", tag="A.B"),
        errors.MxAccessError("no", reply=None, protocol_status=None, hresult=-1, statuses=[]),
        errors.WriteFailedError("no", tag="A.B", event=None, reply=None, hresult=None, statuses=[]),
    ]
    classes = [c for c in vars(errors).values() if inspect.isclass(c)]
    special = {c.to_dict for c in classes if issubclass(c, errors.MxGatewayError)}
    assert special == {type(error).to_dict for error in made} | {errors.MxGatewayError.to_dict} | {
        errors.MxGatewayCommandError.to_dict
    }
    for error in made:
        told = error.to_dict() | {"exitCode": 1}
        assert problems(told, SCHEMAS / "error.json") == []
        assert problems(
            {"tag": "A.B", "galaxy": None, "galaxyError": error.to_dict(), "reading": None},
            SCHEMAS / "info.json",
        ) == ["$.reading: None is not of type 'object'"]


def test_the_checker_refuses_what_a_schema_does_not_say(tmp_path: Path) -> None:
    schema = tmp_path / "x.json"
    schema.write_text('{"type": "integer"}', encoding="utf-8")
    assert problems(1, schema) == []
    assert problems(True, schema)
    assert problems(1.0, schema)
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"type": "object", "proprties": {}}', encoding="utf-8")
    with pytest.raises(AssertionError, match="proprties"):
        load(wrong)
    assert lines_schema(SCHEMAS / "read.json") == {"$ref": "read.json#/$defs/line"}
    assert problems({"tag": "A.B"}, SCHEMAS / "read.json", line=True)
