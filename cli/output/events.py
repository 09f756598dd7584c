"""Events of a session as they come: collected into one document, line by line, or as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ..environment import Environment
from ..options import OutputFormat
from .documents import json_document, json_line
from .tables import Cell, Column, RowPrinter, console_for
from .values import time_text, type_text, value_text

if TYPE_CHECKING:
    from mxgateway.generated.mxaccess_gateway.v1 import MxEvent

__all__ = ["MOST_COLLECTED", "EventSink", "family_text", "quality_cell", "sink_for"]

MOST_COLLECTED = 10_000
"""Events that one JSON document takes without --max-events; a document is held in memory."""

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


class EventSink(Protocol):
    """Where events go. `count` is the number taken, `limit` where it has to stop by itself."""

    count: int
    limit: int | None

    def take(self, event: MxEvent) -> None:
        """Take one event; line formats write and flush it at once."""

    def finish(self) -> None:
        """Write what was collected."""


def sink_for(environment: Environment, output: OutputFormat) -> EventSink:
    """Return the sink of an output format."""
    match output:
        case OutputFormat.JSON:
            return _Document(environment)
        case OutputFormat.JSONL:
            return _Lines(environment)
        case OutputFormat.TABLE:
            return _Rows(environment)


class _Document:
    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._events: list[dict[str, Any]] = []
        self.count = 0
        self.limit: int | None = MOST_COLLECTED

    def take(self, event: MxEvent) -> None:
        from mxgateway.codec import to_jsonable

        self._events.append(to_jsonable(event))
        self.count += 1

    def finish(self) -> None:
        self._environment.write(json_document({"events": self._events}))


class _Lines:
    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self.count = 0
        self.limit: int | None = None

    def take(self, event: MxEvent) -> None:
        from mxgateway.codec import to_jsonable

        self._environment.write(json_line(to_jsonable(event)) + "\n")
        self.count += 1

    def finish(self) -> None:
        """Nothing is left to write."""


class _Rows:
    def __init__(self, environment: Environment) -> None:
        # Whole rows matter more on a pipe than their width.
        self._wide = not environment.is_terminal or console_for(environment).width >= _WIDE
        self._printer = RowPrinter(environment, _COLUMNS if self._wide else _COMPACT_COLUMNS)
        self.count = 0
        self.limit: int | None = None

    def take(self, event: MxEvent) -> None:
        self._printer.row(_row(event) if self._wide else _compact_row(event))
        self.count += 1

    def finish(self) -> None:
        self._printer.start()


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
