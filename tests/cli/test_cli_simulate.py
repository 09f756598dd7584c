"""`simulate` as its users start it: what it tells, what it shows meanwhile, how it is steered."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from mxgateway.simulator import Settings, ThreadedSimulator, dump_model, scale_model
from mxgateway.simulator.control import CALLS

LIMIT = 30
Run = Callable[..., Any]
simulation: Any = import_module("mxgateway_cli.simulation")
traffic: Any = import_module("mxgateway_cli.output.traffic")
environment: Any = import_module("mxgateway_cli.environment")


@contextmanager
def simulating(script: list[str], *words: str) -> Iterator[dict[str, Any]]:
    """Run `simulate` in a process of its own; what it has told, as JSON."""
    process = subprocess.Popen(
        [*script, "simulate", "--port", "0", "--json", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate(timeout=LIMIT)[1]
        yield json.loads(line)
    finally:
        process.terminate()
        process.communicate(timeout=LIMIT)


def connection(facts: dict[str, Any]) -> list[str]:
    security = ["--plaintext"] if facts["plaintext"] else ["--tls", "--ca-file", facts["caFile"]]
    return ["--endpoint", facts["endpoint"], "--api-key", facts["apiKey"], *security]


# -- what it serves --------------------------------------------------------------------


def test_json_is_one_line_that_tells_how_to_connect(script: list[str], run: Run) -> None:
    with simulating(script, "--seed", "7") as facts:
        assert facts["seed"] == 7
        assert (facts["plant"], facts["objects"], facts["attributes"]) == ("DemoPlant", 32, 325)
        assert facts["users"] == ["operator", "supervisor", "engineer", "viewer"]
        assert (facts["caFile"], facts["fingerprint"], facts["control"]) == (None, None, None)
        item = ("--item", facts["tags"][0])
        assert run("smoke", *connection(facts), *item, "--json").code == 0
        read_only = {**facts, "apiKey": facts["readOnlyApiKey"]}
        assert run("smoke", *connection(read_only), *item, "--json").code == 0


def test_a_plant_file_takes_the_place_of_the_demo_plant(
    script: list[str], run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "plant.toml"
    file.write_text(dump_model(scale_model(3, 2)), encoding="utf-8")
    with simulating(script, "--plant", str(file)) as facts:
        assert (facts["plant"], facts["objects"], facts["attributes"]) == ("Scale", 3, 6)
        assert run("smoke", *connection(facts), "--item", facts["tags"][0], "--json").code == 0


def test_a_large_plant_is_not_listed_whole(script: list[str]) -> None:
    with simulating(script, "--scale", "20000") as facts:
        assert facts["attributes"] == 400_000
        assert 0 < len(facts["tags"]) <= 8


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl")
def test_tls_makes_a_certificate_and_takes_it_away_again(script: list[str], run: Run) -> None:
    with simulating(script, "--tls") as facts:
        assert not facts["plaintext"]
        item = ("--item", "Tank_001.Level", "--json")
        assert run("smoke", *connection(facts), *item).code == 0
        assert run("smoke", *connection(facts)[:-2], *item).code == 4  # not trusted
        shown = run("trust", facts["endpoint"], "--yes", "--output-file", os.devnull, "--json")
        assert shown.json()["fingerprint"] == facts["fingerprint"]
    assert not Path(facts["caFile"]).exists()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl")
def test_a_tls_folder_keeps_the_certificate(script: list[str], tmp_path: Path) -> None:
    folder = ("--tls-folder", str(tmp_path / "tls"))
    with simulating(script, *folder) as first:
        pass
    with simulating(script, *folder) as second:
        assert second["fingerprint"] == first["fingerprint"]
        assert Path(second["caFile"]).parent == tmp_path / "tls"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--plant", "a.toml", "--scale", "3"), "two plants"),
        (("--tls-cert", "a", "--tls-key", "b", "--tls-folder", "c"), "--tls-folder"),
        (("--control-token", "t"), "without --control"),
        (("--control", "192.0.2.1:5001"), "no loopback address"),
        (("--plant", "no-such.toml"), "no-such.toml"),
        (("--settings", "lease"), "give NAME=VALUE"),
        (("--settings", "leash=3"), "known are alarm_buffer"),
        (("--settings", "lease=soon"), "give a number"),
        (("--settings", "ring_size=1.5"), "give a whole number"),
        (("--settings", "pending_first=perhaps"), "give true or false"),
        (("--settings", "users=joe"), "NAME:PASSWORD"),
        (("--settings", "overflow=never"), "fail-fast"),
        (("--tls-cert", "no-such.pem", "--tls-key", "x"), "no-such.pem"),
    ],
)
def test_what_cannot_be_is_a_usage_error(run: Run, words: tuple[str, ...], told: str) -> None:
    outcome = run("simulate", "--port", "0", *words, "--json")
    assert outcome.code == 2
    assert outcome.out == ""
    assert told in outcome.error()["message"]


# -- settings --------------------------------------------------------------------------


def test_every_setting_can_be_given() -> None:
    """Each field takes its own default as text, or another value of its kind."""
    given = {
        "overflow": "disconnect",
        "security": "windows",
        "shutdown_state": "faulted",
        "worker_permissions": "tune+operate",
        "alarm_provider": "Galaxy_North",
        "users": "joe:secret,eve:pass:tune+acknowledge",
    }
    for field in fields(Settings):
        default = field.default
        text = given.get(field.name)
        if isinstance(default, bool):
            text = str(not default)
        elif isinstance(default, int | float):
            text = str(default + 1)
        assert text is not None, f"{field.name}: the option does not know this kind"
        if field.name == "max_subscribers":
            text = "8"
        made = simulation.settings_of([f"{field.name.replace('_', '-')}={text}"])
        assert getattr(made, field.name) != default
        assert type(getattr(made, field.name)) is type(default)


def test_users_have_passwords_and_permissions() -> None:
    joe, eve = simulation.settings_of(["users=joe:secret,eve:pass:tune+acknowledge"]).users
    assert (joe.name, joe.password, set(joe.permissions)) == ("joe", "secret", {"operate"})
    assert (eve.name, eve.password, set(eve.permissions)) == (
        "eve",
        "pass",
        {"tune", "acknowledge"},
    )


# -- steering it -----------------------------------------------------------------------


@pytest.fixture
def controlled() -> Iterator[tuple[ThreadedSimulator, list[str]]]:
    """A simulator with a control channel, and the words that lead there."""
    with ThreadedSimulator(interval=None, control="127.0.0.1:0") as simulator:
        channel = simulator.control
        assert channel is not None
        yield simulator, ["simulate", "control", "--at", channel.endpoint, "--token", channel.token]


def test_control_asks_for_faults_and_tells_how_it_stands(
    run: Run, controlled: tuple[ThreadedSimulator, list[str]]
) -> None:
    simulator, words = controlled
    made = run(*words, "delay", "seconds=0.5", "method=Invoke", "--json")
    assert (made.code, made.json()) == (0, {"call": "delay", "result": 1})
    status = run(*words, "status", "--json").json()["result"]
    assert status["faults"] == [
        {"id": 1, "kind": "delay", "arguments": {"seconds": 0.5, "method": "Invoke", "at": "reply"}}
    ]
    assert "127.0.0.1:" in run(*words, "status").out
    assert run(*words, "clear", "fault=1").out == "result  done\n"
    assert run(*words, "set-value", "tag=Tank_001.Level", "value=97.5").code == 0
    assert simulator.plant["Tank_001.Level"].value == 97.5
    assert run(*words, "set_value", "tag=Tank_001.Label", "value=full up").code == 0
    assert simulator.plant["Tank_001.Label"].value == "full up"
    assert run(*words, "scan", "--json").json()["result"] > 0


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("clear", "fault=9"), 2, "no fault 9"),
        (("explode",), 2, "no call 'explode'"),
        (("delay", "second=1"), 2, "seconds"),
        (("delay", "seconds"), 2, "NAME=VALUE"),
        (("delay",), 2, "seconds"),
    ],
)
def test_what_control_refuses_is_told(
    run: Run,
    controlled: tuple[ThreadedSimulator, list[str]],
    words: tuple[str, ...],
    code: int,
    told: str,
) -> None:
    outcome = run(*controlled[1], *words, "--json")
    assert (outcome.code, outcome.out) == (code, "")
    assert told in outcome.error()["message"]
    assert controlled[1][-1] not in outcome.err


def test_control_needs_the_token_and_a_simulator(
    run: Run, controlled: tuple[ThreadedSimulator, list[str]]
) -> None:
    words = controlled[1][:-2]
    assert run(*words, "status").code == 2
    assert "wrong" in run(*words, "--token", "guess", "status").err
    assert run("simulate", "control", "--at", "127.0.0.1:1", "--token", "t", "status").code == 3


def test_control_without_a_call_lists_all_calls(run: Run) -> None:
    listed = run("simulate", "control", "--json").json()["calls"]
    assert [call["name"] for call in listed] == list(CALLS)
    table = run("simulate", "control").out
    assert "[method]" in table
    assert all(any(line.startswith(name) for line in table.splitlines()) for name in CALLS)


def test_a_simulator_that_only_moves_when_told(script: list[str], run: Run) -> None:
    words = ("--interval", "0", "--control", "127.0.0.1:0", "--control-token", "t")
    with simulating(script, *words) as facts:
        steer = ("simulate", "control", "--at", facts["control"], "--token", "t", "--json")
        before = run(*steer, "audit").json()["result"]
        assert before["sessions_opened"] == 0
        assert run(*steer, "scan").json()["result"] > 0


def test_one_variable_gives_the_token_to_both_sides(
    script: list[str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MXGATEWAY_SIMULATE_CONTROL_TOKEN", "bench")
    with simulating(script) as facts:
        assert facts["control"] is None  # and the token is in nobody's way
    with simulating(script, "--control", "127.0.0.1:0") as facts:
        status = run("simulate", "control", "--at", facts["control"], "status", "--json")
        assert status.json()["result"]["endpoint"] == facts["endpoint"]


# -- what is shown meanwhile -----------------------------------------------------------


class Pipe(io.StringIO):
    """A stdout that is no terminal and has no descriptor."""


def lines_of(view_now: list[float], looks: list[Any]) -> list[str]:
    """Let a view of lines take these looks, each at its time; what it has written."""
    out = Pipe()
    where = environment.Environment(variables={}, stdout=out, stderr=io.StringIO())
    clock = iter(view_now)
    now = [next(clock)]
    with traffic.traffic_view_for(where, lambda: now[0]) as view:
        for look in looks:
            view.take(look, [])
            now[0] = next(clock, now[0])
    return [" ".join(line.split()) for line in out.getvalue().splitlines()]


def test_on_a_pipe_a_line_tells_what_has_happened_and_nothing_else_does() -> None:
    quiet = traffic.Traffic(alarms=2)
    busy = traffic.Traffic(sessions=1, streams=1, rate=20.0, events=40, commands=5, writes=1)
    more = traffic.Traffic(sessions=1, streams=1, rate=20.0, events=1240, commands=5, writes=1)
    shown = lines_of([0.0, 1.0, 2.0, 12.0, 13.0], [quiet, busy, more, more, more])
    assert shown == [
        "Sessions Streams Events/s Events Commands Writes Alarms",
        "1 1 20.0 40 5 1 0",
        "1 1 20.0 1,240 5 1 0",
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="pipes cannot be asked for room there")
def test_a_reader_that_does_not_read_never_holds_up_the_gateway() -> None:
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    filled = 0
    while True:
        try:
            filled += os.write(write_end, b"x" * 4096)
        except BlockingIOError:
            break
    os.set_blocking(write_end, True)
    with os.fdopen(write_end, "w", encoding="utf-8") as out, os.fdopen(read_end, "rb") as reader:
        where = environment.Environment(variables={}, stdout=out, stderr=io.StringIO())
        now = [0.0]
        with traffic.traffic_view_for(where, lambda: now[0]) as view:
            view.take(traffic.Traffic(sessions=1), [])  # would block for ever
            assert len(reader.read(filled)) == filled
            now[0] = 60.0
            view.take(traffic.Traffic(sessions=2), [])
        assert b"Sessions" in reader.readline()


@pytest.mark.skipif(sys.platform == "win32", reason="sending Ctrl-C needs POSIX signals")
def test_on_a_pipe_people_read_the_traffic_below_the_facts(script: list[str], run: Run) -> None:
    process = subprocess.Popen(
        [*script, "simulate", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        text = ""
        while "Ctrl-C stops it." not in text:
            text += process.stdout.readline().decode()
        (line,) = [line for line in text.splitlines() if "mxgw-py smoke" in line]
        assert run(*line.split()[1:], "--json").code == 0
        while not (row := process.stdout.readline().decode()).strip().startswith("Sessions"):
            assert row
        assert len(process.stdout.readline().split()) == 7
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
    assert err == b"Stopped.\n"


def test_listening_for_other_computers_is_warned_of(script: list[str]) -> None:
    process = subprocess.Popen(
        [*script, "simulate", "--port", "0", "--host", "0.0.0.0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        # Something to connect to, not the address that stands for all.
        assert json.loads(process.stdout.readline())["endpoint"].startswith("127.0.0.1:")
        assert "the keys are public" in process.stderr.readline()
    finally:
        process.terminate()
        process.communicate(timeout=LIMIT)
