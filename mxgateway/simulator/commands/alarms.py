"""The alarm commands of a worker; the alarms themselves are those of the gateway's monitor."""

from __future__ import annotations

from typing import Any

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.generated.mxaccess_gateway.v1 import (
    AcknowledgeAlarmReplyPayload,
    MxCommandReply,
    QueryActiveAlarmsReplyPayload,
)
from mxgateway.simulator.alarms.monitor import AlarmMonitor
from mxgateway.simulator.alarms.points import ELEMENT_NOT_FOUND, UnknownAlarmError
from mxgateway.simulator.call import Call
from mxgateway.simulator.replies import MxAccessFailure, ok

__all__ = [
    "acknowledge_alarm",
    "acknowledge_alarm_by_name",
    "query_active_alarms",
    "subscribe_alarms",
    "unsubscribe_alarms",
]


def _monitor(call: Call) -> AlarmMonitor:
    monitor = call.gateway.alarms
    if monitor is None:
        raise GRPCError(Status.FAILED_PRECONDITION, "the gateway's alarm monitor is not enabled")
    return monitor


def subscribe_alarms(call: Call, command: Any) -> MxCommandReply:
    """Let the session have alarm events."""
    try:
        _monitor(call).subscribe(call.session, command)
    except ValueError as error:
        raise MxAccessFailure(str(error)) from error
    return ok()


def unsubscribe_alarms(call: Call, _command: Any) -> MxCommandReply:
    """End the session's alarm events."""
    _monitor(call).unsubscribe(call.session)
    return ok()


def query_active_alarms(call: Call, command: Any) -> MxCommandReply:
    """Tell what is active among what the session subscribed to."""
    try:
        snapshots = _monitor(call).active_alarms(call.session, command.alarm_filter_prefix)
    except ValueError as error:
        raise MxAccessFailure(str(error)) from error
    return ok(query_active_alarms=QueryActiveAlarmsReplyPayload(snapshots=snapshots))


def acknowledge_alarm(call: Call, command: Any) -> MxCommandReply:
    """Acknowledge by GUID."""
    return _acknowledge(call, command.alarm_guid, command)


def acknowledge_alarm_by_name(call: Call, command: Any) -> MxCommandReply:
    """Acknowledge by provider, group and name."""
    reference = f"{command.provider_name}!{command.group_name}.{command.alarm_name}"
    return _acknowledge(call, reference, command)


def _acknowledge(call: Call, reference: str, command: Any) -> MxCommandReply:
    try:
        _monitor(call).engine.acknowledge(reference, command.comment, command.operator_user)
    except UnknownAlarmError as error:
        raise MxAccessFailure(str(error), ELEMENT_NOT_FOUND) from error
    return ok(acknowledge_alarm=AcknowledgeAlarmReplyPayload())
