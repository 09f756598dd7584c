"""The alarm RPCs of the MxAccessGateway service (gateway semantics, section 9)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.generated.mxaccess_gateway.v1 import (
    AcknowledgeAlarmReply,
    AcknowledgeAlarmRequest,
    ProtocolStatus,
    ProtocolStatusCode,
    QueryActiveAlarmsRequest,
    StreamAlarmsRequest,
)
from mxgateway.simulator.alarms.feed import FeedSubscriber
from mxgateway.simulator.alarms.monitor import AlarmMonitor
from mxgateway.simulator.alarms.points import ELEMENT_NOT_FOUND, UnknownAlarmError
from mxgateway.simulator.gateway import Gateway
from mxgateway.simulator.keys import ApiKey, KeyRing
from mxgateway.simulator.rpc import AnyStream, Method
from mxgateway.simulator.sending import has_left, room_for

__all__ = ["AlarmRpcs", "alarm_methods"]

_REFERENCE = re.compile(r"[^!\\]+![^.\\]+\..+", re.DOTALL)
_GUID = re.compile(r"\{?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?|[0-9a-f]{32}", re.IGNORECASE)
_PREFIX = 5  # what gRPC puts before each message


def alarm_methods(gateway: Gateway, keys: KeyRing) -> Mapping[str, Method]:
    """Return what serves the alarm RPCs, by their names in the contract."""
    rpcs = AlarmRpcs(gateway, keys)
    return {
        "AcknowledgeAlarm": rpcs.acknowledge_alarm,
        "QueryActiveAlarms": rpcs.query_active_alarms,
        "StreamAlarms": rpcs.stream_alarms,
    }


class AlarmRpcs:
    """What serves each RPC. None of them belongs to a session."""

    def __init__(self, gateway: Gateway, keys: KeyRing) -> None:
        self._gateway = gateway
        self._keys = keys

    def _monitor(self) -> AlarmMonitor:
        monitor = self._gateway.alarms
        if monitor is None:
            raise GRPCError(
                Status.FAILED_PRECONDITION, "the gateway's alarm monitor is not enabled"
            )
        return monitor

    async def acknowledge_alarm(
        self, _stream: AnyStream, key: ApiKey, request: AcknowledgeAlarmRequest
    ) -> AcknowledgeAlarmReply:
        """Acknowledge; an alarm that is not there is a failing HRESULT, or an error in subtag mode.

        `status` stays empty, as the gateway does not fill it in.
        """
        self._keys.require(key, "invoke:write")
        monitor = self._monitor()
        reference = request.alarm_full_reference
        if not (_REFERENCE.fullmatch(reference) or _GUID.fullmatch(reference)):
            raise GRPCError(
                Status.INVALID_ARGUMENT,
                f"alarm reference {reference!r}: give Provider!Group.Tag or the GUID of an alarm",
            )
        hresult, text = 0, ""
        try:
            monitor.engine.acknowledge(reference, request.comment, request.operator_user)
        except UnknownAlarmError as unknown:
            if monitor.engine.degraded:
                raise GRPCError(
                    Status.FAILED_PRECONDITION, f"{unknown}; the provider is in subtag mode"
                ) from None
            hresult, text = ELEMENT_NOT_FOUND, str(unknown)
        self._gateway.audit.changed()
        return AcknowledgeAlarmReply(
            correlation_id=request.client_correlation_id or self._gateway.ids(),
            protocol_status=ProtocolStatus(code=ProtocolStatusCode.OK, message="OK"),
            hresult=hresult,
            diagnostic_message=text,
        )

    async def query_active_alarms(
        self, stream: AnyStream, key: ApiKey, request: QueryActiveAlarmsRequest
    ) -> None:
        """Send what is active; the session id is accepted and ignored."""
        self._keys.require(key, "events:read")
        snapshots = self._monitor().engine.snapshots(request.alarm_filter_prefix)
        await stream.send_initial_metadata()
        for snapshot in snapshots:
            await stream.send_message(snapshot)

    async def stream_alarms(
        self, stream: AnyStream, key: ApiKey, request: StreamAlarmsRequest
    ) -> None:
        """Send what is active, and what happens from now on, until the client leaves."""
        self._keys.require(key, "events:read")
        monitor = self._monitor()
        subscriber = monitor.attach(request.alarm_filter_prefix)
        try:
            await stream.send_initial_metadata()
            await self._pump(stream, subscriber)
        except asyncio.CancelledError:
            if subscriber.error is None or has_left(stream._stream):
                raise
            # The stream had to end while this task waited for the client to read.
            task = asyncio.current_task()
            assert task is not None
            task.uncancel()
            raise subscriber.error from None
        finally:
            monitor.detach(subscriber)

    async def _pump(self, stream: AnyStream, subscriber: FeedSubscriber) -> None:
        while True:
            message, size = await subscriber.next()
            # So that an end that comes meanwhile does not cut the message.
            await room_for(stream._stream, size + _PREFIX)
            await stream.send_message(message)
