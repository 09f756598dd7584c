"""The alarms of a plant file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mxgateway.simulator.alarms.conditions import DeviationAlarm, DiscreteAlarm, LimitAlarm
from mxgateway.simulator.model.entries import SELF, Condition
from mxgateway.simulator.model.tables import Table

__all__ = ["read_alarm"]

_LIMITS = ("LoLo", "Lo", "Hi", "HiHi")


def read_alarm(table: Table) -> Condition | None:
    """Return the condition that a table describes; None where something is wrong with it."""
    before = len(table.problems)
    kind = table.text("kind")
    if kind is None and not table.has("kind"):
        table.problem("kind", f"an alarm needs a kind: {', '.join(_ALARMS)}")
    known = _ALARMS.get(kind or "")
    if known is None:
        if kind is not None:
            table.unknown("kind", "kind of alarm", kind, _ALARMS)
        return None
    given = known(table)
    for key in ("description", "category", "area"):
        given[key] = table.text(key)
    table.close()
    if len(table.problems) > before:
        return None
    made: Any = _CLASSES[kind or ""]
    condition: Condition = made(
        reference=SELF, **{key: value for key, value in given.items() if value is not None}
    )
    return condition


def _limit(table: Table) -> dict[str, Any]:
    limits = {name: _pair(table, name) for name in _LIMITS if table.has(name)}
    return {
        "limits": {name: pair for name, pair in limits.items() if pair is not None},
        "deadband": table.number("deadband"),
    }


def _discrete(table: Table) -> dict[str, Any]:
    return {"active": table.flag("active"), "priority": table.whole("priority")}


def _deviation(table: Table) -> dict[str, Any]:
    setpoint = table.text("setpoint")
    if setpoint is None and not table.has("setpoint"):
        table.problem("", "a deviation alarm needs a setpoint")
    return {
        "setpoint": setpoint or "",
        "minor": _pair(table, "minor"),
        "major": _pair(table, "major"),
        "deadband": table.number("deadband"),
    }


_ALARMS: dict[str, Callable[[Table], dict[str, Any]]] = {
    "limit": _limit,
    "discrete": _discrete,
    "deviation": _deviation,
}
_CLASSES = {"limit": LimitAlarm, "discrete": DiscreteAlarm, "deviation": DeviationAlarm}


def _pair(table: Table, key: str) -> tuple[float, int] | None:
    """Return a limit or a tolerance with its priority."""
    if not table.has(key):
        return None
    value = table.peek(key)
    numbers = isinstance(value, list) and len(value) == 2
    if not numbers or type(value[0]) not in (int, float) or type(value[1]) is not int:
        table.problem(key, "give the limit and its priority, for example [85.0, 500]")
        return None
    return float(value[0]), value[1]
