"""The pages about the command line say what is so: examples run, lists are complete."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from doc_blocks import blocks_of

from mxgateway.simulator import ThreadedSimulator

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "cli.md"
TEXT = PAGE.read_text(encoding="utf-8")
PAGES = [PAGE, *sorted((DOCS / "cli").glob("*.md"))]
EXAMPLES = [b for page in PAGES for b in blocks_of(page) if b.language == "sh" and not b.covered_by]
POWERSHELL = [b for page in PAGES for b in blocks_of(page) if b.language == "powershell"]
NAMED = re.findall(r"^\| `([a-z][a-z0-9-]+)` \| [a-z]", TEXT, re.MULTILINE)
app = import_module("mxgateway_cli.app")


def _generator() -> Any:
    spec = importlib.util.spec_from_file_location("cli_generate", DOCS / "cli" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate = _generator()


ROOT = app.group.make_context("mxgw-py", [], resilient_parsing=True)


def commands(context: Any = ROOT, path: tuple[str, ...] = ()) -> Iterator[tuple[Any, Any]]:
    """Every command by the words that lead to it; groups only where they do something alone."""
    group = context.command
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if hasattr(command, "list_commands"):
            inner = command.make_context(name, [], parent=context, resilient_parsing=True)
            yield from commands(inner, (*path, name))
        if getattr(command, "invoke_without_command", True):
            yield (*path, name), command


COMMANDS = dict(commands())


def check_line(line: str) -> None:
    """Parse a command line of a page or a help without running it."""
    words = shlex.split(line, comments=True)
    assert words[0] == "mxgw-py"
    words = words[1:]
    ends = [n for n, word in enumerate(words) if word in ("|", ">", "<", ")")]
    words = words[: ends[0]] if ends else words
    length = 2 if tuple(words[:2]) in COMMANDS else 1
    if words[0].startswith("-"):
        return
    command = COMMANDS[tuple(words[:length])]
    with command.make_context(words[0], words[length:], parent=ROOT):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="the examples are for a POSIX shell")
@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_an_example_runs_as_it_is_written(
    example: Any, connected: ThreadedSimulator, tmp_path: Path
) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["/bin/sh", "-e", "-c", example.text.replace("localhost:5000", connected.endpoint)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        env=os.environ | {"PATH": path},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout
    assert connected.session_count == 0


def test_the_examples_were_found() -> None:
    assert len(EXAMPLES) >= 7
    assert len(POWERSHELL) >= 4


def test_the_powershell_lines_parse() -> None:
    lines = [line for block in POWERSHELL for line in block.text.splitlines()]
    found = [re.search(r"mxgw-py [^|)>]*", line) for line in lines]
    parsed = [match[0].replace("\\", "/") for match in found if match is not None]
    assert len(parsed) >= 13
    for line in parsed:
        check_line(line)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_examples_and_they_parse(command: tuple[str, ...]) -> None:
    epilog = COMMANDS[command].epilog or ""
    lines = [line.strip() for line in epilog.splitlines() if "mxgw-py " in line]
    assert lines
    for line in lines:
        inner = re.search(r"mxgw-py [^|)\"<>]*", line)
        assert inner is not None
        check_line(inner[0])


def test_the_reference_is_what_the_commands_print(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLUMNS", "LINES", "NO_COLOR", "TERM"):
        monkeypatch.setenv(name, "80")  # The generator sets them; this takes it back afterwards.
    page = (DOCS / "cli" / "reference.md").read_text(encoding="utf-8")
    assert generate.words_of(page) == generate.words_of(generate.render()), (
        "run python docs/cli/generate.py"
    )


def test_the_help_of_a_command_stands_in_the_reference(spawn: Callable[..., Any]) -> None:
    page = (DOCS / "cli" / "reference.md").read_text(encoding="utf-8")
    shown = spawn("write", "--help", COLUMNS=str(generate.WIDTH), NO_COLOR="1").out
    assert " ".join(generate.words_of(shown)) in " ".join(generate.words_of(page))


def test_every_command_of_the_help_is_on_the_page(run: Callable[..., Any]) -> None:
    panels = re.findall(r"^[│|] ([a-z][a-z0-9-]+) {2,}\S", run("--help").out, re.MULTILINE)
    assert set(panels) == set(NAMED)


def test_every_variable_that_a_page_names_exists() -> None:
    table = import_module("mxgateway_cli.settings.table").SETTINGS
    known = {setting.variable for setting in table}
    known |= {"MXGATEWAY_SMOKE_MAX_EVENTS", "MXGATEWAY_TEST_ITEM", "MXGATEWAY_"}
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("MXGATEWAY_<COMMAND>_<OPTION>", "")
        assert set(re.findall(r"MXGATEWAY_[A-Z_]*", text)) <= known


def test_the_exit_codes_are_those_of_the_help(run: Callable[..., Any]) -> None:
    listed = re.findall(r"^ (\d+) +(\S.*?)\s*$", run("--help").out, re.MULTILINE)
    assert listed == re.findall(r"^\| (\d+) \| (.*?) \|$", TEXT, re.MULTILINE)
    assert len(listed) == 11


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_at_eighty_columns_shows_names_of_options_whole(
    spawn: Callable[..., Any], command: tuple[str, ...]
) -> None:
    assert "…" not in spawn(*command, "--help", COLUMNS="80").out
