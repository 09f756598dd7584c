"""What a hostile gateway says, and how a terminal looks that it has not reached."""

from __future__ import annotations

import re
from typing import Final

import pyte

__all__ = ["FORGED", "HOSTILE", "MARK", "WIDE", "check_plain", "check_terminal"]

MARK: Final = "PWNED"
"""Stands in every hostile text, so that a test sees whether it got through at all."""

FORGED: Final = "Error: forged"
WIDE: Final = 200

HOSTILE: Final = (
    f"{MARK}\x1b]0;{MARK}\x07\x1b[2J\x1b[8m\x1b[3A\x9b2K\x9d0;{MARK}\x9c\x08\x7f"
    f"\r\n{FORGED}\x85{FORGED}\u2028{FORGED}\u2029\x0b\x0c\u202e\u200b\ufeff[red]:smile:`$(id)"
)
"""Title, erasing, concealing and moving in 7-bit and 8-bit forms, line breaks of every kind,
a right-to-left override, invisible characters, markup."""

# What the command line itself writes to a terminal: colours, how live pictures are drawn, and
# a bar that is drawn over.
_OURS: Final = re.compile(
    r"\x1b\[(?:[0-9;]*m|\?25[hl]|\?7[hl]|\?1049[hl]|H|2K|1A|[0-9;]+H|0?J)|\n"
    r"|\r(?:\[[#.]+\] )?[0-9a-z ,]*"
)


def check_plain(text: str, where: str) -> None:
    """Nothing but printable characters and the ends of whole lines, none of them forged."""
    for line in text.split("\n"):
        assert line.isprintable(), (where, line)
        assert not line.startswith(FORGED), (where, line)


def check_terminal(data: bytes, columns: int, where: str) -> pyte.Screen:
    """The bytes steer a terminal only as the command line does; return the screen after them."""
    text = data.decode()
    # Colours are ours; concealing is not, nor is erasing the whole screen.
    assert "\x1b[8m" not in text, where
    assert "\x1b[2J" not in text, where
    rest = _OURS.sub("\n", text)
    for line in rest.split("\n"):
        assert line.isprintable(), (where, line)
        # A narrow column folds long texts anywhere, so that any word may begin a line of it.
        assert columns < WIDE or not line.startswith(FORGED), (where, line)
    screen = pyte.Screen(columns, 50)
    stream = pyte.ByteStream(screen)
    stream.feed(data.replace(b"\n", b"\r\n"))
    assert screen.title == screen.icon_name == "", where
    return screen
