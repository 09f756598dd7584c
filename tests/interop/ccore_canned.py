"""Alarms and Galaxy Repository of the grpcio gateway: fixed answers, made with Google's classes.

Tests compare what arrives with the same messages, printed by Google's JSON printer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import grpc
from google_messages import load_google_modules
from interop.observed import Observed

if TYPE_CHECKING:
    from interop.ccore_gateway import CCoreGateway

__all__ = [
    "AREA",
    "COMMENT",
    "PUMPS",
    "CannedAlarms",
    "CannedGalaxy",
    "active_alarms",
    "deploy_events",
    "galaxy_objects",
    "transition",
]

AREA = "Area_001"
PUMPS = 250
"""Pumps of the galaxy; more than fit on one page of `PAGE`."""
PAGE = 100
COMMENT = "[any] 100 % “Füllstand”"
"""The comment that every alarm bears; not ASCII on purpose."""
RAISED_SECONDS, RAISED_NANOS = 1_760_000_000, 123_456_700


def active_alarms(prefix: str = "") -> list[Any]:
    """Return the alarms that are active, one of them without times and one long before 1970."""
    pb = load_google_modules().gateway_pb2
    alarms = [
        pb.ActiveAlarmSnapshot(
            alarm_full_reference=f"Galaxy!{AREA}.Pump_{number:03}.Hi",
            source_object_reference=f"Pump_{number:03}",
            alarm_type_name="AnalogLimit.Hi",
            severity=severity,
            current_state=pb.ALARM_CONDITION_STATE_ACTIVE_ACKED,
            category="Process",
            operator_comment=COMMENT,
            current_value=pb.MxValue(double_value=81.5),
            limit_value=pb.MxValue(double_value=80.0),
            degraded=number == 2,
            source_provider=pb.ALARM_PROVIDER_MODE_ALARMMGR,
        )
        for number, severity in ((1, 500), (2, 0), (3, 999))
    ]
    alarms[0].original_raise_timestamp.seconds = RAISED_SECONDS
    alarms[0].original_raise_timestamp.nanos = RAISED_NANOS
    alarms[2].original_raise_timestamp.seconds = -11_644_473_600  # 1601, where FILETIME begins
    return [alarm for alarm in alarms if alarm.alarm_full_reference.startswith(prefix)]


def transition() -> Any:
    """Return the transition that the feed brings after its snapshot."""
    pb = load_google_modules().gateway_pb2
    message = pb.OnAlarmTransitionEvent(
        alarm_full_reference=f"Galaxy!{AREA}.Pump_001.Hi",
        transition_kind=pb.ALARM_TRANSITION_KIND_CLEAR,
        severity=500,
        operator_user="PLANT\\operator",
        source_provider=pb.ALARM_PROVIDER_MODE_ALARMMGR,
    )
    message.transition_timestamp.seconds = RAISED_SECONDS + 60
    return message


def galaxy_objects() -> list[Any]:
    """Return an area and its pumps, each pump with one array and one scalar attribute."""
    pb = load_google_modules().galaxy_pb2
    area = pb.GalaxyObject(gobject_id=1, tag_name=AREA, browse_name=AREA, is_area=True)
    pumps = [
        pb.GalaxyObject(
            gobject_id=number + 1,
            tag_name=f"Pump_{number:03}",
            contained_name="Pump",
            browse_name=f"Pump_{number:03}",
            parent_gobject_id=1,
            category_id=10,
            template_chain=["$Pump", "$UserDefined"],
            attributes=[
                pb.GalaxyAttribute(
                    attribute_name=name,
                    full_tag_reference=f"Pump_{number:03}.{name}",
                    mx_data_type=3,
                    data_type_name="Float",
                    is_array=array,
                    array_dimension=8 if array else 0,
                    array_dimension_present=array,
                    is_alarm=not array,
                )
                for name, array in (("Speed", False), ("Trend[]", True))
            ],
        )
        for number in range(1, PUMPS + 1)
    ]
    return [area, *pumps]


def deploy_events() -> list[Any]:
    """Return two deploys; the first came before anything had ever been deployed."""
    pb = load_google_modules().galaxy_pb2
    events = [
        pb.DeployEvent(sequence=1),
        pb.DeployEvent(
            sequence=2**64 - 1,
            time_of_last_deploy_present=True,
            object_count=PUMPS + 1,
            attribute_count=2 * PUMPS,
        ),
    ]
    events[1].time_of_last_deploy.seconds = RAISED_SECONDS
    events[1].time_of_last_deploy.nanos = RAISED_NANOS
    return events


class CannedAlarms:
    """The three alarm RPCs. Mixed into the servicer that grpcio's generator made."""

    _journal: Any

    def AcknowledgeAlarm(self, request: Any, context: Any) -> Any:  # noqa: N802 - name of the RPC
        pb = load_google_modules().gateway_pb2
        with Observed(self._journal, "AcknowledgeAlarm", context):
            known = [alarm.alarm_full_reference for alarm in active_alarms()]
            if request.alarm_full_reference not in known:
                context.abort(
                    grpc.StatusCode.INVALID_ARGUMENT, f"no alarm {request.alarm_full_reference!r}"
                )
            return pb.AcknowledgeAlarmReply(
                correlation_id=request.client_correlation_id,
                protocol_status=pb.ProtocolStatus(code=pb.PROTOCOL_STATUS_CODE_OK),
                hresult=0,
                diagnostic_message=f"{request.operator_user}: {request.comment}",
            )

    def QueryActiveAlarms(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        with Observed(self._journal, "QueryActiveAlarms", context):
            yield from active_alarms(request.alarm_filter_prefix)

    def StreamAlarms(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        pb = load_google_modules().gateway_pb2
        with Observed(self._journal, "StreamAlarms", context) as observed:
            for alarm in active_alarms(request.alarm_filter_prefix):
                yield pb.AlarmFeedMessage(active_alarm=alarm)
            yield pb.AlarmFeedMessage(snapshot_complete=True)
            yield pb.AlarmFeedMessage(transition=transition())
            observed.ended.wait()


class CannedGalaxy:
    """The five Galaxy RPCs. Mixed into the servicer that grpcio's generator made."""

    def __init__(self, gateway: CCoreGateway) -> None:
        self._journal = gateway.journal
        self._pb = load_google_modules().galaxy_pb2

    def TestConnection(self, request: Any, context: Any) -> Any:  # noqa: N802
        with Observed(self._journal, "TestConnection", context):
            return self._pb.TestConnectionReply(ok=True)

    def GetLastDeployTime(self, request: Any, context: Any) -> Any:  # noqa: N802
        with Observed(self._journal, "GetLastDeployTime", context):
            last = deploy_events()[-1]
            return self._pb.GetLastDeployTimeReply(
                present=True, time_of_last_deploy=last.time_of_last_deploy
            )

    def DiscoverHierarchy(self, request: Any, context: Any) -> Any:  # noqa: N802
        with Observed(self._journal, "DiscoverHierarchy", context):
            objects = galaxy_objects()
            start = int(request.page_token or 0)
            stop = start + min(request.page_size or PAGE, PAGE)
            return self._pb.DiscoverHierarchyReply(
                objects=objects[start:stop],
                next_page_token=str(stop) if stop < len(objects) else "",
                total_object_count=len(objects),
            )

    def BrowseChildren(self, request: Any, context: Any) -> Any:  # noqa: N802
        with Observed(self._journal, "BrowseChildren", context):
            parent = request.WhichOneof("parent")
            area, *pumps = galaxy_objects()
            if parent is None:
                children, inner = [area], [True]
            elif getattr(request, parent) in (area.gobject_id, AREA):
                children, inner = pumps[:3], [False, False, False]
            else:
                context.abort(grpc.StatusCode.NOT_FOUND, f"no object {getattr(request, parent)!r}")
            return self._pb.BrowseChildrenReply(
                children=children,
                total_child_count=len(children),
                child_has_children=inner,
                cache_sequence=7,
            )

    def WatchDeployEvents(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        with Observed(self._journal, "WatchDeployEvents", context) as observed:
            yield from deploy_events()
            observed.ended.wait()
