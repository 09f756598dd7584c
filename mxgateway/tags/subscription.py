"""TagSubscription: values of tags as they change, with tags added and removed while it runs."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import anyio
import anyio.lowlevel

from mxgateway.errors import (
    ClientClosedError,
    MxGatewayError,
    SessionLostError,
)
from mxgateway.events import DroppedEvents
from mxgateway.events.bounded import BoundedQueue, Overflow
from mxgateway.reading import TagValue
from mxgateway.tags.feed import Feed, TagUpdate
from mxgateway.tags.items import reading_of
from mxgateway.tags.names import by_key, check_tags
from mxgateway.tags.tag_session import TagSession
from mxgateway.transport.home import Home
from mxgateway.transport.signals import loop_scheduler

if TYPE_CHECKING:
    from mxgateway.tags.engine import TagEngine

__all__ = ["TagSubscription"]

_FAIRNESS: Final = 128  # values taken in a row before other tasks get a turn


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
