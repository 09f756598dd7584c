"""The single file and the wheelhouse for machines without network; building needs an index."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from distribution_tools import ROOT, Distribution, run

pytestmark = [pytest.mark.network, pytest.mark.slow]


@dataclass(frozen=True, slots=True)
class Offline:
    """What `make offline` leaves: the folder that it fills and what it prints."""

    folder: Path
    printed: str

    @property
    def wheelhouse(self) -> Path:
        """The folder of the wheels."""
        return self.folder / "wheelhouse"

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 digest of each file by its path, but for the list of them."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        digests = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        names = {path.relative_to(self.folder).as_posix(): digests[path] for path in files}
        return {name: digest for name, digest in names.items() if name != "SHA256SUMS"}


def make_offline(wheel: Path, folder: Path) -> Offline:
    """Build for the wheel of this package into a folder."""
    words: list[str | Path] = ["--wheel", wheel, "--output", folder]
    return Offline(folder, run(sys.executable, ROOT / ".ci" / "offline.py", *words, cwd=ROOT))


def install(wheelhouse: Path, *what: str | Path, python: str | Path, cwd: Path) -> str:
    """Install from a wheelhouse and nothing else."""
    options: list[str | Path] = ["--quiet", "--no-index", "--find-links", wheelhouse, *what]
    return run(python, "-m", "pip", "install", *options, cwd=cwd)


@pytest.fixture(scope="module")
def offline(
    distribution: Distribution, package_index: None, tmp_path_factory: pytest.TempPathFactory
) -> Offline:
    """What `make offline` makes of this tree."""
    folder = tmp_path_factory.mktemp("offline") / "first"
    return make_offline(distribution.wheel_of_sdist, folder)


def test_the_single_file_runs_in_an_empty_environment(offline: Offline, tmp_path: Path) -> None:
    single = offline.folder / "mxgw-py.pyz"
    # Isolated and without site-packages: nothing but the standard library is there.
    command = [sys.executable, "-I", "-S", str(single)]

    printed = run(*command, "version", "--json", cwd=tmp_path)
    shown = run(*command, "demo", "--seconds", "1", cwd=tmp_path)
    helped = run(*command, "stream-events", "--help", cwd=tmp_path)
    failed = subprocess.run([*command, "smoke", "--json"], capture_output=True, check=False)

    assert json.loads(printed)["gatewayProtocolVersion"] == 3
    assert "Session closed: CLOSED" in shown
    assert "--after-worker-sequence" in helped
    # The exit code of the command is that of the process.
    assert failed.returncode == 2


def test_the_single_file_tells_an_older_python_what_it_needs(offline: Offline) -> None:
    code = "import runpy, sys; sys.version_info = (3, 10, 9); runpy.run_path(sys.argv[1], "
    code += "run_name='__main__')"
    command = [sys.executable, "-I", "-S", "-c", code, str(offline.folder / "mxgw-py.pyz")]
    failed = subprocess.run(command, capture_output=True, text=True, check=False)

    assert failed.returncode == 1
    assert failed.stderr == "mxgw-py needs Python 3.11 or newer, this is 3.10\n"


def test_the_single_file_holds_no_compiled_code(offline: Offline) -> None:
    with zipfile.ZipFile(offline.folder / "mxgw-py.pyz") as archive:
        names = archive.namelist()

    assert not [name for name in names if name.endswith((".so", ".pyd", ".dll", ".dylib"))]
    assert {"mxgateway/__init__.py", "mxgateway_cli/__main__.py", "h2/__init__.py"} <= set(names)


def test_the_wheelhouse_installs_without_an_index(offline: Offline, tmp_path: Path) -> None:
    home = tmp_path / "fresh"
    venv.create(home, with_pip=True)
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    install(offline.wheelhouse, "mxgateway", python=scripts / "python", cwd=tmp_path)

    printed = run(scripts / "mxgw-py", "version", "--json", cwd=tmp_path)

    assert json.loads(printed)["gatewayProtocolVersion"] == 3


def test_the_wheelhouse_installs_by_its_hashes(offline: Offline, tmp_path: Path) -> None:
    target = tmp_path / "installed"
    what: list[str | Path] = ["--require-hashes", "-r", offline.wheelhouse / "requirements.txt"]
    install(offline.wheelhouse, *what, "--target", target, python=sys.executable, cwd=tmp_path)

    command = [sys.executable, "-S", "-m", "mxgateway_cli", "version", "--json"]
    printed = run(*command, cwd=tmp_path, PYTHONPATH=str(target))

    assert json.loads(printed)["gatewayProtocolVersion"] == 3


def test_a_wheel_that_was_changed_on_the_way_is_not_installed(
    offline: Offline, tmp_path: Path
) -> None:
    wheelhouse = tmp_path / "wheelhouse"
    shutil.copytree(offline.wheelhouse, wheelhouse)
    (wheel,) = wheelhouse.glob("h2-*.whl")
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("h2/planted.py", "")
    what: list[str | Path] = ["--require-hashes", "-r", wheelhouse / "requirements.txt"]
    target = tmp_path / "installed"

    with pytest.raises(AssertionError, match=r"DO NOT MATCH THE HASHES(?s:.)*h2=="):
        install(wheelhouse, *what, "--target", target, python=sys.executable, cwd=tmp_path)

    assert not target.exists()


def test_the_wheelhouse_has_what_windows_alone_needs(offline: Offline) -> None:
    wheels = [path.name for path in offline.wheelhouse.glob("*.whl")]
    requirements = (offline.wheelhouse / "requirements.txt").read_text(encoding="utf-8")

    assert {"colorama", "typing_extensions", "multidict", "mxgateway"} <= {
        name.split("-")[0] for name in wheels
    }
    assert all(name.endswith("-none-any.whl") for name in wheels)
    assert len(requirements.splitlines()) == len(wheels)
    assert re.search(
        r'^colorama==\S+ ; sys_platform == "win32" --hash=', requirements, re.MULTILINE
    )


def test_every_wheel_is_one_that_the_lock_allows(offline: Offline) -> None:
    lock = (ROOT / "locks" / "runtime.txt").read_text(encoding="utf-8")
    allowed = set(re.findall(r"--hash=sha256:([0-9a-f]{64})", lock))

    strange = {
        name
        for name, digest in offline.digests().items()
        if name.endswith(".whl") and digest not in allowed
    }

    assert [re.sub(r"-.*", "", name) for name in strange] == ["wheelhouse/mxgateway"]


def test_the_sums_of_all_files_are_printed_and_written(offline: Offline) -> None:
    written = (offline.folder / "SHA256SUMS").read_bytes().decode("ascii")
    lines = [line.split("  ") for line in written.removesuffix("\n").split("\n")]

    assert {name: digest for digest, name in lines} == offline.digests()
    assert written in offline.printed.replace("\r\n", "\n")


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="there is no sha256sum")
def test_sha256sum_reads_the_sums(offline: Offline, tmp_path: Path) -> None:
    copied = tmp_path / "copied"
    shutil.copytree(offline.folder, copied)
    run("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=copied)

    with (copied / "mxgw-py.pyz").open("ab") as file:
        file.write(b"more")

    with pytest.raises(AssertionError, match=r"mxgw-py\.pyz: FAILED"):
        run("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=copied, LC_ALL="C")


def test_building_again_gives_the_same_bytes(
    offline: Offline, distribution: Distribution, tmp_path: Path
) -> None:
    again = make_offline(distribution.wheel_of_sdist, tmp_path / "again")

    assert again.digests() == offline.digests()
