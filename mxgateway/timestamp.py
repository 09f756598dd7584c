"""Timestamp: a datetime that keeps nanoseconds, and times that no datetime can hold.

The gateway's clock counts 100 ns (requirement `value.time-100ns`), Python's datetime
microseconds; and a peer may send a time outside years 1 to 9999. Neither may be lost.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Any, Self, SupportsIndex, overload

from mxgateway._timetext import format_utc, fraction, parse_rfc3339
from mxgateway.duration import Duration, nanoseconds_of

__all__ = ["Duration", "TimeField", "Timestamp", "unix_parts"]

_NS = 1_000_000_000
_MIN_SECONDS = -62_135_596_800  # 0001-01-01T00:00:00Z
_MAX_SECONDS = 253_402_300_799  # 9999-12-31T23:59:59Z
_FILETIME_EPOCH = -11_644_473_600  # 1601-01-01T00:00:00Z, where FILETIME counts from
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = {"auto": None, "milliseconds": 3, "microseconds": 6, "nanoseconds": 9}

# An unusual time as it came: seconds, nanos, and the nanosecond of its datetime.
_Odd = tuple[int, int, int]


def unix_parts(moment: datetime) -> tuple[int, int]:
    """Return (seconds, nanos) since 1970 of an aware datetime or Timestamp, as the wire has them.

    Raises:
        ValueError: The datetime is naive: without a time zone it names no point in time.
    """
    nanosecond = 0
    if isinstance(moment, Timestamp):
        if moment._ns < 0:
            return moment._odd[0], moment._odd[1]
        nanosecond = moment._ns
    elif moment.utcoffset() is None:
        raise ValueError("a naive datetime names no point in time; give it a tzinfo, such as UTC")
    since = datetime.__sub__(moment, _EPOCH)
    return since.days * 86_400 + since.seconds, since.microseconds * 1000 + nanosecond


class Timestamp(datetime):
    """A point in time to the nanosecond; a datetime everywhere a datetime is wanted.

    It is always aware, in UTC unless a tzinfo is given. Arithmetic with timedeltas,
    `astimezone`, `replace`, comparison, hash, copies and pickles keep the digits below
    the microsecond; `str()` shows RFC 3339 with 7 digits, the gateway's precision.

    A time outside years 1 to 9999 is clamped to the nearest datetime and has
    `out_of_range` set; it compares, prints and is written back as what it really is.

    Args:
        nanosecond: Nanoseconds beyond the microsecond, 0 to 999.

    Raises:
        ValueError: A field is out of its range, or tzinfo is None.
    """

    __slots__ = ("_ns", "_odd")

    _ns: int  # 0 to 999; -1 says that `_odd` is set
    _odd: _Odd

    def __new__(
        cls,
        year: int,
        month: int,
        day: int,
        hour: int = 0,
        minute: int = 0,
        second: int = 0,
        microsecond: int = 0,
        tzinfo: tzinfo | None = UTC,
        *,
        fold: int = 0,
        nanosecond: int = 0,
    ) -> Self:
        if tzinfo is None:
            raise ValueError("a Timestamp is always aware; give a tzinfo, such as UTC")
        if not 0 <= nanosecond <= 999:
            raise ValueError(f"nanosecond must be in 0..999, not {nanosecond}")
        self = datetime.__new__(
            cls, year, month, day, hour, minute, second, microsecond, tzinfo, fold=fold
        )
        self._ns = nanosecond
        return self

    @classmethod
    def _wrap(cls, moment: datetime, nanosecond: int, odd: _Odd | None = None) -> Self:
        """Return a copy of an aware datetime with the given rest."""
        self = cls(
            moment.year,
            moment.month,
            moment.day,
            moment.hour,
            moment.minute,
            moment.second,
            moment.microsecond,
            moment.tzinfo,
            fold=moment.fold,
            nanosecond=nanosecond,
        )
        if odd is not None:
            self._ns = -1
            self._odd = odd
        return self

    # --- making one -----------------------------------------------------------------

    @classmethod
    def from_datetime(cls, moment: datetime) -> Self:
        """Return an aware datetime as a Timestamp in the same time zone.

        Raises:
            ValueError: The datetime is naive.
        """
        if type(moment) is cls:
            return moment
        if isinstance(moment, Timestamp):
            return cls._wrap(moment, moment.nanosecond, moment._odd if moment._ns < 0 else None)
        unix_parts(moment)  # refuses a naive one
        return cls._wrap(moment, 0)

    @classmethod
    def from_unix(cls, seconds: int, nanos: int = 0) -> Self:
        """Return the time of a google.protobuf.Timestamp, in UTC; never refuses one.

        `nanos` outside 0 to 999,999,999 counts on into the seconds; `to_unix` still
        gives back the two numbers as they came.
        """
        carry, rest = divmod(nanos, _NS)
        real = seconds + carry
        if real < _MIN_SECONDS:
            return cls._wrap(datetime.min.replace(tzinfo=UTC), 0, (seconds, nanos, 0))
        if real > _MAX_SECONDS:
            return cls._wrap(datetime.max.replace(tzinfo=UTC), 0, (seconds, nanos, 999))
        micro, nano = divmod(rest, 1000)
        moment = _EPOCH + timedelta(0, real, micro)
        return cls._wrap(moment, nano, (seconds, nanos, nano) if carry else None)

    @classmethod
    def from_filetime(cls, ticks: int) -> Self:
        """Return the time of a Windows FILETIME: units of 100 ns since 1601-01-01 UTC."""
        seconds, rest = divmod(ticks, 10_000_000)
        return cls.from_unix(seconds + _FILETIME_EPOCH, rest * 100)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        """Return the current time to the clock's precision, in UTC unless `tz` is given."""
        moment = cls.from_unix(*divmod(time.time_ns(), _NS))
        return moment if tz is None else moment.astimezone(tz)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the time that RFC 3339 text with up to 9 fractional digits names.

        Raises:
            ValueError: The text has another form or no offset, or names no time.
        """
        seconds, nanos, offset = parse_rfc3339(text)
        moment = cls.from_unix(seconds, nanos)
        return moment.astimezone(timezone(timedelta(seconds=offset))) if offset else moment

    @classmethod
    def fromisoformat(cls, text: str) -> Self:
        """Return `parse(text)`; datetime's own form would drop digits.

        Raises:
            ValueError: As for `parse`.
        """
        return cls.parse(text)

    # --- what it holds ----------------------------------------------------------------

    @property
    def nanosecond(self) -> int:
        """Nanoseconds beyond the microsecond, 0 to 999."""
        return self._ns if self._ns >= 0 else self._odd[2]

    @property
    def out_of_range(self) -> bool:
        """True where the time lies outside years 1 to 9999 and the datetime is clamped."""
        if self._ns >= 0:
            return False
        return not _MIN_SECONDS <= self._odd[0] + self._odd[1] // _NS <= _MAX_SECONDS

    @property
    def unix_ns(self) -> int:
        """Nanoseconds since 1970-01-01 UTC, exact also where the time is out of range."""
        seconds, nanos = unix_parts(self)
        return seconds * _NS + nanos

    def timestamp(self) -> float:
        """Return seconds since 1970-01-01 UTC as close as a float comes, also out of range."""
        return self.unix_ns / _NS

    def to_unix(self) -> tuple[int, int]:
        """Return (seconds, nanos) of google.protobuf.Timestamp, exactly as they came."""
        return unix_parts(self)

    def to_filetime(self) -> int:
        """Return the time as Windows FILETIME: 100 ns since 1601-01-01 UTC, rounded down."""
        return self.unix_ns // 100 - _FILETIME_EPOCH * 10_000_000

    def ToDatetime(self, tzinfo: tzinfo | None = None) -> datetime:  # noqa: N802, google.protobuf's name
        """Return a plain datetime, as google.protobuf.Timestamp.ToDatetime does.

        Naive and in UTC without `tzinfo`, else aware in that zone. Digits below the
        microsecond are cut off; a time out of range comes clamped.
        """
        moment = self.astimezone(UTC if tzinfo is None else tzinfo)
        plain = datetime.combine(moment.date(), moment.timetz())
        return plain.replace(tzinfo=None) if tzinfo is None else plain

    # --- time zones, fields ---------------------------------------------------------------

    def astimezone(self, tz: tzinfo | None = None) -> Self:
        """Return the same point in time in another zone; the local one without `tz`.

        Raises:
            OverflowError: The wall clock there would leave years 1 to 9999.
        """
        odd = self._odd if self._ns < 0 else None
        try:
            moment = datetime.astimezone(self, tz)
        except OverflowError:
            if odd is None or tz is None:
                raise
            moment = datetime.replace(self, tzinfo=tz)  # clamped there as well
        return type(self)._wrap(moment, self.nanosecond, odd)

    def replace(self, *args: Any, nanosecond: int | None = None, **changes: Any) -> Self:
        """Return the time with some fields replaced, as `datetime.replace`.

        A new `microsecond` without a `nanosecond` sets the nanosecond to 0, so that
        `replace(microsecond=0)` cuts to the second.

        Raises:
            ValueError: A field is out of its range, or tzinfo is None.
        """
        if nanosecond is None:
            nanosecond = 0 if "microsecond" in changes or len(args) > 6 else self.nanosecond
        moment = datetime.replace(self, *args, **changes)
        return type(self)._wrap(moment, nanosecond)

    __replace__ = replace  # what copy.replace calls, from Python 3.13 on

    # --- arithmetic -----------------------------------------------------------------------

    def __add__(self, other: timedelta) -> Self:
        later: Self = self._plus(other)
        return later

    __radd__ = __add__

    def _plus(self, other: object) -> Any:
        if not isinstance(other, timedelta):
            return NotImplemented
        if self._ns < 0:
            return type(self).from_unix(*divmod(self.unix_ns + nanoseconds_of(other), _NS))
        nano = self._ns
        if isinstance(other, Duration):
            carry, nano = divmod(nano + nanoseconds_of(other), 1000)
            other = timedelta(microseconds=carry)
        moment = datetime.__add__(self, other)
        moment._ns = nano
        return moment

    @overload  # type: ignore[override]  # any datetime will do, and the span keeps 100 ns
    def __sub__(self, other: datetime) -> Duration: ...

    @overload
    def __sub__(self, other: timedelta) -> Self: ...

    def __sub__(self, other: object) -> Any:
        if isinstance(other, timedelta):
            return self + -Duration.from_timedelta(other)
        if not isinstance(other, datetime):
            return NotImplemented
        return _difference(self, other)

    def __rsub__(self, other: datetime) -> Duration:
        return _difference(other, self) if isinstance(other, datetime) else NotImplemented

    # --- comparison ---------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, datetime):
            return NotImplemented
        nano = other._ns if isinstance(other, Timestamp) else 0
        if self._ns >= 0 and nano >= 0:
            return self._ns == nano and datetime.__eq__(self, other)
        if other.utcoffset() is None:
            return False
        return _unix_ns(self) == _unix_ns(other)

    def __ne__(self, other: object) -> bool:
        # datetime has its own, which knows nothing of nanoseconds.
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    def __hash__(self) -> int:
        if self.out_of_range:
            return hash((Timestamp, self.unix_ns))
        nano = self.nanosecond
        return hash((datetime.__hash__(self), nano)) if nano else datetime.__hash__(self)

    def __lt__(self, other: datetime) -> bool:  # type: ignore[override]
        return NotImplemented if not isinstance(other, datetime) else _compare(self, other) < 0

    def __le__(self, other: datetime) -> bool:  # type: ignore[override]
        return NotImplemented if not isinstance(other, datetime) else _compare(self, other) <= 0

    def __gt__(self, other: datetime) -> bool:  # type: ignore[override]
        return NotImplemented if not isinstance(other, datetime) else _compare(self, other) > 0

    def __ge__(self, other: datetime) -> bool:  # type: ignore[override]
        return NotImplemented if not isinstance(other, datetime) else _compare(self, other) >= 0

    # --- text and copies --------------------------------------------------------------------

    def isoformat(self, sep: str = "T", timespec: str = "auto") -> str:
        """Return ISO 8601 text as `datetime.isoformat` does; nothing is lost with "auto".

        Args:
            sep: Stands between date and time.
            timespec: As for datetime, and "nanoseconds".

        Raises:
            ValueError: The timespec is not known.
        """
        nano = self.nanosecond
        if self.out_of_range:
            seconds, nanos = divmod(self.unix_ns, _NS)
            return format_utc(seconds, nanos, _DIGITS.get(timespec)).replace("T", sep)
        if timespec != "nanoseconds" and (timespec != "auto" or not nano):
            return datetime.isoformat(self, sep, timespec)
        return self._text(sep, 9, utc="+00:00")

    def _text(self, sep: str, digits: int | None, utc: str) -> str:
        plain = datetime.isoformat(self, sep, "seconds")  # 19 characters and the offset
        offset = plain[19:] if plain[19:] != "+00:00" else utc
        return plain[:19] + fraction(self.microsecond * 1000 + self.nanosecond, digits) + offset

    def to_json(self) -> str:
        """Return protobuf JSON: RFC 3339 in UTC with 0, 3, 6 or 9 digits.

        Google's printer refuses a time out of range; here its year gets a sign and as
        many digits as it takes (ISO 8601), so that no message is lost over it.
        """
        if self._ns < 0 or self.tzinfo is not UTC:
            seconds, nanos = divmod(self.unix_ns, _NS)
            return format_utc(seconds, nanos)
        return self._text("T", None, "Z")

    def __str__(self) -> str:
        if self.out_of_range:
            seconds, nanos = divmod(self.unix_ns, _NS)
            return format_utc(seconds, nanos, 7)
        return self._text("T", 7, "Z")

    def __repr__(self) -> str:
        name = type(self).__name__
        if self._ns < 0:
            return f"{name}.from_unix({self._odd[0]}, {self._odd[1]})"
        return f"{name}.parse({self._text('T', 9, 'Z')!r})"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        plain = datetime.combine(self.date(), self.timetz())
        odd = self._odd if self._ns < 0 else None
        return _restore, (type(self), plain, self.nanosecond, odd)


def _restore(cls: type[Timestamp], plain: datetime, nanosecond: int, odd: _Odd | None) -> Timestamp:
    return cls._wrap(plain, nanosecond, odd)


def _unix_ns(moment: datetime) -> int:
    """Return nanoseconds since 1970 of an aware datetime."""
    seconds, nanos = unix_parts(moment)
    return seconds * _NS + nanos


def _nano(moment: datetime) -> int:
    """Return the rest below the microsecond, or -1 where it takes the exact way."""
    return moment._ns if isinstance(moment, Timestamp) else 0


def _difference(left: datetime, right: datetime) -> Duration:
    a, b = _nano(left), _nano(right)
    if a < 0 or b < 0:
        return Duration.from_nanoseconds(_unix_ns(left) - _unix_ns(right))
    span = datetime.__sub__(left, right)
    return Duration.from_nanoseconds(nanoseconds_of(span) + a - b)


def _compare(left: datetime, right: datetime) -> int:
    """Return -1, 0 or 1; raises TypeError for a naive `right`, as datetime does."""
    a, b = _nano(left), _nano(right)
    if (a < 0 or b < 0) and right.utcoffset() is not None:
        a, b = _unix_ns(left), _unix_ns(right)
    elif datetime.__lt__(left, right):
        return -1
    elif datetime.__gt__(left, right):
        return 1
    return (a > b) - (a < b)


if TYPE_CHECKING:

    class TimeField:
        """A time in a message, as type checkers see it.

        What a message was decoded from gives a Timestamp; any aware datetime may be set.
        """

        def __get__(self, message: object, owner: type) -> Timestamp | None: ...

        def __set__(self, message: object, value: datetime | None) -> None: ...

else:
    TimeField = datetime | None
