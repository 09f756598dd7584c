"""The alarm RPCs against grpcio's C core.

What arrives is compared with what the gateway has, printed by Google's JSON printer.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import anyio
import betterproto2
import pytest
from interop.both_printed import ours, theirs
from interop.ccore_alarms import standing_alarms
from interop.ccore_client import open_channel, saw_cancelled, until
from interop.ccore_gateway import CCoreGateway
from interop.plant_rows import AREA

from mxgateway import Timestamp
from mxgateway.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    PermissionDeniedError,
)
from mxgateway.generated.mxaccess_gateway.v1 import (
    AcknowledgeAlarmRequest,
    ActiveAlarmSnapshot,
    AlarmConditionState,
    AlarmFeedMessage,
    AlarmProviderMode,
    AlarmTransitionKind,
    MxAccessGatewayStub,
    ProtocolStatusCode,
    QueryActiveAlarmsRequest,
    StreamAlarmsRequest,
)
from mxgateway.transport.channel import Channel
from mxgateway.transport.stream import MessageStream

GATEWAY = "/mxaccess_gateway.v1.MxAccessGateway"


def alarms_query(channel: Channel, prefix: str = "") -> MessageStream[ActiveAlarmSnapshot]:
    """Return a query for the active alarms whose reference starts with `prefix`."""
    request = QueryActiveAlarmsRequest(alarm_filter_prefix=prefix)
    return MessageStream(channel, f"{GATEWAY}/QueryActiveAlarms", request, ActiveAlarmSnapshot)


def alarm_feed(channel: Channel) -> MessageStream[AlarmFeedMessage]:
    """Return the feed of all alarms."""
    return MessageStream(
        channel, f"{GATEWAY}/StreamAlarms", StreamAlarmsRequest(), AlarmFeedMessage
    )


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

    assert ours(everything) == theirs(standing_alarms())
    assert ours(one) == theirs(standing_alarms()[2:])
    assert none == []
    raised = [alarm.original_raise_timestamp for alarm in everything]
    assert isinstance(raised[0], Timestamp)
    assert str(raised[0]) == "2025-10-09T08:53:20.1234567Z"
    assert raised[1] is None
    assert raised[2] == dt.datetime(1601, 1, 1, tzinfo=dt.UTC)


@pytest.mark.requirement("stream.early-exit")
async def test_the_alarm_feed_brings_snapshot_provider_and_transitions_in_this_order(
    either_gateway: CCoreGateway,
) -> None:
    reference = f"Galaxy!{AREA}.Pump_004.Fault"

    with anyio.fail_after(5):
        async with open_channel(either_gateway) as channel:
            async with alarm_feed(channel) as feed:
                messages = [await anext(feed) for _ in range(5)]
                either_gateway.alarms.raise_(reference)
                either_gateway.alarms.failover("the alarm manager is away")
                either_gateway.alarms.clear(reference)
                messages += [await anext(feed) for _ in range(3)]
            await saw_cancelled(either_gateway, "StreamAlarms")

    payloads: list[tuple[str, Any]] = [
        betterproto2.which_one_of(message, "payload") for message in messages
    ]
    assert [name for name, _ in payloads] == [
        *["active_alarm"] * 3,
        "snapshot_complete",
        "provider_status",
        "transition",
        "provider_status",
        "transition",
    ]
    assert ours([payload for _, payload in payloads[:3]]) == theirs(standing_alarms())
    assert payloads[3][1] is True
    raised, away, cleared = (payload for _, payload in payloads[5:])
    assert (raised.transition_kind, raised.degraded) == (AlarmTransitionKind.RAISE, False)
    assert (away.mode, away.degraded) == (AlarmProviderMode.SUBTAG, True)
    assert away.reason == "the alarm manager is away"
    assert (cleared.transition_kind, cleared.degraded) == (AlarmTransitionKind.CLEAR, True)
    assert cleared.source_provider == AlarmProviderMode.SUBTAG
    assert raised.alarm_full_reference == cleared.alarm_full_reference == reference


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
            [alarm] = [alarm async for alarm in alarms_query(channel, request.alarm_full_reference)]

    assert reply.protocol_status is not None
    assert reply.protocol_status.code == ProtocolStatusCode.OK
    assert (reply.correlation_id, reply.hresult) == ("ack-1", 0)
    assert reply.status is None
    assert alarm.current_state == AlarmConditionState.ACTIVE_ACKED
    assert (alarm.operator_comment, alarm.operator_user) == (request.comment, request.operator_user)


@pytest.mark.rule("alarm.disabled", "auth.scope-acknowledge")
async def test_alarm_calls_that_are_refused_end_with_their_status(gateway: CCoreGateway) -> None:
    known = AcknowledgeAlarmRequest(alarm_full_reference=f"Galaxy!{AREA}.Pump_001.Hi")

    with anyio.fail_after(5):
        async with open_channel(gateway) as channel:
            stub = MxAccessGatewayStub(channel)
            with pytest.raises(InvalidArgumentError, match="no alarm reference: 'Nowhere!X'"):
                await stub.acknowledge_alarm(
                    AcknowledgeAlarmRequest(alarm_full_reference="Nowhere!X")
                )
            gateway.alarms.failover("away", can_acknowledge=False)
            with pytest.raises(FailedPreconditionError, match="take no acknowledgement"):
                await stub.acknowledge_alarm(known)
            gateway.alarms.enabled = False
            with pytest.raises(FailedPreconditionError, match="not enabled"):
                await anext(alarm_feed(channel))
        async with open_channel(gateway, api_key=gateway.read_only_key) as channel:
            with pytest.raises(PermissionDeniedError, match="invoke:write"):
                await MxAccessGatewayStub(channel).acknowledge_alarm(known)
