"""Commands that show what comes: their options for where to end, and the way they end."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

from .numbers import FiniteRange
from .options import Decorator, Invocation
from .output.fields import member, text_of
from .output.rows import MOST_COLLECTED, Shape, Sink, sink_for
from .signals import Interrupted

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient

__all__ = ["Bounds", "bounds_options", "stream_to_end"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where a stream ends by itself.

    Attributes:
        max_events: After so many rows, or None.
        seconds: After so much time, or None.
        until: After a row that has all these members, by dotted name and text.
    """

    max_events: int | None = None
    seconds: float | None = None
    until: tuple[tuple[str, str], ...] = ()

    def is_met_by(self, document: dict[str, Any]) -> bool:
        """Whether `until` is given and a row in plain JSON types has all that it wants."""
        return bool(self.until) and all(
            text_of(member(document, path)) == text for path, text in self.until
        )


def bounds_options(noun: str = "events", option: str = "--max-events") -> Decorator:
    """Add --max-events (or `option`), --seconds and --until; the function gets them as `bounds`."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(
            *arguments: Any,
            max_events: int | None,
            seconds: float | None,
            until: tuple[str, ...],
            **rest: Any,
        ) -> Any:
            bounds = Bounds(max_events, seconds, tuple(_condition(text) for text in until))
            return function(*arguments, bounds=bounds, **rest)

        result: Callable[..., Any] = wrapper
        for one in reversed(_options(noun, option)):
            result = one(result)
        return result

    return decorate


def _options(noun: str, option: str) -> list[Decorator]:
    return [
        click.option(
            option,
            "max_events",
            type=click.IntRange(min=1),
            metavar="N",
            help=f"End after so many {noun}.",
        ),
        click.option(
            "--seconds",
            type=FiniteRange(min=0, min_open=True),
            metavar="N",
            help="End after so much time; an ordinary end.",
        ),
        click.option(
            "--until",
            multiple=True,
            metavar="MEMBER=TEXT",
            help=f"End after one of the {noun} whose JSON has this; given again, has all of it.",
        ),
    ]


def _condition(text: str) -> tuple[str, str]:
    path, equals, wanted = text.partition("=")
    if not equals or not path:
        raise click.UsageError(f"--until {text!r}: give MEMBER=TEXT, such as itemHandle=3")
    return path, wanted


def stream_to_end(
    invocation: Invocation,
    shape: Shape[T],
    bounds: Bounds,
    open_stream: Callable[[GatewayClient], AbstractAsyncContextManager[AsyncIterator[T]]],
) -> None:
    """Show the rows of a stream until a bound, --timeout, its own end or Ctrl-C.

    Whatever ends it, what came until then is shown, and the stream is reset.

    Args:
        open_stream: Makes the stream of a connected client.

    Raises:
        MxGatewayError: Connecting failed, or the stream broke.
        Interrupted: Ctrl-C or a termination signal came.
    """
    from .run import run_with_client

    sink = sink_for(invocation, shape)
    most = sink.limit if bounds.max_events is None else bounds.max_events
    times = [t for t in (bounds.seconds, invocation.connection.timeout) if t is not None]

    async def body(client: GatewayClient) -> None:
        import anyio

        with anyio.move_on_after(min(times, default=None)):
            async with open_stream(client) as stream:
                await _show(stream, sink, shape, bounds, most)

    try:
        run_with_client(invocation, body, until_stopped=True)
    except Interrupted:
        sink.finish()
        raise
    except Exception:
        # What did arrive is still worth having; the error follows on stderr.
        if sink.count:
            sink.finish()
        raise
    sink.finish()
    if sink.full and sink.count != most:
        invocation.environment.note(
            f"Stopped after {sink.count} events, for one document takes no more text; "
            "--output jsonl has no limit."
        )
    elif bounds.max_events is None and sink.count == MOST_COLLECTED == sink.limit:
        invocation.environment.note(
            f"Stopped after {MOST_COLLECTED} events, the most that one document takes; "
            "--output jsonl has no limit, --max-events sets another."
        )


async def _show(
    stream: AsyncIterator[T], sink: Sink[T], shape: Shape[T], bounds: Bounds, most: int | None
) -> None:
    async for item in stream:
        sink.take(item)
        if (
            sink.count == most
            or sink.full
            or (bounds.until and bounds.is_met_by(shape.document(item)))
        ):
            return
