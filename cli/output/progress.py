"""How far a walk has come: one line on stderr that is drawn over, for people only."""

from __future__ import annotations

import contextlib
import os
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TextIO

from ..environment import Environment

if TYPE_CHECKING:
    from mxgateway.galaxy import WalkProgress

__all__ = ["WalkBar"]

_CELLS: Final = 24
_USUAL: Final = 80  # columns of a terminal that does not tell


class WalkBar:
    """A bar while pages come; a context manager. Draws nothing unless stderr is a terminal.

    Not by rich: it is also drawn while results are JSON, which has to start quickly.
    """

    def __init__(self, environment: Environment, noun: str) -> None:
        self._stream = environment.stderr
        self._shown = not environment.quiet and environment.stderr.isatty()
        self._noun = noun
        self._drawn = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._draw("")

    def take(self, progress: WalkProgress) -> None:
        """Show how far the walk is."""
        self.show(progress.done, progress.total, progress.restarts)

    def show(self, done: int, total: int = 0, restarts: int = 0) -> None:
        """Show how many are there, of how many where that is known."""
        if not self._shown:
            return
        text = f"{done} of {total} {self._noun}" if total else f"{done} {self._noun}"
        text += f", started over {restarts} times" if restarts else ""
        full = round(min(done / total, 1.0) * _CELLS) if total else 0
        bar = f"[{'#' * full}{'.' * (_CELLS - full)}] {text}"
        # A line that folds could not be drawn over.
        room = _columns(self._stream) - 1
        self._draw(bar if total and len(bar) <= room else text[:room])

    def _draw(self, text: str) -> None:
        if not self._shown or (not text and not self._drawn):
            return
        blanks = " " * max(0, self._drawn - len(text))
        # Where stderr is gone there is nobody to show it to.
        with contextlib.suppress(OSError):
            self._stream.write(f"\r{text}{blanks}" + ("" if text else "\r"))
            self._stream.flush()
        self._drawn = len(text)


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or _USUAL
    except (OSError, ValueError):
        return _USUAL
