"""Where the simulator takes time, randomness and ids from, so that all three can be injected."""

from __future__ import annotations

import asyncio
import concurrent.futures
import heapq
import itertools
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

__all__ = [
    "Clock",
    "IdSource",
    "ManualClock",
    "Timer",
    "call_later",
    "pause",
    "random_ids",
    "seeded_ids",
    "system_clock",
]

Clock = Callable[[], datetime]
"""Returns the current time as an aware datetime."""

IdSource = Callable[[], str]
"""Returns a new id of 32 lower-case hex digits with every call."""

_LOOP_LIMIT = 10.0  # seconds for the event loop of another thread to take its turn


def system_clock() -> datetime:
    """Return the time of the computer, in UTC."""
    return datetime.now(UTC)


class Timer(Protocol):
    """What `call_later` returns."""

    def cancel(self) -> None:
        """Do not call; harmless when it has been called or cancelled."""


def call_later(clock: Clock, seconds: float, action: Callable[[], None]) -> Timer:
    """Call `action` in this event loop once `seconds` have passed on `clock`.

    A ManualClock calls it when it is advanced; every other clock lets real time pass.
    """
    loop = asyncio.get_running_loop()
    if isinstance(clock, ManualClock):
        return clock.call_later(seconds, action, loop)
    return loop.call_later(seconds, action)


async def pause(clock: Clock, seconds: float) -> None:
    """Return once `seconds` have passed on `clock`."""
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def end() -> None:
        if not over.done():
            over.set_result(None)

    timer = call_later(clock, seconds, end)
    try:
        await over
    finally:
        timer.cancel()


class _ManualTimer:
    """One call that a ManualClock owes."""

    __slots__ = ("_action", "loop")

    def __init__(self, action: Callable[[], None], loop: asyncio.AbstractEventLoop) -> None:
        self._action: Callable[[], None] | None = action
        self.loop = loop

    def cancel(self) -> None:
        self._action = None

    def run(self) -> None:
        action, self._action = self._action, None
        if action is not None:
            action()

    @property
    def pending(self) -> bool:
        """Whether it has still to be called, in a loop that can still run it."""
        return self._action is not None and not self.loop.is_closed()


class ManualClock:
    """A clock that stands still until `advance` moves it; for runs that must be repeatable.

    What a simulator has to do by this clock (leases, detach grace, the start of a
    worker) happens within `advance`, in the order of the times it is due.

    Attributes:
        now: The time that the next call returns.
    """

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        if start.tzinfo is None:
            raise ValueError("start has no time zone; give an aware datetime, for example in UTC")
        self.now = start
        self._timers: list[tuple[datetime, int, _ManualTimer]] = []
        self._numbers = itertools.count()

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> datetime:
        """Move the clock by `seconds`, do what is due on the way, and return the new time.

        May be called from any thread; what belongs to the event loop of another
        thread is done there before this returns.
        """
        end = self.now + timedelta(seconds=seconds)
        while self._timers and self._timers[0][0] <= end:
            due, _, timer = heapq.heappop(self._timers)
            self.now = max(self.now, due)
            if timer.pending:
                _run_in_its_loop(timer)
        self.now = end
        return end

    def call_later(
        self, seconds: float, action: Callable[[], None], loop: asyncio.AbstractEventLoop
    ) -> Timer:
        """Call `action` in `loop` when the clock has been advanced by `seconds`."""
        timer = _ManualTimer(action, loop)
        while self._timers and not self._timers[0][2].pending:
            heapq.heappop(self._timers)
        due = self.now + timedelta(seconds=seconds)
        heapq.heappush(self._timers, (due, next(self._numbers), timer))
        return timer


def _run_in_its_loop(timer: _ManualTimer) -> None:
    try:
        here = asyncio.get_running_loop()
    except RuntimeError:
        here = None
    if here is timer.loop:
        timer.run()
        return
    done: concurrent.futures.Future[None] = concurrent.futures.Future()

    def run() -> None:
        try:
            timer.run()
        except BaseException as error:
            done.set_exception(error)
            raise
        done.set_result(None)

    try:
        timer.loop.call_soon_threadsafe(run)
    except RuntimeError:  # the loop was closed a moment ago; nobody is left to serve
        return
    done.result(_LOOP_LIMIT)


def seeded_ids(seed: int | str) -> IdSource:
    """Return an id source that yields the same ids in the same order for the same `seed`."""
    generator = random.Random(f"ids-{seed}")  # noqa: S311 - no secrets # nosec B311

    def next_id() -> str:
        return f"{generator.getrandbits(128):032x}"

    return next_id


def random_ids() -> IdSource:
    """Return an id source whose ids differ from run to run."""
    return seeded_ids(f"{random.SystemRandom().getrandbits(128):x}")
