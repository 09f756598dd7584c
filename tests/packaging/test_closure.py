"""What an installation pulls in; needs a package index."""

from __future__ import annotations

import json
import os
import sys
import venv
from pathlib import Path

import pytest
from distribution_tools import Distribution, run
from packaging.utils import parse_wheel_filename

pytestmark = [pytest.mark.network, pytest.mark.slow]


@pytest.mark.usefixtures("package_index")
def test_the_closure_resolves_to_pure_python_wheels_only(
    distribution: Distribution, tmp_path: Path
) -> None:
    closure = tmp_path / "closure"
    options: list[str | Path] = [
        "--only-binary=:all:",
        "--platform",
        "any",
        "--implementation",
        "py",
        "--abi",
        "none",
    ]
    run(
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        *options,
        "--dest",
        closure,
        distribution.wheel,
        cwd=tmp_path,
    )

    wheels = {path.name: parse_wheel_filename(path.name) for path in closure.iterdir()}
    assert {"anyio", "betterproto2", "grpclib", "h2", "multidict", "mxgateway"} <= {
        name for name, _, _, _ in wheels.values()
    }
    for file, (_, version, _, tags) in wheels.items():
        assert {(tag.abi, tag.platform) for tag in tags} == {("none", "any")}, file
        assert not version.is_prerelease, file


@pytest.mark.usefixtures("package_index")
def test_the_script_starts_in_a_fresh_environment_outside_the_repository(
    distribution: Distribution, tmp_path: Path
) -> None:
    home = tmp_path / "fresh"
    venv.create(home, with_pip=True)
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    run(scripts / "python", "-m", "pip", "install", "--quiet", distribution.wheel, cwd=tmp_path)

    printed = run(scripts / "mxgw-py", "version", "--json", cwd=tmp_path)
    helped = run(scripts / "mxgw-py", "--help", cwd=tmp_path)
    leaked = run(
        scripts / "python",
        "-c",
        "import importlib.util; print(importlib.util.find_spec('cli'))",
        cwd=tmp_path,
    )
    absent = run(
        scripts / "python",
        "-c",
        "import importlib.util as u; print([u.find_spec(n) for n in ('grpc', 'trio', 'pytest')])",
        cwd=tmp_path,
    )

    assert json.loads(printed)["gatewayProtocolVersion"] == 3
    assert "stream-events" in helped
    assert leaked.strip() == "None"
    assert absent.strip() == "[None, None, None]"
