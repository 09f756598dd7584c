"""`alarms`: the board, a snapshot, or one row for each change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..connection import DEFAULT_TIMEOUT
from ..options import Invocation, OutputFormat
from ..output.console import console_for
from ..output.live import LiveScreen, draws_table, redraws
from ..output.live_alarms import AlarmBoard
from ..output.live_export import export
from ..output.long_tables import MOST_LEFT
from ..output.rows import write_rows
from ..output.tables import Cell
from ..output.values import MOST_ON_SCREEN
from ..run import run_with_client
from ..streaming import Bounds, stream_to_end
from .alarm_rows import ALARMS, CHANGES, limit_text, number_of, state_cell
from .lost import told_when_lost

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mxgateway.alarms import Alarm, AlarmBook, AlarmChange
    from mxgateway.client import GatewayClient

__all__ = ["AlarmRequest", "show_alarms"]

_PROVIDER_SECONDS: Final = 0.5  # older gateways never tell the source; nobody waits long for it


@dataclass(frozen=True, slots=True)
class AlarmRequest:
    """Which alarms to show and how.

    Attributes:
        prefix: What their references begin with; empty for all.
        once: Whether to show what is active and end.
        export_file: Where the last picture goes, or None.
    """

    prefix: str
    once: bool
    export_file: str | None


def show_alarms(invocation: Invocation, request: AlarmRequest, bounds: Bounds) -> None:
    """Show alarms once, as a board, or change by change.

    Raises:
        MxGatewayError: Connecting failed, the alarm monitor is off, or the feed broke.
        Interrupted: Ctrl-C or a termination signal came.
    """
    board = AlarmBoard(invocation.connection.endpoint, _cells)
    try:
        if request.once:
            _once(invocation, request, board)
        elif redraws(invocation):
            _on_screen(invocation, request, bounds, board)
        else:
            with _told_when_lost(board):
                _in_rows(invocation, request, bounds, board)
    finally:
        if board.count:
            export(invocation.environment, request.export_file, "mxgw-py alarms", board.summary)


def _once(invocation: Invocation, request: AlarmRequest, board: AlarmBoard) -> None:
    async def body(client: GatewayClient) -> AlarmBook:
        import anyio

        from mxgateway.alarms import AlarmChangeKind

        async with client.follow_alarms(request.prefix) as feed:
            async for change in feed:
                board.take(feed.book, change)
                if change.kind is AlarmChangeKind.COMPLETE:
                    break
            if feed.book.provider is None:
                with anyio.move_on_after(_PROVIDER_SECONDS):
                    board.take(feed.book, await feed.__anext__())
            return feed.book

    book = run_with_client(invocation, body, default=DEFAULT_TIMEOUT)
    environment = invocation.environment
    if draws_table(invocation):
        console = console_for(environment)
        console.print(board.summary(console.width))
        return
    provider = None if book.provider is None else book.provider.to_dict()
    extra = {"query": {"filterPrefix": request.prefix}, "provider": provider}
    write_rows(invocation, ALARMS, book.by_severity(), extra=extra)
    if invocation.format is OutputFormat.TABLE and book.provider is not None:
        environment.note(f"Source of alarms: {book.provider}")


def _on_screen(
    invocation: Invocation, request: AlarmRequest, bounds: Bounds, board: AlarmBoard
) -> None:
    environment = invocation.environment
    times = [t for t in (bounds.seconds, invocation.connection.timeout) if t is not None]

    def left(columns: int) -> RenderableType | None:
        return board.summary(columns, MOST_LEFT) if board.count else None

    async def body(client: GatewayClient) -> None:
        import anyio

        with anyio.move_on_after(min(times, default=None)):
            async with client.follow_alarms(request.prefix) as feed:
                screen = LiveScreen(environment, board.picture, left)
                with screen, _told_when_lost(board):
                    async for change in feed:
                        board.take(feed.book, change)
                        if board.count == bounds.max_events or _met(bounds, change):
                            return

    run_with_client(invocation, body, until_stopped=True)


def _told_when_lost(board: AlarmBoard) -> AbstractContextManager[None]:
    return told_when_lost(lambda: board.count > 0, board.end)


def _met(bounds: Bounds, change: AlarmChange) -> bool:
    return bool(bounds.until) and bounds.is_met_by(CHANGES.document(change))


def _in_rows(
    invocation: Invocation, request: AlarmRequest, bounds: Bounds, board: AlarmBoard
) -> None:
    @asynccontextmanager
    async def changes(client: GatewayClient) -> AsyncIterator[AsyncIterator[AlarmChange]]:
        async with client.follow_alarms(request.prefix) as feed:
            yield _Seen(feed, feed.book, board)

    stream_to_end(invocation, CHANGES, bounds, changes)


class _Seen(AsyncIterator["AlarmChange"]):
    """The changes of a feed, which the board sees on their way."""

    def __init__(
        self, feed: AsyncIterator[AlarmChange], book: AlarmBook, board: AlarmBoard
    ) -> None:
        self._feed = feed
        self._book = book
        self._board = board

    async def __anext__(self) -> AlarmChange:
        change = await self._feed.__anext__()
        self._board.take(self._book, change)
        return change


def _cells(alarm: Alarm, age: str) -> Sequence[Cell | str]:
    remark = ": ".join(part for part in (alarm.operator, alarm.comment) if part)
    return [
        str(number_of(alarm.reference)),
        str(alarm.severity),
        state_cell(alarm),
        age,
        alarm.reference,
        limit_text(alarm, most=MOST_ON_SCREEN),
        alarm.description,
        remark,
        Cell("degraded", "yellow") if alarm.degraded else "",
    ]
