"""Readings that are made here: of what has no value, and of what the worker reads."""

from __future__ import annotations

from mxgateway.errors import TagError
from mxgateway.generated.mxaccess_gateway.v1 import BulkReadResult
from mxgateway.reading import TagValue

__all__ = ["bulk_reading", "failed"]


def failed(tag: str, message: str, cause: BaseException | None = None) -> TagValue:
    """Return the reading of a tag that has no value because of what `message` says."""
    error = TagError(f"{tag}: {message}", tag=tag)
    error.__cause__ = cause
    return TagValue.of(tag, None, 0, None, (), error=error)


def bulk_reading(tag: str, result: BulkReadResult) -> TagValue:
    """Return the reading that is one result of ReadBulk."""
    error = None
    if not result.was_successful:
        text = result.error_message or "the gateway gave no reason"
        error = TagError(f"{tag}: {text}", tag=tag)
    return TagValue.of(
        tag,
        result.value,
        result.quality,
        result.source_timestamp,
        result.statuses,
        error=error,
        cached=result.was_cached,
    )
