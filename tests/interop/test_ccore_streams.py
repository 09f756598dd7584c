"""Event streams of the public client against a gateway that shares no code with it."""

from __future__ import annotations

import anyio
import anyio.to_thread
import grpc
import pytest
from interop.ccore_gateway import CCoreGateway
from interop.scripted_plant import BIG, BIG_TEXT, FLOOD, SILENT, SOURCE_SECONDS, SPEED

from mxgateway import GatewayClient, Session, Timestamp
from mxgateway.errors import NotFoundError
from mxgateway.generated.mxaccess_gateway.v1 import MxEventFamily, StreamEventsRequest
from mxgateway.options import ClientOptions
from mxgateway.values import from_mx_value


def options(gateway: CCoreGateway) -> ClientOptions:
    """Return options with the smallest windows, so that flow control is always at work."""
    return ClientOptions(
        endpoint=gateway.endpoint,
        api_key=gateway.api_key,
        plaintext=True,
        stream_window=65_535,
        connection_window=65_535,
    )


async def advised(client: GatewayClient, *tags: str) -> tuple[Session, int, list[int]]:
    """Open a session that is advised to `tags`; return it with its handles."""
    session = await client.open_session(client_session_name="interop")
    server = await session.register("interop")
    items = [await session.add_item(server, tag) for tag in tags]
    for item in items:
        await session.advise(server, item)
    return session, server, items


async def saw_cancelled_stream(gateway: CCoreGateway) -> None:
    """Wait until the server has seen the client give the stream up."""
    await anyio.to_thread.run_sync(gateway.wait_until, lambda g: g.cancelled == ["StreamEvents"])


async def test_data_changes_arrive_in_order_with_their_100_ns(gateway: CCoreGateway) -> None:
    with anyio.fail_after(5):
        async with await GatewayClient.connect(options=options(gateway)) as client:
            session, server, (item,) = await advised(client, SPEED)
            events = []
            async with session.stream_events() as stream:
                async for event in stream:
                    events.append(event)
                    if len(events) == 3:
                        break

    assert [from_mx_value(event.value) for event in events] == [10.5, 20.5, 30.5]
    assert [event.worker_sequence for event in events] == [1, 2, 3]
    assert {(e.server_handle, e.item_handle, e.quality) for e in events} == {(server, item, 192)}
    stamp = events[0].source_timestamp
    assert isinstance(stamp, Timestamp)
    assert str(stamp) == "2025-10-09T08:53:20.1234567Z"
    assert stamp.timestamp() // 1 == SOURCE_SECONDS


async def test_a_write_is_followed_by_its_completion(gateway: CCoreGateway) -> None:
    with anyio.fail_after(5):
        async with await GatewayClient.connect(options=options(gateway)) as client:
            session, server, (item,) = await advised(client, SILENT)
            async with session.stream_events() as stream:
                await session.write(server, item, 42)
                change = await anext(stream)
                done = await anext(stream)

    assert (change.family, from_mx_value(change.value)) == (MxEventFamily.ON_DATA_CHANGE, 42)
    assert (done.family, done.item_handle, done.hresult) == (
        MxEventFamily.ON_WRITE_COMPLETE,
        item,
        0,
    )
    assert done.value is None
    assert done.on_write_complete is not None


async def test_a_stream_resumes_after_the_sequence_given(gateway: CCoreGateway) -> None:
    with anyio.fail_after(5):
        async with await GatewayClient.connect(options=options(gateway)) as client:
            session, _, _ = await advised(client, SPEED)
            async with session.stream_events(after_worker_sequence=2) as stream:
                event = await anext(stream)

    assert event.worker_sequence == 3


async def test_a_stream_ends_quietly_when_its_session_closes(gateway: CCoreGateway) -> None:
    sequences = []

    with anyio.fail_after(5):
        async with await GatewayClient.connect(options=options(gateway)) as client:
            session, _, _ = await advised(client, SPEED)
            async for event in session.stream_events():
                sequences.append(event.worker_sequence)
                if len(sequences) == 3:
                    await session.close()

    assert sequences == [1, 2, 3]
    assert gateway.cancelled == []


async def test_leaving_the_loop_is_seen_by_the_server(gateway: CCoreGateway) -> None:
    with anyio.fail_after(5):
        async with await GatewayClient.connect(options=options(gateway)) as client:
            session, _, _ = await advised(client, FLOOD)
            async for event in session.stream_events():
                if event.worker_sequence == 100:
                    break
            await saw_cancelled_stream(gateway)
            assert await session.register("still works") > 0


async def test_closing_a_stream_is_seen_by_the_server(gateway: CCoreGateway) -> None:
    with anyio.fail_after(5):
        async with await GatewayClient.connect(options=options(gateway)) as client:
            session, _, _ = await advised(client, SILENT)
            stream = session.stream_events()
            await stream.__aenter__()
            await anyio.to_thread.run_sync(
                gateway.wait_until, lambda g: g.calls[-1].method == "StreamEvents"
            )
            await stream.aclose()
            await saw_cancelled_stream(gateway)


async def test_cancelling_the_reader_is_seen_by_the_server(gateway: CCoreGateway) -> None:
    with anyio.fail_after(5):
        async with await GatewayClient.connect(options=options(gateway)) as client:
            session, _, _ = await advised(client, SILENT)

            async def read() -> None:
                async with session.stream_events() as stream:
                    await anext(stream)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read)
                await anyio.to_thread.run_sync(
                    gateway.wait_until, lambda g: g.calls[-1].method == "StreamEvents"
                )
                tasks.cancel_scope.cancel()
            await saw_cancelled_stream(gateway)


async def test_many_windows_of_events_lose_nothing(gateway: CCoreGateway) -> None:
    expected = 2_000  # about three windows of the smallest size

    with anyio.fail_after(20):
        async with await GatewayClient.connect(options=options(gateway)) as client:
            session, _, _ = await advised(client, FLOOD)
            sequences = []
            values = []
            async for event in session.stream_events():
                sequences.append(event.worker_sequence)
                values.append(from_mx_value(event.value))
                if len(values) == expected:
                    break

    assert sequences == list(range(1, expected + 1))
    assert values == list(range(expected))


async def test_an_unread_stream_does_not_hold_up_other_calls(gateway: CCoreGateway) -> None:
    with anyio.fail_after(5):
        async with await GatewayClient.connect(options=options(gateway)) as client:
            session, _, _ = await advised(client, FLOOD)
            async with session.stream_events() as stream:
                await anext(stream)
                handles = [await session.register(f"client-{n}") for n in range(20)]

    assert len(set(handles)) == 20


@pytest.mark.parametrize("compression", [None, grpc.Compression.Gzip], ids=["identity", "gzip"])
async def test_a_message_larger_than_the_window_arrives(compression: object) -> None:
    with anyio.fail_after(10), CCoreGateway(compression=compression) as gateway:
        async with await GatewayClient.connect(options=options(gateway)) as client:
            session, _, _ = await advised(client, BIG)
            async with session.stream_events() as stream:
                event = await anext(stream)

    assert from_mx_value(event.value) == BIG_TEXT


async def test_a_stream_of_an_unknown_session_ends_with_its_status(gateway: CCoreGateway) -> None:
    with anyio.fail_after(5):
        async with await GatewayClient.connect(options=options(gateway)) as client:
            with pytest.raises(NotFoundError, match="session-nobody"):
                async for _ in client.stream_events_raw(
                    StreamEventsRequest(session_id="session-nobody")
                ):
                    pass
