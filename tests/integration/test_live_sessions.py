"""A live gateway: who gets in, sessions and their worker."""

from __future__ import annotations

import pytest
from integration.live_gateway import LiveGateway

from mxgateway import (
    AuthenticationError,
    GatewayClient,
    MxGatewayCommandError,
    NotFoundError,
    PermissionDeniedError,
    ProtocolStatusCode,
    Session,
    SessionState,
)


async def test_the_protocol_is_the_one_of_this_client(session: Session) -> None:
    assert session.session_id
    assert session.open_reply is not None
    assert session.version_warnings == ()


async def test_the_worker_answers(session: Session) -> None:
    await session.ping("integration")

    assert await session.get_session_state() is SessionState.READY
    assert (await session.get_worker_info()).worker_process_id


async def test_a_session_closes_and_may_be_closed_again(client: GatewayClient) -> None:
    session = await client.open_session("mxgateway-integration")

    reply = await session.close()

    assert reply.final_state is SessionState.CLOSED
    assert (await client.session(session.session_id).close()).final_state is SessionState.CLOSED


async def test_a_session_that_is_not_known_is_refused(client: GatewayClient) -> None:
    stranger = client.session("session-00000000000000000000000000000000")

    with pytest.raises((NotFoundError, MxGatewayCommandError)) as caught:
        await stranger.register("nobody")

    if isinstance(caught.value, MxGatewayCommandError):
        status = caught.value.protocol_status
        assert status is not None
        assert status.code == ProtocolStatusCode.SESSION_NOT_FOUND


@pytest.mark.parametrize("key", [None, "mxgw_nobody_this-is-no-key"])
async def test_nobody_gets_in_without_a_known_key(gateway: LiveGateway, key: str | None) -> None:
    options = gateway.options.replace(api_key=key)

    async with GatewayClient.connect(options=options) as stranger:
        with pytest.raises(AuthenticationError):
            await stranger.open_session("mxgateway-integration")


async def test_a_key_for_reading_does_not_write(gateway: LiveGateway) -> None:
    if gateway.read_only_key is None:
        pytest.skip("needs a key without the right to write: set MXGATEWAY_TEST_READ_ONLY_KEY")
    options = gateway.options.replace(api_key=gateway.read_only_key)

    async with (
        GatewayClient.connect(options=options) as reader,
        await reader.open_session("mxgateway-integration") as session,
    ):
        server = await session.register("mxgateway-integration")
        item = await session.add_item(server, gateway.item)
        # Not advised: MXAccess would refuse this as well, so nothing is ever written.
        with pytest.raises(PermissionDeniedError):
            await session.write(server, item, 1)
