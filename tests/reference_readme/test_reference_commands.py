"""Every command line of the reference client's README runs here as it stands.

Put in are what a reader has to put in: the session's id, a tag and an alarm that exist, and
the gateway's address and certificate.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from reference_readme import readme
from tls_files import SERVER_NAME, TlsFiles

from mxgateway.simulator import ThreadedSimulator

Run = Callable[[str], Any]

TAG = "SimProbe_001.TestInt"
ALARM = "Reaction.SimProbe_001.TestAlarm"
LINES = {line.split()[1]: line for line in readme.CLI}
COMMANDS: dict[str, Any] = import_module("mxgateway_cli.app").COMMANDS


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Leave out the settings of the person who runs the tests."""
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "APPDATA", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in os.environ:
        if name.startswith("MXGATEWAY_"):
            monkeypatch.delenv(name)


@pytest.fixture
def sim(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadedSimulator]:
    """A gateway in plaintext that the variables lead to."""
    with ThreadedSimulator(seed=1, interval=None) as simulator:
        monkeypatch.setenv("MXGATEWAY_ENDPOINT", simulator.endpoint)
        monkeypatch.setenv("MXGATEWAY_API_KEY", simulator.api_key)
        monkeypatch.setenv("MXGATEWAY_PLAINTEXT", "1")
        yield simulator


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line that has to succeed, and return the one JSON document it prints."""
    (script,) = entry_points(group="console_scripts", name="mxgw-py")
    main = script.load()

    def run_line(line: str) -> Any:
        words = shlex.split(line)
        assert words[0] == "mxgw-py"
        code = main(words[1:])
        out, err = capsys.readouterr()
        assert (code, err) == (0, ""), f"{line}\n{out}{err}"
        return json.loads(out)

    return run_line


@pytest.fixture
def session(sim: ThreadedSimulator, run: Run) -> str:
    """Open a session with the README's line and return its id."""
    line = LINES["open-session"].replace("localhost:5000", sim.endpoint)
    session_id: str = run(line)["sessionId"]
    return session_id


def test_version(run: Run) -> None:
    assert {"clientVersion", "gatewayProtocolVersion"} <= run(LINES["version"]).keys()


def test_from_opening_a_session_to_its_events(run: Run, session: str) -> None:
    def line(command: str) -> Any:
        return run(LINES[command].replace("<id>", session).replace("Object.Attribute", TAG))

    assert line("register")["serverHandle"] == 1
    assert line("add-item")["itemHandle"] == 1
    assert line("add-item")["itemHandle"] == 2  # the one that the lines below name
    assert line("advise")["protocolStatus"]["code"] == "PROTOCOL_STATUS_CODE_OK"
    (event,) = line("stream-events")["events"]
    assert (event["family"], event["itemHandle"]) == ("MX_EVENT_FAMILY_ON_DATA_CHANGE", 2)
    assert line("write")["protocolStatus"]["code"] == "PROTOCOL_STATUS_CODE_OK"
    (event,) = line("stream-events")["events"]
    assert (event["family"], event["itemHandle"]) == ("MX_EVENT_FAMILY_ON_WRITE_COMPLETE", 2)


@pytest.mark.skipif("stream-alarms" not in COMMANDS, reason="mxgw-py has no stream-alarms yet")
def test_stream_alarms(sim: ThreadedSimulator, run: Run) -> None:
    sim.set_value("SimProbe_001.TestAlarm", True)

    (message,) = run(LINES["stream-alarms"])["messages"]

    assert message["activeAlarm"]["alarmFullReference"] == f"Galaxy!{ALARM}"


@pytest.mark.skipif(
    "acknowledge-alarm" not in COMMANDS, reason="mxgw-py has no acknowledge-alarm yet"
)
@pytest.mark.parametrize("shell", ["posix", "powershell"])
def test_acknowledge_alarm(sim: ThreadedSimulator, run: Run, shell: str) -> None:
    sim.set_value("SimProbe_001.TestAlarm", True)
    line = LINES["acknowledge-alarm"].replace("Area001.Pump001.PumpFault", ALARM)
    if shell == "powershell":  # it leaves both backslashes
        line = line.replace('"', "'")

    assert run(line)["protocolStatus"]["code"] == "PROTOCOL_STATUS_CODE_OK"
    (alarm,) = sim.alarms.active
    assert alarm.acked


def test_smoke_with_tls(run: Run, tls_files: TlsFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadedSimulator(seed=1, interval=None, tls=tls_files.server_context()) as sim:
        monkeypatch.setenv("MXGATEWAY_API_KEY", sim.api_key)
        line = (
            readme.CLI_TLS.replace("mxgateway.example.local:5001", sim.endpoint)
            .replace("C:\\certs\\mxgateway-ca.pem", shlex.quote(str(tls_files.ca_file)))
            .replace("mxgateway.example.local", SERVER_NAME)
            .replace("Object.Attribute", TAG)
        )
        record = run(line)

    assert (record["eventCount"], record["closeStatus"]) == (1, "SESSION_STATE_CLOSED")


def test_the_lines_of_the_integration_checks(
    sim: ThreadedSimulator, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MXGATEWAY_PLAINTEXT")
    text = (
        readme.INTEGRATION_CHECKS.replace("localhost:5000", sim.endpoint)
        .replace("<gateway-api-key>", sim.api_key)
        .replace("Object.Attribute", TAG)
    )
    *settings, command = text.splitlines()
    for setting in settings:
        match = re.fullmatch(r"\$env:(\w+) = '(.*)'", setting)
        assert match
        monkeypatch.setenv(*match.groups())
    # PowerShell puts a variable in as one word.
    record = run(re.sub(r"\$env:(\w+)", lambda match: shlex.quote(os.environ[match[1]]), command))

    assert (record["eventCount"], record["closeStatus"]) == (1, "SESSION_STATE_CLOSED")


def test_an_empty_line_does_not_end_a_batch() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mxgateway_cli", "batch"],
        input="version --json\n\n  \nversion --json\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert done.stdout.splitlines().count("__MXGW_BATCH_EOR__") == 2


def test_every_line_of_the_readme_is_run_here() -> None:
    source = Path(__file__).read_text(encoding="utf-8")

    assert [command for command in LINES if f'"{command}"' not in source] == []
