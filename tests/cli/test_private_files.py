"""Private files: whole or not at all, for the user alone, and no way round by links."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from odd_files import make_odd_file

private_files = import_module("mxgateway_cli.private_files")
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no modes")


@pytest.fixture(autouse=True)
def _generous_umask() -> Iterator[None]:
    """Nothing here is private because the person who runs the tests is careful."""
    if sys.platform == "win32":
        yield
        return
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_file_is_written_whole_and_an_old_one_replaced(tmp_path: Path) -> None:
    file = tmp_path / "made" / "on the way" / "file"
    private_files.write_private(file, b"one")
    private_files.write_private(file, b"\0two\r\n")
    assert file.read_bytes() == b"\0two\r\n"
    assert [path.name for path in file.parent.iterdir()] == ["file"]


@POSIX
def test_files_and_folders_made_on_the_way_are_the_users_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    file = tmp_path / "a" / "b" / "file"
    private_files.write_private(file, b"")
    assert [mode(path) for path in (file, file.parent, tmp_path / "a", tmp_path)] == [
        *(0o600, 0o700, 0o700, 0o755)
    ]


@POSIX
def test_what_lies_in_its_place_keeps_neither_its_mode_nor_its_target(tmp_path: Path) -> None:
    loose, victim, link = tmp_path / "loose", tmp_path / "victim", tmp_path / "link"
    for file in (loose, victim):
        file.write_bytes(b"old")
        file.chmod(0o666)
    link.symlink_to(victim)
    kept = loose.open("rb")  # as somebody who opened it while everybody could
    for file in (loose, link):
        private_files.write_private(file, b"new")
        assert (file.read_bytes(), mode(file), file.is_symlink()) == (b"new", 0o600, False)
    with kept:
        assert kept.read() == b"old"
    assert (victim.read_bytes(), mode(victim)) == (b"old", 0o666)


def test_where_writing_fails_the_old_file_stays_and_nothing_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    private_files.write_private(file, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            private_files.write_private(file, b"new")
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(OSError):
        private_files.write_private(folder, b"new")
    assert file.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "folder"])
def test_what_is_no_ordinary_file_is_never_replaced(kind: str, tmp_path: Path) -> None:
    odd = make_odd_file(kind, tmp_path / "odd")
    before = odd.lstat()
    with pytest.raises(OSError, match="no ordinary file"):
        private_files.write_private(odd, b"new")
    after = odd.lstat()
    assert (after.st_ino, after.st_mode, after.st_rdev) == (
        *(before.st_ino, before.st_mode, before.st_rdev),
    )
    assert [path.name for path in tmp_path.iterdir()] == ["odd"]


def test_a_pipe_that_comes_while_a_file_is_written_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, fsync = tmp_path / "file", os.fsync

    def late(descriptor: int) -> None:
        make_odd_file("pipe", file)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", late)
    with pytest.raises(OSError, match="no ordinary file"):
        private_files.write_private(file, b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert stat.S_ISFIFO(file.lstat().st_mode)


@POSIX
def test_a_link_to_a_device_is_replaced_itself(tmp_path: Path) -> None:
    device, link = make_odd_file("device", tmp_path / "device"), tmp_path / "link"
    link.symlink_to(device)
    private_files.write_private(link, b"new")
    assert (link.read_bytes(), link.is_symlink()) == (b"new", False)
    assert stat.S_ISCHR(device.lstat().st_mode)


def test_a_file_in_the_place_of_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="file"):
        private_files.write_private(tmp_path / "file" / "below" / "it", b"")


@POSIX
def test_a_loose_folder_is_tightened_unless_it_is_a_link_or_somebody_elses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, link = tmp_path / "folder", tmp_path / "link"
    folder.mkdir(mode=0o777)
    link.symlink_to(folder)
    private_files.tighten_folder(link)
    assert mode(folder) == 0o777
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: folder.lstat().st_uid + 1)
        private_files.tighten_folder(folder)
    assert mode(folder) == 0o777
    private_files.tighten_folder(folder)
    assert mode(folder) == 0o700
    folder.chmod(0o500)
    private_files.tighten_folder(folder)
    assert mode(folder) == 0o500
