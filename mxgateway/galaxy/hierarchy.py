"""The objects of a galaxy as a lazy iterator that holds one page at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Self

import anyio

from mxgateway.errors import (
    GalaxyNotFoundError,
    LimitError,
    MalformedReplyError,
    StalePageTokenError,
)
from mxgateway.galaxy.pages import Pages
from mxgateway.generated.galaxy_repository.v1 import GalaxyObject

__all__ = ["HierarchyIterator"]


class HierarchyIterator(AsyncIterator[GalaxyObject]):
    """The objects of a hierarchy, page by page as they are asked for.

    No call is open between two pages, so there is nothing to close: leave the
    iterator where you like. After an error of the connection, a timeout, a
    cancelled wait or an error of `progress`, iterating goes on with the page that was
    missing. Several tasks may take from one iterator; each object goes to one of them.

    What was yielded cannot be taken back. So when the galaxy is deployed during
    the walk, it ends with StalePageTokenError; with `restart` it starts over from the
    first page instead and leaves out every object id that it has yielded before.
    Then no object comes twice, but those that came first are as they were before the
    deploy, and some of them may be gone: look at `restarts` when the walk is over.

    Args:
        pages: The pages of the walk.
        restart: Whether to start over on a stale page token, at most three times.
    """

    def __init__(self, pages: Pages[GalaxyObject], *, restart: bool = False) -> None:
        self._pages = pages
        self._ready: deque[GalaxyObject] = deque()
        self._seen: set[int] | None = set() if restart else None
        self._lock = anyio.Lock()
        self._closed = False

    @property
    def restarts(self) -> int:
        """How often the walk has started over because of a redeploy."""
        return self._pages.restarts

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> GalaxyObject:
        """Return the next object.

        Raises:
            StopAsyncIteration: All came, the walk failed before, or it was closed.
            StalePageTokenError: The galaxy was deployed during the walk.
            GalaxyNotFoundError: There is no such root.
            LimitError: There are more than `max_objects`; those were returned.
        """
        if not self._ready:
            async with self._lock:
                await self._fill()
        if not self._ready:
            raise StopAsyncIteration
        return self._ready.popleft()

    async def _fill(self) -> None:
        while not self._ready and not self._closed and not self._pages.finished:
            try:
                page = await self._pages.next()
            except StalePageTokenError as error:
                if self._seen is None or not self._pages.may_restart(error):
                    self._closed = True
                    raise
                continue
            except (GalaxyNotFoundError, LimitError, MalformedReplyError):
                self._closed = True
                raise
            if not self._closed:
                self._ready.extend(page if self._seen is None else self._unseen(page, self._seen))

    @staticmethod
    def _unseen(page: Sequence[GalaxyObject], seen: set[int]) -> list[GalaxyObject]:
        fresh = [found for found in page if found.gobject_id not in seen]
        seen.update(found.gobject_id for found in fresh)
        return fresh

    async def aclose(self) -> None:
        """End the walk and drop what was fetched but not taken. Idempotent."""
        self._closed = True
        self._ready.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()
