"""A live gateway: items, events, bulk commands and, where a value is given, a write."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import pytest
from integration.live_gateway import TYPES, LiveGateway

from mxgateway import (
    DataChange,
    GatewayClient,
    MxAccessError,
    MxEventFamily,
    Session,
    WriteComplete,
)
from mxgateway.events import EventStream
from mxgateway.values import parse_value

NO_TAG = "NoSuchObject_4711.NoSuchAttribute"


@pytest.fixture
async def server(session: Session) -> AsyncIterator[int]:
    """A registration that is ended again."""
    handle = await session.register("mxgateway-integration")
    yield handle
    await session.unregister(handle)


async def first_change(stream: EventStream, item: int, seconds: float) -> DataChange:
    """Wait for the first data change of an item; a fresh client may take some seconds."""
    with anyio.fail_after(seconds):
        async for event in stream:
            if isinstance(event, DataChange) and event.item_handle == item:
                return event
    raise AssertionError("the event stream ended before the first data change")


async def _completions(stream: EventStream, count: int, seconds: float) -> list[WriteComplete]:
    """Wait for so many completions that are final."""
    found: list[WriteComplete] = []
    with anyio.fail_after(seconds):
        async for event in stream:
            if isinstance(event, WriteComplete) and not event.pending:
                found.append(event)
                if len(found) == count:
                    break
    return found


async def test_an_advised_item_sends_its_value(
    gateway: LiveGateway, session: Session, server: int
) -> None:
    item = await session.add_item(server, gateway.item)
    assert item > 0

    async with session.stream_events() as stream:
        await session.advise(server, item)
        change = await first_change(stream, item, gateway.seconds)

    assert change.family is MxEventFamily.ON_DATA_CHANGE
    assert change.worker_sequence >= 1
    assert change.server_handle == server
    assert change.good, f"{gateway.item}: {change}"
    await session.un_advise(server, item)
    await session.remove_item(server, item)


async def test_an_invalid_item_handle_is_refused(session: Session, server: int) -> None:
    with pytest.raises(MxAccessError) as caught:
        await session.advise(server, 987_654_321)

    assert caught.value.hresult is not None
    assert caught.value.hresult < 0


async def test_a_tag_that_does_not_exist_is_never_good(
    gateway: LiveGateway, client: GatewayClient
) -> None:
    there, missing = await client.read([gateway.item, NO_TAG], timeout=gateway.seconds)

    assert there.good, there
    assert not missing.good
    assert missing.status != "OK"


async def test_what_is_subscribed_is_read_from_the_cache(
    gateway: LiveGateway, session: Session, server: int
) -> None:
    async with session.stream_events() as stream:
        subscribed = await session.subscribe_bulk(server, [gateway.item])
        assert [result.was_successful for result in subscribed] == [True]
        handles = [result.item_handle for result in subscribed]
        await first_change(stream, handles[0], gateway.seconds)

        results = await session.read_bulk(server, [gateway.item, NO_TAG, gateway.item])

    assert [result.was_successful for result in results] == [True, False, True]
    assert [result.was_cached for result in results] == [True, False, True]
    ended = await session.unsubscribe_bulk(server, handles)
    assert [result.was_successful for result in ended] == [True]


async def test_items_are_added_advised_and_removed_in_bulk(
    gateway: LiveGateway, session: Session, server: int
) -> None:
    added = await session.add_item_bulk(server, [gateway.item])
    handles = [result.item_handle for result in added]

    advised = await session.advise_item_bulk(server, [*handles, 987_654_321])
    ended = await session.un_advise_item_bulk(server, handles)
    removed = await session.remove_item_bulk(server, handles)

    assert [result.was_successful for result in advised] == [True, False]
    assert [result.was_successful for result in (*added, *ended, *removed)] == [True] * 3


async def test_a_write_completes(gateway: LiveGateway, session: Session, server: int) -> None:
    if not gateway.write_value:
        pytest.skip("nothing is written: MXGATEWAY_TEST_WRITE_VALUE is empty")
    item = await session.add_item(server, gateway.item)

    async with session.stream_events() as stream:
        await session.advise(server, item)
        change = await first_change(stream, item, gateway.seconds)
        value = parse_value(gateway.write_value, TYPES.get(change.data_type, "string"))
        confirmed = await session.write_and_wait(server, item, value)
        (entry,) = await session.write_bulk(server, [(item, value)])
        completions = await _completions(stream, 2, gateway.seconds)

    assert confirmed.ok, confirmed
    assert entry.was_successful, entry.error_message
    assert [(event.item_handle, event.ok) for event in completions] == [(item, True)] * 2
