"""One consumer's events: which ones it wants, and the queue that the hub fills."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final, TypeAlias, TypeVar

from mxgateway.errors import ConfigurationError
from mxgateway.events.base import Event
from mxgateway.events.bounded import BoundedQueue, Overflow
from mxgateway.events.marks import DroppedEvents, ReplayGapEvent, SequenceGap
from mxgateway.events.types import FAMILIES
from mxgateway.generated.mxaccess_gateway.v1 import MxEventFamily

__all__ = ["EventFilter", "EventQueue", "Families", "Items"]

Families: TypeAlias = Iterable[MxEventFamily | int | type[Event]]
Items: TypeAlias = Iterable[int | tuple[int, int]]

_T = TypeVar("_T")

_ALWAYS: Final = (ReplayGapEvent, SequenceGap)
_FAMILY_OF: Final = {cls: family for family, cls in FAMILIES.items()}


class EventFilter:
    """Which events a consumer wants; gaps always pass.

    Args:
        families: Families, or the classes of events; None for all.
        items: Item handles, or pairs of server handle and item handle; None for all.

    Raises:
        ConfigurationError: An entry is neither, or there is no list of them.
    """

    __slots__ = ("_families", "_handles", "_pairs")

    def __init__(self, families: Families | None, items: Items | None) -> None:
        self._families = None if families is None else _families(families)
        self._handles: set[int] | None = None
        self._pairs: set[tuple[int, int]] = set()
        if items is not None:
            self._handles = set()
            for item in _several("items", items, "item handles"):
                self._add(item)

    def _add(self, item: object) -> None:
        assert self._handles is not None
        if isinstance(item, tuple) and len(item) == 2 and all(map(_is_number, item)):
            self._pairs.add(item)
        elif isinstance(item, int) and _is_number(item):
            self._handles.add(item)
        else:
            raise ConfigurationError(
                f"items: give item handles or (server handle, item handle), not {item!r}"
            )

    @property
    def empty(self) -> bool:
        """Whether it lets everything pass."""
        return self._families is None and self._handles is None

    def wants(self, event: Event) -> bool:
        """Return whether the event passes."""
        message = event._message
        if self._families is not None and message.family not in self._families:
            return isinstance(event, _ALWAYS)
        if self._handles is None or message.item_handle in self._handles:
            return True
        if (message.server_handle, message.item_handle) in self._pairs:
            return True
        return isinstance(event, _ALWAYS)


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _several(name: str, values: Iterable[_T], what: str) -> Iterable[_T]:
    given: object = values
    if isinstance(given, str | bytes | type) or not isinstance(given, Iterable):
        raise ConfigurationError(f"{name}: give a list of {what}, not {given!r}")
    return values


def _families(families: Families) -> Collection[int]:
    numbers: set[int] = set()
    for family in _several("families", families, "members of MxEventFamily or classes of events"):
        if isinstance(family, type) and family in _FAMILY_OF:
            numbers.add(_FAMILY_OF[family])
        elif isinstance(family, int) and not isinstance(family, bool):
            numbers.add(int(family))
        else:
            raise ConfigurationError(
                f"families: give members of MxEventFamily or classes of events, not {family!r}"
            )
    return numbers


class EventQueue(BoundedQueue[Event]):
    """A sink of the hub, with one consumer behind it; it holds what an EventFilter wants.

    Args:
        max_events: Events it holds at most.
        max_bytes: Bytes it holds at most.
        overflow: What happens when it is full.
        wanted: What is taken at all.
        session_id: For marks and errors.
    """

    __slots__ = ("_wants",)

    def __init__(
        self,
        max_events: int,
        max_bytes: int,
        overflow: Overflow,
        wanted: EventFilter,
        session_id: str = "",
    ) -> None:
        super().__init__(
            max_events,
            max_bytes,
            overflow,
            lambda count: DroppedEvents(count, session_id),
            f"a consumer of session {session_id!r}",
        )
        self._wants = None if wanted.empty else wanted.wants

    def feed(self, entry: Event, size: int) -> None:
        """Take an event of `size` bytes, if it is wanted."""
        if self._wants is None or self._wants(entry):
            BoundedQueue.feed(self, entry, size)
