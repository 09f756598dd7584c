"""Settings that make no sense are refused at once, by name."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import pytest

from mxgateway.errors import ConfigurationError
from mxgateway.simulator import Settings

TIMES = sorted(field.name for field in fields(Settings) if field.type == "float")
COUNTS = sorted(field.name for field in fields(Settings) if field.type == "int")


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf, 1e12])
@pytest.mark.parametrize("name", TIMES)
def test_times_are_within_what_a_clock_can_add(name: str, value: float) -> None:
    given: dict[str, Any] = {name: value}
    with pytest.raises(ConfigurationError, match=f"^{name}: give .*1e\\+09"):
        Settings(**given)


@pytest.mark.parametrize("value", [-1, 0])
@pytest.mark.parametrize("name", COUNTS)
def test_limits_leave_room_for_one(name: str, value: int) -> None:
    given: dict[str, Any] = {name: value}
    with pytest.raises(ConfigurationError, match=f"^{name}: give 1 "):
        Settings(**given)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_subscribers", 9),
        ("overflow", "drop"),
        ("security", "open"),
        ("shutdown_state", "gone"),
        ("worker_permissions", frozenset({"fly"})),
    ],
)
def test_choices_are_those_there_are(name: str, value: Any) -> None:
    given: dict[str, Any] = {name: value}
    with pytest.raises(ConfigurationError, match=f"^{name}: "):
        Settings(**given)
