"""Every program in examples/ is run as a user would run it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from doc_blocks import ROOT

from mxgateway.simulator import ThreadedSimulator

EXAMPLES = ROOT / "examples"


@pytest.fixture
def simulator() -> Iterator[ThreadedSimulator]:
    """A gateway for one run."""
    with ThreadedSimulator() as running:
        yield running


def run(
    simulator: ThreadedSimulator, cwd: Path, name: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run an example against `simulator`, warnings being errors."""
    return subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments],
        cwd=cwd,
        env=os.environ
        | {
            "MXGATEWAY_ENDPOINT": simulator.endpoint,
            "MXGATEWAY_API_KEY": simulator.api_key,
            "PYTHONUTF8": "1",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_example_is_run_here() -> None:
    source = Path(__file__).read_text("utf-8")

    assert [p.name for p in EXAMPLES.glob("*.py") if f'"{p.name}"' not in source] == []


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_watch_tags_prints_as_many_changes_as_asked(
    simulator: ThreadedSimulator, tmp_path: Path, backend: str
) -> None:
    tags = ["Pump_001.Speed", "SimProbe_001.Counter"]

    done = run(simulator, tmp_path, "watch_tags.py", "--backend", backend, "--count", "4", *tags)

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == 4
    assert {line.split()[1] for line in lines} <= set(tags)
    assert all("Good" in line for line in lines)


def test_write_and_confirm_reports_a_confirmed_write(
    simulator: ThreadedSimulator, tmp_path: Path
) -> None:
    done = run(simulator, tmp_path, "write_and_confirm.py", "SimProbe_001.TestInt", "42")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "SimProbe_001.TestInt 42 confirmed\n"


def test_the_tank_guard_passes_its_own_tests_outside_the_repository(tmp_path: Path) -> None:
    folder = tmp_path / "tank_guard"
    shutil.copytree(EXAMPLES / "tank_guard", folder, ignore=shutil.ignore_patterns("__pycache__"))

    done = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-W", "error", "-p", "no:cacheprovider"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert "10 passed" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="sending Ctrl-C to one child needs POSIX signals")
def test_the_tank_guard_closes_the_valve_and_stops_on_ctrl_c(simulator: ThreadedSimulator) -> None:
    simulator.set_value("Valve_001.Cmd", True)
    # A shell's background job has SIGINT ignored, and a child would inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [
            *(sys.executable, "-W", "error", str(EXAMPLES / "tank_guard" / "tank_guard.py")),
            *("Tank_001", "Valve_001.Cmd", "--limit", "10"),
        ],
        env=os.environ
        | {"MXGATEWAY_ENDPOINT": simulator.endpoint, "MXGATEWAY_API_KEY": simulator.api_key},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    signal.signal(signal.SIGINT, before)
    try:
        simulator.wait_until(lambda s: s.audit.values_written("Valve_001.Cmd") == [False], 30)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, out) == (0, "stopped\n")
    assert "closing Valve_001.Cmd" in err
    assert "Traceback" not in err


def test_write_and_confirm_reports_a_write_that_failed(
    simulator: ThreadedSimulator, tmp_path: Path
) -> None:
    done = run(simulator, tmp_path, "write_and_confirm.py", "SimProbe_001.ReadOnly", "42")

    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("SimProbe_001.ReadOnly 42 ")
    assert "confirmed" not in done.stdout
