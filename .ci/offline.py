"""Builds what a machine without network needs: dist/offline/mxgw-py.pyz and a wheelhouse.

python .ci/offline.py [--wheel FILE] [--output FOLDER]

`mxgw-py.pyz` is the command line in one file for any Python 3.11 or newer on any system. The
folder `wheelhouse` holds this package and everything it needs, also what only some systems and
Pythons need, as wheels without compiled code, and a requirements.txt with their hashes. Versions
and hashes are those of locks/runtime.txt. SHA256SUMS has the digest of every file; it is printed
too. Building takes a package index; using does not.
"""

from __future__ import annotations

import argparse
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from email import message_from_string
from pathlib import Path

from distribution import build, read_zip, sha256, write_zip
from lockfile import Pin, read, unmet
from packaging.requirements import Requirement
from packaging.utils import parse_wheel_filename

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "locks" / "runtime.txt"
# The locks hold for every system, so what a wheel says of Pythons is not asked of this one.
PURE = [
    "--only-binary=:all:",
    "--platform=any",
    "--implementation=py",
    "--abi=none",
    "--ignore-requires-python",
]
# Nothing that an older Python cannot read, so that it can say what is missing.
_MAIN = b"""\
import sys

if sys.version_info < (3, 11):
    sys.exit("mxgw-py needs Python 3.11 or newer, this is %d.%d" % sys.version_info[:2])

from mxgateway_cli.__main__ import main

sys.exit(main())
"""


def download(pins: list[Pin], folder: Path) -> None:
    """Put the wheel of each pin into a folder; pip refuses one whose hash is not in the lock.

    Markers are left out, as pip would follow those of this system only; Windows needs, for
    example, colorama.
    """
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "requirements.txt"
        lines = [_line(pin.name, str(pin.version), "", *sorted(pin.hashes)) for pin in pins]
        file.write_text("".join(lines), encoding="utf-8")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download"]
        what = ["--require-hashes", "--no-deps", "--requirement", str(file)]
        subprocess.run([*pip, *PURE, *what, "--dest", str(folder)], check=True)  # noqa: S603


def _line(name: str, version: str, marker: str, *hashes: str) -> str:
    """Return an entry of a requirements file."""
    condition = f" ; {marker}" if marker else ""
    return f"{name}=={version}{condition}{''.join(f' --hash={text}' for text in hashes)}\n"


def requirements_of(wheel: Path) -> list[Requirement]:
    """Return what a wheel requires, also for systems other than this one."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        metadata = message_from_string(archive.read(name).decode())
    return [Requirement(text) for text in metadata.get_all("Requires-Dist", [])]


def fill(wheelhouse: Path, wheel: Path, pins: list[Pin]) -> None:
    """Put a wheel, what it requires anywhere, and the hashes of all into the wheelhouse.

    Raises:
        SystemExit: The lock lacks what one of the wheels requires on some system.
    """
    shutil.rmtree(wheelhouse, ignore_errors=True)
    wheelhouse.mkdir(parents=True)
    shutil.copy(wheel, wheelhouse)
    download(pins, wheelhouse)
    markers = {pin.name: str(pin.marker or "") for pin in pins}
    lines = []
    for path in sorted(wheelhouse.glob("*.whl")):
        for text in unmet(requirements_of(path), pins):
            raise SystemExit(f"{path.name}: {text} in {LOCK.name}; run make lock")
        name, version, _, _ = parse_wheel_filename(path.name)
        lines.append(_line(name, str(version), markers.get(name, ""), f"sha256:{sha256(path)}"))
    _write(wheelhouse / "requirements.txt", "".join(lines))


def bundle(wheelhouse: Path, target: Path) -> None:
    """Make one executable zip file of all wheels in a folder; the same wheels give the same bytes.

    Raises:
        SystemExit: Two wheels have a file of one name.
    """
    files = {"__main__.py": _MAIN}
    for wheel in sorted(wheelhouse.glob("*.whl")):
        for name, content in read_zip(wheel):
            # Scripts and headers of wheels have no place in a file that is imported from.
            if name.partition("/")[0].endswith(".data"):
                continue
            if files.setdefault(name, content) != content:
                raise SystemExit(f"{wheel.name}: {name} is in another wheel too")
    with target.open("wb") as file:
        file.write(b"#!/usr/bin/env python3\n")
        write_zip(file, sorted(files.items()))
    target.chmod(target.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def sums(folder: Path) -> str:
    """Return the digests of all that was built, as `sha256sum --check` reads them."""
    paths = [folder / "mxgw-py.pyz", *sorted((folder / "wheelhouse").iterdir())]
    return "".join(f"{sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in paths)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def main() -> int:
    """Build both; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheel", type=Path, help="wheel of this package; built where not given")
    parser.add_argument("--output", type=Path, default=ROOT / "dist" / "offline")
    chosen = parser.parse_args()
    output: Path = chosen.output
    wheelhouse, archive = output / "wheelhouse", output / "mxgw-py.pyz"
    with tempfile.TemporaryDirectory() as name:
        wheel = chosen.wheel or build(Path(name))[1]
        fill(wheelhouse, wheel.resolve(), read(LOCK))
    bundle(wheelhouse, archive)
    text = sums(output)
    _write(output / "SHA256SUMS", text)
    sys.stdout.write(
        f"{text}\n"
        f"{archive} ({archive.stat().st_size / 1e6:.1f} MB): python mxgw-py.pyz --help\n"
        f"{wheelhouse}: python -m pip install --no-index --find-links wheelhouse "
        "--require-hashes --requirement wheelhouse/requirements.txt\n"
        f"{output / 'SHA256SUMS'}: sha256sum --check SHA256SUMS\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
