"""Bulk commands in parts: how entries are split, and what a failure between parts says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from mxgateway.errors import MxGatewayError, Processed, ResourceExhaustedError

__all__ = ["split", "tell_partial"]


def split(count: int, most: int, size_of: Callable[[range], int], limit: int) -> list[range]:
    """Return the parts of `count` entries: in order, each of at most `most` entries.

    A part whose message is larger than `limit` bytes is halved until it fits.

    Args:
        count: Number of entries.
        most: Largest number of entries of a part.
        size_of: Gives the size in bytes of the message that carries a part.
        limit: Largest message, the option `max_send_bytes`.

    Raises:
        ResourceExhaustedError: A single entry is larger than `limit`; nothing was sent.
    """
    waiting = [range(start, min(start + most, count)) for start in range(0, count, most)][::-1]
    parts = []
    while waiting:
        part = waiting.pop()
        size = size_of(part)
        if size <= limit:
            parts.append(part)
        elif len(part) > 1:
            middle = len(part) // 2
            waiting += [part[middle:], part[:middle]]
        else:
            raise ResourceExhaustedError(
                f"entry {part.start} makes a message of {size} bytes, the limit is {limit} "
                "(option max_send_bytes)",
                processed="no",
                transient=False,
            )
    return parts


_FATES: Final[dict[Processed, str]] = {
    "no": "not executed",
    "maybe": "perhaps executed",
    "yes": "answered with this error",
}


def tell_partial(error: MxGatewayError, part: range, total: int, results: Sequence[Any]) -> None:
    """Make the error of one part say what became of all entries, and carry the results so far.

    `processed` stays "no" only where no entry at all was executed; then the same
    call may be made again.
    """
    facts = [f"{part.start} done (see partial_results)"] if part.start else []
    facts.append(f"{len(part)} {_FATES[error.processed]}")
    if part.stop < total:
        facts.append(f"{total - part.stop} not sent")
    error.message = f"{error.message}; of {total} entries in order: {', '.join(facts)}"
    error.args = (error.message,)
    error.partial_results = list(results)
    if part.start or error.processed != "no":
        error.processed = "maybe"
