"""Writes by tag: how each ended, in every format."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ..output.live_columns import Slot
from ..output.rows import Shape
from ..output.tables import Cell, Column
from ..output.values import type_text, value_text
from .inputs import WriteInput
from .write_form import TagWriteForm

if TYPE_CHECKING:
    from mxgateway.generated.mxaccess_gateway.v1 import MxValue
    from mxgateway.reading import TagValue
    from mxgateway.tags import TagWrite

_ARGUMENT: Final = re.compile(r"\b(user|verifier)=(?=\W|$)")

__all__ = ["OUTCOMES", "SLOTS", "Outcome", "is_unknown", "query_of", "row_of"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One write, what was there before, how it ended, and whether its value must not be shown."""

    given: WriteInput
    before: TagValue | None
    value: MxValue | None
    result: TagWrite
    secret: bool


def query_of(writes: Sequence[WriteInput], form: TagWriteForm) -> dict[str, Any]:
    """Return what was asked for, in plain JSON types; passwords and secured values hidden."""
    secret = form.user is not None
    query: dict[str, Any] = {"writes": [write.query(secret=secret) for write in writes]}
    for name, who in (("user", form.user), ("verifier", form.verifier)):
        if who is not None:
            query |= {name: who, f"{name}Password": "***"}
    return query


def _document(outcome: Outcome) -> dict[str, Any]:
    from mxgateway.values import ABSENT
    from mxgateway.values.shown import value_json

    before = outcome.before
    written = "***" if outcome.secret else outcome.given.value
    document = outcome.result.to_dict() | {"written": written}
    if before is not None and before.ok and before.value is not ABSENT:
        document["before"] = value_json(before.value, before.raw)
    return document


def _written(outcome: Outcome, most: int) -> str:
    if outcome.secret:
        return "***"
    if outcome.value is not None:
        return value_text(outcome.value, most=most)
    given = outcome.given.value
    return given if isinstance(given, str) else str(given)


def is_unknown(result: TagWrite) -> bool:
    """Whether a write may have taken effect although it failed."""
    error = result.error
    return error is not None and error.processed == "maybe" and not error.refused


def _verdict(outcome: Outcome) -> Cell:
    result = outcome.result
    if result.ok:
        return Cell("written, secured" if result.secured else "written", "green")
    if is_unknown(result):
        return Cell("outcome unknown", "bold yellow")
    return Cell("not written", "bold red")


def row_of(outcome: Outcome, *, most: int = 0) -> list[Cell | str]:
    """Return a row for people; `most` as for `value_text`."""
    before = outcome.before
    was = "-" if before is None or not before.ok else value_text(before.raw, most=most)
    kind = type_text(outcome.value) if outcome.value is not None else "-"
    if kind == "-" and before is not None and before.ok:
        kind = before.type_name
    reason = "" if outcome.result.ok else _reason(outcome.result)
    return [
        outcome.given.tag,
        _written(outcome, most),
        was,
        _verdict(outcome),
        Cell(kind, "dim"),
        reason,
    ]


def _reason(result: TagWrite) -> str:
    from mxgateway.errors import EncodeError

    error = result.error
    assert error is not None
    words = error.reason if isinstance(error, EncodeError) else error.message
    reason = words.removeprefix(f"{result.tag}: ")
    # The library names the arguments of its methods.
    return _ARGUMENT.sub(r"--\1", reason)


OUTCOMES: Final[Shape[Outcome]] = Shape(
    name="results",
    document=_document,
    members=("tag", "ok", "processed", "secured", "written", "before", "status"),
    columns=(
        Column("Tag"),
        Column("Value"),
        Column("Before"),
        Column("Outcome"),
        Column("Type"),
        Column("Reason"),
    ),
    cells=row_of,
)
"""Writes and how each ended."""

SLOTS: Final = (
    Slot("Tag", 0),
    Slot("Value", 0, least=10),
    Slot("Before", 3, least=10),
    Slot("Outcome", 0),
    Slot("Type", 4),
    Slot("Reason", 1, least=24, told=True),
)
