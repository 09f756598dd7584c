"""Where the simulator takes time, randomness and ids from, so that all three can be injected."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

__all__ = ["Clock", "IdSource", "ManualClock", "random_ids", "seeded_ids", "system_clock"]

Clock = Callable[[], datetime]
"""Returns the current time as an aware datetime."""

IdSource = Callable[[], str]
"""Returns a new id of 32 lower-case hex digits with every call."""


def system_clock() -> datetime:
    """Return the time of the computer, in UTC."""
    return datetime.now(UTC)


class ManualClock:
    """A clock that stands still until `advance` moves it; for runs that must be repeatable.

    Attributes:
        now: The time that the next call returns.
    """

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        if start.tzinfo is None:
            raise ValueError("start has no time zone; give an aware datetime, for example in UTC")
        self.now = start

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> datetime:
        """Move the clock by `seconds` and return the new time."""
        self.now += timedelta(seconds=seconds)
        return self.now


def seeded_ids(seed: int | str) -> IdSource:
    """Return an id source that yields the same ids in the same order for the same `seed`."""
    generator = random.Random(f"ids-{seed}")  # noqa: S311 - ids of a simulator, no secrets

    def next_id() -> str:
        return f"{generator.getrandbits(128):032x}"

    return next_id


def random_ids() -> IdSource:
    """Return an id source whose ids differ from run to run."""
    return seeded_ids(f"{random.SystemRandom().getrandbits(128):x}")
