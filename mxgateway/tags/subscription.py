"""TagSubscription: values of tags as they change, with tags added and removed while it runs."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypeAlias

import anyio
import anyio.lowlevel

from mxgateway.errors import (
    ClientClosedError,
    ConfigurationError,
    MxGatewayError,
    SessionLostError,
)
from mxgateway.events import DroppedEvents, Event, ReplayGapEvent, SequenceGap
from mxgateway.events.bounded import BoundedQueue, Overflow
from mxgateway.reading import TagValue
from mxgateway.tags.items import Change, Item, key_of, reading_of
from mxgateway.tags.tag_session import TagSession
from mxgateway.transport.signals import loop_scheduler

if TYPE_CHECKING:
    from mxgateway.tags.engine import TagEngine

__all__ = ["TagSubscription", "TagUpdate"]

TagUpdate: TypeAlias = TagValue | DroppedEvents | ReplayGapEvent | SequenceGap
"""What a subscription yields: values, and marks where some are missing."""

_Entry: TypeAlias = tuple[str, Change] | DroppedEvents | ReplayGapEvent | SequenceGap
_ADD_AT_ONCE: Final = 1000
_FAIRNESS: Final = 128  # values taken in a row before other tasks get a turn


class Feed:
    """What holds the items of one subscription; the subscription itself can be dropped.

    Attributes:
        tags: The tags as they were given, by key, in the order in which they were added.
        last: The last value of each, with the tag's key.
        queue: What waits for the consumer.
        session: Where its items are; None before the start and after the end.
    """

    def __init__(self, tags: Iterable[str], queue: BoundedQueue[_Entry]) -> None:
        self.tags = by_key(check_tags(tags))
        self.last: dict[str, Change] = {}
        self.queue = queue
        self.session: TagSession | None = None

    def items(self, keys: Iterable[str]) -> list[Item]:
        """Return the items that it holds for some keys."""
        if self.session is None:
            return []
        found = map(self.session.items.find, keys)
        return [item for item in found if item is not None and self in item.holders]

    def forget(self, keys: Iterable[str]) -> None:
        """Take no more values of some tags."""
        for key in keys:
            self.tags.pop(key, None)
            self.last.pop(key, None)

    def reading(self, tag: str, change: Change) -> TagValue:
        """Return a value under the name that the caller gave."""
        return reading_of(change, self.tags.get(key_of(tag), tag))

    async def hold(self, session: TagSession, tags: list[str]) -> None:
        """Hold items for `tags`; all of them, or none on an error."""
        done: list[str] = []
        try:
            for start in range(0, len(tags), _ADD_AT_ONCE):
                part = tags[start : start + _ADD_AT_ONCE]
                await session.hold(self, part)
                done += part
        except BaseException:
            await session.release(self, self.items(map(key_of, done)))
            raise

    async def end(self) -> None:
        """Give everything back."""
        self.queue.clear()
        items = self.items(list(self.tags))
        session, self.session = self.session, None
        if session is not None:
            await session.release(self, items)

    # -- called from the hub ---------------------------------------------------------------

    def take(self, tag: str, change: Change, size: int) -> None:
        """Take a value."""
        key = key_of(tag)
        if key in self.tags:
            self.last[key] = change
            self.queue.feed((tag, change), size)

    def notice(self, event: Event) -> None:
        """Take a gap."""
        if isinstance(event, ReplayGapEvent | SequenceGap):
            self.queue.feed(event, 0)

    def lose(self, error: MxGatewayError) -> None:
        """End, as the session is gone."""
        self.session = None
        self.queue.end(error)


class TagSubscription(AsyncIterator[TagUpdate]):
    """The values of some tags: the present one first, then each change.

    Made by `GatewayClient.subscribe`. Enter it with `async with`, or iterate it;
    leaving the block, `aclose`, or dropping the last reference gives the tags
    back. A tag that cannot be had yields one TagValue whose `error` or failing
    status says why; the others go on.

    All subscriptions of a client share one item and one advise per tag. Where a
    consumer is slow, only its own queue fills: then the iteration ends with
    SlowConsumerError, or the oldest values are dropped and a DroppedEvents stands
    where they were. A ReplayGapEvent or SequenceGap says that values were lost on
    the way; the next value of each tag is right again.

    Args:
        engine: Where the session comes from.
        tags: The references; duplicates count once, case does not matter.
        max_events: Values that may wait for the consumer.
        max_bytes: The same in bytes on the wire.
        overflow: "error" or "drop_oldest".
    """

    def __init__(
        self,
        engine: TagEngine,
        tags: Iterable[str],
        *,
        max_events: int = 10_000,
        max_bytes: int = 16 << 20,
        overflow: Overflow = "error",
    ) -> None:
        self._engine = engine
        queue: BoundedQueue[_Entry] = BoundedQueue(
            max_events, max_bytes, overflow, DroppedEvents, "a subscription"
        )
        self._feed = Feed(tags, queue)
        self._changing = anyio.Lock()
        self._schedule: Callable[[Callable[[], None]], object] | None = None
        self._closed = False
        self._turns = 0

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags in the order in which they were added."""
        return tuple(self._feed.tags.values())

    @property
    def values(self) -> dict[str, TagValue]:
        """The last value of each tag that has one, whether the consumer took it yet or not."""
        feed = self._feed
        return {
            tag: feed.reading(tag, feed.last[key])
            for key, tag in feed.tags.items()
            if key in feed.last
        }

    @property
    def dropped(self) -> int:
        """How many values were dropped because the consumer was slow."""
        return self._feed.queue.dropped

    @property
    def _started(self) -> bool:
        return self._schedule is not None

    def __repr__(self) -> str:
        state = "closed" if self._closed else "running" if self._started else "not started"
        return f"<{type(self).__name__} of {len(self._feed.tags)} tags, {state}>"

    # -- life ------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self._start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def _start(self) -> None:
        async with self._changing:
            self._check_open()
            if self._started:
                return
            feed = self._feed
            session = await self._engine.session()
            feed.session = session
            try:
                await feed.hold(session, list(feed.tags.values()))
            except BaseException:
                feed.session = None
                raise
            self._schedule = loop_scheduler()

    async def aclose(self) -> None:
        """End the iteration and give the tags back, within 5 seconds. Idempotent."""
        if not self._closed:
            self._closed = True
            await self._feed.end()

    def __del__(self) -> None:
        schedule = getattr(self, "_schedule", None)
        if schedule is not None and (session := self._feed.session) is not None:
            with contextlib.suppress(RuntimeError):  # the event loop has ended
                schedule(functools.partial(session.abandon, self._feed.end))

    # -- tags --------------------------------------------------------------------------

    async def add(self, *tags: str) -> None:
        """Add tags; those that are there already stay as they are.

        Raises:
            SessionLostError: The session is gone; so is this subscription.
            MxGatewayError: The command failed; then none of them was added.
        """
        async with self._changing:
            self._check_open()
            feed = self._feed
            given = by_key(check_tags(tags))
            new = {key: tag for key, tag in given.items() if key not in feed.tags}
            feed.tags |= new
            try:
                if self._started:
                    await feed.hold(self._running_session(), list(new.values()))
            except BaseException:
                feed.forget(new)
                raise

    async def remove(self, *tags: str) -> None:
        """Remove tags; those that are not there do not matter. No value of them follows."""
        async with self._changing:
            self._check_open()
            feed = self._feed
            keys = [key for key in dict.fromkeys(map(key_of, check_tags(tags))) if key in feed.tags]
            items = feed.items(keys)
            feed.forget(keys)
            if feed.session is not None:
                await feed.session.release(feed, items)

    def _check_open(self) -> None:
        if self._closed:
            raise ClientClosedError("the subscription is closed; make a new one")

    def _running_session(self) -> TagSession:
        if self._feed.session is None:
            raise SessionLostError("the session of this subscription is gone; make a new one")
        return self._feed.session

    # -- the consumer's side ---------------------------------------------------------------

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> TagUpdate:
        """Return the next value or mark. Cancelled, it loses nothing: ask again.

        Raises:
            StopAsyncIteration: The subscription was closed here.
            SessionLostError: The session or the connection is gone, after all values that came.
            SlowConsumerError: This consumer did not keep up, after the values that fit.
        """
        if not self._started and not self._closed:
            await self._start()
        feed = self._feed
        self._turns += 1
        if self._turns % _FAIRNESS == 0:
            await anyio.lowlevel.checkpoint()  # before the value is taken: none is lost by it
        while True:
            entry = feed.queue.take()
            if isinstance(entry, tuple):
                tag, change = entry
                if key_of(tag) in feed.tags:  # it may have been removed meanwhile
                    return feed.reading(tag, change)
            elif entry is not None:
                return entry
            elif feed.queue.ended:
                error = feed.queue.take_error()
                await self.aclose()
                if error is not None:
                    raise error
                raise StopAsyncIteration
            else:
                await feed.queue.wait()


def by_key(tags: Iterable[str]) -> dict[str, str]:
    """Return the tags by key, each as it was spelled first."""
    found: dict[str, str] = {}
    for tag in tags:
        found.setdefault(key_of(tag), tag)
    return found


def check_tags(tags: Iterable[str]) -> list[str]:
    """Return the tags as a list; one tag alone is a list of one.

    Raises:
        ConfigurationError: One is empty or no text.
    """
    listed = [tags] if isinstance(tags, str) else list(tags)
    for index, tag in enumerate(listed):
        if not isinstance(tag, str) or not tag.strip():
            raise ConfigurationError(
                f'tags[{index}]: give a reference such as "Pump_001.Speed", not {tag!r}'
            )
    return listed
