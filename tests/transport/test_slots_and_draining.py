"""Stream slots where GOAWAY, loss or cancellation come at the moment they are granted."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import pytest
from calls import REPLY, channel_to, open_session, options_for, stream_events
from h2.errors import ErrorCodes
from hyperframe.frame import GoAwayFrame, SettingsFrame
from scripted_peer import Peer, PeerConnection, raw_frame, scripted_peer

from mxgateway.errors import ConnectError, MxGatewayError
from mxgateway.transport.channel import Channel
from mxgateway.transport.connection import Connection

MAX_STREAMS = 0x3
ONE_MORE = SettingsFrame(0, settings={MAX_STREAMS: 2}).serialize()
BROKEN = raw_frame(0x0, 0, 0, b"x")  # DATA on stream 0


async def answer(connection: PeerConnection) -> None:
    while True:
        await connection.reply((await connection.request()).stream_id, REPLY)


async def answer_connection(peer: Peer, index: int) -> None:
    await answer(await peer.connection(index))


def only_connection(channel: Channel) -> Connection:
    (connection,) = channel._pumps
    return connection


async def until_waiting(channel: Channel, count: int) -> None:
    with anyio.fail_after(5):
        while len(only_connection(channel)._waiters) < count:
            await anyio.lowlevel.checkpoint()


@pytest.mark.requirement("conn.goaway")
@pytest.mark.requirement("flow.max-streams")
@pytest.mark.parametrize(
    "ending",
    [GoAwayFrame(0, last_stream_id=1).serialize(), BROKEN],
    ids=["goaway", "broken-frame"],
)
async def test_a_call_whose_slot_comes_together_with_the_end_goes_to_a_new_connection(
    ending: bytes,
) -> None:
    async with (
        scripted_peer(settings={MAX_STREAMS: 1}) as peer,
        channel_to(peer) as channel,
        anyio.create_task_group() as tasks,
    ):
        old = await peer.connection()
        ends: dict[str, Any] = {}

        async def call(name: str) -> None:
            try:
                ends[name] = await open_session(channel)
            except MxGatewayError as error:
                ends[name] = error

        with anyio.fail_after(5):
            async with anyio.create_task_group() as calls:
                calls.start_soon(call, "first")
                await old.request()
                calls.start_soon(call, "second")
                await until_waiting(channel, 1)
                tasks.start_soon(answer_connection, peer, 1)
                await old.raw(ONE_MORE + ending)
                await peer.connection(1)
                if ending != BROKEN:
                    await old.reply(1, REPLY)
        assert ends["second"] == "session-1"
        assert list(old.requests) == [1]
        tasks.cancel_scope.cancel()


@pytest.mark.requirement("conn.goaway")
@pytest.mark.requirement("call.cancel-clean")
async def test_a_drained_connection_closes_though_a_call_was_cancelled_with_its_slot_in_hand() -> (
    None
):
    async with scripted_peer(settings={MAX_STREAMS: 1}) as peer, channel_to(peer) as channel:
        old = await peer.connection()
        waiting = anyio.CancelScope()

        async def second() -> None:
            with waiting:
                await open_session(channel)

        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(open_session, channel)
                await old.request()
                tasks.start_soon(second)
                await until_waiting(channel, 1)
                connection = only_connection(channel)
                # In one step, so that the waiting task sees all three together.
                protocol = channel._pumps[connection].protocol
                protocol.data_received(ONE_MORE + GoAwayFrame(0, last_stream_id=1).serialize())
                waiting.cancel()
                await old.reply(1, REPLY)
            await old.until_closed()
        assert connection.stream_limit.open == 0


@pytest.mark.requirement("flow.max-streams")
async def test_a_waiting_call_that_is_cancelled_lets_the_next_in_turn_go() -> None:
    async with scripted_peer(settings={MAX_STREAMS: 1}) as peer, channel_to(peer) as channel:
        connection = await peer.connection()
        waiting = anyio.CancelScope()
        done: list[str] = []

        async def cancelled() -> None:
            with waiting:
                await open_session(channel)

        async def call() -> None:
            done.append(await open_session(channel))

        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(call)
                await connection.request()
                tasks.start_soon(cancelled)
                await until_waiting(channel, 1)
                tasks.start_soon(call)
                await until_waiting(channel, 2)
                waiting.cancel()
                await connection.reply(1, REPLY)
                await connection.reply((await connection.request()).stream_id, REPLY)
        assert done == ["session-1", "session-1"]
        assert only_connection(channel).stream_limit.open == 0


@pytest.mark.requirement("conn.goaway")
@pytest.mark.parametrize("when", ["connecting", "reconnecting"])
async def test_a_peer_that_says_goaway_before_any_call_is_a_connect_error(when: str) -> None:
    async def refuse(connection: PeerConnection) -> None:
        if when == "reconnecting" and connection is peer.connections[0]:
            await connection.send(SettingsFrame(0))
            await connection.request()
            await connection.close()
        else:
            await connection.send(
                SettingsFrame(0), GoAwayFrame(0, last_stream_id=0, additional_data=b"full up")
            )

    async with scripted_peer(refuse, hello=False) as peer:
        channel = Channel(options_for(peer))
        with anyio.fail_after(5):
            if when == "connecting":
                with pytest.raises(ConnectError, match=r"GOAWAY.*full up"):
                    await channel.connect()
                await channel.aclose()
                return
            await channel.connect()
            async with channel:
                with pytest.raises(MxGatewayError):
                    await open_session(channel)
                with pytest.raises(ConnectError, match=r"GOAWAY.*full up") as caught:
                    await open_session(channel)
                assert caught.value.processed == "no"


@pytest.mark.requirement("conn.goaway")
@pytest.mark.parametrize("code", [ErrorCodes.NO_ERROR, ErrorCodes.ENHANCE_YOUR_CALM])
async def test_a_polite_goaway_in_place_of_a_greeting_leads_to_another_connection(
    code: ErrorCodes,
) -> None:
    async def script(connection: PeerConnection) -> None:
        if len(peer.connections) < 3:  # in one write, so before any call
            goaway = GoAwayFrame(0, last_stream_id=0, error_code=code, additional_data=b"of age")
            await connection.send(SettingsFrame(0), goaway)
        else:
            await connection.send(SettingsFrame(0))
            await connection.reply((await connection.request()).stream_id, REPLY)

    async with scripted_peer(script, hello=False) as peer:
        channel = Channel(options_for(peer))
        with anyio.fail_after(5):
            if code is ErrorCodes.NO_ERROR:
                await channel.connect()
                async with channel:
                    assert await open_session(channel) == "session-1"
                assert len(peer.connections) == 3
            else:
                with pytest.raises(ConnectError, match=r"GOAWAY.*of age"):
                    await channel.connect()
                assert len(peer.connections) == 1
        await channel.aclose()


@pytest.mark.requirement("stream.early-exit")
async def test_a_stream_closed_while_it_waits_for_a_slot_never_starts() -> None:
    async with scripted_peer(settings={MAX_STREAMS: 1}) as peer, channel_to(peer) as channel:
        connection = await peer.connection()
        first, second = stream_events(channel), stream_events(channel)

        async def exhaust(stream: Any) -> None:
            with pytest.raises(StopAsyncIteration):
                await anext(stream)

        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(exhaust, first)
                await connection.request()
                async with anyio.create_task_group() as waiting:
                    waiting.start_soon(exhaust, second)
                    await until_waiting(channel, 1)
                    await second.aclose()
                await first.aclose()
        assert await connection.reset_of(1) == 0x8
        assert list(connection.requests) == [1]
        assert only_connection(channel).stream_limit.open == 0
