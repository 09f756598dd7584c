"""Readings that are made here: of what has no value, and of what the worker reads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mxgateway.errors import TagError
from mxgateway.generated.mxaccess_gateway.v1 import BulkReadResult, MxStatusProxy
from mxgateway.reading import TagValue

__all__ = ["bulk_reading", "failed", "is_bare_array"]

_BARE_ARRAY: Final = 1003  # status detail, MXAccess reference, section 4.1


def is_bare_array(reference: str, statuses: Iterable[MxStatusProxy]) -> bool:
    """Whether the gateway did not append the `[]` that an array needs by itself."""
    for status in statuses:  # one, nearly always
        if status.detail == _BARE_ARRAY:
            return not reference.endswith("]")
    return False


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
