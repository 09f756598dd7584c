"""`plot`: one tag over some seconds, as a chart that grows on a terminal."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import rich_click as click

from mxgateway.printable import printable

from ..options import Invocation, OutputFormat
from ..output.console import console_for
from ..output.live import LiveScreen, redraws
from ..output.live_columns import MOST_IN_FRAME
from ..output.live_export import export
from ..output.live_words import level_cell, value_cell
from ..output.plot import Sample, draw, thinned
from ..output.spark import draws_blocks
from ..output.tables import Cell, line_of
from ..output.text import fold, on_screen, shortened, width
from ..run import run_with_client
from ..streaming import Bounds, stream_to_end
from .lost import told_when_lost
from .watching import UPDATES

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mxgateway.client import GatewayClient
    from mxgateway.reading import TagValue
    from mxgateway.tags import TagUpdate

__all__ = ["Chart", "plot_tag"]

_WIDTH: Final = 80  # where no terminal says how wide
_HEIGHT: Final = 16
_FIRST_SECONDS: Final = 30.0
_MOST_SAMPLES: Final = 20_000  # drawn several times a second, for as long as somebody looks


def plot_tag(
    invocation: Invocation, tag: str, seconds: float, height: int | None, export_file: str | None
) -> None:
    """Draw a tag until the seconds have passed, --timeout, or Ctrl-C.

    Raises:
        UsageError: The tag has no numbers.
        TagError: The tag cannot be read.
        DeadlineExceededError: No value of the tag came.
        MxGatewayError: Connecting or subscribing failed, or the session was lost.
        Interrupted: Ctrl-C or a termination signal came.
    """
    environment = invocation.environment
    timeout = invocation.connection.timeout
    if invocation.format is not OutputFormat.TABLE or invocation.fields:
        _in_rows(invocation, tag, seconds)
        return
    chart = Chart(tag, seconds, blocks=draws_blocks(environment))
    drawn_anew = redraws(invocation)
    lines = height or _HEIGHT

    def last(columns: int) -> RenderableType:
        chart.stop()
        return chart.picture(columns, lines)

    async def body(client: GatewayClient) -> None:
        import anyio

        from mxgateway.errors import DeadlineExceededError

        async with client.subscribe([tag], overflow="drop_oldest") as updates:
            # A fresh client may wait for its first value; the chart begins with it. A tag that
            # cannot be drawn is told before the screen changes.
            with anyio.move_on_after(timeout or _FIRST_SECONDS):
                first = await updates.__anext__()
                chart.begin()
                chart.take(first)
            if not chart.drawn:
                raise DeadlineExceededError(
                    f"{tag}: no value came within {timeout or _FIRST_SECONDS:g} s"
                )
            with anyio.move_on_after(min(t for t in (seconds, timeout) if t is not None)):
                screen = LiveScreen(environment, chart.picture, last) if drawn_anew else None
                with screen or nullcontext(), told_when_lost(lambda: chart.drawn, chart.end):
                    async for update in updates:
                        chart.take(update)

    try:
        run_with_client(invocation, body, until_stopped=True)
    finally:
        if chart.drawn:
            chart.stop()
            if not environment.is_terminal:
                environment.show(*chart.text(_WIDTH, lines))
            elif not drawn_anew:
                console = console_for(environment)
                console.print(last(console.width))
            export(environment, export_file, "mxgw-py plot", last)


def _in_rows(invocation: Invocation, tag: str, seconds: float) -> None:
    begun = False

    @asynccontextmanager
    async def updates(client: GatewayClient) -> AsyncIterator[AsyncIterator[TagUpdate]]:
        nonlocal begun
        async with client.subscribe([tag], overflow="drop_oldest") as stream:
            begun = True
            yield stream

    shape = replace(UPDATES, name="samples")
    with told_when_lost(lambda: begun):
        stream_to_end(invocation, shape, Bounds(seconds=seconds), updates)


class Chart:
    """The samples of one tag; they come from the event loop, another thread draws.

    Args:
        tag: The tag.
        seconds: What the width of the chart stands for.
        blocks: Whether Braille dots can be shown.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        tag: str,
        seconds: float,
        *,
        blocks: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tag = tag
        self._seconds = seconds
        self._blocks = blocks
        self._clock = clock
        self._lock = threading.Lock()
        self._samples: list[Sample] = []
        self._last: TagValue | None = None
        self._begun = self._ended = 0.0
        self._count = self._lost = 0
        self._end = ""

    @property
    def drawn(self) -> bool:
        """Whether there is anything to see."""
        return bool(self._samples)

    def begin(self) -> None:
        """Let the time begin."""
        self._begun = self._clock()

    def stop(self) -> None:
        """Let the time end, once."""
        self._ended = self._ended or self._clock()

    def end(self, words: str) -> None:
        """Let the heading say why no more comes."""
        self._end = words

    def take(self, update: TagUpdate) -> None:
        """Take a value, or a mark where some are missing.

        Raises:
            UsageError: It is no number.
            TagError: The tag cannot be read.
        """
        from mxgateway.reading import TagValue

        moment = self._clock() - self._begun
        with self._lock:
            if not isinstance(update, TagValue):
                self._lost += 1
                return
            update.require()
            number = _number(self._tag, update)
            self._last = update
            self._count += 1
            self._samples.append(Sample(moment, number, update.good))
            if len(self._samples) >= _MOST_SAMPLES:
                self._samples = thinned(self._samples, self._seconds)

    def picture(self, columns: int, lines: int) -> RenderableType:
        """Return heading and chart for a terminal of that size."""
        from rich.console import Group

        rows = self._lines(columns, lines)
        return Group(*map(line_of, rows))

    def text(self, columns: int, lines: int) -> list[str]:
        """Return the same as lines of plain text."""
        rows = self._lines(columns, lines)
        return ["".join(printable(cell.text) for cell in row).rstrip() for row in rows]

    def _lines(self, columns: int, lines: int) -> list[list[Cell]]:
        with self._lock:
            samples, last, lost = list(self._samples), self._last, self._lost
            count = self._count
        now = min(self._seconds, (self._ended or self._clock()) - self._begun)
        assert last is not None
        known = [s.value for s in samples if s.value is not None]
        value, level = Cell(value_cell(last).text, "bold"), level_cell(last)
        told = [Cell(self._tag, "bold"), Cell("  "), value, Cell("  "), level]
        facts = [f"{count} values", f"{now:.0f} of {self._seconds:g} s"]
        if known:
            facts.insert(0, f"min {min(known):.7g}  max {max(known):.7g}")
        below = [Cell("  ".join(facts), "dim")]
        if self._end:
            below.append(Cell(shortened(self._end, MOST_IN_FRAME), "bold red"))
        if not all(sample.good for sample in samples):
            below.append(Cell("x on the axis: the value was not good", "red"))
        if lost:
            below.append(Cell(f"{lost} gaps: values were lost", "bold red"))
        heading = [told]
        if sum(width(on_screen(cell.text), columns) for cell in told) > columns:
            # Each line of the heading takes one from the chart, so none may fold by itself.
            heading = [*_folded(told[0], columns), told[2:]]
        for cell in below:
            heading += _folded(cell, columns)
        chart = draw(
            samples,
            self._seconds,
            now,
            columns,
            max(4, lines - len(heading) - 1),
            blocks=self._blocks,
        )
        return [*heading, [Cell("")], *chart]


def _folded(cell: Cell, columns: int) -> list[list[Cell]]:
    return [[Cell(line, cell.style)] for line in fold(on_screen(cell.text), columns)]


def _number(tag: str, value: TagValue) -> float | None:
    content = value.value
    if isinstance(content, bool | int | float):
        try:
            number = float(content)
        except OverflowError:
            return None
        return number if math.isfinite(number) else None
    if content is None:
        return None
    raise click.UsageError(f"{tag} is of type {value.type_name}; plot draws numbers")
