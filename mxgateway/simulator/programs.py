"""Programs of others: looked up on PATH alone, never in the current folder."""

from __future__ import annotations

import ntpath
import os
import posixpath
from collections.abc import Callable, Mapping
from pathlib import Path

__all__ = ["find_program"]

_DEFAULT_PATHEXT = ".COM;.EXE"
_RUNNABLE = frozenset({".com", ".exe"})


def find_program(
    name: str,
    *,
    variables: Mapping[str, str] | None = None,
    windows: bool = os.name == "nt",
    is_program: Callable[[str], bool] | None = None,
) -> str | None:
    """Return the absolute path of a program on PATH, or None.

    `shutil.which` would do, were it not for the current folder: on Windows it looks there first
    (before Python 3.12 always), and on POSIX wherever PATH has an empty or relative entry. A
    file that somebody has put into a shared folder must not run because a command was given
    there, so such entries are left out.

    Args:
        name: Its name without an ending.
        variables: Where PATH and PATHEXT are; by default those of the process.
        windows: Whether to look as Windows does. There only .exe and .com are programs: batch
            files are run by a shell, which reads their arguments anew.
        is_program: Whether a path is a file that can be run.
    """
    if variables is None:
        variables = os.environ
    usable = _is_program if is_program is None else is_program
    path, separator = (ntpath, ";") if windows else (posixpath, ":")
    names = [name]
    if windows:
        endings = (variables.get("PATHEXT") or _DEFAULT_PATHEXT).split(separator)
        names = [name + e.strip() for e in endings if e.strip().lower() in _RUNNABLE]
    for entry in (variables.get("PATH") or _default_path(windows)).split(separator):
        folder = entry.strip().strip('"') if windows else entry
        if not _is_absolute(folder, windows):
            continue
        for each in names:
            found: str = path.join(folder, each)
            if usable(found):
                return found
    return None


def _is_absolute(folder: str, windows: bool) -> bool:
    if not windows:
        return folder.startswith("/")
    # Without a drive it is relative to that of the current folder, also where it begins with \.
    drive, rest = ntpath.splitdrive(folder)
    return bool(drive) and rest.startswith(("\\", "/"))


def _default_path(windows: bool) -> str:
    return "" if windows else os.defpath


def _is_program(path: str) -> bool:
    return Path(path).is_file() and os.access(path, os.X_OK)
