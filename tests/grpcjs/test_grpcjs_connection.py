"""Connections to a gateway on grpc-js: shutdown, age, PINGs, many calls, TLS."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path

import anyio
import pytest
import trustme
from grpcjs.grpcjs_client import connect, ping, raw_events, scripted
from grpcjs.grpcjs_gateway import GrpcJsGateway, NodeProcess
from tls_files import TlsFiles, issue_tls_files

from mxgateway import GatewayClient
from mxgateway.errors import (
    CallCancelledError,
    ConnectError,
    ConnectionLost,
    MxGatewayError,
    TlsError,
)


async def outcome(call: Callable[[], Awaitable[object]], errors: list[MxGatewayError]) -> None:
    """Await a call and note the error that it ends with."""
    try:
        await call()
    except MxGatewayError as error:
        errors.append(error)


async def test_a_polite_shutdown_of_grpc_js_lets_the_stream_finish(node: NodeProcess) -> None:
    errors: list[MxGatewayError] = []

    with node.gateway() as gateway, anyio.fail_after(5):
        async with await connect(gateway) as client:
            session = await scripted(client, count=10, hold=5)
            async with raw_events(client, session) as stream:
                first = [(await anext(stream)).worker_sequence for _ in range(5)]
                gateway.send("tryShutdown")
                # The listener closes at once. Until the GOAWAY has come, calls still go to the
                # old connection, where they are answered or refused unseen.
                while not any(isinstance(error, ConnectError) for error in errors):
                    await outcome(lambda: client.invoke_raw(ping(session)), errors)
                gateway.send("release")
                rest = [event.worker_sequence async for event in stream]
            await gateway.until("stopped")

    assert first + rest == list(range(1, 11))
    assert {error.processed for error in errors} == {"no"}
    assert gateway.seen("finished", method="StreamEvents")
    assert gateway.seen("cancelled") == []


async def test_a_rude_shutdown_of_grpc_js_ends_every_call_at_once(node: NodeProcess) -> None:
    errors: list[MxGatewayError] = []

    with node.gateway() as gateway, anyio.fail_after(5):
        async with await connect(gateway) as client:
            session = await scripted(client, count=3, hang=True)
            stream = raw_events(client, session)
            received = [(await anext(stream)).worker_sequence for _ in range(3)]
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(outcome, stream.__anext__, errors)
                tasks.start_soon(
                    outcome, lambda: client.invoke_raw(ping(session, hang=True)), errors
                )
                await gateway.until("call", method="Invoke")
                gateway.send("forceShutdown")
            with pytest.raises(ConnectError):
                await client.open_session()

    assert received == [1, 2, 3]
    # node resets the streams that it still can before it cuts the connection.
    assert len(errors) == 2
    assert all(isinstance(error, ConnectionLost | CallCancelledError) for error in errors)
    assert {error.processed for error in errors} == {"maybe"}


async def test_a_restarted_grpc_js_is_reached_by_the_next_call(node: NodeProcess) -> None:
    with anyio.fail_after(5), node.gateway() as first:
        async with await connect(first) as client:
            await client.open_session()
            first.send("forceShutdown")
            await first.until("stopped")
            with node.gateway(port=first.port) as second:
                # The client may not have seen yet that the old connection ended.
                errors: list[MxGatewayError] = []
                while not second.seen("call"):
                    await outcome(client.open_session, errors)
                reopened = await client.open_session()

    assert reopened.session_id
    assert all(isinstance(error, ConnectionLost) for error in errors)


async def test_calls_outlive_the_age_limit_of_a_connection(node: NodeProcess) -> None:
    errors: list[MxGatewayError] = []

    with node.gateway(options={"grpc.max_connection_age_ms": 200}) as gateway:
        with anyio.fail_after(10):
            async with await connect(gateway) as client:
                session = await client.open_session()
                while len({call["peer"] for call in gateway.seen("call")}) < 4:
                    await outcome(lambda: client.invoke_raw(ping(session)), errors)

    # A call that is on its way while the server says its last word was not processed.
    assert [error.processed for error in errors if error.processed != "no"] == []


async def test_a_stream_goes_on_when_its_connection_has_come_of_age(node: NodeProcess) -> None:
    with node.gateway(options={"grpc.max_connection_age_ms": 200}) as gateway:
        with anyio.fail_after(10):
            async with await connect(gateway) as client:
                session = await scripted(client, count=10, hold=5)
                async with raw_events(client, session) as stream:
                    first = [(await anext(stream)).worker_sequence for _ in range(5)]
                    errors: list[MxGatewayError] = []
                    while len({call["peer"] for call in gateway.seen("call")}) < 3:
                        await outcome(lambda: client.invoke_raw(ping(session)), errors)
                    gateway.send("release")
                    rest = [event.worker_sequence async for event in stream]

    assert first + rest == list(range(1, 11))


async def test_pings_of_grpc_js_are_answered(node: NodeProcess) -> None:
    pings = {"grpc.keepalive_time_ms": 20, "grpc.keepalive_timeout_ms": 4000}

    with node.gateway(options=pings) as gateway, anyio.fail_after(5):
        async with await connect(gateway) as client:
            session = await scripted(client, count=1, hang=True)
            async with raw_events(client, session) as stream:
                await anext(stream)
                await gateway.until("keepalive", 3, text="Received ping response")
                assert (await client.invoke_raw(ping(session))).hresult == 0

    assert len({call["peer"] for call in gateway.seen("call")}) == 1


async def test_our_own_pings_are_answered_by_grpc_js(gateway: GrpcJsGateway) -> None:
    with anyio.fail_after(5):
        async with await connect(gateway, keepalive_time=0.02, keepalive_timeout=4.0) as client:
            session = await scripted(client, count=2, hold=1)
            async with raw_events(client, session) as stream:
                await anext(stream)
                # The next PING goes out only after the answer to the one before.
                await gateway.until("ping", 3)
                gateway.send("release")
                assert (await anext(stream)).worker_sequence == 2

    assert len({call["peer"] for call in gateway.seen("call")}) == 1


async def test_two_hundred_calls_are_open_at_once(gateway: GrpcJsGateway) -> None:
    replies = []

    with anyio.fail_after(10):
        async with await connect(gateway) as client:
            session = await client.open_session()

            async def call() -> None:
                # Nobody gets an answer before all two hundred have come together.
                replies.append(await client.invoke_raw(ping(session, meet=200)))

            async with anyio.create_task_group() as tasks:
                for _ in range(200):
                    tasks.start_soon(call)

    assert len(replies) == 200
    assert max(call["open"] for call in gateway.seen("call")) == 200
    assert len({call["peer"] for call in gateway.seen("call")}) == 1


async def test_the_stream_limit_of_grpc_js_is_used_in_full_and_never_passed(
    node: NodeProcess,
) -> None:
    limit, calls = 5, 50
    replies = []

    with node.gateway(options={"grpc.max_concurrent_streams": limit}) as gateway:
        with anyio.fail_after(10):
            async with await connect(gateway) as client:
                session = await client.open_session()

                async def call() -> None:
                    replies.append(await client.invoke_raw(ping(session, meet=limit)))

                async with anyio.create_task_group() as tasks:
                    for _ in range(calls):
                        tasks.start_soon(call)

    assert len(replies) == calls
    assert max(call["open"] for call in gateway.seen("call")) == limit
    assert gateway.seen("cancelled") == []
    assert len({call["peer"] for call in gateway.seen("call")}) == 1


async def test_events_flow_over_tls_from_grpc_js(node: NodeProcess, tls_files: TlsFiles) -> None:
    with node.gateway(tls=tls_files) as gateway, anyio.fail_after(5):
        async with await GatewayClient.connect(
            endpoint=f"localhost:{gateway.port}", ca_file=tls_files.ca_file
        ) as client:
            session = await scripted(client, count=1_000, size=100)
            events = [event async for event in raw_events(client, session)]

    assert [event.worker_sequence for event in events] == list(range(1, 1_001))


async def test_grpc_js_sees_the_client_certificate(
    node: NodeProcess, tls_files: TlsFiles, ca: trustme.CA, tmp_path: Path
) -> None:
    client_files = issue_tls_files(tmp_path, ca, "client.plant.example", prefix="client")

    with (
        node.gateway(tls=tls_files, client_ca_file=tls_files.ca_file) as gateway,
        anyio.fail_after(5),
    ):
        async with await GatewayClient.connect(
            endpoint=f"localhost:{gateway.port}",
            ca_file=tls_files.ca_file,
            client_cert=client_files.cert_file,
            client_key=client_files.key_file,
        ) as client:
            await client.open_session()

    certificate = ssl.PEM_cert_to_DER_cert(client_files.cert_file.read_text("ascii"))
    (call,) = gateway.seen("call")
    assert call["certificate"].replace(":", "").lower() == sha256(certificate).hexdigest()


async def test_grpc_js_refuses_a_client_without_certificate(
    node: NodeProcess, tls_files: TlsFiles
) -> None:
    with (
        node.gateway(tls=tls_files, client_ca_file=tls_files.ca_file) as gateway,
        anyio.fail_after(5),
    ):
        with pytest.raises(ConnectError, match="client certificate"):
            await GatewayClient.connect(
                endpoint=f"localhost:{gateway.port}", ca_file=tls_files.ca_file
            )

    assert gateway.seen("call") == []


async def test_a_stranger_s_certificate_on_grpc_js_is_refused(
    node: NodeProcess, tls_files: TlsFiles, stranger_tls_files: TlsFiles
) -> None:
    with node.gateway(tls=tls_files) as gateway, anyio.fail_after(5):
        with pytest.raises(TlsError):
            await GatewayClient.connect(
                endpoint=f"localhost:{gateway.port}", ca_file=stranger_tls_files.ca_file
            )
