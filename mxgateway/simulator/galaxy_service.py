"""The GalaxyRepository service: what is deployed, read-only (gateway semantics, section 10)."""

from __future__ import annotations

from mxgateway.generated.galaxy_repository.v1 import (
    BrowseChildrenReply,
    BrowseChildrenRequest,
    DiscoverHierarchyReply,
    DiscoverHierarchyRequest,
    GalaxyRepositoryBase,
    GetLastDeployTimeReply,
    GetLastDeployTimeRequest,
    TestConnectionReply,
    TestConnectionRequest,
    WatchDeployEventsRequest,
)
from mxgateway.simulator.galaxy.repository import GalaxyRepository
from mxgateway.simulator.gateway import Gateway
from mxgateway.simulator.keys import ApiKey, KeyRing
from mxgateway.simulator.rpc import AnyStream, Service

__all__ = ["GalaxyMethods", "galaxy_service"]

_SCOPE = "metadata:read"


def galaxy_service(gateway: Gateway, keys: KeyRing, repository: GalaxyRepository) -> Service:
    """Return the service for a gateway and its galaxy."""
    methods = GalaxyMethods(keys, repository)
    return Service(
        GalaxyRepositoryBase,
        {
            "TestConnection": methods.test_connection,
            "GetLastDeployTime": methods.get_last_deploy_time,
            "DiscoverHierarchy": methods.discover_hierarchy,
            "BrowseChildren": methods.browse_children,
            "WatchDeployEvents": methods.watch_deploy_events,
        },
        keys=keys,
        audit=gateway.audit,
        max_message_bytes=gateway.settings.max_message_bytes,
    )


class GalaxyMethods:
    """What serves each RPC of the service."""

    def __init__(self, keys: KeyRing, repository: GalaxyRepository) -> None:
        self._keys = keys
        self._repository = repository

    async def test_connection(
        self,
        stream: AnyStream,  # noqa: ARG002
        key: ApiKey,
        request: TestConnectionRequest,  # noqa: ARG002
    ) -> TestConnectionReply:
        """Say whether the repository answers; a failure is no error of the call."""
        self._keys.require(key, _SCOPE)
        return TestConnectionReply(ok=self._repository.connection_ok)

    async def get_last_deploy_time(
        self, _stream: AnyStream, key: ApiKey, _request: GetLastDeployTimeRequest
    ) -> GetLastDeployTimeReply:
        """Tell when the galaxy was deployed last."""
        self._keys.require(key, _SCOPE)
        time = self._repository.deploy_time
        return GetLastDeployTimeReply(present=time is not None, time_of_last_deploy=time)

    async def discover_hierarchy(
        self, _stream: AnyStream, key: ApiKey, request: DiscoverHierarchyRequest
    ) -> DiscoverHierarchyReply:
        """Return one page of a hierarchy."""
        self._keys.require(key, _SCOPE)
        return self._repository.listings(key.browse_subtrees).discover(request)

    async def browse_children(
        self, _stream: AnyStream, key: ApiKey, request: BrowseChildrenRequest
    ) -> BrowseChildrenReply:
        """Return one page of the children of an object."""
        self._keys.require(key, _SCOPE)
        return self._repository.listings(key.browse_subtrees).browse(request)

    async def watch_deploy_events(
        self, stream: AnyStream, key: ApiKey, request: WatchDeployEventsRequest
    ) -> None:
        """Send the current state and every deploy from now on, until the client leaves."""
        self._keys.require(key, _SCOPE)
        watcher = self._repository.subscribe(request.last_seen_deploy_time)
        try:
            await stream.send_initial_metadata()
            while True:
                await stream.send_message(await watcher.next())
        finally:
            self._repository.unsubscribe(watcher)
