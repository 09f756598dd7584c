"""What the peer does wrong, and what the call makes of it: the fault table, row by row."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from calls import REPLY, channel_to, event, open_session, stream_events
from hyperframe.frame import SettingsFrame
from scripted_peer import OK_HEADERS, PeerConnection, grpc_message, raw_frame, scripted_peer

from mxgateway.errors import (
    AuthenticationError,
    CallCancelledError,
    ConnectionLost,
    DecodeError,
    InternalError,
    LimitError,
    MxGatewayError,
    NotFoundError,
    PermissionDeniedError,
    RemoteProtocolError,
    ResourceExhaustedError,
    StatusCode,
    UnavailableError,
    UnimplementedError,
    UnknownStatusError,
)

Reply = Callable[[PeerConnection, int], Awaitable[None]]


async def _no_trailers(c: PeerConnection, s: int) -> None:
    await c.send(c.headers_frame(s), c.data_frame(s, grpc_message(REPLY), end=True))


async def _headers_end_stream(c: PeerConnection, s: int) -> None:
    await c.send(c.headers_frame(s, end=True))


async def _end_inside_message(c: PeerConnection, s: int) -> None:
    await c.send(c.headers_frame(s), c.data_frame(s, grpc_message(REPLY)[:-3], end=True))


async def _end_inside_prefix(c: PeerConnection, s: int) -> None:
    await c.send(c.headers_frame(s), c.data_frame(s, b"\0\0\0"), c.trailers_frame(s))


async def _no_message(c: PeerConnection, s: int) -> None:
    await c.reply(s)


async def _two_messages(c: PeerConnection, s: int) -> None:
    await c.reply(s, REPLY, REPLY)


async def _no_status(c: PeerConnection, s: int) -> None:
    await c.reply(s, REPLY, status=None, x="y")


async def _word_status(c: PeerConnection, s: int) -> None:
    await c.reply(s, REPLY, status="fine")


async def _undefined_status(c: PeerConnection, s: int) -> None:
    await c.reply(s, REPLY, status=77, grpc_message="odd")


async def _trailers_only(c: PeerConnection, s: int) -> None:
    fields = [*OK_HEADERS, ("grpc-status", "5"), ("grpc-message", "no%20such%20%C3%A9")]
    await c.send(c.headers_frame(s, fields, end=True))


async def _status_after_message(c: PeerConnection, s: int) -> None:
    await c.reply(s, REPLY, status=16, grpc_message="who are you")


async def _huge(c: PeerConnection, s: int) -> None:
    await c.send(c.headers_frame(s), c.data_frame(s, b"\0\x7f\xff\xff\xff"))


async def _compressed_unannounced(c: PeerConnection, s: int) -> None:
    await c.send(c.headers_frame(s), c.data_frame(s, grpc_message(REPLY, compressed=True)))


async def _compressed_unknown(c: PeerConnection, s: int) -> None:
    fields = [*OK_HEADERS, ("grpc-encoding", "snappy")]
    await c.send(c.headers_frame(s, fields), c.data_frame(s, grpc_message(b"z", compressed=True)))


async def _damaged_gzip(c: PeerConnection, s: int) -> None:
    fields = [*OK_HEADERS, ("grpc-encoding", "gzip")]
    data = gzip.compress(REPLY)[:-6]
    await c.send(c.headers_frame(s, fields), c.data_frame(s, grpc_message(data, compressed=True)))


async def _gzip_bomb(c: PeerConnection, s: int) -> None:
    fields = [*OK_HEADERS, ("grpc-encoding", "gzip")]
    data = gzip.compress(bytes(32 << 20))
    await c.send(c.headers_frame(s, fields))
    message = grpc_message(data, compressed=True)
    for start in range(0, len(message), 16_000):
        await c.send(c.data_frame(s, message[start : start + 16_000]))


async def _unknown_flag(c: PeerConnection, s: int) -> None:
    await c.send(c.headers_frame(s), c.data_frame(s, b"\x07" + grpc_message(REPLY)[1:]))


async def _no_message_at_all(c: PeerConnection, s: int) -> None:
    await c.reply(s, b"\xff\xff")


async def _html(c: PeerConnection, s: int) -> None:
    fields = [(":status", "503"), ("content-type", "text/html")]
    page = b"<html>upstream gone</html>"
    await c.send(c.headers_frame(s, fields), c.data_frame(s, page, end=True))


async def _not_found_page(c: PeerConnection, s: int) -> None:
    await c.send(c.headers_frame(s, [(":status", "404")], end=True))


async def _ok_but_json(c: PeerConnection, s: int) -> None:
    fields = [(":status", "200"), ("content-type", "application/json")]
    await c.send(c.headers_frame(s, fields), c.data_frame(s, b"{}", end=True))


async def _proxy_denies(c: PeerConnection, s: int) -> None:
    await c.send(c.headers_frame(s, [(":status", "403"), ("content-type", "text/plain")], end=True))


def _reset(code: int) -> Reply:
    async def script(c: PeerConnection, s: int) -> None:
        await c.reset(s, code)

    return script


async def _reset_inside(c: PeerConnection, s: int) -> None:
    await c.send(c.headers_frame(s), c.data_frame(s, grpc_message(REPLY)))
    await c.reset(s, 2)


async def _close(c: PeerConnection, s: int) -> None:
    await c.close()


async def _close_after_headers(c: PeerConnection, s: int) -> None:
    await c.send(c.headers_frame(s))
    await c.close()


async def _close_after_message(c: PeerConnection, s: int) -> None:
    await c.send(c.headers_frame(s), c.data_frame(s, grpc_message(REPLY)))
    await c.close()


async def _garbage(c: PeerConnection, s: int) -> None:
    await c.raw(b"\xff" * 64)


async def _window_overflow(c: PeerConnection, s: int) -> None:
    await c.raw(bytes.fromhex("000004080000000000") + b"\x7f\xff\xff\xff")
    await c.raw(bytes.fromhex("000004080000000000") + b"\x7f\xff\xff\xff")


ROWS: list[tuple[str, str, Reply, type[MxGatewayError], str]] = [
    ("call.no-trailers", "data ends the stream", _no_trailers, InternalError, "without trailers"),
    ("call.no-trailers", "headers end it", _headers_end_stream, InternalError, "without trailers"),
    ("call.no-trailers", "ends in a message", _end_inside_message, InternalError, "3 are missing"),
    ("call.no-trailers", "ends in a prefix", _end_inside_prefix, InternalError, "2 are missing"),
    ("call.no-trailers", "no message", _no_message, InternalError, "no message"),
    ("call.no-trailers", "two messages", _two_messages, InternalError, "more than one"),
    ("call.no-trailers", "no status", _no_status, UnknownStatusError, "without grpc-status"),
    ("call.no-trailers", "a word as status", _word_status, UnknownStatusError, "'fine'"),
    ("call.no-trailers", "undefined status", _undefined_status, UnknownStatusError, "odd"),
    ("call.no-trailers", "trailers only", _trailers_only, NotFoundError, "no such é"),
    ("call.no-trailers", "error late", _status_after_message, AuthenticationError, "who are"),
    ("msg.limits", "2 GiB announced", _huge, LimitError, "max_receive_bytes"),
    ("msg.limits", "gzip bomb", _gzip_bomb, LimitError, "max_expansion"),
    ("msg.limits", "flag only", _compressed_unannounced, InternalError, "no grpc-encoding"),
    ("msg.limits", "snappy", _compressed_unknown, InternalError, "snappy"),
    ("msg.limits", "cut gzip", _damaged_gzip, InternalError, "gzip"),
    ("msg.limits", "unknown flag", _unknown_flag, InternalError, "flag 7"),
    ("decode.hostile", "not a message", _no_message_at_all, DecodeError, "OpenSessionReply"),
    ("err.http-mapping", "503 page", _html, UnavailableError, "upstream gone"),
    ("err.http-mapping", "404", _not_found_page, UnimplementedError, "404"),
    ("err.http-mapping", "200 json", _ok_but_json, UnknownStatusError, "application/json"),
    ("err.http-mapping", "403", _proxy_denies, PermissionDeniedError, "403"),
    ("call.rst-semantics", "no error", _reset(0), InternalError, "NO_ERROR"),
    ("call.rst-semantics", "internal", _reset(2), InternalError, "INTERNAL_ERROR"),
    ("call.rst-semantics", "refused", _reset(7), UnavailableError, "REFUSED_STREAM"),
    ("call.rst-semantics", "cancel", _reset(8), CallCancelledError, "CANCEL"),
    ("call.rst-semantics", "calm", _reset(11), ResourceExhaustedError, "ENHANCE_YOUR_CALM"),
    ("call.rst-semantics", "security", _reset(12), PermissionDeniedError, "INADEQUATE_SECURITY"),
    ("call.rst-semantics", "unknown code", _reset(0xABC), InternalError, "0xabc"),
    ("call.rst-semantics", "after a message", _reset_inside, InternalError, "INTERNAL_ERROR"),
    ("call.no-trailers", "closes", _close, ConnectionLost, "closed the connection"),
    ("call.no-trailers", "closes late", _close_after_headers, ConnectionLost, "closed"),
    ("call.no-trailers", "closes later", _close_after_message, ConnectionLost, "closed"),
    ("err.no-leaks", "garbage", _garbage, RemoteProtocolError, "16777215"),
    ("err.no-leaks", "window overflow", _window_overflow, RemoteProtocolError, "HTTP/2"),
]


@pytest.mark.requirement("call.no-trailers")
@pytest.mark.requirement("msg.limits")
@pytest.mark.requirement("decode.hostile")
@pytest.mark.requirement("err.http-mapping")
@pytest.mark.requirement("call.rst-semantics")
@pytest.mark.requirement("err.no-leaks")
@pytest.mark.parametrize(
    ("reply", "expected", "text"),
    [pytest.param(*row[2:], id=f"{row[0]}-{row[1]}") for row in ROWS],
)
async def test_a_unary_call_ends_at_once_with_the_right_error(
    reply: Reply, expected: type[MxGatewayError], text: str
) -> None:
    async def script(connection: PeerConnection) -> None:
        while True:  # a refused call comes again
            request = await connection.request()
            await reply(connection, request.stream_id)

    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        with anyio.fail_after(5), pytest.raises(MxGatewayError) as caught:
            await open_session(channel, timeout=None)
    assert type(caught.value) is expected, caught.value
    assert text in str(caught.value)
    refused = "REFUSED_STREAM" in str(caught.value)
    answered = "yes" if expected is LimitError else "maybe"
    assert caught.value.processed == ("no" if refused else answered)


@pytest.mark.requirement("call.no-trailers")
async def test_an_undefined_status_keeps_its_number() -> None:
    async def script(connection: PeerConnection) -> None:
        await _undefined_status(connection, (await connection.request()).stream_id)

    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        with pytest.raises(UnknownStatusError) as caught:
            await open_session(channel)
    assert caught.value.status == 77
    assert caught.value.to_dict()["status"] == "CODE_77"


@pytest.mark.requirement("call.rst-semantics")
@pytest.mark.parametrize("code", [0, 2, 8])
async def test_trailers_that_came_before_a_reset_win(code: int) -> None:
    async def script(connection: PeerConnection) -> None:
        request = await connection.request()
        await connection.reply(request.stream_id, REPLY)
        await connection.reset(request.stream_id, code)

    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        assert await open_session(channel) == "session-1"


@pytest.mark.requirement("msg.limits")
async def test_a_gzip_message_is_understood() -> None:
    async def script(connection: PeerConnection) -> None:
        stream_id = (await connection.request()).stream_id
        fields = [*OK_HEADERS, ("grpc-encoding", "gzip")]
        data = grpc_message(gzip.compress(REPLY), compressed=True)
        await connection.send(
            connection.headers_frame(stream_id, fields),
            connection.data_frame(stream_id, data),
            connection.trailers_frame(stream_id),
        )

    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        assert await open_session(channel) == "session-1"


@pytest.mark.requirement("conn.unknown-frames")
async def test_unknown_frames_settings_and_informational_headers_are_ignored() -> None:
    async def script(connection: PeerConnection) -> None:
        stream_id = (await connection.request()).stream_id
        await connection.raw(
            raw_frame(0xBE, 0xFF, 0, b"what")
            + raw_frame(0xBF, 0, stream_id)
            + raw_frame(0x02, 0, stream_id, b"\0\0\0\0\x10")  # PRIORITY
            + raw_frame(0x0A, 0, 0, b"\0\x01xh2=:1")  # ALTSVC
        )
        await connection.send(
            SettingsFrame(0, settings={0x7777: 5}),
            connection.headers_frame(stream_id, [(":status", "103"), ("link", "</x>")]),
        )
        await connection.reply(stream_id, REPLY)

    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        assert await open_session(channel) == "session-1"


@pytest.mark.requirement("decode.hostile")
async def test_a_bad_message_ends_its_stream_only() -> None:
    async def script(connection: PeerConnection) -> None:
        bad = await connection.request()
        await connection.send(
            connection.headers_frame(bad.stream_id),
            connection.data_frame(bad.stream_id, grpc_message(event(1)) + grpc_message(b"\xff")),
        )
        assert await connection.reset_of(bad.stream_id) == 8
        await connection.reply((await connection.request()).stream_id, REPLY)

    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        stream = stream_events(channel)
        assert (await anext(stream)).worker_sequence == 1
        with pytest.raises(DecodeError):
            await anext(stream)
        assert await open_session(channel) == "session-1"
        assert len(peer.connections) == 1


async def test_status_details_and_trailing_metadata_stay_on_the_error() -> None:
    details = b"\x08\x05\x12\x02no"

    async def script(connection: PeerConnection) -> None:
        stream_id = (await connection.request()).stream_id
        await connection.reply(
            stream_id,
            status=9,
            grpc_message="faulted",
            grpc_status_details_bin=base64.b64encode(details).decode().rstrip("="),
            x_worker="7",
            x_blob_bin="AQI,Aw",
            x_bad_bin="%%%",
        )

    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        with pytest.raises(MxGatewayError) as caught:
            await open_session(channel)
    error: Any = caught.value
    assert error.status is StatusCode.FAILED_PRECONDITION
    assert error.details == details
    assert ("x-worker", "7") in error.trailing_metadata
    assert [v for k, v in error.trailing_metadata if k == "x-blob-bin"] == [b"\x01\x02", b"\x03"]


@pytest.mark.requirement("err.no-leaks")
async def test_messages_that_came_before_a_loss_are_delivered_first() -> None:
    async def script(connection: PeerConnection) -> None:
        stream_id = (await connection.request()).stream_id
        frames = [connection.data_frame(stream_id, grpc_message(event(n))) for n in (1, 2, 3)]
        await connection.send(connection.headers_frame(stream_id), *frames)
        await connection.close()

    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        stream = stream_events(channel)
        assert [(await anext(stream)).worker_sequence for _ in range(3)] == [1, 2, 3]
        with anyio.fail_after(5), pytest.raises(ConnectionLost) as caught:
            await anext(stream)
    assert caught.value.cause == "eof"
