"""Clerk: does the changes of items one after another, in a task of the client."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable

import anyio

from mxgateway.errors import ClientClosedError, InternalError, MxGatewayError

__all__ = ["Clerk", "Job"]

_log = logging.getLogger("mxgateway.tags")


class Job:
    """One change on its way.

    Attributes:
        dropped: Whether who asked for it went away; then nothing may be left of it.
        started: Whether it was begun.
    """

    def __init__(self, work: Callable[[Job], Awaitable[None]]) -> None:
        self.dropped = False
        self.started = False
        self._work = work
        self._done = anyio.Event()
        # What remains where the clerk is cancelled, as only a client does that closes.
        self._error: MxGatewayError | None = ClientClosedError(
            "the client was closed; connect a new one"
        )

    async def run(self) -> None:
        """Do it; whatever fails is for `wait`."""
        try:
            if not self.dropped:
                self.started = True
                await self._work(self)
            self._error = None
        except MxGatewayError as error:
            self._error = error
        except Exception as broken:
            _log.exception("a change of items failed inside")
            self._error = InternalError(f"a change of items failed inside: {broken!r}")
            self._error.__cause__ = broken
        finally:
            self._done.set()

    def give_up(self) -> None:
        """Let it fail undone."""
        self._done.set()

    async def wait(self) -> None:
        """Return once it is done.

        Raises:
            MxGatewayError: It failed.
        """
        await self._done.wait()
        if self._error is not None:
            raise self._error


class Clerk:
    """Does the changes of items, in the order in which they were asked for.

    It works apart from who asks: a command that is cut short, by whatever kind of
    cancellation, would leave items at the gateway whose handles nobody knows.

    Args:
        spawn: Runs its task, as `Channel.spawn` does.
    """

    def __init__(self, spawn: Callable[[Callable[[], Awaitable[None]]], None]) -> None:
        self._spawn = spawn
        self._jobs: deque[Job] = deque()
        self._working = False

    def ask(self, work: Callable[[Job], Awaitable[None]]) -> Job:
        """Have `work` done after all that was asked for before.

        Raises:
            ClientClosedError: The client does not run.
        """
        job = Job(work)
        self._jobs.append(job)
        if not self._working:
            self._working = True  # before the task, which may begin at once
            try:
                self._spawn(self._run)
            except BaseException:
                self._working = False
                self._jobs.clear()
                raise
        return job

    async def _run(self) -> None:
        jobs = self._jobs
        try:
            while jobs:
                await jobs.popleft().run()
        finally:
            self._working = False
            while jobs:
                jobs.popleft().give_up()
