"""Keys, sessions and the frame around every command, on either gateway."""

from __future__ import annotations

import anyio.to_thread
import pytest
from both_gateways.plants import TEST_ALARM, PlantUnderTest
from both_gateways.user import User, open_user, raw_events
from interop.plant_rows import PROBE

from mxgateway import GatewayClient
from mxgateway.commands import command
from mxgateway.errors import (
    AuthenticationError,
    FailedPreconditionError,
    InvalidArgumentError,
    MxAccessError,
    NotFoundError,
    PermissionDeniedError,
    UnavailableError,
)
from mxgateway.generated.mxaccess_gateway.v1 import (
    CloseSessionRequest,
    MxCommand,
    MxCommandKind,
    MxCommandRequest,
    MxStatusCategory,
    PingCommand,
    ProtocolStatusCode,
    SessionState,
    StreamEventsRequest,
)


@pytest.mark.rule("session.ready", "session.id-opaque", "command.diagnostics")
async def test_sessions_are_ready_and_each_has_its_id(client: GatewayClient) -> None:
    sessions = [await client.open_session() for _ in range(3)]

    assert len({session.session_id for session in sessions}) == 3
    for session in sessions:
        assert await session.get_session_state() == SessionState.READY
        assert session.version_warnings == ()
        info = await session.get_worker_info()
        assert session.open_reply is not None
        assert info.worker_process_id == session.open_reply.worker_process_id


@pytest.mark.rule("command.correlation", "command.diagnostics")
async def test_a_ping_comes_back_under_its_correlation_id(user: User) -> None:
    named = await user.session.ping("are you there", correlation_id="c-1")
    raw = MxCommandRequest(session_id=user.session.session_id, command=command(PingCommand()))
    unnamed = await user.client.invoke_raw(raw)

    assert (named.correlation_id, named.diagnostic_message) == ("c-1", "are you there")
    assert named.kind == MxCommandKind.PING
    assert unnamed.correlation_id


@pytest.mark.rule("session.unknown", "status.not-found")
async def test_a_session_that_is_not_known_is_not_found(client: GatewayClient) -> None:
    stranger = client.session("session-" + "f" * 32)

    with pytest.raises(NotFoundError):
        await stranger.ping()
    with pytest.raises(NotFoundError):
        await anext(raw_events(client, stranger))
    with pytest.raises(NotFoundError):
        await stranger.close()


@pytest.mark.rule("session.missing-id", "status.invalid-argument")
async def test_a_request_without_session_id_is_an_invalid_argument(client: GatewayClient) -> None:
    with pytest.raises(InvalidArgumentError):
        await client.invoke_raw(MxCommandRequest(command=command(PingCommand())))
    with pytest.raises(InvalidArgumentError):
        await client.close_session_raw(CloseSessionRequest())
    with pytest.raises(InvalidArgumentError):
        await anext(client.stream_events_raw(StreamEventsRequest()))


@pytest.mark.rule("command.kind", "status.invalid-argument")
@pytest.mark.parametrize(
    "wrong",
    [
        MxCommand(),
        MxCommand(kind=MxCommandKind(99)),
        MxCommand(kind=MxCommandKind.PING),
        MxCommand(kind=MxCommandKind.ADVISE, ping=PingCommand()),
    ],
    ids=["nothing", "unknown kind", "no payload", "another payload"],
)
async def test_a_payload_that_does_not_fit_its_kind_is_an_invalid_argument(
    user: User, wrong: MxCommand
) -> None:
    request = MxCommandRequest(session_id=user.session.session_id, command=wrong)

    with pytest.raises(InvalidArgumentError):
        await user.client.invoke_raw(request)
    await user.session.ping()  # the session is none the worse for it


@pytest.mark.rule("session.close-idempotent", "session.only-ready", "status.failed-precondition")
async def test_a_closed_session_takes_nothing_more_and_may_be_closed_again(user: User) -> None:
    request = CloseSessionRequest(session_id=user.session.session_id)
    first = await user.client.close_session_raw(request)
    again = await user.client.close_session_raw(request)

    assert first.final_state == again.final_state == SessionState.CLOSED
    with pytest.raises(FailedPreconditionError):
        await user.session.ping()
    with pytest.raises(FailedPreconditionError):
        await anext(raw_events(user.client, user.session))


@pytest.mark.rule("session.faulted-final", "status.unavailable", "session.only-ready")
async def test_a_session_whose_worker_died_is_lost_for_good(
    plant: PlantUnderTest, user: User
) -> None:
    other = await open_user(user.client)
    async with user.session.stream_events() as stream:
        await anyio.to_thread.run_sync(plant.wait_streams, 1)
        plant.kill_worker(user.session.session_id)
        with pytest.raises(UnavailableError):
            await anext(stream)

    with pytest.raises(FailedPreconditionError):
        await user.session.ping()
    reply = await user.session.close()
    assert reply.final_state == SessionState.FAULTED
    await other.session.ping()  # another worker, another session


@pytest.mark.rule("command.shutdown")
async def test_a_session_without_its_worker_takes_no_commands(user: User) -> None:
    await user.session.shutdown_worker()

    with pytest.raises(FailedPreconditionError):
        await user.session.ping()
    await user.session.close()


@pytest.mark.rule("auth.unauthenticated")
@pytest.mark.parametrize("key", [None, "mxgw_nobody_at-all", "no-key"])
async def test_nobody_gets_in_without_a_known_key(plant: PlantUnderTest, key: str | None) -> None:
    async with plant.connect(api_key=key) as client:
        with pytest.raises(AuthenticationError):
            await client.open_session()


@pytest.mark.rule(
    "auth.scope-write",
    "auth.scope-secure",
    "auth.scope-acknowledge",
    "auth.bearer",
    "status.permission-denied",
)
async def test_a_key_for_reading_reads_and_writes_nothing(plant: PlantUnderTest) -> None:
    async with plant.connect(api_key=plant.read_only_key) as client:
        user = await open_user(client)
        item = await user.advised(f"{PROBE}.TestInt", supervisory=True)
        with pytest.raises(PermissionDeniedError):
            await user.session.write(user.server, item, 7)
        with pytest.raises(PermissionDeniedError):
            await user.session.write_bulk(user.server, [(item, 7)])
        with pytest.raises(PermissionDeniedError):
            await user.session.write_secured(user.server, item, 7, current_user_id=1)
        with pytest.raises(PermissionDeniedError):
            await user.session.authenticate_user(user.server, "operator", "valve-7")
        with pytest.raises(PermissionDeniedError):
            await client.acknowledge_alarm(TEST_ALARM)
        assert (await user.read(f"{PROBE}.TestInt")).was_successful

    assert plant.writes(f"{PROBE}.TestInt") == []


@pytest.mark.rule("command.two-layers", "command.hresult", "mx.handles")
async def test_a_refusal_is_a_reply_with_hresult_and_statuses(user: User) -> None:
    with pytest.raises(MxAccessError) as caught:
        await user.session.advise(user.server, 4711)

    error = caught.value
    assert error.hresult == -2147024809
    assert error.reply.protocol_status is not None
    assert error.reply.protocol_status.code == ProtocolStatusCode.MXACCESS_FAILURE
    assert error.reply.kind == MxCommandKind.ADVISE
    assert MxStatusCategory.OK not in {status.category for status in error.statuses}
