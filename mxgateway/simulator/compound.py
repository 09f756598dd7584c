"""Signals made of another signal: one for every element, and one with bad quality at times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from mxgateway.simulator.moment import Moment, Signal, demand, is_lazy, mixed

__all__ = ["Each", "Episodes"]


@dataclass(frozen=True)
class Each:
    """Applies `signal` to every element of an array every `every` scans."""

    signal: Signal
    every: int = 1
    lazy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        demand(self.every >= 1, f"every: give 1 scan or more, not {self.every}")

    def step(self, at: Moment) -> Any:
        scan, since = at.scan // self.every, at.since // self.every
        if scan == since:
            return at.start
        return [
            self.signal.step(
                Moment(scan, element, since, key=mixed(at.key + n), time_of=at.time_of)
            )
            for n, element in enumerate(at.start)
        ]


@dataclass(frozen=True)
class Episodes:
    """Gives `quality` for `lasting` of every `period` scans; the value stands still then.

    Where `phase` is None every attribute begins at a place of its own.
    """

    signal: Signal | None = None
    bad: int = 24
    period: int = 60
    lasting: int = 5
    phase: int | None = None
    every: ClassVar[int] = 1
    usual: int = 192

    def __post_init__(self) -> None:
        demand(self.period >= 1, f"period: give 1 scan or more, not {self.period}")
        demand(0 <= self.bad < 65_536, f"bad: a quality is 0 to 65535, not {self.bad}")

    @property
    def lazy(self) -> bool:
        """Whether the signal inside is."""
        return self.signal is None or is_lazy(self.signal)

    def _passed(self, at: Moment) -> int:
        phase = int(at.noise(0, 7) * self.period) if self.phase is None else self.phase
        return (at.scan + phase) % self.period

    def step(self, at: Moment) -> Any:
        if self.signal is None:
            return at.start if self.lazy else at.current
        passed = self._passed(at)
        if passed >= self.lasting:
            return self.signal.step(at)
        if not self.lazy:
            return at.current
        begin = max(at.scan - passed - 1, at.since)
        return self.signal.step(Moment(begin, at.start, at.since, key=at.key, time_of=at.time_of))

    def quality(self, at: Moment) -> int | None:
        """Return the quality at this scan."""
        return self.bad if self._passed(at) < self.lasting else self.usual
