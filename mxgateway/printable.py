"""Text of others as it may be shown: nothing in it steers a terminal or begins a line.

What a gateway, a certificate, a file or an environment says can hold line breaks, which forge
lines of a log, and control characters, which redraw what stands on a screen. Whole texts of
others go through `printable`; a piece of one inside a sentence of ours is quoted with `repr`,
which escapes what `str.isprintable` does not know and shows where the piece begins and ends.
"""

import re
from typing import Final

__all__ = ["printable"]

_NAMED: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
# Printable for `str.isprintable` and yet nothing to see: what Unicode lists as
# Default_Ignorable_Code_Point (DerivedCoreProperties.txt) beyond the characters of formatting,
# and the Braille pattern without a dot.
_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)


def printable(text: str) -> str:
    r"""Return `text` with every character that does not show as what it is escaped.

    Those are the ones that `str.isprintable` does not know: control characters (C0, DEL, C1),
    line and paragraph separators, blanks other than the space, lone surrogates, and characters
    of formatting such as the right-to-left override. And those that it knows and that show
    nothing: Hangul fillers, variation selectors and the like, with which two names differ and
    look the same. They become `\n`, `\x1b`, `\u202e`, `\u3164`; all others stay as they are.
    """
    if text.isprintable() and (text.isascii() or not _UNSEEN.search(text)):
        return text
    escaped = text
    if not text.isprintable():
        escaped = "".join(c if c.isprintable() else _NAMED.get(c) or _escape(c) for c in text)
    return _UNSEEN.sub(lambda found: _escape(found[0]), escaped)


def _escape(character: str) -> str:
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
