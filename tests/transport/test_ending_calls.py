"""Calls and streams that are ended from this side: by whom and when must not matter."""

from __future__ import annotations

import gc
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from calls import REPLY, channel_to, event, open_session, options_for, stream_events
from grpclib.const import Cardinality
from hyperframe.frame import GoAwayFrame, WindowUpdateFrame
from scripted_peer import PeerConnection, grpc_message, scripted_peer

from mxgateway.errors import (
    CallCancelledError,
    ClientClosedError,
    ConfigurationError,
    PermissionDeniedError,
)
from mxgateway.generated.mxaccess_gateway.v1 import (
    MxAccessGatewayStub,
    OpenSessionReply,
    OpenSessionRequest,
)
from mxgateway.transport.call import Call
from mxgateway.transport.channel import Channel

CANCEL = 0x8
WIDE_OPEN = {0x4: (1 << 31) - 1}  # SETTINGS_INITIAL_WINDOW_SIZE


async def answer(connection: PeerConnection) -> None:
    while True:
        await connection.reply((await connection.request()).stream_id, REPLY)


def unary(channel: Channel) -> Call[OpenSessionRequest, OpenSessionReply]:
    return channel.request(
        "/mxaccess_gateway.v1.MxAccessGateway/OpenSession",
        Cardinality.UNARY_UNARY,
        OpenSessionRequest,
        OpenSessionReply,
    )


@pytest.mark.requirement("call.cancel-clean")
async def test_a_cancelled_call_ends_what_is_asked_of_it_afterwards() -> None:
    async with scripted_peer() as peer, channel_to(peer) as channel:
        with anyio.fail_after(5):
            async with unary(channel) as call:
                await call.send_message(OpenSessionRequest(), end=True)
                await call.cancel()
                with pytest.raises(CallCancelledError, match="this client"):
                    await call.recv_message()
            async with unary(channel) as call:
                await call.send_request()
                await call.cancel()
                with pytest.raises(ClientClosedError):
                    await call.send_message(OpenSessionRequest(), end=True)
            async with unary(channel) as call:
                await call.cancel()
                with pytest.raises(ClientClosedError):
                    await call.send_request()
        connection = await peer.connection()
        assert [await connection.reset_of(stream_id) for stream_id in (1, 3)] == [CANCEL, CANCEL]
        assert list(connection.requests) == [1, 3]


@pytest.mark.requirement("call.cancel-clean")
async def test_cancelling_a_call_wakes_the_task_that_waits_in_it() -> None:
    async with scripted_peer() as peer, channel_to(peer) as channel:
        async with unary(channel) as call:

            async def wait() -> None:
                with pytest.raises(CallCancelledError):
                    await call.recv_message()

            with anyio.fail_after(5):
                await call.send_message(OpenSessionRequest(), end=True)
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(wait)
                    await (await peer.connection()).request()
                    await call.cancel()


@pytest.mark.requirement("stream.early-exit")
async def test_closing_a_stream_ends_the_iteration_that_waits_in_another_task() -> None:
    async with scripted_peer() as peer, channel_to(peer) as channel:
        connection = await peer.connection()
        stream = stream_events(channel)
        seen: list[int] = []

        async def read() -> None:
            seen.extend([message.worker_sequence async for message in stream])

        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read)
                await connection.request()
                await stream.aclose()
        assert seen == []
        assert await connection.reset_of(1) == CANCEL


async def test_a_call_left_before_its_message_is_reset_instead_of_waited_for() -> None:
    async with scripted_peer() as peer, channel_to(peer) as channel:
        with anyio.fail_after(5):
            async with unary(channel) as call:
                await call.send_request()
        assert await (await peer.connection()).reset_of(1) == CANCEL


@pytest.mark.requirement("stream.early-exit")
async def test_a_stream_collected_in_another_thread_is_reset_at_once() -> None:
    """The connection is idle otherwise, so nothing but the collected stream can wake the writer."""
    async with scripted_peer() as peer, channel_to(peer) as channel:
        connection = await peer.connection()
        held: list[Any] = [stream_events(channel)]

        async def read_one() -> None:
            assert (await anext(held[0])).worker_sequence == 1

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read_one)
            await connection.request()
            await connection.send(
                connection.headers_frame(1), connection.data_frame(1, grpc_message(event(1)))
            )

        def collect() -> None:
            held.clear()
            gc.collect()

        await anyio.to_thread.run_sync(collect)
        assert await connection.reset_of(1) == CANCEL


@pytest.mark.requirement("gen.structured")
async def test_a_cancelled_body_may_still_call_in_a_shielded_scope() -> None:
    """So that a session can be closed on the way out of a timeout."""
    async with scripted_peer(answer) as peer:
        replies: list[str] = []
        with anyio.fail_after(5), anyio.CancelScope() as scope:
            async with channel_to(peer) as channel:
                try:
                    scope.cancel()
                    await anyio.sleep_forever()
                finally:
                    with anyio.CancelScope(shield=True):
                        replies.append(await open_session(channel))
        assert replies == ["session-1"]
        await (await peer.connection()).until_closed()


@pytest.mark.requirement("stream.early-exit")
@pytest.mark.requirement("call.cancel-clean")
async def test_cancelling_client_and_stream_together_still_resets_the_stream() -> None:
    async with scripted_peer() as peer:

        async def run() -> None:
            async with channel_to(peer) as channel, stream_events(channel) as stream:
                await anext(stream)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            connection = await peer.connection()
            await connection.request()
            tasks.cancel_scope.cancel()
        await connection.until_closed()
        assert connection.kinds(1)[-1] == "RstStreamFrame"
        assert isinstance(connection.frames[-1], GoAwayFrame)


@pytest.mark.requirement("gen.structured")
async def test_entering_in_a_cancelled_scope_leaves_nothing_running() -> None:
    async with scripted_peer(answer) as peer:
        channel = Channel(options_for(peer))
        await channel.connect()
        with anyio.fail_after(5):
            with anyio.CancelScope() as scope:
                scope.cancel()
                async with channel:
                    await anyio.lowlevel.checkpoint()
            await (await peer.connection()).until_closed()
        assert channel.state == "closed"


@pytest.mark.requirement("call.no-trailers")
async def test_an_early_answer_ends_a_call_that_waits_for_the_peer_to_read() -> None:
    async with scripted_peer(settings=WIDE_OPEN) as peer, channel_to(peer) as channel:
        connection = await peer.connection()
        await connection.send(WindowUpdateFrame(0, window_increment=(1 << 31) - 65_536))
        await open_and_answer(connection, channel)
        connection.stop_reading = True
        ends: list[Exception] = []

        async def call() -> None:
            request = OpenSessionRequest(client_session_name="x" * 15_000_000)
            try:
                await MxAccessGatewayStub(channel).open_session(request)
            except PermissionDeniedError as error:
                ends.append(error)

        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(call)
                await connection.until(lambda: 3 in connection.requests)
                await connection.send(
                    connection.headers_frame(
                        3,
                        [
                            (":status", "200"),
                            ("content-type", "application/grpc"),
                            ("grpc-status", "7"),
                        ],
                        end=True,
                    )
                )
        assert len(ends) == 1


async def open_and_answer(connection: PeerConnection, channel: Channel) -> None:
    """Make one call, after which the client has seen everything that was sent before."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(open_session, channel)
        await connection.reply((await connection.request()).stream_id, REPLY)


@pytest.mark.requirement("err.no-leaks")
@pytest.mark.parametrize(
    "metadata", [{"x": 5}, [("a",)], {"X-Upper": "a"}, {"x": "a\nb"}, 7, {5: "x"}, {"te": "x"}]
)
async def test_metadata_that_cannot_be_sent_is_a_configuration_error(metadata: Any) -> None:
    async with scripted_peer(answer) as peer, channel_to(peer) as channel:
        with pytest.raises(ConfigurationError, match="metadata"):
            await open_session(channel, metadata=metadata)
        assert await open_session(channel) == "session-1"
