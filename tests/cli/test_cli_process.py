"""The command as users and scripts run it: exit codes, bytes, pipes, code pages, signals."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from mxgateway.simulator import Settings, ThreadedSimulator

Spawn = Callable[..., Any]
LIMIT = 30
SMOKE = ("smoke", "--item", "SimProbe_001.TestInt")
posix_signals = pytest.mark.skipif(
    sys.platform == "win32", reason="sending Ctrl-C to one child needs POSIX signals"
)


@pytest.mark.requirement("cli.exit-codes")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), 0),
        (("--max-events", "none"), 2),
        (("--endpoint", "127.0.0.1:1"), 3),
        (("--tls",), 4),
        (("--api-key", "mxgw_nobody_nothing"), 5),
        (("--timeout", "3", "--item", "No.Such", "--max-events", "2"), 0),
    ],
)
@pytest.mark.parametrize("style", [("--json",), ()])
def test_the_exit_code_tells_what_happened_and_stdout_stays_pure(
    spawn: Spawn,
    connected: ThreadedSimulator,
    words: tuple[str, ...],
    code: int,
    style: tuple[str, ...],
) -> None:
    outcome = spawn(*SMOKE, *words, *style)
    assert outcome.code == code
    assert "Traceback" not in outcome.err
    assert connected.api_key not in outcome.out + outcome.err
    if code:
        assert outcome.out == ""
        assert outcome.err
        if style:
            assert outcome.error()["exitCode"] == code
    elif style:
        assert outcome.json()["eventCount"] == 1


@pytest.mark.requirement("cli.exit-codes")
def test_a_gateway_that_stays_silent_is_a_deadline(spawn: Spawn) -> None:
    settings = Settings(first_value_delay=60.0)
    with ThreadedSimulator(interval=None, settings=settings) as simulator:
        base = ("--endpoint", simulator.endpoint, "--api-key", simulator.api_key, "--plaintext")
        outcome = spawn(*SMOKE, *base, "--timeout", "0.5", "--json")
    assert outcome.code == 6
    assert outcome.error()["type"] == "DeadlineExceededError"


@pytest.mark.requirement("cli.exit-codes")
def test_a_gateway_error_is_seven(spawn: Spawn, connected: ThreadedSimulator) -> None:
    outcome = spawn("close-session", "--session-id", "session-0", "--json")
    assert outcome.code == 7


@pytest.mark.parametrize("style", [("--json",), ()])
def test_an_unexpected_error_is_short_and_says_how_to_get_the_traceback(
    run: Callable[..., Any],
    connected: ThreadedSimulator,
    monkeypatch: pytest.MonkeyPatch,
    style: tuple[str, ...],
) -> None:
    def explode(**_: object) -> None:
        raise RuntimeError(f"boom with {connected.api_key}")

    monkeypatch.setattr("mxgateway.client.GatewayClient.connect", explode)
    outcome = run(*SMOKE, *style)
    assert outcome.code == 1
    assert "boom" in outcome.err
    assert "Traceback" not in outcome.err
    assert connected.api_key not in outcome.err
    if not style:
        assert "--debug" in outcome.err
    for words in (("--debug",), ()):
        monkeypatch.setenv("MXGATEWAY_DEBUG", "" if words else "1")
        shown = run(*SMOKE, *style, *words)
        assert shown.code == 1
        assert "Traceback" in shown.err
        assert connected.api_key not in shown.err


@pytest.mark.requirement("cli.stdout-pure")
def test_json_is_the_same_bytes_whatever_hash_seed_locale_zone_and_width(
    spawn: Spawn, connected: ThreadedSimulator
) -> None:
    session = spawn("open-session", "--json").json()["sessionId"]
    name = ("--session-id", session)
    handle = ("--server-handle", "1")
    spawn("register", *name, "--client-name", "c")
    spawn("add-item", *name, *handle, "--item", "Tank_001.Label")
    spawn("advise", *name, *handle, "--item-handle", "1")
    surroundings: list[dict[str, str]] = [
        {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C", "COLUMNS": "40"},
        {"PYTHONHASHSEED": "2", "TZ": "Pacific/Auckland", "LC_ALL": "C.UTF-8", "COLUMNS": "250"},
        {"PYTHONIOENCODING": "cp437", "TZ": "America/St_Johns", "NO_COLOR": "1"},
    ]
    # Resuming after the event that an earlier stream took gives the same one again.
    words = ("stream-events", *name, "--max-events", "1", "--json")
    assert len(spawn(*words).json()["events"]) == 1
    connected.set_value("Tank_001.Label", "Behälter 2 — €")
    more = ("--after-worker-sequence", "1")
    streams = {spawn(*words, *more, **variables).out for variables in surroundings}
    closes = {spawn("close-session", *name, "--json", **v).out for v in surroundings}
    assert len(streams) == 1
    assert len(closes) == 1
    text = streams.pop()
    assert text.isascii()
    assert json.loads(text)["events"][0]["value"]["stringValue"] == "Behälter 2 — €"


@pytest.mark.requirement("cli.encoding")
@pytest.mark.parametrize("encoding", ["cp437", "cp1252", "ascii"])
def test_a_legacy_code_page_shows_tables_help_and_errors_without_failing(
    spawn: Spawn, connected: ThreadedSimulator, encoding: str
) -> None:
    connected.set_value("SimProbe_001.TestString", "Ω € 水 \U0001f6e2")
    table = spawn("smoke", "--item", "SimProbe_001.TestString", PYTHONIOENCODING=encoding)
    assert table.code == 0
    assert "\\u6c34" in table.out
    assert spawn("--help", PYTHONIOENCODING=encoding).code == 0
    wrong = spawn("smoke", "--item", "x", "--max-events", "水", PYTHONIOENCODING=encoding)
    assert wrong.code == 2
    assert "Traceback" not in table.err + wrong.err


@pytest.mark.requirement("cli.table-whole")
def test_a_long_tag_stays_whole_on_a_pipe_even_when_colours_are_forced(
    spawn: Spawn, connected: ThreadedSimulator
) -> None:
    tag = "Area001.ReactorVessel.WithAVeryLongName." + "Sub." * 20 + "Temperature"
    variables = {"FORCE_COLOR": "1", "COLUMNS": "40", "TERM": "dumb"}
    outcome = spawn("smoke", "--item", tag, **variables)
    assert outcome.code == 0
    assert any(tag in line for line in outcome.out.splitlines())
    assert "\x1b" not in outcome.out


@pytest.mark.requirement("cli.pipe")
@pytest.mark.parametrize("words", [("--help",), ("version", "--json"), ("version",)])
def test_a_reader_that_is_gone_already_is_no_error(
    script: list[str], words: tuple[str, ...]
) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        done = subprocess.run(
            [*script, *words],
            stdout=write_end,
            stderr=subprocess.PIPE,
            timeout=LIMIT,
            env=dict(os.environ),
            check=False,
        )
    finally:
        os.close(write_end)
    assert done.stderr == b""
    assert done.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
@pytest.mark.parametrize("words", [("version", "--json"), ("find", "*", "--json"), ("batch",)])
def test_a_full_disk_is_a_short_error(
    script: list[str], connected: ThreadedSimulator, words: tuple[str, ...]
) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*script, *words],
            input=b"version\nversion\n",
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=LIMIT,
        )
    assert done.returncode == 1
    assert b"the output cannot be written: No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr
    assert done.stderr.count(b"\n") == 1


@posix_signals
def test_a_closed_stdout_is_no_error(script: list[str]) -> None:
    line = f"{' '.join(script)} version >&-"
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, timeout=LIMIT, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@posix_signals
@pytest.mark.requirement("cli.signal")
def test_a_second_signal_ends_at_once_although_closing_still_waits(
    script: list[str], connected: ThreadedSimulator, relay_to: Any
) -> None:
    with relay_to(connected.port) as relay:
        process = subprocess.Popen(
            [
                *(*script, *SMOKE, "--json", "--max-events", "9"),
                *("--endpoint", f"127.0.0.1:{relay.port}"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(os.environ),
        )
        connected.wait_until(lambda s: s.audit.events_sent >= 1, LIMIT)
        relay.freeze()
        # Two different signals: the system would merge two pending ones of a kind.
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    # The orderly end writes its JSON error; the immediate one writes nothing more.
    assert (out, err) == (b"", b"")


@posix_signals
@pytest.mark.requirement("cli.signal")
def test_ctrl_c_in_smoke_still_closes_the_session(
    script: list[str], connected: ThreadedSimulator
) -> None:
    process = subprocess.Popen(
        [*script, *SMOKE, "--json", "--max-events", "9"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ),
    )
    connected.wait_until(lambda s: s.audit.events_sent >= 1, LIMIT)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    assert out == b""
    assert json.loads(err)["type"] == "Interrupted"
    assert connected.session_count == 0


def test_the_installed_script_is_the_same_command(spawn: Spawn) -> None:
    (entry,) = entry_points(group="console_scripts", name="mxgw-py")
    script = Path(sys.executable).with_name("mxgw-py")
    done = subprocess.run([script, "version", "--json"], capture_output=True, check=True)
    assert entry.value == "mxgateway_cli.__main__:main"
    assert done.stdout.decode() == spawn("version", "--json").out


# -- simulate ------------------------------------------------------------------------


def _simulate(script: list[str], *words: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    process = subprocess.Popen(
        [*script, "simulate", "--port", "0", "--output", "jsonl", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


@posix_signals
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_simulate_serves_until_a_signal_and_ends_with_success(
    script: list[str], spawn: Spawn, number: int
) -> None:
    process, facts = _simulate(script)
    try:
        base = ("--endpoint", facts["endpoint"], "--plaintext", "--api-key", facts["apiKey"])
        assert spawn("smoke", *base, "--item", facts["tags"][0], "--json").code == 0
        process.send_signal(number)
        _, err = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
    assert err == "Stopped.\n"


@posix_signals
def test_simulate_in_the_background_of_a_shell_ends_on_sigterm(script: list[str]) -> None:
    # A shell starts such a job with SIGINT ignored.
    ignoring = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    ignoring += "os.execv(sys.argv[1], sys.argv[1:])"
    process, facts = _simulate([sys.executable, "-c", ignoring, *script])
    try:
        assert facts["plaintext"] is True
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=LIMIT)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0


@posix_signals
def test_simulate_with_a_certificate_speaks_tls(
    script: list[str], spawn: Spawn, tls_files: Any
) -> None:
    files = ("--tls-cert", str(tls_files.cert_file), "--tls-key", str(tls_files.key_file))
    process, facts = _simulate(script, *files)
    try:
        base = ("--endpoint", facts["endpoint"], "--tls", "--api-key", facts["apiKey"], "--json")
        ca = ("--ca-file", str(tls_files.ca_file))
        assert spawn(*SMOKE, *base, *ca).code == 0
    finally:
        process.terminate()
        process.communicate(timeout=LIMIT)
    assert process.returncode == 0


def test_simulate_tells_people_how_to_connect(script: list[str]) -> None:
    process = subprocess.Popen(
        [*script, "simulate", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.decode())
        if "Ctrl-C" in lines[-1]:
            break
    process.terminate()
    process.communicate(timeout=LIMIT)
    text = "".join(lines)
    assert "Endpoint  127.0.0.1:" in text
    assert "mxgw_" in text
    assert "mxgw-py smoke --endpoint 127.0.0.1:" in text


def test_simulate_on_a_port_in_use_is_a_usage_error_that_names_it(spawn: Spawn) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        outcome = spawn("simulate", "--port", port, "--json")
    assert outcome.code == 2
    assert port in outcome.error()["message"]


def test_simulate_wants_certificate_and_key_together(spawn: Spawn) -> None:
    outcome = spawn("simulate", "--tls-cert", "x.pem")
    assert outcome.code == 2
    assert "belong together" in outcome.err


def test_a_command_runs_in_a_thread_too(main: Callable[[list[str]], int], sim: Any) -> None:
    codes: list[int] = []
    words = [*SMOKE, "--plaintext", "--endpoint", sim.endpoint, "--api-key", sim.api_key, "--json"]
    thread = threading.Thread(target=lambda: codes.append(main(words)))
    thread.start()
    thread.join(LIMIT)
    assert codes == [0]
