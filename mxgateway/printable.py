"""Text of others as it may be shown: nothing in it steers a terminal or begins a line.

What a gateway, a certificate, a file or an environment says can hold line breaks, which forge
lines of a log, and control characters, which redraw what stands on a screen. Whole texts of
others go through `printable`; a piece of one inside a sentence of ours is quoted with `repr`,
which escapes the same characters and shows where it begins and ends.
"""

from typing import Final

__all__ = ["printable"]

_NAMED: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable(text: str) -> str:
    r"""Return `text` with every character that `str.isprintable` does not know escaped.

    Those are control characters (C0, DEL, C1), line and paragraph separators, blanks other
    than the space, lone surrogates, and invisible characters of formatting such as the
    right-to-left override. They become `\n`, `\x1b`, `\u202e`; all others stay as they are.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _NAMED.get(c) or _escape(c) for c in text)


def _escape(character: str) -> str:
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
