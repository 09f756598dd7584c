"""GalaxyRepositoryClient and LazyBrowseNode without await."""

from __future__ import annotations

from typing import Any

from mxgateway.galaxy import BrowseOptions
from mxgateway.galaxy import GalaxyRepositoryClient as AsyncGalaxyRepositoryClient
from mxgateway.galaxy import LazyBrowseNode as AsyncLazyBrowseNode
from mxgateway.generated.galaxy_repository.v1 import GalaxyObject
from mxgateway.sync.blocking import Wrapper, blocking, streaming
from mxgateway.sync.connecting import ConnectedClient
from mxgateway.sync.streams import DeployWatch, HierarchyIterator

__all__ = ["GalaxyRepositoryClient", "LazyBrowseNode"]


class LazyBrowseNode(Wrapper):
    """An object of the galaxy whose children are fetched when they are asked for."""

    _async: AsyncLazyBrowseNode

    @property
    def object(self) -> GalaxyObject:
        """The object, as the gateway sent it."""
        return self._async.object

    @property
    def has_children_hint(self) -> bool:
        """Whether the gateway said that there are children; a hint, `expand` finds out."""
        return self._async.has_children_hint

    @property
    def children(self) -> list[LazyBrowseNode]:
        """The children in the gateway's order, areas first; empty until expanded."""
        return [LazyBrowseNode(self._portal, child) for child in self._async.children]

    @property
    def expanded(self) -> bool:
        """Whether the children have been fetched."""
        return self._async.expanded

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, LazyBrowseNode) and other._async is self._async

    def __hash__(self) -> int:
        return hash(self._async)

    expand = blocking(AsyncLazyBrowseNode.expand)


class GalaxyRepositoryClient(ConnectedClient[AsyncGalaxyRepositoryClient]):
    """A client of the galaxy, see `mxgateway.GalaxyRepositoryClient`: the same without await."""

    _kind = AsyncGalaxyRepositoryClient

    def browse(
        self, options: BrowseOptions | None = None, *, timeout: float | None = None
    ) -> list[LazyBrowseNode]:
        """Return the root objects, or the children of a parent, as nodes to expand.

        As `mxgateway.GalaxyRepositoryClient.browse`.
        """
        nodes = self._portal.run(self._async.browse, options, timeout=timeout)
        return [LazyBrowseNode(self._portal, node) for node in nodes]

    test_connection = blocking(AsyncGalaxyRepositoryClient.test_connection)
    get_last_deploy_time = blocking(AsyncGalaxyRepositoryClient.get_last_deploy_time)
    discover_hierarchy = blocking(AsyncGalaxyRepositoryClient.discover_hierarchy)
    discover_hierarchy_raw = blocking(AsyncGalaxyRepositoryClient.discover_hierarchy_raw)
    browse_children = blocking(AsyncGalaxyRepositoryClient.browse_children)

    iter_hierarchy = streaming(HierarchyIterator, AsyncGalaxyRepositoryClient.iter_hierarchy)
    watch_deploy_events = streaming(DeployWatch, AsyncGalaxyRepositoryClient.watch_deploy_events)
