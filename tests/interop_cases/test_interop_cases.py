"""The public gRPC interoperability cases that unary and server-streaming calls can do.

Each test bears the name of its case. The description lets some cases run over
bidirectional or client streaming, which this client does not have; they run here over
server streaming and keep what the case is about. Every case runs against grpcio's C core
and against grpc-js, but for compressed replies, which the server of grpc-js does not offer.
The client compresses no requests, so the client_compressed cases have no place here.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import anyio
import pytest
from frame_relay import frame_relay
from grpclib.const import Cardinality
from interop_cases.ccore_service import ECHO_INITIAL, ECHO_TRAILING

from mxgateway import ClientOptions
from mxgateway.errors import (
    DeadlineExceededError,
    RpcError,
    StatusCode,
    UnimplementedError,
    UnknownStatusError,
)
from mxgateway.printable import printable
from mxgateway.transport.channel import Channel
from mxgateway.transport.stream import MessageStream

SERVICE = "/grpc.testing.TestService"
UNARY = f"{SERVICE}/UnaryCall"
STREAMING = f"{SERVICE}/StreamingOutputCall"

REQUEST_SIZE = 271_828
RESPONSE_SIZE = 314_159
STREAM_SIZES = [31_415, 9, 2_653, 58_979]
SPECIAL_MESSAGE = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
INITIAL_VALUE = "test_initial_metadata_value"
TRAILING_VALUE = b"\xab\xab\xab"
CUSTOM_METADATA: dict[str, str | bytes] = {
    ECHO_INITIAL: INITIAL_VALUE,
    ECHO_TRAILING: TRAILING_VALUE,
}


def open_channel(endpoint: str) -> Channel:
    """Return a channel to be entered."""
    return Channel(ClientOptions(endpoint=endpoint, plaintext=True))


def large_request(messages: ModuleType, **fields: Any) -> Any:
    """Return the request of the large_unary case."""
    payload = messages.Payload(body=bytes(REQUEST_SIZE))
    return messages.SimpleRequest(response_size=RESPONSE_SIZE, payload=payload, **fields)


def stream_request(messages: ModuleType, *sizes: int, interval_us: int = 0, **fields: Any) -> Any:
    """Return a request for one reply of each size."""
    parameters = [messages.ResponseParameters(size=size, interval_us=interval_us) for size in sizes]
    return messages.StreamingOutputCallRequest(response_parameters=parameters, **fields)


def streaming(channel: Channel, messages: ModuleType, request: Any, **options: Any) -> Any:
    """Return a StreamingOutputCall that has not started."""
    reply_type = messages.StreamingOutputCallResponse
    return MessageStream(channel, STREAMING, request, reply_type, **options)


async def test_empty_unary(endpoint: str, messages: ModuleType) -> None:
    with anyio.fail_after(5):
        async with open_channel(endpoint) as channel:
            reply = await messages.TestServiceStub(channel).empty_call(messages.Empty())

    assert reply == messages.Empty()


async def test_large_unary(endpoint: str, messages: ModuleType) -> None:
    with anyio.fail_after(5):
        async with open_channel(endpoint) as channel:
            reply = await messages.TestServiceStub(channel).unary_call(large_request(messages))

    assert reply.payload.type == messages.PayloadType.COMPRESSABLE
    assert reply.payload.body == bytes(RESPONSE_SIZE)


async def test_server_streaming(endpoint: str, messages: ModuleType) -> None:
    with anyio.fail_after(5):
        async with open_channel(endpoint) as channel:
            request = stream_request(messages, *STREAM_SIZES)
            replies = [reply async for reply in streaming(channel, messages, request)]

    assert [len(reply.payload.body) for reply in replies] == STREAM_SIZES


async def test_cancel_after_begin(endpoint: str, messages: ModuleType) -> None:
    with anyio.fail_after(5):
        async with open_channel(endpoint) as channel:
            request = stream_request(messages, 1, interval_us=60_000_000)
            stream = streaming(channel, messages, request)
            await stream.__aenter__()
            await stream.aclose()
            assert [reply async for reply in stream] == []
            # The connection is none the worse for it.
            await messages.TestServiceStub(channel).empty_call(messages.Empty())

    assert stream.initial_metadata is None


async def test_cancel_after_first_response(endpoint: str, messages: ModuleType) -> None:
    with anyio.fail_after(5):
        async with open_channel(endpoint) as channel:
            parameters = [
                messages.ResponseParameters(size=STREAM_SIZES[0]),
                messages.ResponseParameters(size=1, interval_us=60_000_000),
            ]
            request = messages.StreamingOutputCallRequest(response_parameters=parameters)
            async with streaming(channel, messages, request) as stream:
                first = await anext(stream)
            assert [reply async for reply in stream] == []
            await messages.TestServiceStub(channel).empty_call(messages.Empty())

    assert len(first.payload.body) == STREAM_SIZES[0]


async def test_timeout_on_sleeping_server(endpoint: str, messages: ModuleType) -> None:
    with anyio.fail_after(5):
        async with open_channel(endpoint) as channel:
            request = stream_request(
                messages,
                STREAM_SIZES[0],
                interval_us=60_000_000,
                payload=messages.Payload(body=bytes(27_182)),
            )
            with pytest.raises(DeadlineExceededError) as caught:
                await anext(streaming(channel, messages, request, timeout=0.001))
            await messages.TestServiceStub(channel).empty_call(messages.Empty())

    assert caught.value.status is StatusCode.DEADLINE_EXCEEDED


async def fail(endpoint: str, messages: ModuleType, kind: str, text: str) -> None:
    """Make a call of one kind that ends with UNKNOWN and `text`."""
    status = messages.EchoStatus(code=StatusCode.UNKNOWN, message=text)
    async with open_channel(endpoint) as channel:
        if kind == "unary":
            request = messages.SimpleRequest(response_status=status)
            await messages.TestServiceStub(channel).unary_call(request)
        else:
            request = stream_request(messages, response_status=status)
            await anext(streaming(channel, messages, request))


@pytest.mark.parametrize("kind", ["unary", "server_streaming"])
async def test_status_code_and_message(endpoint: str, messages: ModuleType, kind: str) -> None:
    text = "test status message"

    with anyio.fail_after(5):
        with pytest.raises(UnknownStatusError) as caught:
            await fail(endpoint, messages, kind, text)

    assert caught.value.status is StatusCode.UNKNOWN
    assert caught.value.message == text


@pytest.mark.parametrize("kind", ["unary", "server_streaming"])
async def test_special_status_message(endpoint: str, messages: ModuleType, kind: str) -> None:
    with anyio.fail_after(5):
        with pytest.raises(UnknownStatusError) as caught:
            await fail(endpoint, messages, kind, SPECIAL_MESSAGE)

    assert caught.value.status is StatusCode.UNKNOWN
    assert caught.value.status_message == SPECIAL_MESSAGE
    assert caught.value.message == printable(SPECIAL_MESSAGE)


async def test_unimplemented_method(endpoint: str, messages: ModuleType) -> None:
    with anyio.fail_after(5):
        async with open_channel(endpoint) as channel:
            with pytest.raises(UnimplementedError):
                await messages.TestServiceStub(channel).unimplemented_call(messages.Empty())


async def test_unimplemented_service(endpoint: str, messages: ModuleType) -> None:
    with anyio.fail_after(5):
        async with open_channel(endpoint) as channel:
            stub = messages.UnimplementedServiceStub(channel)
            with pytest.raises(UnimplementedError):
                await stub.unimplemented_call(messages.Empty())


async def test_custom_metadata_unary(endpoint: str, messages: ModuleType) -> None:
    with anyio.fail_after(5):
        async with open_channel(endpoint) as channel:
            async with channel.request(
                UNARY,
                Cardinality.UNARY_UNARY,
                messages.SimpleRequest,
                messages.SimpleResponse,
                metadata=CUSTOM_METADATA,
            ) as call:
                await call.send_message(large_request(messages), end=True)
                reply = await call.recv_message()
                await call.recv_trailing_metadata()

    assert reply is not None
    assert len(reply.payload.body) == RESPONSE_SIZE
    assert call.initial_metadata is not None
    assert call.trailing_metadata is not None
    assert call.initial_metadata[ECHO_INITIAL] == INITIAL_VALUE
    assert call.trailing_metadata[ECHO_TRAILING] == TRAILING_VALUE


async def test_custom_metadata_server_streaming(endpoint: str, messages: ModuleType) -> None:
    with anyio.fail_after(5):
        async with open_channel(endpoint) as channel:
            request = stream_request(messages, RESPONSE_SIZE)
            stream = streaming(channel, messages, request, metadata=CUSTOM_METADATA)
            replies = [reply async for reply in stream]

    assert [len(reply.payload.body) for reply in replies] == [RESPONSE_SIZE]
    assert stream.initial_metadata[ECHO_INITIAL] == INITIAL_VALUE
    assert stream.trailing_metadata[ECHO_TRAILING] == TRAILING_VALUE


@pytest.mark.parametrize("compressed", [True, False])
async def test_server_compressed_unary(
    ccore_endpoint: str, messages: ModuleType, compressed: bool
) -> None:
    with anyio.fail_after(5):
        async with frame_relay(ccore_endpoint) as relay:
            async with open_channel(relay.endpoint) as channel:
                request = large_request(
                    messages, response_compressed=messages.BoolValue(value=compressed)
                )
                reply = await messages.TestServiceStub(channel).unary_call(request)

    assert reply.payload.body == bytes(RESPONSE_SIZE)
    assert (relay.received < RESPONSE_SIZE // 10) is compressed


async def test_server_compressed_streaming(ccore_endpoint: str, messages: ModuleType) -> None:
    sizes = {31_415: True, 92_653: False}

    with anyio.fail_after(5):
        async with frame_relay(ccore_endpoint) as relay:
            async with open_channel(relay.endpoint) as channel:
                parameters = [
                    messages.ResponseParameters(
                        size=size, compressed=messages.BoolValue(value=compressed)
                    )
                    for size, compressed in sizes.items()
                ]
                request = messages.StreamingOutputCallRequest(response_parameters=parameters)
                replies = [reply async for reply in streaming(channel, messages, request)]

    assert [len(reply.payload.body) for reply in replies] == list(sizes)
    # The second came plain, the first did not.
    assert 92_653 < relay.received < 92_653 + 31_415 // 2


async def test_a_failed_case_leaves_the_next_call_alone(
    endpoint: str, messages: ModuleType
) -> None:
    status = messages.EchoStatus(code=StatusCode.ABORTED, message="again")

    with anyio.fail_after(5):
        async with open_channel(endpoint) as channel:
            for _ in range(50):
                request = messages.SimpleRequest(response_status=status)
                with pytest.raises(RpcError, match="again"):
                    await messages.TestServiceStub(channel).unary_call(request)
            await messages.TestServiceStub(channel).empty_call(messages.Empty())
