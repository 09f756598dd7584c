"""Quotes words for the shells that insert an answer as it is: bash and PowerShell.

zsh and fish quote by themselves what a completion function gives them. Everything is quoted that
is not known to be harmless. What cannot be printed is never inserted raw: bash has escapes for
it, in PowerShell such a word is not offered.
"""

from __future__ import annotations

import re
import string
import sys
from typing import Final

from mxgateway.printable import printable

__all__ = ["ascii_escaped", "bash_word", "powershell_word"]

_ENCODING: Final = sys.getfilesystemencoding()
# Only UTF-8 never has an ASCII byte, such as a backslash, within another character.
_IS_UTF8: Final = _ENCODING == "utf-8"

_BASH_PLAIN: Final = frozenset(string.ascii_letters + string.digits + "_./-+,%@=:")
_BASH_SPECIAL: Final = frozenset(string.punctuation + " ") - _BASH_PLAIN - {"!"}
_IN_DOUBLE: Final = frozenset('$`"\\')


def bash_word(text: str, style: str = "") -> str:
    r"""Return text as a word of bash.

    `!` is special in double quotes of interactive shells, with no escape there, and is written
    as `$'\041'`, as is what cannot be printed, byte by byte.

    Args:
        text: The text, where undecodable bytes are lone surrogates, as in names of files.
        style: The quote that the whole word is put in: `'`, `"` or `$'`; without one, single
            characters are escaped.

    Raises:
        UnicodeEncodeError: No word of a shell can have this text here.
    """
    if style == "$'":
        return f"$'{_ansi(text)}'"
    if not text and not style:
        return "''"
    marked = "".join(c if _may_stand(c) else f"\0{c}" for c in text)
    return style + "".join(_piece(piece, style) for piece in _PIECE.findall(marked)) + style


# Runs of what is written in octal, each character of them marked with NUL, and of all else.
_PIECE: Final = re.compile("(?:\0.)+|[^\0]+", re.DOTALL)


def _may_stand(character: str) -> bool:
    """Whether a character may be on the command line as itself, quoted or not."""
    if character.isascii():
        return " " <= character <= "~" and character != "!"
    return _IS_UTF8 and printable(character) == character


def _piece(piece: str, style: str) -> str:
    if piece.startswith("\0"):
        return f"{style}$'{_ansi(piece[1::2])}'{style}"
    if style == "'":
        return piece.replace("'", "'\\''")
    special = _IN_DOUBLE if style else _BASH_SPECIAL
    return "".join(f"\\{c}" if c in special else c for c in piece)


def _ansi(text: str) -> str:
    """Return the inside of $'...', where bytes are octal; `\\'` would mislead readline."""
    return "".join(
        c
        if _may_stand(c) and c not in "'\\"
        else "".join(f"\\{byte:03o}" for byte in c.encode(_ENCODING, "surrogateescape"))
        for c in text
    )


_POWERSHELL_BARE: Final = re.compile(r"(?:--?)?[A-Za-z][A-Za-z0-9-]*|[A-Za-z_][A-Za-z0-9_.]*")
# Each of these ends a text in single quotes, unless it is doubled (about_Quoting_Rules).
_POWERSHELL_QUOTE: Final = re.compile("(['\u2018\u2019\u201a\u201b])")


def powershell_word(text: str) -> str | None:
    r"""Return text as a word of PowerShell: in single quotes, unless it is plain.

    None where it cannot be given exactly: what cannot be printed has no escape in single quotes,
    and Windows PowerShell passes `"` on wrongly, as well as a `\` at the end.
    """
    if printable(text) != text or '"' in text or text.endswith("\\"):
        return None
    if _POWERSHELL_BARE.fullmatch(text):
        return text
    doubled = _POWERSHELL_QUOTE.sub(r"\1\1", text)
    return f"'{doubled}'"


def ascii_escaped(text: str) -> str:
    r"""Return text in ASCII, as `[regex]::Unescape` of .NET reads it: `\\` and `\uXXXX`."""
    units = text.replace("\\", "\\\\").encode("utf-16-be", "surrogatepass")
    codes = [int.from_bytes(units[n : n + 2], "big") for n in range(0, len(units), 2)]
    return "".join(chr(code) if code < 0x80 else f"\\u{code:04x}" for code in codes)
