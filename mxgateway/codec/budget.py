"""How many elements one message may still bring, counted while it is decoded.

An element is an entry of a repeated field or map, at whatever depth, or a sub-message: what
two bytes on the wire, or a single one in a packed list, can make a whole Python object of.
"""

from __future__ import annotations

from threading import Lock
from typing import Final, TypeAlias

__all__ = ["Allowance", "Budget", "TooManyElementsError", "spend", "values_in"]

Budget: TypeAlias = list[int] | None
"""The elements left, alone in a list that one call of a decoder owns; None for no limit."""

_CONTINUED: Final = bytes(range(128, 256))


class TooManyElementsError(Exception):
    """The message has more elements than it may have."""


class Allowance:
    """The elements that the decoding of one message may make, which another thread can revoke.

    Attributes:
        limit: How many.
        revoked: Whether nobody waits for the message any more.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.revoked = False
        self._lock = Lock()
        self._budget: list[int] = []

    def begin(self) -> list[int]:
        """Return a fresh budget; each way of decoding begins anew."""
        with self._lock:
            self._budget = [] if self.revoked else [self.limit]
            return self._budget

    def revoke(self) -> None:
        """Let the decoding end with IndexError at its next element."""
        with self._lock:
            self.revoked = True
            # Not a zero: what is just being counted down would be written over it.
            self._budget.clear()


def spend(budget: Budget, count: int = 1) -> None:
    """Take elements off the budget, before anything is made of them.

    Raises:
        TooManyElementsError: So many are not left.
    """
    if budget is not None:
        if budget[0] < count:
            raise TooManyElementsError
        budget[0] -= count


def values_in(chunk: bytes) -> int:
    """Return how many varints end in `chunk`."""
    return len(chunk.translate(None, _CONTINUED))
