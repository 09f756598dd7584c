"""The integration checks pass against a sound gateway, and fail against one that is not.

They run in a process of their own against a simulator, as against a live gateway.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from integration.live_gateway import LiveGateway
from tls_files import SERVER_NAME, TlsFiles

from mxgateway import ConfigurationError, __version__
from mxgateway.simulator import ApiKey, ThreadedSimulator

HERE = Path(__file__).parent
ITEM = "SimProbe_001.TestInt"
SECRET = "mxgw_integration_a-secret-for-nobody"


def check(
    sim: ThreadedSimulator, *words: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run the checks against a simulator; keywords are variables without their prefix."""
    usual = {
        "INTEGRATION": "1",
        "ENDPOINT": sim.endpoint,
        "API_KEY": sim.api_key,
        "TEST_ITEM": ITEM,
        "TEST_WRITE_VALUE": "",
        "PLAINTEXT": "1",
        "TIMEOUT": "20",
    }
    rest = {k: v for k, v in os.environ.items() if not k.startswith("MXGATEWAY_")}
    return subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-rs", str(HERE), *words],
        cwd=HERE.parents[1],
        env=rest | {f"MXGATEWAY_{name}": value for name, value in (usual | variables).items()},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def counts(output: str) -> dict[str, int]:
    """Return the numbers of pytest's last line, by word."""
    last = output.splitlines()[-1]
    found = re.findall(r"(\d+) (passed|skipped|failed|error)", last)
    return {word: int(number) for number, word in found}


def test_all_checks_pass_against_a_sound_gateway() -> None:
    with ThreadedSimulator(seed=1, interval=None) as sim:
        sim.set_value("SimProbe_001.TestAlarm", True)
        assert sim.read_only_key is not None

        done = check(sim, TEST_WRITE_VALUE="42", TEST_READ_ONLY_KEY=sim.read_only_key)

        assert done.returncode == 0, done.stdout
        assert counts(done.stdout).keys() == {"passed"}, done.stdout
        assert f"mxgateway {__version__} (Python) to {sim.endpoint}, plaintext" in done.stdout
        assert sim.audit.values_written(ITEM) == [42] * 4  # two writes on each event loop
        assert sim.session_count == 0


def test_without_a_value_nothing_is_written_and_what_is_left_out_is_told() -> None:
    with ThreadedSimulator(seed=1, interval=None) as sim:
        done = check(sim, "-k", "write")

        assert done.returncode == 0, done.stdout
        assert counts(done.stdout) == {"skipped": 4}
        assert "MXGATEWAY_TEST_WRITE_VALUE is empty" in done.stdout
        assert "set MXGATEWAY_TEST_READ_ONLY_KEY" in done.stdout
        assert sim.audit.writes(ITEM) == []


@pytest.mark.parametrize("text", ["soon", "0", "nan"])
def test_a_timeout_that_is_none_is_told_by_name(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"timeout|TIMEOUT"):
        LiveGateway.of({"MXGATEWAY_PLAINTEXT": "1", "MXGATEWAY_TIMEOUT": text})


def test_tls_settings_lead_to_a_gateway_with_a_certificate(tls_files: TlsFiles) -> None:
    with ThreadedSimulator(seed=1, interval=None, tls=tls_files.server_context()) as sim:
        done = check(
            sim,
            *("-k", "protocol"),
            PLAINTEXT="",
            CA_FILE=str(tls_files.ca_file),
            SERVER_NAME_OVERRIDE=SERVER_NAME,
        )

    assert done.returncode == 0, done.stdout
    assert counts(done.stdout) == {"passed": 2}


def mute_item(sim: ThreadedSimulator) -> None:
    """Let the item have a bad quality."""
    sim.set_value(ITEM, 1, quality=0)


def broken_replies(sim: ThreadedSimulator) -> None:
    """Damage every reply to a command."""
    sim.faults.corrupt_replies(method="Invoke", times=None)


def broken_pages(sim: ThreadedSimulator) -> None:
    """Let every page of the galaxy be the last that can be had."""
    sim.faults.corrupt_page_tokens(times=None)


@pytest.mark.parametrize(
    ("misbehave", "failing"),
    [
        (mute_item, "test_an_advised_item_sends_its_value"),
        (broken_replies, "test_the_worker_answers"),
        (broken_pages, "test_objects_come_in_pages"),
    ],
)
def test_a_gateway_that_misbehaves_fails_them_and_no_key_is_shown(
    misbehave: Callable[[ThreadedSimulator], None], failing: str
) -> None:
    with ThreadedSimulator(seed=1, interval=None, keys=[ApiKey(SECRET)]) as sim:
        misbehave(sim)
        endpoint = sim.endpoint

        done = check(sim, "-k", failing)

    assert done.returncode == 1, done.stdout
    assert counts(done.stdout) == {"failed": 2}
    assert f"(Python) to {endpoint}, plaintext, key *** from MXGATEWAY_API_KEY" in done.stdout
    assert SECRET not in done.stdout + done.stderr
