"""Private keys that are found in a folder, which others may read or have put there."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

from mxgateway.errors import ConfigurationError

__all__ = ["check_key_file"]

_LOG = logging.getLogger("mxgateway.simulator")


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
