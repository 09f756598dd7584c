"""RFC 3339 text of points in time, with years of any length; pure integer arithmetic."""

from __future__ import annotations

import re

__all__ = ["format_utc", "fraction", "parse_rfc3339"]

_DAY = 86_400
# ISO 8601 writes years outside 0000 to 9999 with a sign and more digits.
_TEXT = re.compile(
    r"([0-9]{4}|[+-][0-9]{4,12})-([0-9]{2})-([0-9]{2})[Tt ]"
    r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(?:([Zz])|([+-])([0-9]{2}):([0-9]{2}))",
    re.ASCII,
)
_DAYS_IN_MONTH = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _days_from_civil(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 to a date of the proleptic Gregorian calendar."""
    # Years are counted from March, so that the leap day is the last of its year.
    shifted = year if month > 2 else year - 1
    era, of_era = divmod(shifted, 400)
    of_year = (153 * ((month - 3) % 12) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def _civil_from_days(days: int) -> tuple[int, int, int]:
    """The date that lies `days` after 1970-01-01."""
    era, of_era = divmod(days + 719_468, 146_097)
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    shifted = (5 * of_year + 2) // 153
    day = of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9
    return era * 400 + year + (month <= 2), month, day


def fraction(nanos: int, digits: int | None = None) -> str:
    """Return `.` and the digits of `nanos`; without `digits` as few of 0, 3, 6, 9 as it takes."""
    if digits is not None:
        return "." + f"{nanos:09d}"[:digits] if digits else ""
    if not nanos:
        return ""
    if not nanos % 1_000_000:
        return f".{nanos // 1_000_000:03d}"
    if not nanos % 1000:
        return f".{nanos // 1000:06d}"
    return f".{nanos:09d}"


def format_utc(seconds: int, nanos: int, digits: int | None = None) -> str:
    """Return a point in time, counted from 1970, as RFC 3339 text in UTC.

    Years outside 0 to 9999 get a sign and at least five digits, as ISO 8601 has it.
    """
    days, rest = divmod(seconds, _DAY)
    year, month, day = _civil_from_days(days)
    date = f"{year:04d}" if 0 <= year <= 9999 else f"{year:+06d}"
    return (
        f"{date}-{month:02d}-{day:02d}T{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
        f"{fraction(nanos, digits)}Z"
    )


def parse_rfc3339(text: str) -> tuple[int, int, int]:
    """Return (seconds since 1970, nanoseconds, offset from UTC in seconds) of a text.

    Raises:
        ValueError: The text has another form, no offset, or a field out of its range.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text!r} is no RFC 3339 time with an offset; write 2024-05-06T07:08:09.1234567Z"
        )
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    leap = month == 2 and (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))
    if not 1 <= month <= 12 or not 1 <= day <= _DAYS_IN_MONTH[month - 1] + leap:
        raise ValueError(f"{text!r}: there is no such date")
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(f"{text!r}: there is no such time of day")
    offset = 0
    if not match[8]:
        hours, minutes = int(match[10]), int(match[11])
        if hours > 23 or minutes > 59:
            raise ValueError(f"{text!r}: the offset must be less than 24 hours")
        offset = (hours * 3600 + minutes * 60) * (-1 if match[9] == "-" else 1)
    seconds = _days_from_civil(year, month, day) * _DAY + hour * 3600 + minute * 60 + second
    return seconds - offset, int((match[7] or "").ljust(9, "0")), offset
