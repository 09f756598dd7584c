"""Splits a command line into words as its shell does, quotes undone.

Nothing is expanded: a person who has typed `$HOME` has typed these five characters. The line ends
at the cursor, so its last word may end within quotes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["Typed", "split_fish", "split_posix", "split_powershell"]


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands left of the cursor.

    Attributes:
        words: The words that are complete, the program's name first.
        incomplete: The word that the cursor is in or behind; empty after a blank.
        start: Where it begins in the line.
        quote: The quote that is open at its end: one of `'`, `"`, `$'`, or none.
        style: The first quote in it, open or closed, or none.
    """

    words: tuple[str, ...]
    incomplete: str
    start: int
    quote: str
    style: str


@dataclass(frozen=True, slots=True)
class _Syntax:
    """Pieces of words, by the name of their group in a pattern.

    Attributes:
        pattern: Matches a piece or blanks anywhere in a line.
        decode: What undoes the escapes of a piece; other pieces are taken as they are.
        quotes: For the pieces in quotes the opening quote, and what can close them.
    """

    pattern: re.Pattern[str]
    decode: Mapping[str, Callable[[str], str]]
    quotes: Mapping[str, tuple[str, str]]

    def split(self, line: str) -> Typed:
        words: list[str] = []
        pieces: list[str] = []
        start, quote, style = len(line), "", ""
        for match in self.pattern.finditer(line):
            kind = match.lastgroup or ""
            if kind == "blank":
                if pieces:
                    words.append("".join(pieces))
                pieces, start, quote, style = [], len(line), "", ""
                continue
            if not pieces:
                start = match.start()
            pieces.append(self.decode.get(kind, str)(match[kind]))
            opening, closing = self.quotes.get(kind, ("", ""))
            closed = match.end() > match.end(kind) and match[0][-1] in closing
            quote, style = "" if closed else opening, style or opening
        return Typed(tuple(words), "".join(pieces), start, quote, style)


def split_posix(line: str) -> Typed:
    """Split as bash and zsh do."""
    return _POSIX.split(line)


def split_fish(line: str) -> Typed:
    """Split as fish does, which has escapes outside of quotes."""
    return _FISH.split(line)


def split_powershell(line: str) -> Typed:
    """Split as PowerShell does, which takes typographic quotes for quotes too."""
    return _POWERSHELL.split(line)


_ENCODING: Final = sys.getfilesystemencoding()
_ESCAPE: Final = re.compile(
    r"\\(?:(?P<octal>[0-7]{1,3})|[xX](?P<byte>[0-9a-fA-F]{1,2})"
    r"|u(?P<unit>[0-9a-fA-F]{1,4})|U(?P<point>[0-9a-fA-F]{1,8})|c(?P<control>.)|(?P<other>.?))",
    re.DOTALL,
)
_NAMED: Final[dict[str, str]] = dict(
    zip("abeEfnrtv\n", [*"\a\b\x1b\x1b\f\n\r\t\v", ""], strict=True)
)
_NAMED_ANSI: Final = frozenset("abeEfnrtv\\'\"?")


def _escapes(text: str, *, kept: bool) -> str:
    """Undo escapes; those of bytes become the characters that the bytes are.

    Args:
        kept: Whether the backslash of an unknown escape stays, as in `$'...'` of bash; fish
            takes it away.
    """

    def character(match: re.Match[str]) -> str:
        kind = match.lastgroup or ""
        value: str = match[kind]
        if kind == "other":
            unknown = kept and value not in _NAMED_ANSI
            return f"\\{value}" if unknown else _NAMED.get(value, value)
        if kind == "control":
            return chr(ord(value) & 0x1F)
        number = int(value, 8 if kind == "octal" else 16)
        if kind in ("octal", "byte"):
            return bytes([number & 0xFF]).decode(_ENCODING, "surrogateescape")
        return chr(number) if number < 0xD800 or 0xDFFF < number < 0x110000 else "\ufffd"

    undone: str = _ESCAPE.sub(character, text)
    try:
        return undone.encode(_ENCODING, "surrogateescape").decode(_ENCODING, "surrogateescape")
    except UnicodeEncodeError:
        return undone  # A character that no word of a shell can have here fits nothing anyway.


def _without(escape: str, characters: str) -> Callable[[str], str]:
    """Return what takes `escape` away before one of `characters`, and a joined line end."""
    pattern = re.compile(f"{re.escape(escape)}([{re.escape(characters)}]|\n)")
    return lambda text: pattern.sub(lambda match: match[1].strip("\n"), text)


_POSIX: Final = _Syntax(
    re.compile(
        r"""(?P<blank>[ \t\n]+)
          | \\(?P<escaped>.?)
          | \$'(?P<ansi>(?:[^'\\]|\\.)*+)\\?(?:'|\Z)
          | '(?P<single>[^']*)(?:'|\Z)
          | \$?"(?P<double>(?:[^"\\]|\\.)*+)\\?(?:"|\Z)
          | (?P<bare>[^ \t\n\\'"$]+|\$)""",
        re.DOTALL | re.VERBOSE,
    ),
    {
        "escaped": lambda text: text.strip("\n"),
        "ansi": lambda text: _escapes(text, kept=True),
        "double": _without("\\", '$`"\\'),
    },
    {"ansi": ("$'", "'"), "single": ("'", "'"), "double": ('"', '"')},
)

_FISH: Final = _Syntax(
    re.compile(
        r"""(?P<blank>[ \t\n]+)
          | (?P<escaped>\\(?:[0-7]{1,3}|[xX][0-9a-fA-F]{1,2}|u[0-9a-fA-F]{1,4}
              |U[0-9a-fA-F]{1,8}|c.|.?))
          | '(?P<single>(?:[^'\\]|\\.)*+)\\?(?:'|\Z)
          | "(?P<double>(?:[^"\\]|\\.)*+)\\?(?:"|\Z)
          | (?P<bare>[^ \t\n\\'"]+)""",
        re.DOTALL | re.VERBOSE,
    ),
    {
        "escaped": lambda text: _escapes(text, kept=False),
        "single": _without("\\", "\\'"),
        "double": _without("\\", '$"\\'),
    },
    {"single": ("'", "'"), "double": ('"', '"')},
)

_SINGLE: Final = "'\u2018\u2019\u201a\u201b"
_DOUBLE: Final = '"\u201c\u201d\u201e'
_BACKTICK: Final = re.compile(f"`(.?)|[{_DOUBLE}]([{_DOUBLE}])", re.DOTALL)


def _backticks(text: str) -> str:
    def character(match: re.Match[str]) -> str:
        doubled: str | None = match[2]
        escaped: str = match[1] or ""
        return doubled or ("\0" if escaped == "0" else _NAMED.get(escaped, escaped))

    return _BACKTICK.sub(character, text)


_POWERSHELL: Final = _Syntax(
    re.compile(
        rf"""(?P<blank>\s+)
          | (?P<escaped>`.?)
          | [{_SINGLE}](?P<single>(?:[^{_SINGLE}]|[{_SINGLE}]{{2}})*+)(?:[{_SINGLE}]|\Z)
          | [{_DOUBLE}](?P<double>(?:[^{_DOUBLE}`]|[{_DOUBLE}]{{2}}|`.)*+)`?(?:[{_DOUBLE}]|\Z)
          | (?P<bare>[^\s`{_SINGLE}{_DOUBLE}]+)""",
        re.DOTALL | re.VERBOSE,
    ),
    {
        "escaped": _backticks,
        "single": lambda text: re.sub(f"[{_SINGLE}]([{_SINGLE}])", r"\1", text),
        "double": _backticks,
    },
    {"single": ("'", _SINGLE), "double": ('"', _DOUBLE)},
)
