"""Following page tokens: one page at a time, stale tokens told apart, restarts bounded."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from mxgateway.errors import (
    GalaxyNotFoundError,
    InvalidArgumentError,
    MalformedReplyError,
    NotFoundError,
    RpcError,
    StalePageTokenError,
)

__all__ = ["MAX_RESTARTS", "Page", "Pages", "Progress", "WalkProgress", "collect", "not_found"]

_log = logging.getLogger("mxgateway.galaxy")

_T = TypeVar("_T")
_Error = TypeVar("_Error", bound=RpcError)

MAX_RESTARTS: Final = 3
"""How often a walk starts over because of stale page tokens before it gives up."""


@dataclass(frozen=True, slots=True)
class WalkProgress:
    """How far a walk over several pages has come; told after every page.

    Attributes:
        done: Objects received; falls to 0 where the walk starts over.
        total: Objects that the gateway announced, after filtering. 0 where it did not say.
        pages: Pages received since the walk began or started over.
        restarts: How often the walk has started over because of a redeploy.
    """

    done: int
    total: int
    pages: int
    restarts: int


Progress = Callable[[WalkProgress], object]


@dataclass(frozen=True, slots=True)
class Page(Generic[_T]):
    """One page as the walk needs it.

    Attributes:
        items: What is on it.
        next_token: Token of the next page; empty for the last page.
        total: Number of items on all pages, as announced.
        generation: Cache generation it was made from; None where the reply has none.
    """

    items: Sequence[_T]
    next_token: str
    total: int
    generation: int | None = None


class Pages(Generic[_T]):
    """The pages of one listing, fetched one after the other.

    A page that fails, whose wait is cancelled, or whose `progress` raises can be asked
    for again: nothing is noted before the page is on its way to the caller.

    Args:
        fetch: Returns the page for a token; an empty token stands for the first page.
        what: What is listed, in words, for errors and logs.
        progress: Told after every page, and with `done` 0 when the walk starts over.
    """

    def __init__(
        self,
        fetch: Callable[[str], Awaitable[Page[_T]]],
        what: str,
        *,
        progress: Progress | None = None,
    ) -> None:
        self._fetch = fetch
        self._what = what
        self._progress = progress
        self._restarts = 0
        self._rewind()

    def _rewind(self) -> None:
        self._token: str | None = ""
        self._tokens: set[str] = set()
        self._generation: int | None = None
        self._done = 0
        self._pages = 0

    @property
    def finished(self) -> bool:
        """Whether the last page has been fetched."""
        return self._token is None

    @property
    def restarts(self) -> int:
        """How often the walk has started over."""
        return self._restarts

    async def next(self) -> Sequence[_T]:
        """Fetch the next page and return what is on it; it may be empty.

        Raises:
            StalePageTokenError: The gateway refused the page token, or answered from
                another cache generation.
            GalaxyNotFoundError: There is no such root or parent.
            MalformedReplyError: The pages go round in a circle.
        """
        token = self._token
        assert token is not None
        try:
            page = await self._fetch(token)
        except InvalidArgumentError as error:
            # The same request without a token has just been answered, so that it can
            # only be the token, whatever the words (gateway semantics, section 10).
            if not token:
                raise
            raise _as(StalePageTokenError, error, self._stale(error.message)) from error
        except NotFoundError as error:
            raise not_found(error, self._what) from error
        if token and page.generation != self._generation:
            reason = f"cache generation {page.generation} follows {self._generation}"
            raise StalePageTokenError(self._stale(reason), processed="yes")
        if page.next_token and (page.next_token in self._tokens or page.next_token == token):
            raise MalformedReplyError(
                f"{self._what}: page {self._pages + 1} leads back to a page that came before"
            )
        done = self._done + len(page.items)
        self._report(WalkProgress(done, page.total, self._pages + 1, self._restarts))
        self._tokens.add(token)
        self._generation = page.generation
        self._token = page.next_token or None
        self._done = done
        self._pages += 1
        return page.items

    def _stale(self, reason: str) -> str:
        return f"{self._what}: the galaxy changed after page {self._pages} ({reason})"

    def may_restart(self, error: StalePageTokenError) -> bool:
        """Start over and return True; False, with a note on the error, after too often."""
        if self._restarts >= MAX_RESTARTS:
            error.add_note(f"The walk has started over {self._restarts} times already.")
            return False
        self._restarts += 1
        _log.warning("%s; starting over (%d of %d)", error.message, self._restarts, MAX_RESTARTS)
        self._rewind()
        self._report(WalkProgress(0, 0, 0, self._restarts))
        return True

    def _report(self, step: WalkProgress) -> None:
        if self._progress is not None:
            self._progress(step)


async def collect(pages: Pages[_T]) -> list[_T]:
    """Return the items of all pages; start over, boundedly often, when a token is stale.

    Raises:
        StalePageTokenError: The galaxy changed again and again during the walk.
        GalaxyNotFoundError: There is no such root or parent.
    """
    items: list[_T] = []
    while not pages.finished:
        try:
            items.extend(await pages.next())
        except StalePageTokenError as error:
            if not pages.may_restart(error):
                raise
            items.clear()
    return items


def not_found(error: NotFoundError, what: str = "") -> GalaxyNotFoundError:
    """Return a NOT_FOUND as the error of galaxy calls; `what` says what was looked for."""
    return _as(GalaxyNotFoundError, error, f"{what}: {error.message}" if what else error.message)


def _as(cls: type[_Error], error: RpcError, message: str) -> _Error:
    fields: dict[str, Any] = {
        "status": error.status,
        "processed": error.processed,
        "details": error.details,
        "trailing_metadata": error.trailing_metadata,
    }
    return cls(message, **fields)
