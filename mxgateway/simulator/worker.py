"""The worker of a session: its commands run one after another, as on one thread.

The rules are those of the gateway semantics, sections 3 and 4: so many commands may
be pending, more fail at once; a call that is cancelled, or whose time is over, does not
stop its command.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.generated.mxaccess_gateway.v1 import MxCommandReply
from mxgateway.simulator.clock import Clock, call_later, pause
from mxgateway.simulator.lifetime import Lifetime

__all__ = ["Worker"]

T = TypeVar("T")
Job = Callable[[], MxCommandReply]
WaitingJob = Callable[[], Awaitable[MxCommandReply]]

_LOG = logging.getLogger("mxgateway.simulator")


@dataclass(eq=False, slots=True)
class _Waiting:
    """One command and who waits for it; the future is done early if nobody does any more."""

    job: WaitingJob
    answer: asyncio.Future[MxCommandReply]


class Worker:
    """Runs commands in order.

    Args:
        lifetime: Says whether the worker process starts or hangs.
        clock: What delay and timeout go by.
        limit: Commands that may be pending, the running one included.
        delay: Seconds that every command takes before it has an effect.
    """

    def __init__(self, lifetime: Lifetime, *, clock: Clock, limit: int, delay: float) -> None:
        self._lifetime = lifetime
        self._clock = clock
        self._limit = limit
        self._delay = delay
        self._queue: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None

    @property
    def pending(self) -> int:
        """Commands that run or wait for their turn."""
        return len(self._queue)

    async def run(self, job: Job, timeout: timedelta) -> MxCommandReply:
        """Run a command that ends at once, in its turn; return its reply.

        Raises:
            GRPCError: RESOURCE_EXHAUSTED, too many commands are pending;
                DEADLINE_EXCEEDED, it was not done after `timeout` and still runs;
                UNAVAILABLE, the session ended before its turn; or what `job` raises.
        """
        if not self._queue and not self._delay and not self._lifetime.busy:
            return job()

        async def run() -> MxCommandReply:
            return job()

        return await self.run_waiting(run, timeout)

    async def run_waiting(self, job: WaitingJob, timeout: timedelta) -> MxCommandReply:
        """Run a command that takes its time, otherwise as `run`."""
        if len(self._queue) >= self._limit:
            raise GRPCError(
                Status.RESOURCE_EXHAUSTED,
                f"{self._limit} commands of this session are pending, which is the limit; "
                "wait for answers before sending more",
            )
        answer: asyncio.Future[MxCommandReply] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(_seen)
        self._queue.append(_Waiting(job, answer))
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        seconds = timeout.total_seconds()
        timer = call_later(self._clock, seconds, lambda: _time_is_over(answer, seconds))
        try:
            return await answer
        finally:
            timer.cancel()

    async def _work(self) -> None:
        try:
            while self._queue:
                if self._lifetime.busy:
                    await self._lifetime.responsive()
                if self._delay:
                    await pause(self._clock, self._delay)
                waiting = self._queue[0]
                try:
                    reply = await waiting.job()
                except Exception as error:
                    _fail(waiting.answer, error)
                else:
                    if not waiting.answer.done():
                        waiting.answer.set_result(reply)
                if not self._queue:  # it ended the session
                    return
                self._queue.popleft()
        finally:
            self._task = None

    def stop(self, error: GRPCError) -> None:
        """Drop what has not run; who waits for it gets `error`. The process is gone."""
        inside = self._task is not None and self._task is asyncio.current_task()
        waiting = list(self._queue)
        self._queue.clear()
        for each in waiting[inside:]:
            _fail(each.answer, error)
        if self._task is not None and not inside:
            self._task.cancel()


def _fail(answer: asyncio.Future[MxCommandReply], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
    elif not isinstance(error, GRPCError):
        _LOG.error("a command failed whose caller had left", exc_info=error)


def _time_is_over(answer: asyncio.Future[MxCommandReply], seconds: float) -> None:
    text = f"the command was not done after its timeout of {seconds:g} s; it may still take effect"
    _fail(answer, GRPCError(Status.DEADLINE_EXCEEDED, text))


def _seen(answer: asyncio.Future[MxCommandReply]) -> None:
    # A caller that is cancelled in the same turn never asks for the error.
    if not answer.cancelled():
        answer.exception()
