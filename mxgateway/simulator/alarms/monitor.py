"""AlarmMonitor: what the gateway has of the alarms, for its streams and for sessions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mxgateway.codec import encode
from mxgateway.generated.mxaccess_gateway.v1 import (
    ActiveAlarmSnapshot,
    AlarmFeedMessage,
    AlarmProviderMode,
    AlarmTransitionKind,
    MxEvent,
    MxEventFamily,
    OnAlarmProviderModeChangedEvent,
    OnAlarmTransitionEvent,
    SubscribeAlarmsCommand,
)
from mxgateway.simulator.alarms.areas import Areas
from mxgateway.simulator.alarms.engine import AlarmEngine
from mxgateway.simulator.alarms.feed import FeedSubscriber, shutting_down
from mxgateway.simulator.alarms.messages import snapshot_message, transition_message
from mxgateway.simulator.alarms.points import AlarmPoint
from mxgateway.simulator.alarms.provider import FORCED
from mxgateway.simulator.alarms.queries import AlarmQuery
from mxgateway.simulator.clock import Clock

if TYPE_CHECKING:
    from mxgateway.simulator.sessions import Session

__all__ = ["AlarmMonitor"]

_Kind = AlarmTransitionKind


@dataclass(frozen=True, slots=True)
class _Subscription:
    """What a session has asked its worker for."""

    query: AlarmQuery
    forced: bool


class AlarmMonitor:
    """One engine; its alarm streams, and the sessions that subscribed.

    Args:
        engine: The alarms.
        areas: The areas of the galaxy.
        clock: Where times come from.
        limit: Messages that may wait for one stream besides its snapshot.
        tells_provider: Whether streams carry the provider's status; older gateways do not.
        on_change: Called when streams come or go, and with every transition.
    """

    def __init__(
        self,
        engine: AlarmEngine,
        areas: Areas,
        *,
        clock: Clock,
        limit: int,
        tells_provider: bool,
        on_change: Callable[[], None],
    ) -> None:
        self.engine = engine
        self._areas = areas
        self._clock = clock
        self._limit = limit
        self._tells_provider = tells_provider
        self._on_change = on_change
        self._streams: list[FeedSubscriber] = []
        self._sessions: dict[Session, _Subscription] = {}
        engine.on_transition = self._transition
        engine.on_mode = self._mode_changed

    # -- alarm streams -----------------------------------------------------------

    @property
    def streams(self) -> int:
        """Alarm streams that are open now."""
        return len(self._streams)

    def attach(self, prefix: str) -> FeedSubscriber:
        """Add the current task's stream; it begins with a snapshot (gateway semantics, 9)."""
        first = [AlarmFeedMessage(active_alarm=each) for each in self.engine.snapshots(prefix)]
        first.append(AlarmFeedMessage(snapshot_complete=True))
        if self._tells_provider:
            first.append(AlarmFeedMessage(provider_status=self.engine.provider.status()))
        stream = FeedSubscriber(prefix, first, self._limit)
        self._streams.append(stream)
        self._on_change()
        return stream

    def detach(self, stream: FeedSubscriber) -> None:
        """Let a stream go."""
        self._streams.remove(stream)
        self._on_change()

    def _transition(self, point: AlarmPoint, kind: AlarmTransitionKind) -> None:
        body = transition_message(point, kind, degraded=self.engine.degraded)
        self._send(AlarmFeedMessage(transition=body), point.reference)
        for session, subscription in self._subscribed():
            if subscription.query.wants(point, self._areas.covers):
                self._publish_transition(session, subscription, point, kind)
        self._on_change()

    def _mode_changed(self) -> None:
        if self._tells_provider:
            self._send(AlarmFeedMessage(provider_status=self.engine.provider.status()))
        for session, subscription in self._subscribed():
            if not subscription.forced:
                provider = self.engine.provider
                self._publish_mode(session, provider.mode, provider.reason)
        self._on_change()

    def _send(self, message: AlarmFeedMessage, reference: str | None = None) -> None:
        size = len(encode(message))
        for stream in self._streams:
            if reference is None or reference.startswith(stream.prefix):
                stream.put(message, size)

    def shut_down(self) -> None:
        """End every stream with UNAVAILABLE."""
        for stream in self._streams:
            stream.end(shutting_down())
        self._sessions.clear()

    # -- sessions ----------------------------------------------------------------

    def subscribe(self, session: Session, command: SubscribeAlarmsCommand) -> None:
        """Let a session have alarm events; a second subscription replaces the first.

        Its worker finds the active alarms first: there is one event for each, raise or
        acknowledge, as it stands.

        Raises:
            ValueError: The subscription expression cannot be read.
        """
        query = AlarmQuery.parse(command.subscription_expression)
        forced = command.forced_mode == AlarmProviderMode.SUBTAG
        subscription = self._sessions[session] = _Subscription(query, forced)
        if forced:
            self._publish_mode(session, AlarmProviderMode.SUBTAG, FORCED)
        for point in self.engine.active:
            if query.wants(point, self._areas.covers):
                kind = _Kind.ACKNOWLEDGE if point.acked else _Kind.RAISE
                self._publish_transition(session, subscription, point, kind)

    def unsubscribe(self, session: Session) -> None:
        """End a session's alarm events; nothing happens where there are none."""
        self._sessions.pop(session, None)

    def active_alarms(self, session: Session, prefix: str) -> list[ActiveAlarmSnapshot]:
        """Return what a session's worker says is active.

        Raises:
            ValueError: The session has not subscribed, so its worker knows of none.
        """
        subscription = self._sessions.get(session)
        if subscription is None:
            raise ValueError("the session has no alarm subscription; send SubscribeAlarms first")
        return [
            snapshot_message(point, degraded=self.engine.degraded or subscription.forced)
            for point in self.engine.active
            if point.reference.startswith(prefix)
            and subscription.query.wants(point, self._areas.covers)
        ]

    def _subscribed(self) -> list[tuple[Session, _Subscription]]:
        for session in [each for each in self._sessions if each.events.ended]:
            del self._sessions[session]
        return list(self._sessions.items())

    def _publish_transition(
        self,
        session: Session,
        subscription: _Subscription,
        point: AlarmPoint,
        kind: AlarmTransitionKind,
    ) -> None:
        degraded = self.engine.degraded or subscription.forced
        self._publish(session, transition_message(point, kind, degraded=degraded))

    def _publish_mode(self, session: Session, mode: AlarmProviderMode, reason: str) -> None:
        body = OnAlarmProviderModeChangedEvent(mode=mode, reason=reason, at=self._clock())
        self._publish(session, body)

    def _publish(
        self, session: Session, body: OnAlarmTransitionEvent | OnAlarmProviderModeChangedEvent
    ) -> None:
        now = self._clock()
        event = MxEvent(worker_timestamp=now, gateway_receive_timestamp=now)
        if isinstance(body, OnAlarmTransitionEvent):
            family = MxEventFamily.ON_ALARM_TRANSITION
            event.on_alarm_transition = body
        else:
            family = MxEventFamily.ON_ALARM_PROVIDER_MODE_CHANGED
            event.on_alarm_provider_mode_changed = body
        prefix = encode(MxEvent(family=family, session_id=session.id))
        session.publish(prefix, b"", encode(event), now)
