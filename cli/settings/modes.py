"""Whether files that decide about security, or hold a key, are open to others on this computer."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

__all__ = ["open_to_others"]

_READ: Final = stat.S_IRGRP | stat.S_IROTH
_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def open_to_others(path: Path, *, secret: bool) -> str:
    """Return in words what others may do with a file that they should not, or "".

    As `ssh` looks at its own files: nobody else may write it, nor read it where it holds a
    secret, nor be its owner (root excepted). Windows keeps such files in the user's folder,
    whose rights they have; nothing is looked at there.

    Args:
        path: The file; one that cannot be looked at gives "", for reading it tells why.
        secret: Whether it holds a secret itself.
    """
    if os.name == "nt":
        return ""
    try:
        found = path.stat()
    except OSError:
        return ""
    if found.st_uid not in (os.geteuid(), 0):
        return f"{str(path)!r} belongs to another user, who can change it"
    mode = stat.S_IMODE(found.st_mode)
    if mode & _WRITE:
        fault = "change"
    elif secret and mode & _READ:
        fault = "read"
    else:
        return ""
    return f"others can {fault} {str(path)!r} (mode {mode:04o}); chmod 600 keeps them out"
