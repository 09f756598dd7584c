"""Alarms as the gateway sends them, native or made up from tags.

What the subtag fallback leaves out: MXAccess reference, section 9.
"""

from __future__ import annotations

from datetime import datetime

from mxgateway.generated.mxaccess_gateway.v1 import (
    ActiveAlarmSnapshot,
    AlarmConditionState,
    AlarmProviderMode,
    AlarmTransitionKind,
    MxDataType,
    MxValue,
    OnAlarmTransitionEvent,
)
from mxgateway.simulator.alarms.points import AlarmPoint
from mxgateway.simulator.variant import to_message, type_info

__all__ = ["snapshot_message", "transition_message"]


def snapshot_message(point: AlarmPoint, *, degraded: bool) -> ActiveAlarmSnapshot:
    """Return what a snapshot says of an active alarm."""
    acked = AlarmConditionState.ACTIVE_ACKED if point.acked else AlarmConditionState.ACTIVE
    if degraded:
        return ActiveAlarmSnapshot(
            alarm_full_reference=point.reference,
            source_object_reference=point.spec.source,
            severity=point.spec.severity,
            original_raise_timestamp=point.seen,
            current_state=acked,
            last_transition_timestamp=_later(point.seen, point.changed),
            degraded=True,
            source_provider=AlarmProviderMode.SUBTAG,
        )
    return ActiveAlarmSnapshot(
        alarm_full_reference=point.reference,
        source_object_reference=point.spec.source,
        alarm_type_name=point.spec.type_name,
        severity=point.spec.severity,
        original_raise_timestamp=point.raised,
        current_state=acked,
        category=point.spec.category,
        description=point.spec.description,
        last_transition_timestamp=point.changed,
        operator_user=point.operator,
        operator_comment=point.comment,
        current_value=point.value,
        limit_value=_limit(point),
        source_provider=AlarmProviderMode.ALARMMGR,
    )


def transition_message(
    point: AlarmPoint, kind: AlarmTransitionKind, *, degraded: bool
) -> OnAlarmTransitionEvent:
    """Return what a transition that has just happened to an alarm says."""
    if degraded:
        if kind == AlarmTransitionKind.RETRIGGER:
            kind = AlarmTransitionKind.RAISE  # the fallback remembers nothing that has cleared
        return OnAlarmTransitionEvent(
            alarm_full_reference=point.reference,
            source_object_reference=point.spec.source,
            transition_kind=kind,
            severity=point.spec.severity,
            original_raise_timestamp=point.seen,
            transition_timestamp=_later(point.seen, point.changed),
            degraded=True,
            source_provider=AlarmProviderMode.SUBTAG,
        )
    return OnAlarmTransitionEvent(
        alarm_full_reference=point.reference,
        source_object_reference=point.spec.source,
        alarm_type_name=point.spec.type_name,
        transition_kind=kind,
        severity=point.spec.severity,
        original_raise_timestamp=point.raised,
        transition_timestamp=point.changed,
        operator_user=point.operator,
        operator_comment=point.comment,
        category=point.spec.category,
        description=point.spec.description,
        current_value=point.value,
        limit_value=_limit(point),
        source_provider=AlarmProviderMode.ALARMMGR,
    )


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((time for time in (one, other) if time is not None), default=None)


def _limit(point: AlarmPoint) -> MxValue | None:
    limit = point.spec.limit
    if limit is None:
        return None
    data_type = MxDataType.DOUBLE if point.value is None else MxDataType(point.value.data_type)
    if data_type == MxDataType.INTEGER and not limit.is_integer():
        data_type = MxDataType.DOUBLE
    info = type_info(data_type)
    return to_message(info, info.convert(limit))
