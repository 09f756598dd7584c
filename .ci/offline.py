"""Builds what a machine without network needs: dist/offline/mxgw-py.pyz and a wheelhouse.

python .ci/offline.py [--wheel FILE] [--output FOLDER]

`mxgw-py.pyz` is the command line in one file for any Python 3.11 or newer on any system. The
folder `wheelhouse` holds this package and everything it needs, also what only some systems and
Pythons need, as wheels without compiled code. Building takes a package index; using does not.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import zipapp
import zipfile
from email import message_from_string
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

ROOT = Path(__file__).resolve().parents[1]
PURE = ["--only-binary=:all:", "--platform", "any", "--implementation", "py", "--abi", "none"]
# Where the files may be used; a requirement that holds for one of these goes in.
TARGETS = [
    {
        "python_version": version,
        "python_full_version": f"{version}.0",
        "sys_platform": platform,
        "platform_system": system,
        "os_name": "nt" if system == "Windows" else "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "extra": "",
    }
    for version in ("3.11", "3.12", "3.13", "3.14")
    for platform, system in (("win32", "Windows"), ("linux", "Linux"), ("darwin", "Darwin"))
]
# Nothing that an older Python cannot read, so that it can say what is missing.
_MAIN = """\
import sys

if sys.version_info < (3, 11):
    sys.exit("mxgw-py needs Python 3.11 or newer, this is %d.%d" % sys.version_info[:2])

from mxgateway_cli.__main__ import main

sys.exit(main())
"""


def pip(*words: str | Path) -> None:
    """Run pip of this interpreter; its failure ends the build with its own words."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *words]
    subprocess.run([str(word) for word in command], check=True)  # noqa: S603 - pip itself


def requirements_of(wheel: Path) -> list[Requirement]:
    """Return what a wheel requires on any of the targets, without its extras."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        metadata = message_from_string(archive.read(name).decode())
    found = [Requirement(text) for text in metadata.get_all("Requires-Dist", [])]
    return [r for r in found if r.marker is None or any(r.marker.evaluate(t) for t in TARGETS)]


def names_in(folder: Path) -> set[str]:
    """Return the names of the projects whose wheels are in a folder."""
    return {parse_wheel_filename(path.name)[0] for path in folder.glob("*.whl")}


def fill(wheelhouse: Path, wheel: Path) -> None:
    """Put a wheel and all that it requires anywhere into the wheelhouse."""
    shutil.rmtree(wheelhouse, ignore_errors=True)
    wheelhouse.mkdir(parents=True)
    pip("download", *PURE, "--dest", wheelhouse, wheel)
    # pip follows the markers of this system only; Windows needs, for example, colorama.
    while missing := {
        str(canonicalize_name(r.name)): f"{r.name}{r.specifier}"
        for path in wheelhouse.glob("*.whl")
        for r in requirements_of(path)
        if canonicalize_name(r.name) not in names_in(wheelhouse)
    }:
        pip("download", *PURE, "--dest", wheelhouse, *sorted(missing.values()))


def bundle(wheelhouse: Path, target: Path) -> None:
    """Make one executable zip file of all wheels in a folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for wheel in sorted(wheelhouse.glob("*.whl")):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(folder)
        # Scripts and headers of wheels have no place in a file that is imported from.
        for data in folder.glob("*.data"):
            shutil.rmtree(data)
        (folder / "__main__.py").write_text(_MAIN, encoding="utf-8", newline="\n")
        zipapp.create_archive(folder, target, "/usr/bin/env python3", compressed=True)


def main() -> int:
    """Build both; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheel", type=Path, help="wheel of this package; built where not given")
    parser.add_argument("--output", type=Path, default=ROOT / "dist" / "offline")
    chosen = parser.parse_args()
    wheelhouse = chosen.output / "wheelhouse"
    with tempfile.TemporaryDirectory() as name:
        wheel = chosen.wheel
        if wheel is None:
            # By way of an sdist, so that nothing left in build/ gets into the wheel.
            build = [sys.executable, "-m", "build", "--outdir", name, str(ROOT)]
            subprocess.run(build, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
            (wheel,) = Path(name).glob("*.whl")
        fill(wheelhouse, wheel.resolve())
    archive = chosen.output / "mxgw-py.pyz"
    bundle(wheelhouse, archive)
    sys.stdout.write(
        f"{archive} ({archive.stat().st_size / 1e6:.1f} MB): python mxgw-py.pyz --help\n"
        f"{wheelhouse}: python -m pip install --no-index --find-links wheelhouse mxgateway\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
