"""The console that draws: colours and layout are ours, what stands in them steers nothing."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from mxgateway.printable import printable

from ..environment import Environment

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

__all__ = ["console_for", "recording_console", "terminal_width"]


def console_for(environment: Environment) -> Console:
    """Return a rich console on stdout that takes text as it is (no markup, emoji, guesses)."""
    return _console(file=environment.stdout)


def recording_console(width: int) -> Console:
    """Return a console of so many columns that keeps what it draws, with all colours."""
    import io

    return _console(
        file=io.StringIO(),
        width=width,
        record=True,
        force_terminal=True,
        color_system="truecolor",
    )


def terminal_width(environment: Environment) -> int:
    """Return the cells of one line of the terminal on stdout."""
    return console_for(environment).width


def _console(**settings: Any) -> Console:
    return _kind()(markup=False, emoji=False, highlight=False, **settings)


@cache
def _kind() -> type[Console]:
    from rich.console import Console
    from rich.segment import Segment

    class SafeConsole(Console):
        """Escapes control characters in all text, also where the maker of a cell did not.

        rich takes out a few of them and lets ESC and C1 pass.
        """

        def render(
            self, renderable: RenderableType, options: ConsoleOptions | None = None
        ) -> Iterable[Segment]:
            for segment in super().render(renderable, options):
                # Line ends in a text are those of the layout; cells have theirs escaped before.
                text = "\n".join(map(printable, segment.text.split("\n")))
                if segment.control or text == segment.text:
                    yield segment
                else:
                    yield Segment(text, segment.style)

    return SafeConsole
