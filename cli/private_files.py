"""Files that only the user may read: written whole or not at all, in folders that are private.

Windows knows no modes: there files and folders have the rights of the folder that they are in,
which are the user's own below `%APPDATA%` and `%LOCALAPPDATA%`.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import Final

from mxgateway.replacing import replace_file

__all__ = ["make_private_folder", "tighten_folder", "write_private"]

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def write_private(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all, readable and writable by the user alone.

    It is replaced as `replace_file` does it. Missing folders are made as `make_private_folder`
    makes them; existing ones keep their rights.

    Args:
        path: The file.
        data: Its whole content.

    Raises:
        OSError: It cannot be written; nothing is left behind, and the old file is as it was.
    """
    make_private_folder(path.parent)
    replace_file(path, data, mode=0o600)


def make_private_folder(path: Path) -> None:
    """Make a folder and those above it that are missing, each of them with mode 0700.

    Raises:
        OSError: One cannot be made, or something else is in its place.
    """
    missing = []
    while not path.is_dir():
        missing.append(path)
        if path == path.parent:
            break
        path = path.parent
    for folder in reversed(missing):
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)  # else another process was faster
        if not folder.is_dir():
            raise NotADirectoryError(f"{str(folder)!r} is no folder")


def tighten_folder(path: Path) -> None:
    """Take the rights of others away from a folder of the user; others' folders stay as they are.

    A link to a folder is left alone too: it was set by hand, and may lead to a shared place.

    Raises:
        OSError: There is no such folder, or its mode cannot be changed.
    """
    if os.name == "nt":
        return
    found = path.lstat()
    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and found.st_mode & _OTHERS:
        path.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS)
