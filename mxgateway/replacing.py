"""Replacing a file by a new one: whole or not at all, and through nothing that others put there.

Where a folder is shared, somebody else can put a link, or a file with loose rights, in the place
of one that is about to be written. So the content goes into a fresh file first, under a name that
nobody knows before (O_EXCL, no following of links), which then takes the place of the old one.
A rename takes the place of anything: of a device as well, for the whole computer. So only
ordinary files and links are replaced.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path
from typing import Final

__all__ = ["replace_file", "require_replaceable"]

_BINARY: Final = getattr(os, "O_BINARY", 0)  # Windows only
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)  # not on Windows


def replace_file(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Write a file, whole or not at all.

    What was there keeps its content until the new file is on the disk, and is replaced then: a
    link is replaced itself, what it points to stays as it is.

    Args:
        path: The file; its folder has to be there.
        content: All that it holds.
        mode: Its rights from the first byte on; None for the usual ones, less the user's umask.
            On Windows the folder decides.

    Raises:
        OSError: It cannot be written, or what is there is neither an ordinary file nor a link;
            nothing is left behind, and the old file is as it was.
    """
    require_replaceable(path)  # Before a file is made beside a device or a pipe.
    new = path.parent / f".{path.name[:40]}.{secrets.token_hex(8)}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY | _NO_LINK
    descriptor = os.open(new, flags, 0o666 if mode is None else mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if mode is not None and os.name != "nt":
                os.fchmod(descriptor, mode)  # A umask takes away from the mode of `open`.
            file.write(content)
            file.flush()
            os.fsync(descriptor)  # The name must not be there before the content is.
        require_replaceable(path)
        new.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):  # The first error is the one to tell.
            new.unlink()
        raise


def require_replaceable(path: Path) -> None:
    """Check that there is an ordinary file, a link or nothing at all.

    Raises:
        OSError: It is a device, a pipe, a socket or a folder, or cannot be looked at.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode)):
        raise OSError(errno.EINVAL, "it is no ordinary file and is not replaced", str(path))
