"""What a command imports: nothing heavy for help and version, no rich where nothing is drawn."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

import pytest
from cli_lines import ALARM, BENCHES, LINES, PASSWORD, SETTINGS, prepare

from mxgateway.simulator import ThreadedSimulator

HEAVY = {"h2", "grpclib", "betterproto2", "anyio", "asyncio", "ssl"}
_RECORDER = """
import sys
from importlib import import_module
module, _, function = sys.argv.pop(1).partition(":")
code = getattr(import_module(module), function)(sys.argv[1:])
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
sys.exit(code)
"""

# Looked up here: on newer Pythons importlib.metadata itself imports much.
(_SCRIPT,) = (entry.value for entry in entry_points(group="console_scripts", name="mxgw-py"))


def imported(*words: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _RECORDER, _SCRIPT, *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 2)
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.requirement("cli.startup")
@pytest.mark.parametrize("words", [("version", "--json"), ("--version",), ("-V",)])
def test_the_version_is_answered_without_the_machinery_and_with_the_same_bytes(
    spawn: Callable[..., Any], words: tuple[str, ...]
) -> None:
    assert imported(*words) & {"click", "rich_click", "json", "tomllib"} == set()
    short = spawn(*words)
    # A setting that could matter takes the long way.
    long = spawn(*words, MXGATEWAY_QUIET="1")
    assert (short.code, short.out, short.err) == (long.code, long.out, long.err)
    assert short.code == 0


@pytest.mark.requirement("cli.startup")
@pytest.mark.parametrize(
    "words",
    [("--help",), ("version", "--json"), ("version",), ("config",), ("profile", "list"), ("-V",)],
)
def test_help_and_version_load_neither_network_nor_messages(words: tuple[str, ...]) -> None:
    assert imported(*words) & HEAVY == set()


@pytest.mark.parametrize(
    "command",
    [
        *("smoke", "register", "write", "stream-events", "simulate", "demo", "open-session"),
        *("doctor", "trust", "profile", "config", "completion", "batch", "add-item2", "write2"),
        *("authenticate-user", "ping", "add-item-bulk", "read-bulk", "stream-alarms"),
        *("galaxy-watch-deploys", "galaxy-discover", "bench-read-bulk"),
    ],
)
def test_help_of_a_command_loads_neither_network_nor_messages(command: str) -> None:
    assert imported(command, "--help") & HEAVY == set()


@pytest.mark.requirement("cli.startup")
def test_json_and_piped_tables_do_without_rich(connected: ThreadedSimulator) -> None:
    smoke = ("smoke", "--item", "SimProbe_001.TestInt")
    assert "rich" not in imported("version", "--json", "--quiet")
    assert "rich" not in imported("config", "--json")
    assert "rich" not in imported("doctor", "--json")
    assert "rich" not in imported(*smoke, "--json")
    assert "rich" not in imported(*smoke)
    assert "anyio" in imported(*smoke, "--json")


_SEQUENCE = """
import io, json, os, sys
from importlib import import_module
module, _, function = sys.argv[1].partition(":")
main, loaded = getattr(import_module(module), function), []
sys.stdout = io.StringIO()
for words in json.loads(sys.argv[2]):
    code = main(words)
    if code or "rich" in sys.modules:
        loaded.append([words, code])
print(json.dumps(loaded), file=sys.__stdout__)
"""


@pytest.mark.requirement("cli.startup")
@pytest.mark.parametrize("style", ["json", "jsonl", "csv", "table"])
def test_no_command_of_the_scripts_loads_rich_where_nothing_is_drawn(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, style: str
) -> None:
    with ThreadedSimulator(interval=None, settings=SETTINGS) as simulator:
        simulator.alarms.raise_(ALARM)
        monkeypatch.setenv("MXGATEWAY_ENDPOINT", simulator.endpoint)
        monkeypatch.setenv("MXGATEWAY_API_KEY", simulator.api_key)
        monkeypatch.setenv("MXGATEWAY_PLAINTEXT", "1")
        monkeypatch.setenv("PLANT_PASSWORD", PASSWORD)
        prepared = prepare(run)
        lines = [
            [line.command, *line.filled(prepared), "--output", style] for line in (*LINES, *BENCHES)
        ]
        done = subprocess.run(
            [sys.executable, "-c", _SEQUENCE, _SCRIPT, json.dumps(lines)],
            capture_output=True,
            text=True,
            check=True,
        )
    assert json.loads(done.stdout) == []


def test_a_usage_error_in_json_does_without_rich() -> None:
    assert "rich" not in imported("smoke", "--json")


def test_naming_one_command_loads_only_its_module(run: Callable[..., Any]) -> None:
    probe = (
        "import sys; from importlib.metadata import entry_points\n"
        "(s,) = entry_points(group='console_scripts', name='mxgw-py')\n"
        "s.load()(['version'])\n"
        "print(*(m for m in sys.modules if m.startswith('mxgateway_cli.commands.')))"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "mxgateway_cli.commands.version"
