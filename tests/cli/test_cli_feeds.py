"""Streams of alarms and deploys as processes, and the bar while a galaxy is discovered."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cli_lines import ALARM

from mxgateway.simulator import ThreadedSimulator

Spawn = Callable[..., Any]
LIMIT = 30
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals and terminals")
# Command -> the call, the name of the list in its document, and how many messages come at once.
FEEDS = {
    "stream-alarms": ("StreamAlarms", "messages", 3),
    "galaxy-watch-deploys": ("WatchDeployEvents", "events", 1),
}


@pytest.fixture
def start(script: list[str]) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a command as a process, which is gone when the test is over."""
    processes = []

    def popen(*words: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [*script, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(os.environ),
        )
        processes.append(process)
        return process

    yield popen
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


@posix
@pytest.mark.requirement("cli.signal")
@pytest.mark.parametrize("command", FEEDS)
@pytest.mark.parametrize("style", ["jsonl", "json"])
def test_ctrl_c_keeps_what_came_and_resets_the_stream(
    start: Any, connected: ThreadedSimulator, command: str, style: str
) -> None:
    connected.alarms.raise_(ALARM)
    call, name, first = FEEDS[command]
    process = start(command, "--output", style)
    if style == "jsonl":
        lines = [process.stdout.readline() for _ in range(first)]
        assert all(json.loads(line) for line in lines)
    else:
        connected.wait_until(lambda s: s.audit.calls[call] == 1, LIMIT)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    if style == "json":
        assert set(json.loads(out)) == {name}
    assert json.loads(err)["type"] == "Interrupted"
    connected.wait_until(lambda s: s.audit.stream_resets["CANCEL"] == 1)


@pytest.mark.requirement("cli.pipe")
def test_a_reader_that_leaves_ends_the_alarm_feed_quietly(
    start: Any, connected: ThreadedSimulator
) -> None:
    process = start("stream-alarms", "--output", "jsonl")
    assert process.stdout.readline().endswith(b"}\n")
    process.stdout.close()
    process.stdout = None
    connected.alarms.raise_(ALARM)
    connected.alarms.clear(ALARM)
    _, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, err) == (0, b"")


def test_a_new_deploy_is_shown_and_until_ends_with_it(
    start: Any, connected: ThreadedSimulator
) -> None:
    words = ("galaxy-watch-deploys", "--output", "jsonl", "--until", "sequence=2")
    process = start(*words)
    assert json.loads(process.stdout.readline())["sequence"] == "1"
    connected.redeploy()
    out, err = process.communicate(timeout=LIMIT)
    assert json.loads(out)["sequence"] == "2"
    assert (process.returncode, err) == (0, b"")


@posix
@pytest.mark.parametrize("words", [("--json",), ()])
def test_a_person_sees_on_stderr_how_far_the_walk_is_and_the_result_stays_pure(
    script: list[str], connected: ThreadedSimulator, words: tuple[str, ...]
) -> None:
    main_end, terminal_end = os.openpty()
    try:
        process = subprocess.Popen(
            [*script, "galaxy-discover", "--no-attributes", "--page-size", "8", *words],
            stdout=subprocess.PIPE,
            stderr=terminal_end,
            env=dict(os.environ),
        )
        out, _ = process.communicate(timeout=LIMIT)
        os.close(terminal_end)
        shown = b""
        while chunk := _read(main_end):
            shown += chunk
    finally:
        os.close(main_end)
    assert process.returncode == 0
    drawn = [text.strip() for text in shown.decode().split("\r")]
    assert any("8 of " in text and "#" in text for text in drawn)
    # Nothing of it stays on the screen.
    assert drawn[-1] == ""
    assert b"#" not in out
    if words:
        assert len(json.loads(out)["objects"]) > 8


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # How Linux says that the other end is closed.
        return b""


@posix
@pytest.mark.requirement("cli.table-whole")
@pytest.mark.parametrize("columns", [80, 200])
def test_a_bulk_in_a_terminal_keeps_tags_whole_and_handles_in_sight(
    script: list[str], advised: Any, connected: ThreadedSimulator, columns: int
) -> None:
    pexpect = pytest.importorskip("pexpect")
    tag = "Area001.ReactorVessel.WithAVeryLongName.Sub.Sub.Sub.Temperature"
    server = [*advised.session, "--server-handle", "1"]
    for command in ("subscribe-bulk", "read-bulk"):
        words = [*script, command, *server, "--items", f"Tank_001.Level,{tag}"]
        child = pexpect.spawn(
            words[0], words[1:], dimensions=(40, columns), env=dict(os.environ), timeout=LIMIT
        )
        child.expect(pexpect.EOF)
        lines = child.before.decode().splitlines()
        child.close()
        (row,) = [line for line in lines if tag in line]
        assert all(len(_uncoloured(line)) <= columns for line in lines)
        if command == "subscribe-bulk":
            assert _uncoloured(row).split() == ["3", tag, "OK"]


def _uncoloured(line: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", line)


def test_a_pipe_sees_no_bar(spawn: Spawn, connected: ThreadedSimulator) -> None:
    assert spawn("galaxy-discover", "--page-size", "8", "--json").err == ""


def test_the_password_of_a_login_is_asked_for_in_a_terminal(
    script: list[str], advised: Any, connected: ThreadedSimulator
) -> None:
    pexpect = pytest.importorskip("pexpect")
    words = ["authenticate-user", *advised.session, "--server-handle", "1", "--user", "operator"]
    child = pexpect.spawn(script[0], [*script[1:], *words], env=dict(os.environ), timeout=LIMIT)
    child.expect("Password of operator")
    child.waitnoecho()
    child.sendline("operator")
    child.expect(pexpect.EOF)
    text = child.before.decode()
    child.close()
    assert child.exitstatus == 0, text
    assert "User id" in text
