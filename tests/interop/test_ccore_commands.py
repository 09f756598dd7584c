"""Sessions and commands of the public client against a gateway that shares no code with it."""

from __future__ import annotations

import anyio
import pytest
from interop.ccore_client import connect
from interop.ccore_gateway import CCoreGateway
from interop.scripted_plant import MISSPELT, SILENT, SPEED
from interop.statuses import E_INVALIDARG

from mxgateway.errors import AuthenticationError, InvalidArgumentError, MxAccessError
from mxgateway.generated.mxaccess_gateway.v1 import (
    MxCommand,
    MxCommandKind,
    MxCommandRequest,
    MxStatusCategory,
    ProtocolStatusCode,
    SessionState,
)


async def test_every_command_of_a_session_is_executed(either_gateway: CCoreGateway) -> None:
    gateway = either_gateway

    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session = await client.open_session(client_session_name="interop")
            assert session.session_id in gateway.plant.sessions
            server = await session.register("interop")
            item = await session.add_item(server, SPEED)
            relative = await session.add_item2(server, "Me.Speed", "Pump_002")
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
    assert gateway.journal.cancelled == []
    assert gateway.journal.methods == [
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

    written = [write.value for write in gateway.plant.writes]
    assert written == values
    assert [type(value) for value in written] == [type(value) for value in values]
    assert {(write.reference, write.user) for write in gateway.plant.writes} == {(SILENT, 9)}


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


async def test_a_wrong_key_is_an_authentication_error_that_hides_it(
    gateway: CCoreGateway,
) -> None:
    key = "mxgw_interop_wrong-but-secret"

    with anyio.fail_after(5):
        async with await connect(gateway, api_key=key) as client:
            with pytest.raises(AuthenticationError) as caught:
                await client.open_session()

    assert gateway.journal.calls[0].values("authorization") == [f"Bearer {key}"]
    for text in (str(caught.value), repr(caught.value), caught.value.diagnostics(), repr(client)):
        assert "secret" not in text


async def test_a_command_the_gateway_does_not_know_is_an_invalid_argument(
    gateway: CCoreGateway,
) -> None:
    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session = await client.open_session()
            for command, text in (
                (MxCommand(kind=MxCommandKind(99)), "kind 99"),
                (MxCommand(kind=MxCommandKind.GET_WORKER_INFO), "payload None"),
            ):
                with pytest.raises(InvalidArgumentError, match=text):
                    await client.invoke_raw(
                        MxCommandRequest(session_id=session.session_id, command=command)
                    )
