"""A call ends in time, whatever it waits for, and a cancelled call leaves nothing behind."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import anyio
import pytest
import sniffio
from calls import REPLY, channel_to, event, lost, open_session, options_for, stream_events
from hyperframe.frame import Frame, SettingsFrame
from scripted_peer import PeerConnection, Script, grpc_message, scripted_peer

from mxgateway.errors import ConnectTimeout, DeadlineExceededError, MxGatewayError
from mxgateway.generated.mxaccess_gateway.v1 import MxAccessGatewayStub, OpenSessionRequest
from mxgateway.transport.channel import Channel

MAX_STREAMS = 3
WINDOW = 4
SHORT = 0.05


def idle(channel: Channel) -> bool:
    """Return whether no call has left a stream, a slot or a waiter behind."""
    return all(
        not connection.streams and connection.stream_limit.open == 0 and not connection._waiters
        for connection in channel._pumps
    )


async def silent(connection: PeerConnection, stream_id: int) -> None:
    """Answer nothing."""


async def headers_only(connection: PeerConnection, stream_id: int) -> None:
    """Begin the reply."""
    await connection.send(connection.headers_frame(stream_id))


async def message_only(connection: PeerConnection, stream_id: int) -> None:
    """Send all but the trailers."""
    await connection.send(
        connection.headers_frame(stream_id), connection.data_frame(stream_id, grpc_message(REPLY))
    )


def partly(reply: Any) -> Script:
    """Serve requests with a partial reply, and those with the header `x-good` whole."""

    async def script(connection: PeerConnection) -> None:
        while True:
            request = await connection.request()
            if "x-good" in request.headers:
                await connection.reply(request.stream_id, REPLY)
            else:
                await reply(connection, request.stream_id)

    return script


@pytest.mark.requirement("conn.timeouts")
@pytest.mark.parametrize(
    ("reply", "settings", "phase", "processed"),
    [
        (silent, {}, "headers", "maybe"),
        (headers_only, {}, "message", "maybe"),
        (message_only, {}, "trailers", "maybe"),
        (silent, {MAX_STREAMS: 0}, "slot", "no"),
        (silent, {WINDOW: 0}, "send", "maybe"),
    ],
    ids=["headers", "message", "trailers", "slot", "send"],
)
async def test_a_deadline_says_in_which_phase_it_passed(
    reply: Any, settings: dict[int, int], phase: str, processed: str
) -> None:
    async with (
        scripted_peer(partly(reply), settings=settings) as peer,
        channel_to(peer) as channel,
    ):
        stub = MxAccessGatewayStub(channel)
        with anyio.fail_after(5), pytest.raises(DeadlineExceededError) as caught:
            await stub.open_session(OpenSessionRequest(client_session_name="x"), timeout=SHORT)
        assert caught.value.phase == phase
        assert caught.value.processed == processed
        assert caught.value.to_dict()["phase"] == phase
        assert idle(channel)


@pytest.mark.requirement("conn.timeouts")
async def test_the_deadline_covers_reconnecting() -> None:
    async with scripted_peer() as peer:
        channel = Channel(options_for(peer, connect_timeout=30))
        await channel.connect()
        async with channel:
            peer.hello = False  # the next connection hears nothing
            await (await peer.connection()).close()
            await lost(channel)
            with anyio.fail_after(5), pytest.raises(DeadlineExceededError) as caught:
                await open_session(channel, timeout=SHORT)
            assert caught.value.phase == "connect"
            assert caught.value.processed == "no"


@pytest.mark.requirement("conn.timeouts")
async def test_a_peer_that_says_nothing_is_a_connect_timeout() -> None:
    async with scripted_peer(hello=False) as peer:
        channel = Channel(options_for(peer, connect_timeout=SHORT))
        with anyio.fail_after(5), pytest.raises(ConnectTimeout) as caught:
            await channel.connect()
        assert "HTTP/2 settings" in str(caught.value)
        assert caught.value.processed == "no"
        await channel.aclose()


@pytest.mark.requirement("conn.timeouts")
async def test_the_wire_timeout_never_exceeds_what_is_left() -> None:
    async def script(connection: PeerConnection) -> None:
        while True:
            await connection.reply((await connection.request()).stream_id, REPLY)

    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        for timeout in (0.75, 20.5, 1e9):
            await open_session(channel, timeout=timeout)
        await open_session(channel, timeout=None)
        sent = [r.headers.get("grpc-timeout") for r in peer.connections[0].requests.values()]
    assert sent[3] is None
    units = {"S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
    for text, limit in zip(sent, (0.75, 20.5, 1e9), strict=False):
        assert text is not None
        assert len(text) <= 9
        assert int(text[:-1]) * units[text[-1]] <= limit


async def by_anyio(call: Callable[[], Any], started: Callable[[], Any]) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call)
        await started()
        tasks.cancel_scope.cancel()


async def by_library(call: Callable[[], Any], started: Callable[[], Any]) -> None:
    if sniffio.current_async_library() == "trio":
        import trio

        async with trio.open_nursery() as nursery:
            nursery.start_soon(call)
            await started()
            nursery.cancel_scope.cancel()
    else:
        task = asyncio.create_task(call())
        await started()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def by_wait_for(call: Callable[[], Any], started: Callable[[], Any]) -> None:
    if sniffio.current_async_library() == "trio":
        import trio

        with trio.move_on_after(SHORT) as scope:
            await call()
        assert scope.cancelled_caught
    else:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(call(), SHORT)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SHORT):
                await call()


@pytest.mark.requirement("call.cancel-clean")
@pytest.mark.parametrize("cancel", [by_anyio, by_library, by_wait_for])
@pytest.mark.parametrize("reply", [silent, headers_only, message_only])
async def test_a_cancelled_call_is_reset_and_the_next_call_works(cancel: Any, reply: Any) -> None:
    async with scripted_peer(partly(reply)) as peer, channel_to(peer) as channel:
        connection = await peer.connection()

        async def call() -> None:
            await open_session(channel, timeout=None)

        async def started() -> None:
            await connection.until(lambda: any(r.ended for r in connection.requests.values()))

        with anyio.fail_after(5):
            await cancel(call, started)
        assert idle(channel)
        with anyio.fail_after(5):
            assert await open_session(channel, metadata={"x-good": "1"}) == "session-1"
        kinds = connection.kinds(1)
        assert kinds[0] == "HeadersFrame"
        assert kinds.count("RstStreamFrame") == 1
        assert connection.requests[1].reset == 8


@pytest.mark.requirement("call.cancel-clean")
async def test_a_call_cancelled_before_its_headers_leaves_no_trace() -> None:
    async with (
        scripted_peer(settings={MAX_STREAMS: 0}) as peer,
        channel_to(peer) as channel,
    ):
        with anyio.move_on_after(SHORT) as scope:
            await open_session(channel, timeout=None)
        assert scope.cancelled_caught
        assert idle(channel)
        connection = await peer.connection()
        await connection.send(SettingsFrame(0, settings={MAX_STREAMS: 5}))

        async def answer() -> None:
            await connection.reply((await connection.request()).stream_id, REPLY)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(answer)
            assert await open_session(channel) == "session-1"
        assert list(connection.requests) == [1]


async def echo(connection: PeerConnection) -> None:
    """Answer every request in pieces, with turns for other tasks in between."""

    async def one(stream_id: int) -> None:
        message = grpc_message(REPLY)
        # Made one by one: what the header compression has seen must be sent.
        for make in (
            lambda: connection.headers_frame(stream_id),
            lambda: connection.data_frame(stream_id, message[:4]),
            lambda: connection.data_frame(stream_id, message[4:]),
            lambda: connection.trailers_frame(stream_id),
        ):
            if connection.requests[stream_id].reset is not None:
                return
            await connection.send(make())

    while True:
        await one((await connection.request()).stream_id)


@pytest.mark.requirement("call.cancel-clean")
@pytest.mark.parametrize("rounds", [4, pytest.param(200, marks=pytest.mark.slow)])
async def test_calls_cancelled_at_random_points_leave_nothing_behind(rounds: int) -> None:
    rng = random.Random(rounds)
    async with (
        scripted_peer(echo, settings={MAX_STREAMS: 20}) as peer,
        channel_to(peer) as channel,
    ):
        ended = 0

        async def call(turns: int) -> None:
            nonlocal ended
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as tasks:

                    async def cancel() -> None:
                        for _ in range(turns):
                            await anyio.lowlevel.checkpoint()
                        scope.cancel()

                    tasks.start_soon(cancel)
                    await open_session(channel, timeout=None)
                    tasks.cancel_scope.cancel()
            ended += 1

        with anyio.fail_after(60 + rounds):
            for _ in range(rounds):
                async with anyio.create_task_group() as tasks:
                    for _ in range(100):
                        tasks.start_soon(call, rng.randint(0, 60))
                assert idle(channel)
                assert await open_session(channel) == "session-1"
        assert ended == 100 * rounds
        assert len(peer.connections) == 1


@pytest.mark.requirement("err.no-leaks")
@pytest.mark.parametrize("cut", range(0, 60, 7))
async def test_a_connection_cut_at_any_byte_of_a_reply_ends_the_call_in_the_tree(cut: int) -> None:
    async def script(connection: PeerConnection) -> None:
        stream_id = (await connection.request()).stream_id
        data = b"".join(
            frame.serialize()
            for frame in (
                connection.headers_frame(stream_id),
                connection.data_frame(stream_id, grpc_message(REPLY)),
                connection.trailers_frame(stream_id),
            )
        )
        assert len(data) > cut
        await connection.byte_by_byte(data[:cut])
        await connection.close()

    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        with anyio.fail_after(5), pytest.raises(MxGatewayError):
            await open_session(channel, timeout=None)
        assert idle(channel)


async def test_a_reply_that_comes_byte_by_byte_is_whole() -> None:
    async def script(connection: PeerConnection) -> None:
        stream_id = (await connection.request()).stream_id
        frames: list[Frame] = [
            connection.headers_frame(stream_id),
            connection.data_frame(stream_id, grpc_message(event(1))),
            connection.data_frame(stream_id, grpc_message(event(2)), padding=9),
            connection.trailers_frame(stream_id),
        ]
        await connection.byte_by_byte(b"".join(frame.serialize() for frame in frames))

    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        with anyio.fail_after(5):
            assert [e.worker_sequence async for e in stream_events(channel)] == [1, 2]
