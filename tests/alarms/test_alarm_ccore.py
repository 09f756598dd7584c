"""The alarm calls of GatewayClient against a gateway on grpcio's C core."""

from __future__ import annotations

from collections.abc import Iterator

import anyio
import pytest
from interop.ccore_alarms import COMMENT
from interop.ccore_client import connect, saw_cancelled
from interop.ccore_gateway import CCoreGateway
from interop.plant_rows import AREA

from mxgateway import AlarmBook, FailedPreconditionError, MxAccessError

NEW = f"Galaxy!{AREA}.Pump_004.Fault"


@pytest.fixture
def gateway() -> Iterator[CCoreGateway]:
    """A gateway on grpcio's C core, plaintext; it has three alarms."""
    with CCoreGateway() as running:
        yield running


async def test_a_feed_is_followed_and_followed_again_with_the_same_book(
    gateway: CCoreGateway,
) -> None:
    book = AlarmBook()
    with anyio.fail_after(10):
        async with connect(gateway) as client:
            async with client.follow_alarms(f"Galaxy!{AREA}.", book=book) as follower:
                told = [str(await anext(follower)).split()[0] for _ in range(5)]
                assert told == ["raised", "raised", "raised", "complete", "provider"]
                assert [alarm.comment for alarm in book.active] == [COMMENT] * 3
                gateway.alarms.raise_(NEW)
                gateway.alarms.clear(NEW)
                gateway.alarms.raise_(NEW)
                gateway.alarms.failover("away")
                told = [str(await anext(follower)).split()[0] for _ in range(4)]
                assert told == ["raised", "cleared", "retriggered", "provider"]
            await saw_cancelled(gateway, "StreamAlarms")

            gateway.alarms.clear(NEW)
            gateway.alarms.failback()
            async with client.follow_alarms(f"Galaxy!{AREA}.", book=book) as follower:
                changes = [await anext(follower) for _ in range(3)]
    assert [str(change.kind) for change in changes] == ["cleared", "complete", "provider"]
    assert changes[0].alarm is not None
    assert changes[0].alarm.reference == NEW
    assert len(book) == 3


async def test_acknowledging_by_both_forms_and_what_is_refused(gateway: CCoreGateway) -> None:
    with anyio.fail_after(10):
        async with connect(gateway) as client:
            await client.acknowledge_alarm(
                rf"\\Galaxy\{AREA}.Pump_001.Hi", "gesehen: Füllstand", "op"
            )
            await client.acknowledge_alarm(f"Galaxy!{AREA}.Pump_002.Hi")
            with pytest.raises(MxAccessError, match="there is no alarm"):
                await client.acknowledge_alarm(NEW)
            gateway.alarms.failover("away", can_acknowledge=False)
            with pytest.raises(FailedPreconditionError, match="take no acknowledgement"):
                await client.acknowledge_alarm(f"Galaxy!{AREA}.Pump_003.Hi")
            alarms = [alarm async for alarm in client.query_active_alarms(f"Galaxy!{AREA}.")]

    assert [alarm.operator_comment for alarm in alarms] == ["gesehen: Füllstand", "", COMMENT]
