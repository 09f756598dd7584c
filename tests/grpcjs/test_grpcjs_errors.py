"""Error statuses of a gateway on grpc-js, in every place where a reply can carry one."""

from __future__ import annotations

import base64

import anyio
import pytest
from grpcjs.grpcjs_client import connect, options, ping, raw_events, scripted
from grpcjs.grpcjs_gateway import GrpcJsGateway

from mxgateway import GatewayClient, Session
from mxgateway.codec import decode
from mxgateway.errors import (
    CallCancelledError,
    InternalError,
    NotFoundError,
    RpcError,
    StatusCode,
    UnavailableError,
    UnimplementedError,
    UnknownStatusError,
    rpc_error,
)
from mxgateway.generated.google.rpc import Status
from mxgateway.generated.mxaccess_gateway.v1 import (
    AcknowledgeAlarmRequest,
    MxAccessGatewayStub,
)
from mxgateway.printable import printable
from mxgateway.transport.channel import Channel

ERRORS = [code for code in StatusCode if code is not StatusCode.OK]
MESSAGES = {
    "empty": "",
    "unicode": "Sitzung “fehlt” — 溢出 😈",
    "percent": "100 % of %41 and %E4%BD and a lone %",
    "whitespace": "\t\nfirst line\r\nsecond line\t\n",
}
# google.rpc.Status by hand: code 5, message "gone", one Any of type "t/x" with the bytes 01 02.
DETAILS = b"\x08\x05\x12\x04gone\x1a\x09\x0a\x03t/x\x12\x02\x01\x02"


async def collect(client: GatewayClient, session: Session, sequences: list[int]) -> None:
    """Append the sequence of every event until the stream ends."""
    async for event in raw_events(client, session):
        sequences.append(event.worker_sequence)  # noqa: PERF401 - kept when it raises


@pytest.mark.parametrize("code", ERRORS, ids=lambda code: code.name)
async def test_every_status_of_grpc_js_is_its_own_error(
    gateway: GrpcJsGateway, code: StatusCode
) -> None:
    text = f"{code.name}: 50 % “voll”"

    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session = await client.open_session()
            with pytest.raises(RpcError) as caught:
                await client.invoke_raw(ping(session, status={"code": code, "details": text}))

    assert type(caught.value) is type(rpc_error(code))
    assert (caught.value.status, caught.value.message) == (code, text)


@pytest.mark.parametrize("text", MESSAGES.values(), ids=MESSAGES)
@pytest.mark.parametrize("headers", [None, {"x-early": "1"}], ids=["trailers-only", "trailers"])
async def test_status_messages_of_grpc_js_arrive_as_they_were(
    gateway: GrpcJsGateway, text: str, headers: dict[str, str] | None
) -> None:
    status = {"code": StatusCode.UNKNOWN, "details": text}

    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session = await client.open_session()
            with pytest.raises(UnknownStatusError) as caught:
                await client.invoke_raw(ping(session, headers=headers, status=status))

    assert caught.value.status_message == text
    assert caught.value.message == printable(text)


async def test_a_status_that_grpc_does_not_define_keeps_its_number(gateway: GrpcJsGateway) -> None:
    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session = await client.open_session()
            with pytest.raises(UnknownStatusError) as caught:
                await client.invoke_raw(ping(session, status={"code": 77, "details": "new"}))

    assert caught.value.status == 77


@pytest.mark.parametrize("count", [0, 3], ids=["trailers-only", "after messages"])
async def test_status_details_and_trailers_of_grpc_js_stay_on_the_error(
    gateway: GrpcJsGateway, count: int
) -> None:
    trailers = {
        "grpc-status-details-bin": base64.b64encode(DETAILS).decode(),
        "x-reason": "expired",
        "x-reason-bin": "AP8=",
    }
    status = {"code": StatusCode.NOT_FOUND, "details": "gone"}
    sequences: list[int] = []

    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session = await scripted(client, count=count, status=status, trailers=trailers)
            with pytest.raises(NotFoundError) as caught:
                await collect(client, session, sequences)

    error = caught.value
    assert len(sequences) == count
    assert error.details == DETAILS
    assert ("x-reason", "expired") in error.trailing_metadata
    assert ("x-reason-bin", b"\x00\xff") in error.trailing_metadata
    decoded = decode(Status, DETAILS)
    assert (decoded.code, decoded.message) == (5, "gone")
    assert [(detail.type_url, detail.value) for detail in decoded.details] == [("t/x", b"\x01\x02")]


async def test_an_error_after_messages_comes_after_all_of_them(gateway: GrpcJsGateway) -> None:
    status = {"code": StatusCode.UNAVAILABLE, "details": "the worker has gone"}
    sequences: list[int] = []

    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session = await scripted(client, count=500, status=status)
            with pytest.raises(UnavailableError, match="the worker has gone"):
                await collect(client, session, sequences)
            assert (await client.invoke_raw(ping(session))).hresult == 0

    assert sequences == list(range(1, 501))


async def test_an_error_before_any_message_leaves_the_stream_over(gateway: GrpcJsGateway) -> None:
    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session = await scripted(client, status={"code": StatusCode.CANCELLED})
            stream = raw_events(client, session)
            with pytest.raises(CallCancelledError):
                await anext(stream)
            with pytest.raises(StopAsyncIteration):
                await anext(stream)


async def test_an_rpc_that_grpc_js_does_not_serve_is_unimplemented(gateway: GrpcJsGateway) -> None:
    with anyio.fail_after(5):
        async with Channel(options(gateway)) as channel:
            with pytest.raises(UnimplementedError):
                await MxAccessGatewayStub(channel).acknowledge_alarm(AcknowledgeAlarmRequest())


async def test_a_failing_server_is_an_internal_error(gateway: GrpcJsGateway) -> None:
    status = {"code": StatusCode.INTERNAL, "details": "inside"}

    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session = await client.open_session()
            with pytest.raises(InternalError, match="inside") as caught:
                await client.invoke_raw(ping(session, headers={"x-early": "1"}, status=status))

    assert caught.value.processed == "maybe"
