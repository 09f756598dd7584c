"""Lists that are complete: on a terminal the columns that have room, else as everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from ..options import Invocation, OutputFormat
from .console import console_for
from .long_tables import first_rows
from .rows import Shape, write_rows

__all__ = ["write_ranked"]

T = TypeVar("T")


def write_ranked(
    invocation: Invocation,
    shape: Shape[T],
    ranks: Sequence[int | tuple[int, int]],
    rows: Sequence[T],
    *,
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Write rows as `write_rows` does; a narrow terminal shows the columns of low rank.

    Args:
        shape: How the rows look.
        ranks: The rank of each column, or rank and the cells that it takes at least. Columns of
            rank 0 are always there; the one of rank -1 is too, and is never cut.
        rows: The rows.
        extra: More members of the one JSON document.
    """
    environment = invocation.environment
    drawn = invocation.format is OutputFormat.TABLE and environment.is_terminal
    if not drawn or invocation.fields:
        write_rows(invocation, shape, rows, extra=extra)
        return
    from .live_columns import Slot, fit

    pairs = [rank if isinstance(rank, tuple) else (rank, 0) for rank in ranks]
    slots = [
        Slot(column.title, max(0, rank), least=least, right=column.right)
        for column, (rank, least) in zip(shape.columns, pairs, strict=True)
    ]
    name = next(n for n, (rank, _) in enumerate(pairs) if rank < 0)
    cells = first_rows(rows, shape.cells)
    console = console_for(environment)
    fitted = fit(slots, cells, console.width, name=name)
    console.print(fitted.picture(cells, console.width, hidden=len(rows) - len(cells)))
