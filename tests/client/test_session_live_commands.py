"""The whole surface of a session against the simulator: bulk, secured, buffered, control."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.to_thread
import pytest

from mxgateway import (
    ClientOptions,
    GatewayClient,
    MessageStream,
    MxAccessError,
    MxEvent,
    MxEventFamily,
    MxGatewayError,
    Session,
    StreamEventsRequest,
    Timestamp,
    from_mx_value,
)
from mxgateway.generated.mxaccess_gateway.v1 import (
    SessionState,
    Write2BulkEntry,
    WriteSecured2BulkEntry,
    WriteSecuredBulkEntry,
)
from mxgateway.simulator import ManualClock, Settings, ThreadedSimulator
from mxgateway.simulator.users import DEMO_USERS
from mxgateway.status import is_ok
from mxgateway.values import to_mx_value

PROBE = "SimProbe_001"
NOON = Timestamp.parse("2026-03-01T12:00:00.1234567Z")


@asynccontextmanager
async def _opened(
    options: ClientOptions, **changes: Any
) -> AsyncIterator[tuple[Session, int, MessageStream[MxEvent]]]:
    """A session with a registration and its raw events."""
    async with GatewayClient.connect(options=options.replace(**changes)) as client:
        async with await client.open_session("tests") as session:
            server = await session.register("tests")
            request = StreamEventsRequest(session_id=session.session_id)
            with anyio.fail_after(20):
                async with client.stream_events_raw(request) as events:
                    yield session, server, events


async def _next(events: MessageStream[MxEvent], family: MxEventFamily) -> MxEvent:
    async for event in events:
        if event.family == family:
            return event
    raise AssertionError("the stream ended")


async def _first_values(events: MessageStream[MxEvent], count: int) -> None:
    seen: set[int] = set()
    while len(seen) < count:
        seen.add((await _next(events, MxEventFamily.ON_DATA_CHANGE)).item_handle)


async def _completed(events: MessageStream[MxEvent], count: int) -> list[MxEvent]:
    return [await _next(events, MxEventFamily.ON_WRITE_COMPLETE) for _ in range(count)]


# Bulk ------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [1000, 2])
async def test_a_round_of_bulk_commands_whole_or_in_parts(
    sim: ThreadedSimulator, options: ClientOptions, most: int
) -> None:
    tags = [f"{PROBE}.{name}" for name in ("TestInt", "TestFloat", "TestBool", "TestString")]
    async with _opened(options, max_bulk_items=most) as (session, server, events):
        added = await session.subscribe_bulk(server, tags)
        assert [r.was_successful for r in added] == [True] * 4
        items = [r.item_handle for r in added]
        assert [session.reference(server, item) for item in items] == tags
        await _first_values(events, 4)

        written = await session.write_bulk(server, zip(items, [7, 1.5, True, "seven"], strict=True))
        assert [(r.item_handle, r.was_successful) for r in written] == [(i, True) for i in items]
        assert all(is_ok(e.statuses[0]) for e in await _completed(events, 4))

        # Advised items come from the cache; the one in the middle does not, and order stays.
        asked = [*tags[:2], f"{PROBE}.TestDouble", *tags[2:]]
        reads = await session.read_bulk(server, asked, timeout_ms=500)
        assert [r.was_successful for r in reads] == [True] * 5
        assert [r.was_cached for r in reads] == [True, True, False, True, True]
        values = [from_mx_value(r.value) for r in reads]
        assert (values[0], values[1], *values[3:]) == (7, 1.5, True, "seven")

        again = await session.write_bulk(server, [(items[0], 8), (99_999, 1), (items[0], 9)])
        assert [r.was_successful for r in again] == [True, False, True]
        assert again[1].error_message
        await _completed(events, 2)
        assert sim.plant[tags[0]].value == 9

        gone = await session.unsubscribe_bulk(server, items)
        assert [r.was_successful for r in gone] == [True] * 4
        assert [session.reference(server, item) for item in items] == [""] * 4


async def test_items_are_added_advised_and_removed_in_bulk(options: ClientOptions) -> None:
    async with _opened(options) as (session, server, events):
        tags = [f"{PROBE}.TestInt", "Nowhere.Man", f"{PROBE}.TestFloat"]
        added = await session.add_item_bulk(server, tags)
        items = [r.item_handle for r in added]
        assert all(r.was_successful for r in added)  # a misspelt name gets a handle as well
        advised = await session.advise_item_bulk(server, items)
        assert [r.item_handle for r in advised] == items
        bad: list[MxEvent] = []
        seen: set[int] = set()
        while len(seen) < 3:
            event = await _next(events, MxEventFamily.ON_DATA_CHANGE)
            seen.add(event.item_handle)
            bad += [event] if not all(is_ok(s) for s in event.statuses) else []
        assert [event.item_handle for event in bad] == [items[1]]
        assert all(r.was_successful for r in await session.un_advise_item_bulk(server, items))
        removed = await session.remove_item_bulk(server, [*items, items[0]])
        assert [r.was_successful for r in removed] == [True, True, True, False]
        with pytest.raises(MxAccessError, match="E_INVALIDARG"):
            await session.advise(server, items[0])


async def test_a_read_of_a_name_that_does_not_exist_fails_alone(options: ClientOptions) -> None:
    async with _opened(options) as (session, server, _):
        tags = [f"{PROBE}.TestInt", "Nowhere.Man", f"{PROBE}.TestInt"]
        reads = await session.read_bulk(server, tags, timeout_ms=100)
        assert [r.was_successful for r in reads] == [True, False, True]
        assert reads[1].error_message
        assert len(await session.read_bulk(server, tags[:1])) == 1


async def test_writes_with_a_time_carry_it_to_the_plant(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with _opened(options) as (session, server, events):
        (added,) = await session.subscribe_bulk(server, [f"{PROBE}.TestInt"])
        await _first_values(events, 1)
        await session.write2(server, added.item_handle, 5, NOON)
        await _completed(events, 1)
        assert sim.plant[f"{PROBE}.TestInt"].value == 5
        entry = Write2BulkEntry(added.item_handle, to_mx_value(6), to_mx_value(NOON))
        (result,) = await session.write2_bulk(server, [entry])
        assert result.was_successful
        await _completed(events, 1)
        assert sim.plant[f"{PROBE}.TestInt"].value == 6


async def test_elements_that_are_not_listed_are_reset(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    tag = f"{PROBE}.TestIntArray[]"
    async with _opened(options) as (session, server, events):
        (added,) = await session.subscribe_bulk(server, [tag])
        await _first_values(events, 1)
        await session.write(server, added.item_handle, list(range(1, 9)))
        await _completed(events, 1)
        await session.write_array_elements(
            server, added.item_handle, {2: 30, 7: 80}, total_length=8, data_type="int32"
        )
        (done,) = await _completed(events, 1)
        assert is_ok(done.statuses[0])
        assert list(sim.plant[f"{PROBE}.TestIntArray"].value) == [0, 0, 30, 0, 0, 0, 0, 80]


# Users and secured writes ------------------------------------------------------------


async def test_a_secured_attribute_takes_a_secured_write_only(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    tag = f"{PROBE}.Secured"
    async with _opened(options) as (session, server, events):
        (added,) = await session.subscribe_bulk(server, [tag])
        item = added.item_handle
        await _first_values(events, 1)
        user = await session.authenticate_user(server, "operator", "operator")
        assert user > 0

        await session.write(server, item, 1)
        (refused,) = await _completed(events, 1)
        assert refused.statuses[0].detail == 1012

        await session.write_secured(server, item, 2, current_user_id=user)
        (done,) = await _completed(events, 1)
        assert is_ok(done.statuses[0])
        assert sim.plant[tag].value == 2

        await session.write_secured2(server, item, 3, NOON, current_user_id=user)
        entry = WriteSecuredBulkEntry(item, user, 0, to_mx_value(4))
        (result,) = await session.write_secured_bulk(server, [entry])
        assert result.was_successful
        assert all(is_ok(e.statuses[0]) for e in await _completed(events, 2))
        assert sim.plant[tag].value == 4


async def test_a_verified_attribute_wants_a_second_user(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    tag = f"{PROBE}.Verified"
    async with _opened(options) as (session, server, events):
        (added,) = await session.subscribe_bulk(server, [tag])
        item = added.item_handle
        await _first_values(events, 1)
        user = await session.authenticate_user(server, "operator", "operator")
        verifier = await session.archestra_user_to_id(server, DEMO_USERS[1].guid)
        assert 0 not in (user, verifier)
        assert user != verifier

        await session.write_secured(server, item, 2, current_user_id=user)
        (refused,) = await _completed(events, 1)
        assert not is_ok(refused.statuses[0])
        entry = WriteSecured2BulkEntry(item, user, verifier, to_mx_value(3), to_mx_value(NOON))
        (result,) = await session.write_secured2_bulk(server, [entry])
        assert result.was_successful
        (done,) = await _completed(events, 1)
        assert is_ok(done.statuses[0])
        assert sim.plant[tag].value == 3


@pytest.mark.requirement("log.redact")
@pytest.mark.parametrize("security", ["galaxy", "windows"])
async def test_a_refused_login_raises_and_does_not_show_the_password(
    security: Any, options: ClientOptions
) -> None:
    with ThreadedSimulator(interval=None, settings=Settings(security=security)) as sim:
        here = options.replace(endpoint=sim.endpoint, api_key=sim.api_key)
        async with _opened(here) as (session, server, _):
            with pytest.raises(MxAccessError) as caught:
                await session.authenticate_user(server, "operator", "a wrong one")
            assert "a wrong one" not in caught.value.diagnostics()
            with pytest.raises(MxAccessError):
                await session.archestra_user_to_id(server, "{no-such-user}")


# Buffered, suspend -------------------------------------------------------------------


async def test_a_buffered_item_sends_batches(options: ClientOptions) -> None:
    with ThreadedSimulator(interval=None, clock=ManualClock()) as sim:
        here = options.replace(endpoint=sim.endpoint, api_key=sim.api_key)
        async with _opened(here) as (session, server, events):
            item = await session.add_buffered_item(server, f"{PROBE}.Counter")
            await session.set_buffered_update_interval(server, 2000)
            await session.advise(server, item)
            for _ in range(3):
                await anyio.to_thread.run_sync(sim.scan)
            await anyio.to_thread.run_sync(sim.advance, 2.0)
            event = await _next(events, MxEventFamily.ON_BUFFERED_DATA_CHANGE)
            batch = event.on_buffered_data_change
            assert batch is not None
            assert batch.quality_values is not None
            assert batch.quality_values.int32_values is not None
            values: Any = from_mx_value(event.value)
            assert event.item_handle == item
            assert values == [values[0] + n for n in range(4)]
            assert batch.quality_values.int32_values.values == [192] * 4


async def test_a_suspended_item_is_silent_until_it_is_activated(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with _opened(options) as (session, server, events):
        added = await session.subscribe_bulk(server, [f"{PROBE}.TestInt", f"{PROBE}.TestFloat"])
        quiet, loud = (r.item_handle for r in added)
        await _first_values(events, 2)
        assert is_ok(await session.suspend(server, quiet))
        await anyio.to_thread.run_sync(sim.set_value, f"{PROBE}.TestInt", 41)
        await anyio.to_thread.run_sync(sim.set_value, f"{PROBE}.TestFloat", 0.5)
        event = await _next(events, MxEventFamily.ON_DATA_CHANGE)
        assert event.item_handle == loud
        assert is_ok(await session.activate(server, quiet))
        assert is_ok(await session.activate(server, loud))
        event = await _next(events, MxEventFamily.ON_DATA_CHANGE)
        assert (event.item_handle, from_mx_value(event.value)) == (quiet, 41)
        unadvised = await session.add_item(server, f"{PROBE}.TestBool")
        with pytest.raises(MxAccessError, match="Operational error"):
            await session.suspend(server, unadvised)


# Control -----------------------------------------------------------------------------


async def test_the_worker_answers_until_it_is_shut_down(options: ClientOptions) -> None:
    async with GatewayClient.connect(options=options) as client:
        session = await client.open_session("tests")
        await session.ping("hello")
        assert await session.get_session_state() == SessionState.READY
        worker = await session.get_worker_info()
        assert worker.worker_process_id > 0
        server = await session.register("tests")
        await session.subscribe_bulk(server, [f"{PROBE}.TestInt"])
        drained = await session.drain_events()
        assert [event.family for event in drained] == [MxEventFamily.ON_DATA_CHANGE]
        await session.shutdown_worker(1.0)
        with pytest.raises(MxGatewayError):
            await session.ping()
        await session.close()
