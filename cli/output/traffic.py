"""What a running simulator does: a picture that moves on a terminal, a few lines elsewhere."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol, Self

from ..environment import Environment
from .console import console_for
from .events import quality_cell
from .live import Redrawn
from .tables import Cell, Column, RowPrinter, rich_table, styled
from .text import width
from .values import value_text

if TYPE_CHECKING:
    from rich.console import Group

    from mxgateway.generated.mxaccess_gateway.v1 import MxValue

__all__ = ["Shown", "Traffic", "TrafficView", "moves", "traffic_view_for"]

_FRAMES_PER_SECOND: Final = 4
_NARROW: Final = 72  # Cells below which there is no room for all counters.
_LINE_SECONDS: Final = 10.0
_TITLES: Final = ("Sessions", "Streams", "Events/s", "Events", "Commands", "Writes", "Alarms")


@dataclass(frozen=True, slots=True)
class Traffic:
    """Counters of a simulator at one moment.

    Attributes:
        sessions: Sessions that are open.
        streams: Event streams that are open.
        rate: Events per second since the moment before.
        events: Events sent so far.
        commands: Commands executed so far.
        writes: Writes finished so far.
        alarms: Alarms that are active.
    """

    sessions: int = 0
    streams: int = 0
    rate: float = 0.0
    events: int = 0
    commands: int = 0
    writes: int = 0
    alarms: int = 0

    def texts(self) -> list[str]:
        """Return the counters as text, in the order of the titles."""
        return [f"{n:,.1f}" if isinstance(n, float) else f"{n:,}" for n in astuple(self)]


@dataclass(frozen=True, slots=True)
class Shown:
    """One tag as it stands: reference, value as a message, quality."""

    tag: str
    value: MxValue
    quality: int


class TrafficView(Protocol):
    """Shows counters and tags; used as a context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def take(self, traffic: Traffic, tags: Sequence[Shown]) -> None:
        """Take how things stand now."""


def moves(environment: Environment) -> bool:
    """Whether stdout is a terminal that can redraw."""
    return environment.is_terminal and environment.variables.get("TERM") != "dumb"


def traffic_view_for(
    environment: Environment, now: Callable[[], float] = time.monotonic
) -> TrafficView:
    """Return a live picture for a terminal that can redraw, else a printer of lines."""
    if moves(environment):
        return _LiveView(environment)
    return _LineView(environment, now)


class _LineView:
    """A line for what has happened, at most one in ten seconds."""

    def __init__(self, environment: Environment, now: Callable[[], float]) -> None:
        self._environment = environment
        self._now = now
        self._printer = RowPrinter(
            environment, [Column(title, right=True, room=8) for title in _TITLES]
        )
        self._last: tuple[int, ...] = (0, 0, 0, 0, 0)
        self._due = now()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing is held back, so there is nothing to do."""

    def take(self, traffic: Traffic, tags: Sequence[Shown]) -> None:  # noqa: ARG002 - counters only
        known = (
            *(traffic.sessions, traffic.streams),
            *(traffic.events, traffic.commands, traffic.writes),
        )
        if known == self._last or self._now() < self._due or not self._has_room():
            return
        self._last, self._due = known, self._now() + _LINE_SECONDS
        self._printer.row(traffic.texts())

    def _has_room(self) -> bool:
        """Whether stdout takes a line now: a reader that does not read must not stop the plant."""
        if os.name == "nt":
            return True  # Pipes cannot be asked there.
        try:
            return bool(select.select([], [self._environment.stdout], [], 0)[1])
        except (OSError, ValueError):
            return True  # No descriptor, so nothing that could fill up.


class _LiveView(Redrawn):
    def __init__(self, environment: Environment) -> None:
        self._console = console_for(environment)
        self._state: tuple[Traffic, Sequence[Shown]] = (Traffic(), ())
        super().__init__(self._console, self._picture, frames=_FRAMES_PER_SECOND)

    def take(self, traffic: Traffic, tags: Sequence[Shown]) -> None:
        self._state = (traffic, tags)

    def _picture(self) -> Group:
        from rich.console import Group
        from rich.text import Text

        traffic, tags = self._state
        values = rich_table(
            [
                Column("Tag", width=max((width(one.tag) for one in tags), default=3)),
                Column("Value", right=True, width=20),
                Column("Quality"),
            ]
        )
        for one in tags:
            cells: list[Cell | str] = [one.tag, value_text(one.value), quality_cell(one.quality)]
            values.add_row(*map(styled, cells))
        titles, texts = list(_TITLES), traffic.texts()
        room = 8
        if self._console.width < _NARROW:
            # The rate says it too.
            place = titles.index("Events")
            del titles[place], texts[place]
            room = 6
        counters = rich_table([Column(t, right=True, width=max(room, width(t))) for t in titles])
        cells = [Cell(text, "dim" if text in ("0", "0.0") else "bold") for text in texts]
        counters.add_row(*map(styled, cells))
        return Group(values, Text(), counters) if tags else Group(counters)
