"""Attempts to connect: one at a time, shared by all who wait for it."""

from __future__ import annotations

import copy
import logging
from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskGroup

from mxgateway.errors import ConnectError, MxGatewayError
from mxgateway.transport.pump import Pump

__all__ = ["Attempt", "Attempts"]

log = logging.getLogger("mxgateway.transport")


class Attempt:
    """One try to connect. Given up or cancelled, it ends without connection and without error."""

    def __init__(self) -> None:
        self.done = anyio.Event()
        self.scope = anyio.CancelScope()
        self.pump: Pump | None = None
        self.error: MxGatewayError | None = None

    def check(self) -> None:
        """Raise the error of the attempt, an object of its own for each caller."""
        if self.error is not None:
            error = copy.copy(self.error)
            error.__cause__ = self.error.__cause__
            raise error


class Attempts:
    """Makes the connections of one channel, one try after another.

    Args:
        open_connection: Makes a connection, or raises what is wrong.
        target: Names the peer in errors.

    Attributes:
        under_way: The present attempt.
    """

    def __init__(self, open_connection: Callable[[], Awaitable[Pump]], target: str) -> None:
        self._open_connection = open_connection
        self._target = target
        self.under_way: Attempt | None = None

    async def made(self, tasks: TaskGroup | None, earlier: Attempt | None) -> Pump | None:
        """Wait for the attempt under way, beginning one if there is none.

        Args:
            tasks: Where a new attempt runs, so that no caller ends it by being
                cancelled; None for this very task.
            earlier: The attempt that was under way when the caller came. Its failure
                says nothing about now, so the caller is to ask again.

        Returns:
            The connection; None where the caller is to ask again.

        Raises:
            MxGatewayError: The attempt failed.
        """
        attempt = self.under_way
        if attempt is None:
            attempt = self.under_way = Attempt()
            if tasks is None:
                await self._run(attempt)
            else:
                tasks.start_soon(self._run, attempt)
        await attempt.done.wait()
        if attempt is not earlier:
            attempt.check()
        return attempt.pump

    async def _run(self, attempt: Attempt) -> None:
        try:
            with attempt.scope:
                attempt.pump = await self._open_connection()
        except MxGatewayError as caught:
            attempt.error = caught
        except Exception as caught:
            log.exception("connecting failed inside")
            error = ConnectError(f"connecting to {self._target} failed inside: {caught!r}")
            error.__cause__ = caught
            attempt.error = error
        finally:
            self.under_way = None
            attempt.done.set()

    def give_up(self) -> None:
        """End the attempt under way."""
        if self.under_way is not None:
            self.under_way.scope.cancel()

    def abandon(self) -> None:
        """Let nobody wait for an attempt whose task was cancelled before its first step."""
        if self.under_way is not None:
            self.under_way.done.set()
