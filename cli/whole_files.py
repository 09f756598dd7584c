"""Files that the user named: written whole or not at all, and through no link of others."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

from mxgateway.replacing import replace_file

__all__ = ["write_whole"]

_MOST_LINKS: Final = 40  # as Linux itself
# What stands here leads to streams that are open already, such as /dev/stdout.
_STREAMS: Final = ("/dev/", "/proc/")
_BINARY: Final = getattr(os, "O_BINARY", 0)  # Windows only
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)  # not on Windows


def write_whole(path: str | os.PathLike[str], text: str) -> None:
    """Write a file in UTF-8, so that whoever reads it finds what was there before, or all of this.

    The text goes to a new file beside it, which then takes its name and its mode. A link is
    followed where the user or the system made it. Pipes and devices get the text as it is, and
    so does a file that may be written in a folder that may not.

    Raises:
        OSError: It cannot be written, or somebody else has put a link there.
    """
    target, data = Path(path), text.encode("utf-8")
    links = 0
    while (before := _looked_at(target)) is not None and stat.S_ISLNK(before.st_mode):
        links += 1
        if links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
        if not _is_own(before):
            raise PermissionError(errno.EPERM, "this is a link of somebody else", str(target))
        if str(target).startswith(_STREAMS):
            _fill(target, data, os.O_TRUNC)
            return
        target = target.parent / target.readlink()
    if before is not None and not stat.S_ISREG(before.st_mode):
        _fill(target, data, 0)
        return
    try:
        replace_file(target, data, mode=None if before is None else stat.S_IMODE(before.st_mode))
    except PermissionError:
        if before is None:
            raise
        # Windows says this of a file that is open elsewhere too; then writing it fails as well.
        _fill(target, data, os.O_TRUNC | _NO_LINK)


def _looked_at(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def _is_own(found: os.stat_result) -> bool:
    # Windows has no such numbers, and lets nobody make links without the right to.
    return os.name == "nt" or found.st_uid in (0, os.geteuid())


def _fill(path: Path, data: bytes, flags: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | _BINARY | flags)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
