"""Strays: items at the gateway that nobody here wants."""

from __future__ import annotations

from mxgateway.errors import MxGatewayError

__all__ = ["Strays"]


class Strays:
    """Handles of items that are to be removed although no Item stands for them.

    A command to add items whose reply is lost may have been executed: their handles
    show only with their values. So once that has happened, values of handles that
    nobody knows count as strays. Each is removed once; values may be on their way
    still when an item is removed.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, None] = {}
        self._tried: set[int] = set()
        self._likely = False

    @property
    def waiting(self) -> bool:
        """Whether there are any."""
        return bool(self._waiting)

    def after(self, error: MxGatewayError) -> None:
        """Note what a failed command to add items left: what its error has, and what will show."""
        self._likely = self._likely or error.processed != "no"
        for result in error.partial_results:
            if result.item_handle:
                self.add(result.item_handle)

    def add(self, *handles: int) -> None:
        """Note items that are to be removed, with the next ones at the latest."""
        self._waiting.update(dict.fromkeys(handles))
        self._tried.update(handles)

    def seen(self, handle: int) -> bool:
        """Note a value of a handle that nobody knows; return whether it is a new stray."""
        if not self._likely or handle in self._tried:
            return False
        self.add(handle)
        return True

    def known(self, handle: int) -> None:
        """Note that a handle stands for an item now; the gateway may use handles again."""
        self._waiting.pop(handle, None)
        self._tried.discard(handle)

    def take(self) -> list[int]:
        """Forget the handles that wait to be removed, and return them."""
        taken = list(self._waiting)
        self._waiting.clear()
        return taken
