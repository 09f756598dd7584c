"""Connections come and go under a channel: GOAWAY, loss, and the next call."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest
from calls import REPLY, channel_to, event, open_session, options_for, stream_events, until
from hyperframe.frame import GoAwayFrame, WindowUpdateFrame
from scripted_peer import PeerConnection, grpc_message, scripted_peer

from mxgateway.errors import ConnectError, ConnectionLost, MxGatewayError
from mxgateway.generated.mxaccess_gateway.v1 import MxAccessGatewayStub, OpenSessionRequest
from mxgateway.transport.channel import Channel

EVERYTHING = (1 << 31) - 1


async def answer(connection: PeerConnection) -> None:
    while True:
        await connection.reply((await connection.request()).stream_id, REPLY)


@pytest.mark.requirement("conn.goaway")
@pytest.mark.parametrize("polite", [True, False], ids=["two-steps", "one-step"])
async def test_a_drained_connection_finishes_its_streams_beside_a_new_one(polite: bool) -> None:
    async with scripted_peer() as peer, channel_to(peer) as channel:
        stream = stream_events(channel)
        async with anyio.create_task_group() as tasks:
            with anyio.fail_after(5):
                old = await peer.connection()

                async def begin() -> None:
                    assert (await anext(stream)).worker_sequence == 1

                tasks.start_soon(begin)
                request = await old.request()
                stream_id = request.stream_id
                await old.send(
                    old.headers_frame(stream_id), old.data_frame(stream_id, grpc_message(event(1)))
                )
                if polite:
                    await old.goaway(EVERYTHING)
                await old.goaway(stream_id, debug=b"bye")
                await until(lambda: not channel.connected)

                async def second() -> None:
                    new = await peer.connection(1)
                    await new.reply((await new.request()).stream_id, REPLY)

                tasks.start_soon(second)
                assert await open_session(channel) == "session-1"
                assert len(channel._pumps) == 2
                await old.send(
                    old.data_frame(stream_id, grpc_message(event(2))), old.trailers_frame(stream_id)
                )
                assert (await anext(stream)).worker_sequence == 2
                with pytest.raises(StopAsyncIteration):
                    await anext(stream)
                await old.until_closed()
                await until(lambda: len(channel._pumps) == 1)
                assert not (await peer.connection(1)).closed


@pytest.mark.requirement("conn.goaway")
@pytest.mark.requirement("write.no-replay")
async def test_a_call_above_the_last_stream_id_goes_out_again_on_a_new_connection() -> None:
    async with scripted_peer() as peer, channel_to(peer) as channel:
        old = await peer.connection()
        ended: dict[str, str] = {}

        async def call(name: str) -> None:
            ended[name] = await open_session(channel, metadata={"x-name": name})

        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(call, "first")
                await old.until(lambda: 1 in old.requests)
                tasks.start_soon(call, "second")
                await old.until(lambda: 3 in old.requests)
                await old.goaway(1, debug=b"restart")
                new = await peer.connection(1)
                again = await new.request()
                assert dict(again.headers)["x-name"] == "second"
                await new.reply(again.stream_id, REPLY)
                await until(lambda: "second" in ended)
                assert "first" not in ended
                await old.reply(1, REPLY)
        assert ended == {"first": "session-1", "second": "session-1"}
        assert len(new.requests) == 1


@pytest.mark.requirement("conn.goaway")
async def test_a_call_that_every_connection_refuses_fails_as_not_processed() -> None:
    seen = []

    async def script(connection: PeerConnection) -> None:
        seen.append((await connection.request()).stream_id)
        await connection.goaway(0, debug=b"restart")

    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        with anyio.fail_after(5), pytest.raises(ConnectionLost) as caught:
            await open_session(channel)
        assert (caught.value.cause, caught.value.processed) == ("goaway", "no")
        assert "restart" in str(caught.value)
        assert seen == [1, 1, 1]


@pytest.mark.requirement("conn.goaway")
@pytest.mark.parametrize("size", [0, 200_000], ids=["small", "above the window"])
async def test_a_refused_stream_is_sent_again_whole(size: int) -> None:
    name = "x" * size

    async def script(connection: PeerConnection) -> None:
        await connection.until(lambda: 1 in connection.requests)  # perhaps only its beginning
        await connection.reset(1, 7)
        await connection.until(lambda: 3 in connection.requests)
        for stream_id in (0, 3):
            await connection.send(WindowUpdateFrame(stream_id, window_increment=1 << 20))
        await connection.until(lambda: connection.requests[3].ended)
        request = connection.requests[3]
        assert OpenSessionRequest.parse(request.message).client_session_name == name
        await connection.reply(request.stream_id, REPLY)

    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        with anyio.fail_after(5):
            stub = MxAccessGatewayStub(channel)
            request = OpenSessionRequest(client_session_name=name)
            assert (await stub.open_session(request)).session_id == "session-1"


@pytest.mark.requirement("stream.early-exit")
async def test_a_refused_stream_of_events_starts_again_and_can_be_left() -> None:
    async def script(connection: PeerConnection) -> None:
        await connection.reset((await connection.request()).stream_id, 7)
        stream_id = (await connection.request()).stream_id
        await connection.send(
            connection.headers_frame(stream_id),
            connection.data_frame(stream_id, grpc_message(event(1))),
        )
        assert await connection.reset_of(stream_id) == 8

    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        with anyio.fail_after(5):
            async with stream_events(channel) as stream:
                assert (await anext(stream)).worker_sequence == 1
        connection = await peer.connection()
        with anyio.fail_after(5):
            assert await connection.reset_of(3) == 8


@pytest.mark.requirement("conn.goaway")
@pytest.mark.parametrize("cut", [1, 8, 9, 12, 17, 20])
async def test_a_goaway_is_seen_wherever_the_network_cuts_it(cut: int) -> None:
    async def script(connection: PeerConnection) -> None:
        stream_id = (await connection.request()).stream_id
        goaway = GoAwayFrame(0, last_stream_id=stream_id, additional_data=b"xyz").serialize()
        await connection.send(connection.headers_frame(stream_id))
        data = connection.data_frame(stream_id, grpc_message(REPLY)).serialize()
        await connection.raw(data[:7])
        await connection.raw(data[7:] + goaway[:cut])
        await anyio.lowlevel.checkpoint()
        await connection.raw(goaway[cut:] + connection.trailers_frame(stream_id).serialize())

    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        assert await open_session(channel) == "session-1"
        await (await peer.connection()).until_closed()


@pytest.mark.requirement("conn.goaway")
async def test_goaway_then_eof_ends_the_call_and_shows_the_reason() -> None:
    async def script(connection: PeerConnection) -> None:
        await connection.request()
        await connection.goaway(1, code=2, debug=b"worker pool on fire")
        await connection.close()

    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        with pytest.raises(ConnectionLost) as caught, anyio.fail_after(5):
            await open_session(channel, timeout=None)
    assert caught.value.cause == "goaway"
    assert "INTERNAL_ERROR" in str(caught.value)
    assert "worker pool on fire" in caught.value.diagnostics()


@pytest.mark.requirement("live.keepalive-polite")
async def test_too_many_pings_doubles_the_interval(caplog: pytest.LogCaptureFixture) -> None:
    async def script(connection: PeerConnection) -> None:
        await connection.goaway(0, code=11, debug=b"too_many_pings")

    async with scripted_peer(script) as peer, channel_to(peer, keepalive_time=7) as channel:
        await until(lambda: channel._keepalive_time == 14)
    assert sum("14 s" in record.getMessage() for record in caplog.records) == 1


@pytest.mark.requirement("err.no-leaks")
async def test_a_lost_connection_fails_all_calls_at_once_and_the_next_connects_anew() -> None:
    async with scripted_peer() as peer, channel_to(peer) as channel:
        first = await peer.connection()
        errors: list[MxGatewayError] = []

        async def call() -> None:
            with pytest.raises(ConnectionLost) as caught:
                await open_session(channel, timeout=None)
            errors.append(caught.value)

        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                for _ in range(10):
                    tasks.start_soon(call)
                await first.until(lambda: len(first.requests) == 10)
                await first.close()
        assert len({id(error) for error in errors}) == 10
        assert {error.processed for error in errors} == {"maybe"}

        async def second() -> None:
            connection = await peer.connection(1)
            for _ in range(10):
                await connection.reply((await connection.request()).stream_id, REPLY)

        async def again() -> None:
            assert await open_session(channel) == "session-1"

        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(second)
                for _ in range(10):
                    tasks.start_soon(again)
        assert len(peer.connections) == 2  # all ten shared one attempt


@pytest.mark.requirement("err.no-leaks")
async def test_a_failing_reconnect_raises_to_each_caller_and_is_tried_again() -> None:
    channel: Channel
    async with scripted_peer() as peer:
        channel = Channel(options_for(peer))
        await channel.connect()
        connection = await peer.connection()
    async with channel:
        with anyio.fail_after(5):
            await connection.until_closed()
            await until(lambda: not channel.connected)
            errors = []

            async def call() -> None:
                with pytest.raises(ConnectError) as caught:
                    await open_session(channel, timeout=None)
                errors.append(caught.value)

            for _ in range(2):
                async with anyio.create_task_group() as tasks:
                    for _ in range(5):
                        tasks.start_soon(call)
        assert len({id(error) for error in errors}) == 10
        assert {error.processed for error in errors} == {"no"}


async def test_a_defect_in_the_reader_ends_calls_instead_of_leaving_them_waiting(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with scripted_peer(answer) as peer, channel_to(peer) as channel:
        (pump,) = channel._pumps.values()

        def broken(data: bytes) -> None:
            raise KeyError("defect")

        monkeypatch.setattr(pump.protocol.scanner, "feed", lambda *_: broken(b""))
        with pytest.raises(ConnectionLost) as caught, anyio.fail_after(5):
            await open_session(channel, timeout=None)
        assert isinstance(caught.value.__cause__, KeyError)
        monkeypatch.undo()
        assert await open_session(channel) == "session-1"
    assert "failed inside" in caplog.text


async def test_stream_ids_near_the_end_move_on_to_a_new_connection() -> None:
    async with scripted_peer(answer) as peer, channel_to(peer) as channel:
        (connection,) = channel._pumps
        connection._connection.highest_outbound_stream_id = (1 << 31) - 71
        for _ in range(6):
            assert await open_session(channel) == "session-1"
        assert len(peer.connections) == 2
