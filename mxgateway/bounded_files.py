"""Reading files that somebody named: ordinary ones, up to a bound.

A name can lead to a device that never ends, or to a pipe that waits for a writer for ever. What
is read is looked at first, opened without waiting, and looked at again.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

__all__ = ["MOST_PEM_BYTES", "read_bounded", "require_ordinary"]

MOST_PEM_BYTES: Final = 16_000_000
"""Bytes of a PEM file; all authorities that the public web knows of have a third of it."""

_PIECE: Final = 65_536
_NO_WAIT: Final = getattr(os, "O_NONBLOCK", 0)  # Opening a pipe waits for nobody; not on Windows.
_OPEN: Final = os.O_RDONLY | _NO_WAIT | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)


def read_bounded(path: str | os.PathLike[str], most: int, *, streams: bool = False) -> bytes:
    """Return the content of a file; the null device has none.

    Args:
        path: The file; links are followed.
        most: Bytes that it may have.
        streams: Whether a pipe that somebody writes to (`<(...)` of a shell, /dev/stdin) and a
            terminal are taken too, and read to their end. A signal can interrupt that.

    Raises:
        OSError: It is larger, no ordinary file, or cannot be read; `strerror` says so in words.
    """
    descriptor = -1
    try:
        if _is_null(path):
            return b""  # People name it where they want no file, such as no profiles.
        # Looked at before as well: opening alone can have an effect on a device.
        _require_readable(Path(path).stat(), path, most, streams=streams)
        descriptor = os.open(path, _OPEN)
        found = os.fstat(descriptor)
        _require_readable(found, path, most, streams=streams)
        if stat.S_ISCHR(found.st_mode) and not os.isatty(descriptor):
            raise _not_ordinary(path)
        data = bytearray()
        if not stat.S_ISREG(found.st_mode) and _NO_WAIT:
            data += _begun(descriptor, path)
        while len(data) <= most and (piece := os.read(descriptor, _PIECE)):
            data += piece
    except ValueError as error:
        raise OSError(errno.EINVAL, f"its name cannot be one: {error}", os.fspath(path)) from None
    finally:
        if descriptor >= 0:
            os.close(descriptor)
    if len(data) > most:
        raise _too_large(path, most)
    return bytes(data)


def require_ordinary(path: str | os.PathLike[str], most: int) -> None:
    """Check a file that somebody else will open, as OpenSSL does with certificates and keys.

    Raises:
        OSError: As for `read_bounded`.
    """
    try:
        _require_readable(Path(path).stat(), path, most, streams=False)
    except ValueError as error:
        raise OSError(errno.EINVAL, f"its name cannot be one: {error}", os.fspath(path)) from None


def _is_null(path: str | os.PathLike[str]) -> bool:
    if os.name == "nt":
        return os.fspath(path).lower() == os.devnull
    found = Path(path).stat()
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == Path(os.devnull).stat().st_rdev


def _require_readable(
    found: os.stat_result, path: str | os.PathLike[str], most: int, *, streams: bool
) -> None:
    mode = found.st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder, no ordinary file", os.fspath(path))
    if not (stat.S_ISREG(mode) or (streams and (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)))):
        raise _not_ordinary(path)
    if stat.S_ISREG(mode) and found.st_size > most:
        raise _too_large(path, most)


def _begun(descriptor: int, path: str | os.PathLike[str]) -> bytes:
    """Return what can be read without waiting, and let the rest be waited for."""
    try:
        data = os.read(descriptor, _PIECE)
    except BlockingIOError:
        data = b""  # A writer or a terminal is there, and has not written yet.
    else:
        if not data:
            raise OSError(errno.EINVAL, "it is a pipe that nobody writes to", os.fspath(path))
    os.set_blocking(descriptor, True)
    return data


def _not_ordinary(path: str | os.PathLike[str]) -> OSError:
    return OSError(errno.EINVAL, "it is no ordinary file", os.fspath(path))


def _too_large(path: str | os.PathLike[str], most: int) -> OSError:
    return OSError(errno.EFBIG, f"it is larger than {most:,} bytes", os.fspath(path))
