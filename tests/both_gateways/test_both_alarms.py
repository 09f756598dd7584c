"""The alarm feed, the book kept from it, and acknowledging, on either gateway."""

from __future__ import annotations

import betterproto2
import pytest
from both_gateways.plants import TEST_ALARM, PlantUnderTest
from both_gateways.user import User, take
from interop.plant_rows import ALARM_TAG

from mxgateway import GatewayClient
from mxgateway.alarms import AlarmBook, AlarmChange, AlarmChangeKind, AlarmFollower
from mxgateway.commands import command
from mxgateway.errors import InvalidArgumentError, MxAccessError
from mxgateway.events import AlarmTransition
from mxgateway.generated.mxaccess_gateway.v1 import (
    AlarmConditionState,
    AlarmTransitionKind,
    SubscribeAlarmsCommand,
)

COMMENT = "gesehen – Füllstand"  # noqa: RUF001 - the dash is meant
ABSENT_ALARM = f"{TEST_ALARM}.Absent"


async def until(feed: AlarmFollower, kind: AlarmChangeKind) -> AlarmChange:
    """Return the next change of a kind; others are passed over."""
    async for change in feed:
        if change.kind == kind:
            return change
    raise AssertionError(f"the feed ended without {kind}")


@pytest.mark.rule("alarm.feed-order", "alarm.sessionless", "mx.alarm-reference", "alarm.severity")
@pytest.mark.parametrize("active", [0, 1])
async def test_the_feed_begins_with_what_is_active(
    plant: PlantUnderTest, client: GatewayClient, active: int
) -> None:
    plant.set_value(ALARM_TAG, bool(active))
    async with client.stream_alarms() as feed:
        messages = [await anext(feed) for _ in range(active + 2)]

    names = [betterproto2.which_one_of(message, "payload")[0] for message in messages]
    assert names == [*["active_alarm"] * active, "snapshot_complete", "provider_status"]
    for message in messages[:active]:
        assert message.active_alarm is not None
        assert message.active_alarm.alarm_full_reference == TEST_ALARM
        assert message.active_alarm.current_state == AlarmConditionState.ACTIVE
        assert message.active_alarm.severity == 500


@pytest.mark.rule("alarm.transitions", "alarm.acknowledge", "alarm.retrigger", "mx.alarm-boolean")
async def test_a_book_follows_the_life_of_an_alarm(
    plant: PlantUnderTest, client: GatewayClient
) -> None:
    async with client.follow_alarms() as feed:
        await until(feed, AlarmChangeKind.COMPLETE)
        plant.set_value(ALARM_TAG, True)
        raised = await until(feed, AlarmChangeKind.RAISED)
        active = [alarm.reference for alarm in feed.book.unacked]
        plant.set_value(ALARM_TAG, False)
        cleared = await until(feed, AlarmChangeKind.CLEARED)
        assert len(feed.book) == 0
        plant.set_value(ALARM_TAG, True)
        again = await until(feed, AlarmChangeKind.RETRIGGERED)
        await client.acknowledge_alarm(TEST_ALARM, "gesehen", "operator")
        acknowledged = await until(feed, AlarmChangeKind.ACKNOWLEDGED)
        assert feed.book.unacked == []
        plant.set_value(ALARM_TAG, False)
        await until(feed, AlarmChangeKind.CLEARED)
        plant.set_value(ALARM_TAG, True)
        anew = await until(feed, AlarmChangeKind.RAISED)

    assert active == [TEST_ALARM]
    assert acknowledged.alarm is not None
    assert (acknowledged.alarm.comment, acknowledged.alarm.operator) == ("gesehen", "operator")
    changes = [raised, cleared, again, acknowledged, anew]
    assert {change.alarm.reference for change in changes if change.alarm} == {TEST_ALARM}
    assert [change.from_snapshot for change in changes] == [False] * 5


@pytest.mark.rule("alarm.cleared-gone")
async def test_what_cleared_while_nobody_listened_is_found_out(
    plant: PlantUnderTest, client: GatewayClient
) -> None:
    book = AlarmBook()
    plant.set_value(ALARM_TAG, True)
    async with client.follow_alarms(book=book) as feed:
        await until(feed, AlarmChangeKind.COMPLETE)
    before = len(book)
    plant.set_value(ALARM_TAG, False)
    async with client.follow_alarms(book=book) as feed:
        change = await until(feed, AlarmChangeKind.CLEARED)

    assert before == 1
    assert change.from_snapshot
    assert [alarm async for alarm in client.query_active_alarms()] == []


@pytest.mark.rule("alarm.prefix", "alarm.acknowledge")
async def test_active_alarms_are_queried_by_the_beginning_of_their_reference(
    plant: PlantUnderTest, client: GatewayClient
) -> None:
    plant.set_value(ALARM_TAG, True)
    reply = await client.acknowledge_alarm(
        TEST_ALARM,
        COMMENT,
        "operator",
        correlation_id="ack-1",
    )
    found = {
        prefix: [alarm async for alarm in client.query_active_alarms(prefix)]
        for prefix in ("", "Galaxy!Reaction.", TEST_ALARM, "Galaxy!Area_001.")
    }

    assert (reply.correlation_id, reply.hresult) == ("ack-1", 0)
    assert [len(alarms) for alarms in found.values()] == [1, 1, 1, 0]
    [alarm] = found[""]
    assert alarm.current_state == AlarmConditionState.ACTIVE_ACKED
    assert (alarm.operator_comment, alarm.operator_user) == (COMMENT, "operator")


@pytest.mark.rule("alarm.reference-form", "alarm.acknowledge-refused")
async def test_acknowledging_what_is_not_there_fails(client: GatewayClient) -> None:
    with pytest.raises(InvalidArgumentError):
        await client.acknowledge_alarm("no reference")
    with pytest.raises(MxAccessError):
        await client.acknowledge_alarm(ABSENT_ALARM)
    with pytest.raises(MxAccessError):
        await client.acknowledge_alarm("6d4a1c52-0a51-4a8c-9b1e-0000000000ff")


@pytest.mark.rule("alarm.degraded", "alarm.provider-status")
async def test_failover_is_told_and_marks_every_message(
    plant: PlantUnderTest, client: GatewayClient
) -> None:
    async with client.follow_alarms() as feed:
        native = await until(feed, AlarmChangeKind.PROVIDER)
        plant.failover("the alarm manager is away")
        away = await until(feed, AlarmChangeKind.PROVIDER)
        plant.set_value(ALARM_TAG, True)
        raised = await until(feed, AlarmChangeKind.RAISED)
        [alarm] = [alarm async for alarm in client.query_active_alarms()]
        plant.failback()
        back = await until(feed, AlarmChangeKind.PROVIDER)

    assert native.provider is not None
    assert away.provider is not None
    assert back.provider is not None
    assert [each.degraded for each in (native.provider, away.provider, back.provider)] == [
        False,
        True,
        False,
    ]
    assert away.provider.reason == "the alarm manager is away"
    assert raised.alarm is not None
    assert raised.alarm.degraded
    assert alarm.degraded


@pytest.mark.rule("alarm.transitions", "alarm.session-events")
async def test_a_session_that_asks_for_alarms_gets_them_as_events(
    plant: PlantUnderTest, user: User
) -> None:
    async with user.session.stream_events() as stream:
        await user.session.invoke(command(SubscribeAlarmsCommand(subscription_expression="")))
        plant.set_value(ALARM_TAG, True)
        event = await take(stream, AlarmTransition)

    assert (event.alarm_full_reference, event.kind) == (TEST_ALARM, AlarmTransitionKind.RAISE)
    assert event.worker_sequence == 1
