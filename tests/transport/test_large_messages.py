"""Large and compressed messages: the loop goes on while they are decoded, and none is lost."""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from calls import channel_to, event, stream_events
from grpclib.const import Cardinality
from scripted_peer import OK_HEADERS, PeerConnection, grpc_message, scripted_peer

from mxgateway.codec import encode
from mxgateway.errors import (
    ClientClosedError,
    ConfigurationError,
    DeadlineExceededError,
    LimitError,
    MxGatewayError,
)
from mxgateway.generated.galaxy_repository.v1 import (
    DiscoverHierarchyReply,
    DiscoverHierarchyRequest,
)
from mxgateway.generated.mxaccess_gateway.v1 import (
    DoubleArray,
    MxArray,
    MxEvent,
    MxValue,
    StreamEventsRequest,
)
from mxgateway.options import ClientOptions
from mxgateway.transport.channel import Channel

GZIP = [*OK_HEADERS, ("grpc-encoding", "gzip")]
MANY = b"\n\0" * 200_000  # empty objects; seconds of work for the decoder
LARGE = 200_000


def answering(payload: bytes, *, compressed: bool = False) -> Callable[..., Awaitable[None]]:
    """Return a script that answers each request with one message."""

    async def script(connection: PeerConnection) -> None:
        while True:
            stream_id = (await connection.request()).stream_id
            data = gzip.compress(payload) if compressed else payload
            message = grpc_message(data, compressed=compressed)
            await connection.send(connection.headers_frame(stream_id, GZIP))
            for start in range(0, len(message), 16_384):
                await connection.send(
                    connection.data_frame(stream_id, message[start : start + 16_384])
                )
            await connection.send(connection.trailers_frame(stream_id))

    return script


async def discover(channel: Channel, timeout: float | None = None) -> DiscoverHierarchyReply:
    call = channel.request(
        "/galaxy_repository.v1.GalaxyRepository/DiscoverHierarchy",
        Cardinality.UNARY_UNARY,
        DiscoverHierarchyRequest,
        DiscoverHierarchyReply,
        timeout=timeout,
    )
    async with call:
        await call.send_message(DiscoverHierarchyRequest(), end=True)
        reply = await call.recv_message()
        assert reply is not None
        return reply


@pytest.mark.parametrize("compressed", [False, True])
async def test_other_tasks_get_their_turns_while_a_large_message_is_decoded(
    compressed: bool,
) -> None:
    turns = 0
    done = anyio.Event()

    async def tick() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1
            await anyio.sleep(0.001)

    async with (
        scripted_peer(answering(MANY, compressed=compressed)) as peer,
        channel_to(peer, max_expansion=2000, stream_window=1 << 20) as channel,
        anyio.create_task_group() as tasks,
    ):
        async with channel.request(
            "/x.Y/Z",
            Cardinality.UNARY_UNARY,
            DiscoverHierarchyRequest,
            DiscoverHierarchyReply,
        ) as call:
            await call.send_message(DiscoverHierarchyRequest(), end=True)
            await arrived(call)
            tasks.start_soon(tick)
            reply = await call.recv_message()
            done.set()
    assert reply is not None
    assert len(reply.objects) == 200_000
    assert turns > 1  # one would be before the decoding, or after it


async def test_a_deadline_ends_a_call_whose_reply_is_being_decoded() -> None:
    async with scripted_peer(answering(MANY)) as peer, channel_to(peer) as channel:
        call: Any = channel.request(
            "/x.Y/Z",
            Cardinality.UNARY_UNARY,
            DiscoverHierarchyRequest,
            DiscoverHierarchyReply,
            timeout=3600,
        )
        call.enter()
        await call.send_message(DiscoverHierarchyRequest(), end=True)
        await arrived(call)
        call._waiting.deadline = _Near()
        with pytest.raises(DeadlineExceededError) as caught:
            await call.recv_message()
        call.close()
        assert caught.value.phase == "message"
        assert len((await discover(channel)).objects) == 200_000


async def arrived(call: Any) -> None:
    """Wait until the whole reply is there, so that nothing but decoding is left."""
    await call.recv_initial_metadata()
    with anyio.fail_after(20):
        while not call._stream.ended:
            call._stream.expect_more()
            await anyio.sleep(0.001)


class _Near:
    """A deadline that has a moment left whenever it is asked."""

    def time_remaining(self) -> float:
        return 0.02


def events(*sizes: int) -> list[bytes]:
    return [event(number, size) for number, size in enumerate(sizes, 1)]


async def streaming(connection: PeerConnection, payloads: list[bytes]) -> None:
    stream_id = (await connection.request()).stream_id
    await connection.send(connection.headers_frame(stream_id))
    for payload in payloads:
        message = grpc_message(payload)
        for start in range(0, len(message), 16_384):
            await connection.send(connection.data_frame(stream_id, message[start : start + 16_384]))
    await connection.send(connection.trailers_frame(stream_id))


def raw_call(channel: Channel) -> Any:
    return channel.request(
        "/mxaccess_gateway.v1.MxAccessGateway/StreamEvents",
        Cardinality.UNARY_STREAM,
        StreamEventsRequest,
        MxEvent,
    )


async def unpacking(call: Any) -> None:
    """Wait until a worker thread has a message of the call."""
    with anyio.fail_after(10):
        while call._unpacking is None:
            await anyio.lowlevel.checkpoint()


async def test_a_cancelled_receive_leaves_the_large_message_for_the_next_one() -> None:
    payloads = events(10, LARGE, 10, LARGE, LARGE, 10)

    async def script(connection: PeerConnection) -> None:
        await streaming(connection, payloads)

    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        async with raw_call(channel) as call:
            await call.send_message(StreamEventsRequest(), end=True)
            seen: list[int] = []
            cancelled = 0
            while True:
                message: Any = "cancelled"
                async with anyio.create_task_group() as tasks:

                    async def cancel_once(scope: anyio.CancelScope) -> None:
                        await unpacking(call)
                        scope.cancel()

                    if cancelled == len(seen) // 2:
                        tasks.start_soon(cancel_once, tasks.cancel_scope)
                    message = await call.recv_message()
                    tasks.cancel_scope.cancel()
                if message == "cancelled":
                    cancelled += 1
                    continue
                if message is None:
                    break
                seen.append(message.worker_sequence)
    assert seen == [1, 2, 3, 4, 5, 6]
    assert cancelled > 0


async def test_two_tasks_that_receive_get_each_message_once_and_in_order() -> None:
    payloads = events(*[LARGE, 10, 10, LARGE] * 4)

    async def script(connection: PeerConnection) -> None:
        await streaming(connection, payloads)

    seen: list[int] = []
    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        async with raw_call(channel) as call:
            await call.send_message(StreamEventsRequest(), end=True)

            async def take() -> None:
                while (message := await call.recv_message()) is not None:
                    seen.append(message.worker_sequence)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(take)
                tasks.start_soon(take)
    assert seen == list(range(1, 17))


async def test_closing_a_call_ends_the_task_that_waits_for_its_message() -> None:
    async with scripted_peer(answering(MANY)) as peer, channel_to(peer) as channel:
        call = channel.request(
            "/x.Y/Z", Cardinality.UNARY_UNARY, DiscoverHierarchyRequest, DiscoverHierarchyReply
        )
        errors: list[MxGatewayError] = []

        async def receive() -> None:
            try:
                await call.recv_message()
            except MxGatewayError as error:
                errors.append(error)

        call.enter()
        await call.send_message(DiscoverHierarchyRequest(), end=True)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(receive)
            await unpacking(call)
            call.close()
        assert [type(error) for error in errors] == [ClientClosedError]


async def test_a_stream_that_is_closed_while_it_decodes_just_ends() -> None:
    payloads = events(4_000_000)

    async def script(connection: PeerConnection) -> None:
        await streaming(connection, payloads)

    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        stream = stream_events(channel)
        seen: list[MxEvent] = []

        async def consume() -> None:
            seen.extend([message async for message in stream])

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(consume)
            await unpacking(stream._call)
            await stream.aclose()
        assert seen == []


@pytest.mark.parametrize(
    ("payload", "options", "option"),
    [
        pytest.param(b"\n\0" * 500_001, {}, "max_message_elements", id="elements"),
        pytest.param(b"\n\0" * 11, {"max_message_elements": 10}, "max_message_elements", id="few"),
        pytest.param(bytes(8 << 20), {}, "max_expansion", id="ratio"),
        pytest.param(bytes(17 << 20), {"max_expansion": 2000}, "max_receive_bytes", id="size"),
    ],
)
async def test_a_hostile_compressed_reply_is_refused_by_the_name_of_the_limit(
    payload: bytes, options: dict[str, Any], option: str
) -> None:
    async with (
        scripted_peer(answering(payload, compressed=True)) as peer,
        channel_to(peer, **({"max_message_elements": 500_000} | options)) as channel,
    ):
        with pytest.raises(LimitError) as caught:
            await discover(channel)
        assert caught.value.option == option
        assert f"(option {option})" in str(caught.value)


async def test_a_hundred_thousand_zeros_are_no_bomb() -> None:
    value = MxValue(array_value=MxArray(double_values=DoubleArray(values=[0.0] * 100_000)))
    payload = encode(MxEvent(value=value))

    async def script(connection: PeerConnection) -> None:
        stream_id = (await connection.request()).stream_id
        data = grpc_message(gzip.compress(payload), compressed=True)
        await connection.send(
            connection.headers_frame(stream_id, GZIP),
            connection.data_frame(stream_id, data),
            connection.trailers_frame(stream_id),
        )

    async with scripted_peer(script) as peer, channel_to(peer) as channel:
        assert [message async for message in stream_events(channel)] == [MxEvent(value=value)]


@pytest.mark.parametrize(
    "name",
    [
        *("max_message_elements", "max_expansion", "max_objects", "max_walk_bytes"),
        *("max_depth", "max_alarms"),
    ],
)
@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "7", 1 << 60])
def test_a_limit_that_is_no_number_from_1_is_refused(name: str, wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match=name):
        ClientOptions(endpoint="x:1", plaintext=True, **{name: wrong})
