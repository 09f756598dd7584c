"""Items by tag: one item and one advise for each, however many hold it."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Protocol, TypeAlias, TypeVar

from mxgateway.errors import MxGatewayError
from mxgateway.events import DataChange, Event
from mxgateway.reading import TagValue

__all__ = ["Change", "Holder", "Item", "ItemTable", "key_of", "own", "reading_of"]

Change: TypeAlias = DataChange | TagValue
"""A value of an item; a TagValue where there is none and its error says why."""

_Error = TypeVar("_Error", bound=MxGatewayError)


def reading_of(change: Change, tag: str) -> TagValue:
    """Return the reading of a change, under the name that its taker uses."""
    if isinstance(change, DataChange):
        return change.reading(tag)
    return change if change.tag == tag else replace(change, tag=tag)


def own(error: _Error) -> _Error:
    """Return a copy to raise: a raised error collects the traceback of whoever raises it."""
    copied = copy.copy(error)
    copied.__cause__ = error.__cause__
    return copied


def key_of(tag: str) -> str:
    """Return what tags are compared by: MXAccess ignores case (MXAccess reference, section 8).

    Only letters with exactly one other case are taken for the same. What Unicode
    merges besides (ß and ss, the Kelvin sign and k) may be two tags of the plant.
    """
    return tag.upper() if tag.isascii() else "".join(map(_folded, tag))


def _folded(letter: str) -> str:
    upper = letter.upper()
    return upper if upper.lower() == letter else letter


class Holder(Protocol):
    """What holds items: a read, a write or a subscription. Called from the hub; must not wait."""

    def take(self, key: str, change: Change, size: int, /) -> None:
        """Take a value of a tag that it holds, by its key; `size` is its bytes on the wire."""

    def notice(self, event: Event, /) -> None:
        """Take what concerns the stream as a whole: a gap, a jump."""

    def lose(self, error: MxGatewayError, /) -> None:
        """Take note that the session is gone, and all its items with it."""


class Item:
    """One advised item.

    Attributes:
        key: What the tag is compared by.
        reference: The reference it was added with.
        handle: Its item handle.
        holders: Who holds it.
        last: The last change that came, None before the first.
        stale: Whether events were lost since, so that `last` may no longer be true.
    """

    __slots__ = ("handle", "holders", "key", "last", "reference", "stale")

    def __init__(self, key: str, reference: str, handle: int) -> None:
        self.key = key
        self.reference = reference
        self.handle = handle
        self.holders: dict[Holder, None] = {}
        self.last: Change | None = None
        self.stale = False


class ItemTable:
    """The items of one registration, by tag, by handle and by who holds them."""

    def __init__(self) -> None:
        self._by_key: dict[str, Item] = {}
        self._by_handle: dict[int, Item] = {}
        self._held: dict[Holder, dict[str, Item]] = {}
        self._free: dict[Item, None] = {}

    def __len__(self) -> int:
        return len(self._by_handle)

    def __iter__(self) -> Iterator[Item]:
        return iter(list(self._by_handle.values()))

    def find(self, key: str) -> Item | None:
        """Return the item that stands for the tag with this key, or None."""
        return self._by_key.get(key)

    def at(self, handle: int) -> Item | None:
        """Return the item with this handle, or None."""
        return self._by_handle.get(handle)

    def add(self, item: Item) -> None:
        """Enter an item that nobody holds yet; it becomes the one that stands for its tag."""
        self._by_key[item.key] = item
        self._by_handle[item.handle] = item
        self._free[item] = None

    def move(self, item: Item, reference: str, handle: int) -> None:
        """Give an item another reference and handle; who holds it stays."""
        del self._by_handle[item.handle]
        item.reference = reference
        item.handle = handle
        self._by_handle[handle] = item

    def retire(self, item: Item) -> None:
        """Let no one find an item by its tag any more; it lives on for those who hold it."""
        if self._by_key.get(item.key) is item:
            del self._by_key[item.key]

    # -- who holds what --------------------------------------------------------------

    def holders(self) -> Iterator[Holder]:
        """All who hold an item."""
        return iter(list(self._held))

    def held_by(self, holder: Holder) -> list[Item]:
        """Return the items that `holder` holds."""
        return list(self._held.get(holder, {}).values())

    def held(self, holder: Holder, keys: Iterable[str]) -> list[Item]:
        """Return the items that `holder` holds for some keys."""
        mine = self._held.get(holder, {})
        return [mine[key] for key in keys if key in mine]

    def hold(self, holder: Holder, item: Item) -> None:
        """Let `holder` have the values of an item, in place of an earlier one of the tag."""
        mine = self._held.setdefault(holder, {})
        earlier = mine.get(item.key)
        if earlier is not None and earlier is not item:
            self.let_go(holder, [earlier])
            mine = self._held.setdefault(holder, {})
        mine[item.key] = item
        item.holders[holder] = None
        self._free.pop(item, None)

    def let_go(self, holder: Holder, items: Iterable[Item]) -> None:
        """Let `holder` have no more values of some items."""
        mine = self._held.get(holder, {})
        for item in items:
            if mine.get(item.key) is item:
                del mine[item.key]
                del item.holders[holder]
                if not item.holders:
                    self._free[item] = None
        if not mine:
            self._held.pop(holder, None)

    @property
    def some_free(self) -> bool:
        """Whether there is an item that nobody holds."""
        return bool(self._free)

    def take_free(self) -> list[Item]:
        """Forget the items that nobody holds, and return them."""
        free = list(self._free)
        self._free.clear()
        for item in free:
            self.retire(item)
            self._by_handle.pop(item.handle, None)
        return free

    def clear(self) -> None:
        """Forget all."""
        for table in (self._by_key, self._by_handle, self._held, self._free):
            table.clear()
