"""`watch`: values as they change, as a table that moves or as one row for each change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ..options import Invocation
from ..output.live import LiveScreen, redraws
from ..output.live_export import export
from ..output.live_values import Only, Order, ValueBoard, passes
from ..output.live_words import level_cell, status_cell, value_cell
from ..output.rows import Narrow, Shape
from ..output.tables import Cell, Column
from ..output.values import time_text
from ..run import run_with_client
from ..streaming import Bounds, stream_to_end
from .lost import told_when_lost
from .patterns import expand
from .reading import reading_document

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient
    from mxgateway.tags import TagUpdate

__all__ = ["WatchRequest", "watch_tags"]

_QUEUE: Final = 50_000  # values that wait for a slow reader before the oldest are dropped


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """What to watch and how to show it.

    Attributes:
        words: Tags and patterns.
        order: How the rows of the table are sorted.
        only: Which values are shown; None for all.
        max_tags: Tags that patterns may stand for.
        export_file: Where the last picture goes, or None.
    """

    words: Sequence[str]
    order: Order
    only: Only | None
    max_tags: int
    export_file: str | None


def watch_tags(invocation: Invocation, request: WatchRequest, bounds: Bounds) -> None:
    """Show the values of tags until a bound, --timeout, or Ctrl-C.

    Raises:
        GalaxyNotFoundError: Nothing matches a pattern.
        MxGatewayError: Connecting or subscribing failed, or the session was lost.
        Interrupted: Ctrl-C or a termination signal came.
    """
    if redraws(invocation):
        _on_screen(invocation, request, bounds)
        return
    environment = invocation.environment
    boards: list[ValueBoard] = []

    @asynccontextmanager
    async def updates(client: GatewayClient) -> AsyncIterator[AsyncIterator[TagUpdate]]:
        tags = await expand(environment, client, request.words, most=request.max_tags)
        board = _board(invocation, request, tags)
        boards.append(board)
        async with client.subscribe(tags, max_events=_QUEUE, overflow="drop_oldest") as stream:
            yield _Wanted(stream, board, request.only)

    try:
        with _told_when_lost(boards):
            stream_to_end(invocation, UPDATES, bounds, updates)
    finally:
        _export(invocation, request, boards)


def _on_screen(invocation: Invocation, request: WatchRequest, bounds: Bounds) -> None:
    environment = invocation.environment
    times = [t for t in (bounds.seconds, invocation.connection.timeout) if t is not None]
    boards: list[ValueBoard] = []

    async def body(client: GatewayClient) -> None:
        import anyio

        with anyio.move_on_after(min(times, default=None)):
            tags = await expand(environment, client, request.words, most=request.max_tags)
            async with client.subscribe(tags, max_events=_QUEUE, overflow="drop_oldest") as stream:
                board = _board(invocation, request, tags)
                boards.append(board)
                screen = LiveScreen(environment, board.picture, board.summary)
                with screen, _told_when_lost(boards):
                    count = 0
                    async for update in _Wanted(stream, board, request.only):
                        count += 1
                        if count == bounds.max_events or _met(bounds, update):
                            return

    try:
        run_with_client(invocation, body, until_stopped=True)
    finally:
        _export(invocation, request, boards)


def _told_when_lost(boards: Sequence[ValueBoard]) -> AbstractContextManager[None]:
    def end(words: str) -> None:
        for board in boards:
            board.end(words)

    return told_when_lost(lambda: any(board.count for board in boards), end)


def _board(invocation: Invocation, request: WatchRequest, tags: Sequence[str]) -> ValueBoard:
    return ValueBoard(
        invocation.environment,
        tags,
        order=request.order,
        only=request.only,
        title=invocation.connection.endpoint,
    )


def _export(invocation: Invocation, request: WatchRequest, boards: Sequence[ValueBoard]) -> None:
    for board in boards:
        export(invocation.environment, request.export_file, "mxgw-py watch", board.summary)


def _met(bounds: Bounds, update: TagUpdate) -> bool:
    return bool(bounds.until) and bounds.is_met_by(_document(update))


class _Wanted(AsyncIterator["TagUpdate"]):
    """The updates that --filter lets through; marks of what is missing always are."""

    def __init__(
        self, stream: AsyncIterator[TagUpdate], board: ValueBoard, only: Only | None
    ) -> None:
        self._stream = stream
        self._board = board
        self._only = only
        self._seen: dict[str, int] = {}

    async def __anext__(self) -> TagUpdate:
        from mxgateway.reading import TagValue

        while True:
            update = await self._stream.__anext__()
            self._board.take(update)
            if not isinstance(update, TagValue):
                return update
            key = update.tag.casefold()
            changes = self._seen.get(key, -1) + 1
            self._seen[key] = changes
            if passes(self._only, update, changes):
                return update


# -- rows ----------------------------------------------------------------------------


def _mark(update: TagUpdate) -> tuple[str, str]:
    """Return kind and words of a mark."""
    from mxgateway.events import DroppedEvents, ReplayGapEvent

    if isinstance(update, DroppedEvents):
        return "dropped", f"{update.count} values were dropped: they came too fast"
    if isinstance(update, ReplayGapEvent):
        return "replayGap", "values were lost while the stream was interrupted"
    return "sequenceGap", "values were lost on the way"


def _document(update: TagUpdate) -> dict[str, Any]:
    from mxgateway.events import DroppedEvents
    from mxgateway.reading import TagValue

    if isinstance(update, TagValue):
        return {"kind": "value", **reading_document(update)}
    kind, words = _mark(update)
    document: dict[str, Any] = {"kind": kind, "status": words}
    if isinstance(update, DroppedEvents):
        document["count"] = update.count
    return document


def _cells(update: TagUpdate, *, narrow: bool) -> list[Cell | str]:
    from mxgateway.reading import TagValue

    if not isinstance(update, TagValue):
        kind, words = _mark(update)
        return [Cell(kind, "bold red"), Cell(words, "bold red"), *["-"] * (1 if narrow else 3), ""]
    status = status_cell(update)
    end = "" if status.text == "OK" else status
    moment = time_text(update.timestamp, date=not narrow)
    if narrow:
        return [update.tag, value_cell(update), level_cell(update), end]
    kind_text = "-" if update.error is not None else update.type_name
    return [
        update.tag,
        value_cell(update),
        level_cell(update, number=True),
        moment,
        kind_text,
        end,
    ]


UPDATES: Final[Shape[TagUpdate]] = Shape(
    name="updates",
    document=_document,
    members=(
        *("kind", "tag", "ok", "value", "quality", "good", "timestamp", "dataType", "isArray"),
        *("status", "count"),
    ),
    columns=(
        Column("Tag", room=24),
        Column("Value", room=20),
        Column("Quality", room=20),
        Column("Source time (UTC)", room=28),
        Column("Type", room=11),
        Column(""),
    ),
    cells=lambda update: _cells(update, narrow=False),
    narrow=Narrow(
        columns=(
            Column("Tag", room=24),
            Column("Value", room=20),
            Column("Quality", room=9),
            Column(""),
        ),
        cells=lambda update: _cells(update, narrow=True),
        below=120,
    ),
)
"""Values and marks, as they come."""
