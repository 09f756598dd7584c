"""Texts that people keep in files, as editors and shells write them."""

from __future__ import annotations

import codecs
import re
from typing import Final

from mxgateway.bounded_files import read_bounded

from .settings.places import named_path

__all__ = ["decoded", "lines_in", "read_named"]

_LINE_END: Final = re.compile(r"\r\n|\r|\n")


def read_named(path: str, most: int) -> bytes:
    """Return the content of a file that a person named for reading, `~` for a home folder.

    Pipes that somebody writes to are files here: `<(...)` of a shell and /dev/stdin.

    Raises:
        OSError: As for `read_bounded`; `strerror` follows "cannot be read: ".
    """
    return read_bounded(named_path(path), most, streams=True)


def decoded(data: bytes) -> str:
    """Return UTF-8, with or without a mark at its beginning, or UTF-16 with one.

    Windows PowerShell 5.1 writes UTF-16 with its `>`, and older editors mark UTF-8.

    Raises:
        ValueError: It is neither; the text says so in words that follow a name.
    """
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        kind = "is no UTF-16 text" if wide else "is no UTF-8 text"
        raise ValueError(f"{kind}: {error.reason} at byte {error.start}") from error
    if "\0" in text:
        raise ValueError("has NUL characters; UTF-16 needs the mark at its beginning")
    return text


def lines_in(text: str) -> list[str]:
    """Return the lines; unlike `str.splitlines`, nothing inside a JSON text ends one."""
    return _LINE_END.split(text)
