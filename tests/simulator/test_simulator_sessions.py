"""Session lifecycle (gateway semantics, section 3)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.generated.mxaccess_gateway.v1 import (
    CloseSessionRequest,
    GetSessionStateCommand,
    GetWorkerInfoCommand,
    MxCommandKind,
    MxCommandRequest,
    OpenSessionRequest,
    PingCommand,
    ProtocolStatusCode,
    SessionState,
)
from mxgateway.simulator import ManualClock, Settings, Simulator


@pytest.mark.rule("session.ready", "session.id-opaque")
async def test_open_session_answers_as_the_gateway_does(sim: Simulator, connect: Any) -> None:
    user = await connect(sim, session=False)
    reply = await user.stub.open_session(OpenSessionRequest(client_session_name="me"))
    assert re.fullmatch(r"session-[0-9a-f]{32}", reply.session_id)
    assert reply.backend_name == "mxaccess-worker"
    assert reply.gateway_protocol_version == 3
    assert reply.worker_protocol_version == 1
    assert reply.worker_process_id > 0
    assert reply.capabilities
    assert reply.default_command_timeout == timedelta(seconds=30)
    assert reply.protocol_status is not None
    assert reply.protocol_status.code is ProtocolStatusCode.OK
    assert sim.session_count == 1


async def test_open_session_takes_the_command_timeout_it_is_asked_for(
    sim: Simulator, connect: Any
) -> None:
    user = await connect(sim, session=False)
    reply = await user.stub.open_session(OpenSessionRequest(command_timeout=timedelta(seconds=5)))
    assert reply.default_command_timeout == timedelta(seconds=5)
    with pytest.raises(GRPCError) as caught:
        await user.stub.open_session(OpenSessionRequest(command_timeout=timedelta(seconds=-1)))
    assert caught.value.status is Status.INVALID_ARGUMENT


async def test_session_ids_come_from_the_seed(clock: ManualClock, connect: Any) -> None:
    ids = []
    for seed in (5, 5, 6):
        async with Simulator(interval=None, clock=clock, seed=seed) as sim:
            user = await connect(sim)
            ids.append(user.session_id)
            user.channel.close()
    assert ids[0] == ids[1] != ids[2]


async def test_without_a_seed_two_runs_have_different_ids(connect: Any) -> None:
    ids = set()
    for _ in range(2):
        async with Simulator(interval=None) as sim:
            user = await connect(sim)
            ids.add(user.session_id)
            user.channel.close()
    assert len(ids) == 2


@pytest.mark.rule("session.close-idempotent")
async def test_closing_twice_returns_the_final_state_twice(sim: Simulator, user: Any) -> None:
    for _ in range(2):
        reply = await user.stub.close_session(CloseSessionRequest(session_id=user.session_id))
        assert reply.final_state is SessionState.CLOSED
        assert reply.session_id == user.session_id
        assert reply.protocol_status.code is ProtocolStatusCode.OK
    assert sim.audit.sessions_closed == 1
    assert sim.session_count == 0


@pytest.mark.rule("session.unknown", "status.not-found")
async def test_an_unknown_session_is_not_found(sim: Simulator, user: Any) -> None:
    user.session_id = "session-" + "0" * 32
    for call in (
        user.stub.close_session(CloseSessionRequest(session_id=user.session_id)),
        user.invoke(MxCommandKind.PING, PingCommand()),
    ):
        with pytest.raises(GRPCError) as caught:
            await call
        assert caught.value.status is Status.NOT_FOUND
    with pytest.raises(GRPCError) as caught:
        async with user.events() as stream:
            await stream.end()
    assert caught.value.status is Status.NOT_FOUND


@pytest.mark.rule("session.missing-id", "status.invalid-argument")
async def test_a_missing_session_id_is_an_invalid_argument(sim: Simulator, user: Any) -> None:
    with pytest.raises(GRPCError) as caught:
        await user.stub.close_session(CloseSessionRequest())
    assert caught.value.status is Status.INVALID_ARGUMENT


@pytest.mark.rule("session.only-ready", "status.failed-precondition")
async def test_a_closed_session_takes_neither_commands_nor_streams(
    sim: Simulator, user: Any
) -> None:
    await user.stub.close_session(CloseSessionRequest(session_id=user.session_id))
    with pytest.raises(GRPCError) as caught:
        await user.invoke(MxCommandKind.PING, PingCommand())
    assert caught.value.status is Status.FAILED_PRECONDITION
    assert "CLOSED" in str(caught.value.message)
    with pytest.raises(GRPCError) as caught:
        async with user.events() as stream:
            await stream.end()
    assert caught.value.status is Status.FAILED_PRECONDITION


@pytest.mark.rule("session.limit", "status.resource-exhausted")
async def test_the_session_limit_holds_until_one_is_closed(
    clock: ManualClock, connect: Any
) -> None:
    async with Simulator(interval=None, clock=clock, settings=Settings(session_limit=2)) as sim:
        user = await connect(sim)
        await user.stub.open_session(OpenSessionRequest())
        with pytest.raises(GRPCError) as caught:
            await user.stub.open_session(OpenSessionRequest())
        assert caught.value.status is Status.RESOURCE_EXHAUSTED
        await user.stub.close_session(CloseSessionRequest(session_id=user.session_id))
        assert (await user.stub.open_session(OpenSessionRequest())).session_id
        user.channel.close()


@pytest.mark.rule("session.defaults")
def test_the_default_session_limit_is_64() -> None:
    assert Settings().session_limit == 64


@pytest.mark.rule("command.diagnostics")
async def test_the_diagnostic_commands_answer(sim: Simulator, user: Any) -> None:
    ping = await user.invoke(MxCommandKind.PING, PingCommand(message="hello"))
    assert ping.diagnostic_message == "hello"
    state = await user.invoke(MxCommandKind.GET_SESSION_STATE, GetSessionStateCommand())
    assert state.session_state.state is SessionState.READY
    info = await user.invoke(MxCommandKind.GET_WORKER_INFO, GetWorkerInfoCommand())
    assert info.worker_info.worker_process_id > 0
    assert info.worker_info.mxaccess_progid


@pytest.mark.rule("command.correlation")
async def test_a_correlation_id_is_echoed_or_made(sim: Simulator, user: Any) -> None:
    given = await user.invoke(MxCommandKind.PING, PingCommand(), correlation_id="mine")
    assert given.correlation_id == "mine"
    made = await user.invoke(MxCommandKind.PING, PingCommand())
    assert re.fullmatch(r"[0-9a-f]{32}", made.correlation_id)


@pytest.mark.rule("status.invalid-argument")
async def test_a_request_without_command_is_an_invalid_argument(sim: Simulator, user: Any) -> None:
    with pytest.raises(GRPCError) as caught:
        await user.stub.invoke(MxCommandRequest(session_id=user.session_id))
    assert caught.value.status is Status.INVALID_ARGUMENT


@pytest.mark.rule("session.not-restored")
async def test_a_restarted_simulator_has_the_same_port_and_no_old_session(
    clock: ManualClock, connect: Any
) -> None:
    sim = Simulator(interval=None, clock=clock)
    await sim.start()
    user = await connect(sim)
    port = sim.port
    user.channel.close()
    await sim.stop()
    await sim.start()
    try:
        assert sim.port == port
        again = await connect(sim, session=False)
        with pytest.raises(GRPCError) as caught:
            await again.stub.close_session(CloseSessionRequest(session_id=user.session_id))
        assert caught.value.status is Status.NOT_FOUND
        again.channel.close()
    finally:
        await sim.stop()


async def test_ended_sessions_are_forgotten_after_a_thousand_others(sim: Simulator) -> None:
    first = sim.gateway.open_session("first", None)
    first.close("client-close")
    for number in range(1200):
        sim.gateway.open_session(f"{number}", None).close("client-close")
    assert len(sim.gateway.sessions) <= 1024 + Settings().session_limit
    with pytest.raises(GRPCError) as caught:
        sim.gateway.session(first.id)
    assert caught.value.status is Status.NOT_FOUND


async def test_what_is_counted_for_sessions_is_forgotten_with_them(sim: Simulator) -> None:
    for _ in range(1200):
        session = sim.gateway.open_session("short", None)
        sim.audit.events_sent_by_session[session.id] += 1
        session.close("client-close")
    assert len(sim.gateway.sessions) < 1100
    assert sim.audit.events_sent_by_session.keys() == sim.gateway.sessions.keys()
