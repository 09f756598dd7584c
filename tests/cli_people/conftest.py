"""The commands for people: in this process, as a process of its own, and in a real terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from cli_people.people_runs import LIMIT, Outcome
from command_process import run_process

from mxgateway.simulator import ThreadedSimulator


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable, profile or remembered tag of the person who runs the tests reaches a command."""
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "APPDATA", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    for name in list(os.environ):
        if name.startswith("MXGATEWAY_") or name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True, scope="session")
def _interruptible() -> Iterator[None]:
    """Commands get Ctrl-C as from a terminal, also where this run is a shell's background job."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, before)


@pytest.fixture
def sim(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadedSimulator]:
    """A simulated gateway that moves only when told, and the variables that lead there."""
    with ThreadedSimulator(seed=1, interval=None) as simulator:
        monkeypatch.setenv("MXGATEWAY_ENDPOINT", simulator.endpoint)
        monkeypatch.setenv("MXGATEWAY_API_KEY", simulator.api_key)
        monkeypatch.setenv("MXGATEWAY_PLAINTEXT", "1")
        yield simulator


@pytest.fixture(scope="session")
def script() -> list[str]:
    """The command as a process of its own."""
    return [sys.executable, "-m", "mxgateway_cli"]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run a command line in this process."""
    (entry,) = entry_points(group="console_scripts", name="mxgw-py")
    main: Callable[[list[str]], int] = entry.load()

    def run_words(*words: str) -> Outcome:
        capsys.readouterr()
        code = main(list(words))
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run_words


@pytest.fixture
def spawn(script: list[str]) -> Callable[..., Outcome]:
    """Run a command line in a process of its own; keywords are environment variables."""

    def spawn_words(*words: str, stdin: bytes = b"", **variables: str) -> Outcome:
        return Outcome(
            *run_process([*script, *words], stdin=stdin, variables=variables, limit=LIMIT)
        )

    return spawn_words


@pytest.fixture
def streaming(script: list[str]) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a command as a process whose output is read while it runs."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(*words: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [*script, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ)
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def terminal(script: list[str]) -> Iterator[Any]:
    """Start a command in a terminal of a given size."""
    if sys.platform == "win32":
        pytest.skip("pseudo-terminals of this kind are POSIX only")
    from cli_people.people_terminal import Terminal

    started: list[Terminal] = []

    def start(*words: str, columns: int = 80, lines: int = 24, **variables: str) -> Terminal:
        one = Terminal([*script, *words], columns, lines, variables)
        started.append(one)
        return one

    yield start
    for one in started:
        one.close()
