"""The page about the command line says what is so: its examples run, its lists are complete."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mxgateway.simulator import ThreadedSimulator

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^\| `([a-z][a-z-]+)` \|(.*)$", TEXT, re.MULTILINE)


@pytest.mark.skipif(sys.platform == "win32", reason="the examples are for a POSIX shell")
@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_runs_as_it_is_written(example: str, connected: ThreadedSimulator) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["/bin/sh", "-e", "-c", example],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"PATH": path},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout
    assert connected.session_count == 0


def test_the_examples_were_found() -> None:
    assert len(EXAMPLES) >= 3


def test_every_command_of_the_help_is_on_the_page(run: Callable[..., Any]) -> None:
    panels = re.findall(r"^[│|] ([a-z][a-z-]+) {2,}\S", run("--help").out, re.MULTILINE)
    assert set(panels) == {name for name, _ in COMMANDS}


@pytest.mark.parametrize(("command", "row"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_every_option_of_a_command_is_on_the_page(
    run: Callable[..., Any], command: str, row: str
) -> None:
    options = set(re.findall(r"(?<![\w-])(--[a-z-]+)", run(command, "--help").out))
    shared = set(re.findall(r"^\| `(--[a-z-]+)", TEXT, re.MULTILINE)) | {"--json", "--help"}
    own = set(re.findall(r"`(--[a-z-]+)", row))
    assert own <= options
    assert options - shared - own == set()


def test_every_variable_of_the_help_is_on_the_page(run: Callable[..., Any]) -> None:
    named = set(re.findall(r"MXGATEWAY_[A-Z_]+", run("smoke", "--help").out))
    assert named == set(re.findall(r"MXGATEWAY_[A-Z_]+", TEXT))


def test_the_exit_codes_are_those_of_the_help(run: Callable[..., Any]) -> None:
    listed = re.findall(r"^ (\d+) +(\S.*?)\s*$", run("--help").out, re.MULTILINE)
    assert listed == re.findall(r"^\| (\d+) \| (.*?) \|$", TEXT, re.MULTILINE)
    assert len(listed) == 11


@pytest.mark.parametrize("command", [name for name, _ in COMMANDS])
def test_help_at_eighty_columns_shows_names_of_options_whole(
    spawn: Callable[..., Any], command: str
) -> None:
    assert "…" not in spawn(command, "--help", COLUMNS="80").out
