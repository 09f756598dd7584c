"""How far a walk has come: one line on stderr that is drawn over, for people only."""

from __future__ import annotations

import contextlib
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from ..environment import Environment

if TYPE_CHECKING:
    from mxgateway.galaxy import WalkProgress

__all__ = ["WalkBar"]

_CELLS: Final = 24


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
        if not self._shown:
            return
        text = f"{progress.done} {self._noun}"
        if progress.total:
            done = min(progress.done / progress.total, 1.0)
            full = round(done * _CELLS)
            bar = "#" * full + "." * (_CELLS - full)
            text = f"[{bar}] {progress.done} of {progress.total} {self._noun}"
        if progress.restarts:
            text += f", started over {progress.restarts} times"
        self._draw(text)

    def _draw(self, text: str) -> None:
        if not self._shown or (not text and not self._drawn):
            return
        blanks = " " * max(0, self._drawn - len(text))
        # Where stderr is gone there is nobody to show it to.
        with contextlib.suppress(OSError):
            self._stream.write(f"\r{text}{blanks}" + ("" if text else "\r"))
            self._stream.flush()
        self._drawn = len(text)
