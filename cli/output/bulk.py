"""Results of bulk commands: how they look in each format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .events import quality_cell
from .rows import Shape
from .tables import Cell, Column
from .values import time_text, type_text, value_text

if TYPE_CHECKING:
    from mxgateway.generated.mxaccess_gateway.v1 import (
        BulkReadResult,
        BulkWriteResult,
        SubscribeResult,
    )

__all__ = ["READ", "READ_RANKS", "SUBSCRIBED", "SUBSCRIBED_RANKS", "WRITTEN", "WRITTEN_RANKS"]


def _document(result: Any) -> dict[str, Any]:
    from mxgateway.codec import to_jsonable

    document: dict[str, Any] = to_jsonable(result)
    return document


def _outcome(result: SubscribeResult | BulkWriteResult | BulkReadResult) -> Cell:
    """Return `OK`, or why the entry failed."""
    if result.was_successful:
        return Cell("OK", "green")
    return Cell(_why(result) or "failed", "red")


def _why(result: Any) -> str:
    from mxgateway.status import describe_hresult, describe_status, hresult_failed, is_ok

    notable = [status for status in getattr(result, "statuses", ()) if not is_ok(status)]
    told = [describe_status(status) for status in notable]
    hresult = getattr(result, "hresult", None)
    if hresult is not None and hresult_failed(hresult):
        told.insert(0, describe_hresult(hresult))
    message = result.error_message
    # The worker takes its message from the status, where there is one.
    if message and not any(s.diagnostic_text and s.diagnostic_text in message for s in notable):
        told.insert(0, message)
    return "; ".join(told)


def _handle(number: int) -> str:
    return str(number) if number else "-"


def _subscribed(result: SubscribeResult) -> list[Cell | str]:
    return [_handle(result.item_handle), result.tag_address or "-", _outcome(result)]


SUBSCRIBED: Shape[SubscribeResult] = Shape(
    name="results",
    document=_document,
    members=("serverHandle", "itemHandle", "tagAddress", "wasSuccessful", "errorMessage"),
    columns=(Column("Item", right=True), Column("Tag"), Column("Result")),
    cells=_subscribed,
)
"""Items that were added, advised, ended or dropped."""
SUBSCRIBED_RANKS: Final = (0, -1, (0, 24))


def _written(result: BulkWriteResult) -> list[Cell | str]:
    return [_handle(result.item_handle), _outcome(result)]


WRITTEN: Shape[BulkWriteResult] = Shape(
    name="results",
    document=_document,
    members=(
        *("serverHandle", "itemHandle", "wasSuccessful", "hresult", "statuses", "errorMessage"),
    ),
    columns=(Column("Item", right=True), Column("Result")),
    cells=_written,
)
"""Writes that were accepted or refused."""
WRITTEN_RANKS: Final = (-1, (0, 24))


def _read(result: BulkReadResult) -> list[Cell | str]:
    known = result.value is not None
    return [
        result.tag_address or "-",
        value_text(result.value),
        quality_cell(result.quality) if known else "-",
        time_text(result.source_timestamp),
        type_text(result.value),
        "yes" if result.was_cached else "no",
        _outcome(result),
    ]


def _read_csv(result: BulkReadResult) -> list[Any]:
    known = result.value is not None
    return [
        result.tag_address,
        result.item_handle,
        result.was_successful,
        result.was_cached,
        value_text(result.value) if known else None,
        type_text(result.value) if known else None,
        result.quality if known else None,
        None if result.source_timestamp is None else time_text(result.source_timestamp),
        _why(result),
    ]


READ: Shape[BulkReadResult] = Shape(
    name="results",
    document=_document,
    members=(
        *("tagAddress", "itemHandle", "wasSuccessful", "wasCached", "value", "type", "quality"),
        *("sourceTimestamp", "error"),
    ),
    csv=_read_csv,
    columns=(
        Column("Tag"),
        Column("Value"),
        Column("Quality"),
        Column("Source time (UTC)"),
        Column("Type"),
        Column("Cached"),
        Column("Result"),
    ),
    cells=_read,
)
"""Values that were read."""
READ_RANKS: Final = (-1, (0, 8), (2, 10), 3, 4, 5, (1, 24))
