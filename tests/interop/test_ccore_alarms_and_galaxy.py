"""The rest of the contract against grpcio's C core: alarms and the Galaxy Repository.

What arrives is compared with what the gateway sent, printed by Google's JSON printer.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import anyio
import betterproto2
import pytest
from google.protobuf.json_format import MessageToDict
from interop.ccore_canned import (
    AREA,
    PUMPS,
    active_alarms,
    deploy_events,
    galaxy_objects,
    transition,
)
from interop.ccore_client import open_channel, saw_cancelled, until
from interop.ccore_gateway import CCoreGateway

from mxgateway import Timestamp
from mxgateway.codec import to_jsonable
from mxgateway.errors import InvalidArgumentError, NotFoundError
from mxgateway.generated.galaxy_repository.v1 import (
    BrowseChildrenRequest,
    DeployEvent,
    DiscoverHierarchyRequest,
    GalaxyObject,
    GalaxyRepositoryStub,
    GetLastDeployTimeRequest,
    TestConnectionRequest,
    WatchDeployEventsRequest,
)
from mxgateway.generated.mxaccess_gateway.v1 import (
    AcknowledgeAlarmRequest,
    ActiveAlarmSnapshot,
    AlarmFeedMessage,
    AlarmTransitionKind,
    MxAccessGatewayStub,
    ProtocolStatusCode,
    QueryActiveAlarmsRequest,
    StreamAlarmsRequest,
)
from mxgateway.transport.channel import Channel
from mxgateway.transport.stream import MessageStream

GATEWAY = "/mxaccess_gateway.v1.MxAccessGateway"
GALAXY = "/galaxy_repository.v1.GalaxyRepository"


def ours(messages: list[Any]) -> list[Any]:
    """Return our messages as JSON values."""
    return [to_jsonable(message) for message in messages]


def theirs(messages: list[Any]) -> list[Any]:
    """Return Google's messages as JSON values."""
    return [
        MessageToDict(message, always_print_fields_with_no_presence=True) for message in messages
    ]


def alarms_query(channel: Channel, prefix: str = "") -> MessageStream[ActiveAlarmSnapshot]:
    """Return a query for the active alarms whose reference starts with `prefix`."""
    request = QueryActiveAlarmsRequest(alarm_filter_prefix=prefix)
    return MessageStream(channel, f"{GATEWAY}/QueryActiveAlarms", request, ActiveAlarmSnapshot)


@pytest.mark.requirement("value.time-100ns")
async def test_active_alarms_arrive_whole(either_gateway: CCoreGateway) -> None:
    with anyio.fail_after(5):
        async with open_channel(either_gateway) as channel:
            everything = [alarm async for alarm in alarms_query(channel)]
            one = [alarm async for alarm in alarms_query(channel, f"Galaxy!{AREA}.Pump_003")]
            none = [alarm async for alarm in alarms_query(channel, "Nowhere!")]
        # The server notes the end of a call after the client has seen it.
        finished = ["QueryActiveAlarms"] * 3
        await until(either_gateway, lambda g: g.journal.finished == finished)

    assert ours(everything) == theirs(active_alarms())
    assert ours(one) == theirs(active_alarms()[2:])
    assert none == []
    raised = [alarm.original_raise_timestamp for alarm in everything]
    assert isinstance(raised[0], Timestamp)
    assert str(raised[0]) == "2025-10-09T08:53:20.1234567Z"
    assert raised[1] is None
    assert raised[2] == dt.datetime(1601, 1, 1, tzinfo=dt.UTC)


@pytest.mark.requirement("stream.early-exit")
async def test_the_alarm_feed_brings_a_snapshot_then_transitions(
    either_gateway: CCoreGateway,
) -> None:
    with anyio.fail_after(5):
        async with open_channel(either_gateway) as channel:
            feed = MessageStream(
                channel, f"{GATEWAY}/StreamAlarms", StreamAlarmsRequest(), AlarmFeedMessage
            )
            async with feed:
                messages = [await anext(feed) for _ in range(5)]
            await saw_cancelled(either_gateway, "StreamAlarms")

    payloads = [betterproto2.which_one_of(message, "payload") for message in messages]
    assert [name for name, _ in payloads] == [
        *["active_alarm"] * 3,
        "snapshot_complete",
        "transition",
    ]
    assert ours([payload for _, payload in payloads[:3]]) == theirs(active_alarms())
    assert payloads[3][1] is True
    assert ours([payloads[4][1]]) == theirs([transition()])
    assert messages[4].transition is not None
    assert messages[4].transition.transition_kind == AlarmTransitionKind.CLEAR


async def test_an_alarm_is_acknowledged_with_its_comment(gateway: CCoreGateway) -> None:
    request = AcknowledgeAlarmRequest(
        client_correlation_id="ack-1",
        alarm_full_reference=f"Galaxy!{AREA}.Pump_001.Hi",
        comment="gesehen – Füllstand",  # noqa: RUF001 - the dash is meant
        operator_user="PLANT\\operator",
    )

    with anyio.fail_after(5):
        async with open_channel(gateway) as channel:
            stub = MxAccessGatewayStub(channel)
            reply = await stub.acknowledge_alarm(request)
            with pytest.raises(InvalidArgumentError, match="no alarm 'Nowhere!X'"):
                await stub.acknowledge_alarm(
                    AcknowledgeAlarmRequest(alarm_full_reference="Nowhere!X")
                )

    assert reply.protocol_status is not None
    assert reply.protocol_status.code == ProtocolStatusCode.OK
    assert (reply.correlation_id, reply.hresult) == ("ack-1", 0)
    assert reply.diagnostic_message == f"{request.operator_user}: {request.comment}"
    assert reply.status is None


async def test_the_hierarchy_is_read_page_by_page(either_gateway: CCoreGateway) -> None:
    objects: list[GalaxyObject] = []
    pages = []
    token = ""

    with anyio.fail_after(10):
        async with open_channel(either_gateway) as channel:
            stub = GalaxyRepositoryStub(channel)
            while True:
                reply = await stub.discover_hierarchy(DiscoverHierarchyRequest(page_token=token))
                objects += reply.objects
                pages.append(len(reply.objects))
                token = reply.next_page_token
                if not token:
                    break

    assert pages == [100, 100, PUMPS + 1 - 200]
    assert reply.total_object_count == len(objects)
    assert ours(objects) == theirs(galaxy_objects())


async def test_children_are_browsed_by_each_kind_of_parent(gateway: CCoreGateway) -> None:
    with anyio.fail_after(5):
        async with open_channel(gateway) as channel:
            stub = GalaxyRepositoryStub(channel)
            roots = await stub.browse_children(BrowseChildrenRequest())
            by_name = await stub.browse_children(BrowseChildrenRequest(parent_tag_name=AREA))
            by_id = await stub.browse_children(BrowseChildrenRequest(parent_gobject_id=1))
            with pytest.raises(NotFoundError, match="no object 0"):
                # Zero is a parent that was given, not one that is missing.
                await stub.browse_children(BrowseChildrenRequest(parent_gobject_id=0))

    assert ours(roots.children) == theirs(galaxy_objects()[:1])
    assert roots.child_has_children == [True]
    assert ours(by_name.children) == theirs(galaxy_objects()[1:4])
    assert by_name.child_has_children == [False, False, False]
    assert by_id == by_name


async def test_deploy_times_and_events_arrive(gateway: CCoreGateway) -> None:
    with anyio.fail_after(5):
        async with open_channel(gateway) as channel:
            stub = GalaxyRepositoryStub(channel)
            assert (await stub.test_connection(TestConnectionRequest())).ok
            last = await stub.get_last_deploy_time(GetLastDeployTimeRequest())
            watch = MessageStream(
                channel, f"{GALAXY}/WatchDeployEvents", WatchDeployEventsRequest(), DeployEvent
            )
            async with watch:
                events = [await anext(watch) for _ in range(2)]
            await saw_cancelled(gateway, "WatchDeployEvents")

    assert ours(events) == theirs(deploy_events())
    assert events[1].sequence == 2**64 - 1
    assert last.present
    assert last.time_of_last_deploy == events[1].time_of_last_deploy
