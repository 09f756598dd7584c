"""Replies that are partly good: what was good counts, what was bad says so."""

from __future__ import annotations

import gzip

import anyio
import pytest
from calls import REPLY, channel_to, event, open_session, stream_events
from grpclib.const import Cardinality
from scripted_peer import PeerConnection, grpc_message, raw_frame, scripted_peer

from mxgateway.errors import (
    DeadlineExceededError,
    InternalError,
    RemoteProtocolError,
    ResourceExhaustedError,
    UnavailableError,
)
from mxgateway.generated.mxaccess_gateway.v1 import OpenSessionReply, OpenSessionRequest
from mxgateway.transport.channel import Channel
from mxgateway.transport.messages import MessageCutter, MessageError

DATA_ON_STREAM_0 = raw_frame(0x0, 0, 0, b"x")
TOO_LONG = b"\xff\xff\xff\0\0\0\0\0\1"
BAD_GOAWAY = raw_frame(0x7, 0, 0, b"1234")
HTML = [(":status", "502"), ("content-type", "text/html")]


@pytest.mark.requirement("call.no-trailers")
@pytest.mark.parametrize(
    "broken", [DATA_ON_STREAM_0, TOO_LONG, BAD_GOAWAY], ids=["data-on-0", "too-long", "bad-goaway"]
)
async def test_a_reply_that_is_complete_counts_though_a_broken_frame_follows_in_the_same_read(
    broken: bytes,
) -> None:
    async def script(connection: PeerConnection) -> None:
        stream_id = (await connection.request()).stream_id
        frames = (
            connection.headers_frame(stream_id),
            connection.data_frame(stream_id, grpc_message(REPLY)),
            connection.trailers_frame(stream_id),
        )
        await connection.raw(b"".join(frame.serialize() for frame in frames) + broken)

    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        assert await open_session(channel) == "session-1"
        connection = await peer.connection()
        await connection.until_closed()


@pytest.mark.requirement("call.no-trailers")
async def test_messages_before_a_broken_frame_are_delivered_and_then_its_error() -> None:
    async def script(connection: PeerConnection) -> None:
        stream_id = (await connection.request()).stream_id
        head = connection.headers_frame(stream_id).serialize()
        messages = [
            connection.data_frame(stream_id, grpc_message(event(number))).serialize()
            for number in (1, 2)
        ]
        await connection.raw(head + b"".join(messages) + DATA_ON_STREAM_0)

    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        stream = stream_events(channel)
        assert [(await anext(stream)).worker_sequence for _ in range(2)] == [1, 2]
        with pytest.raises(RemoteProtocolError):
            await anext(stream)


@pytest.mark.requirement("call.no-trailers")
@pytest.mark.parametrize(
    ("extra", "error"),
    [
        (b"\0\0\0", InternalError),
        (b"\0\0\0\0\7abc", InternalError),
        (b"\7\0\0\0\0", InternalError),
        (b"\0\xff\xff\xff\xff", ResourceExhaustedError),
    ],
    ids=["part-of-a-prefix", "part-of-a-message", "unknown-flag", "four-gigabytes"],
)
async def test_bytes_after_the_message_of_a_unary_reply_are_an_error(
    extra: bytes, error: type[Exception]
) -> None:
    async def script(connection: PeerConnection) -> None:
        stream_id = (await connection.request()).stream_id
        await connection.send(
            connection.headers_frame(stream_id),
            connection.data_frame(stream_id, grpc_message(REPLY) + extra),
            connection.trailers_frame(stream_id),
        )

    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        with pytest.raises(error):
            await open_session(channel)


@pytest.mark.requirement("call.rst-semantics")
async def test_an_error_status_says_more_than_the_message_it_cut_off() -> None:
    async def script(connection: PeerConnection) -> None:
        stream_id = (await connection.request()).stream_id
        await connection.send(
            connection.headers_frame(stream_id),
            connection.data_frame(stream_id, grpc_message(REPLY)[:-1]),
            connection.trailers_frame(stream_id, 14, grpc_message="the worker died"),
        )

    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        with pytest.raises(UnavailableError, match="the worker died"):
            await open_session(channel)


async def test_a_unary_reply_that_nobody_read_is_one_message_not_two() -> None:
    async def script(connection: PeerConnection) -> None:
        await connection.reply((await connection.request()).stream_id, REPLY)

    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        async with channel.request(
            "/x/Y", Cardinality.UNARY_UNARY, OpenSessionRequest, OpenSessionReply
        ) as call:
            await call.send_message(OpenSessionRequest(), end=True)
        assert call.trailing_metadata is not None


@pytest.mark.requirement("msg.limits")
async def test_a_unary_reply_that_never_ends_is_cut_short() -> None:
    """Each message is small; only their number would fill the memory."""
    message = grpc_message(bytes(OpenSessionReply(session_id="x" * 15_000)))

    async with (
        scripted_peer() as peer,
        channel_to(peer, stream_window=65_535, connection_window=65_535) as channel,
        anyio.create_task_group() as tasks,
    ):
        connection = await peer.connection()

        async def call() -> None:
            with pytest.raises(InternalError, match="more than one message"):
                await open_session(channel, timeout=None)

        tasks.start_soon(call)
        request = await connection.request()
        await connection.send(
            connection.headers_frame(1),
            *(connection.data_frame(1, message) for _ in range(4)),
        )
        assert await connection.reset_of(1) == 0x8
        # Credit only for the message that was taken, in batches of a quarter window.
        assert request.credit <= 2 * len(message)


@pytest.mark.requirement("flow.isolation")
async def test_waiting_for_the_status_gives_no_credit_for_messages_that_nobody_read() -> None:
    message = grpc_message(event(1, 15_000))
    async with (
        scripted_peer() as peer,
        channel_to(peer, stream_window=65_535) as channel,
        channel.request(
            "/x/Y", Cardinality.UNARY_STREAM, OpenSessionRequest, OpenSessionReply, timeout=0.2
        ) as call,
    ):
        connection = await peer.connection()
        await call.send_message(OpenSessionRequest(), end=True)
        request = await connection.request()
        await connection.send(
            connection.headers_frame(1), *(connection.data_frame(1, message) for _ in range(4))
        )
        with pytest.raises(DeadlineExceededError) as caught:
            await call.recv_trailing_metadata()
        assert caught.value.phase == "trailers"
        assert await open_and_answer_second(connection, channel) == "session-1"
        assert request.credit == 0


async def open_and_answer_second(connection: PeerConnection, channel: Channel) -> str:
    """Make another call; after it the client has sent everything that it queued before."""
    replies: list[str] = []

    async def call() -> None:
        replies.append(await open_session(channel))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call)
        await connection.until(lambda: 3 in connection.requests and connection.requests[3].ended)
        await connection.reply(3, REPLY)
    return replies[0]


@pytest.mark.requirement("err.http-mapping")
@pytest.mark.parametrize("timeout", [0.2, None], ids=["deadline", "endless-body"])
async def test_a_page_that_does_not_end_is_judged_by_its_http_status(
    monkeypatch: pytest.MonkeyPatch, timeout: float | None
) -> None:
    monkeypatch.setattr("mxgateway.transport.reply._FOREIGN_WAIT", 3600.0)

    async def script(connection: PeerConnection) -> None:
        stream_id = (await connection.request()).stream_id
        await connection.send(
            connection.headers_frame(stream_id, HTML),
            connection.data_frame(stream_id, b"<html>" * (1 if timeout else 100)),
        )

    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        with anyio.fail_after(5), pytest.raises(UnavailableError, match=r"502.*text/html.*<html>"):
            await open_session(channel, timeout=timeout)


@pytest.mark.requirement("msg.limits")
def test_a_second_gzip_member_is_refused_instead_of_dropped() -> None:
    cutter = MessageCutter(1000, 200)
    cutter.encoding = "gzip"
    cutter.feed(grpc_message(gzip.compress(b"one") + gzip.compress(b"two"), compressed=True))
    with pytest.raises(MessageError, match="more follows"):
        cutter.expanded(cutter.messages[0])


@pytest.mark.requirement("msg.limits")
def test_empty_data_frames_inside_a_message_cost_no_memory() -> None:
    cutter = MessageCutter(1000, 200)
    cutter.feed(b"\0\0\0\0\5ab")
    for _ in range(100):
        cutter.feed(b"")
    assert cutter.partial == 7
    cutter.feed(b"cde")
    assert (list(cutter.messages), cutter.drop()) == ([b"abcde"], 10)
