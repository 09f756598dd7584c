"""Runs the asynchronous part of a command, with or without a client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from .connection import Connection
from .signals import Interrupted, InterruptGuard

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient

__all__ = ["run_async", "run_with_client"]

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


def run_with_client(connection: Connection, body: Callable[[GatewayClient], Awaitable[T]]) -> T:
    """Connect, run `body` with the client, close the client.

    Raises:
        ConfigurationError: A connection option is wrong; nothing was sent.
        MxGatewayError: Connecting or a call failed.
        Interrupted: As for `run_async`.
    """
    options = connection.options()

    async def main() -> T:
        from mxgateway.client import GatewayClient

        async with GatewayClient.connect(options=options) as client:
            return await body(client)

    return run_async(main)
