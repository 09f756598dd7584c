"""A command in a pseudo-terminal, with the second screen that full-screen commands draw on."""

from __future__ import annotations

import os
import re
from typing import Any

import pexpect  # type: ignore[import-untyped]
import pyte
from cli_people.people_runs import LIMIT

__all__ = ["Terminal"]

_SWITCH = re.compile(rb"(\x1b\[\?1049[hl])")


class Terminal:
    """What a person at a terminal would see.

    Attributes:
        raw: All bytes that the command has written so far.
    """

    def __init__(
        self, words: list[str], columns: int, lines: int, variables: dict[str, str]
    ) -> None:
        self._size = (lines, columns)
        self._main = pyte.HistoryScreen(columns, lines, history=2_000, ratio=0.5)
        self._second: pyte.Screen | None = None
        self._stream = pyte.ByteStream(self._main)
        known = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")}
        environment = known | {"TERM": "xterm-256color", **variables}
        self.raw = b""
        self.child: Any = pexpect.spawn(
            words[0], words[1:], dimensions=(lines, columns), env=environment, timeout=LIMIT
        )

    @property
    def on_second_screen(self) -> bool:
        """Whether the command draws on the whole terminal now."""
        return self._second is not None

    def resize(self, columns: int, lines: int) -> None:
        """Change the size as a person does who pulls at the window."""
        self._size = (lines, columns)
        self.child.setwinsize(lines, columns)
        for screen in (self._main, self._second):
            if screen is not None:
                screen.resize(lines, columns)

    def read_until(self, pattern: str) -> str:
        """Return the screen once `pattern` has been written from now on."""
        self.child.expect(pattern.encode())
        self._feed(self.child.before + self.child.after)
        return self.text()

    def frame(self) -> str:
        """Return the screen after one more whole frame: the next one has begun to be written."""
        self.read_until(re.escape("\x1b[H"))
        return self.read_until(re.escape("\x1b[H"))

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.child.sendintr()

    def finish(self) -> int:
        """Read to the end; return the exit code."""
        self.child.expect(pexpect.EOF)
        self._feed(self.child.before)
        self.child.close()
        code: int = self.child.exitstatus
        return code

    def close(self) -> None:
        """End the command, whatever it does."""
        self.child.close(force=True)

    def text(self) -> str:
        """What stands on the screen, and above it where it has scrolled."""
        screen = self._second or self._main
        above: list[str] = []
        if screen is self._main:
            width = self._main.columns
            above = ["".join(line[n].data for n in range(width)) for line in self._main.history.top]
        return "\n".join(line.rstrip() for line in [*above, *screen.display])

    def _feed(self, data: bytes) -> None:
        self.raw += data
        for piece in _SWITCH.split(data):
            if piece.endswith(b"1049h"):
                lines, columns = self._size
                self._second = pyte.Screen(columns, lines)
                self._stream = pyte.ByteStream(self._second)
            elif piece.endswith(b"1049l"):
                self._second = None
                self._stream = pyte.ByteStream(self._main)
            else:
                self._stream.feed(piece)
