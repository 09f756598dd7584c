"""The single file and the wheelhouse for machines without network; building needs an index."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from distribution_tools import ROOT, Distribution, run

pytestmark = [pytest.mark.network, pytest.mark.slow]


@pytest.fixture(scope="module")
def offline(
    distribution: Distribution, package_index: None, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder that `make offline` fills."""
    folder = tmp_path_factory.mktemp("offline")
    script = ROOT / ".ci" / "offline.py"
    words: list[str | Path] = ["--wheel", distribution.wheel, "--output", folder]
    printed = run(sys.executable, script, *words, cwd=folder)
    assert "pip install --no-index" in printed
    return folder


def test_the_single_file_runs_in_an_empty_environment(offline: Path, tmp_path: Path) -> None:
    single = offline / "mxgw-py.pyz"
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


def test_the_single_file_tells_an_older_python_what_it_needs(offline: Path) -> None:
    code = "import runpy, sys; sys.version_info = (3, 10, 9); runpy.run_path(sys.argv[1], "
    code += "run_name='__main__')"
    command = [sys.executable, "-I", "-S", "-c", code, str(offline / "mxgw-py.pyz")]
    failed = subprocess.run(command, capture_output=True, text=True, check=False)

    assert failed.returncode == 1
    assert failed.stderr == "mxgw-py needs Python 3.11 or newer, this is 3.10\n"


def test_the_single_file_holds_no_compiled_code(offline: Path) -> None:
    with zipfile.ZipFile(offline / "mxgw-py.pyz") as archive:
        names = archive.namelist()

    assert not [name for name in names if name.endswith((".so", ".pyd", ".dll", ".dylib"))]
    assert {"mxgateway/__init__.py", "mxgateway_cli/__main__.py", "h2/__init__.py"} <= set(names)


def test_the_wheelhouse_installs_without_an_index(offline: Path, tmp_path: Path) -> None:
    home = tmp_path / "fresh"
    venv.create(home, with_pip=True)
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    options: list[str | Path] = ["--quiet", "--no-index", "--find-links", offline / "wheelhouse"]
    run(scripts / "python", "-m", "pip", "install", *options, "mxgateway", cwd=tmp_path)

    printed = run(scripts / "mxgw-py", "version", "--json", cwd=tmp_path)

    assert json.loads(printed)["gatewayProtocolVersion"] == 3


def test_the_wheelhouse_has_what_windows_alone_needs(offline: Path) -> None:
    names = {path.name.split("-")[0] for path in (offline / "wheelhouse").iterdir()}

    assert {"colorama", "typing_extensions", "multidict", "mxgateway"} <= names
    assert all(path.name.endswith("-none-any.whl") for path in (offline / "wheelhouse").iterdir())
