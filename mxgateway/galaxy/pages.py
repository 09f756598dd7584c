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
from mxgateway.galaxy.kept import Kept

__all__ = ["MAX_RESTARTS", "Page", "Pages", "Progress", "WalkProgress", "collect", "not_found"]

_log = logging.getLogger("mxgateway.galaxy")

_T = TypeVar("_T")
_Error = TypeVar("_Error", bound=RpcError)

MAX_RESTARTS: Final = 3
"""How often a walk starts over because of stale page tokens before it gives up."""

_MAX_EMPTY: Final = 3  # pages in a row without anything but a token for the next one
_MAX_TOKEN: Final = 1 << 16  # characters; the gateway's own have fewer than 200


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
        weight: What it counts for against `max_walk_bytes`, see `weight_of`.
        generation: Cache generation it was made from; None where the reply has none.
    """

    items: Sequence[_T]
    next_token: str
    total: int
    weight: int
    generation: int | None = None


class Pages(Generic[_T]):
    """The pages of one listing, fetched one after the other.

    A page that fails, whose wait is cancelled, or whose `progress` raises can be asked
    for again: nothing is noted before the page is on its way to the caller.

    Args:
        fetch: Returns the page for a token; an empty token stands for the first page.
        what: What is listed, in words, for errors and logs.
        kept: For the limits, and for what other walks that belong to this one have brought.
        progress: Told after every page, and with `done` 0 when the walk starts over.
    """

    def __init__(
        self,
        fetch: Callable[[str], Awaitable[Page[_T]]],
        what: str,
        kept: Kept,
        *,
        progress: Progress | None = None,
    ) -> None:
        self._fetch = fetch
        self._what = what
        self._kept = kept
        self._progress = progress
        self._restarts = 0
        self._rewind()

    def _rewind(self) -> None:
        self._token: str | None = ""
        self._tokens: set[int] = set()  # hashes: tokens are long, and nobody else sees these
        self._generation: int | None = None
        self._done = 0
        self._weight = 0
        self._pages = 0
        self._empty = 0  # pages in a row

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
            MalformedReplyError: The pages go round in a circle, or three in a row are empty,
                or a token is longer than 65,536 characters.
            LimitError: More came than `max_objects` or, where all is kept, `max_walk_bytes`.
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
        empty = 0 if page.items else self._empty + 1
        self._check(page, token, empty)
        done = self._done + len(page.items)
        weight = self._weight + page.weight
        self._kept.check(done, weight, self._what)
        self._report(WalkProgress(done, page.total, self._pages + 1, self._restarts))
        self._tokens.add(hash(token))
        self._generation = page.generation
        self._token = page.next_token or None
        self._done, self._weight, self._empty = done, weight, empty
        self._pages += 1
        if self._token is None:
            self._kept.add(done, weight)
        return page.items

    def _check(self, page: Page[_T], token: str, empty: int) -> None:
        """Check that the pages lead anywhere."""
        following = page.next_token
        if not following:
            return
        where = f"{self._what}: page {self._pages + 1}"
        if len(following) > _MAX_TOKEN:
            raise MalformedReplyError(
                f"{where} has a token of {len(following)} characters, more than {_MAX_TOKEN}"
            )
        if following == token or hash(following) in self._tokens:
            raise MalformedReplyError(f"{where} leads back to a page that came before")
        if empty >= _MAX_EMPTY:
            raise MalformedReplyError(
                f"{where} is empty, as the {_MAX_EMPTY - 1} before it, and promises more"
            )

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
        LimitError: There is more than `max_objects` or `max_walk_bytes`.
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
