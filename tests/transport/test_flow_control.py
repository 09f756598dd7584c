"""Slow consumers, small windows, stream limits: nobody starves and nothing overflows."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import pytest
from calls import REPLY, channel_to, event, open_session, stream_events
from hyperframe.frame import SettingsFrame, WindowUpdateFrame
from scripted_peer import PeerConnection, Request, grpc_message, scripted_peer

from mxgateway.errors import DeadlineExceededError, ResourceExhaustedError
from mxgateway.generated.mxaccess_gateway.v1 import MxAccessGatewayStub, OpenSessionRequest

MAX_STREAMS = 3
INITIAL_WINDOW = 4
WINDOW = 65_535


async def send_events(
    connection: PeerConnection, request: Request, count: int, size: int, window: int
) -> None:
    """Send events and trailers, never more than the client has granted on the stream."""
    sent = 0
    await connection.send(connection.headers_frame(request.stream_id))
    for number in range(1, count + 1):
        message = grpc_message(event(number, size))
        for start in range(0, len(message), 16_000):
            part = message[start : start + 16_000]
            sent += len(part)
            await _credit(connection, request, sent - window)
            await connection.send(connection.data_frame(request.stream_id, part))
    await connection.send(connection.trailers_frame(request.stream_id))


async def _credit(connection: PeerConnection, request: Request, size: int) -> None:
    await connection.until(lambda: request.credit >= size)


@pytest.mark.requirement("flow.isolation")
async def test_an_unread_stream_does_not_starve_another() -> None:
    async def script(connection: PeerConnection) -> None:
        unread = await connection.request()
        filler = grpc_message(event(1, 16_000))
        await connection.send(connection.headers_frame(unread.stream_id))
        for _ in range(4):
            await connection.send(connection.data_frame(unread.stream_id, filler[:16_300]))
        await send_events(connection, await connection.request(), 1000, 200, WINDOW)
        assert unread.credit == 0  # nobody read it, so the peer may send no more on it

    async with (
        scripted_peer(script) as peer,
        channel_to(peer, stream_window=WINDOW, connection_window=2 * WINDOW) as channel,
    ):
        async with stream_events(channel):
            with anyio.fail_after(20):
                numbers = [e.worker_sequence async for e in stream_events(channel)]
        assert numbers == list(range(1, 1001))


@pytest.mark.requirement("flow.isolation")
@pytest.mark.parametrize("padding", [0, 200])
async def test_a_message_larger_than_the_window_arrives(padding: int) -> None:
    size = 400_000

    async def script(connection: PeerConnection) -> None:
        await send_events(connection, await connection.request(), 3, size, WINDOW)

    async with (
        scripted_peer(script) as peer,
        channel_to(peer, stream_window=WINDOW, connection_window=WINDOW) as channel,
    ):
        with anyio.fail_after(20):
            sizes = [len(e.raw_status) async for e in stream_events(channel)]
        assert sizes == [size] * 3


@pytest.mark.requirement("flow.isolation")
async def test_connection_credit_of_reset_streams_comes_back() -> None:
    async def script(connection: PeerConnection) -> None:
        for _ in range(6):
            request = await connection.request()
            await connection.send(connection.headers_frame(request.stream_id))
            await connection.send(
                connection.data_frame(request.stream_id, grpc_message(event(1, 15_000)))
            )
            await connection.reset_of(request.stream_id)
            # These were on their way when the reset was sent.
            await connection.send(connection.data_frame(request.stream_id, bytes(16_000)))
        await connection.until(lambda: connection.credit >= 2 * WINDOW)
        await connection.reply((await connection.request()).stream_id, REPLY)

    async with (
        scripted_peer(script) as peer,
        channel_to(peer, stream_window=WINDOW, connection_window=WINDOW) as channel,
    ):
        with anyio.fail_after(10):
            for _ in range(6):
                async with stream_events(channel) as stream:
                    await anext(stream)
            assert await open_session(channel, timeout=None) == "session-1"


@pytest.mark.requirement("flow.isolation")
async def test_a_request_waits_for_the_window_even_below_zero() -> None:
    name = "n" * 50_000

    async def script(connection: PeerConnection) -> None:
        await connection.until(lambda: 1 in connection.requests)
        request = connection.requests[1]
        await connection.until(lambda: len(request.data) == 1000)
        await connection.send(SettingsFrame(0, settings={INITIAL_WINDOW: 0}))  # now at -1000
        await connection.send(WindowUpdateFrame(1, window_increment=900))
        await connection.send(WindowUpdateFrame(1, window_increment=60_000))
        await connection.reply((await connection.request()).stream_id, REPLY)

    async with (
        scripted_peer(script, settings={INITIAL_WINDOW: 1000}) as peer,
        channel_to(peer) as channel,
    ):
        stub = MxAccessGatewayStub(channel)
        await stub.open_session(OpenSessionRequest(client_session_name=name), timeout=5)
        assert len(peer.connections[0].requests[1].data) > 50_000


@pytest.mark.requirement("flow.max-streams")
async def test_calls_above_the_stream_limit_start_in_turn() -> None:
    async with (
        scripted_peer(settings={MAX_STREAMS: 2}) as peer,
        channel_to(peer) as channel,
    ):
        connection = await peer.connection()
        done: list[int] = []

        async def call(number: int) -> None:
            await open_session(channel, metadata={"x-number": str(number)})
            done.append(number)

        async with anyio.create_task_group() as tasks:
            for number in range(6):
                tasks.start_soon(call, number)
                for _ in range(20):
                    await anyio.lowlevel.checkpoint()
            with anyio.fail_after(5):
                for _ in range(6):
                    request = await connection.request()
                    running = [r for r in connection.requests.values() if r.reset is None]
                    assert len(running) - len(done) <= 3
                    await connection.reply(request.stream_id, REPLY)
        order = [int(r.headers["x-number"]) for r in connection.requests.values()]
        assert order == list(range(6))


@pytest.mark.requirement("flow.max-streams")
async def test_a_call_that_finds_no_slot_says_how_many_are_open() -> None:
    async with (
        scripted_peer(settings={MAX_STREAMS: 2}) as peer,
        channel_to(peer) as channel,
    ):
        async with stream_events(channel), stream_events(channel):
            with pytest.raises(DeadlineExceededError, match="stream limit 2 reached, 2 calls open"):
                await open_session(channel, timeout=0.05)
        connection = await peer.connection()
        assert await connection.reset_of(1) == 8

        async def reply() -> None:
            await connection.until(lambda: connection.requests.get(5) is not None)
            await connection.reply(5, REPLY)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(reply)
            assert await open_session(channel) == "session-1"


@pytest.mark.requirement("msg.limits")
async def test_a_message_above_the_send_limit_never_reaches_the_wire() -> None:
    async with scripted_peer() as peer, channel_to(peer, max_send_bytes=1000) as channel:
        stub = MxAccessGatewayStub(channel)
        with pytest.raises(ResourceExhaustedError, match="max_send_bytes") as caught:
            await stub.open_session(OpenSessionRequest(client_session_name="n" * 1001))
        assert caught.value.processed == "no"
        assert (await peer.connection()).requests == {}


@pytest.mark.requirement("msg.limits")
async def test_sixteen_mebibytes_go_and_come() -> None:
    size = (16 << 20) - 1024

    async def script(connection: PeerConnection) -> None:
        async def grant() -> None:
            for granted in range(0, size, 60_000):
                await _received(connection, granted)
                await connection.send(
                    WindowUpdateFrame(0, window_increment=60_000),
                    WindowUpdateFrame(1, window_increment=60_000),
                )

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(grant)
            request = await connection.request()
            tasks.cancel_scope.cancel()
        await connection.send(connection.headers_frame(request.stream_id))
        message: Any = grpc_message(REPLY + b"\x12" + _varint(size) + b"b" * size)
        for start in range(0, len(message), 16_000):
            part = message[start : start + 16_000]
            await connection.send(connection.data_frame(request.stream_id, part))
        await connection.send(connection.trailers_frame(request.stream_id))

    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        stub = MxAccessGatewayStub(channel)
        request = OpenSessionRequest(client_session_name="n" * size)
        reply = await stub.open_session(request, timeout=60)
        assert len(reply.backend_name) == size


async def _received(connection: PeerConnection, size: int) -> None:
    await connection.until(
        lambda: sum(len(request.data) for request in connection.requests.values()) > size
    )


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])
