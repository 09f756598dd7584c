"""Browsing one level at a time: a node knows its object and fetches its children once."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable

import anyio

from mxgateway.errors import MalformedReplyError
from mxgateway.galaxy.filters import BrowseOptions
from mxgateway.galaxy.pages import Page, Pages, collect
from mxgateway.generated.galaxy_repository.v1 import (
    BrowseChildrenReply,
    BrowseChildrenRequest,
    GalaxyObject,
)
from mxgateway.printable import printable

__all__ = ["BrowseCall", "LazyBrowseNode", "browse_level"]

BrowseCall = Callable[[BrowseChildrenRequest, float | None], Awaitable[BrowseChildrenReply]]
"""Sends one BrowseChildren request with a timeout in seconds; None for the default."""


class _Expansion:
    """One walk over the children of a node, shared by all tasks that wait for it."""

    def __init__(self) -> None:
        self.done = anyio.Event()
        self.error: Exception | None = None


class LazyBrowseNode:
    """An object of the galaxy whose children are fetched when they are asked for.

    A node shows the galaxy as it was when its level was fetched. After a redeploy
    call `browse` again and walk down from the root.
    """

    def __init__(
        self,
        found: GalaxyObject,
        *,
        has_children_hint: bool,
        call: BrowseCall,
        options: BrowseOptions,
    ) -> None:
        """Make a node; `GalaxyRepositoryClient.browse` is the usual way.

        Args:
            found: The object.
            has_children_hint: What the gateway said about children.
            call: Sends a BrowseChildren request.
            options: The filters for all levels below.
        """
        self._object = found
        self._hint = has_children_hint
        self._call = call
        self._options = options
        self._children: list[LazyBrowseNode] = []
        self._expanded = False
        self._expansion: _Expansion | None = None

    @property
    def object(self) -> GalaxyObject:
        """The object, as the gateway sent it."""
        return self._object

    @property
    def has_children_hint(self) -> bool:
        """Whether the gateway said that there are children; a hint, `expand` finds out."""
        return self._hint

    @property
    def children(self) -> list[LazyBrowseNode]:
        """The children in the gateway's order, areas first; empty until expanded."""
        return list(self._children)

    @property
    def expanded(self) -> bool:
        """Whether the children have been fetched."""
        return self._expanded

    def __repr__(self) -> str:
        if self._expanded:
            state = f"{len(self._children)} children"
        else:
            state = "not expanded" if self._hint else "no children expected"
        return printable(f"<{type(self).__name__} {self._object.tag_name}, {state}>")

    async def expand(self, *, timeout: float | None = None) -> None:
        """Fetch the children, all pages of them; once, whoever asks and how often.

        Tasks that call this together share one walk, its timeout and its outcome.
        When the task that walks is cancelled, one of the others walks in its place.
        After a failure the node is as before and may be expanded again. A redeploy
        between two pages makes the walk start over, at most three times.

        Args:
            timeout: Seconds for each page.

        Raises:
            GalaxyNotFoundError: The object went with a redeploy; browse again from the root.
            StalePageTokenError: The galaxy was deployed a fourth time during the walk.
        """
        while not self._expanded:
            running = self._expansion
            if running is None:
                await self._walk(timeout)
                continue
            await running.done.wait()
            if running.error is not None:
                # A copy: one exception raised in two tasks would mix their tracebacks.
                raise copy.copy(running.error) from running.error

    async def _walk(self, timeout: float | None) -> None:
        expansion = self._expansion = _Expansion()
        try:
            level = self._options.below(self._object.gobject_id)
            self._children = await browse_level(self._call, level, timeout)
            self._expanded = True
        except Exception as error:
            expansion.error = error
            raise
        finally:
            self._expansion = None
            expansion.done.set()


async def browse_level(
    call: BrowseCall, options: BrowseOptions, timeout: float | None
) -> list[LazyBrowseNode]:
    """Return the children of the parent that `options` name, all pages of them.

    Raises:
        GalaxyNotFoundError: There is no such parent.
        StalePageTokenError: The galaxy was deployed again and again during the walk.
        MalformedReplyError: Children and hints of a reply differ in number.
    """

    async def fetch(token: str) -> Page[tuple[GalaxyObject, bool]]:
        reply = await call(options.request(token), timeout)
        hints = reply.child_has_children
        if len(hints) != len(reply.children):
            raise MalformedReplyError(
                f"BrowseChildren: the reply has {len(reply.children)} children "
                f"but {len(hints)} entries in child_has_children",
                reply=reply,
            )
        found = list(zip(reply.children, hints, strict=True))
        return Page(found, reply.next_page_token, reply.total_child_count, reply.cache_sequence)

    level = await collect(Pages(fetch, f"browsing {options.parent}"))
    return [
        LazyBrowseNode(found, has_children_hint=hint, call=call, options=options)
        for found, hint in level
    ]
