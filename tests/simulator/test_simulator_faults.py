"""Every fault of the simulator as our client sees it, on both event loops."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from simulator.gateway_user import TAG, client_of, events_of, in_thread, until, with_item
from tls_files import TlsFiles

from mxgateway import (
    ConnectError,
    ConnectionLost,
    DeadlineExceededError,
    DecodeError,
    FailedPreconditionError,
    GalaxyRepositoryClient,
    InternalError,
    InvalidArgumentError,
    MxAccessError,
    MxGatewayError,
    RemoteProtocolError,
    ResourceExhaustedError,
    TlsError,
    UnavailableError,
)
from mxgateway.errors import ClientClosedError, ConfigurationError
from mxgateway.generated.galaxy_repository.v1 import DiscoverHierarchyRequest
from mxgateway.simulator import Settings, ThreadedSimulator
from mxgateway.simulator import TlsFiles as SimulatorTls


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(("asyncio", {"debug": True}), id="asyncio"),
        pytest.param(("trio", {}), id="trio"),
    ],
)
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    """The simulator runs in a thread, so the client may run on either loop."""
    return request.param


@pytest.fixture
def sim() -> Iterator[ThreadedSimulator]:
    """A simulator that moves only when told to."""
    with ThreadedSimulator(interval=None, seed=1) as simulator:
        yield simulator


# -- calls -----------------------------------------------------------------------------


async def test_a_delayed_call_passes_its_deadline_and_a_patient_one_does_not(
    sim: ThreadedSimulator,
) -> None:
    async with client_of(sim) as client:
        session = await client.open_session("tests")
        fault = await in_thread(sim.faults.delay, 30, method="Invoke", times=2)
        with pytest.raises(DeadlineExceededError) as caught:
            await session.ping(timeout=1)
        assert caught.value.processed == "maybe"
        assert sim.audit.commands["PING"] == 1  # the answer is late, not the command
        await in_thread(sim.faults.clear, fault)
        await session.ping()
        await in_thread(sim.faults.delay, 0.01, times=1)
        await session.ping()
        assert await in_thread(sim.faults.active) == []


@pytest.mark.rule("command.cancel-goes-on")
@pytest.mark.requirement("write.no-replay")
@pytest.mark.parametrize(("at", "executed"), [("request", 0), ("reply", 1)])
async def test_a_stalled_write_is_executed_or_not_and_the_client_cannot_tell(
    sim: ThreadedSimulator, at: Any, executed: int
) -> None:
    async with client_of(sim) as client:
        session, server, item = await with_item(client)
        await in_thread(sim.faults.stall, method="Invoke", at=at)
        with pytest.raises(DeadlineExceededError) as caught:
            await session.write(server, item, True, timeout=1)
        assert caught.value.processed == "maybe"
        await in_thread(sim.faults.clear)
        await session.ping()
        assert sim.audit.write_count[TAG] == executed
        assert sim.audit.commands["WRITE"] == executed


async def test_a_stalled_stream_goes_on_where_it_was(sim: ThreadedSimulator) -> None:
    async with client_of(sim) as client:
        session, _, _ = await with_item(client)
        async with events_of(client, session) as events:
            with anyio.fail_after(5):
                assert (await anext(events)).worker_sequence == 1
                fault = await in_thread(sim.faults.stall, method="StreamEvents")
                await in_thread(sim.set_value, TAG, True)
                await until(sim, lambda s: s.gateway.gate.waiting == 1)
                await session.ping()  # calls are not stalled
                await in_thread(sim.faults.clear, fault)
                assert (await anext(events)).worker_sequence == 2


async def test_a_failing_call_fails_with_the_status_asked_for_and_only_once(
    sim: ThreadedSimulator,
) -> None:
    async with client_of(sim) as client:
        session = await client.open_session("tests")
        await in_thread(sim.faults.fail, "RESOURCE_EXHAUSTED", "too much", method="Invoke")
        with pytest.raises(ResourceExhaustedError, match="too much"):
            await session.ping()
        await session.ping()
        assert sim.audit.commands["PING"] == 1


async def test_a_corrupt_reply_is_a_decode_error_of_that_call_only(sim: ThreadedSimulator) -> None:
    async with client_of(sim) as client:
        session = await client.open_session("tests")
        await in_thread(sim.faults.corrupt_replies, method="Invoke")
        with pytest.raises(DecodeError) as caught:
            await session.ping()
        assert caught.value.processed == "maybe"
        await session.ping()
        assert sim.audit.connections_opened == 1


async def test_a_corrupt_message_ends_its_stream_and_nothing_is_lost(
    sim: ThreadedSimulator,
) -> None:
    async with client_of(sim) as client:
        session, _, _ = await with_item(client)
        await in_thread(sim.faults.corrupt_replies, method="StreamEvents")
        with pytest.raises(DecodeError):
            await anext(events_of(client, session))
        await until(sim, lambda s: s.audit.streams_open == 0)
        async with events_of(client, session, after=0) as events:
            with anyio.fail_after(5):
                await in_thread(sim.set_value, TAG, True)
                assert (await anext(events)).worker_sequence in (1, 2)


async def test_a_corrupt_event_takes_a_number_and_ends_the_stream(sim: ThreadedSimulator) -> None:
    async with client_of(sim) as client:
        session, _, _ = await with_item(client)
        async with events_of(client, session) as events:
            with anyio.fail_after(5):
                assert (await anext(events)).worker_sequence == 1
                assert await in_thread(sim.faults.corrupt_events) == 1
                with pytest.raises(DecodeError):
                    await anext(events)
        await until(sim, lambda s: s.audit.streams_open == 0)
        await in_thread(sim.set_value, TAG, True)
        async with events_of(client, session, after=2) as events:
            with anyio.fail_after(5):
                assert (await anext(events)).worker_sequence == 3


async def test_a_corrupt_page_token_is_refused(sim: ThreadedSimulator) -> None:
    async with await GalaxyRepositoryClient.connect(
        endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True
    ) as galaxy:
        await in_thread(sim.faults.corrupt_page_tokens)
        first = await galaxy.discover_hierarchy_raw(DiscoverHierarchyRequest(page_size=2))
        with pytest.raises(InvalidArgumentError, match="corrupt"):
            await galaxy.discover_hierarchy_raw(
                DiscoverHierarchyRequest(page_size=2, page_token=first.next_page_token)
            )
        sound = await galaxy.discover_hierarchy_raw(DiscoverHierarchyRequest(page_size=2))
        await galaxy.discover_hierarchy_raw(
            DiscoverHierarchyRequest(page_size=2, page_token=sound.next_page_token)
        )


# -- connections -----------------------------------------------------------------------


@pytest.mark.parametrize("reset", [True, False])
async def test_dropped_connections_end_calls_and_the_next_call_connects_anew(
    sim: ThreadedSimulator, reset: bool
) -> None:
    async with client_of(sim) as client:
        session, _, _ = await with_item(client)
        events = events_of(client, session)
        with anyio.fail_after(5):
            await anext(events)
            assert await in_thread(sim.faults.drop_connections, reset=reset) == 1
            with pytest.raises(ConnectionLost) as caught:
                await anext(events)
            assert caught.value.cause in (("reset",) if reset else ("eof", "reset"))
            await session.ping()
        assert sim.audit.connections_opened == 2


async def test_refused_connections_are_accepted_again_when_it_is_over(
    sim: ThreadedSimulator,
) -> None:
    async with client_of(sim) as client:
        session = await client.open_session("tests")
        fault = await in_thread(sim.faults.refuse_connections)
        await session.ping()  # what is connected stays connected
        await in_thread(sim.faults.drop_connections)
        with pytest.raises(MxGatewayError):
            await session.ping()
        with pytest.raises(ConnectError):
            async with client_of(sim):
                pytest.fail("it connected")
        await in_thread(sim.faults.clear, fault)
        async with client_of(sim) as other:
            await other.session(session.session_id).ping()


async def test_a_time_of_refusing_ends_by_itself(sim: ThreadedSimulator) -> None:
    await in_thread(sim.faults.refuse_connections, 0.01)
    await until(sim, lambda s: not s.faults.active())
    with anyio.fail_after(5):
        while True:  # the fault is off the list a moment before the port is open again
            try:
                async with client_of(sim) as client:
                    await client.open_session("tests")
                return
            except ConnectError:
                await anyio.lowlevel.checkpoint()


@pytest.mark.requirement("live.half-open")
async def test_a_black_hole_is_found_by_keepalive_and_what_was_held_arrives_after_it(
    sim: ThreadedSimulator,
) -> None:
    async with (
        client_of(sim) as patient,
        client_of(sim, keepalive_time=0.05, keepalive_timeout=0.05) as wary,
    ):
        session, _, _ = await with_item(patient)
        other, _, _ = await with_item(wary)
        events, watched = events_of(patient, session), events_of(wary, other)
        with anyio.fail_after(10):
            await anext(events)
            await anext(watched)
            fault = await in_thread(sim.faults.black_hole)
            await in_thread(sim.set_value, TAG, True)
            with pytest.raises(ConnectionLost) as caught:
                await anext(watched)
            assert caught.value.cause == "keepalive"
            await in_thread(sim.faults.clear, fault)
            assert (await anext(events)).worker_sequence == 2


async def test_a_black_hole_swallows_new_connections_too(sim: ThreadedSimulator) -> None:
    await in_thread(sim.faults.black_hole)
    with pytest.raises(ConfigurationError, match="in force"):
        await in_thread(sim.faults.black_hole)
    async with client_of(sim, call_timeout=0.1) as client:
        with pytest.raises(DeadlineExceededError):
            await client.open_session("tests")


@pytest.mark.requirement("conn.goaway")
async def test_a_polite_goaway_lets_open_calls_finish_beside_new_ones(
    sim: ThreadedSimulator,
) -> None:
    async with client_of(sim) as client:
        session, _, _ = await with_item(client)
        events = events_of(client, session)
        with anyio.fail_after(5):
            await anext(events)
            assert await in_thread(sim.faults.goaway, debug="restart") == 1
            while sim.audit.connections_opened == 1:
                await session.ping()
            await in_thread(sim.set_value, TAG, True)
            assert (await anext(events)).worker_sequence == 2
            assert sim.audit.connections_closed == 0
            await events.aclose()
            await until(sim, lambda s: s.audit.connections_closed == 1)
            await session.ping()


@pytest.mark.requirement("conn.goaway")
async def test_a_rude_goaway_names_its_code_and_text(sim: ThreadedSimulator) -> None:
    async with client_of(sim) as client:
        session, _, _ = await with_item(client)
        events = events_of(client, session)
        with anyio.fail_after(5):
            await anext(events)
            await in_thread(
                sim.faults.goaway, polite=False, code="ENHANCE_YOUR_CALM", debug="too_many_pings"
            )
            with pytest.raises(ConnectionLost, match="too_many_pings") as caught:
                await anext(events)
            assert caught.value.cause == "goaway"
            await session.ping()


@pytest.mark.requirement("call.rst-semantics")
@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("INTERNAL_ERROR", InternalError),
        ("REFUSED_STREAM", UnavailableError),
        ("ENHANCE_YOUR_CALM", ResourceExhaustedError),
    ],
)
async def test_a_reset_stream_ends_by_its_code_and_the_connection_stays(
    sim: ThreadedSimulator, code: str, error: type[MxGatewayError]
) -> None:
    async with client_of(sim) as client:
        session, _, _ = await with_item(client)
        events = events_of(client, session)
        with anyio.fail_after(5):
            await anext(events)
            assert await in_thread(sim.faults.reset_streams, code=code) == 1
            with pytest.raises(error):
                await anext(events)
            await until(sim, lambda s: s.audit.streams_open == 0)
            await session.ping()
        assert sim.audit.connections_opened == 1


async def test_garbage_breaks_the_connection_as_a_protocol_error(sim: ThreadedSimulator) -> None:
    async with client_of(sim) as client:
        session, _, _ = await with_item(client)
        events = events_of(client, session)
        with anyio.fail_after(5):
            await anext(events)
            assert await in_thread(sim.faults.send_garbage) == 1
            with pytest.raises(RemoteProtocolError):
                await anext(events)
            await session.ping()


@pytest.mark.requirement("tls.diagnose")
async def test_another_certificate_is_shown_to_new_connections_only(
    tls_files: TlsFiles, stranger_tls_files: TlsFiles, tmp_path: Path
) -> None:
    tls = SimulatorTls(tls_files.cert_file, tls_files.key_file)
    options: dict[str, Any] = {"plaintext": False, "ca_file": tls_files.ca_file}
    with ThreadedSimulator(interval=None, tls=tls) as sim:
        async with client_of(sim, **options) as client:
            session = await client.open_session("tests")
            with pytest.raises(ConfigurationError, match="cannot load"):
                await in_thread(
                    sim.faults.change_certificate, tmp_path / "none.pem", tls_files.key_file
                )
            await in_thread(
                sim.faults.change_certificate,
                stranger_tls_files.cert_file,
                stranger_tls_files.key_file,
            )
            await session.ping()
            with pytest.raises(TlsError):
                async with client_of(sim, **options):
                    pytest.fail("it connected")
        async with client_of(sim, plaintext=False, ca_file=stranger_tls_files.ca_file) as client:
            await client.session(session.session_id).ping()


# -- sessions and the plant ------------------------------------------------------------


@pytest.mark.rule("status.unavailable", "session.faulted-final")
async def test_a_dead_worker_ends_the_stream_as_unavailable_and_the_session_for_good(
    sim: ThreadedSimulator,
) -> None:
    async with client_of(sim) as client:
        session, server, item = await with_item(client)
        events = events_of(client, session)
        with anyio.fail_after(5):
            await anext(events)
            assert await in_thread(sim.faults.kill_worker, session.session_id) == 1
            with pytest.raises(UnavailableError, match="died"):
                await anext(events)
            with pytest.raises(FailedPreconditionError, match="FAULTED"):
                await session.write(server, item, True)


async def test_a_hanging_worker_answers_nothing(sim: ThreadedSimulator) -> None:
    async with client_of(sim) as client:
        session = await client.open_session("tests")
        fault = await in_thread(sim.faults.hang_worker)
        with pytest.raises(DeadlineExceededError):
            await session.ping(timeout=0.05)
        await in_thread(sim.faults.clear, fault)
        await session.ping()


@pytest.mark.parametrize("overflow", ["fail-fast", "disconnect"])
async def test_an_overflow_ends_the_stream_and_by_policy_the_session(overflow: Any) -> None:
    with ThreadedSimulator(interval=None, settings=Settings(overflow=overflow)) as sim:
        async with client_of(sim) as client:
            session, _, _ = await with_item(client)
            events = events_of(client, session)
            with anyio.fail_after(5):
                await anext(events)
                await in_thread(sim.faults.overflow)
                with pytest.raises(ResourceExhaustedError, match="EventQueueOverflow"):
                    await anext(events)
                if overflow == "disconnect":
                    await session.ping()
                else:
                    with pytest.raises(FailedPreconditionError, match="EventQueueOverflow"):
                        await session.ping()


async def test_an_evicted_ring_leaves_a_gap_to_who_resumes(sim: ThreadedSimulator) -> None:
    async with client_of(sim) as client:
        session, _, _ = await with_item(client)
        async with events_of(client, session) as events:
            with anyio.fail_after(5):
                await in_thread(sim.set_value, TAG, True)
                await anext(events)
                await anext(events)
        await until(sim, lambda s: s.audit.streams_open == 0)
        await in_thread(sim.faults.evict_ring)
        async with events_of(client, session, after=1) as events:
            with anyio.fail_after(5):
                gap = (await anext(events)).replay_gap
        assert gap is not None
        assert (gap.requested_after_sequence, gap.oldest_available_sequence) == (1, 3)


@pytest.mark.rule("session.reasons")
async def test_an_expired_lease_ends_stream_and_session(sim: ThreadedSimulator) -> None:
    async with client_of(sim) as client:
        session, _, _ = await with_item(client)
        events = events_of(client, session)
        with anyio.fail_after(5):
            await anext(events)
            await in_thread(sim.faults.expire_lease, session.session_id)
            with pytest.raises(FailedPreconditionError, match="lease-expired"):
                await anext(events)
            with pytest.raises(FailedPreconditionError, match="lease-expired"):
                await session.ping()


async def test_a_value_from_the_plant_and_a_deploy_reach_the_client(
    sim: ThreadedSimulator,
) -> None:
    async with client_of(sim) as client:
        session, _, _ = await with_item(client)
        async with events_of(client, session) as events:
            with anyio.fail_after(5):
                await anext(events)
                await in_thread(sim.faults.set_value, TAG, True, quality=64)
                event = await anext(events)
                assert event.value is not None
                assert (event.value.bool_value, event.quality) == (True, 64)
    async with await GalaxyRepositoryClient.connect(
        endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True
    ) as galaxy:
        async with galaxy.watch_deploy_events() as deploys:
            with anyio.fail_after(5):
                before = (await anext(deploys)).sequence
                assert await in_thread(sim.faults.redeploy) == before + 1
                assert (await anext(deploys)).sequence == before + 1


async def test_a_failover_of_the_alarm_provider_is_told_and_so_is_the_way_back(
    sim: ThreadedSimulator,
) -> None:
    async with client_of(sim) as client:
        async with client.stream_alarms() as feed:
            with anyio.fail_after(5):
                seen: list[str] = []
                async for message in feed:
                    if message.provider_status is None:
                        continue
                    seen.append(message.provider_status.mode.name)
                    if len(seen) == 3:
                        break
                    fault = sim.faults.failover if len(seen) == 1 else sim.faults.failback
                    await in_thread(fault)
    assert [name.removeprefix("ALARM_PROVIDER_MODE_") for name in seen] == [
        "ALARMMGR",
        "SUBTAG",
        "ALARMMGR",
    ]


# -- the list --------------------------------------------------------------------------


async def test_faults_are_listed_until_they_end_and_counted_for_ever(
    sim: ThreadedSimulator,
) -> None:
    delay = await in_thread(sim.faults.delay, 5, method="OpenSession")
    stall = await in_thread(sim.faults.stall, method="Invoke")
    shown = await in_thread(sim.faults.active)
    assert [(fault.id, fault.kind, fault.arguments.get("method")) for fault in shown] == [
        (delay, "delay", "OpenSession"),
        (stall, "stall", "Invoke"),
    ]
    await in_thread(sim.faults.clear, delay)
    with pytest.raises(ConfigurationError, match=f"no fault {delay}"):
        await in_thread(sim.faults.clear, delay)
    await in_thread(sim.faults.clear)
    assert await in_thread(sim.faults.active) == []
    assert sim.audit.faults == {"delay": 1, "stall": 1}
    assert sim.audit.snapshot()["faults"] == {"delay": 1, "stall": 1}


def test_a_simulator_that_stops_ends_its_faults() -> None:
    with ThreadedSimulator(interval=None) as sim:
        sim.faults.stall()
        sim.faults.black_hole(1000)
        sim.faults.refuse_connections(1000)
    with pytest.raises(ClientClosedError):
        sim.faults.active()
    with sim:
        assert sim.faults.active() == []
        assert sim.faults.drop_connections() == 0


def test_nothing_of_a_fault_is_left_after_the_next_start() -> None:
    with ThreadedSimulator(interval=None) as sim:
        sim.faults.revoke_key("demo")
        sim.faults.stop_engine("DemoEngine_001")
        sim.faults.stop_repository(cache=True)
        sim.faults.failover()
    with sim:
        sim.faults.revoke_key("demo")  # which would be refused for one that is revoked already
        sim.faults.stop_engine("DemoEngine_001")
        assert sim.galaxy.connection_ok
        assert sim.galaxy.cache_loaded
        assert not sim.call(lambda s: s.alarms.degraded)


@pytest.mark.rule("galaxy.test-connection", "galaxy.cache-unloaded")
async def test_a_repository_that_does_not_answer_is_told_and_its_cache_goes_on(
    sim: ThreadedSimulator,
) -> None:
    async with GalaxyRepositoryClient.connect(
        endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True
    ) as galaxy:
        fault = await in_thread(sim.faults.stop_repository)
        assert not await galaxy.test_connection()
        assert await galaxy.discover_hierarchy()
        with pytest.raises(ConfigurationError, match="in force"):
            await in_thread(sim.faults.stop_repository)
        await in_thread(sim.faults.clear, fault)
        assert await galaxy.test_connection()

        await in_thread(sim.faults.stop_repository, cache=True)
        with pytest.raises(UnavailableError):
            await galaxy.discover_hierarchy()
        await in_thread(sim.faults.clear)
        assert await galaxy.discover_hierarchy()


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("delay", {"seconds": 0}, "above 0"),
        ("stall", {"times": 0}, "times"),
        ("stall", {"at": "never"}, "at:"),
        ("fail", {"status": "OK"}, "no failing"),
        ("goaway", {"code": "NOPE"}, "NOPE"),
        ("refuse_connections", {"seconds": -1}, "seconds"),
        ("kill_worker", {"session": "session-none"}, "no open session"),
        ("change_certificate", {"certificate": "a", "key": "b"}, "without TLS"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(
    sim: ThreadedSimulator, name: str, arguments: dict[str, Any], text: str
) -> None:
    with pytest.raises(ConfigurationError, match=text):
        getattr(sim.faults, name)(**arguments)
    assert sim.faults.active() == []


async def test_commands_stand_in_the_audit_and_passwords_do_not(sim: ThreadedSimulator) -> None:
    async with client_of(sim) as client:
        session, server, item = await with_item(client)
        await session.write(server, item, True, correlation_id="mine")
        with pytest.raises(MxAccessError):  # this attribute asks for no sign-in
            await session.write_secured(server, item, True, current_user_id=1)
    (written,) = sim.audit.executed("WRITE")
    assert written.correlation_id == "mine"
    assert written.arguments.value.bool_value is True
    assert [r.arguments for r in sim.audit.executed("WRITE_SECURED")] == [None]
    kinds = [record.kind for record in sim.audit.executed()]
    assert kinds[:3] == ["REGISTER", "ADD_ITEM", "ADVISE"]
