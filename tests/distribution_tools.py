"""Tools of the packaging tests: build a distribution, look into wheels, run commands."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PACKAGES", "ROOT", "Distribution", "build", "read_wheel", "release", "run"]

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {"mxgateway": "mxgateway", "mxgateway_cli": "cli"}
"""Import names, each with its folder."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """What a release consists of.

    Attributes:
        tree: The copy of the repository that it was built from.
        wheel: The wheel built from the tree.
        sdist: The source archive.
        wheel_of_sdist: The wheel built from the source archive.
    """

    tree: Path
    wheel: Path
    sdist: Path
    wheel_of_sdist: Path

    def files(self) -> dict[str, bytes]:
        """Return the content of each file in the wheel by its path."""
        return read_wheel(self.wheel)

    def sources(self) -> dict[str, Path]:
        """Return every Python file of the tree by the path that it must have in a wheel."""
        return {
            f"{package}/{path.relative_to(self.tree / folder).as_posix()}": path
            for package, folder in PACKAGES.items()
            for path in (self.tree / folder).rglob("*.py")
        }

    def metadata(self) -> str:
        """Return the text of METADATA."""
        (text,) = [data for name, data in self.files().items() if name.endswith("/METADATA")]
        return text.decode()


def read_wheel(wheel: Path) -> dict[str, bytes]:
    """Return the content of each file in `wheel` by its path."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command to its end and return what it printed; a failure shows all of it."""
    variables = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=variables | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


def build(tree: Path, kind: str, folder: Path) -> Path:
    """Build `kind` ("wheel" or "sdist") of `tree` into `folder` with the installed setuptools."""
    options: list[str | Path] = [f"--{kind}", "--no-isolation", "--outdir", folder]
    run(sys.executable, "-m", "build", *options, tree, cwd=folder.parent)
    (result,) = folder.iterdir()
    return result


def release(tree: Path, folder: Path, **environment: str) -> tuple[Path, Path]:
    """Build sdist and wheel of `tree` into `folder` as `make build` does; return both."""
    script = tree / ".ci" / "distribution.py"
    run(sys.executable, script, "--output", folder, cwd=tree, **environment)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel
