"""Tags by name, everything on one connection, and the blocking facade, on either gateway."""

from __future__ import annotations

import functools

import anyio.to_thread
import pytest
from both_gateways.plants import TEST_ALARM, PlantUnderTest
from both_gateways.user import open_user, take
from interop.plant_rows import ALARM_TAG, OBJECTS, PROBE

import mxgateway.sync
from mxgateway import GalaxyRepositoryClient, GatewayClient
from mxgateway.errors import TagError, WriteFailedError
from mxgateway.events import DataChange
from mxgateway.reading import TagValue
from mxgateway.tags import Login

TAG = f"{PROBE}.TestInt"
OPERATOR, SHIFT_LEAD = Login("operator", "valve-7"), Login("shiftlead", "gate 9")


async def test_tags_are_read_by_name(plant: PlantUnderTest, client: GatewayClient) -> None:
    plant.set_value(TAG, 5)
    tags = [TAG, "Nowhere.Value", f"{PROBE}.TestIntArray", f"{PROBE}.AlwaysBad", TAG]
    results = await client.read(tags)

    assert [result.tag for result in results] == tags
    assert [result.good for result in results] == [True, False, True, False, True]
    assert [result.value for result in (results[0], results[2], results[4])] == [
        5,
        list(range(8)),
        5,
    ]
    assert results[3].quality.value == 24
    with pytest.raises(TagError, match="Nowhere"):
        results[1].require()


@pytest.mark.requirement("write.no-replay")
async def test_tags_are_written_by_name_once_each(
    plant: PlantUnderTest, client: GatewayClient
) -> None:
    assert (await client.write(TAG, 1)).ok
    results = await client.write_many(
        [(TAG, 2), (f"{PROBE}.TestString", "Füllstand"), (f"{PROBE}.ReadOnly", 3), (TAG, 4)]
    )
    with pytest.raises(WriteFailedError):
        await client.write(f"{PROBE}.ReadOnly", 5)

    assert [result.ok for result in results] == [True, True, False, True]
    assert plant.writes(TAG) == [1, 2, 4]
    assert plant.writes(f"{PROBE}.TestString") == ["Füllstand"]
    assert plant.writes(f"{PROBE}.ReadOnly") == []


async def test_secured_and_verified_tags_are_written_with_logins(
    plant: PlantUnderTest, client: GatewayClient
) -> None:
    await client.write(f"{PROBE}.Secured", 1, user=OPERATOR)
    await client.write(f"{PROBE}.Verified", 2, user=OPERATOR, verifier=SHIFT_LEAD)

    assert plant.writes(f"{PROBE}.Secured") == [1]
    assert plant.writes(f"{PROBE}.Verified") == [2]
    [(user, verifier)] = plant.writers(f"{PROBE}.Verified")
    assert user != verifier
    assert 0 not in (user, verifier)


async def test_a_subscription_follows_its_tags(
    plant: PlantUnderTest, client: GatewayClient
) -> None:
    async with client.subscribe([TAG, "Nowhere.Value"]) as values:
        firsts: dict[str, TagValue] = {}
        while len(firsts) < 2:
            update = await anext(values)
            assert isinstance(update, TagValue)
            firsts[update.tag] = update
        for number in range(1, 51):
            plant.set_value(TAG, number)
        updates = [await anext(values) for _ in range(50)]
        await values.remove(TAG)
        plant.set_value(TAG, 99)
        await values.add(f"{PROBE}.ReadOnly")
        last = await anext(values)

    assert (firsts[TAG].value, firsts["Nowhere.Value"].bad) == (0, True)
    assert [update.value for update in updates if isinstance(update, TagValue)] == list(
        range(1, 51)
    )
    assert isinstance(last, TagValue)
    assert (last.tag, last.value) == (f"{PROBE}.ReadOnly", 42)


async def test_everything_shares_one_connection(
    plant: PlantUnderTest, client: GatewayClient
) -> None:
    user = await open_user(client)
    galaxy = GalaxyRepositoryClient.on(client)
    async with (
        user.session.stream_events() as events,
        client.subscribe([TAG]) as values,
        client.follow_alarms() as alarms,
        galaxy.watch_deploy_events() as deploys,
    ):
        item = await user.advised(TAG)
        await anext(values)
        plant.set_value(TAG, 7)
        plant.set_value(ALARM_TAG, True)
        plant.redeploy()
        changes = [(await take(events, DataChange, item)).value for _ in range(2)]
        update = await anext(values)
        alarm = None
        while alarm is None:
            alarm = (await anext(alarms)).alarm
        sequences = [(await anext(deploys)).sequence for _ in range(2)]

    assert changes == [0, 7]
    assert isinstance(update, TagValue)
    assert update.value == 7
    assert alarm.reference == TEST_ALARM
    assert sequences[1] == sequences[0] + 1


async def test_the_blocking_facade_does_the_same(plant: PlantUnderTest) -> None:
    await anyio.to_thread.run_sync(functools.partial(blocking_session, plant))

    assert plant.writes(TAG) == [7, 8]


def blocking_session(plant: PlantUnderTest) -> None:
    """Do a bit of everything without an event loop."""
    with mxgateway.sync.GatewayClient.connect(options=plant.options()) as client:
        with client.open_session("blocking") as session:
            server = session.register("blocking")
            item = session.add_item(server, TAG)
            with session.stream_events() as events:
                session.advise(server, item)
                assert isinstance(next(events), DataChange)
            assert session.write_and_wait(server, item, 7).ok
            [result] = session.read_bulk(server, [TAG])
            assert result.was_cached
        client.write(TAG, 8)
        assert [value.value for value in client.read([TAG])] == [8]
        assert len(client.galaxy().discover_hierarchy()) == len(OBJECTS)
