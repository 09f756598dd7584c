"""Unary calls of the public client against a gateway that shares no code with it."""

from __future__ import annotations

import anyio
import anyio.to_thread
import pytest
from google_messages import GoogleModules
from interop.ccore_gateway import HANG, CCoreGateway
from interop.scripted_plant import E_INVALIDARG, MISSPELT, SILENT, SPEED

from mxgateway import GatewayClient
from mxgateway.client import Connector
from mxgateway.errors import (
    AuthenticationError,
    ConnectError,
    DeadlineExceededError,
    MxAccessError,
    MxGatewayError,
    NotFoundError,
    StatusCode,
    UnimplementedError,
)
from mxgateway.generated.mxaccess_gateway.v1 import (
    MxCommand,
    MxCommandKind,
    MxCommandRequest,
    MxStatusCategory,
    PingCommand,
    ProtocolStatusCode,
    SessionState,
)


def connect(gateway: CCoreGateway) -> Connector:
    """Return an awaitable connection with the gateway's key."""
    return GatewayClient.connect(endpoint=gateway.endpoint, api_key=gateway.api_key, plaintext=True)


def ping(session_id: str, message: str = HANG) -> MxCommandRequest:
    """Return a Ping; the default one is never answered."""
    command = MxCommand(kind=MxCommandKind.PING, ping=PingCommand(message=message))
    return MxCommandRequest(session_id=session_id, client_correlation_id="ping-1", command=command)


async def test_every_command_of_a_session_is_executed(gateway: CCoreGateway) -> None:
    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session = await client.open_session(client_session_name="interop")
            assert session.session_id in gateway.plant.sessions
            server = await session.register("interop")
            item = await session.add_item(server, SPEED)
            relative = await session.add_item2(server, "Speed", "Pump_002")
            plant = gateway.plant.sessions[session.session_id]
            assert plant.servers == {server}
            assert [plant.items[h].reference for h in (item, relative)] == [
                SPEED,
                "Pump_002.Speed",
            ]

            await session.advise(server, item)
            await session.advise_supervisory(server, relative)
            assert plant.items[item].advised
            assert not plant.items[item].supervisory
            assert plant.items[relative].supervisory

            await session.un_advise(server, item)
            assert not plant.items[item].advised
            await session.remove_item(server, item)
            assert set(plant.items) == {relative}
            await session.unregister(server)
            assert plant.servers == set()
            reply = await session.close()

    assert reply.final_state == SessionState.CLOSED
    assert plant.closed
    assert gateway.cancelled == []
    assert [call.method for call in gateway.calls] == [
        "OpenSession",
        *["Invoke"] * 8,
        "CloseSession",
    ]


async def test_written_values_arrive_with_their_type(gateway: CCoreGateway) -> None:
    values = [True, -7, 2**40, 1.5, "Füllstand", b"\x00\xff"]

    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session = await client.open_session()
            server = await session.register("interop")
            item = await session.add_item(server, SILENT)
            await session.advise_supervisory(server, item)
            for value in values:
                await session.write(server, item, value, user_id=9)

    written = [value for _, value, _ in gateway.plant.writes]
    assert written == values
    assert [type(value) for value in written] == [type(value) for value in values]
    assert {(reference, user) for reference, _, user in gateway.plant.writes} == {(SILENT, 9)}


async def test_a_refusal_of_mxaccess_keeps_the_whole_reply(gateway: CCoreGateway) -> None:
    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session = await client.open_session()
            server = await session.register("interop")
            with pytest.raises(MxAccessError) as caught:
                await session.add_item(server, MISSPELT)

    error = caught.value
    assert error.hresult == E_INVALIDARG
    assert [(status.category, status.detail) for status in error.statuses] == [
        (MxStatusCategory.CONFIGURATION_ERROR, 6)
    ]
    assert error.reply.protocol_status is not None
    assert error.reply.protocol_status.code == ProtocolStatusCode.MXACCESS_FAILURE
    assert MISSPELT in error.reply.diagnostic_message


async def test_an_error_status_arrives_with_message_details_and_trailers(
    gateway: CCoreGateway, google: GoogleModules
) -> None:
    with anyio.fail_after(5):
        async with await connect(gateway) as client:
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


async def test_a_wrong_key_is_an_authentication_error_that_hides_it(
    gateway: CCoreGateway,
) -> None:
    key = "mxgw_interop_wrong-but-secret"

    with anyio.fail_after(5):
        async with await GatewayClient.connect(
            endpoint=gateway.endpoint, api_key=key, plaintext=True
        ) as client:
            with pytest.raises(AuthenticationError) as caught:
                await client.open_session()

    assert gateway.calls[0].metadata["authorization"] == f"Bearer {key}"
    for text in (str(caught.value), repr(caught.value), caught.value.diagnostics(), repr(client)):
        assert "secret" not in text


async def test_a_command_the_gateway_does_not_know_is_unimplemented(
    gateway: CCoreGateway,
) -> None:
    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session = await client.open_session()
            with pytest.raises(UnimplementedError, match="MX_COMMAND_KIND_PING"):
                await client.invoke_raw(ping(session.session_id, "hello"))


async def test_a_cancelled_call_is_seen_by_the_server_and_leaves_the_connection_usable(
    gateway: CCoreGateway,
) -> None:
    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session = await client.open_session()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.invoke_raw, ping(session.session_id))
                await anyio.to_thread.run_sync(
                    gateway.wait_until, lambda g: g.calls[-1].method == "Invoke"
                )
                tasks.cancel_scope.cancel()
            await anyio.to_thread.run_sync(gateway.wait_until, lambda g: g.cancelled == ["Invoke"])
            assert await session.register("still works") > 0

    peers = {call.metadata["x-peer"] for call in gateway.calls}
    assert len(peers) == 1


async def test_a_deadline_is_told_to_the_server_and_ends_the_call(gateway: CCoreGateway) -> None:
    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session = await client.open_session(timeout=20)
            with pytest.raises(DeadlineExceededError) as caught:
                await client.invoke_raw(ping(session.session_id), timeout=0.2)
            await anyio.to_thread.run_sync(gateway.wait_until, lambda g: g.cancelled == ["Invoke"])

    assert caught.value.processed == "maybe"
    opened, invoked = (call.time_remaining for call in gateway.calls)
    assert opened is not None
    assert invoked is not None
    assert 0.2 < opened <= 20
    assert invoked <= 0.2


async def test_a_hundred_calls_share_one_connection(gateway: CCoreGateway) -> None:
    handles: list[int] = []

    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session = await client.open_session()

            async def register(name: str) -> None:
                handles.append(await session.register(name))

            async with anyio.create_task_group() as tasks:
                for number in range(100):
                    tasks.start_soon(register, f"client-{number}")

    assert sorted(handles) == list(range(1, 101))
    assert len({call.metadata["x-peer"] for call in gateway.calls}) == 1


async def test_a_restarted_gateway_is_reached_by_the_next_call() -> None:
    with anyio.fail_after(5):
        with CCoreGateway() as first:
            async with await connect(first) as client:
                session = await client.open_session()
                errors: list[MxGatewayError] = []

                async def wait_for_ever() -> None:
                    try:
                        await client.invoke_raw(ping(session.session_id))
                    except MxGatewayError as error:
                        errors.append(error)

                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(wait_for_ever)
                    await anyio.to_thread.run_sync(
                        first.wait_until, lambda g: g.calls[-1].method == "Invoke"
                    )
                    await anyio.to_thread.run_sync(first.__exit__, None, None, None)

                assert [error.processed for error in errors] == ["maybe"]
                with pytest.raises(ConnectError):
                    await client.open_session()
                with CCoreGateway(port=first.port) as second:
                    reopened = await client.open_session()
                    assert reopened.session_id in second.plant.sessions
