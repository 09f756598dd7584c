"""Files that are none: pipes, devices, sockets and folders, made in a folder of the test."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import sys
from pathlib import Path

import pytest

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows makes no such files")


def make_odd_file(kind: str, path: Path) -> Path:
    """Make a `pipe`, a `socket`, a `folder` or a `device`, which is a copy of /dev/zero."""
    if sys.platform == "win32":
        pytest.skip("Windows makes no such files")
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "socket":
            # The path of a socket is short, that of a test is not.
            with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as made:
                made.bind(path.name)
        case _:
            try:
                os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))
                path.open("rb").close()
            except OSError:
                pytest.skip("devices cannot be made here")
    return path
