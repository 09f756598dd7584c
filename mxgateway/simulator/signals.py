"""How values move by themselves: each signal gives the value of one attribute at a scan.

The signals of this module depend on nothing but the number of the scan, the value
the attribute started from, and the attribute's own noise. So a scan that nobody looks
at need not be computed, and who looks later sees what he would have seen anyway.
Signals that depend on other attributes stand in `processes`, those made of another signal
in `compound`.

A value that a client writes is a new start: counters, ramps and walks go on from it,
steps and toggles keep it until their next turn, sines overwrite it with the next scan.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from mxgateway.simulator.moment import Moment, demand

__all__ = [
    "Clocked",
    "Counter",
    "Phases",
    "Ramp",
    "RandomWalk",
    "Rotate",
    "Sine",
    "Square",
    "Steps",
    "Toggle",
]


@dataclass(frozen=True)
class Counter:
    """Adds `step_by` every `every` scans; above `last` it begins again at `first`."""

    step_by: int = 1
    first: int = 0
    last: int = 2_147_483_647
    every: int = 1
    lazy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        demand(self.step_by >= 1, f"step_by: give 1 or more, not {self.step_by}")
        demand(self.every >= 1, f"every: give 1 scan or more, not {self.every}")
        demand(self.first <= self.last, "first has to be at or below last")

    def step(self, at: Moment) -> Any:
        turns = at.turns(self.every)
        start = int(at.start)
        straight = max(0, (self.last - start) // self.step_by)
        if turns <= straight:
            return start + turns * self.step_by
        round_length = max(0, self.last - self.first) // self.step_by + 1
        return self.first + (turns - straight - 1) % round_length * self.step_by


@dataclass(frozen=True)
class Ramp:
    """Adds `slope` per scan; beyond `low` or `high` it begins again at the other end."""

    low: float
    high: float
    slope: float
    every: ClassVar[int] = 1
    lazy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        demand(self.low < self.high, "low has to be below high")
        demand(bool(self.slope), "slope: give a number other than 0")

    def step(self, at: Moment) -> Any:
        value = float(at.start) + at.turns(1) * self.slope
        if self.low <= value <= self.high:
            return value
        begin, end = (self.low, self.high) if self.slope > 0 else (self.high, self.low)
        straight = max(0, math.floor((end - float(at.start)) / self.slope))
        round_length = math.floor((end - begin) / self.slope) + 1
        return begin + (at.turns(1) - straight - 1) % round_length * self.slope


@dataclass(frozen=True)
class Sine:
    """A sine with `period` scans, plus noise of up to `noise` to either side."""

    middle: float
    amplitude: float
    period: float
    noise: float = 0.0
    phase: float = 0.0
    every: ClassVar[int] = 1
    lazy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        demand(self.period > 0, f"period: give more than 0 scans, not {self.period}")

    def step(self, at: Moment) -> Any:
        turn = at.scan / self.period + self.phase
        value = self.middle + self.amplitude * math.sin(2 * math.pi * turn)
        return value + self.noise * at.around(at.scan) if self.noise else value


@dataclass(frozen=True)
class Square:
    """A square wave: `high` for `on` scans, then `low` until `period` scans are over.

    Where `phase` is None every attribute begins its wave at a place of its own.
    """

    low: Any = False
    high: Any = True
    period: int = 60
    on: int = 30
    phase: int | None = 0
    every: ClassVar[int] = 1
    lazy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        demand(self.period >= 1, f"period: give 1 scan or more, not {self.period}")

    def step(self, at: Moment) -> Any:
        phase = int(at.noise(0) * self.period) if self.phase is None else self.phase
        return self.high if (at.scan + phase) % self.period < self.on else self.low


@dataclass(frozen=True)
class RandomWalk:
    """Wanders slowly between `low` and `high`, by up to `stride` per scan.

    Coarse noise with finer noise on top, so that any scan can be computed at once.
    From a start or a written value it finds back into its course by as small steps.
    """

    low: float
    high: float
    stride: float
    every: ClassVar[int] = 1
    lazy: ClassVar[bool] = True

    # Share and relative length of the pieces: moves add up to 4/length of the range.
    _PIECES: ClassVar[tuple[tuple[float, int], ...]] = ((0.6, 1), (0.25, 4), (0.15, 16))

    def __post_init__(self) -> None:
        demand(self.low < self.high, "low has to be below high")
        demand(self.stride > 0, f"stride: give more than 0, not {self.stride}")

    def step(self, at: Moment) -> Any:
        if at.scan == at.since:
            return at.start
        here = self._course(at, at.scan)
        offset = float(at.start) - self._course(at, at.since)
        scans = 4 * abs(offset) / self.stride
        passed = at.scan - at.since
        if passed < scans:
            here += offset * (1 - passed / scans)
        return min(max(here, self.low), self.high)

    def _course(self, at: Moment, scan: int) -> float:
        half = (self.high - self.low) / 2
        quick = min(self.stride / 4, half)
        slow = half - quick
        longest = max(1, math.ceil(2 * slow / self.stride)) * 16
        value = quick * (2 * at.noise(scan, 9) - 1)
        for kind, (share, parts) in enumerate(self._PIECES):
            number, place = divmod(scan * parts, longest)
            one, other = at.noise(number, kind), at.noise(number + 1, kind)
            value += slow * share * (2 * (one + (other - one) * place / longest) - 1)
        return self.low + half + value


@dataclass(frozen=True)
class Toggle:
    """Changes between false and true every `every` scans."""

    every: int = 1
    lazy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        demand(self.every >= 1, f"every: give 1 scan or more, not {self.every}")

    def step(self, at: Moment) -> Any:
        return (not at.start) if at.turns(self.every) % 2 else at.start


@dataclass(frozen=True)
class Steps:
    """Goes through `values` in turn, each for `every` scans."""

    values: Sequence[Any]
    every: int = 1
    lazy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        demand(self.every >= 1, f"every: give 1 scan or more, not {self.every}")
        demand(len(self.values) > 0, "values: give one or more")

    def step(self, at: Moment) -> Any:
        if not at.turns(self.every):
            return at.start
        return self.values[at.scan // self.every % len(self.values)]


@dataclass(frozen=True)
class Phases:
    """Goes through `values` in turn, each for its own number of `scans`."""

    values: Sequence[Any]
    scans: Sequence[int]
    every: ClassVar[int] = 1
    lazy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        demand(len(self.values) > 0, "values: give one or more")
        demand(len(self.values) == len(self.scans), "scans: give one number for each value")
        demand(min(self.scans) >= 1, "scans: give 1 or more for each value")

    def step(self, at: Moment) -> Any:
        turn, place = self._place(at.scan)
        if (turn, place) == self._place(at.since):
            return at.start
        return self.values[place]

    def _place(self, scan: int) -> tuple[int, int]:
        turn, rest = divmod(scan, sum(self.scans))
        for place, length in enumerate(self.scans):
            if rest < length:
                return turn, place
            rest -= length
        raise AssertionError("the scans of the steps add up to the turn")


@dataclass(frozen=True)
class Clocked:
    """The time of every `every`-th scan."""

    every: int = 1
    lazy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        demand(self.every >= 1, f"every: give 1 scan or more, not {self.every}")

    def step(self, at: Moment) -> Any:
        return at.time_of(at.scan - at.scan % self.every) if at.turns(self.every) else at.start


@dataclass(frozen=True)
class Rotate:
    """Moves the elements of an array on by one place every `every` scans."""

    every: int = 1
    lazy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        demand(self.every >= 1, f"every: give 1 scan or more, not {self.every}")

    def step(self, at: Moment) -> Any:
        if not at.start:
            return at.start
        place = -at.turns(self.every) % len(at.start)
        return [*at.start[place:], *at.start[:place]]
