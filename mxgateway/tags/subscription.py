"""TagSubscription: values of tags as they change, with tags added and removed while it runs."""

from __future__ import annotations

import contextlib
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
from mxgateway.tags.items import Change, key_of, reading_of
from mxgateway.tags.tag_session import TagSession
from mxgateway.transport.home import Home
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
        last: The last value of each, by key.
        queue: What waits for the consumer.
        session: Where its items are; None before the start and after the end.
        ended: Whether nothing is to be held any more.
    """

    def __init__(self, tags: Iterable[str], new_queue: Callable[[], BoundedQueue[_Entry]]) -> None:
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
    the way; the present value of each tag follows. It belongs to the event loop, thread
    and process of its client: elsewhere its methods raise ClientClosedError.

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
        self._feed = Feed(
            tags,
            lambda: BoundedQueue(max_events, max_bytes, overflow, DroppedEvents, "a subscription"),
        )
        self._error: MxGatewayError | None = None  # what it ends with, until it is raised
        self._changing = anyio.Lock()
        self._schedule: Callable[[Callable[[], None]], object] | None = None
        self._home: Home | None = None
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
            tag: reading_of(feed.last[key], tag)
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
        self._check_home()
        async with self._changing:
            self._check_open()
            if self._started:
                return
            session = await self._engine.session()
            self._check_open()  # another task may have closed it
            await self._feed.start(session)
            self._schedule = loop_scheduler()
            self._home = Home("the subscription")

    async def aclose(self) -> None:
        """End the iteration and give the tags back; waits at most 2 seconds for it. Idempotent.

        In a forked child nothing happens: the tags are the parent's.
        """
        if not self._closed:
            if self._inherited:
                return
            self._check_home()
            self._closed = True
            await self._feed.end()

    def __del__(self) -> None:
        schedule = getattr(self, "_schedule", None)
        if schedule is not None and self._feed.session is not None and not self._inherited:
            with contextlib.suppress(RuntimeError):  # the event loop has ended
                schedule(self._feed.drop)

    # -- tags --------------------------------------------------------------------------

    async def add(self, *tags: str) -> None:
        """Add tags; those that are there already stay as they are.

        Raises:
            SessionLostError: The session is gone; so is this subscription.
            MxGatewayError: The command failed; then none of them was added.
        """
        self._check_home()
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
        self._check_home()
        async with self._changing:
            self._check_open()
            feed = self._feed
            await feed.remove([key for key in by_key(check_tags(tags)) if key in feed.tags])

    @property
    def _inherited(self) -> bool:
        return self._home is not None and self._home.inherited

    def _check_home(self) -> None:
        if self._home is not None:
            self._home.check()
        else:
            self._engine.check_home()  # it may be starting there

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

        The first call starts the subscription, where it was not entered. Cancelled in that,
        it begins anew; so enter it before asking with short timeouts.

        Raises:
            StopAsyncIteration: The subscription was closed here.
            SessionLostError: The session or the connection is gone, after all values that came.
            SlowConsumerError: This consumer did not keep up, after the values that fit.
        """
        if not self._started and not self._closed:
            try:
                await self._start()
            except ClientClosedError:
                if self._closed:  # by another task
                    raise StopAsyncIteration from None
                raise
        feed = self._feed
        if self._home is not None:
            self._home.check_thread()
            if not len(feed.queue):
                self._home.check()  # it would wait for ever; each time, it costs too much
        self._turns += 1
        if self._turns % _FAIRNESS == 0:
            await anyio.lowlevel.checkpoint()  # before the value is taken: none is lost by it
        while True:
            entry = feed.queue.take()
            if isinstance(entry, tuple):
                key, change = entry
                return reading_of(change, feed.tags[key])
            if entry is not None:
                return entry
            if feed.queue.ended:
                self._error = self._error or feed.queue.take_error()
                await self.aclose()  # cancelled here, the next call raises the error
                error, self._error = self._error, None
                if error is not None:
                    raise error
                raise StopAsyncIteration
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
        ConfigurationError: One is empty or no text, or they are no list.
    """
    given: object = tags
    if isinstance(given, bytes | bytearray) or not isinstance(given, Iterable):
        raise ConfigurationError(
            f'tags: give references such as "Pump_001.Speed", not {type(tags).__name__}'
        )
    listed = [tags] if isinstance(tags, str) else list(tags)
    for index, tag in enumerate(listed):
        if not isinstance(tag, str) or not tag.strip():
            raise ConfigurationError(
                f'tags[{index}]: give a reference such as "Pump_001.Speed", not {tag!r}'
            )
    return listed
