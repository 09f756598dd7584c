"""Whether the signals of a plant model are sound."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from mxgateway.generated.mxaccess_gateway.v1 import MxDataType
from mxgateway.simulator.compound import Each, Episodes
from mxgateway.simulator.model.categories import TYPES
from mxgateway.simulator.model.problems import Path, Problem
from mxgateway.simulator.moment import Signal, is_lazy
from mxgateway.simulator.variant import CoercionError, coerce_python, type_info

if TYPE_CHECKING:
    from mxgateway.simulator.model.entries import ModelAttribute

__all__ = ["signal_problems", "type_name"]

_T = MxDataType


def type_name(data_type: MxDataType) -> str:
    """Return the name of a data type, as the galaxy has it."""
    return next(name for name, known in TYPES.items() if known is data_type)


def signal_problems(path: Path, attribute: ModelAttribute) -> Iterator[Problem]:
    """Yield what is wrong with the signal of an attribute, apart from what it reads."""
    signal = attribute.signal
    if signal is None:
        return
    path = (*path, "signal")
    if attribute.value is None:
        yield path, "an attribute without a value stays without one; take the signal away"
        return
    is_array = attribute.length is not None
    inner = signal.signal if isinstance(signal, Episodes) else signal
    if inner is None:
        return
    name = type(inner).__name__
    takes_array = name in ("Rotate", "Each", "Trend")
    if takes_array is not is_array:
        yield path, f"the signal moves {'arrays' if takes_array else 'scalars'} only"
        return
    if isinstance(inner, Each):
        inner = inner.signal
        name = type(inner).__name__
        if not is_lazy(inner) or name in ("Each", "Rotate", "Episodes"):
            yield path, "each element can only be moved by a signal of its own"
            return
    wanted = _RESULTS.get(name)
    if wanted is not None and attribute.data_type not in wanted:
        allowed = ", ".join(type_name(each) for each in wanted)
        yield path, f"the signal gives {allowed}, not {type_name(attribute.data_type)}"
    yield from _listed_values(path, attribute, inner)
    described: Any = inner
    if is_dataclass(described):
        for member in fields(described):
            number = getattr(described, member.name)
            if isinstance(number, float) and not math.isfinite(number):
                yield (*path, member.name), f"give a finite number, not {number}"


_RESULTS: dict[str, tuple[MxDataType, ...]] = {
    **dict.fromkeys(
        ("Ramp", "Sine", "RandomWalk", "Lag", "Approach", "Follow", "Integrate", "Counter"),
        (_T.INTEGER, _T.FLOAT, _T.DOUBLE, _T.ELAPSED_TIME),
    ),
    **dict.fromkeys(("Toggle", "Above", "Below", "Switch", "Interlock"), (_T.BOOLEAN,)),
    **dict.fromkeys(("Clocked", "Stamp"), (_T.TIME,)),
    "Count": (_T.INTEGER,),
    "Lasting": (_T.ELAPSED_TIME, _T.DOUBLE, _T.FLOAT),
    "Trend": (_T.FLOAT, _T.DOUBLE, _T.INTEGER, _T.ELAPSED_TIME),
}


def _listed_values(path: Path, attribute: ModelAttribute, signal: Signal) -> Iterator[Problem]:
    """Check the values that a signal brings along, and its numbers."""
    listed = {name: getattr(signal, name, None) for name in ("values", "low", "high")}
    if type(signal).__name__ not in ("Steps", "Phases", "Square"):
        listed = {}
    for name, values in listed.items():
        for value in values if name == "values" and values is not None else [values]:
            if value is None:
                continue
            try:
                coerce_python(value, type_info(attribute.data_type), is_array=False)
            except CoercionError as error:
                yield (*path, name), f"{value!r}: {error}"
