"""Alarms in every format, and the numbers by which people name them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from ..output.rows import Narrow, Shape
from ..output.tables import Cell, Column
from ..output.values import time_text

if TYPE_CHECKING:
    from mxgateway.alarms import Alarm, AlarmChange

__all__ = ["ALARMS", "CHANGES", "alarm_document", "limit_text", "number_of", "state_cell"]


def number_of(reference: str) -> int:
    """Return the number of an alarm: five digits made of its reference, whatever its case.

    It is the same on every computer and at every time, so that an acknowledgement by number
    never meets an alarm that has moved up in a list meanwhile.
    """
    digest = hashlib.sha256(reference.lower().encode()).digest()
    return 10_000 + int.from_bytes(digest[:8], "big") % 90_000


def state_cell(alarm: Alarm) -> Cell:
    """Return how an alarm stands, in words and colour."""
    if not alarm.active:
        return Cell("cleared", "green")
    return Cell("acked", "yellow") if alarm.acked else Cell("unacked", "bold red")


def limit_text(alarm: Alarm, *, most: int = 0) -> str:
    """Return value and limit, `95.2 / 95.0`; what was not sent is left out.

    Args:
        most: As for `value_text`.
    """
    from ..output.values import value_text

    value = "" if alarm.raw_value is None else value_text(alarm.raw_value, most=most)
    if alarm.raw_limit is None:
        return value
    return f"{value} / {value_text(alarm.raw_limit, most=most)}".strip()


def alarm_document(alarm: Alarm) -> dict[str, Any]:
    """Return an alarm in plain JSON types, with its number."""
    return {"number": number_of(alarm.reference), **alarm.to_dict()}


def _cells(alarm: Alarm) -> list[Cell | str]:
    return [
        str(number_of(alarm.reference)),
        str(alarm.severity),
        state_cell(alarm),
        alarm.reference,
        limit_text(alarm) or "-",
        time_text(alarm.raised),
        "yes" if alarm.degraded else "no",
        alarm.description,
        " ".join(part for part in (alarm.operator, alarm.comment) if part),
    ]


_TITLES: Final = (
    Column("Number", right=True, room=6),
    Column("Priority", right=True, room=8),
    Column("State", room=7),
    Column("Alarm", room=40),
    Column("Value / limit", room=14),
    Column("Raised (UTC)", room=28),
    Column("Degraded", room=8),
    Column("Description", room=24),
    Column("Operator, comment"),
)

ALARMS: Final[Shape[Alarm]] = Shape(
    name="alarms",
    document=alarm_document,
    members=(
        *("number", "severity", "state", "acked", "reference", "value", "limit", "raised"),
        *("lastTransition", "degraded", "sourceProvider", "description", "operator", "comment"),
    ),
    columns=_TITLES,
    cells=_cells,
)
"""Alarms that are active."""


def _change_document(change: AlarmChange) -> dict[str, Any]:
    document = change.to_dict()
    if change.alarm is not None:
        document["alarm"] = alarm_document(change.alarm)
    return document


def _change_cells(change: AlarmChange) -> list[Cell | str]:
    if change.alarm is not None:
        return [change.kind.value, *_cells(change.alarm)]
    words = "the present alarms are told"
    style = ""
    if change.provider is not None and change.kind.value == "provider":
        words = str(change.provider)
        style = "yellow" if change.provider.degraded else ""
    return [change.kind.value, *["-"] * 3, Cell(words, style), *["-"] * 3, "", ""]


def _narrow_cells(change: AlarmChange) -> list[Cell | str]:
    kind, number, priority, state, name, *_ = _change_cells(change)
    return [kind, number, priority, state, name]


CHANGES: Final[Shape[AlarmChange]] = Shape(
    name="changes",
    document=_change_document,
    members=(
        *("kind", "fromSnapshot", "alarm.number", "alarm.severity", "alarm.state"),
        *("alarm.reference", "alarm.value", "alarm.limit", "alarm.raised", "alarm.degraded"),
        *("alarm.description", "alarm.operator", "alarm.comment", "provider.mode"),
        *("provider.degraded", "provider.reason"),
    ),
    columns=(Column("Change", room=12), *_TITLES),
    cells=_change_cells,
    narrow=Narrow(
        columns=(
            Column("Change", room=12),
            Column("No.", right=True, room=5),
            Column("Pri", right=True),
            Column("State", room=7),
            Column("Alarm"),
        ),
        cells=_narrow_cells,
        below=160,
    ),
)
"""What happens to alarms."""
