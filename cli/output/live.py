"""A picture that is drawn anew several times a second, on the terminal's second screen."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from ..environment import Environment
from ..options import Invocation, OutputFormat
from ..signals import last_words
from .console import console_for

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = ["LiveScreen", "Picture", "Redrawn", "draws_table", "redraws"]

Picture = Callable[[int, int], "RenderableType"]
"""Draws for a terminal of so many columns and lines; called from a thread of its own."""

_FRAMES_PER_SECOND: Final = 6
_LEAVE: Final = "\x1b[?7h\x1b[?1049l\x1b[?25h"  # back from the second screen, with a cursor
# A line that a terminal takes for wider than it was counted must not move all below it: while
# DECAWM is reset, what is beyond the edge is not shown.
_NO_WRAP: Final = "\x1b[?7l"
_WRAP: Final = "\x1b[?7h"


def draws_table(invocation: Invocation) -> bool:
    """Whether a person at a terminal gets the command's own table."""
    table = invocation.format is OutputFormat.TABLE and not invocation.fields
    return table and invocation.environment.is_terminal


def redraws(invocation: Invocation) -> bool:
    """Whether that terminal can also be drawn on again and again."""
    return draws_table(invocation) and invocation.environment.variables.get("TERM") != "dumb"


class Redrawn:
    """Draws a picture several times a second while it is entered.

    A thread does it, which only reads; the event loop never waits for the terminal.

    Args:
        console: Where to draw.
        picture: What to draw; it must only read.
        frames: Pictures a second.
        screen: Whether on the terminal's second screen.
    """

    def __init__(
        self,
        console: Console,
        picture: Callable[[], RenderableType],
        *,
        frames: int = _FRAMES_PER_SECOND,
        screen: bool = False,
    ) -> None:
        from rich.live import Live

        self._live = Live(
            get_renderable=picture,
            console=console,
            screen=screen,
            refresh_per_second=frames,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._live.__exit__(kind, error, traceback)


class LiveScreen(Redrawn):
    """Shows a picture while it is entered; then what stood on the terminal before is back,
    and below it what is left.

    The size is looked at for every frame, so that no signal is needed to notice a change, and
    a frame fills the screen, so that nothing of an earlier size is left.

    Args:
        environment: Where to draw.
        picture: What to draw; it must only read.
        left: What to leave on the terminal for its width, whatever ended it; None for nothing.
            It is there at once: ending a session with a silent gateway takes seconds.
    """

    def __init__(
        self,
        environment: Environment,
        picture: Picture,
        left: Callable[[int], RenderableType | None],
    ) -> None:
        console = console_for(environment)
        self._console, self._left = console, left

        def frame() -> RenderableType:
            size = console.size
            return picture(size.width, size.height)

        super().__init__(console, frame, screen=True)
        self._stack = ExitStack()
        self._stream = environment.stdout

    def __enter__(self) -> Self:
        self._stack.enter_context(last_words(self._stream, _LEAVE))
        self._steer(_NO_WRAP)
        super().__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._stack:
            try:
                super().__exit__(kind, error, traceback)
            finally:
                self._steer(_WRAP)
        last = self._left(self._console.width)
        if last is not None:
            self._console.print(last)

    def _steer(self, sequence: str) -> None:
        if not self._console.legacy_windows:  # a console that knows no such sequences
            self._stream.write(sequence)
            self._stream.flush()
