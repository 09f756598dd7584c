"""How values move: each signal computes the next value of one attribute, once per scan.

A signal sees the moment: number and time of the scan, the value the attribute has
now, and a random generator of the attribute's own. Signals that start from the current value go on
from a value that a client wrote; the others overwrite it with the next scan.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

__all__ = [
    "Clocked",
    "Counter",
    "Each",
    "Moment",
    "Ramp",
    "RandomWalk",
    "Rotate",
    "Signal",
    "Sine",
    "Steps",
    "Toggle",
]


@dataclass(slots=True)
class Moment:
    """What a signal sees.

    Attributes:
        scan: Number of the scan, from 1.
        current: The value the attribute has.
        rng: Random generator of the attribute.
        time: Time of the scan.
    """

    scan: int
    current: Any
    rng: random.Random
    time: datetime


class Signal(Protocol):
    """What the plant asks for a new value with every scan."""

    def step(self, at: Moment) -> Any:
        """Return the value after this scan; `at.current` itself if it stays."""
        ...


@dataclass(frozen=True)
class Counter:
    """Adds `step_by` per scan, continuing from `first` once above `last`."""

    step_by: int = 1
    first: int = 0
    last: int = 2_147_483_647

    def step(self, at: Moment) -> Any:
        following = int(at.current) + self.step_by
        return following if following <= self.last else self.first


@dataclass(frozen=True)
class Ramp:
    """Adds `slope` per scan and falls back to `low` above `high`."""

    low: float
    high: float
    slope: float

    def step(self, at: Moment) -> Any:
        following = float(at.current) + self.slope
        return following if following <= self.high else self.low


@dataclass(frozen=True)
class Sine:
    """A sine with `period` scans, plus noise of up to `noise` to either side."""

    middle: float
    amplitude: float
    period: float
    noise: float = 0.0

    def step(self, at: Moment) -> Any:
        value = self.middle + self.amplitude * math.sin(2 * math.pi * at.scan / self.period)
        return value + at.rng.uniform(-self.noise, self.noise) if self.noise else value


@dataclass(frozen=True)
class RandomWalk:
    """Moves by up to `stride` per scan and stays within `low` and `high`."""

    low: float
    high: float
    stride: float

    def step(self, at: Moment) -> Any:
        following = float(at.current) + at.rng.uniform(-self.stride, self.stride)
        return min(max(following, self.low), self.high)


@dataclass(frozen=True)
class Toggle:
    """Changes between false and true every `scans` scans."""

    scans: int = 1

    def step(self, at: Moment) -> Any:
        return (not at.current) if at.scan % self.scans == 0 else at.current


@dataclass(frozen=True)
class Steps:
    """Goes through `values` in turn, each for `scans` scans."""

    values: Sequence[Any]
    scans: int = 1

    def step(self, at: Moment) -> Any:
        return self.values[at.scan // self.scans % len(self.values)]


@dataclass(frozen=True)
class Clocked:
    """The time of every `every`-th scan."""

    every: int = 1

    def step(self, at: Moment) -> Any:
        return at.time if at.scan % self.every == 0 else at.current


@dataclass(frozen=True)
class Rotate:
    """Moves the elements of an array on by one place every `scans` scans."""

    scans: int = 1

    def step(self, at: Moment) -> Any:
        if at.scan % self.scans or not at.current:
            return at.current
        return [at.current[-1], *at.current[:-1]]


@dataclass(frozen=True)
class Each:
    """Applies `signal` to every element of an array every `scans` scans."""

    signal: Signal
    scans: int = 1

    def step(self, at: Moment) -> Any:
        if at.scan % self.scans:
            return at.current
        return [self._one(at, element) for element in at.current]

    def _one(self, at: Moment, element: Any) -> Any:
        return self.signal.step(Moment(at.scan, element, at.rng, at.time))
