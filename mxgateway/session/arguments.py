"""Checks of plain arguments before a command is built: nothing wrong reaches the wire."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from typing import Final

from mxgateway.errors import ConfigurationError

__all__ = ["int32", "listed", "span", "text", "texts", "uint32"]

_INT32_MAX: Final = (1 << 31) - 1
_UINT32_MAX: Final = (1 << 32) - 1


def int32(name: str, value: object, *, low: int = -_INT32_MAX - 1) -> int:
    """Return `value` if it is an int of 32 bits with sign, such as a handle or a user id.

    Raises:
        ConfigurationError: It is none, or a bool.
    """
    return _whole(name, value, low, _INT32_MAX)


def uint32(name: str, value: object) -> int:
    """Return `value` if it is an int of 32 bits without sign.

    Raises:
        ConfigurationError: It is none, or a bool.
    """
    return _whole(name, value, 0, _UINT32_MAX)


def _whole(name: str, value: object, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigurationError(f"{name}: give a whole number, not {type(value).__name__}")
    if not low <= value <= high:
        raise ConfigurationError(f"{name}: give a whole number from {low} to {high}")
    return int(value)


def text(name: str, value: object) -> str:
    """Return `value` if it is text; the message of the error does not hold it.

    Raises:
        ConfigurationError: It is no str.
    """
    if not isinstance(value, str):
        raise ConfigurationError(f"{name}: give text, not {type(value).__name__}")
    return value


def listed(name: str, values: object) -> list[object]:
    """Return the elements of an iterable; text, bytes and mappings are none here.

    Raises:
        ConfigurationError: It is no iterable of elements.
    """
    if isinstance(values, str | bytes | bytearray | Mapping) or not isinstance(values, Iterable):
        raise ConfigurationError(
            f"{name}: give a list with one element for each item, not {type(values).__name__}"
        )
    return list(values)


def texts(name: str, values: object) -> list[str]:
    """Return the texts of an iterable, in order.

    Raises:
        ConfigurationError: It is no iterable, or an element is no str.
    """
    return [text(f"{name}[{i}]", value) for i, value in enumerate(listed(name, values))]


def span(name: str, value: float | dt.timedelta) -> dt.timedelta:
    """Return seconds or a timedelta as a timedelta of 0 or more.

    Raises:
        ConfigurationError: It is no such time.
    """
    if isinstance(value, dt.timedelta):
        if value < dt.timedelta(0):
            raise ConfigurationError(f"{name}: give 0 or more, not {value}")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigurationError(f"{name}: give seconds or a timedelta, not {type(value).__name__}")
    if not 0 <= value <= dt.timedelta.max.total_seconds() or not math.isfinite(value):
        raise ConfigurationError(f"{name}: give 0 or more seconds, not {value!r}")
    return dt.timedelta(seconds=value)
