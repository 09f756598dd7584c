"""Commands against hostile peers: in this process on what takes itself for a terminal, and real."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from cli_lines import ALARM, PASSWORD, SETTINGS

from mxgateway.simulator import ThreadedSimulator


class Tty(io.TextIOWrapper):
    """A stream that says that a person reads it, and keeps the bytes."""

    def __init__(self) -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, encoding="utf-8", newline="", write_through=True)

    def isatty(self) -> bool:
        return True


@dataclass(frozen=True)
class Shown:
    """What a command wrote.

    Attributes:
        code: The exit code.
        out: The bytes on stdout.
        err: The bytes on stderr.
    """

    code: int
    out: bytes
    err: bytes


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable, profile or remembered tag of the person who runs the tests reaches a command."""
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "APPDATA", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    for name in list(os.environ):
        if name.startswith("MXGATEWAY_") or name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PLANT_PASSWORD", PASSWORD)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def honest() -> Iterator[ThreadedSimulator]:
    """The gateway behind a hostile one, with an alarm to tell."""
    with ThreadedSimulator(interval=None, settings=SETTINGS) as simulator:
        simulator.alarms.raise_(ALARM)
        yield simulator


@pytest.fixture(scope="session")
def main() -> Callable[[list[str]], int]:
    """The function behind the console script."""
    (script,) = entry_points(group="console_scripts", name="mxgw-py")
    function: Callable[[list[str]], int] = script.load()
    return function


@pytest.fixture
def on_terminal(
    main: Callable[[list[str]], int], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Shown]:
    """Run a command line in this process; stdout and stderr are terminals of so many columns."""

    def run(*words: str, columns: int = 200) -> Shown:
        with monkeypatch.context() as patch:
            out, err = Tty(), Tty()
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            patch.setenv("COLUMNS", str(columns))
            patch.setenv("LINES", "50")
            code = main(list(words))
            return Shown(code, out.bytes.getvalue(), err.bytes.getvalue())

    return run


@pytest.fixture
def on_pipe(
    main: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    """Run a command line in this process; a program reads what it writes."""

    def run(*words: str) -> Shown:
        capsys.readouterr()
        code = main(list(words))
        captured = capsys.readouterr()
        return Shown(code, captured.out.encode(), captured.err.encode())

    return run
