"""Connecting and closing at the same moment, and what a peer does in that moment."""

from __future__ import annotations

import socket
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from calls import REPLY, channel_to, event, open_session, options_for, stream_events
from hyperframe.frame import PingFrame, SettingsFrame
from scripted_peer import PeerConnection, grpc_message, scripted_peer
from tls_files import TlsFiles

from mxgateway.errors import (
    ClientClosedError,
    ConfigurationError,
    ConnectError,
    ConnectionLost,
    RemoteProtocolError,
)
from mxgateway.options import ClientOptions
from mxgateway.transport import channel as channel_module
from mxgateway.transport.channel import Channel
from mxgateway.transport.dial import dial, make_protocol
from mxgateway.transport.keepalive import Action, Keepalive
from mxgateway.transport.outbox import Outbox


def unused_endpoint() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


async def answer(connection: PeerConnection) -> None:
    while True:
        await connection.reply((await connection.request()).stream_id, REPLY)


@pytest.mark.requirement("conn.reconnect-fresh")
async def test_closing_gives_up_a_connect_that_is_under_way() -> None:
    async with scripted_peer(hello=False) as peer:
        channel = Channel(options_for(peer, connect_timeout=None))

        async def connect() -> None:
            with pytest.raises(ClientClosedError):
                await channel.connect()

        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(connect)
                connection = await peer.connection()
                await channel.aclose()
            await connection.until_closed()
        assert channel._pumps == {}


@pytest.mark.requirement("conn.reconnect-fresh")
async def test_a_connect_that_succeeds_after_close_leaves_no_connection_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real_dial = dial

    async def slow_dial(*args: Any) -> Any:
        pump = await real_dial(*args)
        channel.close()
        return pump

    monkeypatch.setattr(channel_module, "dial", slow_dial)
    async with scripted_peer() as peer:
        channel = Channel(options_for(peer))
        with pytest.raises(ClientClosedError):
            await channel.connect()
        await (await peer.connection()).until_closed()
        assert channel._pumps == {}


@pytest.mark.requirement("conn.reconnect-fresh")
async def test_connects_that_come_together_share_one_connection() -> None:
    async with scripted_peer(answer) as peer:
        channel = Channel(options_for(peer))
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(channel.connect)
        assert len(peer.connections) == 1
        async with channel:
            assert await open_session(channel) == "session-1"


@pytest.mark.requirement("conn.reconnect-fresh")
async def test_a_cancelled_connect_does_not_take_the_others_with_it() -> None:
    async with scripted_peer(hello=False) as peer:
        channel = Channel(options_for(peer))
        first = anyio.CancelScope()

        async def cancelled() -> None:
            with first:
                await channel.connect()

        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(cancelled)
                await peer.connection()
                tasks.start_soon(channel.connect)
                await anyio.lowlevel.checkpoint()
                peer.hello = True
                first.cancel()
        assert channel.connected
        await channel.aclose()


@pytest.mark.requirement("conn.reconnect-fresh")
async def test_a_call_does_not_fail_for_an_attempt_that_began_before_it() -> None:
    """A gateway that restarts refuses the attempt of an earlier call, and takes the next one."""
    async with scripted_peer(answer) as peer:
        channel = Channel(options_for(peer))
        await channel.connect()
        async with channel:
            await (await peer.connection()).close()
            with anyio.fail_after(5):
                while channel.connected:
                    await anyio.lowlevel.checkpoint()
            peer.hello = False
            replies: list[str] = []

            async def first() -> None:
                with pytest.raises(ConnectError):
                    await open_session(channel)

            async def second() -> None:
                replies.append(await open_session(channel))

            with anyio.fail_after(5):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(first)
                    refused = await peer.connection(1)
                    for _ in range(3):
                        tasks.start_soon(second)
                    await anyio.wait_all_tasks_blocked()
                    peer.hello = True
                    await refused.close()
        assert replies == ["session-1"] * 3
        assert len(peer.connections) == 3


@pytest.mark.requirement("err.no-leaks")
async def test_concurrent_callers_get_error_objects_of_their_own() -> None:
    async with scripted_peer() as peer:
        channel = Channel(options_for(peer))
        await channel.connect()
        errors: list[ConnectError] = []

        async def call() -> None:
            try:
                await open_session(channel)
            except ConnectError as error:
                errors.append(error)

        async with channel:
            await (await peer.connection()).close()
            with anyio.fail_after(5):
                while channel.connected:
                    await anyio.lowlevel.checkpoint()
            channel.options = channel.options.replace(endpoint=unused_endpoint())
            async with anyio.create_task_group() as tasks:
                for _ in range(3):
                    tasks.start_soon(call)
        assert len({id(error) for error in errors}) == 3


async def test_bytes_that_arrive_while_closing_do_not_change_the_reason() -> None:
    """A busy stream goes on sending during the farewell."""
    async with scripted_peer() as peer, channel_to(peer) as channel:
        connection = await peer.connection()
        errors: list[BaseException] = []

        async def read() -> None:
            try:
                async for _ in stream_events(channel):
                    pass
            except ConnectionLost as error:
                errors.append(error)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await connection.request()
            ((own, pump),) = channel._pumps.items()
            own.close()
            pump.protocol.data_received(
                connection.headers_frame(1).serialize()
                + connection.data_frame(1, grpc_message(event(1))).serialize()
            )
        (error,) = errors
        assert isinstance(error, ConnectionLost)
        assert error.cause == "closed"


@pytest.mark.requirement("live.keepalive-polite")
async def test_keepalive_is_silent_during_the_farewell_of_a_peer_that_reads_nothing() -> None:
    async with scripted_peer() as peer:
        channel = Channel(
            options_for(
                peer,
                keepalive_time=0.1,  # due within the farewell
                keepalive_timeout=60,
                keepalive_without_calls=True,
            )
        )
        await channel.connect()
        ((own, pump),) = channel._pumps.items()
        # A writer that is stuck keeps the farewell going for its whole time.
        stuck = anyio.Event()
        pump._stream.send = lambda _: stuck.wait()  # type: ignore[assignment]
        with anyio.fail_after(5):
            async with channel:
                own.send_ping()
                await anyio.lowlevel.checkpoint()
        assert channel.state == "closed"


@pytest.mark.requirement("live.keepalive-polite")
def test_an_answer_within_one_tick_of_the_clock_is_a_sign_of_life() -> None:
    keepalive = Keepalive(30.0, 10.0)
    assert keepalive.check(100.0, 70.0, calls=True)[0] is Action.PING
    assert keepalive.check(110.0, 100.0, calls=True) == (Action.WAIT, 130.0)


@pytest.mark.requirement("err.no-leaks")
@pytest.mark.parametrize(
    "name", [".", "a..b", "x" * 70, "a\0b", "\N{LATIN SMALL LETTER U}\u0308" * 70]
)
async def test_a_name_that_no_certificate_can_have_is_an_error_of_the_tree(
    tls_files: TlsFiles, name: str
) -> None:
    async with scripted_peer(context=tls_files.server_context()) as peer:
        with pytest.raises((ConfigurationError, ConnectError)):
            await Channel(
                ClientOptions(
                    endpoint=peer.endpoint, ca_file=tls_files.ca_file, server_name_override=name
                )
            ).connect()


@pytest.mark.requirement("msg.limits")
def test_a_flood_of_pings_from_a_peer_that_reads_nothing_ends_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mxgateway.transport.protocol.HOPELESS", 10_000)
    outbox = Outbox()
    protocol = make_protocol(ClientOptions(endpoint="x:1", plaintext=True), outbox)
    protocol.data_received(SettingsFrame(0).serialize())
    flood = PingFrame(0, opaque_data=b"12345678").serialize() * 1000
    while protocol.data_received(flood):
        flood = b""
    loss = protocol.connection.loss
    assert loss is not None
    assert isinstance(loss.error("maybe"), RemoteProtocolError)
    assert outbox.take() == b""
