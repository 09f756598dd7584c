"""Where keys go, and what a variable or a file that others can change may not do to it."""

from __future__ import annotations

import socket
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from mxgateway.errors import ConfigurationError
from mxgateway.simulator import ThreadedSimulator

Run = Callable[..., Any]
SMOKE = ("smoke", "--item", "SimProbe_001.TestInt", "--json")
KEY = "mxgw_profile_0123456789abcdef"
PIN = "ab" * 32
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes of files")


class Listener:
    """A plaintext port that keeps whatever is sent to it and answers nothing."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.heard = b""
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection:
                first = connection.recv(65_536)
                if first == b"end":
                    return
                self.heard += first

    def close(self) -> None:
        with socket.create_connection(self._socket.getsockname()) as last:
            last.sendall(b"end")
            self._thread.join(10)
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Somebody who would like to have the key."""
    heard = Listener()
    yield heard
    heard.close()


@pytest.fixture
def profile(run: Run, sim: ThreadedSimulator) -> Callable[..., None]:
    """Add a profile and make it the default one."""

    def add(*words: str) -> None:
        assert run("profile", "add", "plant", *words).code == 0
        assert run("profile", "use", "plant").code == 0

    return add


def source_of(run: Run, name: str, *words: str) -> str:
    (row,) = [r for r in run("config", "--json", *words).json()["settings"] if r["name"] == name]
    source: str = row["source"]
    return source


# -- variables and the security of a profile ---------------------------------------------


@pytest.mark.parametrize("variable", ["MXGATEWAY_PLAINTEXT=1", "MXGATEWAY_TLS=0"])
@pytest.mark.parametrize(
    "security",
    [
        ("--tls", "--fingerprint", PIN),
        ("--fingerprint", PIN),
        ("--tls",),
        ("--ca-file", "plant.pem"),
    ],
    ids=lambda words: " ".join(words)[:20],
)
def test_a_variable_does_not_undo_the_tls_of_a_profile(
    run: Run,
    profile: Callable[..., None],
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    security: tuple[str, ...],
) -> None:
    profile("--endpoint", listener.endpoint, "--api-key", KEY, *security)
    name, _, text = variable.partition("=")
    monkeypatch.setenv(name, text)
    refused = run("galaxy-last-deploy", "--json")
    assert refused.code == 2
    message = refused.error()["message"]
    assert name in message
    assert "profile plant" in message
    assert "--plaintext" in message
    assert listener.heard == b""
    # `config` still shows what stands where.
    assert "refused by commands" in source_of(run, name.removeprefix("MXGATEWAY_").lower())
    # The endpoint of somebody else makes no difference.
    monkeypatch.setenv("MXGATEWAY_ENDPOINT", listener.endpoint)
    assert run("galaxy-last-deploy").code == 2
    assert listener.heard == b""


def test_plaintext_that_is_typed_is_meant(
    run: Run, sim: ThreadedSimulator, profile: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    profile("--endpoint", sim.endpoint, "--api-key", sim.api_key, "--tls", "--fingerprint", PIN)
    monkeypatch.setenv("MXGATEWAY_PLAINTEXT", "1")
    assert run(*SMOKE, "--plaintext").code == 0
    monkeypatch.delenv("MXGATEWAY_PLAINTEXT")
    assert run(*SMOKE, "--plaintext").code == 0


def test_a_variable_does_not_let_any_certificate_pass_where_a_profile_has_tls(
    run: Run, profile: Callable[..., None], listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile("--endpoint", listener.endpoint, "--tls", "--fingerprint", PIN)
    monkeypatch.setenv("MXGATEWAY_INSECURE", "1")
    refused = run("galaxy-last-deploy")
    assert refused.code == 2
    assert "MXGATEWAY_INSECURE would undo the TLS of profile plant" in refused.err
    assert "type --insecure" in refused.err
    # What an option decides leaves the variable nothing to do.
    assert "INSECURE" not in run("galaxy-last-deploy", "--fingerprint", "cd" * 32).err
    assert run("galaxy-last-deploy", "--fingerprint", "cd" * 32).code != 2


TRUST = {
    "MXGATEWAY_FINGERPRINT": "cd" * 32,
    "MXGATEWAY_CA_FILE": "other.pem",
    "MXGATEWAY_SERVER_NAME_OVERRIDE": "elsewhere",
}


@pytest.mark.parametrize(
    ("security", "variables"),
    [
        (("--tls",), {"FINGERPRINT", "CA_FILE", "SERVER_NAME_OVERRIDE"}),
        (("--tls", "--fingerprint", PIN), {"FINGERPRINT"}),
        (("--tls", "--ca-file", "plant.pem"), {"CA_FILE", "SERVER_NAME_OVERRIDE"}),
        (
            ("--tls", "--ca-file", "plant.pem", "--server-name-override", "plant"),
            {"CA_FILE", "SERVER_NAME_OVERRIDE"},
        ),
        (("--ca-file", "plant.pem", "--fingerprint", PIN), {"FINGERPRINT", "CA_FILE"}),
        ((), set()),
    ],
    ids=["system's authorities", "pin", "authority", "name", "both", "no TLS"],
)
def test_a_variable_does_not_change_whom_a_profile_trusts(
    run: Run,
    profile: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    security: tuple[str, ...],
    variables: set[str],
) -> None:
    """What only adds a check may come from a variable: a pin beside an authority, and so on."""
    profile("--endpoint", "127.0.0.1:1", "--api-key", KEY, *security)
    refused = set()
    for name, text in TRUST.items():
        with monkeypatch.context() as patch:
            patch.setenv(name, text)
            patch.setenv("MXGATEWAY_QUIET", "1")
            outcome = run("galaxy-last-deploy")
            if f"{name} would change whom profile plant trusts" in outcome.err:
                assert outcome.code == 2
                option = name.removeprefix("MXGATEWAY_").lower().replace("_", "-")
                assert f"type --{option} if that is meant" in outcome.err
                # Typed, it is meant: nothing is told about the variable then.
                meant = run("galaxy-last-deploy", f"--{option}", text)
                assert "would change" not in meant.err
                # With --plaintext it does nothing.
                assert "would change" not in run("galaxy-last-deploy", "--plaintext").err
                refused.add(name.removeprefix("MXGATEWAY_"))
    assert refused == variables


# -- keys and endpoints ------------------------------------------------------------------


@pytest.mark.parametrize("by", ["option", "variable"])
@pytest.mark.parametrize("kept", ["api-key", "api-key-env"])
def test_the_key_of_a_profile_does_not_go_to_another_endpoint(
    run: Run,
    sim: ThreadedSimulator,
    profile: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    by: str,
    kept: str,
) -> None:
    monkeypatch.setenv("PLANT_KEY", sim.api_key)
    profile(
        *("--endpoint", "plant:5001", "--plaintext"),
        *(f"--{kept}", sim.api_key if kept == "api-key" else "PLANT_KEY"),
    )
    words = ["--endpoint", sim.endpoint] if by == "option" else []
    if by == "variable":
        monkeypatch.setenv("MXGATEWAY_ENDPOINT", sim.endpoint)
    refused = run("galaxy-last-deploy", *words)
    assert refused.code == 5
    reason = f"the API key of profile plant is for plant:5001 and not sent to {sim.endpoint}"
    assert f"No API key: {reason}; --api-key gives one." in refused.err.splitlines()
    assert f"no API key ({reason})" in refused.err.splitlines()[-1]
    assert source_of(run, "api_key", *words) == f"not set; {reason}"
    # The option for the key says otherwise, and so does a variable that holds one.
    assert run("galaxy-last-deploy", *words, "--api-key", sim.api_key).code == 0
    monkeypatch.setenv("MXGATEWAY_API_KEY", sim.api_key)
    assert run("galaxy-last-deploy", *words).code == 0


def test_the_same_endpoint_in_other_words_gets_the_key(
    run: Run, sim: ThreadedSimulator, profile: Callable[..., None]
) -> None:
    port = sim.endpoint.rpartition(":")[2]
    profile("--endpoint", f"LocalHost:{port}", "--plaintext", "--api-key", sim.api_key)
    assert run("galaxy-last-deploy").code == 0
    assert run("galaxy-last-deploy", "--endpoint", f"http://localhost:{port}/").code == 0


def test_a_line_of_a_batch_does_not_take_the_key_of_the_batch_elsewhere(
    spawn: Run, sim: ThreadedSimulator, listener: Listener
) -> None:
    words = ("--endpoint", sim.endpoint, "--plaintext", "--api-key", sim.api_key)
    lines = f"galaxy-last-deploy\ngalaxy-last-deploy --endpoint {listener.endpoint}\n"
    outcome = spawn("batch", *words, stdin=lines.encode())
    assert outcome.code == 0
    assert sim.api_key.encode() not in listener.heard
    assert f"is for {sim.endpoint} and not sent to {listener.endpoint}" in outcome.err


# -- files -------------------------------------------------------------------------------


@posix
def test_files_that_others_can_read_or_change_are_told(
    run: Run, sim: ThreadedSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "shop.toml"
    key = tmp_path / "shop.key"
    key.write_text(sim.api_key, encoding="utf-8")
    key.chmod(0o600)
    place = ("--config", str(file))
    gateway = ("--endpoint", sim.endpoint, "--plaintext")
    assert run("profile", "add", "own", *gateway, "--api-key", sim.api_key, *place).code == 0
    assert run("profile", "add", "file", *gateway, "--api-key", f"file:{key}", *place).code == 0

    def warnings(profile: str) -> list[str]:
        outcome = run("galaxy-last-deploy", "--profile", profile, *place)
        assert outcome.code == 0
        assert run("galaxy-last-deploy", "--profile", profile, *place, "--quiet").err == ""
        return [line for line in outcome.err.splitlines() if line.startswith("Warning: ")]

    assert warnings("own") == warnings("file") == []
    file.chmod(0o644)
    told = f"Warning: others can read {str(file)!r} (mode 0644); chmod 600 keeps them out."
    assert warnings("own") == warnings("file") == [told]  # one file holds both
    assert told in run("profile", "list", *place).err
    file.chmod(0o620)
    assert warnings("own") == [told.replace("read", "change").replace("0644", "0620")]
    file.chmod(0o600)
    key.chmod(0o640)
    assert warnings("own") == []
    read = f"Warning: others can read {str(key)!r} (mode 0640); chmod 600 keeps them out."
    assert warnings("file") == [read]


@posix
def test_an_authority_that_others_can_change_is_told(run: Run, tmp_path: Path) -> None:
    authority = tmp_path / "plant.pem"
    authority.touch(mode=0o644)
    words = (
        "galaxy-last-deploy",
        "--tls",
        "--endpoint",
        "127.0.0.1:1",
        "--ca-file",
        str(authority),
    )
    assert "Warning" not in run(*words).err
    authority.chmod(0o666)
    told = f"Warning: others can change {str(authority)!r} (mode 0666); chmod 600 keeps them out."
    assert told in run(*words).err.splitlines()


def test_a_file_of_profiles_that_changed_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    profiles = import_module("mxgateway_cli.settings.profiles").Profiles
    file = tmp_path / "p.toml"
    for before in (None, '[profiles.a]\nendpoint = "a:1"\n'):
        if before is not None:
            file.write_text(before, encoding="utf-8")
        mine = profiles.load(file)
        mine.profiles["mine"] = {"endpoint": "m:1"}
        theirs = profiles.load(file)
        theirs.profiles["theirs"] = {"endpoint": "t:1"}
        theirs.save()
        with pytest.raises(ConfigurationError, match="run the command again"):
            mine.save()
        assert set(profiles.load(file).profiles) == set(theirs.profiles)
        file.unlink()


@posix
def test_a_setting_that_is_no_text_is_refused_in_words(run: Run, tmp_path: Path) -> None:
    words = ("--ca-file", "f/\udcff.pem", "--config", str(tmp_path / "p.toml"))
    outcome = run("profile", "add", "n", *words)
    assert outcome.code == 2
    assert "bytes that are no UTF-8" in outcome.err


@posix
def test_a_file_of_profiles_without_a_key_may_be_read(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "shop.toml"
    assert run("profile", "add", "a", "--api-key-env", "K", "--config", str(file)).code == 0
    file.chmod(0o644)
    assert "Warning" not in run("profile", "list", "--config", str(file)).err


@posix
@pytest.mark.parametrize("kind", ["file", "link"])
def test_profiles_are_written_through_nothing_that_lies_in_the_folder(
    run: Run, tmp_path: Path, kind: str
) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    file, planted = folder / "p.toml", folder / "p.toml.new"
    victim = tmp_path / "victim"
    victim.write_text("untouched", encoding="utf-8")
    if kind == "file":
        planted.write_text("", encoding="utf-8")
        planted.chmod(0o666)
    else:
        planted.symlink_to(victim)
    words = ("--api-key", KEY, "--config", str(file))
    assert run("profile", "add", "a", *words).code == 0
    assert KEY in file.read_text(encoding="utf-8")
    assert not file.is_symlink()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert victim.read_text(encoding="utf-8") == "untouched"
    assert sorted(path.name for path in folder.iterdir()) == ["p.toml", "p.toml.new"]
