"""`parse_value`: text from a terminal or a file to an MxValue of a named type."""

from __future__ import annotations

import csv
import datetime as dt
import math
import re
from typing import Any, Final, NoReturn

from mxgateway.errors import ConfigurationError, EncodeError
from mxgateway.generated.mxaccess_gateway.v1 import MxValue
from mxgateway.nesting import parse_json
from mxgateway.timestamp import Timestamp
from mxgateway.values.convert import to_mx_value
from mxgateway.values.types import NAMED_TYPES, TYPE_NAMES

__all__ = ["parse_value"]

_TRUE: Final = frozenset({"true", "1", "yes", "on"})
_FALSE: Final = frozenset({"false", "0", "no", "off"})
_INT: Final = re.compile(r"[+-]?(?:[0-9]{1,40}|0[xX][0-9a-fA-F]{1,32})", re.ASCII)
_FLOAT: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_CLOCK: Final = re.compile(
    r"(?P<sign>[+-]?)(?:(?P<d>[0-9]{1,7})\.)?(?P<h>[0-9]{1,7}):(?P<m>[0-5][0-9]):"
    r"(?P<s>[0-5][0-9](?:\.[0-9]{1,9})?)",
    re.ASCII,
)

_EXAMPLES: Final = {
    "bool": "true or false",
    "int32": "a whole number such as 42, -1 or 0x2A",
    "int64": "a whole number such as 42, -1 or 0x2A",
    "float": "a number such as 1.5 or 2e-3, with a point",
    "double": "a number such as 1.5 or 2e-3, with a point",
    "time": "RFC 3339 with a time zone, such as 2025-01-31T12:00:00.1234567Z",
    "elapsed": "seconds such as 1.5, or [days.]hours:minutes:seconds such as 0:01:30",
}


def parse_value(text: str, type_name: str, *, tag: str | None = None) -> MxValue:
    """Return the MxValue that `text` writes down.

    Scalars: `bool` (true, false, 1, 0, yes, no, on, off), `int32` and `int64`
    (decimal or 0x), `float` and `double` (decimal point), `string` (as it
    stands), `time` (RFC 3339 with a zone), `elapsed` (seconds, or
    `[d.]h:mm:ss[.fff]`).

    Arrays (`int32[]` and so on): either values between commas, with CSV quotes
    where a text holds a comma, or a JSON array, nested for more dimensions. An
    empty text is an empty array.

    Raises:
        ConfigurationError: The type name is not known, or the text is no value
            of that type; the message says what would be.
    """
    base = type_name.removesuffix("[]")
    if base not in NAMED_TYPES:
        raise ConfigurationError(
            f"{type_name!r} is no type of a value; known are {', '.join(TYPE_NAMES)}"
        )
    if base == type_name:
        value: Any = _scalar(text, base)
    elif text.lstrip().startswith("["):
        value = _json_array(text, base)
    else:
        value = [_scalar(cell, base) for cell in _cells(text, type_name)]
    try:
        return to_mx_value(value, type_name, tag=tag)
    except EncodeError as exc:
        # Most reasons name the type, and a single value has no place in it.
        kind = "" if type_name in exc.reason else f"{type_name}: "
        place = "" if exc.field == "value" else f" (in {exc.field})"
        raise ConfigurationError(f"{kind}{exc.reason}{place}") from exc


def _refuse(text: str, base: str) -> NoReturn:
    shown = text if len(text) <= 60 else text[:57] + "..."
    raise ConfigurationError(f"{shown!r} is no {base}; give {_EXAMPLES[base]}")


def _scalar(text: str, base: str) -> Any:
    if base == "string":
        return text
    stripped = text.strip()
    if base == "bool":
        return _bool(stripped)
    if base in ("int32", "int64"):
        if not _INT.fullmatch(stripped):
            _refuse(text, base)
        return int(stripped, 16 if "x" in stripped.lower() else 10)
    if base in ("float", "double"):
        if not _FLOAT.fullmatch(stripped):
            _refuse(text, base)
        return _float(stripped, base)
    return _time(stripped) if base == "time" else _elapsed(stripped)


def _float(text: str, base: str) -> float:
    """Return a number; one that is too large or too small for 64 bits is refused."""
    number = float(text)
    digits = text.lower().partition("e")[0]
    if math.isinf(number) or (number == 0.0 and digits.strip("+-0.")):
        size = "large" if number else "small"
        raise ConfigurationError(f"{text} is too {size} for {base}; it would become {number!r}")
    return number


def _bool(text: str) -> bool:
    word = text.lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    _refuse(text, "bool")


def _time(text: str) -> Timestamp:
    try:
        return Timestamp.parse(text)
    except ValueError:
        _refuse(text, "time")


def _elapsed(text: str) -> dt.timedelta | float:
    seconds = text.removesuffix("s").rstrip()
    if _FLOAT.fullmatch(seconds):
        return _float(seconds, "elapsed")
    clock = _CLOCK.fullmatch(text)
    if clock is None:
        _refuse(text, "elapsed")
    # Whole seconds and fraction together in one decimal number, so that 0.1 stays 0.1.
    whole = int(clock["d"] or 0) * 86_400 + int(clock["h"]) * 3_600 + int(clock["m"]) * 60
    second, _, fraction = clock["s"].partition(".")
    return float(f"{clock['sign']}{whole + int(second)}.{fraction or 0}")


def _cells(text: str, type_name: str) -> list[str]:
    if not text.strip():
        return []
    try:
        rows = list(csv.reader([text], strict=True, skipinitialspace=True))
    except csv.Error as exc:
        raise ConfigurationError(
            f"{type_name}: the values between commas cannot be read: {exc}"
        ) from None
    return rows[0]


def _json_array(text: str, base: str) -> list[Any]:
    try:
        parsed = parse_json(
            text,
            parse_constant=_no_constant,
            parse_float=lambda digits: _float(digits, base),
        )
    except ConfigurationError:
        raise  # of one number; it is a ValueError too
    except ValueError as exc:
        raise ConfigurationError(f"{base}[]: no JSON array: {exc}") from None
    return [_leaf(element, base) for element in parsed]


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number that a tag can hold")


def _leaf(element: Any, base: str) -> Any:
    if isinstance(element, list):
        return [_leaf(inner, base) for inner in element]
    if isinstance(element, str) and base in ("time", "elapsed"):
        return _scalar(element, base)
    # Everything else has a JSON type of its own, which the declared type judges.
    return element
