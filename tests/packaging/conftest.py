"""Builds the distribution once, from a copy of the tree, so that nothing is left behind."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from typing import Any

import pytest
from distribution_tools import ROOT, Distribution, build, release

LEFT_OUT = shutil.ignore_patterns(
    ".git",
    ".venv*",
    "build",
    "dist",
    "*.egg-info",
    "__pycache__",
    ".*_cache",
    ".hypothesis",
    "node_modules",
)


@pytest.fixture(scope="session")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Distribution:
    """Wheel, sdist, and the wheel that the sdist builds."""
    folder = tmp_path_factory.mktemp("distribution")
    tree = folder / "tree"
    shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
    wheel = build(tree, "wheel", folder / "wheel")
    sdist, wheel_of_sdist = release(tree, folder / "release")
    return Distribution(tree=tree, wheel=wheel, sdist=sdist, wheel_of_sdist=wheel_of_sdist)


@pytest.fixture(scope="session")
def pyproject() -> dict[str, Any]:
    """The parsed pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def package_index(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skip, with pip's own words, where no package index can be reached."""
    folder = tmp_path_factory.mktemp("probe")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(folder), "anyio"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"no package index answers: {done.stderr.strip().splitlines()[-1]}")
