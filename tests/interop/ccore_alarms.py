"""The alarm monitor of the grpcio gateway, and its three RPCs (gateway semantics, section 9).

It begins with three alarms that stay as they are until someone acknowledges them; one of
them has no times and one a time long before 1970. A tag of the plant adds another.
"""

from __future__ import annotations

import re
import uuid
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import grpc
from google_messages import load_google_modules
from interop.observed import Observed
from interop.plant_rows import ALARM_TAG, AREA
from interop.plant_sessions import SOURCE_NANOS, SOURCE_SECONDS, Tag
from interop.scripted_plant import Plant
from interop.statuses import E_INVALIDARG

if TYPE_CHECKING:
    from interop.ccore_gateway import CCoreGateway

__all__ = ["COMMENT", "TEST_ALARM", "AlarmMonitor", "AlarmRpcs", "guid_of", "standing_alarms"]

COMMENT = "[any] 100 % “Füllstand”"
"""The comment that every standing alarm bears; not ASCII on purpose."""
TEST_ALARM = f"Galaxy!Reaction.{ALARM_TAG}"
"""The alarm that a tag makes."""

_REFERENCE = re.compile(r"[^!]+![^.]+\..+")
_GUID = re.compile(r"\{?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?", re.IGNORECASE)
_NAMESPACE = uuid.UUID("6d4a1c52-0a51-4a8c-9b1e-3f0c5a7d9b21")


def standing_alarms() -> list[Any]:
    """Return the alarms that are active at the start."""
    pb = load_google_modules().gateway_pb2
    alarms = [
        pb.ActiveAlarmSnapshot(
            alarm_full_reference=f"Galaxy!{AREA}.Pump_{number:03}.Hi",
            source_object_reference=f"Pump_{number:03}",
            alarm_type_name="AnalogLimit.Hi",
            severity=severity,
            current_state=pb.ALARM_CONDITION_STATE_ACTIVE,
            category="Process",
            operator_comment=COMMENT,
            current_value=pb.MxValue(double_value=81.5),
            limit_value=pb.MxValue(double_value=80.0),
            source_provider=pb.ALARM_PROVIDER_MODE_ALARMMGR,
        )
        for number, severity in ((1, 500), (2, 0), (3, 999))
    ]
    alarms[0].original_raise_timestamp.seconds = SOURCE_SECONDS
    alarms[0].original_raise_timestamp.nanos = SOURCE_NANOS
    alarms[2].original_raise_timestamp.seconds = -11_644_473_600  # 1601, where FILETIME begins
    return alarms


def guid_of(reference: str) -> str:
    """Return the GUID of an alarm."""
    return str(uuid.uuid5(_NAMESPACE, reference))


class AlarmMonitor:
    """Keeps the active alarms. Thread-safe by the plant's lock.

    Attributes:
        enabled: Whether the monitor runs at all.
        tells_provider: Whether the feed has provider_status messages, as newer gateways have.
        can_acknowledge: Whether acknowledging works; it may not in the subtag mode.
        degraded: Whether the alarms are made up from tags.
    """

    def __init__(self, plant: Plant) -> None:
        self.enabled = True
        self.tells_provider = True
        self.can_acknowledge = True
        self.degraded = False
        self._plant = plant
        self._pb = load_google_modules().gateway_pb2
        self._reason = ""
        self._moment = SOURCE_SECONDS
        self._active = {alarm.alarm_full_reference: alarm for alarm in standing_alarms()}
        self._unseen: set[str] = set()  # cleared before anybody acknowledged them
        self._feeds: list[tuple[str, deque[Any]]] = []
        plant.on_value = self._tag_changed

    def active(self, prefix: str = "") -> list[Any]:
        """Return the active alarms whose reference begins with `prefix`."""
        with self._plant.changed:
            found = [a for r, a in sorted(self._active.items()) if r.startswith(prefix)]
            return [self._marked(alarm) for alarm in found]

    def raise_(self, reference: str, severity: int = 500) -> None:
        """Let an alarm come; one that nobody acknowledged the last time comes again."""
        with self._plant.changed:
            again = reference in self._unseen
            self._unseen.discard(reference)
            alarm = self._pb.ActiveAlarmSnapshot(
                alarm_full_reference=reference,
                source_object_reference=reference.partition("!")[2].split(".")[1],
                alarm_type_name="Discrete",
                severity=severity,
                current_state=self._pb.ALARM_CONDITION_STATE_ACTIVE,
            )
            self._stamp(alarm.original_raise_timestamp)
            self._active[reference] = alarm
            self._tell(alarm, "RETRIGGER" if again else "RAISE")

    def clear(self, reference: str) -> None:
        """Let an alarm go."""
        with self._plant.changed:
            alarm = self._active.pop(reference, None)
            if alarm is None:
                return
            if alarm.current_state == self._pb.ALARM_CONDITION_STATE_ACTIVE:
                self._unseen.add(reference)
            self._tell(alarm, "CLEAR")

    def acknowledge(self, reference: str, comment: str, user: str) -> int:
        """Acknowledge an alarm by reference or GUID; return the HRESULT."""
        with self._plant.changed:
            named = {guid_of(r): r for r in self._active}
            alarm = self._active.get(named.get(reference.strip("{}").lower(), reference))
            if alarm is None:
                return E_INVALIDARG
            alarm.current_state = self._pb.ALARM_CONDITION_STATE_ACTIVE_ACKED
            alarm.operator_comment, alarm.operator_user = comment, user
            self._tell(alarm, "ACKNOWLEDGE")
            return 0

    def failover(self, reason: str, *, can_acknowledge: bool = True) -> None:
        """Change over to the tags."""
        self._change_over(reason, degraded=True, can_acknowledge=can_acknowledge)

    def failback(self) -> None:
        """Change back to the alarm manager."""
        self._change_over("", degraded=False, can_acknowledge=True)

    def _change_over(self, reason: str, *, degraded: bool, can_acknowledge: bool) -> None:
        with self._plant.changed:
            self.degraded, self._reason = degraded, reason
            self.can_acknowledge = can_acknowledge
            if self.tells_provider:
                for _, queue in self._feeds:
                    queue.append(self._provider())
            event = self._pb.OnAlarmProviderModeChangedEvent(mode=self._mode, reason=reason)
            self._stamp(event.at)
            self._tell_sessions("on_alarm_provider_mode_changed", event)
            self._plant.changed.notify_all()

    def follow(self, prefix: str, observed: Observed) -> Iterator[Any]:
        """Yield the alarms, the end of the snapshot, the provider, then what happens."""
        queue: deque[Any] = deque()
        with self._plant.changed:
            for alarm in self.active(prefix):
                queue.append(self._pb.AlarmFeedMessage(active_alarm=alarm))
            queue.append(self._pb.AlarmFeedMessage(snapshot_complete=True))
            if self.tells_provider:
                queue.append(self._provider())
            feed = (prefix, queue)
            self._feeds.append(feed)
        try:
            while True:
                with self._plant.changed:
                    self._plant.changed.wait_for(lambda: queue or observed.ended.is_set())
                if observed.ended.is_set():
                    return
                yield queue.popleft()
        finally:
            with self._plant.changed:
                self._feeds.remove(feed)

    @property
    def _mode(self) -> Any:
        pb = self._pb
        return pb.ALARM_PROVIDER_MODE_SUBTAG if self.degraded else pb.ALARM_PROVIDER_MODE_ALARMMGR

    def _provider(self) -> Any:
        message = self._pb.AlarmFeedMessage()
        status = message.provider_status
        status.mode, status.degraded, status.reason = self._mode, self.degraded, self._reason
        self._stamp(status.since)
        return message

    def _marked(self, alarm: Any) -> Any:
        copy = type(alarm)()
        copy.CopyFrom(alarm)
        copy.degraded, copy.source_provider = self.degraded, self._mode
        return copy

    def _tell(self, alarm: Any, kind: str) -> None:
        event = self._pb.OnAlarmTransitionEvent(
            alarm_full_reference=alarm.alarm_full_reference,
            source_object_reference=alarm.source_object_reference,
            alarm_type_name=alarm.alarm_type_name,
            transition_kind=f"ALARM_TRANSITION_KIND_{kind}",
            severity=alarm.severity,
            operator_user=alarm.operator_user,
            operator_comment=alarm.operator_comment,
            category=alarm.category,
            degraded=self.degraded,
            source_provider=self._mode,
        )
        if alarm.HasField("original_raise_timestamp"):
            event.original_raise_timestamp.CopyFrom(alarm.original_raise_timestamp)
        self._stamp(event.transition_timestamp)
        alarm.last_transition_timestamp.CopyFrom(event.transition_timestamp)
        for prefix, queue in self._feeds:
            if alarm.alarm_full_reference.startswith(prefix):
                queue.append(self._pb.AlarmFeedMessage(transition=event))
        self._tell_sessions("on_alarm_transition", event)
        self._plant.changed.notify_all()

    def _tell_sessions(self, member: str, event: Any) -> None:
        for session in self._plant.sessions.values():
            if session.alarms:
                session.alarm(member, event)

    def _tag_changed(self, tag: Tag) -> None:
        if tag.reference == ALARM_TAG:
            (self.raise_ if tag.value else self.clear)(TEST_ALARM)

    def _stamp(self, moment: Any) -> None:
        self._moment += 1
        moment.seconds, moment.nanos = self._moment, SOURCE_NANOS


class AlarmRpcs:
    """The three alarm RPCs. Mixed into the servicer that grpcio's generator made."""

    gateway: CCoreGateway

    def AcknowledgeAlarm(self, request: Any, context: Any) -> Any:  # noqa: N802 - name of the RPC
        pb = load_google_modules().gateway_pb2
        with Observed(self.gateway.journal, "AcknowledgeAlarm", context) as observed:
            observed.require("invoke:write")
            self._require_monitor(context)
            reference = request.alarm_full_reference
            if not (_REFERENCE.fullmatch(reference) or _GUID.fullmatch(reference)):
                context.abort(
                    grpc.StatusCode.INVALID_ARGUMENT, f"no alarm reference: {reference!r}"
                )
            alarms = self.gateway.alarms
            if not alarms.can_acknowledge:
                context.abort(
                    grpc.StatusCode.FAILED_PRECONDITION,
                    "the alarm manager is away, and its tags take no acknowledgement",
                )
            hresult = alarms.acknowledge(reference, request.comment, request.operator_user)
            return pb.AcknowledgeAlarmReply(
                correlation_id=request.client_correlation_id,
                protocol_status=pb.ProtocolStatus(code=pb.PROTOCOL_STATUS_CODE_OK),
                hresult=hresult,
                diagnostic_message=f"there is no alarm {reference}" if hresult else "",
            )

    def QueryActiveAlarms(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        with Observed(self.gateway.journal, "QueryActiveAlarms", context) as observed:
            observed.require("events:read")
            self._require_monitor(context)
            yield from self.gateway.alarms.active(request.alarm_filter_prefix)

    def StreamAlarms(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        with Observed(self.gateway.journal, "StreamAlarms", context) as observed:
            observed.require("events:read")
            self._require_monitor(context)
            yield from self.gateway.alarms.follow(request.alarm_filter_prefix, observed)

    def _require_monitor(self, context: Any) -> None:
        if not self.gateway.alarms.enabled:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the alarm monitor is not enabled")
