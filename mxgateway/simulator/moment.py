"""What a signal is and what it sees: the moment of a scan, with the noise of its attribute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from mxgateway.errors import ConfigurationError

__all__ = ["Moment", "Signal", "demand", "is_lazy", "mixed", "period_of"]

_MASK = (1 << 64) - 1


def mixed(number: int) -> int:
    """Return 64 bits that look random; the finaliser of the SplitMix64 generator."""
    number = (number * 0x9E3779B97F4A7C15) & _MASK
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _MASK
    return number ^ (number >> 31)


def demand(holds: bool, text: str) -> None:
    """Refuse the arguments of a signal unless a condition holds.

    Raises:
        ConfigurationError: It does not.
    """
    if not holds:
        raise ConfigurationError(text)


def _nowhere(reference: str) -> Any:
    raise KeyError(f"there is no plant to read {reference!r} from")


def _never(scan: int) -> datetime:
    raise KeyError(f"there is no plant to take the time of scan {scan} from")


@dataclass(slots=True)
class Moment:
    """What a signal sees.

    Attributes:
        scan: Number of the scan, from 1.
        start: The value that the attribute started with, or that was written last.
        since: The scan of that; 0 for the initial value.
        current: The value the attribute has; only for signals that are not lazy.
        key: Sets the noise of the attribute apart from that of others.
        time_of: Returns the time of an earlier scan.
        read: Returns the value of another attribute; `Me.` and `MyContainer.` begin a
            relative reference.
        memory: What the signal left here at the scan before; only for signals that
            are not lazy.
    """

    scan: int
    start: Any
    since: int = 0
    current: Any = None
    key: int = 0
    time_of: Callable[[int], datetime] = field(default=_never, repr=False)
    read: Callable[[str], Any] = field(default=_nowhere, repr=False)
    memory: Any = None

    def turns(self, every: int) -> int:
        """Return how often something that happens every `every` scans has happened by now."""
        return self.scan // every - self.since // every

    def noise(self, number: int, kind: int = 0) -> float:
        """Return the noise with this number: evenly spread over 0 up to 1."""
        return mixed(self.key ^ mixed(number << 8 | kind)) / (_MASK + 1)

    def around(self, number: int) -> float:
        """Return noise between -1 and 1."""
        return 2.0 * self.noise(number) - 1.0


class Signal(Protocol):
    """What moves one attribute.

    A signal may have two more members: `lazy`, true where its value depends on nothing
    but `scan`, `start`, `since` and `key`; and `every`, the scans between two changes.
    One that is not lazy is asked at every scan, in the order of the plant.
    `quality(at)`, where there is one, gives the quality; None leaves it as it is.
    """

    def step(self, at: Moment) -> Any:
        """Return the value at this scan."""
        ...


def is_lazy(signal: Signal) -> bool:
    """Whether scans that nobody looks at need not be computed."""
    return bool(getattr(signal, "lazy", False))


def period_of(signal: Signal) -> int:
    """Return how many scans lie between two changes."""
    return int(getattr(signal, "every", 1))
