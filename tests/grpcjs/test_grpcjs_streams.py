"""Event streams from a gateway on grpc-js: order, back-pressure, ends of every kind."""

from __future__ import annotations

import anyio
import pytest
from grpcjs.grpcjs_client import STREAM_EVENTS, connect, options, ping, raw_events, scripted
from grpcjs.grpcjs_gateway import GrpcJsGateway, NodeProcess

from mxgateway.errors import DeadlineExceededError
from mxgateway.generated.mxaccess_gateway.v1 import (
    MxAccessGatewayStub,
    MxEvent,
    OpenSessionRequest,
    StreamEventsRequest,
)
from mxgateway.transport.channel import Channel
from mxgateway.transport.stream import MessageStream
from mxgateway.values import from_mx_value

SMALLEST_WINDOW = 65_535


@pytest.mark.parametrize("window", [SMALLEST_WINDOW, 1 << 20])
async def test_thousands_of_events_of_grpc_js_arrive_in_order(
    gateway: GrpcJsGateway, window: int
) -> None:
    count = 10_000

    with anyio.fail_after(20):
        async with await connect(gateway, stream_window=window) as client:
            session = await scripted(client, count=count)
            events = [event async for event in raw_events(client, session)]

    assert [event.worker_sequence for event in events] == list(range(1, count + 1))
    assert [from_mx_value(event.value) for event in events] == list(range(count))
    assert gateway.seen("cancelled") == []


async def test_a_slow_consumer_stops_grpc_js_at_the_window_and_nobody_else(
    gateway: GrpcJsGateway,
) -> None:
    count, size = 200, 1000  # about three windows

    with anyio.fail_after(10):
        async with await connect(gateway, stream_window=SMALLEST_WINDOW) as client:
            session = await scripted(client, count=count, size=size, report=True)
            async with raw_events(client, session) as stream:
                await gateway.until("taken", SMALLEST_WINDOW // (size + 100))
                # Calls go through while the stream stands, and leave it where it is.
                for _ in range(20):
                    await client.invoke_raw(ping(session, size=SMALLEST_WINDOW))
                await gateway.until("finished", 21)  # with OpenSession; it tells in order
                standing = gateway.seen("taken")[-1]
                events = [event async for event in stream]
            await gateway.until("taken", count)

    assert standing["bytes"] <= SMALLEST_WINDOW
    assert standing["events"] < count // 2
    assert [event.worker_sequence for event in events] == list(range(1, count + 1))


async def test_reading_on_gives_grpc_js_no_more_than_what_was_read(
    gateway: GrpcJsGateway,
) -> None:
    count, size, read = 400, 1000, 120

    with anyio.fail_after(10):
        async with await connect(gateway, stream_window=SMALLEST_WINDOW) as client:
            session = await scripted(client, count=count, size=size, report=True)
            async with raw_events(client, session) as stream:
                for _ in range(read):
                    await anext(stream)
                for _ in range(20):
                    await client.invoke_raw(ping(session))
                await gateway.until("finished", 21)
                standing = gateway.seen("taken")[-1]

    assert read <= standing["events"]
    # One message more: its bytes come back while a consumer waits for the rest of it.
    assert standing["bytes"] <= SMALLEST_WINDOW + (read + 1) * (size + 100)
    assert standing["events"] < count


@pytest.mark.parametrize("gzip", [False, True], ids=["identity", "gzip"])
async def test_events_larger_than_the_window_arrive_whole(node: NodeProcess, gzip: bool) -> None:
    size = 3 << 20

    with node.gateway(gzip=gzip) as gateway, anyio.fail_after(10):
        async with await connect(
            gateway, stream_window=SMALLEST_WINDOW, connection_window=SMALLEST_WINDOW
        ) as client:
            session = await scripted(client, count=3, size=size)
            values = [from_mx_value(event.value) async for event in raw_events(client, session)]

    assert values == ["x" * size] * 3
    assert len(gateway.seen("compressed")) == (4 if gzip else 0)  # OpenSession and the events


async def test_an_empty_stream_ends_quietly(gateway: GrpcJsGateway) -> None:
    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session = await scripted(client, count=0)
            events = [event async for event in raw_events(client, session)]

    assert events == []


@pytest.mark.parametrize("count", [0, 2])
async def test_metadata_goes_both_ways_on_a_stream_with_grpc_js(
    gateway: GrpcJsGateway, count: int
) -> None:
    script = (
        f'{{"count": {count}, "headers": {{"x-first": "1", "x-first-bin": "AP8="}},'
        ' "trailers": {"x-last": "2", "x-last-bin": "/wA="}}'
    )
    sent: dict[str, str | bytes] = {"x-plant": "north", "x-trace-bin": b"\x00\xff"}

    with anyio.fail_after(5):
        async with Channel(options(gateway)) as channel:
            opened = await MxAccessGatewayStub(channel).open_session(
                OpenSessionRequest(client_session_name=script)
            )
            stream = MessageStream(
                channel,
                STREAM_EVENTS,
                StreamEventsRequest(session_id=opened.session_id),
                MxEvent,
                metadata=sent,
            )
            events = [event async for event in stream]

    seen = gateway.seen("call", method="StreamEvents")[0]["metadata"]
    assert (seen["x-plant"], seen["x-trace-bin"]) == (["north"], ["AP8="])
    assert len(events) == count
    assert stream.initial_metadata is not None
    assert stream.trailing_metadata is not None
    assert stream.initial_metadata["x-first"] == "1"
    assert stream.initial_metadata["x-first-bin"] == b"\x00\xff"
    assert stream.trailing_metadata["x-last"] == "2"
    assert stream.trailing_metadata["x-last-bin"] == b"\xff\x00"


async def test_closing_a_stream_is_seen_by_grpc_js_as_cancelled(gateway: GrpcJsGateway) -> None:
    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session = await scripted(client, count=5, hang=True)
            async with raw_events(client, session) as stream:
                assert [(await anext(stream)).worker_sequence for _ in range(5)] == [1, 2, 3, 4, 5]
            await gateway.until("cancelled", method="StreamEvents")
            assert (await client.invoke_raw(ping(session))).hresult == 0


async def test_leaving_the_loop_is_seen_by_grpc_js_as_cancelled(gateway: GrpcJsGateway) -> None:
    with anyio.fail_after(5):
        async with await connect(gateway, stream_window=SMALLEST_WINDOW) as client:
            session = await scripted(client, count=100_000, size=100)
            async for event in raw_events(client, session):
                if event.worker_sequence == 1_000:
                    break
            await gateway.until("cancelled", method="StreamEvents")
            assert (await client.invoke_raw(ping(session))).hresult == 0


async def test_cancelling_the_reader_is_seen_by_grpc_js_as_cancelled(
    gateway: GrpcJsGateway,
) -> None:
    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session = await scripted(client, hang=True)

            async def read() -> None:
                async with raw_events(client, session) as stream:
                    await anext(stream)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read)
                await gateway.until("call", method="StreamEvents")
                tasks.cancel_scope.cancel()
            await gateway.until("cancelled", method="StreamEvents")


async def test_the_deadline_of_a_stream_ends_it_on_both_sides(gateway: GrpcJsGateway) -> None:
    sequences = []

    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session = await scripted(client, count=3, hang=True)
            stream = raw_events(client, session, timeout=0.3)
            for _ in range(3):
                sequences.append((await anext(stream)).worker_sequence)  # noqa: PERF401
            with pytest.raises(DeadlineExceededError):
                await anext(stream)
            await gateway.until("cancelled", method="StreamEvents")

    assert sequences == [1, 2, 3]
    (call,) = gateway.seen("call", method="StreamEvents")
    assert call["deadline_ms"] <= 300


async def test_twenty_streams_share_a_connection_without_mixing(gateway: GrpcJsGateway) -> None:
    count = 500
    received: dict[str, list[int]] = {}

    with anyio.fail_after(20):
        async with await connect(gateway, stream_window=SMALLEST_WINDOW) as client:

            async def read() -> None:
                session = await scripted(client, count=count, size=200)
                received[session.session_id] = [
                    event.worker_sequence
                    async for event in raw_events(client, session)
                    if event.session_id == session.session_id
                ]

            async with anyio.create_task_group() as tasks:
                for _ in range(20):
                    tasks.start_soon(read)

    assert list(received.values()) == [list(range(1, count + 1))] * 20
    assert len({call["peer"] for call in gateway.seen("call")}) == 1
