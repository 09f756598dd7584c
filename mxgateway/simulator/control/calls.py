"""What can be asked for over the control channel, and how arguments travel as JSON."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mxgateway.errors import ConfigurationError
from mxgateway.simulator.faults import Faults

if TYPE_CHECKING:
    from mxgateway.simulator.simulator import Simulator

__all__ = ["CALLS", "ControlCall"]


@dataclass(frozen=True)
class ControlCall:
    """One call of the control channel.

    Attributes:
        name: Its name.
        parameters: What it takes, by name, as text; "= ..." after those with a default.
        summary: What it does, in a sentence.
        run: What does it.
    """

    name: str
    parameters: dict[str, str]
    summary: str
    run: Callable[[Simulator, Mapping[str, Any]], Awaitable[Any]]


async def _status(simulator: Simulator) -> dict[str, Any]:
    """Tell endpoint, sessions and the faults in force."""
    return {
        "endpoint": simulator.endpoint,
        "plaintext": simulator.plaintext,
        "connections": len(simulator.listener.connections),
        "sessions": [
            {
                "id": session.id,
                "name": session.name,
                "state": session.state.name,
                "reason": session.reason,
                "streams": session.lifetime.streams,
                "lastSequence": session.events.sequence,
            }
            for session in simulator.gateway.open_sessions
        ],
        "faults": [asdict(fault) for fault in simulator.faults.active()],
    }


async def _audit(simulator: Simulator) -> dict[str, Any]:
    """Return all counters of the audit."""
    return simulator.audit.snapshot()


async def _scan(simulator: Simulator) -> int:
    """Move the plant by one scan; return how many attributes changed."""
    return await simulator.scan()


async def _advance(simulator: Simulator, seconds: float) -> None:
    """Move the clock of a simulator that was made with a ManualClock."""
    await simulator.advance(seconds)


async def _help(_simulator: Simulator) -> dict[str, Any]:
    """List all calls with their parameters."""
    return {
        call.name: {"parameters": call.parameters, "summary": call.summary}
        for call in CALLS.values()
    }


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except (TypeError, ValueError):
        raise ConfigurationError(f"data: give hex digits, not {text!r}") from None


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise ConfigurationError(f"timestamp: give RFC 3339, not {text!r}") from None
    if time.tzinfo is None:
        raise ConfigurationError("timestamp: give a time zone, for example Z for UTC")
    return time


_SHOWN = {
    "Side": "'request' | 'reply'",
    "Ending": "'stopped' | 'no-answer' | 'frozen'",
    "str | PathLike[str]": "str",
}
_FROM_JSON: dict[str, Callable[[Any], Any]] = {"data": _bytes, "timestamp": _time}


def _call(
    function: Callable[..., Awaitable[Any]], target: Callable[[Simulator], Any], name: str
) -> ControlCall:
    signature = inspect.signature(function)
    taken = list(signature.parameters.values())[1:]
    kinds = {parameter.name: str(parameter.annotation) for parameter in taken}

    async def run(simulator: Simulator, arguments: Mapping[str, Any]) -> Any:
        given = {
            key: _FROM_JSON[key](value) if key in _FROM_JSON and value is not None else value
            for key, value in arguments.items()
        }
        first = target(simulator)
        try:
            signature.bind(first, **given)
        except TypeError as error:
            raise ConfigurationError(f"{name}: {error}") from None
        for key, value in given.items():
            if not _fits(value, kinds[key]):
                shown = _SHOWN.get(kinds[key], kinds[key])
                raise ConfigurationError(f"{name}: {key}: give {shown}, not {value!r}")
        return await function(first, **given)

    return ControlCall(
        name,
        {p.name: _shown(p) for p in taken},
        (inspect.getdoc(function) or "").partition("\n")[0],
        run,
    )


def _fits(value: Any, annotation: str) -> bool:
    """Whether what JSON brought is what a parameter takes."""
    kinds = annotation.split(" | ")
    if isinstance(value, bool):
        return not {"bool", "Any"}.isdisjoint(kinds)
    if isinstance(value, int):
        return not {"int", "float", "Any"}.isdisjoint(kinds)
    if isinstance(value, float):
        return not {"float", "Any"}.isdisjoint(kinds)
    if value is None:
        return not {"None", "Any"}.isdisjoint(kinds)
    if isinstance(value, str):
        return not {"str", "Any", "Side", "Ending"}.isdisjoint(kinds)
    return isinstance(value, bytes | datetime) or "Any" in kinds


def _shown(parameter: inspect.Parameter) -> str:
    kind = _SHOWN.get(parameter.annotation, parameter.annotation)
    if parameter.default is inspect.Parameter.empty:
        return str(kind)
    default = parameter.default
    shown = default.hex() if isinstance(default, bytes) else default
    return f"{kind} = {shown!r}"


def _table() -> dict[str, ControlCall]:
    calls = [
        _call(function, lambda simulator: simulator.faults, name)
        for name, function in inspect.getmembers(Faults, inspect.iscoroutinefunction)
        if not name.startswith("_")
    ]
    calls += [
        _call(function, lambda simulator: simulator, function.__name__.removeprefix("_"))
        for function in (_advance, _audit, _help, _scan, _status)
    ]
    return {call.name: call for call in sorted(calls, key=lambda call: call.name)}


CALLS = _table()
"""All calls by name."""
