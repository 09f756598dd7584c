"""Metadata both ways, error statuses and their details, between the client and grpcio's C core."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import grpc
import pytest
from google_messages import GoogleModules
from grpclib.const import Cardinality
from interop.ccore_client import STREAM_EVENTS, connect, open_channel, outcome, ping, until
from interop.ccore_gateway import CCoreGateway
from interop.ccore_rpcs import ECHO_INITIAL, ECHO_TRAILING

from mxgateway.codec import decode
from mxgateway.errors import (
    MxGatewayError,
    NotFoundError,
    ResourceExhaustedError,
    RpcError,
    StatusCode,
)
from mxgateway.generated.google.rpc import Status
from mxgateway.generated.mxaccess_gateway.v1 import (
    MxAccessGatewayStub,
    MxEvent,
    OpenSessionReply,
    OpenSessionRequest,
    ProtocolStatus,
    ProtocolStatusCode,
    StreamEventsRequest,
)
from mxgateway.printable import printable
from mxgateway.transport.metadata import Metadata
from mxgateway.transport.stream import MessageStream

OPEN_SESSION = "/mxaccess_gateway.v1.MxAccessGateway/OpenSession"

BINARY = [bytes(range(256)), b"\x00", b"\xff\xfe", b"abc", b"", b"a,b", bytes(500)]
TEXT = ["plain", "with blanks and, commas", "100% =:;", "~"]


def sent(prefix: str) -> list[tuple[str, str | bytes]]:
    """Return metadata under names with this prefix: several values for a text and a -bin name."""
    binary: list[tuple[str, str | bytes]] = [(f"{prefix}-bin", value) for value in BINARY]
    return [*binary, *((f"{prefix}-text", value) for value in TEXT)]


def check(received: Metadata | None, prefix: str) -> None:
    """Check that what `sent` returned has come back, and nothing of the other prefix."""
    assert received is not None
    assert received.getall(f"{prefix}-bin") == BINARY
    assert received.getall(f"{prefix}-text") == TEXT
    assert {name for name in received if name.startswith("x-echo")} == {
        f"{prefix}-bin",
        f"{prefix}-text",
    }


def check_seen(gateway: CCoreGateway) -> None:
    """Check that the server has seen it as it was sent, with the headers of gRPC itself."""
    (call,) = gateway.journal.calls
    for prefix in (ECHO_INITIAL, ECHO_TRAILING):
        assert call.values(f"{prefix}-bin") == BINARY
        assert call.values(f"{prefix}-text") == TEXT
    assert call.values("authorization") == [f"Bearer {gateway.api_key}"]
    (agent,) = call.values("user-agent")
    assert str(agent).startswith("mxgateway/")


async def test_metadata_of_a_unary_call_goes_both_ways(either_gateway: CCoreGateway) -> None:
    with anyio.fail_after(5):
        async with open_channel(either_gateway) as channel:
            async with channel.request(
                OPEN_SESSION,
                Cardinality.UNARY_UNARY,
                OpenSessionRequest,
                OpenSessionReply,
                metadata=[*sent(ECHO_INITIAL), *sent(ECHO_TRAILING)],
            ) as call:
                await call.send_message(OpenSessionRequest(), end=True)
                reply = await call.recv_message()
                await call.recv_trailing_metadata()

    assert reply is not None
    assert reply.session_id in either_gateway.plant.sessions
    check(call.initial_metadata, ECHO_INITIAL)
    check(call.trailing_metadata, ECHO_TRAILING)
    check_seen(either_gateway)


async def test_metadata_of_a_stream_goes_both_ways(gateway: CCoreGateway) -> None:
    session = gateway.plant.open()

    with anyio.fail_after(5):
        async with open_channel(gateway) as channel:
            stream = MessageStream(
                channel,
                STREAM_EVENTS,
                StreamEventsRequest(session_id=session.session_id),
                MxEvent,
                metadata=[*sent(ECHO_INITIAL), *sent(ECHO_TRAILING)],
            )
            assert stream.initial_metadata is None
            async with stream:
                await until(gateway, lambda _: session.reader is not None)
                gateway.plant.close(session)  # the stream ends with OK
                assert [event async for event in stream] == []

    check(stream.initial_metadata, ECHO_INITIAL)
    check(stream.trailing_metadata, ECHO_TRAILING)
    check_seen(gateway)


async def test_metadata_larger_than_a_frame_goes_both_ways() -> None:
    value = bytes(range(256)) * 80  # in base64 more than the 16 KiB of one frame
    limits = [("grpc.max_metadata_size", 64 << 10), ("grpc.absolute_max_metadata_size", 64 << 10)]

    with anyio.fail_after(5), CCoreGateway(options=limits) as gateway:
        async with open_channel(gateway) as channel:
            async with channel.request(
                OPEN_SESSION,
                Cardinality.UNARY_UNARY,
                OpenSessionRequest,
                OpenSessionReply,
                metadata={f"{ECHO_INITIAL}-bin": value},
            ) as call:
                await call.send_message(OpenSessionRequest(), end=True)
                reply = await call.recv_message()

    assert reply is not None
    assert call.initial_metadata is not None
    assert call.initial_metadata[f"{ECHO_INITIAL}-bin"] == value


async def test_metadata_that_the_server_finds_too_large_ends_only_its_call(
    gateway: CCoreGateway,
) -> None:
    with anyio.fail_after(5):
        async with open_channel(gateway) as channel:
            stub = MxAccessGatewayStub(channel)
            with pytest.raises(ResourceExhaustedError, match="metadata"):
                await stub.open_session(OpenSessionRequest(), metadata={"x-large": "x" * 50_000})
            await stub.open_session(OpenSessionRequest())

    (call,) = gateway.journal.calls
    assert call.values("x-large") == []


async def test_metadata_of_a_stub_s_call_reaches_the_server(gateway: CCoreGateway) -> None:
    with anyio.fail_after(5):
        async with open_channel(gateway) as channel:
            metadata: dict[str, str | bytes] = {"x-trace-bin": b"\x00\x01", "x-plant": "north"}
            await MxAccessGatewayStub(channel).open_session(OpenSessionRequest(), metadata=metadata)

    (call,) = gateway.journal.calls
    assert call.values("x-trace-bin") == [b"\x00\x01"]
    assert call.values("x-plant") == ["north"]


async def test_an_error_status_arrives_with_message_details_and_trailers(
    either_gateway: CCoreGateway, google: GoogleModules
) -> None:
    with anyio.fail_after(5):
        async with await connect(either_gateway) as client:
            with pytest.raises(NotFoundError) as caught:
                await client.invoke_raw(ping("session-nobody"))

    error = caught.value
    assert error.status is StatusCode.NOT_FOUND
    assert error.message == "session 'session-nobody' not found, 100% sure: “Sitzung” fehlt"
    assert ("x-reason", "expired") in error.trailing_metadata
    assert error.details is not None
    status = google.status_pb2.Status.FromString(error.details)
    assert (status.code, status.message) == (5, error.message)
    detail = google.gateway_pb2.ProtocolStatus()
    assert status.details[0].Unpack(detail)
    assert detail.code == ProtocolStatusCode.SESSION_NOT_FOUND


@pytest.mark.parametrize("kind", ["unary", "stream"])
async def test_status_details_are_read_with_our_own_classes(
    gateway: CCoreGateway, kind: str
) -> None:
    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            request = StreamEventsRequest(session_id="session-nobody")
            calls: dict[str, Callable[[], Awaitable[object]]] = {
                "unary": lambda: client.invoke_raw(ping("session-nobody")),
                "stream": lambda: anext(client.stream_events_raw(request)),
            }
            with pytest.raises(NotFoundError) as caught:
                await calls[kind]()

    assert caught.value.details is not None
    status = decode(Status, caught.value.details)
    assert (status.code, status.message) == (5, caught.value.message)
    (packed,) = status.details
    assert packed.type_url == "type.googleapis.com/mxaccess_gateway.v1.ProtocolStatus"
    assert decode(ProtocolStatus, packed.value) == ProtocolStatus(
        code=ProtocolStatusCode.SESSION_NOT_FOUND, message=status.message
    )


@pytest.mark.requirement("err.no-leaks")
async def test_every_status_of_grpc_has_its_error(either_gateway: CCoreGateway) -> None:
    codes = [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK]
    errors: list[MxGatewayError] = []
    message = "  „Füllstand“ 100%\ttief 😈  "

    with anyio.fail_after(5):
        async with await connect(either_gateway) as client:
            session = await client.open_session()
            for code in codes:
                request = ping(session, f"abort {code.value[0]} {message}")
                await outcome(lambda request=request: client.invoke_raw(request), errors)  # type: ignore[misc]

    assert [error.status for error in errors] == [StatusCode[code.name] for code in codes]
    assert [error.status for error in errors] == [code.value[0] for code in codes]
    assert {error.message for error in errors} == {printable(message)}
    assert {vars(error)["status_message"] for error in errors} == {message}
    assert len({type(error) for error in errors}) == len(codes) == 16
    assert all(isinstance(error, RpcError) and error.details is None for error in errors)
