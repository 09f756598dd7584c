"""Browsing one level at a time: a node knows its object and fetches its children once."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import anyio

from mxgateway.errors import LimitError, MalformedReplyError
from mxgateway.galaxy.filters import BrowseOptions
from mxgateway.galaxy.kept import Kept, weight_of
from mxgateway.galaxy.pages import Page, Pages, collect
from mxgateway.generated.galaxy_repository.v1 import (
    BrowseChildrenReply,
    BrowseChildrenRequest,
    GalaxyObject,
)
from mxgateway.printable import printable

__all__ = ["BrowseCall", "LazyBrowseNode", "Level", "browse_level"]

BrowseCall = Callable[
    [BrowseChildrenRequest, float | None], Awaitable[tuple[BrowseChildrenReply, int]]
]
"""Sends one BrowseChildren request with a timeout in seconds; None for the default.

Returns the reply and its bytes."""


@dataclass(frozen=True, slots=True)
class Level:
    """Where a level of nodes is fetched from, and what it may bring.

    Attributes:
        call: Sends a BrowseChildren request.
        options: Parent and filters.
        kept: What the levels of one `browse` have brought, and the limits.
        depth: How deep it is, 1 for the nodes that `browse` returns.
        max_depth: How deep a level may be.
    """

    call: BrowseCall
    options: BrowseOptions
    kept: Kept
    depth: int
    max_depth: int

    def below(self, gobject_id: int) -> Level:
        """Return the level of the children of an object of this one."""
        return replace(self, options=self.options.below(gobject_id), depth=self.depth + 1)


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

    def __init__(self, found: GalaxyObject, *, has_children_hint: bool, level: Level) -> None:
        """Make a node; `GalaxyRepositoryClient.browse` is the usual way.

        Args:
            found: The object.
            has_children_hint: What the gateway said about children.
            level: The level that it is on.
        """
        self._object = found
        self._hint = has_children_hint
        self._level = level
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
            LimitError: With the children there are more than `max_objects` or
                `max_walk_bytes` below the nodes of one `browse`, or they are deeper than
                `max_depth` levels.
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
            level = self._level.below(self._object.gobject_id)
            self._children = await browse_level(level, timeout)
            self._expanded = True
        except Exception as error:
            expansion.error = error
            raise
        finally:
            self._expansion = None
            expansion.done.set()


async def browse_level(level: Level, timeout: float | None) -> list[LazyBrowseNode]:
    """Return the nodes of a level, all pages of them.

    Raises:
        GalaxyNotFoundError: There is no such parent.
        StalePageTokenError: The galaxy was deployed again and again during the walk.
        MalformedReplyError: Children and hints of a reply differ in number.
        LimitError: There are too many, or the level is too deep to have any.
    """
    what = f"browsing {level.options.parent}"

    async def fetch(token: str) -> Page[tuple[GalaxyObject, bool]]:
        reply, size = await level.call(level.options.request(token), timeout)
        children, hints = reply.children, reply.child_has_children
        if len(hints) != len(children):
            raise MalformedReplyError(
                f"BrowseChildren: the reply has {len(children)} children "
                f"but {len(hints)} entries in child_has_children",
                reply=reply,
            )
        if children and level.depth > level.max_depth:
            raise LimitError(
                f"{what}: there are objects on level {level.depth}",
                option="max_depth",
                limit=level.max_depth,
            )
        elements = len(children) + sum(len(found.attributes) for found in children)
        return Page(
            list(zip(children, hints, strict=True)),
            reply.next_page_token,
            reply.total_child_count,
            weight_of(size, elements),
            reply.cache_sequence,
        )

    found = await collect(Pages(fetch, what, level.kept))
    return [LazyBrowseNode(one, has_children_hint=hint, level=level) for one, hint in found]
