"""Large, limited and compressed messages between the client and grpcio's C core."""

from __future__ import annotations

import zlib

import anyio
import grpc
import pytest
from frame_relay import DATA, FrameRelay, frame_relay
from interop.ccore_client import advised, connect, ping, raw_events
from interop.ccore_gateway import RECEIVE_LIMIT, CCoreGateway
from interop.scripted_plant import BIG, BIG_TEXT

from mxgateway import Session
from mxgateway.codec import encode
from mxgateway.errors import InternalError, ResourceExhaustedError
from mxgateway.generated.mxaccess_gateway.v1 import MxCommandRequest
from mxgateway.values import from_mx_value

LIMIT = 16 << 20  # the default of the client, and what the gateway accepts
BIG_SIZE = len(BIG_TEXT.encode())


def request_of(size: int, session: Session) -> tuple[MxCommandRequest, str]:
    """Return a Ping that takes exactly `size` bytes, and the CRC of its text."""
    text = "0123456789abcdef" * (size // 16 + 1)
    spare = len(encode(ping(session, f"crc {text}"))) - size
    text = text[:-spare]
    request = ping(session, f"crc {text}")
    assert len(encode(request)) == size
    return request, str(zlib.crc32(text.encode()))


def data_bytes(relay: FrameRelay) -> int:
    """Return how many bytes of messages the server has sent."""
    return sum(frame.length for frame in relay.from_server if frame.kind == DATA)


@pytest.mark.rule("transport.message-size")
@pytest.mark.requirement("msg.limits")
async def test_a_request_of_exactly_16_mib_arrives_whole(either_gateway: CCoreGateway) -> None:
    assert LIMIT == RECEIVE_LIMIT

    with anyio.fail_after(20):
        async with await connect(either_gateway) as client:
            session = await client.open_session()
            request, crc = request_of(LIMIT, session)
            reply = await client.invoke(request)

    assert reply.diagnostic_message == crc


@pytest.mark.requirement("msg.limits", "flow.isolation")
async def test_a_reply_of_exactly_16_mib_arrives_whole_and_one_byte_more_does_not(
    either_gateway: CCoreGateway,
) -> None:
    with anyio.fail_after(20):
        async with await connect(either_gateway) as client:
            session = await client.open_session()
            shorter = await client.invoke(ping(session, f"size {LIMIT - 1000}"))
            size = LIMIT - 1000 + LIMIT - len(encode(shorter))
            reply = await client.invoke(ping(session, f"size {size}"))
            assert len(encode(reply)) == LIMIT
            with pytest.raises(ResourceExhaustedError, match="max_receive_bytes") as caught:
                await client.invoke(ping(session, f"size {size + 1}"))
            assert await session.register("still works") > 0

    assert len(reply.diagnostic_message) == size
    assert reply.diagnostic_message.startswith("0123456789abcdef0123")
    assert str(LIMIT + 1) in str(caught.value)
    assert str(LIMIT) in str(caught.value)
    assert len(either_gateway.journal.peers) == 1


async def test_large_messages_pass_each_other_on_one_connection(
    either_gateway: CCoreGateway,
) -> None:
    texts = [chr(ord("a") + number) * (2 << 20) for number in range(6)]
    replies: dict[int, str] = {}

    with anyio.fail_after(20):
        async with await connect(either_gateway, connection_window=65_535) as client:
            session = await client.open_session()

            async def echo(number: int) -> None:
                reply = await client.invoke(ping(session, f"echo {texts[number]}"))
                replies[number] = reply.diagnostic_message

            async with anyio.create_task_group() as tasks:
                for number in range(len(texts)):
                    tasks.start_soon(echo, number)

    assert [replies[number] for number in range(len(texts))] == texts


@pytest.mark.requirement("msg.limits")
async def test_a_request_above_our_limit_is_refused_before_it_is_sent(
    gateway: CCoreGateway,
) -> None:
    with anyio.fail_after(10):
        async with await connect(gateway) as client:
            session = await client.open_session()
            request, _ = request_of(LIMIT + 1, session)
            with pytest.raises(ResourceExhaustedError, match="max_send_bytes") as caught:
                await client.invoke(request)

    assert caught.value.processed == "no"
    assert gateway.journal.methods == ["OpenSession"]


@pytest.mark.requirement("msg.limits")
async def test_a_request_above_the_server_s_limit_ends_with_its_status(
    either_gateway: CCoreGateway,
) -> None:
    with anyio.fail_after(10):
        async with await connect(either_gateway, max_send_bytes=2 * LIMIT) as client:
            session = await client.open_session()
            request, _ = request_of(LIMIT + 1, session)
            with pytest.raises(ResourceExhaustedError, match=str(LIMIT + 1)):
                await client.invoke(request)
            assert await session.register("still works") > 0

    assert either_gateway.journal.methods == ["OpenSession", "Invoke"]
    assert len(either_gateway.journal.peers) == 1


@pytest.mark.requirement("msg.limits")
async def test_a_raised_limit_lets_larger_replies_in(gateway: CCoreGateway) -> None:
    with anyio.fail_after(10):
        async with await connect(gateway, max_receive_bytes=2 * LIMIT) as client:
            session = await client.open_session()
            reply = await client.invoke(ping(session, f"size {LIMIT + 5_000_000}"))

    assert len(reply.diagnostic_message) == LIMIT + 5_000_000


@pytest.mark.requirement("flow.isolation")
async def test_an_event_larger_than_every_window_arrives(either_gateway: CCoreGateway) -> None:
    with anyio.fail_after(10):
        async with await connect(
            either_gateway, stream_window=65_535, connection_window=65_535
        ) as client:
            session, _, _ = await advised(client, BIG)
            async with raw_events(client, session) as stream:
                event = await anext(stream)

    assert from_mx_value(event.value) == BIG_TEXT


@pytest.mark.parametrize(
    ("compression", "compressed"),
    [
        (grpc.Compression.NoCompression, False),
        (grpc.Compression.Gzip, True),
    ],
    ids=["identity", "gzip"],
)
async def test_replies_are_compressed_with_gzip_where_the_server_wants_it(
    compression: grpc.Compression, compressed: bool
) -> None:
    size = LIMIT - 1000

    with anyio.fail_after(20), CCoreGateway(compression=compression) as gateway:
        async with frame_relay(gateway.endpoint) as relay:
            # A thousand times as long as it came, beyond what is taken for honest.
            async with await connect(
                gateway, endpoint=relay.endpoint, max_expansion=1100
            ) as client:
                session, _, _ = await advised(client, BIG)
                async with raw_events(client, session) as stream:
                    event = await anext(stream)
                streamed = data_bytes(relay)
                reply = await client.invoke(ping(session, f"size {size}"))
            replied = data_bytes(relay) - streamed

    assert from_mx_value(event.value) == BIG_TEXT
    assert len(reply.diagnostic_message) == size
    assert (streamed < BIG_SIZE // 10) is compressed
    assert (replied < size // 10) is compressed


@pytest.mark.requirement("msg.limits", "decode.hostile")
async def test_a_compressed_reply_that_grows_beyond_the_limit_is_refused() -> None:
    with anyio.fail_after(10), CCoreGateway(compression=grpc.Compression.Gzip) as gateway:
        async with await connect(gateway, max_receive_bytes=1 << 20) as client:
            session = await client.open_session()
            with pytest.raises(ResourceExhaustedError, match="max_receive_bytes") as caught:
                await client.invoke(ping(session, f"size {2 << 20}"))
            reply = await client.invoke(ping(session, f"size {(1 << 20) - 1000}"))

    assert "expanded" in str(caught.value)
    assert len(reply.diagnostic_message) == (1 << 20) - 1000


async def test_a_compression_that_was_never_offered_is_named_in_the_error() -> None:
    # The C core uses what it is told to, whatever the client accepts.
    with anyio.fail_after(5), CCoreGateway(compression=grpc.Compression.Deflate) as gateway:
        async with await connect(gateway) as client:
            for _ in range(2):
                with pytest.raises(InternalError, match="'deflate'; only gzip is understood"):
                    await client.open_session()

    assert len(gateway.journal.peers) == 1
