"""Builds sdist and wheel so that the same sources give the same bytes.

python .ci/distribution.py [--output FOLDER]

Times, owners, modes and the order of entries are fixed; SOURCE_DATE_EPOCH sets the time where it
is given. The build works on a copy with the installed, locked build backend, so neither what an
earlier build left behind nor an umask shows in the result. Compression is that of the Python that
builds: another zlib may pack the same files into other bytes.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[1]
_LEFT_OUT = shutil.ignore_patterns(
    ".*", "build", "dist", "*.egg-info", "__pycache__", "node_modules"
)
_ZIP_EPOCH = 315_532_800  # 1980-01-01, the earliest time that a zip file can say
_ZIP_END = 4_354_819_200  # 2108-01-01, the first that it cannot say


def moment() -> int:
    """Return the time of everything that is packed, in seconds since 1970.

    Raises:
        SystemExit: SOURCE_DATE_EPOCH is no number of seconds, or later than a zip file can say.
    """
    given = os.environ.get("SOURCE_DATE_EPOCH") or str(_ZIP_EPOCH)
    if not re.fullmatch(r"[0-9]{1,10}", given) or int(given) >= _ZIP_END:
        raise SystemExit(f"SOURCE_DATE_EPOCH is {given!r}; give whole seconds since 1970, to 2107")
    return max(_ZIP_EPOCH, int(given))


def sha256(path: Path) -> str:
    """Return the SHA-256 digest of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_zip(target: IO[bytes], files: Iterable[tuple[str, bytes]]) -> None:
    """Pack files in the order given, all with the same time and mode."""
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files:
            entry = zipfile.ZipInfo(name, time.gmtime(moment())[:6])
            entry.create_system = 3  # Unix, on Windows too; the mode is read by this
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED, compresslevel=9)


def read_zip(path: Path) -> list[tuple[str, bytes]]:
    """Return the files of a zip file with their names, in its order."""
    with zipfile.ZipFile(path) as archive:
        return [(i.filename, archive.read(i)) for i in archive.infolist() if not i.is_dir()]


def write_tar_gz(target: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Pack files into a compressed tar file, all with the same time, owner and mode."""
    with (
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=9, fileobj=raw, mtime=moment()) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, content in files:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(content), moment(), 0o644
            archive.addfile(entry, io.BytesIO(content))


def read_tar_gz(path: Path) -> list[tuple[str, bytes]]:
    """Return the files of a compressed tar file by their names, sorted."""
    with tarfile.open(path) as archive:
        members = [(member, archive.extractfile(member)) for member in archive if member.isfile()]
        return sorted((member.name, file.read()) for member, file in members if file is not None)


def left_out(folder: str, names: list[str]) -> set[str]:
    """Return what a copy of the sources does not need: leftovers and virtual environments."""
    environments = {name for name in names if (Path(folder) / name / "pyvenv.cfg").exists()}
    return _LEFT_OUT(folder, names) | environments


def build(output: Path) -> tuple[Path, Path]:
    """Build the sdist, and the wheel from the sdist, into a folder; return both.

    Raises:
        subprocess.CalledProcessError: The build backend failed; its words went to stderr.
    """
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        tree, built = Path(name) / "tree", Path(name) / "built"
        shutil.copytree(ROOT, tree, ignore=left_out)
        # PyPA's build; no isolation, as an isolated build would fetch a backend without a hash.
        command = [sys.executable, "-P", "-m", "build", "--no-isolation", "--outdir", built, tree]
        subprocess.run(  # noqa: S603
            [str(word) for word in command],
            cwd=name,
            env=os.environ | {"SOURCE_DATE_EPOCH": str(moment())},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        (sdist,), (wheel,) = built.glob("*.tar.gz"), built.glob("*.whl")
        write_tar_gz(output / sdist.name, read_tar_gz(sdist))
        with (output / wheel.name).open("wb") as file:
            write_zip(file, read_zip(wheel))
    return output / sdist.name, output / wheel.name


def main() -> int:
    """Build both and print their digests; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=ROOT / "dist")
    for path in build(parser.parse_args().output.resolve()):
        sys.stdout.write(f"{sha256(path)}  {path.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
