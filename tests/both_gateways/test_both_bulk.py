"""Bulk commands, on either gateway: one result for each entry, in order, whatever fails."""

from __future__ import annotations

import pytest
from both_gateways.plants import PlantUnderTest
from both_gateways.user import User, take
from interop.plant_rows import PROBE

from mxgateway import Timestamp
from mxgateway.events import DataChange, WriteComplete
from mxgateway.generated.mxaccess_gateway.v1 import (
    MxStatusCategory,
    MxValue,
    Write2BulkEntry,
    WriteBulkEntry,
    WriteSecured2BulkEntry,
    WriteSecuredBulkEntry,
)
from mxgateway.values import from_mx_value, to_mx_value

TAG, OTHER = f"{PROBE}.TestInt", f"{PROBE}.TestFloat"
TIME = to_mx_value(Timestamp.fromisoformat("2026-03-01T08:15:00Z"), "time")


@pytest.mark.rule("bulk.order", "bulk.entry-fails", "mx.misspelt-handle")
async def test_items_go_through_their_life_in_bulk(plant: PlantUnderTest, user: User) -> None:
    session, server = user.session, user.server
    references = [TAG, "Nowhere.Value", OTHER, TAG]
    added = await session.add_item_bulk(server, references)
    handles = [result.item_handle for result in added]
    wrong = handles[-1] + 1000
    advised = await session.advise_item_bulk(server, [wrong, *handles])
    ended = await session.un_advise_item_bulk(server, [*handles, wrong])
    removed = await session.remove_item_bulk(server, [handles[0], wrong, *handles])

    assert [result.tag_address for result in added] == references
    assert all(result.was_successful for result in added)
    assert len(set(handles)) == 4
    assert 0 not in handles
    assert [result.was_successful for result in advised] == [False, *[True] * 4]
    assert [result.was_successful for result in ended] == [*[True] * 4, False]
    assert [result.was_successful for result in removed] == [True, False, False, *[True] * 3]
    failed = [result for result in (*advised, *ended, *removed) if not result.was_successful]
    assert all(result.error_message for result in failed)
    assert plant.items(session.session_id) == {}


@pytest.mark.rule("bulk.order", "mx.first-value")
async def test_what_is_subscribed_in_bulk_delivers_until_it_is_unsubscribed(
    plant: PlantUnderTest, user: User
) -> None:
    session, server = user.session, user.server
    async with session.stream_events() as stream:
        results = await session.subscribe_bulk(server, [OTHER, "Nowhere.Value", TAG])
        handles = [result.item_handle for result in results]
        firsts = [await take(stream, DataChange) for _ in range(3)]
        before = plant.items(session.session_id)
        gone = await session.unsubscribe_bulk(server, handles)
        again = await session.unsubscribe_bulk(server, handles[:1])

    assert [change.item_handle for change in firsts] == handles
    assert [change.good for change in firsts] == [True, False, True]
    assert list(before.values()) == [True] * 3
    assert [result.was_successful for result in gone] == [True] * 3
    assert [result.was_successful for result in again] == [False]
    assert plant.items(session.session_id) == {}


@pytest.mark.rule("bulk.read-cached", "bulk.read-leaves-nothing", "bulk.entry-fails", "bulk.order")
async def test_reading_in_bulk_uses_the_cache_and_leaves_nothing(
    plant: PlantUnderTest, user: User
) -> None:
    async with user.session.stream_events() as stream:
        await take(stream, DataChange, await user.advised(TAG))
    plant.set_value(TAG, 5)
    before = plant.items(user.session.session_id)
    references = [OTHER, TAG, "Nowhere.Value", f"{PROBE}.AlwaysBad", OTHER]
    results = await user.session.read_bulk(user.server, references, timeout_ms=1000)

    assert [result.tag_address for result in results] == references
    assert [result.was_cached for result in results] == [False, True, False, False, False]
    assert [result.was_successful for result in results] == [True, True, False, True, True]
    assert [from_mx_value(result.value) for result in results[:2]] == [0.0, 5]
    assert [result.quality for result in results[:2]] == [192, 192]
    assert results[3].quality == 24
    assert results[2].error_message
    assert {status.category for status in results[2].statuses} == {
        MxStatusCategory.CONFIGURATION_ERROR
    }
    assert plant.items(user.session.session_id) == before


@pytest.mark.rule("bulk.order", "bulk.entry-fails", "write.completion")
async def test_writing_in_bulk_writes_what_it_can_in_order(
    plant: PlantUnderTest, user: User
) -> None:
    async with user.session.stream_events() as stream:
        item = await user.advised(TAG)
        unadvised = await user.add(OTHER)
        await take(stream, DataChange, item)
        pairs = [(item, 1), (unadvised, 2), (item + 1000, 3), (item, 4)]
        results = await user.session.write_bulk(user.server, pairs)
        done = [await take(stream, WriteComplete) for _ in range(2)]
        timed = await user.session.write2_bulk(
            user.server,
            [Write2BulkEntry(item_handle=item, value=MxValue(int32_value=5), timestamp_value=TIME)],
        )
        done.append(await take(stream, WriteComplete))

    assert [result.item_handle for result in results] == [item, unadvised, item + 1000, item]
    assert [result.was_successful for result in results] == [True, False, False, True]
    assert {result.hresult for result in results if not result.was_successful} == {-2147024809}
    assert all(result.error_message for result in results if not result.was_successful)
    assert [result.was_successful for result in timed] == [True]
    assert [(event.item_handle, event.ok) for event in done] == [(item, True)] * 3
    assert plant.writes(TAG) == [1, 4, 5]
    assert plant.writes(OTHER) == []


@pytest.mark.rule("bulk.secured-users", "bulk.order")
async def test_secured_bulk_writes_have_their_users_in_each_entry(
    plant: PlantUnderTest, user: User
) -> None:
    session, server = user.session, user.server
    one = await session.authenticate_user(server, "operator", "valve-7")
    two = await session.authenticate_user(server, "shiftlead", "gate 9")
    async with session.stream_events() as stream:
        secured = await user.advised(f"{PROBE}.Secured")
        verified = await user.advised(f"{PROBE}.Verified")
        for item in (secured, verified):
            await take(stream, DataChange, item)
        results = await session.write_secured_bulk(
            server,
            [
                WriteSecuredBulkEntry(
                    item_handle=secured, current_user_id=one, value=MxValue(int32_value=1)
                ),
                WriteSecuredBulkEntry(
                    item_handle=verified,
                    current_user_id=one,
                    verifier_user_id=one,
                    value=MxValue(int32_value=2),
                ),
            ],
        )
        results += await session.write_secured2_bulk(
            server,
            [
                WriteSecured2BulkEntry(
                    item_handle=verified,
                    current_user_id=two,
                    verifier_user_id=one,
                    value=MxValue(int32_value=3),
                    timestamp_value=TIME,
                )
            ],
        )
        done = [await take(stream, WriteComplete) for _ in range(3)]

    assert [result.was_successful for result in results] == [True] * 3
    assert [(event.item_handle, event.ok) for event in done] == [
        (secured, True),
        (verified, False),
        (verified, True),
    ]
    assert plant.writers(f"{PROBE}.Secured") == [(one, 0)]
    assert plant.writers(f"{PROBE}.Verified") == [(two, one)]


@pytest.mark.rule("bulk.order")
async def test_a_large_batch_is_split_and_its_results_stay_in_order(
    plant: PlantUnderTest,
) -> None:
    async with plant.connect(max_bulk_items=7) as client:
        session = await client.open_session()
        server = await session.register("bulk")
        tags = [TAG, OTHER, "Nowhere.Value"] * 10
        added = await session.subscribe_bulk(server, tags)
        handles = [result.item_handle for result in added]
        entries = [WriteBulkEntry(item_handle=h, value=MxValue(int32_value=1)) for h in handles]
        written = await session.write_bulk(server, entries)

    assert [result.tag_address for result in added] == tags
    assert [result.item_handle for result in written] == handles
    assert [result.was_successful for result in written] == [True, True, False] * 10
