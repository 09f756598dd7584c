"""Duration: a timedelta that keeps nanoseconds and every value the wire can carry."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from typing import Any, Self, SupportsIndex, overload

__all__ = ["Duration", "nanoseconds_of"]

_NS = 1_000_000_000
_NS_PER_DAY = 86_400 * _NS
# google.protobuf.Duration: plus or minus 10,000 years.
_MAX_SECONDS = 315_576_000_000
_MIN_NS = timedelta.min // timedelta(microseconds=1) * 1000
_MAX_NS = timedelta.max // timedelta(microseconds=1) * 1000 + 999
_TEXT = re.compile(r"(-?)([0-9]{1,40})(?:\.([0-9]{1,9}))?s", re.ASCII)


def nanoseconds_of(delta: timedelta) -> int:
    """Return the exact length of a timedelta or Duration in nanoseconds."""
    total = ((delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds) * 1000
    if isinstance(delta, Duration):
        return delta._exact if delta._exact is not None else total + delta._ns
    return total


class Duration(timedelta):
    """A span of time with nanoseconds; a timedelta everywhere a timedelta is wanted.

    As a plain timedelta it is the span rounded down to the microsecond; `nanosecond`
    is the rest, 0 to 999. Sums, differences, negation, comparison, hash, copies and
    pickles are exact, as are products and quotients with whole numbers and with spans. A
    span that a timedelta cannot hold is clamped to `timedelta.min` or `timedelta.max`.
    What came from the wire is written back as it came, also where the signs of its two
    parts differ.

    Args:
        days: And the following up to `weeks`: as for `datetime.timedelta`.
        nanoseconds: A whole number of nanoseconds of any size and sign.
    """

    __slots__ = ("_exact", "_ns", "_wire")

    _ns: int
    _exact: int | None  # whole nanoseconds, where the timedelta is clamped
    _wire: tuple[int, int] | None  # as it came, where that is not the normal form

    def __new__(
        cls,
        days: float = 0,
        seconds: float = 0,
        microseconds: float = 0,
        milliseconds: float = 0,
        minutes: float = 0,
        hours: float = 0,
        weeks: float = 0,
        *,
        nanoseconds: int = 0,
    ) -> Self:
        carry, rest = divmod(nanoseconds, 1000)
        base = timedelta(days, seconds, microseconds, milliseconds, minutes, hours, weeks)
        if carry:
            base += timedelta(microseconds=carry)
        return cls._make(base, rest)

    @classmethod
    def _make(
        cls,
        base: timedelta,
        rest: int,
        exact: int | None = None,
        wire: tuple[int, int] | None = None,
    ) -> Self:
        self = timedelta.__new__(cls, base.days, base.seconds, base.microseconds)
        self._ns = rest
        self._exact = exact
        self._wire = wire
        return self

    @classmethod
    def from_nanoseconds(cls, total: int) -> Self:
        """Return the span of `total` nanoseconds; beyond what a timedelta holds it is clamped."""
        if total < _MIN_NS:
            return cls._make(timedelta.min, 0, total)
        if total > _MAX_NS:
            return cls._make(timedelta.max, 999, total)
        days, rest = divmod(total, _NS_PER_DAY)
        micro, nano = divmod(rest, 1000)
        return cls._make(timedelta(days, 0, micro), nano)

    @classmethod
    def from_timedelta(cls, delta: timedelta) -> Self:
        """Return `delta` as a Duration, exactly."""
        if type(delta) is cls:
            return delta
        return cls.from_nanoseconds(nanoseconds_of(delta))

    @classmethod
    def from_wire(cls, seconds: int, nanos: int) -> Self:
        """Return the value of a google.protobuf.Duration; never refuses one."""
        self = cls.from_nanoseconds(seconds * _NS + nanos)
        if self.to_wire() != (seconds, nanos):
            self._wire = (seconds, nanos)
        return self

    def to_wire(self) -> tuple[int, int]:
        """Return (seconds, nanos) as google.protobuf.Duration has them: both of one sign."""
        if self._wire is not None:
            return self._wire
        total = nanoseconds_of(self)
        seconds, nanos = divmod(abs(total), _NS)
        return (-seconds, -nanos) if total < 0 else (seconds, nanos)

    @property
    def nanosecond(self) -> int:
        """Nanoseconds beyond the (rounded down) microseconds, 0 to 999."""
        return self._ns

    @property
    def total_nanoseconds(self) -> int:
        """The exact length in nanoseconds, also where the timedelta is clamped."""
        return nanoseconds_of(self)

    @property
    def out_of_range(self) -> bool:
        """True beyond the 10,000 years that google.protobuf.Duration allows."""
        return abs(nanoseconds_of(self)) > _MAX_SECONDS * _NS

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the span that protobuf JSON writes as `text`, such as `-1.500s`.

        Raises:
            ValueError: The text has another form.
        """
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no duration; write seconds like 1.5s")
        sign, seconds, fraction = match.groups()
        total = int(seconds) * _NS + int((fraction or "").ljust(9, "0"))
        return cls.from_nanoseconds(-total if sign else total)

    def to_json(self) -> str:
        """Return the span as protobuf JSON: seconds with 0, 3, 6 or 9 digits and an `s`."""
        total = nanoseconds_of(self)
        seconds, nanos = divmod(abs(total), _NS)
        text = f"{'-' if total < 0 else ''}{seconds}"
        if not nanos:
            return text + "s"
        if not nanos % 1_000_000:
            return f"{text}.{nanos // 1_000_000:03d}s"
        if not nanos % 1000:
            return f"{text}.{nanos // 1000:06d}s"
        return f"{text}.{nanos:09d}s"

    def total_seconds(self) -> float:
        """Return the length in seconds, as close as a float comes."""
        return nanoseconds_of(self) / _NS

    def __add__(self, other: timedelta) -> Self:
        # A Timestamp or datetime adds a span itself.
        return self._of(other, lambda a, b: a + b)

    __radd__ = __add__

    def __sub__(self, other: timedelta) -> Self:
        return self._of(other, lambda a, b: a - b)

    def __rsub__(self, other: timedelta) -> Self:
        return self._of(other, lambda a, b: b - a)

    def _of(self, other: timedelta, combine: Callable[[int, int], int]) -> Self:
        if isinstance(other, timedelta):
            return type(self).from_nanoseconds(combine(nanoseconds_of(self), nanoseconds_of(other)))
        return NotImplemented

    def __neg__(self) -> Self:
        return type(self).from_nanoseconds(-nanoseconds_of(self))

    def __pos__(self) -> Self:
        return self

    def __abs__(self) -> Self:
        return -self if nanoseconds_of(self) < 0 else self

    def __mul__(self, factor: float) -> Self:
        if isinstance(factor, int):
            return type(self).from_nanoseconds(nanoseconds_of(self) * factor)
        if isinstance(factor, float):
            return type(self).from_timedelta(timedelta.__mul__(self, factor))
        return NotImplemented

    __rmul__ = __mul__

    @overload
    def __truediv__(self, other: timedelta) -> float: ...

    @overload
    def __truediv__(self, other: float) -> Self: ...

    def __truediv__(self, other: object) -> Any:
        if isinstance(other, timedelta):
            return nanoseconds_of(self) / nanoseconds_of(other)
        if isinstance(other, int):
            # To the nearest nanosecond, ties to even, as timedelta does with microseconds.
            return type(self).from_nanoseconds(round(Fraction(nanoseconds_of(self), other)))
        if isinstance(other, float):
            return type(self).from_timedelta(timedelta.__truediv__(self, other))
        return NotImplemented

    def __rtruediv__(self, other: timedelta) -> float:
        # Else timedelta would divide by what is left of a span without its nanoseconds.
        if isinstance(other, timedelta):
            return nanoseconds_of(other) / nanoseconds_of(self)
        return NotImplemented

    @overload
    def __floordiv__(self, other: timedelta) -> int: ...

    @overload
    def __floordiv__(self, other: int) -> Self: ...

    def __floordiv__(self, other: object) -> Any:
        if isinstance(other, timedelta):
            return nanoseconds_of(self) // nanoseconds_of(other)
        if isinstance(other, int):
            return type(self).from_nanoseconds(nanoseconds_of(self) // other)
        return NotImplemented

    def __rfloordiv__(self, other: timedelta) -> int:
        if isinstance(other, timedelta):
            return nanoseconds_of(other) // nanoseconds_of(self)
        return NotImplemented

    def __mod__(self, other: timedelta) -> Self:
        return self._of(other, lambda a, b: a % b)

    def __rmod__(self, other: timedelta) -> Self:
        return self._of(other, lambda a, b: b % a)

    def __divmod__(self, other: timedelta) -> tuple[int, Self]:
        return self // other, self % other

    def __rdivmod__(self, other: timedelta) -> tuple[int, Self]:
        return other // self, self.__rmod__(other)

    def __bool__(self) -> bool:
        return nanoseconds_of(self) != 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, timedelta):
            return NotImplemented
        return nanoseconds_of(self) == nanoseconds_of(other)

    def __ne__(self, other: object) -> bool:
        # timedelta has its own, which knows nothing of nanoseconds.
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    def __hash__(self) -> int:
        if self._ns == 0 and self._exact is None:
            return timedelta.__hash__(self)
        return hash((Duration, nanoseconds_of(self)))

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, timedelta):
            return NotImplemented
        return nanoseconds_of(self) < nanoseconds_of(other)

    def __le__(self, other: object) -> bool:
        if not isinstance(other, timedelta):
            return NotImplemented
        return nanoseconds_of(self) <= nanoseconds_of(other)

    def __gt__(self, other: object) -> bool:
        if not isinstance(other, timedelta):
            return NotImplemented
        return nanoseconds_of(self) > nanoseconds_of(other)

    def __ge__(self, other: object) -> bool:
        if not isinstance(other, timedelta):
            return NotImplemented
        return nanoseconds_of(self) >= nanoseconds_of(other)

    def __str__(self) -> str:
        if self._exact is not None:
            return self.to_json()
        text = timedelta.__str__(self)
        if self._ns:
            text += f"{'' if '.' in text else '.000000'}{self._ns:03d}"
        return text

    def __repr__(self) -> str:
        return f"{type(self).__name__}.parse({self.to_json()!r})"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        return type(self).from_wire, self.to_wire()
