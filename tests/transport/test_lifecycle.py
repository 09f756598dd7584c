"""Starting and ending a channel: in every order, from every state, without leaks."""

from __future__ import annotations

import gc
import socket
import warnings
from collections.abc import AsyncIterator
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import ByteStream
from calls import REPLY, channel_to, event, lost, open_session, options_for, stream_events
from grpclib.const import Cardinality
from scripted_peer import PeerConnection, grpc_message, scripted_peer

from mxgateway.errors import ClientClosedError, ConfigurationError, ConnectError, ConnectionLost
from mxgateway.generated.mxaccess_gateway.v1 import MxEvent
from mxgateway.options import ClientOptions
from mxgateway.transport.channel import Channel


async def answer(connection: PeerConnection) -> None:
    while True:
        await connection.reply((await connection.request()).stream_id, REPLY)


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest.mark.requirement("tls.diagnose")
@pytest.mark.parametrize(
    ("greeting", "text"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "speaks HTTP/1"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "speaks TLS"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak HTTP/2"),
        (b"", "closed the connection"),
    ],
    ids=["http1", "tls", "ssh", "nothing"],
)
async def test_a_port_of_another_protocol_is_told_apart(greeting: bytes, text: str) -> None:
    async def handle(stream: ByteStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(greeting)

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(listener.serve, handle)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        channel = Channel(ClientOptions(endpoint=f"127.0.0.1:{port}", plaintext=True))
        with anyio.fail_after(5), pytest.raises(ConnectError, match=text) as caught:
            await channel.connect()
        assert caught.value.processed == "no"
        await channel.aclose()
        tasks.cancel_scope.cancel()


async def test_a_refused_port_and_an_unknown_name_say_so() -> None:
    endpoint = f"127.0.0.1:{unused_port()}"
    with pytest.raises(ConnectError, match=r"(?i)refused") as caught:
        await Channel(ClientOptions(endpoint=endpoint, plaintext=True)).connect()
    assert endpoint in str(caught.value)
    with pytest.raises(ConnectError, match="cannot be resolved"):
        await Channel(ClientOptions(endpoint="no.such.host.invalid:1", plaintext=True)).connect()


async def test_a_call_on_a_channel_that_does_not_run_raises_one_clear_error() -> None:
    async with scripted_peer(answer) as peer:
        channel = Channel(options_for(peer))
        with pytest.raises(ClientClosedError, match="not running"):
            await open_session(channel)
        await channel.connect()
        with pytest.raises(ClientClosedError, match="not running"):
            await open_session(channel)
        async with channel:
            assert await open_session(channel) == "session-1"
            with pytest.raises(ClientClosedError, match="runs already"):
                await channel.__aenter__()
        with pytest.raises(ClientClosedError, match="closed"):
            await open_session(channel)
        with pytest.raises(ClientClosedError, match="closed"):
            await channel.connect()


async def test_close_works_in_every_state_and_any_number_of_times() -> None:
    async with scripted_peer(answer) as peer:
        fresh = Channel(options_for(peer))
        await fresh.aclose()
        connected = Channel(options_for(peer))
        await connected.connect()
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(connected.aclose)
        await (await peer.connection(0)).until_closed()
        running = Channel(options_for(peer))
        await running.connect()
        async with running:
            async with anyio.create_task_group() as tasks:
                for _ in range(3):
                    tasks.start_soon(running.aclose)
            await running.aclose()
            running.close()
        await running.aclose()
        await (await peer.connection(1)).until_closed()
        assert {fresh.state, connected.state, running.state} == {"closed"}


async def test_close_ends_calls_in_flight_with_connection_lost() -> None:
    async with scripted_peer() as peer, channel_to(peer) as channel:
        connection = await peer.connection()
        causes = []

        async def call() -> None:
            with pytest.raises(ConnectionLost) as caught:
                await open_session(channel, timeout=None)
            causes.append(caught.value.cause)

        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(call)
                await connection.request()
                await channel.aclose()
        assert causes == ["closed"]


class Odd(BaseException):
    """Not an Exception."""


@pytest.mark.parametrize("error", [ValueError("x"), Odd("y"), KeyError("z")])
async def test_an_error_of_the_body_leaves_bare(error: BaseException) -> None:
    async with scripted_peer(answer) as peer:
        channel = Channel(options_for(peer))
        await channel.connect()
        try:
            async with channel:
                await open_session(channel)
                raise error
        except BaseException as caught:
            seen = caught
        assert seen is error
        await (await peer.connection()).until_closed()


async def test_a_cancelled_body_leaves_in_order() -> None:
    async with scripted_peer() as peer:
        channel = Channel(options_for(peer))
        await channel.connect()
        with anyio.fail_after(5):
            with anyio.CancelScope() as scope:
                async with channel:
                    scope.cancel()
                    await open_session(channel, timeout=None)
            assert scope.cancelled_caught
            await (await peer.connection()).until_closed()


async def test_a_channel_runs_in_the_callers_task_group_until_closed() -> None:
    async with scripted_peer(answer) as peer, anyio.create_task_group() as tasks:
        channel = Channel(options_for(peer))
        await channel.connect()
        await channel.run_in(tasks)
        assert await open_session(channel) == "session-1"
        with anyio.fail_after(5):
            await channel.aclose()
        await (await peer.connection()).until_closed()


async def test_a_cancelled_task_group_ends_the_channel_in_it() -> None:
    async with scripted_peer(answer) as peer:
        channel = Channel(options_for(peer))
        await channel.connect()
        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                await channel.run_in(tasks)
                assert await open_session(channel) == "session-1"
                tasks.cancel_scope.cancel()
            await (await peer.connection()).until_closed()
        assert channel.state == "closed"
        await channel.aclose()


@pytest.mark.requirement("conn.reconnect-fresh")
async def test_a_peer_that_reads_nothing_cannot_hold_close() -> None:
    async with scripted_peer() as peer:
        connection_count = 0
        channel = Channel(options_for(peer))
        await channel.connect()
        with anyio.fail_after(5):
            async with channel:
                connection = await peer.connection()
                connection.stop_reading = True
                connection_count += 1
                async with anyio.create_task_group() as tasks:
                    for _ in range(30):
                        tasks.start_soon(_endless_request, channel)
                    for _ in range(200):
                        await anyio.lowlevel.checkpoint()
                    tasks.cancel_scope.cancel()
        assert connection_count == 1


async def _endless_request(channel: Channel) -> None:
    await open_session(channel, timeout=None, metadata={"x-large": "y" * 8000})


async def test_closing_while_a_reconnect_is_under_way_ends_the_waiting_calls() -> None:
    async with scripted_peer() as peer:
        channel = Channel(options_for(peer, connect_timeout=30))
        await channel.connect()
        async with channel:
            peer.hello = False
            await (await peer.connection()).close()
            await lost(channel)

            async def call() -> None:
                with pytest.raises(ClientClosedError):
                    await open_session(channel, timeout=None)

            with anyio.fail_after(5):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(call)
                    await peer.connection(1)
                    await channel.aclose()


def test_an_unclosed_connected_channel_warns() -> None:
    async def main() -> None:
        async with scripted_peer() as peer:
            await Channel(options_for(peer)).connect()
            gc.collect()
            await (await peer.connection()).until_closed()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        anyio.run(main)
        gc.collect()
    assert any("unclosed <Channel" in str(warning.message) for warning in caught)


async def test_client_streaming_is_refused() -> None:
    channel = Channel(ClientOptions(endpoint="x:1", plaintext=True))
    with pytest.raises(ConfigurationError, match="client streaming"):
        channel.request("/x/Y", Cardinality.STREAM_UNARY, MxEvent, MxEvent)


# Leaving streams early --------------------------------------------------------


async def two_events(connection: PeerConnection) -> None:
    while True:
        stream_id = (await connection.request()).stream_id
        frames = [connection.data_frame(stream_id, grpc_message(event(n))) for n in (1, 2)]
        await connection.send(connection.headers_frame(stream_id), *frames)


async def leave_by_break(channel: Channel) -> None:
    async for _ in stream_events(channel):
        break


async def leave_by_return(channel: Channel) -> None:
    async with stream_events(channel) as stream:
        async for _ in stream:
            return


async def leave_by_error(channel: Channel) -> None:
    with pytest.raises(ZeroDivisionError):
        async with stream_events(channel):
            raise ZeroDivisionError


async def leave_by_aclose(channel: Channel) -> None:
    stream = stream_events(channel)
    await anext(stream)
    await stream.aclose()
    await stream.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def leave_by_cancelling(channel: Channel) -> None:
    with anyio.move_on_after(0.05):
        async for _ in stream_events(channel):
            pass


async def leave_by_generator(channel: Channel) -> None:
    async def numbers() -> AsyncIterator[int]:
        async with stream_events(channel) as stream:
            async for item in stream:
                yield item.worker_sequence

    generator: Any = numbers()
    assert await anext(generator) == 1
    await generator.aclose()


async def leave_in_a_cycle(channel: Channel) -> None:
    stream = stream_events(channel)
    await anext(stream)
    holder: list[Any] = [stream]
    holder.append(holder)
    del stream, holder
    gc.collect()


@pytest.mark.requirement("stream.early-exit")
@pytest.mark.parametrize(
    "leave",
    [
        leave_by_break,
        leave_by_return,
        leave_by_error,
        leave_by_aclose,
        leave_by_cancelling,
        leave_by_generator,
        leave_in_a_cycle,
    ],
)
async def test_leaving_a_stream_early_resets_it_at_the_peer(leave: Any) -> None:
    async with scripted_peer(two_events) as peer, channel_to(peer) as channel:
        with anyio.fail_after(5):
            await leave(channel)
            connection = await peer.connection()
            assert await connection.reset_of(1) == 8
            async for item in stream_events(channel):
                assert item.worker_sequence == 1
                break
