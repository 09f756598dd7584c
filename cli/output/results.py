"""Writes the result of a command in the chosen format."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..options import Invocation, OutputFormat
from .documents import json_document, json_line
from .tables import Cell, write_record

__all__ = ["Fields", "write_result"]

Fields = Iterable[tuple[str, Cell | str]]


def write_result(
    invocation: Invocation, document: dict[str, Any], fields: Callable[[], Fields]
) -> None:
    """Write `document` as JSON, or the `fields` it stands for as a record for people."""
    match invocation.format:
        case OutputFormat.JSON:
            invocation.environment.write(json_document(document))
        case OutputFormat.JSONL:
            invocation.environment.write(json_line(document) + "\n")
        case OutputFormat.TABLE:
            write_record(invocation.environment, fields())
