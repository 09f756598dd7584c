"""Signals that follow other attributes, as the equipment of a plant does.

They are computed at every scan, in the order of the plant, from the values that their
sources have then. A source is a reference; `Me.` stands for the object of the attribute
and `MyContainer.` for the object that contains it. A source without a value counts as
zero, or false.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mxgateway.simulator.moment import Moment, demand

__all__ = [
    "Above",
    "Approach",
    "Below",
    "Count",
    "Flow",
    "Follow",
    "Integrate",
    "Interlock",
    "Lag",
    "Lasting",
    "Stamp",
    "Switch",
    "Trend",
]


def _number(at: Moment, source: float | str) -> float:
    return float(at.read(source) or 0.0) if isinstance(source, str) else float(source)


@dataclass(frozen=True)
class Lag:
    """Nears a setpoint by `rate` of the distance per scan, plus noise.

    Attributes:
        setpoint: A number, or the attribute that holds it.
        rate: Share of the distance that one scan covers, above 0 and up to 1.
        noise: Largest noise to either side.
        enable: Attribute that has to be true; without it the value nears `rest`.
        rest: Where it goes otherwise, without noise.
    """

    setpoint: float | str
    rate: float = 0.1
    noise: float = 0.0
    enable: str = ""
    rest: float = 0.0

    def __post_init__(self) -> None:
        demand(0 < self.rate <= 1, f"rate: give more than 0 and up to 1, not {self.rate}")

    def step(self, at: Moment) -> Any:
        on = not self.enable or bool(at.read(self.enable))
        target = _number(at, self.setpoint) if on else self.rest
        # The memory is the value without noise, until a value is written.
        since, value = at.memory or (at.since, float(at.start))
        if since != at.since:
            value = float(at.start)
        value += (target - value) * self.rate
        if not on and abs(value - target) < max(self.noise, 1e-3):
            value = target
        at.memory = (at.since, value)
        return value + (self.noise * at.around(at.scan) if on else 0.0)


@dataclass(frozen=True)
class Approach:
    """Nears a setpoint by up to `speed` per scan, as a valve does.

    Attributes:
        setpoint: A number, or the attribute that holds it; a Boolean counts as 0 or 1.
        speed: Largest move per scan.
        gain: The setpoint is multiplied by it.
    """

    setpoint: float | str
    speed: float
    gain: float = 1.0

    def __post_init__(self) -> None:
        demand(self.speed > 0, f"speed: give more than 0, not {self.speed}")

    def step(self, at: Moment) -> Any:
        value = float(at.current)
        distance = self.gain * _number(at, self.setpoint) - value
        return value + max(-self.speed, min(self.speed, distance))


@dataclass(frozen=True)
class Follow:
    """`gain` times another attribute plus `offset`, plus noise while the source is not 0."""

    source: str
    gain: float = 1.0
    offset: float = 0.0
    noise: float = 0.0

    def step(self, at: Moment) -> Any:
        value = _number(at, self.source)
        noise = self.noise * at.around(at.scan) if value else 0.0
        return self.gain * value + self.offset + noise


@dataclass(frozen=True)
class Flow:
    """What flows into or out of something per scan: `rate` times the value of `source`."""

    source: str
    rate: float


@dataclass(frozen=True)
class Integrate:
    """Adds up flows within `low` and `high`: a level, a total, running hours."""

    flows: Sequence[Flow]
    low: float = 0.0
    high: float = 1e15

    def step(self, at: Moment) -> Any:
        value = float(at.current) + sum(f.rate * _number(at, f.source) for f in self.flows)
        return min(max(value, self.low), self.high)


@dataclass(frozen=True)
class Above:
    """Whether another attribute is at or above `limit`."""

    source: str
    limit: float

    def step(self, at: Moment) -> Any:
        return _number(at, self.source) >= self.limit


@dataclass(frozen=True)
class Below:
    """Whether another attribute is at or below `limit`."""

    source: str
    limit: float

    def step(self, at: Moment) -> Any:
        return _number(at, self.source) <= self.limit


@dataclass(frozen=True)
class Switch:
    """A two-point controller: changes at `low` and at `high`, and stays in between.

    True at or below `low` and false at or above `high`; the other way round where
    `inverse` is true. What a client writes holds until the next limit is passed.
    """

    source: str
    low: float
    high: float
    inverse: bool = False

    def __post_init__(self) -> None:
        demand(self.low < self.high, "low has to be below high")

    def step(self, at: Moment) -> Any:
        value = _number(at, self.source)
        zone = -1 if value <= self.low else 1 if value >= self.high else 0
        before, at.memory = at.memory, zone
        if not zone or zone == before:
            return at.current
        return (zone < 0) is not self.inverse


@dataclass(frozen=True)
class Interlock:
    """True while everything in `on` is true and nothing in `off` is."""

    on: Sequence[str]
    off: Sequence[str] = ()

    def step(self, at: Moment) -> Any:
        return all(at.read(s) for s in self.on) and not any(at.read(s) for s in self.off)


@dataclass(frozen=True)
class Count:
    """Adds one whenever `source` becomes true."""

    source: str

    def step(self, at: Moment) -> Any:
        return at.current + 1 if _rises(at, self.source) else at.current


@dataclass(frozen=True)
class Stamp:
    """The time of the scan at which `source` became true, or false with `falling`."""

    source: str
    falling: bool = False

    def step(self, at: Moment) -> Any:
        rises = _rises(at, self.source, falling=self.falling)
        return at.time_of(at.scan) if rises else at.current


def _rises(at: Moment, source: str, *, falling: bool = False) -> bool:
    value = bool(at.read(source)) is not falling
    before, at.memory = at.memory, value
    return value and before is False


@dataclass(frozen=True)
class Lasting:
    """Seconds since `source` changed last, counted in scans of `seconds`."""

    source: str
    seconds: float = 1.0

    def step(self, at: Moment) -> Any:
        value = at.read(self.source)
        before, at.memory = at.memory, (value,)
        return 0.0 if before is not None and before != (value,) else at.current + self.seconds


@dataclass(frozen=True)
class Trend:
    """The last values of another attribute, the newest last, one more every `every` scans."""

    source: str
    every: int = 10

    def __post_init__(self) -> None:
        demand(self.every >= 1, f"every: give 1 scan or more, not {self.every}")

    def step(self, at: Moment) -> Any:
        if at.scan % self.every or not at.current:
            return at.current
        return [*at.current[1:], at.read(self.source) or 0.0]
