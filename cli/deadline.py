"""--timeout of a command that ends by itself: the time for all of it, whatever it calls."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient
    from mxgateway.errors import DeadlineExceededError, Processed

__all__ = ["COMMAND_PHASE", "seconds_left", "within"]

T = TypeVar("T")

COMMAND_PHASE: Final = "command"
"""The `phase` of the error of a command whose time has passed."""

_GRACE: Final = 0.25  # seconds; a call that ends at the deadline itself knows best what it was

_deadline: ContextVar[tuple[float, float] | None] = ContextVar("_deadline", default=None)


def seconds_left(default: float | None = None) -> float | None:
    """Return what is left of the time of the command, for a call that is told a timeout.

    Args:
        default: What to return where the command has no deadline.

    Raises:
        DeadlineExceededError: Nothing is left, so that no call should begin.
    """
    deadline = _deadline.get()
    if deadline is None:
        return default
    seconds, ends = deadline
    left = ends - time.monotonic()
    if left <= 0:
        raise _passed(seconds, "", processed="no")
    return left


async def within(
    seconds: float | None,
    begun: float,
    client: GatewayClient,
    body: Callable[[GatewayClient], Awaitable[T]],
) -> T:
    """Run `body` with a client, no longer than until the time of the command has passed.

    What `body` does under a shield, to leave things in order, still has its own time.

    Args:
        seconds: The time of the command; None for no limit.
        begun: When it began, by `time.monotonic`.
        client: Given to `body`.
        body: What the command does once it is connected.

    Raises:
        DeadlineExceededError: The time has passed.
        MxGatewayError: As of `body`.
    """
    if seconds is None:
        return await body(client)
    import anyio

    from mxgateway.connecting import failed_call

    ends = begun + seconds
    token = _deadline.set((seconds, ends))
    try:
        with anyio.move_on_after(max(ends - time.monotonic(), 0) + _GRACE):
            return await body(client)
    finally:
        _deadline.reset(token)
    raise _passed(seconds, failed_call(client, since=ends))


def _passed(seconds: float, doing: str, processed: Processed = "maybe") -> DeadlineExceededError:
    from mxgateway.errors import DeadlineExceededError

    text = f"the {seconds:g} s of the command passed" + (f" while {doing}" if doing else "")
    error = DeadlineExceededError(text, processed=processed)
    error.phase = COMMAND_PHASE
    return error
