"""GatewayClient without await."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from mxgateway.client import GatewayClient as AsyncGatewayClient
from mxgateway.events.bounded import Overflow
from mxgateway.galaxy import GalaxyRepositoryClient as AsyncGalaxyRepositoryClient
from mxgateway.generated.mxaccess_gateway.v1 import (
    ActiveAlarmSnapshot,
    AlarmFeedMessage,
    MxEvent,
)
from mxgateway.sync.blocking import blocking, streaming
from mxgateway.sync.connecting import ConnectedClient
from mxgateway.sync.galaxy import GalaxyRepositoryClient
from mxgateway.sync.session import Session
from mxgateway.sync.streams import AlarmFollower, MessageStream
from mxgateway.sync.tags import TagSubscription

__all__ = ["GatewayClient"]


class GatewayClient(ConnectedClient[AsyncGatewayClient]):
    """A client of one gateway, see `mxgateway.GatewayClient`: the same methods without await.

    For scripts and notebooks. It runs in a thread of its own, and may be used from
    several threads at once::

        with GatewayClient.connect(endpoint="plant:5000", plaintext=True) as client:
            print(client.read("Pump_001.Speed"))

    Inside an event loop use the async client: a call from there raises
    ConfigurationError.
    """

    _kind = AsyncGatewayClient

    def open_session(
        self,
        client_session_name: str = "",
        *,
        requested_backend: str = "",
        command_timeout: float | dt.timedelta | None = None,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> Session:
        """Open a session, as `mxgateway.GatewayClient.open_session`."""
        session = self._portal.run(
            self._async.open_session,
            client_session_name,
            requested_backend=requested_backend,
            command_timeout=command_timeout,
            timeout=timeout,
            correlation_id=correlation_id,
        )
        return Session(self._portal, session)

    def session(self, session_id: str) -> Session:
        """Return a session that is open already, by its id. Nothing is sent."""

        async def make() -> Session:
            return Session(self._portal, self._async.session(session_id))

        return self._portal.run(make)

    def galaxy(self) -> GalaxyRepositoryClient:
        """Return a galaxy client that shares this connection, as `GalaxyRepositoryClient.on`."""
        galaxy = GalaxyRepositoryClient(self._portal, AsyncGalaxyRepositoryClient.on(self._async))
        galaxy._owns_portal = False
        return galaxy

    def subscribe(
        self,
        tags: Iterable[str] | str = (),
        *,
        max_events: int = 10_000,
        max_bytes: int = 16 << 20,
        overflow: Overflow = "error",
    ) -> TagSubscription:
        """Return the values of tags as they change, as `mxgateway.GatewayClient.subscribe`."""

        async def make() -> TagSubscription:
            subscription = self._async.subscribe(
                tags, max_events=max_events, max_bytes=max_bytes, overflow=overflow
            )
            return TagSubscription(self._portal, subscription)

        return self._portal.run(make)

    open_session_raw = blocking(AsyncGatewayClient.open_session_raw)
    close_session_raw = blocking(AsyncGatewayClient.close_session_raw)
    invoke = blocking(AsyncGatewayClient.invoke)
    invoke_raw = blocking(AsyncGatewayClient.invoke_raw)
    stream_events_raw = streaming(MessageStream[MxEvent], AsyncGatewayClient.stream_events_raw)

    query_active_alarms = streaming(
        MessageStream[ActiveAlarmSnapshot], AsyncGatewayClient.query_active_alarms
    )
    stream_alarms = streaming(MessageStream[AlarmFeedMessage], AsyncGatewayClient.stream_alarms)
    follow_alarms = streaming(AlarmFollower, AsyncGatewayClient.follow_alarms)
    acknowledge_alarm = blocking(AsyncGatewayClient.acknowledge_alarm)
    acknowledge_alarm_raw = blocking(AsyncGatewayClient.acknowledge_alarm_raw)

    read = blocking(AsyncGatewayClient.read)
    write = blocking(AsyncGatewayClient.write)
    write_many = blocking(AsyncGatewayClient.write_many)
