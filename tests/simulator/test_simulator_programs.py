"""Programs are looked up on PATH, never in the current folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mxgateway.simulator.programs import find_program

GIT = r"C:\Program Files\Git\usr\bin"


def on_windows(path: str, *files: str, pathext: str | None = None) -> str | None:
    """Look as Windows does where only these files are there."""
    variables = {"PATH": path} | ({} if pathext is None else {"PATHEXT": pathext})
    asked: list[str] = []

    def is_program(name: str) -> bool:
        asked.append(name)
        return name.lower() in [file.lower() for file in files]

    found = find_program("openssl", variables=variables, windows=True, is_program=is_program)
    # Nothing but whole paths was even looked at.
    assert all(name[1:3] == ":\\" or name.startswith("\\\\") for name in asked)
    return found


def test_windows_finds_it_on_path_whole_and_with_an_ending() -> None:
    whole = rf"{GIT}\openssl.exe"
    assert on_windows(rf"C:\Windows;{GIT}", whole) == rf"{GIT}\openssl.EXE"
    assert on_windows(f'"{GIT}"', whole, pathext=".COM;.exe;.BAT") == whole
    share = r"\\server\tools\bin"
    assert on_windows(share, rf"{share}\openssl.exe", pathext=".exe") == rf"{share}\openssl.exe"


@pytest.mark.parametrize(
    "path", ["", ";", ".", r".\bin", "bin", r"\bin", "C:", "C:bin", r"..\x", '""', " ", '"."']
)
def test_windows_never_looks_in_the_current_folder_or_drive(path: str) -> None:
    here = ("openssl.exe", r".\openssl.exe", r"bin\openssl.exe", r"\bin\openssl.exe")
    assert on_windows(path, *here, r"C:openssl.exe", r"C:bin\openssl.exe") is None


@pytest.mark.parametrize("pathext", [None, ".BAT;.CMD;.PY;.EXE", ""])
def test_windows_takes_no_batch_file_for_a_program(pathext: str | None) -> None:
    assert on_windows(GIT, rf"{GIT}\openssl.bat", rf"{GIT}\openssl", pathext=pathext) is None


posix = pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")


@posix
def test_posix_takes_whole_entries_only_and_files_that_can_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for folder in (tmp_path, other):
        (folder / "openssl").write_text("#!/bin/sh\n")
        (folder / "openssl").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    for relative in ("", ":", ".", "other", "./other", "../" + tmp_path.name):
        assert find_program("openssl", variables={"PATH": f":{relative}:"}) is None
        found = find_program("openssl", variables={"PATH": f"{relative}:{other}"})
        assert found == str(other / "openssl")
    (other / "openssl").chmod(0o644)
    assert find_program("openssl", variables={"PATH": str(other)}) is None
    assert find_program("no-such-program", variables={}) is None
    assert find_program("sh", variables={}) in ("/bin/sh", "/usr/bin/sh")
