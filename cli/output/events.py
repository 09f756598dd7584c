"""Events of a session: how they look in each format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .rows import Narrow, Shape
from .tables import Cell, Column
from .values import time_text, type_text, value_text

if TYPE_CHECKING:
    from mxgateway.generated.mxaccess_gateway.v1 import MxEvent

__all__ = ["EVENTS", "family_text", "quality_cell"]

_STYLES = {"good": "green", "uncertain": "yellow"}
_COLUMNS = (
    Column("Sequence", right=True),
    Column("Event", room=14),
    Column("Server", right=True),
    Column("Item", right=True, room=6),
    Column("Value", room=28),
    Column("Quality", room=22),
    Column("Source time (UTC)", room=28),
    Column("Type", room=13),
    Column("Status"),
)
_WIDE = 140  # Cells of a terminal that all columns need.
_COMPACT_COLUMNS = (
    Column("Seq", right=True, room=5),
    Column("Event", room=11),
    Column("Item", right=True),
    Column("Value", room=12),
    Column("Quality", room=9),
    Column("Time (UTC)", room=16),
    Column("Type", room=7),
    Column(""),
)


def _row(event: MxEvent) -> list[Cell | str]:
    if event.replay_gap is not None:
        return ["-", _GAP, "-", "-", _gap_text(event), "-", "-", "-", "-"]
    return [
        str(event.worker_sequence),
        family_text(event),
        str(event.server_handle),
        str(event.item_handle),
        value_text(event.value),
        quality_cell(event.quality) if event.value is not None else "-",
        time_text(event.source_timestamp),
        type_text(event.value),
        _status_cell(event),
    ]


def _compact_row(event: MxEvent) -> list[Cell | str]:
    if event.replay_gap is not None:
        return ["-", _GAP, "-", _gap_text(event), "-", "-", "-", ""]
    status = _status_cell(event)
    return [
        str(event.worker_sequence),
        family_text(event),
        str(event.item_handle),
        value_text(event.value),
        quality_cell(event.quality, number=False) if event.value is not None else "-",
        time_text(event.source_timestamp, date=False),
        type_text(event.value),
        "" if status.text == "OK" else status,
    ]


_GAP = Cell("replay gap", "bold red")


def _gap_text(event: MxEvent) -> str:
    gap = event.replay_gap
    assert gap is not None
    return (
        f"events lost after {gap.requested_after_sequence} "
        f"and before {gap.oldest_available_sequence}"
    )


def _status_cell(event: MxEvent) -> Cell:
    """Return what the statuses of an event say, `OK` where none of them needs attention."""
    from mxgateway.status import describe_status, is_failure, is_ok

    notable = [status for status in event.statuses if not is_ok(status)]
    if not notable:
        return Cell("OK")
    style = "red" if any(is_failure(status) for status in notable) else "yellow"
    return Cell("; ".join(describe_status(status) for status in notable), style)


def _document(event: MxEvent) -> dict[str, Any]:
    from mxgateway.codec import to_jsonable

    document: dict[str, Any] = to_jsonable(event)
    return document


def _csv(event: MxEvent) -> list[Any]:
    gap = event.replay_gap is not None
    return [
        event.worker_sequence,
        "replay gap" if gap else family_text(event),
        event.server_handle,
        event.item_handle,
        None if event.value is None else value_text(event.value),
        None if event.value is None else type_text(event.value),
        None if event.value is None else event.quality,
        None if event.source_timestamp is None else time_text(event.source_timestamp),
        _gap_text(event) if gap else _status_cell(event).text,
    ]


EVENTS: Shape[MxEvent] = Shape(
    name="events",
    document=_document,
    members=(
        *("workerSequence", "event", "serverHandle", "itemHandle", "value", "type", "quality"),
        *("sourceTimestamp", "status"),
    ),
    csv=_csv,
    columns=_COLUMNS,
    cells=_row,
    narrow=Narrow(columns=_COMPACT_COLUMNS, cells=_compact_row, below=_WIDE),
)
"""Events of a session."""


def family_text(event: MxEvent) -> str:
    """Return the family of an event in words, such as `data change`."""
    from mxgateway.status import enum_name

    name = enum_name(event.family)
    return name.removeprefix("ON_").replace("_", " ").lower() if name.isupper() else name


def quality_cell(quality: int, *, number: bool = True) -> Cell:
    """Return an OPC DA quality in words, coloured by what it means for the value.

    Args:
        number: Whether the number follows in brackets; an unknown quality always shows it.
    """
    from mxgateway.status import Quality, QualityLevel

    known = Quality.of(quality)
    text = str(known)
    if not number and known.level is not QualityLevel.UNKNOWN:
        text = text.rpartition(" (")[0]
    return Cell(text, _STYLES.get(known.level, "red"))
