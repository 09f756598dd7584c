"""Files that the user named: written whole or not at all, and through no link of others."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

from mxgateway.replacing import replace_file

__all__ = ["write_whole"]

# Of the mode that is there: no setuid and its like, and no right to write but the owner's.
_KEPT_MODE: Final = 0o755
_MOST_LINKS: Final = 40  # as Linux itself
# What stands here leads to streams that are open already, such as /dev/stdout.
_STREAMS: Final = ("/dev/", "/proc/")
_BINARY: Final = getattr(os, "O_BINARY", 0)  # Windows only
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)  # not on Windows


def write_whole(path: str | os.PathLike[str], text: str) -> None:
    """Write a file in UTF-8, so that whoever reads it finds what was there before, or all of this.

    The text goes to a new file beside it, which then takes its name, and its mode as far as that
    lets nobody else write it. A link is followed where the user or the system made it. Pipes and
    devices get the text as it is, and so does a file that may be written in a folder that may not.

    Raises:
        OSError: It cannot be written, or somebody else has put a link, a file or a pipe there.
    """
    target, data = Path(path), text.encode("utf-8")
    links = 0
    while (before := _looked_at(target)) is not None and stat.S_ISLNK(before.st_mode):
        links += 1
        if links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
        _require_own(before, target, "link")
        if str(target).startswith(_STREAMS):
            _fill(target, data, os.O_TRUNC)
            return
        target = target.parent / target.readlink()
    if before is not None:
        # Who owns it could change what is written, or run it where its mode were kept.
        _require_own(before, target, "file")
    if before is not None and not stat.S_ISREG(before.st_mode):
        _fill(target, data, 0)
        return
    try:
        replace_file(target, data, mode=None if before is None else before.st_mode & _KEPT_MODE)
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


def _require_own(found: os.stat_result, path: Path, what: str) -> None:
    if os.name == "nt":
        return  # It has no such numbers, and lets nobody make links without the right to.
    if found.st_uid not in (0, os.geteuid()):
        raise PermissionError(errno.EPERM, f"this is a {what} of somebody else", str(path))


def _fill(path: Path, data: bytes, flags: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | _BINARY | flags)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
