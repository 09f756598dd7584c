"""What is named as a file and is none: refused in words, at once, wherever a command reads."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from odd_files import POSIX, make_odd_file

from mxgateway.bounded_files import read_bounded
from mxgateway.simulator import ThreadedSimulator
from mxgateway.simulator import TlsFiles as SimulatorTlsFiles

Run = Callable[..., Any]
LIMIT = 60
TLS = ("--endpoint", "localhost:1", "--tls")
HANDLES = ("--session-id", "s", "--server-handle", "1")


def make(kind: str, path: Path) -> Path:
    """Make a file that is none, or a large one that takes no room."""
    if kind != "large":
        return make_odd_file(kind, path)
    path.touch()
    os.truncate(path, 70_000_000)
    return path


@pytest.mark.parametrize("kind", ["pipe", "device", "socket", "folder", "large"])
@pytest.mark.parametrize(
    "words",
    [
        ("read", "@{file}"),
        ("watch", "@{file}"),
        ("write", "@{file}"),
        ("ping", "--session-id", "s", "--api-key", "file:{file}"),
        ("authenticate-user", *HANDLES, "--user", "u", "--password-file", "{file}"),
        ("write", "A.B", "1", "--user", "u", "--password-file", "{file}"),
        ("profile", "list", "--config", "{file}"),
        ("profile", "add", "new", "--endpoint", "a:1", "--config", "{file}"),
        ("ping", "--session-id", "s", "--config", "{file}"),
        ("ping", "--session-id", "s", *TLS, "--ca-file", "{file}"),
        ("ping", "--session-id", "s", *TLS, "--client-cert", "{file}"),
        ("simulate", "--port", "0", "--plant", "{file}"),
        ("simulate", "--port", "0", "--tls-cert", "{file}", "--tls-key", "{file}"),
    ],
    ids=" ".join,
)
def test_a_file_that_never_ends_or_waits_is_refused(
    run: Run,
    connected: ThreadedSimulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    kind: str,
) -> None:
    if "--tls" in words:
        monkeypatch.delenv("MXGATEWAY_PLAINTEXT")
    odd = make(kind, tmp_path / "odd")
    before = odd.lstat()
    outcome = run(*(word.format(file=odd) for word in words))
    assert outcome.code == 2
    told = " ".join(outcome.err.split())
    assert "odd" in told
    reasons = ("no ordinary file", "nobody writes", "larger than")
    assert any(reason in told for reason in reasons)
    assert (odd.lstat().st_ino, odd.lstat().st_mode) == (before.st_ino, before.st_mode)
    assert connected.audit.sessions_opened == 0


def test_trust_waits_for_no_pipe_and_replaces_no_device(
    run: Run, self_signed: Any, tmp_path: Path
) -> None:
    pipe = make_odd_file("pipe", tmp_path / "pipe")
    device = make_odd_file("device", tmp_path / "device")
    files = SimulatorTlsFiles(self_signed.cert_file, self_signed.key_file)
    with ThreadedSimulator(tls=files, interval=None) as sim:
        refused = run("trust", sim.endpoint, "--yes", "--output-file", str(pipe))
        written = run("trust", sim.endpoint, "--yes", "--output-file", str(device))
    assert (refused.code, written.code) == (2, 0)
    assert f"{str(pipe)!r} cannot be read: it is no ordinary file" in refused.err
    assert "choose another --output-file" in refused.err
    assert stat.S_ISFIFO(pipe.lstat().st_mode)
    assert stat.S_ISCHR(device.lstat().st_mode)


@POSIX
def test_a_pipe_of_the_shell_is_a_file_to_read(
    run: Run, connected: ThreadedSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    tags, into_tags = os.pipe()
    key, into_key = os.pipe()
    os.write(into_key, connected.api_key.encode())
    os.close(into_key)
    monkeypatch.delenv("MXGATEWAY_API_KEY")
    set_blocking = os.set_blocking

    def written_late(descriptor: int, blocking: bool) -> None:
        nonlocal into_tags
        if into_tags >= 0:  # once, after the first look has found nothing yet
            os.write(into_tags, b"Pump_001.SpeedSP\n")
            os.close(into_tags)
            into_tags = -1
        set_blocking(descriptor, blocking)

    monkeypatch.setattr(os, "set_blocking", written_late)
    outcome = run(
        "read", f"@/dev/fd/{tags}", "--api-key", f"file:/dev/fd/{key}", "--output", "jsonl"
    )
    os.close(tags)
    os.close(key)
    assert (outcome.code, outcome.err) == (0, "")
    assert "Pump_001.SpeedSP" in outcome.out


@POSIX
def test_a_pipe_without_end_is_read_up_to_the_bound(tmp_path: Path) -> None:
    pipe = make_odd_file("pipe", tmp_path / "pipe")
    writer = os.open(pipe, os.O_RDWR)  # opens without a reader, and is no end
    os.write(writer, b"x" * 1_001)
    with pytest.raises(OSError, match="larger than 1,000 bytes"):
        read_bounded(pipe, 1_000, streams=True)
    os.close(writer)


@POSIX
def test_ctrl_c_ends_waiting_for_a_plant_out_of_a_pipe(script: list[str], tmp_path: Path) -> None:
    pipe = make_odd_file("pipe", tmp_path / "pipe")
    writer = os.open(pipe, os.O_RDWR)
    process = subprocess.Popen(
        [*script, "simulate", "--port", "0", "--plant", str(pipe)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ),
    )
    # More than a pipe holds: once all of it is written, the simulator has begun to read.
    filling = threading.Thread(target=os.write, args=(writer, b"#" * 100_000), daemon=True)
    filling.start()
    filling.join(LIMIT)
    assert not filling.is_alive()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=LIMIT)
    os.close(writer)
    assert (process.returncode, err) == (130, b"interrupted\n")


def test_stdin_has_a_bound_too(connected: ThreadedSimulator, spawn: Run) -> None:
    outcome = spawn("read", "-", stdin=b"#" * 64_000_001)
    assert outcome.code == 2
    assert "stdin is larger than 64,000,000 bytes" in outcome.err
    assert connected.audit.sessions_opened == 0


def test_a_file_that_grows_while_it_is_read_has_the_same_bound(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 10)
    assert read_bounded(file, 10) == b"x" * 10
    with pytest.raises(OSError, match="larger than 9 bytes"):
        read_bounded(file, 9)
    for name in ("no\0name", tmp_path / "none"):
        with pytest.raises(OSError, match=r"name|No such"):
            read_bounded(name, 9)


def test_the_null_device_stands_for_no_profiles(run: Run, sim: ThreadedSimulator) -> None:
    assert read_bounded(os.devnull, 0) == b""
    assert run("profile", "list", "--config", os.devnull, "--json").json()["profiles"] == []
    words = ("--endpoint", sim.endpoint, "--plaintext", "--api-key", sim.api_key)
    assert run("galaxy-last-deploy", "--config", os.devnull, *words).code == 0
