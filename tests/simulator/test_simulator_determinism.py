"""Two runs with the same seed, clock and calls send the same bytes, whatever the hash seed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).with_name("equal_runs.py")


def run(seed: int, hash_seed: str) -> dict[str, Any]:
    """What came back in a process of its own: count and digest by message type."""
    done = subprocess.run(
        [sys.executable, "-P", str(SCRIPT), str(seed)],
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_two_processes_send_the_same_bytes() -> None:
    first, second, other = run(5, "1"), run(5, "4711"), run(6, "1")

    assert first == second
    assert set(first) == {
        "AcknowledgeAlarmReply",
        "AlarmFeedMessage",
        "BrowseChildrenReply",
        "DeployEvent",
        "DiscoverHierarchyReply",
        "MxCommandReply",
        "MxEvent",
        "OpenSessionReply",
    }
    counts = {name: count for name, (count, _) in first.items()}
    assert counts["MxEvent"] > 2000
    assert counts["AlarmFeedMessage"] > 10
    assert first["MxEvent"] != other["MxEvent"]
    assert first["OpenSessionReply"] != other["OpenSessionReply"]
    # What depends on neither noise nor ids.
    for name in ("BrowseChildrenReply", "DeployEvent", "DiscoverHierarchyReply"):
        assert first[name] == other[name]
