"""Commands in their turn: pending limit, timeout, cancelling, shutdown (semantics, 3 and 4)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import anyio
import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.errors import ConfigurationError
from mxgateway.generated.mxaccess_gateway.v1 import (
    CloseSessionRequest,
    MxCommandKind,
    MxCommandReply,
    MxValue,
    OpenSessionRequest,
    PingCommand,
    SessionState,
    ShutdownWorkerCommand,
    WriteCommand,
)
from mxgateway.simulator import ManualClock, Settings, Simulator

KIND = MxCommandKind
TAG = "SimProbe_001.TestInt"


def ping(user: Any, message: str) -> asyncio.Task[MxCommandReply]:
    return asyncio.create_task(user.invoke(KIND.PING, PingCommand(message)))


async def pending(sim: Simulator, count: int) -> None:
    await sim.wait_for(lambda s: [w.worker.pending for w in s.gateway.open_sessions][-1] == count)


@pytest.mark.rule("session.pending-limit", "command.in-order", "status.resource-exhausted")
async def test_the_129th_pending_command_fails_at_once_and_128_are_answered_in_order(
    sim: Simulator, user: Any, connect: Any
) -> None:
    # One connection takes 100 calls at a time.
    other = await connect(sim, session=False)
    other.session_id = user.session_id
    fault = await sim.faults.hang_worker()
    calls = []
    for number in range(128):
        calls.append(ping(user if number % 2 else other, str(number)))
        await pending(sim, number + 1)
    await pending(sim, 128)
    with pytest.raises(GRPCError) as caught:
        await user.invoke(KIND.PING, PingCommand("too many"))
    assert caught.value.status is Status.RESOURCE_EXHAUSTED
    assert "128" in str(caught.value.message)
    await sim.faults.clear(fault)
    replies = await asyncio.gather(*calls)
    assert [reply.diagnostic_message for reply in replies] == [str(n) for n in range(128)]
    executed = [record.arguments.message for record in sim.audit.executed("PING")]
    assert executed == [str(n) for n in range(128)]


@pytest.mark.rule("command.cancel-goes-on", "status.cancelled")
async def test_a_cancelled_call_does_not_stop_its_command(sim: Simulator, user: Any) -> None:
    item = await user.advised(TAG)
    fault = await sim.faults.hang_worker()
    command = WriteCommand(user.server, item, MxValue(int32_value=7))
    call = asyncio.create_task(user.invoke(KIND.WRITE, command))
    await pending(sim, 1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await sim.wait_for(lambda s: s.audit.stream_resets.total() == 1)
    assert sim.plant[TAG].value == 0
    await sim.faults.clear(fault)
    await sim.wait_for(lambda s: s.audit.values_written(TAG) == [7])
    assert sim.audit.commands["WRITE"] == 1


@pytest.mark.rule("command.timeout", "status.deadline-exceeded")
async def test_a_command_that_takes_too_long_is_answered_and_still_takes_effect(
    connect: Any, clock: ManualClock
) -> None:
    async with Simulator(interval=None, clock=clock) as sim:
        user = await connect(sim)
        reply = await user.stub.open_session(
            OpenSessionRequest(command_timeout=timedelta(seconds=2))
        )
        user.session_id = reply.session_id
        fault = await sim.faults.hang_worker(user.session_id)
        call = ping(user, "late")
        await pending(sim, 1)
        clock.advance(2)
        with pytest.raises(GRPCError) as caught:
            await call
        assert caught.value.status is Status.DEADLINE_EXCEEDED
        assert "2 s" in str(caught.value.message)
        assert sim.audit.commands["PING"] == 0
        await sim.faults.clear(fault)
        await sim.wait_for(lambda s: s.audit.commands["PING"] == 1)
        user.channel.close()


@pytest.mark.rule("command.in-order")
async def test_commands_take_the_delay_that_was_set_one_after_another(
    connect: Any, clock: ManualClock
) -> None:
    async with Simulator(interval=None, clock=clock, settings=Settings(command_delay=1.0)) as sim:
        user = await connect(sim, session=False)
        user.session_id = (await user.stub.open_session(OpenSessionRequest())).session_id
        calls = [ping(user, "first"), ping(user, "second")]
        await pending(sim, 2)
        clock.advance(1)
        await sim.wait_for(lambda s: s.audit.commands["PING"] == 1)
        await pending(sim, 1)
        assert not calls[1].done()
        clock.advance(1)
        assert [r.diagnostic_message for r in await asyncio.gather(*calls)] == ["first", "second"]
        user.channel.close()


async def test_a_session_that_ends_drops_what_has_not_run(sim: Simulator, user: Any) -> None:
    await sim.faults.hang_worker()
    calls = [ping(user, "lost"), ping(user, "lost too")]
    await pending(sim, 2)
    with anyio.fail_after(5):
        await user.stub.close_session(CloseSessionRequest(user.session_id))
        results = await asyncio.gather(*calls, return_exceptions=True)
    assert [getattr(result, "status", None) for result in results] == [Status.UNAVAILABLE] * 2
    assert sim.audit.commands["PING"] == 0


@pytest.mark.rule("command.shutdown")
@pytest.mark.parametrize(
    ("state", "final"), [("closed", SessionState.CLOSED), ("faulted", SessionState.FAULTED)]
)
async def test_shutting_the_worker_down_ends_the_session(
    connect: Any, clock: ManualClock, state: Any, final: SessionState
) -> None:
    settings = Settings(shutdown_state=state)
    async with Simulator(interval=None, clock=clock, settings=settings) as sim:
        user = await connect(sim)
        await user.advised(TAG)
        reply = await user.invoke(KIND.SHUTDOWN_WORKER, ShutdownWorkerCommand(timedelta(seconds=1)))
        assert reply.hresult == 0
        with pytest.raises(GRPCError) as caught:
            await user.invoke(KIND.PING, PingCommand())
        assert caught.value.status is Status.FAILED_PRECONDITION
        assert not sim.plant[TAG].listeners
        closed = await user.stub.close_session(CloseSessionRequest(user.session_id))
        assert closed.final_state is final
        user.channel.close()


async def test_a_shutdown_waits_for_its_turn_and_loses_what_comes_behind(
    sim: Simulator, user: Any
) -> None:
    fault = await sim.faults.hang_worker()
    before = ping(user, "before")
    await pending(sim, 1)
    shutdown = asyncio.create_task(user.invoke(KIND.SHUTDOWN_WORKER, ShutdownWorkerCommand()))
    await pending(sim, 2)
    behind = ping(user, "behind")
    await pending(sim, 3)
    await sim.faults.clear(fault)
    assert (await before).diagnostic_message == "before"
    assert (await shutdown).hresult == 0
    with pytest.raises(GRPCError) as caught:
        await behind
    assert caught.value.status is Status.UNAVAILABLE


async def test_a_negative_grace_period_is_an_invalid_argument(sim: Simulator, user: Any) -> None:
    with pytest.raises(GRPCError) as caught:
        await user.invoke(KIND.SHUTDOWN_WORKER, ShutdownWorkerCommand(timedelta(seconds=-1)))
    assert caught.value.status is Status.INVALID_ARGUMENT
    assert (await user.invoke(KIND.PING, PingCommand("alive"))).diagnostic_message == "alive"


@pytest.mark.parametrize(
    "fields",
    [
        {"pending_limit": 0},
        {"command_timeout": 0},
        {"command_delay": -1},
        {"read_timeout": 0},
        {"security": "open"},
        {"shutdown_state": "gone"},
    ],
)
def test_settings_that_make_no_sense_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Settings(**fields)
