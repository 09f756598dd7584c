"""Nothing is called that Windows does not have, and paths of Windows arrive as they were typed."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tls_files import TlsFiles

import mxgateway
from mxgateway.simulator import ThreadedSimulator

PACKAGE = Path(mxgateway.__file__).parent
STEPS = Path(__file__).with_name("windows_steps.py")
TAG = "SimProbe_001.TestInt"
LINUX_NAMES = pytest.mark.skipif(os.name == "nt", reason="there these are paths, not file names")

# Not there on Windows, or of no use: select() takes sockets only, and loops take no handlers.
POSIX_MODULES = {"curses", "fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"}
POSIX_NAMES = {
    *("add_reader", "add_signal_handler", "add_writer", "fork", "geteuid", "getpgid", "getuid"),
    *("killpg", "mkfifo", "register_at_fork", "setsid", "uname", "AF_UNIX", "SO_REUSEPORT"),
    *("SIGALRM", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGUSR1", "SIGUSR2", "SIGWINCH"),
}
# Each has its branch for Windows next to it.
BRANCHED = {
    ("cli/output/traffic.py", "select"),
    ("cli/private_files.py", "geteuid"),
    ("cli/settings/modes.py", "geteuid"),
    ("cli/whole_files.py", "geteuid"),
    ("mxgateway/simulator/key_files.py", "geteuid"),
}


def posix_calls(path: Path) -> Iterator[str]:
    """Yield what a module uses that Windows has not."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            yield from (name for name in names if name in POSIX_MODULES | {"select"})
        elif isinstance(node, ast.ImportFrom) and not node.level:
            if node.module in POSIX_MODULES | {"select"}:
                yield node.module
        elif isinstance(node, ast.Attribute) and node.attr in POSIX_NAMES:
            yield node.attr


def test_what_windows_has_not_is_used_nowhere_without_a_branch() -> None:
    root = PACKAGE.parent
    found = {
        (path.relative_to(root).as_posix(), name)
        for folder in (PACKAGE, root / "cli")
        for path in folder.rglob("*.py")
        for name in posix_calls(path)
    }
    assert found == BRANCHED
    for place, _ in BRANCHED:
        assert 'os.name == "nt"' in (root / place).read_text(encoding="utf-8")


def test_library_and_commands_run_where_the_platform_says_windows(
    sim: ThreadedSimulator, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-P", str(STEPS), sim.endpoint, sim.api_key],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        env=os.environ | {"XDG_CONFIG_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("all done\n")


def command(
    folder: Path, *words: str, variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command line in `folder`, without a person's settings."""
    own = {k: v for k, v in os.environ.items() if not k.startswith("MXGATEWAY_")}
    folders = {"XDG_CONFIG_HOME": str(folder), "APPDATA": str(folder)}
    return subprocess.run(
        [sys.executable, "-P", "-m", "mxgateway_cli", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        env=own | folders | (variables or {}),
        check=False,
    )


def reached(sim: ThreadedSimulator) -> dict[str, str]:
    return {
        "MXGATEWAY_ENDPOINT": sim.endpoint,
        "MXGATEWAY_API_KEY": sim.api_key,
        "MXGATEWAY_PLAINTEXT": "1",
    }


def long_folder(base: Path) -> Path:
    folder = base.joinpath(*["a folder of many letters " * 4] * 3)
    assert len(str(folder)) > 260
    folder.mkdir(parents=True)
    return folder


@LINUX_NAMES
@pytest.mark.parametrize("name", [r"C:\plant data\tags.txt", r"\\server\share\tags.txt"])
def test_a_file_of_tags_is_opened_under_the_name_that_was_typed(
    sim: ThreadedSimulator, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(f"\ufeff{TAG}\r\n".encode())
    done = command(tmp_path, "read", f"@{name}", "--json", variables=reached(sim))
    assert done.returncode == 0, done.stderr
    missing = command(tmp_path, "read", f"@{name}x", variables=reached(sim))
    assert missing.returncode == 2
    assert f"@{name}x" in missing.stderr.replace("\n", "")


@pytest.mark.skipif(os.name == "nt", reason="long paths are a setting of Windows")
def test_files_in_long_paths_are_read(sim: ThreadedSimulator, tmp_path: Path) -> None:
    folder = long_folder(tmp_path)
    (folder / "tags.txt").write_text(f"{TAG}\n", encoding="utf-8")
    config = str(folder / "profiles.toml")
    added = command(tmp_path, "profile", "add", "far", "--endpoint", sim.endpoint, "--plaintext",
                    "--api-key", "env:PLANT_KEY", "--config", config)  # fmt: skip
    assert added.returncode == 0, added.stderr
    done = command(
        tmp_path,
        *("read", f"@{folder / 'tags.txt'}", "--profile", "far", "--config", config, "--json"),
        variables={"PLANT_KEY": sim.api_key},
    )
    assert done.returncode == 0, done.stderr


@LINUX_NAMES
def test_a_certificate_with_a_drive_and_backslashes_goes_through_a_profile(
    tmp_path: Path, tls_files: TlsFiles
) -> None:
    name = r"C:\certs\the plant's.pem"
    shutil.copy(tls_files.ca_file, tmp_path / name)
    with ThreadedSimulator(seed=1, interval=None, tls=tls_files.server_context()) as sim:
        key = {"PLANT_KEY": sim.api_key}
        words = ("--endpoint", f"localhost:{sim.port}", "--tls", "--ca-file", name)
        added = command(tmp_path, "profile", "add", "p", *words, "--api-key", "env:PLANT_KEY")
        assert added.returncode == 0, added.stderr
        shown = json.loads(command(tmp_path, "profile", "show", "p", "--json").stdout)
        assert name in json.dumps(shown).replace("\\\\", "\\")
        done = command(tmp_path, "smoke", "--item", TAG, "--profile", "p", variables=key)
        assert done.returncode == 0, done.stderr
        quoted = subprocess.run(
            [sys.executable, "-P", "-m", "mxgateway_cli", "batch"],
            input=f"smoke --item {TAG} {words[0]} {words[1]} --tls --ca-file "
            "'C:\\certs\\the plant'\"'\"'s.pem' --api-key env:PLANT_KEY\r\n",
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
            env=os.environ | key,
            check=False,
        )
        assert '"eventCount": 1' in quoted.stdout
