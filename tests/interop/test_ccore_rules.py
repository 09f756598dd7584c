"""Rules that need a gateway set up in another way than both gateways are."""

from __future__ import annotations

import threading

import anyio.to_thread
import pytest
from interop.ccore_client import advised, connect, raw_events, until
from interop.ccore_gateway import CCoreGateway
from interop.plant_rows import PROBE
from interop.scripted_plant import SILENT
from interop.statuses import E_INVALIDARG

from mxgateway.errors import (
    FailedPreconditionError,
    MxAccessError,
    NotFoundError,
    PermissionDeniedError,
    ResourceExhaustedError,
)
from mxgateway.events import DataChange, OperationComplete, WriteComplete
from mxgateway.generated.mxaccess_gateway.v1 import MxStatusCategory

TAG = f"{PROBE}.TestInt"


@pytest.mark.rule("mx.pending-first", "write.completion")
async def test_a_pending_completion_is_not_taken_for_the_end(gateway: CCoreGateway) -> None:
    gateway.plant.pending_first = True

    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session, server, (item,) = await advised(client, TAG)
            async with session.stream_events(families=[WriteComplete]) as stream:
                confirmed = await session.write_and_wait(server, item, 7)
                seen = [await anext(stream) for _ in range(2)]

    assert (confirmed.ok, confirmed.pending) == (True, False)
    assert [isinstance(event, WriteComplete) and event.pending for event in seen] == [True, False]
    assert [write.value for write in gateway.plant.writes] == [7]


@pytest.mark.rule("mx.bare-array")
async def test_a_bare_array_fails_where_nothing_appends_the_brackets(gateway: CCoreGateway) -> None:
    gateway.plant.normalise_arrays = False

    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session, _, _ = await advised(client, f"{PROBE}.TestIntArray")
            async with session.stream_events() as stream:
                change = await anext(stream)
            # By name, the library adds the brackets itself.
            [value] = await client.read([f"{PROBE}.TestIntArray"])

    assert isinstance(change, DataChange)
    [status] = change.statuses
    assert (status.category, status.detail) == (MxStatusCategory.CONFIGURATION_ERROR, 1003)
    assert value.value == list(range(8))


@pytest.mark.rule("events.operation-complete", "mx.suspend")
async def test_an_operation_complete_is_forwarded_where_it_is_native(gateway: CCoreGateway) -> None:
    gateway.plant.operation_complete = True

    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session, server, (item,) = await advised(client, TAG)
            async with session.stream_events(families=[OperationComplete]) as stream:
                await session.suspend(server, item)
                event = await anext(stream)

    assert (event.item_handle, event.server_handle) == (item, server)


@pytest.mark.rule("events.overflow")
async def test_a_queue_that_overflows_faults_its_session(gateway: CCoreGateway) -> None:
    gateway.plant.limit = 3

    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session, server, (item,) = await advised(client, TAG)
            stream = raw_events(client, session)
            assert (await anext(stream)).worker_sequence == 1
            with gateway.plant.changed:  # so that no event is taken in between
                for value in range(1, 6):
                    gateway.plant.set(TAG, value)
            events = [(await anext(stream)).worker_sequence for _ in range(4)]
            with pytest.raises(ResourceExhaustedError, match="EventQueueOverflow"):
                await anext(stream)
            with pytest.raises(FailedPreconditionError):
                await session.un_advise(server, item)

    assert events == [2, 3, 4, 5]


@pytest.mark.rule("session.limit", "status.resource-exhausted")
async def test_one_session_too_many_is_refused_until_another_is_closed(
    gateway: CCoreGateway,
) -> None:
    gateway.plant.session_limit = 2

    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            first, _ = [await client.open_session() for _ in range(2)]
            with pytest.raises(ResourceExhaustedError, match="too many sessions"):
                await client.open_session()
            await first.close()
            await client.open_session()


@pytest.mark.rule("auth.scope-events")
async def test_streams_and_draining_need_the_scope_for_events(gateway: CCoreGateway) -> None:
    key = "mxgw_deaf_not-a-secret"
    gateway.journal.keys[key] = frozenset({"session:open", "session:close", "invoke:read"})

    with anyio.fail_after(5):
        async with await connect(gateway, api_key=key) as client:
            session = await client.open_session()
            for call in (
                session.stream_events().__anext__,
                session.drain_events,
                client.stream_alarms().__anext__,
                client.query_active_alarms().__anext__,
            ):
                with pytest.raises(PermissionDeniedError, match="events:read"):
                    await call()


@pytest.mark.rule("mx.write-before-value")
async def test_a_write_before_the_first_value_is_refused(gateway: CCoreGateway) -> None:
    gateway.plant.first_values = False

    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session, server, (item,) = await advised(client, TAG)
            with pytest.raises(MxAccessError) as caught:
                await session.write(server, item, 7)
            gateway.plant.set(TAG, 1)
            await session.write(server, item, 7)

    assert caught.value.hresult == E_INVALIDARG
    assert [write.value for write in gateway.plant.writes] == [7]


@pytest.mark.rule("bulk.read-timeout")
async def test_a_tag_without_a_value_is_a_failed_result_after_its_time(
    gateway: CCoreGateway,
) -> None:
    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session = await client.open_session()
            server = await session.register("interop")
            results = await session.read_bulk(server, [SILENT, TAG], timeout_ms=1)

    assert [result.was_successful for result in results] == [False, True]
    assert "no value within 1 ms" in results[0].error_message
    assert results[0].quality == 32


@pytest.mark.requirement("write.no-replay")
@pytest.mark.rule("command.cancel-goes-on")
async def test_a_cancelled_write_takes_effect_once_and_is_not_sent_again(
    gateway: CCoreGateway,
) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def hold(_tag: object) -> None:
        begun.set()
        may_end.wait(5)

    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session, server, (item,) = await advised(client, TAG)
            gateway.plant.on_value = hold
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(session.write, server, item, 7)
                await anyio.to_thread.run_sync(begun.wait, 5)
                tasks.cancel_scope.cancel()
            may_end.set()
            await until(gateway, lambda g: len(g.plant.writes) == 1)
            await session.ping()

    assert [write.value for write in gateway.plant.writes] == [7]


@pytest.mark.rule("session.not-restored")
async def test_sessions_do_not_outlive_a_restart() -> None:
    with anyio.fail_after(10), CCoreGateway() as first:
        async with await connect(first) as client:
            session = await client.open_session()
            await anyio.to_thread.run_sync(first.stop(None).wait)
            with CCoreGateway(port=first.port):
                with pytest.raises(NotFoundError):
                    await session.ping()
                assert await (await client.open_session()).ping()
