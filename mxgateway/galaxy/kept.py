"""What walks over the galaxy may bring and keep: the limits of ClientOptions, counted."""

from __future__ import annotations

from typing import Final

from mxgateway.errors import LimitError
from mxgateway.options import ClientOptions

__all__ = ["Kept", "weight_of"]

_ELEMENT_BYTES: Final = 80  # beside its own bytes, for the Python objects that one becomes


def weight_of(size: int, elements: int) -> int:
    """Return what a reply counts for against `max_walk_bytes`.

    Args:
        size: Its bytes.
        elements: Objects and attributes in it.
    """
    return size + _ELEMENT_BYTES * elements


class Kept:
    """Counts objects, and the bytes they came in, against the limits of one client.

    Walks that belong together share one, such as those over the levels below a node.

    Args:
        options: For `max_objects` and `max_walk_bytes`.
        collecting: Whether what came stays in memory, so that bytes count.
    """

    __slots__ = ("_collecting", "_objects", "_options", "_weight")

    def __init__(self, options: ClientOptions, *, collecting: bool = True) -> None:
        self._options = options
        self._collecting = collecting
        self._objects = 0
        self._weight = 0

    def check(self, objects: int, weight: int, what: str) -> None:
        """Check that so much may come to what is kept already.

        Args:
            objects: How many.
            weight: As of `weight_of`.
            what: The walk, in words, for the error.

        Raises:
            LimitError: It is too much.
        """
        options = self._options
        count = self._objects + objects
        if count > options.max_objects:
            raise LimitError(
                f"{what}: {count} objects have come",
                option="max_objects",
                limit=options.max_objects,
            )
        held = self._weight + weight
        if self._collecting and held > options.max_walk_bytes:
            raise LimitError(
                f"{what}: the {count} objects that have come count for {held} bytes",
                option="max_walk_bytes",
                limit=options.max_walk_bytes,
            )

    def add(self, objects: int, weight: int) -> None:
        """Note what was checked as kept."""
        self._objects += objects
        self._weight += weight
