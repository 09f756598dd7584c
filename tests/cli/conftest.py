"""The command through its console-script entry point, in this process and in real ones."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Self

import pytest
import trustme
from command_process import run_process
from tls_files import TlsFiles, issue_tls_files

from mxgateway.simulator import ThreadedSimulator

LIMIT = 30  # seconds; no process of a test may take longer


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """stdout as the one JSON document it has to be."""
        return json.loads(self.out)

    def error(self) -> dict[str, Any]:
        """stderr as the one JSON object it has to be."""
        assert self.err.count("\n") == 1
        error: dict[str, Any] = json.loads(self.err)
        return error


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable, profile or remembered tag of the person who runs the tests reaches a command."""
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "APPDATA", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    for name in list(os.environ):
        if name.startswith("MXGATEWAY_") or name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True, scope="session")
def _interruptible() -> Iterator[None]:
    """Commands get Ctrl-C as from a terminal, also where this run is a shell's background job.

    A shell starts background jobs with SIGINT ignored, and children inherit that.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, before)


@pytest.fixture
def sim() -> Iterator[ThreadedSimulator]:
    """A simulated gateway that moves only when a test says so."""
    with ThreadedSimulator(interval=None) as simulator:
        yield simulator


@pytest.fixture(scope="session")
def main() -> Callable[[list[str]], int]:
    """The function behind the console script."""
    (script,) = entry_points(group="console_scripts", name="mxgw-py")
    function: Callable[[list[str]], int] = script.load()
    return function


@pytest.fixture
def run(
    main: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """Run a command line in this process."""

    def run_words(*words: str) -> Outcome:
        capsys.readouterr()
        code = main(list(words))
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run_words


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch, sim: ThreadedSimulator) -> ThreadedSimulator:
    """The simulator, with the environment variables that lead there."""
    monkeypatch.setenv("MXGATEWAY_ENDPOINT", sim.endpoint)
    monkeypatch.setenv("MXGATEWAY_API_KEY", sim.api_key)
    monkeypatch.setenv("MXGATEWAY_PLAINTEXT", "1")
    return sim


@pytest.fixture
def self_signed(tmp_path: Path) -> TlsFiles:
    """A certificate that signed itself, as a gateway makes one at its first start."""
    authority = trustme.CA()
    files = issue_tls_files(tmp_path, authority)
    authority.cert_pem.write_to_path(files.cert_file)
    authority.private_key_pem.write_to_path(files.key_file)
    return files


@dataclass(frozen=True)
class Advised:
    """A session with one advised item."""

    session_id: str
    server_handle: int
    item_handle: int

    @property
    def session(self) -> list[str]:
        return ["--session-id", self.session_id]

    @property
    def item(self) -> list[str]:
        return [
            *self.session,
            *("--server-handle", str(self.server_handle)),
            *("--item-handle", str(self.item_handle)),
        ]


@pytest.fixture
def advised(connected: ThreadedSimulator, run: Callable[..., Outcome]) -> Iterator[Advised]:
    """Open a session and advise SimProbe_001.TestInt, by the commands themselves."""
    session_id = run("open-session", "--json").json()["sessionId"]
    session = ["--session-id", session_id]
    server = run("register", *session, "--client-name", "test", "--json").json()["serverHandle"]
    handle = ["--server-handle", str(server)]
    added = run("add-item", *session, *handle, "--item", "SimProbe_001.TestInt", "--json").json()
    advised = Advised(session_id, server, added["itemHandle"])
    assert run("advise", *advised.item, "--json").code == 0
    yield advised
    assert run("close-session", *session, "--json").code == 0


class Relay:
    """Forwards one TCP connection until it is frozen (bytes vanish) or cut (it ends)."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._frozen = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        for thread in self._threads:
            thread.join(LIMIT)

    def _spawn(self, function: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=function, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with self._listener:
            inner, _ = self._listener.accept()
        outer = socket.create_connection(("127.0.0.1", self._target))
        self._sockets += [inner, outer]
        self._spawn(self._copy, inner, outer)
        self._spawn(self._copy, outer, inner)

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if not self._frozen.is_set():
                    target.sendall(data)

    def freeze(self) -> None:
        """From now on nothing arrives on either side."""
        self._frozen.set()

    def cut(self) -> None:
        """End both connections."""
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@pytest.fixture(scope="session")
def relay_to() -> type[Relay]:
    """A relay in front of a port of this computer, as a context manager."""
    return Relay


@pytest.fixture(scope="session")
def script() -> list[str]:
    """The command as a process of its own."""
    return [sys.executable, "-m", "mxgateway_cli"]


@pytest.fixture
def spawn(script: list[str]) -> Callable[..., Outcome]:
    """Run a command line in a process of its own; keywords are environment variables."""

    def spawn_words(*words: str, stdin: bytes = b"", **variables: str) -> Outcome:
        return Outcome(
            *run_process([*script, *words], stdin=stdin, variables=variables, limit=LIMIT)
        )

    return spawn_words
