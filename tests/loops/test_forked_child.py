"""A forked child may not use the client of its parent, and cannot harm it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mxgateway.simulator import ThreadedSimulator

STEPS = Path(__file__).with_name("forking_steps.py")
SYNC_STEPS = Path(__file__).with_name("forking_sync_steps.py")
pytestmark = [
    pytest.mark.requirement("life.fork"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork"),
]


def answer_of(steps: Path, backend: str, sim: ThreadedSimulator) -> tuple[dict[str, Any], str]:
    """Run a program that forks; return what it prints as JSON, and its stderr."""
    done = subprocess.run(
        [sys.executable, "-P", str(steps), backend, sim.endpoint, sim.api_key],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_child_gets_one_clear_error_and_the_parent_goes_on(
    sim: ThreadedSimulator, backend: str
) -> None:
    answer, _ = answer_of(STEPS, backend, sim)
    child = answer["child"]
    closing = ("close", "aclose", "events aclose", "values aclose")
    assert {child.pop(name) for name in closing} == {"done"}  # nothing is the child's to close
    assert set(child) == {
        *("unary", "session", "tags", "next", "stream", "events", "values", "values add", "hold")
    }
    for text in child.values():
        assert "from which this one was forked; connect a new client" in text
    assert answer["code"] == 0
    assert answer["parent"] is True


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_child_of_a_synchronous_client_gets_the_same_error_and_ends(
    sim: ThreadedSimulator, backend: str
) -> None:
    answer, stderr = answer_of(SYNC_STEPS, backend, sim)
    child = answer["child"]
    closing = ("close", "events close", "values close")
    assert {child.pop(name) for name in closing} == {"done"}
    assert set(child) == {*("unary", "session", "tags", "galaxy", "events", "values", "values add")}
    for text in child.values():
        assert "from which this one was forked; connect a new client" in text
    assert (answer["code"], answer["parent"]) == (0, [True])
    assert stderr == ""
