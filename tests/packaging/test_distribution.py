"""What a release holds, without a package index."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tarfile
from email import message_from_string
from pathlib import Path
from typing import Any

import pytest
from distribution_tools import PACKAGES, Distribution, read_wheel, release, run
from packaging.requirements import Requirement
from packaging.version import InvalidVersion, Version


def test_the_wheel_claims_two_import_names_and_no_other(distribution: Distribution) -> None:
    names = {name.split("/")[0] for name in distribution.files()}

    assert {name for name in names if not name.endswith(".dist-info")} == set(PACKAGES)
    assert len(names) == len(PACKAGES) + 1


def test_the_wheel_is_pure_python_for_any_platform(distribution: Distribution) -> None:
    assert distribution.wheel.name.endswith("-py3-none-any.whl")
    assert {Path(name).suffix for name in distribution.files()} <= {
        ".py",
        ".typed",
        ".toml",  # the built-in plant
        ".txt",
        "",  # METADATA, WHEEL, RECORD, LICENSE
    }


def test_the_wheel_holds_every_module_of_the_tree(distribution: Distribution) -> None:
    files = distribution.files()
    sources = distribution.sources()

    assert {name for name in files if name.endswith(".py")} == set(sources)
    for name, path in sources.items():
        assert files[name] == path.read_bytes(), name


def test_both_packages_say_that_they_are_typed(distribution: Distribution) -> None:
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(distribution.files())


def test_the_sdist_builds_the_same_wheel(distribution: Distribution) -> None:
    assert read_wheel(distribution.wheel_of_sdist) == distribution.files()


@pytest.mark.slow
def test_the_same_sources_give_the_same_bytes(distribution: Distribution, tmp_path: Path) -> None:
    # With other times and modes, in another time zone, and after a build that left its folders.
    tree = tmp_path / "another" / "place"
    shutil.copytree(distribution.tree, tree, copy_function=shutil.copyfile)
    (tree / "build" / "lib" / "mxgateway").mkdir(parents=True, exist_ok=True)
    (tree / "build" / "lib" / "mxgateway" / "removed.py").touch()
    for number, path in enumerate(sorted(tree.rglob("*"))):
        path.chmod(0o700)
        os.utime(path, (1_000_000_000 + number, 1_000_000_000 + number))

    sdist, wheel = release(tree, tmp_path / "again", TZ="Asia/Tokyo")

    assert sdist.read_bytes() == distribution.sdist.read_bytes()
    assert wheel.read_bytes() == distribution.wheel_of_sdist.read_bytes()


def test_the_sdist_keeps_the_command_line_in_its_folder(distribution: Distribution) -> None:
    with tarfile.open(distribution.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert {"cli/__main__.py", "mxgateway/__init__.py", "pyproject.toml", "LICENSE"} <= names
    assert "mxgateway_cli" not in {name.split("/")[0] for name in names}


def test_the_package_list_names_every_folder_that_holds_python(
    distribution: Distribution, pyproject: dict[str, Any]
) -> None:
    folders = {Path(name).parent.as_posix().replace("/", ".") for name in distribution.sources()}

    assert sorted(pyproject["tool"]["setuptools"]["packages"]) == sorted(folders)


def test_the_metadata_says_what_the_package_is(distribution: Distribution) -> None:
    metadata = message_from_string(distribution.metadata())

    assert metadata["Name"] == "mxgateway"
    assert metadata["License-Expression"] == "MIT"
    assert metadata["License-File"] == "LICENSE"
    assert metadata["Requires-Python"] == ">=3.11"
    assert "MXAccess" in metadata["Summary"]
    assert str(metadata.get_payload()).startswith("# mxgateway")
    for word in ("scaffold", "placeholder", "example.com"):
        assert word not in distribution.metadata().lower()


def test_the_runtime_needs_five_packages_and_no_pre_release(distribution: Distribution) -> None:
    metadata = message_from_string(distribution.metadata())
    requirements = [Requirement(text) for text in metadata.get_all("Requires-Dist", [])]
    runtime = [r for r in requirements if r.marker is None or "extra" not in str(r.marker)]

    assert sorted(r.name for r in runtime) == [
        "anyio",
        "betterproto2",
        "grpclib",
        "h2",
        "rich-click",
    ]
    for requirement in requirements:
        for specifier in requirement.specifier:
            assert not is_pre_release(specifier.version), requirement


def test_the_installed_wheel_runs_outside_the_repository(
    distribution: Distribution, tmp_path: Path
) -> None:
    target = tmp_path / "installed"
    options: list[str | Path] = ["--no-deps", "--no-index", "--quiet", "--target", target]
    run(sys.executable, "-m", "pip", "install", *options, distribution.wheel, cwd=tmp_path)

    where = run(
        sys.executable,
        "-c",
        "import mxgateway, mxgateway_cli; print(mxgateway.__file__, mxgateway_cli.__file__)",
        cwd=tmp_path,
        PYTHONPATH=str(target),
    )
    printed = run(
        sys.executable,
        "-m",
        "mxgateway_cli",
        "version",
        "--json",
        cwd=tmp_path,
        PYTHONPATH=str(target),
    )

    assert all(Path(path).is_relative_to(target) for path in where.split())
    assert json.loads(printed)["gatewayProtocolVersion"] == 3


def is_pre_release(version: str) -> bool:
    """Tell whether a specifier's version is a pre-release; `1.*` is none."""
    try:
        return Version(version).is_prerelease
    except InvalidVersion:
        return Version(version.removesuffix(".*")).is_prerelease
