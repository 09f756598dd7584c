"""Writes the one result of a command in the chosen format."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..options import Invocation, OutputFormat
from .documents import json_document, json_line
from .fields import FieldCheck, flatten, member, pick, text_of
from .tables import Cell, write_record

__all__ = ["Fields", "write_document", "write_lines", "write_result"]

Fields = Iterable[tuple[str, Cell | str]]


def write_result(
    invocation: Invocation, document: dict[str, Any], fields: Callable[[], Fields]
) -> None:
    """Write `document`, or for people the `fields` it stands for as a record.

    With --fields every format has the members named there. CSV has a line for each
    member, or with --fields one line with a column for each.
    """
    paths = invocation.fields
    if invocation.format is OutputFormat.TABLE and not paths:
        write_record(invocation.environment, fields())
        return
    write_document(invocation, document)
    if paths:
        check = FieldCheck(paths)
        check.look(document)
        check.tell(invocation.environment)


def write_document(invocation: Invocation, document: dict[str, Any]) -> None:
    """Write one document, reduced to --fields, in the chosen format."""
    environment, paths = invocation.environment, invocation.fields
    shown = pick(document, paths) if paths else document
    match invocation.format:
        case OutputFormat.JSON:
            environment.write(json_document(shown))
        case OutputFormat.JSONL:
            environment.write(json_line(shown) + "\n")
        case OutputFormat.CSV:
            from .csv_lines import csv_line

            rows: Iterable[Iterable[Any]] = [("member", "value"), *flatten(document)]
            if paths:
                rows = [paths, [member(document, path) for path in paths]]
            on_screen, safe = environment.is_terminal, invocation.csv_safe
            environment.write(
                "".join(csv_line(row, for_terminal=on_screen, safe=safe) for row in rows)
            )
        case OutputFormat.TABLE:
            pairs = [(p, text_of(member(document, p)) or "-") for p in paths]
            write_record(environment, pairs)


def write_lines(invocation: Invocation, *lines: str) -> None:
    """Write lines for people to stdout, such as what to do next; other formats leave them out."""
    if invocation.format is OutputFormat.TABLE:
        invocation.environment.show(*lines)
