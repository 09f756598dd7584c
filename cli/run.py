"""Runs the asynchronous part of a command, with or without a client."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from .deadline import within
from .environment import Environment
from .options import Invocation
from .signals import Interrupted, InterruptGuard

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient

__all__ = ["run_async", "run_with_client", "tell_connected"]

T = TypeVar("T")


def run_async(main: Callable[[], Awaitable[T]]) -> T:
    """Run `main` in an event loop until it ends.

    Raises:
        Interrupted: Ctrl-C or a termination signal came; `main` was cancelled and
            has cleaned up.
    """
    import anyio

    guard = InterruptGuard()

    async def guarded() -> T:
        with guard:
            return await main()

    try:
        with guard.prepared():
            result = anyio.run(guarded)
    except KeyboardInterrupt:
        raise Interrupted from None
    except Exception as error:
        if guard.interrupted:
            raise Interrupted from error
        raise
    if guard.interrupted:
        raise Interrupted
    return result


def run_with_client(
    invocation: Invocation,
    body: Callable[[GatewayClient], Awaitable[T]],
    *,
    until_stopped: bool = False,
    default: float | None = None,
) -> T:
    """Connect as the command's options say, run `body` with the client, close the client.

    --timeout counts for all of it, from the beginning of connecting.

    Within a batch the connection is that of the lines before with the same options,
    and it stays open for those that follow.

    Args:
        invocation: Options and streams of the command.
        body: What it does with the client.
        until_stopped: Whether it goes on until somebody stops it, or looks at --timeout itself.
        default: Seconds for all of it where there is no --timeout; None for no limit, as each
            call has one.

    Raises:
        ConfigurationError: A connection option is wrong; nothing was sent.
        DeadlineExceededError: The time of the command passed.
        MxGatewayError: Connecting or a call failed.
        Interrupted: As for `run_async`.
    """
    environment, connection = invocation.environment, invocation.connection
    # Before anything heavy is loaded: a wrong option needs no network.
    options = connection.options()
    from .logs import shown_log

    started, begun = time.perf_counter(), time.monotonic()
    seconds = None if until_stopped else connection.timeout or default

    async def bounded(client: GatewayClient) -> T:
        return await within(seconds, begun, client, body)

    async def main() -> T:
        from mxgateway.client import GatewayClient

        async with GatewayClient.connect(options=options) as client:
            tell_connected(environment, started)
            return await bounded(client)

    with shown_log(environment):
        try:
            if environment.pool is not None:
                return environment.pool.run(environment, options, bounded)
            return run_async(main)
        finally:
            environment.fact(f"Finished after {_milliseconds(started)}.")


def tell_connected(environment: Environment, started: float) -> None:
    """Say under --verbose what was connected, and how long it took."""
    if environment.connection is not None:
        environment.fact(
            f"Connected in {_milliseconds(started)} ({environment.connection.words()})."
        )


def _milliseconds(started: float) -> str:
    return f"{(time.perf_counter() - started) * 1000:.1f} ms"
