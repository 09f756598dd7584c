"""Sessions, metadata, sizes and deadlines of unary calls against a gateway on grpc-js."""

from __future__ import annotations

import anyio
import pytest
from grpcjs.grpcjs_client import INVOKE, connect, options, ping, raw_events
from grpcjs.grpcjs_gateway import GrpcJsGateway, NodeProcess
from grpclib.const import Cardinality

from mxgateway.errors import DeadlineExceededError, ResourceExhaustedError
from mxgateway.generated.mxaccess_gateway.v1 import (
    MxAccessGatewayStub,
    MxCommandReply,
    MxCommandRequest,
    MxEventFamily,
    OpenSessionRequest,
    SessionState,
)
from mxgateway.transport.channel import Channel
from mxgateway.values import from_mx_value

MIB = 1 << 20


async def test_a_session_runs_from_open_to_close_on_grpc_js(gateway: GrpcJsGateway) -> None:
    with anyio.fail_after(5):
        async with await connect(gateway, api_key="interop-key") as client:
            session = await client.open_session()
            server = await session.register("interop")
            item = await session.add_item(server, "Pump_001.Speed")
            await session.advise(server, item)
            async with raw_events(client, session) as stream:
                first = await anext(stream)
                await session.write(server, item, "Füllstand 100 %")
                change = await anext(stream)
                done = await anext(stream)
                await session.un_advise(server, item)
                await session.remove_item(server, item)
                await session.unregister(server)
                reply = await session.close()
                rest = [event async for event in stream]

    assert from_mx_value(first.value) == 10.5
    assert str(first.source_timestamp) == "2025-10-09T08:53:20.1234567Z"
    assert from_mx_value(change.value) == "Füllstand 100 %"
    assert (done.family, done.item_handle) == (MxEventFamily.ON_WRITE_COMPLETE, item)
    assert [e.worker_sequence for e in (first, change, done)] == [1, 2, 3]
    assert rest == []
    assert reply.final_state == SessionState.CLOSED
    calls = gateway.seen("call")
    assert {call["metadata"]["authorization"][0] for call in calls} == {"Bearer interop-key"}
    assert len({call["peer"] for call in calls}) == 1
    assert gateway.seen("cancelled") == []


async def test_metadata_goes_both_ways_on_a_unary_call_with_grpc_js(
    gateway: GrpcJsGateway,
) -> None:
    sent: list[tuple[str, str | bytes]] = [
        ("x-plant", "north"),
        ("x-plant", "south"),
        ("x-trace-bin", b"\x00\xff,="),
    ]
    headers = {"x-first": "1", "x-first-bin": "AP8="}
    trailers = {"x-last": "2", "x-last-bin": "/wA="}

    with anyio.fail_after(5):
        async with Channel(options(gateway)) as channel:
            opened = await MxAccessGatewayStub(channel).open_session(OpenSessionRequest())
            request = ping(opened.session_id, headers=headers, trailers=trailers)
            async with channel.request(
                INVOKE, Cardinality.UNARY_UNARY, MxCommandRequest, MxCommandReply, metadata=sent
            ) as call:
                await call.send_message(request, end=True)
                await call.recv_message()
                await call.recv_trailing_metadata()

    seen = gateway.seen("call")[1]["metadata"]
    # An HTTP/2 server may join the values of one name (RFC 9110, section 5.3).
    assert ", ".join(seen["x-plant"]) == "north, south"
    assert seen["x-trace-bin"] == ["AP8sPQ=="]
    assert call.initial_metadata is not None
    assert call.trailing_metadata is not None
    assert call.initial_metadata["x-first"] == "1"
    assert call.initial_metadata["x-first-bin"] == b"\x00\xff"
    assert call.trailing_metadata["x-last"] == "2"
    assert call.trailing_metadata["x-last-bin"] == b"\xff\x00"


async def test_a_deadline_reaches_grpc_js_and_ends_the_call_there_too(
    gateway: GrpcJsGateway,
) -> None:
    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session = await client.open_session(timeout=20)
            with pytest.raises(DeadlineExceededError) as caught:
                await client.invoke_raw(ping(session, hang=True), timeout=0.2)
            await gateway.until("cancelled", method="Invoke")
            assert await session.register("still works") > 0

    opened, invoked, _ = (call["deadline_ms"] for call in gateway.seen("call"))
    assert 200 < opened <= 20_000
    assert invoked <= 200
    assert caught.value.processed == "maybe"


async def test_a_call_without_a_timeout_has_no_deadline_on_grpc_js(
    gateway: GrpcJsGateway,
) -> None:
    with anyio.fail_after(5):
        async with await connect(gateway, call_timeout=None) as client:
            await client.open_session()

    assert [call["deadline_ms"] for call in gateway.seen("call")] == [None]


async def test_a_cancelled_call_is_seen_by_grpc_js_and_spares_the_connection(
    gateway: GrpcJsGateway,
) -> None:
    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session = await client.open_session()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.invoke_raw, ping(session, hang=True))
                await gateway.until("call", method="Invoke")
                tasks.cancel_scope.cancel()
            await gateway.until("cancelled", method="Invoke")
            assert await session.register("still works") > 0

    assert len({call["peer"] for call in gateway.seen("call")}) == 1


@pytest.mark.parametrize("window", [65_535, MIB])
async def test_messages_of_many_windows_go_both_ways_with_grpc_js(
    node: NodeProcess, window: int
) -> None:
    text = "0123456789abcdef" * (8 * MIB // 16)

    with node.gateway(options={"grpc.max_receive_message_length": 16 * MIB}) as gateway:
        with anyio.fail_after(20):
            async with await connect(
                gateway, stream_window=window, connection_window=window
            ) as client:
                session = await client.open_session()
                server = await session.register("interop")
                item = await session.add_item(server, "Big.Text")
                async with raw_events(client, session) as stream:
                    await session.write(server, item, text)
                    event = await anext(stream)

    assert from_mx_value(event.value) == text


async def test_a_request_above_the_limit_of_grpc_js_fails_with_its_status(
    node: NodeProcess,
) -> None:
    with node.gateway(options={"grpc.max_receive_message_length": MIB}) as gateway:
        with anyio.fail_after(5):
            async with await connect(gateway) as client:
                session = await client.open_session()
                with pytest.raises(ResourceExhaustedError, match="larger than max") as caught:
                    await client.invoke_raw(ping(session, pad="x" * MIB))
                assert await session.register("still works") > 0

    assert caught.value.processed == "maybe"


async def test_a_request_above_our_own_limit_never_reaches_grpc_js(
    gateway: GrpcJsGateway,
) -> None:
    with anyio.fail_after(5):
        async with await connect(gateway, max_send_bytes=MIB) as client:
            session = await client.open_session()
            with pytest.raises(ResourceExhaustedError, match="max_send_bytes") as caught:
                await client.invoke_raw(ping(session, pad="x" * MIB))

    assert caught.value.processed == "no"
    assert gateway.seen("call", method="Invoke") == []


async def test_a_reply_of_grpc_js_above_our_limit_ends_that_call_alone(
    gateway: GrpcJsGateway,
) -> None:
    with anyio.fail_after(5):
        async with await connect(gateway, max_receive_bytes=MIB) as client:
            session = await client.open_session()
            with pytest.raises(ResourceExhaustedError, match="max_receive_bytes"):
                await client.invoke_raw(ping(session, size=MIB))
            assert await session.register("still works") > 0

    assert len({call["peer"] for call in gateway.seen("call")}) == 1


async def test_a_reply_above_the_send_limit_of_grpc_js_fails_with_its_status(
    node: NodeProcess,
) -> None:
    with node.gateway(options={"grpc.max_send_message_length": MIB}) as gateway:
        with anyio.fail_after(5):
            async with await connect(gateway) as client:
                session = await client.open_session()
                with pytest.raises(ResourceExhaustedError, match="larger than max"):
                    await client.invoke_raw(ping(session, size=MIB))


async def test_gzip_replies_of_grpc_js_are_expanded(node: NodeProcess) -> None:
    with node.gateway(gzip=True) as gateway:
        with anyio.fail_after(5):
            async with await connect(gateway) as client:
                session = await client.open_session()
                reply = await client.invoke_raw(ping(session, size=MIB))

    assert reply.diagnostic_message == "x" * MIB
    packed = gateway.seen("compressed")[-1]
    assert packed["from"] > MIB
    assert packed["to"] < MIB // 100


async def test_a_gzip_reply_that_grows_beyond_our_limit_is_refused(node: NodeProcess) -> None:
    with node.gateway(gzip=True) as gateway:
        with anyio.fail_after(5):
            async with await connect(gateway, max_receive_bytes=MIB) as client:
                session = await client.open_session()
                with pytest.raises(ResourceExhaustedError, match="max_receive_bytes"):
                    await client.invoke_raw(ping(session, size=MIB))
                assert await session.register("still works") > 0
