"""Every command for people in every outcome, as JSON and as a table."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module

import pytest
from cli_people.people_runs import Outcome

from mxgateway.simulator import ThreadedSimulator

Run = Callable[..., Outcome]

ALARM = "Galaxy!Probe.SimProbe_001.TestAlarm"

# A line of each that succeeds and ends by itself.
LINES: dict[str, tuple[str, ...]] = {
    "read": ("SimProbe_001.TestInt", "Tank_001.Level"),
    "write": ("SimProbe_001.TestInt", "5"),
    "watch": ("SimProbe_001.TestInt", "--max-events", "1"),
    "plot": ("SimProbe_001.TestInt", "--seconds", "0.2"),
    "find": ("Tank_*",),
    "tree": ("Plant", "--depth", "1"),
    "info": ("SimProbe_001.TestInt",),
    "alarms": ("--once",),
}
# Asked again at once, these print the same bytes: nothing in them depends on the clock.
REPEATABLE = ("find", "tree", "info", "alarms")
STYLES = ("json", "table")
commands = pytest.mark.parametrize("command", sorted(LINES))
styles = pytest.mark.parametrize("style", STYLES)


def check_error(outcome: Outcome, code: int, style: str, key: str) -> None:
    assert outcome.code == code, outcome.err
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
    assert key not in outcome.err
    if style == "json":
        assert json.loads(outcome.err.splitlines()[-1])["exitCode"] == code
    else:
        assert outcome.err.endswith("\n")


@commands
@styles
@pytest.mark.requirement("cli.stdout-pure")
def test_it_succeeds(run: Run, sim: ThreadedSimulator, command: str, style: str) -> None:
    sim.alarms.raise_(ALARM)
    outcome = run(command, *LINES[command], "--output", style)
    assert outcome.code == 0, outcome.err
    assert outcome.out.endswith("\n")
    assert "\x1b" not in outcome.out
    assert sim.api_key not in outcome.out + outcome.err
    if style == "json":
        json.loads(outcome.out)
    if command in REPEATABLE:
        assert run(command, *LINES[command], "--output", style).out == outcome.out


@commands
@styles
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--endpoint", "127.0.0.1:1"), 3),
        (("--api-key", "mxgw_nobody_nothing"), 5),
        (("--timeout", "never"), 2),
        (("--no-such-option",), 2),
    ],
    ids=["no connection", "bad key", "wrong value", "wrong option"],
)
@pytest.mark.requirement("cli.exit-codes")
def test_one_that_cannot_begin_says_why(
    run: Run,
    sim: ThreadedSimulator,
    command: str,
    style: str,
    words: tuple[str, ...],
    code: int,
) -> None:
    sessions = sim.audit.sessions_opened
    outcome = run(command, *LINES[command], *words, "--output", style)
    check_error(outcome, code, style, "mxgw_")
    assert sim.audit.sessions_opened == sessions


@commands
@styles
@pytest.mark.requirement("cli.exit-codes")
def test_a_gateway_that_fails_is_seven(
    run: Run, sim: ThreadedSimulator, command: str, style: str
) -> None:
    # Calls fail before they are looked at, streams with their first message.
    sim.faults.fail("INTERNAL", "out of order", times=None)
    sim.faults.fail("INTERNAL", "out of order", method="*", at="reply", times=None)
    outcome = run(command, *LINES[command], "--output", style)
    check_error(outcome, 7, style, sim.api_key)
    assert "out of order" in outcome.err


def test_every_command_for_people_stands_here() -> None:
    known = import_module("mxgateway_cli.app").COMMANDS
    people = {name for name, (_, heading) in known.items() if heading == "See a plant"}
    assert people <= LINES.keys()
