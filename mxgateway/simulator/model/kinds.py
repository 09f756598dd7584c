"""Signals as tables of a plant file: which kinds there are, and what each takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Any, cast

from mxgateway.errors import ConfigurationError
from mxgateway.simulator import compound, processes, signals
from mxgateway.simulator.model.tables import Table
from mxgateway.simulator.moment import Signal

__all__ = ["KINDS", "Kind", "read_signal", "write_signal"]

NO_SIGNAL = "none"
_OWN = "own"  # the phase of a wave that begins elsewhere for every attribute


@dataclass(frozen=True)
class Kind:
    """One kind of signal.

    Attributes:
        made: The signal class.
        members: How each member is read, by name.
    """

    made: Callable[..., Signal]
    members: dict[str, Callable[[Table, str], Any]]


def _whole(table: Table, key: str) -> Any:
    return table.whole(key)


def _number(table: Table, key: str) -> Any:
    return table.number(key)


def _text(table: Table, key: str) -> Any:
    return table.text(key)


def _flag(table: Table, key: str) -> Any:
    return table.flag(key)


def _value(table: Table, key: str) -> Any:
    return table.scalar(key)


def _values(table: Table, key: str) -> Any:
    return table.items(key, "scalars")


def _wholes(table: Table, key: str) -> Any:
    return table.items(key, "whole numbers", int)


def _texts(table: Table, key: str) -> Any:
    return table.items(key, "references", str)


def _number_or_text(table: Table, key: str) -> Any:
    return table.text(key) if isinstance(table.peek(key), str) else table.number(key)


def _phase(table: Table, key: str) -> Any:
    if table.peek(key) == _OWN:
        table.text(key)
        return None
    return table.whole(key)


def _flows(table: Table, key: str) -> Any:
    found = []
    for entry in table.tables(key):
        source, rate = entry.text("source"), entry.number("rate")
        entry.close()
        if source is not None and rate is not None:
            found.append(processes.Flow(source, rate))
    return tuple(found)


def _inner(table: Table, key: str) -> Any:
    inner = table.table(key)
    return None if inner is None else read_signal(inner)


KINDS: dict[str, Kind] = {
    "counter": Kind(
        signals.Counter, {"step_by": _whole, "first": _whole, "last": _whole, "every": _whole}
    ),
    "ramp": Kind(signals.Ramp, {"low": _number, "high": _number, "slope": _number}),
    "sine": Kind(
        signals.Sine,
        {
            "middle": _number,
            "amplitude": _number,
            "period": _number,
            "noise": _number,
            "phase": _number,
        },
    ),
    "square": Kind(
        signals.Square,
        {"low": _value, "high": _value, "period": _whole, "on": _whole, "phase": _phase},
    ),
    "walk": Kind(signals.RandomWalk, {"low": _number, "high": _number, "stride": _number}),
    "toggle": Kind(signals.Toggle, {"every": _whole}),
    "steps": Kind(signals.Steps, {"values": _values, "every": _whole}),
    "phases": Kind(signals.Phases, {"values": _values, "scans": _wholes}),
    "clock": Kind(signals.Clocked, {"every": _whole}),
    "rotate": Kind(signals.Rotate, {"every": _whole}),
    "each": Kind(compound.Each, {"signal": _inner, "every": _whole}),
    "episodes": Kind(
        compound.Episodes,
        {
            "signal": _inner,
            "bad": _whole,
            "period": _whole,
            "lasting": _whole,
            "phase": _phase,
            "usual": _whole,
        },
    ),
    "lag": Kind(
        processes.Lag,
        {
            "setpoint": _number_or_text,
            "rate": _number,
            "noise": _number,
            "enable": _text,
            "rest": _number,
        },
    ),
    "approach": Kind(
        processes.Approach, {"setpoint": _number_or_text, "speed": _number, "gain": _number}
    ),
    "follow": Kind(
        processes.Follow, {"source": _text, "gain": _number, "offset": _number, "noise": _number}
    ),
    "integrate": Kind(processes.Integrate, {"flows": _flows, "low": _number, "high": _number}),
    "above": Kind(processes.Above, {"source": _text, "limit": _number}),
    "below": Kind(processes.Below, {"source": _text, "limit": _number}),
    "switch": Kind(
        processes.Switch, {"source": _text, "low": _number, "high": _number, "inverse": _flag}
    ),
    "interlock": Kind(processes.Interlock, {"on": _texts, "off": _texts}),
    "count": Kind(processes.Count, {"source": _text}),
    "stamp": Kind(processes.Stamp, {"source": _text, "falling": _flag}),
    "lasting": Kind(processes.Lasting, {"source": _text, "seconds": _number}),
    "trend": Kind(processes.Trend, {"source": _text, "every": _whole}),
}
"""The kinds of signals by the name that a plant file has for them."""

_NAMES = {kind.made: name for name, kind in KINDS.items()}


def _defaults(made: Any) -> dict[str, Any]:
    return {member.name: member.default for member in fields(made) if member.init}


def read_signal(table: Table) -> Signal | None:
    """Return the signal that a table describes; None where it says none, or says it wrongly."""
    name = table.text("kind")
    if name is None or name == NO_SIGNAL:
        if name is None and not table.has("kind"):
            table.problem("kind", "a signal needs a kind")
        table.close()
        return None
    kind = KINDS.get(name)
    if kind is None:
        table.unknown("kind", "kind of signal", name, KINDS)
        return None
    given: dict[str, Any] = {}
    complete = True
    for key, default in _defaults(kind.made).items():
        if table.has(key):
            before = len(table.problems)
            given[key] = kind.members[key](table, key)
            complete = complete and len(table.problems) == before
        elif default is MISSING:
            table.problem("", f"a signal of the kind {name} needs {key}")
            complete = False
    table.close()
    if not complete:
        return None
    try:
        return kind.made(**given)
    except ConfigurationError as error:
        table.problem("", str(error))
        return None


def write_signal(signal: Signal | None) -> dict[str, Any]:
    """Return the table that describes a signal.

    Raises:
        ConfigurationError: It is of a class that no kind stands for.
    """
    if signal is None:
        return {"kind": NO_SIGNAL}
    name = _NAMES.get(cast("Any", type(signal)))
    if name is None:
        raise ConfigurationError(
            f"a plant file has no kind of signal for {type(signal).__name__}; "
            f"it has {', '.join(KINDS)}"
        )
    table: dict[str, Any] = {"kind": name}
    for key, default in _defaults(type(signal)).items():
        value = getattr(signal, key)
        if default is not MISSING and type(value) is type(default) and value == default:
            continue
        if key == "phase" and value is None:
            table[key] = _OWN
        elif key == "signal":
            table[key] = write_signal(value)
        elif key == "flows":
            table[key] = [{"source": flow.source, "rate": flow.rate} for flow in value]
        else:
            table[key] = value
    return table
