"""What the pages promise: every snippet and command is run, every link leads somewhere."""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from doc_blocks import ROOT, Block, Link, blocks_of, links_of, pages, slug

from mxgateway.simulator import ThreadedSimulator

BLOCKS = [block for page in pages() for block in blocks_of(page)]
PYTHON = [b for b in BLOCKS if b.language == "python" and not b.covered_by]
COMMANDS = [b for b in BLOCKS if b.language == "sh" and not b.covered_by]
COVERED = [b for b in BLOCKS if b.covered_by]
LINKS = [link for page in pages() for link in links_of(page)]
SHOWN_ONLY = {"text", "json", "toml", "ini"}  # what a program prints or reads


@pytest.fixture
def simulator() -> Iterator[ThreadedSimulator]:
    """A gateway for one page's block."""
    with ThreadedSimulator() as running:
        yield running


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_a_python_snippet_runs(
    block: Block, backend: str, simulator: ThreadedSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = block.text.replace("localhost:5000", simulator.endpoint)
    source = source.replace("<gateway-api-key>", simulator.api_key)
    monkeypatch.setenv("MXGATEWAY_ENDPOINT", simulator.endpoint)
    monkeypatch.setenv("MXGATEWAY_API_KEY", simulator.api_key)
    padded = "\n" * block.line + source  # so that a traceback shows the page's own lines
    code = compile(
        padded,
        str(ROOT / block.page),
        "exec",
        flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
        dont_inherit=True,
    )
    namespace = {"__name__": "__main__"}

    if code.co_flags & inspect.CO_COROUTINE:

        async def top_level() -> None:
            with anyio.fail_after(20):
                await eval(code, namespace)

        anyio.run(top_level, backend=backend)
    elif backend == "asyncio":
        exec(code, namespace)
    else:
        # A whole program chooses its loop itself; here it gets the other one.
        other = source.replace("anyio.run(main)", 'anyio.run(main, backend="trio")')
        exec(compile(other, str(ROOT / block.page), "exec", dont_inherit=True), namespace)


@pytest.mark.skipif(os.name == "nt", reason="the pages show commands for a POSIX shell")
@pytest.mark.parametrize("block", COMMANDS, ids=str)
def test_a_command_runs(block: Block, simulator: ThreadedSimulator, tmp_path: Path) -> None:
    lines = [line for line in block.text.splitlines() if not line.startswith("make")]
    script = "\n".join(lines)
    for line in script.splitlines():
        assert not line.lstrip().startswith("pip "), f"{block}: name the test that covers it"
    environment = os.environ | {
        "PATH": f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}",
        "MXGATEWAY_ENDPOINT": simulator.endpoint,
        "MXGATEWAY_API_KEY": simulator.api_key,
        "MXGATEWAY_PLAINTEXT": "1",
    }

    done = subprocess.run(
        ["sh", "-eu", "-c", script.replace("localhost:5000", simulator.endpoint)],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"


def test_every_make_target_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))

    named = {
        (page.name, target)
        for page in pages()
        for text in [block.text for block in blocks_of(page)]
        + re.findall(r"`([^`\n]+)`", page.read_text("utf-8"))
        for target in re.findall(r"^make ([a-z-]+)", text, re.MULTILINE)
    }
    assert {("README.md", "demo"), ("README.md", "test")} <= named
    assert {(page, target) for page, target in named if target not in targets} == set()


@pytest.mark.parametrize("block", COVERED, ids=str)
def test_a_block_that_names_its_test_is_right(block: Block) -> None:
    assert block.covered_by is not None
    file, _, name = block.covered_by.partition("::")

    assert (ROOT / file).is_file(), f"{block}: {file} does not exist"
    assert not name or f"def {name}(" in (ROOT / file).read_text("utf-8"), f"{block}: no {name}"


def test_every_block_is_of_a_kind_that_is_looked_after() -> None:
    known = SHOWN_ONLY | {"python", "sh"}

    assert [str(b) for b in BLOCKS if b.language not in known and not b.covered_by] == []


def test_the_readme_has_a_snippet_and_commands_to_run() -> None:
    assert [b.page for b in PYTHON].count("README.md") == 1
    assert [b.page for b in COMMANDS].count("README.md") == 2


@pytest.mark.parametrize("link", LINKS, ids=str)
def test_a_link_leads_somewhere(link: Link) -> None:
    path, _, anchor = link.target.partition("#")
    target = (ROOT / link.page).parent / path if path else ROOT / link.page

    assert target.exists()
    if anchor:
        headings = re.findall(r"^#+ (.*)$", target.read_text("utf-8"), re.MULTILINE)
        assert anchor in {slug(heading) for heading in headings}


def test_the_pages_are_read_with_the_interpreter_of_the_tests() -> None:
    """The commands of the pages find this environment's script, not some other installation."""
    script = Path(sysconfig.get_path("scripts")) / ("mxgw-py.exe" if os.name == "nt" else "mxgw-py")

    assert script.is_file()
    assert Path(sys.executable).parent == script.parent
