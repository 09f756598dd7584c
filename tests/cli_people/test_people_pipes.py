"""The same commands where no person looks: pipes, signals, legacy code pages, imports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from cli_people.people_runs import LIMIT, Outcome

from mxgateway.simulator import ThreadedSimulator

Run = Callable[..., Outcome]
Streaming = Callable[..., Any]
posix_signals = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.mark.requirement("cli.pipe")
@pytest.mark.parametrize("words", [("watch", "SimProbe_001.TestInt"), ("alarms",)])
def test_a_reader_that_leaves_ends_it_quietly_with_success(
    streaming: Streaming, sim: ThreadedSimulator, words: tuple[str, ...]
) -> None:
    sim.set_value("SimProbe_001.TestAlarm", True)
    process = streaming(*words, "--output", "jsonl")
    # The line comes although the pipe is no terminal: it was flushed by itself.
    assert process.stdout.readline().endswith(b"}\n")
    process.stdout.close()
    process.stdout = None
    for n in range(3):
        sim.set_value("SimProbe_001.TestInt", n + 1)
        sim.set_value("SimProbe_001.TestAlarm", n % 2 == 1)
    _, err = process.communicate(timeout=LIMIT)
    assert err == b""
    assert process.returncode == 0
    sim.wait_until(lambda s: s.audit.streams_open == 0)


@pytest.mark.skipif(sys.platform == "win32", reason="a pipeline of a POSIX shell")
@pytest.mark.requirement("cli.pipe")
def test_head_takes_the_first_lines(script: list[str], sim: ThreadedSimulator) -> None:
    command = f"{' '.join(script)} read 'Pump_00*.*' | head -2"
    done = subprocess.run(
        ["/bin/sh", "-c", command], capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr == ""


@posix_signals
@pytest.mark.requirement("cli.signal")
@pytest.mark.parametrize("format_", ["jsonl", "json", "csv", "table"])
def test_ctrl_c_keeps_what_came_and_exits_130(
    streaming: Streaming, sim: ThreadedSimulator, format_: str
) -> None:
    process = streaming("watch", "SimProbe_001.TestInt", "--output", format_)
    first = b"" if format_ == "json" else process.stdout.readline()
    sim.wait_until(lambda s: s.audit.events_sent >= 1, LIMIT)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    text = (first + out).decode()
    assert text.endswith("\n")
    if format_ == "json":
        assert set(json.loads(text)) == {"updates"}
    assert b"Traceback" not in err
    sim.wait_until(lambda s: s.session_count == 0 and s.audit.streams_open == 0)


@pytest.mark.requirement("cli.exit-codes")
@pytest.mark.parametrize(("format_", "lines"), [("jsonl", 1), ("csv", 2), ("table", 2)])
def test_a_lost_session_keeps_what_came_and_exits_9(
    streaming: Streaming, sim: ThreadedSimulator, format_: str, lines: int
) -> None:
    process = streaming("watch", "SimProbe_001.TestInt", "--output", format_)
    came = b"".join(process.stdout.readline() for _ in range(lines))
    assert b"SimProbe_001.TestInt" in came
    sim.faults.kill_worker()
    _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 9
    if format_ == "jsonl":
        assert json.loads(err)["exitCode"] == 9
    else:
        assert b"What was shown is no longer live" in err


def test_watch_gives_the_present_value_first_and_then_changes(
    streaming: Streaming, sim: ThreadedSimulator
) -> None:
    process = streaming(
        *("watch", "simprobe_001.testint", "--until", "value=7", "--output", "jsonl")
    )
    assert json.loads(process.stdout.readline())["value"] == 0
    sim.set_value("SimProbe_001.TestInt", 6)
    sim.set_value("SimProbe_001.TestInt", 7)
    out, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 0
    rows = [json.loads(line) for line in out.splitlines()]
    assert [(row["kind"], row["tag"], row["value"]) for row in rows] == [
        ("value", "simprobe_001.testint", 6),
        ("value", "simprobe_001.testint", 7),
    ]
    assert err == b""


def test_a_filter_of_changes_leaves_first_values_out(
    streaming: Streaming, sim: ThreadedSimulator
) -> None:
    process = streaming(
        *("watch", "SimProbe_001.TestInt", "--filter", "changed", "--max-events", "1"),
        *("--output", "jsonl"),
    )
    sim.wait_until(lambda s: s.audit.events_sent >= 1, LIMIT)
    sim.set_value("SimProbe_001.TestInt", 5)
    out, _ = process.communicate(timeout=LIMIT)
    assert json.loads(out)["value"] == 5


def test_a_plot_in_rows_has_its_samples(run: Run, sim: ThreadedSimulator) -> None:
    document = run("plot", "Tank_001.Level", "--seconds", "0.3", "--json").json()
    assert [row["value"] for row in document["samples"]] == [40.0]
    table = run("plot", "Tank_001.Level", "--seconds", "0.3", "--height", "8").out.splitlines()
    assert len(table) == 8
    assert max(map(len, table)) <= 80


@pytest.mark.parametrize(
    ("tag", "code"), [("Pump_001.ModeText", 2), ("Nope.X", 8), ("Pump_001.Interlocks", 2)]
)
def test_what_cannot_be_drawn_is_refused(
    run: Run, sim: ThreadedSimulator, tag: str, code: int
) -> None:
    outcome = run("plot", tag, "--seconds", "5")
    assert outcome.code == code
    assert outcome.out == ""


@pytest.mark.requirement("cli.encoding")
@pytest.mark.parametrize("encoding", ["cp437", "cp1252", "ascii"])
@pytest.mark.parametrize(
    "words",
    [
        ("tree", "--all"),
        ("plot", "Tank_001.Level", "--seconds", "0.3"),
        ("read", "Tank_001.Label", "SimProbe_001.TestString"),
    ],
)
def test_a_legacy_code_page_gets_plain_characters(
    spawn: Run, sim: ThreadedSimulator, encoding: str, words: tuple[str, ...]
) -> None:
    sim.set_value("SimProbe_001.TestString", "\u6e29\u5ea6")
    outcome = spawn(*words, PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert outcome.code == 0
    assert outcome.err == "" or "+" in outcome.err
    if words[0] != "read":
        assert outcome.out.isascii()
        assert "\\u" not in outcome.out


@pytest.mark.requirement("cli.startup")
@pytest.mark.parametrize(
    "words",
    [
        ("read", "Tank_001.Level", "--json"),
        ("write", "SimProbe_001.TestInt", "1", "--json"),
        ("watch", "Tank_001.Level", "--max-events", "1", "--output", "jsonl"),
        ("find", "*.Level", "--json"),
        ("tree", "--json"),
        ("info", "Tank_001.Level", "--json"),
        ("alarms", "--once", "--json"),
        ("plot", "Tank_001.Level", "--seconds", "0.1"),
    ],
    ids=lambda words: words[0],
)
def test_rich_is_loaded_only_to_draw_and_the_galaxy_only_to_ask_it(
    sim: ThreadedSimulator, words: tuple[str, ...]
) -> None:
    probe = (
        "import sys; from importlib.metadata import entry_points\n"
        "(s,) = entry_points(group='console_scripts', name='mxgw-py')\n"
        "code = s.load()(sys.argv[1:])\n"
        "print('rich' in sys.modules, 'mxgateway.galaxy' in sys.modules, file=sys.stderr)\n"
        "sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe, *words],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        env=dict(os.environ),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    asks = words[0] in ("find", "tree", "info")
    assert done.stderr.splitlines()[-1] == f"False {asks}"


@pytest.mark.parametrize("command", ["read", "watch", "find", "tree", "info", "alarms", "plot"])
def test_help_loads_neither_network_nor_messages(command: str) -> None:
    probe = (
        "import sys; from importlib.metadata import entry_points\n"
        "(s,) = entry_points(group='console_scripts', name='mxgw-py')\n"
        "code = s.load()([*sys.argv[1:], '--help'])\n"
        "heavy = {'h2', 'grpclib', 'betterproto2', 'anyio', 'asyncio', 'ssl'}\n"
        "print(*sorted(heavy & {n.partition('.')[0] for n in sys.modules}), file=sys.stderr)\n"
        "sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe, command],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        env=dict(os.environ) | {"COLUMNS": "80"},
        check=False,
    )
    assert done.returncode == 0
    assert done.stderr == "\n"
    assert "…" not in done.stdout
