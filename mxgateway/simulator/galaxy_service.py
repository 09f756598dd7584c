"""The GalaxyRepository service, as far as the simulator serves it."""

from __future__ import annotations

from mxgateway.generated.galaxy_repository.v1 import (
    GalaxyRepositoryBase,
    TestConnectionReply,
    TestConnectionRequest,
)
from mxgateway.simulator.gateway import Gateway
from mxgateway.simulator.keys import ApiKey, KeyRing
from mxgateway.simulator.rpc import AnyStream, Service

__all__ = ["GalaxyMethods", "galaxy_service"]


def galaxy_service(gateway: Gateway, keys: KeyRing) -> Service:
    """Return the service for a gateway."""
    methods = GalaxyMethods(keys)
    return Service(
        GalaxyRepositoryBase,
        {"TestConnection": methods.test_connection},
        keys=keys,
        audit=gateway.audit,
        max_message_bytes=gateway.settings.max_message_bytes,
    )


class GalaxyMethods:
    """What serves each RPC of the service."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    async def test_connection(
        self,
        stream: AnyStream,  # noqa: ARG002
        key: ApiKey,
        request: TestConnectionRequest,  # noqa: ARG002
    ) -> TestConnectionReply:
        """Say that the repository answers; the plant is in memory."""
        self._keys.require(key, "metadata:read")
        return TestConnectionReply(ok=True)
