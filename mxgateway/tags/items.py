"""Items by tag: one item and one advise for each, however many hold it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeAlias

from mxgateway.errors import MxGatewayError
from mxgateway.events import DataChange, Event
from mxgateway.reading import TagValue

__all__ = ["Change", "Holder", "Item", "ItemTable", "key_of", "reading_of"]

Change: TypeAlias = DataChange | TagValue
"""A value of an item; a TagValue where there is none and its error says why."""


def reading_of(change: Change, tag: str) -> TagValue:
    """Return the reading of a change, under the name that its taker uses."""
    return change.reading(tag) if isinstance(change, DataChange) else change


class Holder(Protocol):
    """What holds items: a read, a write or a subscription. Called from the hub; must not wait."""

    def take(self, tag: str, change: Change, size: int) -> None:
        """Take a value of a tag that it holds; `size` is its bytes on the wire."""

    def notice(self, event: Event) -> None:
        """Take what concerns the stream as a whole: a gap, a jump."""

    def lose(self, error: MxGatewayError) -> None:
        """Take note that the session is gone, and all its items with it."""


def key_of(tag: str) -> str:
    """Return what tags are compared by: MXAccess ignores case (MXAccess reference, section 8)."""
    return tag.casefold()


class Item:
    """One advised item.

    Attributes:
        key: What the tag is compared by.
        reference: The reference it was added with.
        handle: Its item handle.
        holders: Who holds it, each with the tag as it spelled it.
        last: The last change that came, None before the first.
    """

    __slots__ = ("handle", "holders", "key", "last", "reference")

    def __init__(self, key: str, reference: str, handle: int) -> None:
        self.key = key
        self.reference = reference
        self.handle = handle
        self.holders: dict[Holder, str] = {}
        self.last: DataChange | None = None


class ItemTable:
    """The items of one registration, by tag and by handle."""

    def __init__(self) -> None:
        self._by_key: dict[str, Item] = {}
        self._by_handle: dict[int, Item] = {}

    def __len__(self) -> int:
        return len(self._by_handle)

    def __iter__(self) -> Iterator[Item]:
        return iter(list(self._by_handle.values()))

    def find(self, tag: str) -> Item | None:
        """Return the item that stands for `tag`, or None."""
        return self._by_key.get(key_of(tag))

    def at(self, handle: int) -> Item | None:
        """Return the item with this handle, or None."""
        return self._by_handle.get(handle)

    def add(self, item: Item) -> None:
        """Enter an item; it becomes the one that stands for its tag."""
        self._by_key[item.key] = item
        self._by_handle[item.handle] = item

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

    def drop(self, items: Iterable[Item]) -> None:
        """Forget items."""
        for item in items:
            self.retire(item)
            self._by_handle.pop(item.handle, None)

    def clear(self) -> None:
        """Forget all."""
        self._by_key.clear()
        self._by_handle.clear()
