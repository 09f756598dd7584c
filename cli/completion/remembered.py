"""The tags that browsing remembers for completion: one private file for each endpoint.

The names are the gateway's, so only those that can be tag references are kept, and the file is
taken with the same care when it is read: it may be old, or somebody else's.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from mxgateway.errors import ConfigurationError

from ..environment import Environment
from ..settings.places import cache_folder

__all__ = ["is_reference", "read_tags", "remember_tags"]

_MOST_NAMES: Final = 200_000
_MOST_BYTES: Final = 16_000_000

# Letters and digits of any script, less the four letters that show nothing (Hangul fillers), and
# the marks of references: `Tank_001.Trend[1]`, `$Template`, `#AnalogInput`. With a leading - a
# name would be an option.
_REFERENCE: Final = re.compile(r"(?!-)(?:[^\W\u115f\u1160\u3164\uffa0]|[.#$\[\]-]){1,1000}")

# Opening a FIFO must not wait for a writer. Windows has neither.
_OPEN: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)


def is_reference(name: str) -> bool:
    """Whether a name has nothing but what tag references have, and no more than 1,000 characters.

    Those are letters and digits of any script and `_ . # $ - [ ]`.
    """
    return _REFERENCE.fullmatch(name) is not None


def remember_tags(
    environment: Environment, endpoint: str, tags: Iterable[str], *, whole: bool = True
) -> None:
    """Keep the tags of a browse for completion.

    Names that cannot be tag references are left out. A cache that cannot be written is no error.
    Both are told under --verbose.

    Args:
        whole: Whether these are the tags of the whole galaxy, which take the place of those kept
            before; else they are added to them.
    """
    from ..private_files import make_private_folder, tighten_folder, write_private

    found = set(tags)
    kept = {tag for tag in found if is_reference(tag)}
    if len(kept) < len(found):
        environment.fact(
            f"Not remembered for completion: {len(found) - len(kept)} names that have characters "
            "which tag references do not have, or more than 1,000 characters."
        )
    try:
        path = _file(environment.variables, endpoint)
        make_private_folder(path.parent)
        tighten_folder(path.parent)
        if not whole:
            # Without a file there is nothing to add to; what else is wrong shows on writing.
            with contextlib.suppress(OSError):
                kept.update(name for name in _lines(path) if is_reference(name))
        write_private(path, _content(kept))
    except (ConfigurationError, OSError) as error:  # The first: the user has no home folder.
        environment.fact(f"The tags are not remembered for completion: {error}")


def read_tags(variables: Mapping[str, str], endpoint: str) -> list[str]:
    """Return what is remembered of an endpoint, unchecked: `is_reference` is the caller's.

    Raises:
        OSError: There is nothing, or what is in its place is no ordinary file.
        ConfigurationError: The user has no home folder.
    """
    return _lines(_file(variables, endpoint))


def _content(names: Iterable[str]) -> bytes:
    lines: list[bytes] = []
    free = _MOST_BYTES
    for name in sorted(names)[:_MOST_NAMES]:
        line = name.encode() + b"\n"
        free -= len(line)
        if free < 0:
            break
        lines.append(line)
    return b"".join(lines)


def _lines(path: Path) -> list[str]:
    """Read at most as much as is ever written, and from an ordinary file only.

    Raises:
        OSError: It is no ordinary file, or cannot be read.
    """
    # Looked at before as well: opening alone can have an effect on a device.
    _require_ordinary(path.lstat(), path)
    descriptor = os.open(path, _OPEN)
    with os.fdopen(descriptor, "rb") as file:
        _require_ordinary(os.fstat(descriptor), path)
        data = file.read(_MOST_BYTES)
    # What is no UTF-8 becomes a character that no name has. Not `splitlines`, which knows more
    # ends than are written here.
    return data.decode(errors="replace").split("\n", _MOST_NAMES)[:_MOST_NAMES]


def _require_ordinary(found: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(f"{str(path)!r} is no ordinary file")


def _file(variables: Mapping[str, str], endpoint: str) -> Path:
    name = hashlib.sha256(endpoint.strip().lower().encode()).hexdigest()[:16]
    return cache_folder(variables) / f"tags-{name}.txt"
