"""Commands in a real terminal: tables that fit, tags that stay whole, colours that can be off."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mxgateway.simulator import ThreadedSimulator
from mxgateway.simulator import TlsFiles as SimulatorTlsFiles

if sys.platform == "win32":
    pytest.skip("pseudo-terminals of this kind are POSIX only", allow_module_level=True)

import pexpect  # type: ignore[import-untyped]
import pyte

LIMIT = 30


class Terminal:
    """A command in a pseudo-terminal, its output drawn on a screen."""

    def __init__(self, words: list[str], columns: int, lines: int, variables: dict[str, str]):
        self._screen = pyte.HistoryScreen(columns, lines, history=2_000, ratio=0.5)
        self._stream = pyte.ByteStream(self._screen)
        environment = {"TERM": "xterm-256color", **variables}
        known = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")}
        self.raw = b""
        self.child: Any = pexpect.spawn(
            words[0], words[1:], dimensions=(lines, columns), env=known | environment, timeout=LIMIT
        )

    def read_until(self, pattern: str) -> str:
        """Return the screen once `pattern` has been written."""
        self.child.expect(pattern.encode())
        self._feed(self.child.before + self.child.after)
        return self.text()

    def finish(self) -> int:
        """Read to the end; return the exit code."""
        self.child.expect(pexpect.EOF)
        self._feed(self.child.before)
        self.child.close()
        code: int = self.child.exitstatus
        return code

    def _feed(self, data: bytes) -> None:
        self.raw += data
        self._stream.feed(data)

    def text(self) -> str:
        """What stands on the screen, and above it where it has scrolled."""
        above = [
            "".join(line[n].data for n in range(self._screen.columns))
            for line in self._screen.history.top
        ]
        return "\n".join(line.rstrip() for line in [*above, *self._screen.display])


@pytest.fixture
def terminal(script: list[str]) -> Any:
    """Start a command in a terminal of a given width."""
    started: list[Terminal] = []

    def start(*words: str, columns: int = 80, lines: int = 30, **variables: str) -> Terminal:
        terminal = Terminal([*script, *words], columns, lines, variables)
        started.append(terminal)
        return terminal

    yield start
    for one in started:
        one.child.close(force=True)


@pytest.mark.parametrize("columns", [50, 80, 200])
def test_demo_shows_moving_values_with_whole_tags_and_ends_well(
    terminal: Callable[..., Terminal], columns: int
) -> None:
    screen = terminal("demo", "--seconds", "1.5", columns=columns)
    assert screen.finish() == 0
    text = screen.text()
    for tag in ("Pump_001.Speed", "TestChildObject.TestInt", "SimProbe_001.AlwaysBad"):
        assert re.search(rf"^{re.escape(tag)}\s+\S", text, re.MULTILINE)
    assert "Good" in text
    assert "Bad, comm" in text
    assert ("Type" in text) == (columns >= 80)
    assert "…" not in text
    assert "Session closed: CLOSED" in text
    # Redrawn in place: the heading stands there once, although it was drawn many times.
    assert text.count("Quality") == 1
    assert screen.raw.count(b"Quality") > 1
    assert screen.raw.endswith(b"\n")
    assert b"\x1b[?25h" in screen.raw[screen.raw.rindex(b"\x1b[?25l") :]


def test_demo_ends_on_ctrl_c_with_the_cursor_back_and_the_session_closed(
    terminal: Callable[..., Terminal],
) -> None:
    screen = terminal("demo", "--seconds", "60")
    screen.read_until("Pump_001.Speed")
    screen.child.sendintr()
    assert screen.finish() == 130
    assert "interrupted" in screen.text()
    assert b"\x1b[?25h" in screen.raw[screen.raw.rindex(b"\x1b[?25l") :]


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_simulate_counts_what_happens_and_ends_on_ctrl_c_with_the_cursor_back(
    terminal: Callable[..., Terminal], run: Callable[..., Any], columns: int
) -> None:
    screen = terminal("simulate", "--port", "0", "--interval", "0.1", columns=columns)
    shown = "".join(screen.read_until("Alarms").split())
    found = re.search(r"--endpoint(127\.0\.0\.1:\d+)--plaintext--api-key(\S+?)--item", shown)
    assert found is not None
    where = ("--endpoint", found[1], "--plaintext", "--api-key", found[2])
    assert run("smoke", *where, "--item", "Tank_001.Level", "--json").code == 0
    screen.read_until("\x1b\\[1m +6\x1b")  # the commands of smoke; what counts is bold
    screen.child.sendintr()
    assert screen.finish() == 0
    text = screen.text()
    for tag in ("Pump_001.Speed", "Tank_001.Level", "TestChildObject.TestInt"):
        assert re.search(rf"^{re.escape(tag)}\s+\S+\s+Good", text, re.MULTILINE)
    assert "…" not in text
    assert text.count("Sessions") == 1
    assert text.rstrip().endswith("Stopped.")
    assert b"\x1b[?25h" in screen.raw[screen.raw.rindex(b"\x1b[?25l") :]


def test_without_a_terminal_demo_prints_plain_lines(spawn: Callable[..., Any]) -> None:
    outcome = spawn("demo", "--seconds", "1")
    assert outcome.code == 0
    assert outcome.err == ""
    assert "\x1b" not in outcome.out
    rows = [line for line in outcome.out.splitlines() if line.startswith("Pump_001.Speed")]
    assert len(rows) >= 2
    assert all("Good (192)" in row and row.endswith("Float") for row in rows)


@pytest.mark.requirement("cli.table-whole")
def test_a_tag_wider_than_the_terminal_folds_and_loses_nothing(
    terminal: Callable[..., Terminal], connected: ThreadedSimulator
) -> None:
    tag = "Area001.ReactorVessel." + "Sub." * 20 + "Temperature"
    screen = terminal("smoke", "--item", tag, columns=60)
    assert screen.finish() == 0
    rows = screen.text().splitlines()
    start = next(n for n, row in enumerate(rows) if row.startswith("Item "))
    assert tag in "".join(row.removeprefix("Item").strip() for row in rows[start : start + 4])


@pytest.mark.parametrize("columns", [80, 200])
def test_events_come_as_rows_that_fit_the_terminal(
    terminal: Callable[..., Terminal], advised: Any, columns: int
) -> None:
    screen = terminal("stream-events", *advised.session, "--max-events", "1", columns=columns)
    assert screen.finish() == 0
    lines = [line for line in screen.text().splitlines() if line]
    assert len(lines) == 2
    assert "data change" in lines[1]
    assert "Integer" in lines[1]


def test_no_color_is_honoured(
    terminal: Callable[..., Terminal], connected: ThreadedSimulator
) -> None:
    words = ("smoke", "--item", "SimProbe_001.TestInt")
    coloured = terminal(*words)
    assert coloured.finish() == 0
    plain = terminal(*words, NO_COLOR="1")
    assert plain.finish() == 0
    colour = re.compile(rb"\x1b\[[0-9;]*3[0-7]m")
    assert colour.search(coloured.raw)
    assert not colour.search(plain.raw)


@pytest.mark.parametrize(("answer", "kept"), [("y", True), ("n", False), ("", False)])
def test_trust_shows_the_certificate_before_it_asks(
    terminal: Callable[..., Terminal], self_signed: Any, tmp_path: Path, answer: str, kept: bool
) -> None:
    target = tmp_path / "plant.pem"
    files = SimulatorTlsFiles(self_signed.cert_file, self_signed.key_file)
    with ThreadedSimulator(tls=files, interval=None) as simulator:
        screen = terminal("trust", simulator.endpoint, "--output-file", str(target), columns=120)
        shown = screen.read_until("Trust it and write")
        screen.child.sendline(answer)
        assert screen.finish() == 0
    assert "Signed by itself" in " ".join(shown.split())
    assert "SHA-256" in shown
    assert target.exists() == kept


def test_a_key_is_asked_for_and_not_echoed(
    terminal: Callable[..., Terminal], sim: ThreadedSimulator
) -> None:
    words = ("--plaintext", "--endpoint", sim.endpoint, "--api-key", "prompt")
    screen = terminal("smoke", "--item", "SimProbe_001.TestInt", *words)
    screen.read_until("API key: ")
    screen.child.sendline(sim.api_key)
    assert screen.finish() == 0
    assert sim.api_key not in screen.text()
    assert "Closed" in screen.text()
