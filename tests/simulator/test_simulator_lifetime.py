"""How sessions start and end by themselves (gateway semantics, section 3), on a manual clock."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
    OpenSessionRequest,
    PingCommand,
    SessionState,
)
from mxgateway.simulator import ManualClock, Settings, Simulator, ThreadedSimulator
from mxgateway.simulator.clock import call_later


def state(sim: Simulator, user: Any) -> SessionState:
    return sim.gateway.sessions[user.session_id].state


@asynccontextmanager
async def running(clock: ManualClock, **settings: Any) -> AsyncIterator[Simulator]:
    async with Simulator(
        interval=None, seed=1, clock=clock, settings=Settings(**settings)
    ) as simulator:
        yield simulator


async def ping(user: Any) -> None:
    await user.invoke(MxCommandKind.PING, PingCommand())


# -- lease -----------------------------------------------------------------------------


@pytest.mark.rule("session.lease", "session.reasons")
async def test_a_session_that_nobody_calls_is_swept_after_its_lease(
    sim: Simulator, user: Any
) -> None:
    await sim.advance(1799)
    assert state(sim, user) is SessionState.READY
    await sim.advance(31)  # the sweep comes every 30 s
    assert state(sim, user) is SessionState.CLOSED
    assert sim.audit.close_reasons == {"lease-expired": 1}
    with pytest.raises(GRPCError) as caught:
        await ping(user)
    assert caught.value.status is Status.FAILED_PRECONDITION
    assert "lease-expired" in str(caught.value.message)
    closed = await user.stub.close_session(CloseSessionRequest(session_id=user.session_id))
    assert closed.final_state is SessionState.CLOSED


@pytest.mark.rule("session.lease-extended")
async def test_every_call_extends_the_lease(sim: Simulator, user: Any) -> None:
    for _ in range(4):
        await sim.advance(1700)
        await ping(user)
    assert state(sim, user) is SessionState.READY


@pytest.mark.rule("session.stream-keeps")
async def test_an_attached_stream_keeps_the_session_without_a_call(
    sim: Simulator, user: Any
) -> None:
    await user.advised("SimProbe_001.TestInt")
    async with user.events() as stream:
        await stream.next()
        await sim.advance(10_000)
        assert state(sim, user) is SessionState.READY
        await sim.set_value("SimProbe_001.TestInt", 5)
        assert (await stream.next()).value.int32_value == 5


async def test_a_faulted_session_gives_its_place_back_with_the_lease(
    clock: ManualClock, connect: Any
) -> None:
    async with running(clock, session_limit=1) as sim:
        user = await connect(sim)
        await sim.faults.kill_worker()
        await sim.advance(1830)
        assert state(sim, user) is SessionState.FAULTED
        await user.open()
        assert state(sim, user) is SessionState.READY
        user.channel.close()


async def test_leases_run_out_on_the_computers_clock_too(connect: Any) -> None:
    settings = Settings(lease=0.01, sweep_interval=0.01)
    async with Simulator(interval=None, settings=settings) as sim:
        await sim.gateway.open_session("short", None).lifetime.responsive()
        await sim.wait_for(lambda s: s.audit.close_reasons["lease-expired"] == 1)


# -- detach grace ----------------------------------------------------------------------


async def lose_the_stream(sim: Simulator, user: Any) -> None:
    async with user.events():
        await sim.wait_for(lambda s: s.audit.streams_open == 1)
    await sim.wait_for(lambda s: s.audit.streams_open == 0)


@pytest.mark.rule("session.detach-grace", "session.reasons")
async def test_the_session_closes_when_nobody_comes_back_within_the_grace(
    sim: Simulator, user: Any
) -> None:
    await lose_the_stream(sim, user)
    await sim.advance(29)
    await ping(user)  # a call is not a stream
    await sim.advance(0.9)
    assert state(sim, user) is SessionState.READY
    await sim.advance(0.1)
    assert state(sim, user) is SessionState.CLOSED
    assert sim.audit.close_reasons == {"detach-grace-expired": 1}


@pytest.mark.rule("session.reattach")
async def test_who_comes_back_in_time_keeps_the_session(sim: Simulator, user: Any) -> None:
    await lose_the_stream(sim, user)
    await sim.advance(29)
    async with user.events():
        await sim.wait_for(lambda s: s.audit.streams_open == 1)
        await sim.advance(100)
        assert state(sim, user) is SessionState.READY


@pytest.mark.rule("session.grace-off")
async def test_without_a_grace_only_the_lease_counts(clock: ManualClock, connect: Any) -> None:
    async with running(clock, detach_grace=0) as sim:
        user = await connect(sim)
        await lose_the_stream(sim, user)
        await sim.advance(1700)
        assert state(sim, user) is SessionState.READY
        await sim.advance(130)
        assert sim.audit.close_reasons == {"lease-expired": 1}
        user.channel.close()


@pytest.mark.rule("session.detach-grace")
async def test_the_grace_begins_behind_the_last_of_several_streams(
    clock: ManualClock, connect: Any
) -> None:
    async with running(clock, max_subscribers=2) as sim:
        user = await connect(sim)
        async with user.events():
            await sim.wait_for(lambda s: s.audit.streams_open == 1)
            async with user.events():
                await sim.wait_for(lambda s: s.audit.streams_open == 2)
            await sim.wait_for(lambda s: s.audit.streams_open == 1)
            await sim.advance(60)
            assert state(sim, user) is SessionState.READY
        await sim.wait_for(lambda s: s.audit.streams_open == 0)
        await sim.advance(30)
        assert state(sim, user) is SessionState.CLOSED
        user.channel.close()


async def test_closing_the_session_oneself_starts_no_grace(sim: Simulator, user: Any) -> None:
    async with user.events() as stream:
        await sim.wait_for(lambda s: s.audit.streams_open == 1)
        await user.stub.close_session(CloseSessionRequest(session_id=user.session_id))
        await stream.end()
    await sim.advance(60)
    assert sim.audit.close_reasons == {"client-close": 1}


@pytest.mark.rule("session.reasons")
async def test_stopping_the_gateway_closes_sessions_with_its_own_reason(
    clock: ManualClock,
) -> None:
    async with running(clock) as sim:
        session = sim.gateway.open_session("open", None)
    assert (session.state, session.reason) == (SessionState.CLOSED, "gateway-shutdown")
    clock.advance(10_000)  # nothing is left to be done on a clock that outlives the simulator


# -- the worker ------------------------------------------------------------------------


@pytest.mark.rule("session.states", "session.ready")
async def test_a_worker_that_takes_time_goes_through_its_states(
    clock: ManualClock, connect: Any
) -> None:
    async with running(clock, worker_start_delay=20) as sim:
        user = await connect(sim, session=False)
        opening = asyncio.create_task(user.stub.open_session(OpenSessionRequest()))
        await sim.wait_for(lambda s: s.session_count == 1)
        (session,) = sim.gateway.open_sessions
        seen = []
        while session.state is not SessionState.READY:
            seen.append(session.state.name)
            assert not opening.done()
            await sim.advance(5)
        assert seen == [
            "STARTING_WORKER",
            "WAITING_FOR_PIPE",
            "HANDSHAKING",
            "INITIALIZING_WORKER",
        ]
        with anyio.fail_after(5):
            assert (await opening).session_id == session.id
        user.channel.close()


@pytest.mark.rule("session.only-ready")
async def test_a_session_that_still_starts_takes_no_commands(
    clock: ManualClock, connect: Any
) -> None:
    async with running(clock, worker_start_delay=20) as sim:
        user = await connect(sim, session=False)
        user.session_id = sim.gateway.open_session("slow", None).id
        with pytest.raises(GRPCError) as caught:
            await ping(user)
        assert caught.value.status is Status.FAILED_PRECONDITION
        assert "STARTING_WORKER" in str(caught.value.message)
        user.channel.close()


@pytest.mark.rule("session.worker-start", "status.unavailable")
async def test_a_worker_that_does_not_start_in_time_is_unavailable_and_leaves_no_session(
    clock: ManualClock, connect: Any
) -> None:
    async with running(clock, worker_start_delay=31) as sim:
        user = await connect(sim, session=False)
        opening = asyncio.create_task(user.stub.open_session(OpenSessionRequest()))
        await sim.wait_for(lambda s: s.session_count == 1)
        await sim.advance(30)
        with anyio.fail_after(5), pytest.raises(GRPCError) as caught:
            await opening
        assert caught.value.status is Status.UNAVAILABLE
        assert "did not start within 30 s" in str(caught.value.message)
        assert sim.session_count == 0
        user.channel.close()


async def test_a_client_that_gives_up_opening_leaves_a_session_until_its_lease_ends(
    clock: ManualClock, connect: Any
) -> None:
    async with running(clock, worker_start_delay=20) as sim:
        user = await connect(sim, session=False)
        with pytest.raises((GRPCError, TimeoutError)):
            await user.stub.open_session(OpenSessionRequest(), timeout=1)
        await sim.advance(20)
        assert [s.state for s in sim.gateway.open_sessions] == [SessionState.READY]
        await sim.advance(1830)
        assert sim.session_count == 0
        user.channel.close()


@pytest.mark.rule("session.heartbeat")
async def test_a_worker_without_heartbeat_faults_its_session_and_the_command_that_waits(
    sim: Simulator, user: Any
) -> None:
    await sim.faults.hang_worker()
    waiting = asyncio.create_task(ping(user))
    await sim.wait_for(lambda s: s.audit.calls["Invoke"] == 2)
    await sim.advance(14.9)
    assert not waiting.done()
    await sim.advance(0.1)
    with anyio.fail_after(5), pytest.raises(GRPCError) as caught:
        await waiting
    assert caught.value.status is Status.UNAVAILABLE
    assert state(sim, user) is SessionState.FAULTED
    assert sim.audit.commands["PING"] == 0


async def test_a_worker_that_comes_back_in_time_answers(sim: Simulator, user: Any) -> None:
    fault = await sim.faults.hang_worker(user.session_id)
    waiting = asyncio.create_task(ping(user))
    await sim.wait_for(lambda s: s.audit.calls["Invoke"] == 2)
    await sim.advance(14)
    await sim.faults.clear(fault)
    with anyio.fail_after(5):
        await waiting
    await sim.advance(60)
    assert state(sim, user) is SessionState.READY


@pytest.mark.rule("session.faulted-final", "status.unavailable")
async def test_a_dead_worker_faults_its_session_for_good(sim: Simulator, user: Any) -> None:
    async with user.events() as stream:
        await sim.wait_for(lambda s: s.audit.streams_open == 1)
        assert await sim.faults.kill_worker(user.session_id) == 1
        with pytest.raises(GRPCError) as caught:
            await stream.end()
        assert caught.value.status is Status.UNAVAILABLE
    with pytest.raises(GRPCError) as caught:
        await ping(user)
    assert caught.value.status is Status.FAILED_PRECONDITION
    for _ in range(2):
        closed = await user.stub.close_session(CloseSessionRequest(session_id=user.session_id))
        assert closed.final_state is SessionState.FAULTED
    assert sim.audit.sessions_faulted == 1
    assert sim.session_count == 0


# -- the clock -------------------------------------------------------------------------


async def test_what_is_due_happens_in_order_and_at_its_time(clock: ManualClock) -> None:
    start = clock.now
    seen: list[tuple[str, timedelta]] = []

    def note(name: str) -> None:
        seen.append((name, clock() - start))

    call_later(clock, 3, lambda: note("third"))
    call_later(clock, 1, lambda: note("first"))
    call_later(clock, 2, lambda: note("never")).cancel()

    def again() -> None:
        call_later(clock, 1, lambda: note("second"))

    call_later(clock, 1, again)
    clock.advance(2.5)
    assert seen == [("first", timedelta(seconds=1)), ("second", timedelta(seconds=2))]
    clock.advance(0.5)
    assert seen[-1] == ("third", timedelta(seconds=3))
    assert clock() - start == timedelta(seconds=3)


def test_a_clock_advanced_elsewhere_acts_in_the_simulators_thread() -> None:
    clock = ManualClock()
    threads: list[str] = []
    with ThreadedSimulator(interval=None, clock=clock) as sim:
        sim.call(
            lambda _: (
                call_later(clock, 1, lambda: threads.append(threading.current_thread().name))
                and None
            )
        )
        clock.advance(1)
        assert threads == ["mxgateway-simulator"]
        sim.call(lambda s: s.gateway.open_session("idle", None) and None)
        sim.advance(1830)
        assert sim.session_count == 0
    clock.advance(3600)


async def test_only_a_manual_clock_can_be_advanced() -> None:
    async with Simulator(interval=None) as sim:
        with pytest.raises(ConfigurationError, match="ManualClock"):
            await sim.advance(1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lease", 0),
        ("sweep_interval", -1),
        ("detach_grace", -1),
        ("worker_start_delay", float("nan")),
        ("session_limit", 0),
        ("queue_limit", 0),
        ("max_subscribers", 9),
        ("max_subscribers", 0),
        ("overflow", "explode"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=name):
        Settings(**{name: value})
