"""Feed: what a subscription holds and what waits for its consumer, without the subscription."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from mxgateway.errors import ClientClosedError, MxGatewayError
from mxgateway.events import DroppedEvents, Event, ReplayGapEvent, SequenceGap
from mxgateway.events.bounded import BoundedQueue
from mxgateway.reading import TagValue
from mxgateway.tags.items import Change, key_of
from mxgateway.tags.names import by_key, check_tags
from mxgateway.tags.tag_session import TagSession

__all__ = ["Feed", "TagUpdate"]

TagUpdate: TypeAlias = TagValue | DroppedEvents | ReplayGapEvent | SequenceGap
"""What a subscription yields: values, and marks where some are missing."""

Entry: TypeAlias = tuple[str, Change] | DroppedEvents | ReplayGapEvent | SequenceGap
"""The same as it waits: a value with the key of its tag."""

_ADD_AT_ONCE: Final = 1000


class Feed:
    """What holds the items of one subscription; the subscription itself can be dropped.

    Attributes:
        tags: The tags as they were given, by key, in the order in which they were added.
        last: The last value of each, by key.
        queue: What waits for the consumer.
        session: Where its items are; None before the start and after the end.
        ended: Whether nothing is to be held any more.
    """

    def __init__(self, tags: Iterable[str], new_queue: Callable[[], BoundedQueue[Entry]]) -> None:
        self.tags = by_key(check_tags(tags))
        self.last: dict[str, Change] = {}
        self.queue = new_queue()
        self.session: TagSession | None = None
        self.ended = False
        self._new_queue = new_queue

    def forget(self, keys: Iterable[str]) -> None:
        """Take no more values of some tags, and hand out none that waits."""
        gone = set(keys)
        for key in gone:
            self.tags.pop(key, None)
            self.last.pop(key, None)
        if gone:
            self.queue.discard(lambda entry: isinstance(entry, tuple) and entry[0] in gone)

    async def start(self, session: TagSession) -> None:
        """Hold all tags in a session; where that fails, nothing is left of it."""
        self.session = session
        try:
            await self.hold(session, list(self.tags.values()))
        except BaseException:
            if not self.ended:
                self.session = None
                self.last.clear()
                self.queue = self._new_queue()
            raise

    async def hold(self, session: TagSession, tags: list[str]) -> None:
        """Hold items for `tags`; all of them, or none on an error."""
        done: list[str] = []
        try:
            for start in range(0, len(tags), _ADD_AT_ONCE):
                part = tags[start : start + _ADD_AT_ONCE]
                await session.hold(self, part)
                done += part
                if self.ended:
                    raise ClientClosedError("the subscription is closed; make a new one")
        except BaseException:
            await session.release(self, session.items.held(self, map(key_of, done)))
            raise

    async def remove(self, keys: list[str]) -> None:
        """Hold the items for some keys no longer."""
        self.forget(keys)
        if self.session is not None:
            await self.session.release(self, self.session.items.held(self, keys))

    async def end(self) -> None:
        """Give everything back."""
        session = self._finish()
        if session is not None:
            await session.release(self)

    def drop(self) -> None:
        """Give everything back without waiting."""
        session = self._finish()
        if session is not None:
            session.drop(self)

    def _finish(self) -> TagSession | None:
        self.ended = True
        self.queue.clear()
        session, self.session = self.session, None
        return session

    # -- called from the hub ---------------------------------------------------------------

    def take(self, key: str, change: Change, size: int) -> None:
        """Take a value."""
        if key in self.tags:
            self.last[key] = change
            self.queue.feed((key, change), size)

    def notice(self, event: Event) -> None:
        """Take a gap."""
        if isinstance(event, ReplayGapEvent | SequenceGap):
            self.last.clear()
            self.queue.feed(event, 0)

    def lose(self, error: MxGatewayError) -> None:
        """End, as the session is gone."""
        self.session = None
        self.queue.end(error)
