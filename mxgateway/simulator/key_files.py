"""Files of certificates and keys in folders that others may write to as well."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import stat
from pathlib import Path

from mxgateway.errors import ConfigurationError

__all__ = ["check_key_file", "write_new_file"]

_LOG = logging.getLogger("mxgateway.simulator")


def write_new_file(path: Path, content: bytes, *, private: bool) -> None:
    """Write a file anew, whole or not at all; a link that is there is replaced, not followed.

    Args:
        path: The file.
        content: What it holds.
        private: Whether only its owner can read it; on Windows its folder decides that.

    Raises:
        OSError: It cannot be written.
    """
    new = path.parent / f".{path.name}.{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(new, flags, 0o600 if private else 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        new.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):  # What went wrong is told already.
            new.unlink()
        raise


def check_key_file(path: Path) -> None:
    """Warn in the log of a private key that was found and that others can read or exchange.

    Windows has neither these modes nor owners; there the folder decides.

    Raises:
        ConfigurationError: The key belongs to somebody else.
        OSError: It cannot be looked at.
    """
    if os.name == "nt":
        return
    found = path.stat()
    advice = "delete the files of this folder for a new certificate, or choose another folder"
    if found.st_uid not in (0, os.geteuid()):
        raise ConfigurationError(
            f"the private key {str(path)!r} belongs to somebody else, who can read it; {advice}"
        )
    if path.is_symlink():
        _LOG.warning(
            "the private key %r is a link to %r; if you did not make it, %s",
            str(path),
            os.fspath(path.readlink()),
            advice,
        )
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        _LOG.warning(
            "others can read the private key %r (its mode is %04o); %s", str(path), mode, advice
        )
