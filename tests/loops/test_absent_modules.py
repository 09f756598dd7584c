"""asyncio is nothing that our code imports, and trio nothing that it needs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mxgateway.simulator import ThreadedSimulator

STEPS = Path(__file__).with_name("runtime_steps.py")


def run_steps(sim: ThreadedSimulator, backend: str, absent: str) -> Any:
    words = [backend, sim.endpoint, sim.api_key, absent]
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", str(STEPS), *words],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.mark.requirement("async.trio-real")
@pytest.mark.parametrize(("backend", "absent"), [("trio", "asyncio"), ("asyncio", "trio")])
def test_every_module_and_every_kind_of_call_does_without(
    sim: ThreadedSimulator, backend: str, absent: str
) -> None:
    answer = run_steps(sim, backend, absent)
    assert answer["tried"] == []
    assert answer["trio"] == (absent != "trio")
    assert answer["seen"] == {"event": True, "read": 7, "alarms": True, "galaxy": True}
    assert {"mxgateway.transport.pump", "mxgateway_cli.commands.smoke"} <= set(answer["modules"])


@pytest.mark.requirement("async.trio-real")
def test_the_command_line_runs_with_trio_absent(sim: ThreadedSimulator) -> None:
    code = (
        "import sys; sys.modules['trio'] = None\n"
        "from mxgateway_cli.__main__ import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    options = ["--endpoint", sim.endpoint, "--api-key", sim.api_key, "--plaintext", "--json"]
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, "smoke", "--item", "SimProbe_001.TestInt", *options],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["eventCount"] == 1
