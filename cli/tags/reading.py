"""`read`: the present value of tags, in every format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from ..deadline import seconds_left
from ..exit_codes import ExitCode
from ..failures import tell_partial
from ..options import Invocation
from ..output.console import console_for
from ..output.live import draws_table
from ..output.live_columns import Slot, fit
from ..output.live_export import export
from ..output.live_words import age_text, level_cell, status_cell, value_cell
from ..output.long_tables import first_rows
from ..output.rows import Shape, write_rows
from ..output.tables import Cell, Column
from ..output.values import MOST_ON_SCREEN, time_text
from ..run import run_with_client
from .patterns import expand

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mxgateway.client import GatewayClient
    from mxgateway.reading import TagValue

__all__ = ["READINGS", "read_tags", "reading_document"]


def reading_document(value: TagValue) -> dict[str, Any]:
    """Return a reading in plain JSON types: those of TagValue, `ok` and `status` in words."""
    return value.to_dict() | {"ok": value.ok, "status": value.status}


def _cells(value: TagValue) -> list[Cell | str]:
    return [
        value.tag,
        value_cell(value),
        level_cell(value, number=True),
        "-" if value.error is not None else value.type_name,
        time_text(value.timestamp),
        status_cell(value),
    ]


READINGS: Final[Shape[TagValue]] = Shape(
    name="results",
    document=reading_document,
    members=(
        *("tag", "ok", "value", "quality", "good", "timestamp", "dataType", "isArray"),
        *("cached", "status"),
    ),
    columns=(
        Column("Tag"),
        Column("Value"),
        Column("Quality"),
        Column("Type"),
        Column("Source time (UTC)"),
        Column("Status"),
    ),
    cells=_cells,
)
"""Readings, one for each tag."""

_SLOTS: Final = (
    Slot("Tag", 0),
    Slot("Value", 0, least=10),
    # Never without the value: a value whose quality nobody sees is taken for good.
    Slot("Quality", 0, least=9),
    Slot("Type", 4),
    Slot("Age", 3, right=True),
    Slot("Source time (UTC)", 5),
    Slot("Status", 1, least=30, told=True),
)


def read_tags(
    invocation: Invocation, words: Sequence[str], max_tags: int, export_file: str | None
) -> ExitCode:
    """Read tags and patterns and show one row for each, whatever failed.

    Raises:
        GalaxyNotFoundError: Nothing matches a pattern.
        MxGatewayError: No tag at all could be read.
        Interrupted: The user ended it.
    """
    environment = invocation.environment

    async def body(client: GatewayClient) -> list[TagValue]:
        tags = await expand(environment, client, words, once=False, most=max_tags)
        return await client.read(tags, timeout=seconds_left())

    values = run_with_client(invocation, body)
    failed = sum(not value.ok for value in values)
    if draws_table(invocation):
        console = console_for(environment)
        console.print(_picture(values, console.width))
    else:
        extra = {"query": {"tags": list(words)}, "ok": not failed, "failed": failed}
        write_rows(invocation, READINGS, values, extra=extra)
    export(environment, export_file, "mxgw-py read", lambda columns: _picture(values, columns))
    return tell_partial(invocation, failed, len(values), "tags", "could not be read")


def _picture(values: Sequence[TagValue], columns: int) -> RenderableType:
    """Return the readings for a terminal."""
    rows = first_rows(values, _picture_cells)
    return fit(_SLOTS, rows, columns).picture(rows, columns, hidden=len(values) - len(rows))


def _picture_cells(value: TagValue) -> list[Cell | str]:
    status = status_cell(value)
    return [
        value.tag,
        value_cell(value, most=MOST_ON_SCREEN),
        level_cell(value),
        Cell("-" if value.error is not None else value.type_name, "dim"),
        age_text(value.age()),
        time_text(value.timestamp),
        "" if status.text == "OK" else status,
    ]
