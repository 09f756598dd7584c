"""The fault proxy in front of a simulator, as our client sees it, on both event loops."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream
from hypothesis import given
from hypothesis import strategies as st
from simulator.gateway_user import TAG, client_of, events_of, in_thread, with_item
from tls_files import TlsFiles

from mxgateway import (
    ConnectError,
    ConnectionLost,
    DeadlineExceededError,
    GatewayClient,
    InternalError,
    MxGatewayError,
    RemoteProtocolError,
    TlsError,
)
from mxgateway.errors import ClientClosedError, ConfigurationError
from mxgateway.simulator import ThreadedFaultProxy, ThreadedSimulator
from mxgateway.simulator import TlsFiles as SimulatorTls
from mxgateway.simulator.proxy.frames import PREFACE, Frame, FrameCutter, make_frame


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(("asyncio", {"debug": True}), id="asyncio"),
        pytest.param(("trio", {}), id="trio"),
    ],
)
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    """The proxy runs in a thread, so the client may run on either loop."""
    return request.param


@pytest.fixture
def sim() -> Iterator[ThreadedSimulator]:
    """A simulator that moves only when told to."""
    with ThreadedSimulator(interval=None, seed=1) as simulator:
        yield simulator


@pytest.fixture
def proxy(sim: ThreadedSimulator) -> Iterator[ThreadedFaultProxy]:
    """A proxy in front of it."""
    with ThreadedFaultProxy(sim.endpoint) as running:
        yield running


def test_one_connection_too_many_is_reset(sim: ThreadedSimulator) -> None:
    with ThreadedFaultProxy(sim.endpoint, connection_limit=1) as running:
        with socket.create_connection(("127.0.0.1", running.port), 10) as first:
            assert first.recv(1)  # the settings of the simulator
            with contextlib.suppress(ConnectionError):
                with socket.create_connection(("127.0.0.1", running.port), 10) as second:
                    assert second.recv(1) == b""
            assert running.accepted == 1
        running.wait_until(lambda proxy: not proxy.connections)
    with pytest.raises(ConfigurationError, match="connection_limit"):
        ThreadedFaultProxy(sim.endpoint, connection_limit=0)


# -- what passes -----------------------------------------------------------------------


async def test_traffic_passes_and_is_counted_by_frame_and_direction(
    sim: ThreadedSimulator, proxy: ThreadedFaultProxy
) -> None:
    async with client_of(sim, proxy.endpoint) as client:
        session, _, _ = await with_item(client)
        async with events_of(client, session) as events:
            with anyio.fail_after(5):
                await anext(events)
        assert proxy.connections == proxy.accepted == 1
        # OpenSession, Register, AddItem, Advise, StreamEvents
        assert proxy.to_server.frames["HEADERS"] == proxy.to_server.frames["DATA"] == 5
        assert proxy.to_client.frames["HEADERS"] == 9  # four with trailers, the stream without
        assert proxy.to_client.bytes > 100
    await in_thread(proxy.wait_until, lambda p: p.connections == 0)


async def test_a_tls_connection_passes_unread(tls_files: TlsFiles) -> None:
    tls = SimulatorTls(tls_files.cert_file, tls_files.key_file)
    with (
        ThreadedSimulator(interval=None, tls=tls) as sim,
        ThreadedFaultProxy(sim.endpoint) as proxy,
    ):
        options = {"plaintext": False, "ca_file": tls_files.ca_file}
        async with client_of(sim, proxy.endpoint, **options) as client:
            session = await client.open_session("tests")
            assert proxy.to_server.bytes > 0
            assert not proxy.to_server.frames
            with pytest.raises(ConfigurationError, match="no frames"):
                await in_thread(proxy.goaway)
            await in_thread(proxy.corrupt)
            with pytest.raises(MxGatewayError):  # a damaged TLS record ends the connection
                await session.ping()


async def test_bytes_in_small_pieces_are_the_same_bytes(
    sim: ThreadedSimulator, proxy: ThreadedFaultProxy
) -> None:
    await in_thread(proxy.split, 7)
    async with client_of(sim, proxy.endpoint) as client:
        session, _, _ = await with_item(client)
        await in_thread(proxy.split, 1)
        await session.ping("in pieces")


# -- cuts ------------------------------------------------------------------------------


async def size_of_a_write(sim: ThreadedSimulator, proxy: ThreadedFaultProxy) -> tuple[int, int]:
    """Return how many bytes the second write on a connection takes, each way."""
    async with client_of(sim, proxy.endpoint) as client:
        session, server, item = await with_item(client)
        await session.write(server, item, True, correlation_id="0")
        before = proxy.to_server.bytes, proxy.to_client.bytes
        await session.write(server, item, False, correlation_id="0")
        return proxy.to_server.bytes - before[0], proxy.to_client.bytes - before[1]


@pytest.mark.requirement("write.no-replay")
@pytest.mark.parametrize("direction", ["to_server", "to_client"])
async def test_a_write_cut_anywhere_is_executed_at_most_once_and_never_called_not_processed_wrongly(
    sim: ThreadedSimulator, proxy: ThreadedFaultProxy, direction: Any
) -> None:
    sizes = dict(zip(("to_server", "to_client"), await size_of_a_write(sim, proxy), strict=True))
    outcomes = set()
    for offset in range(0, sizes[direction] + 1, 7):
        async with client_of(sim, proxy.endpoint) as client:
            session, server, item = await with_item(client)
            await session.write(server, item, True, correlation_id="0")
            before = sim.audit.commands["WRITE"]
            await in_thread(proxy.cut, offset, direction=direction, ending="close")
            try:
                with anyio.fail_after(5):
                    await session.write(server, item, False, correlation_id="0")
            except MxGatewayError as error:
                outcome = error.processed
            else:
                outcome = "yes"
        await in_thread(proxy.wait_until, lambda p: p.connections == 0)
        await in_thread(sim.wait_until, _all_closed)
        executed = sim.audit.commands["WRITE"] - before
        assert executed in (0, 1)
        assert (outcome, executed) not in {("no", 1), ("yes", 0)}
        outcomes.add((outcome, executed))
    assert ("maybe", 1 if direction == "to_client" else 0) in outcomes


def _all_closed(sim: Any) -> bool:
    return bool(sim.audit.connections_opened == sim.audit.connections_closed)


@pytest.mark.parametrize("offset", [0, 1, 8, 9, 10, 33, 60, 99])
async def test_exactly_so_many_bytes_pass_before_a_cut(offset: int) -> None:
    received = bytearray()
    ended = anyio.Event()

    async def keep(stream: SocketStream) -> None:
        async with stream:
            async for data in stream:
                received.extend(data)
        ended.set()

    frames = b"".join(make_frame("DATA", 1, b"x" * 11) for _ in range(4))
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(SocketAttribute.local_port)
    with ThreadedFaultProxy(f"127.0.0.1:{port}") as proxy, anyio.fail_after(5):
        await in_thread(proxy.cut, offset, direction="to_server", ending="close", connection="next")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, keep)
            async with await anyio.connect_tcp("127.0.0.1", proxy.port) as client:
                await client.send(PREFACE + frames)
                await ended.wait()
            tasks.cancel_scope.cancel()
    await listener.aclose()
    assert received == (PREFACE + frames)[:offset]


async def test_the_next_connection_can_be_cut_in_its_handshake(
    sim: ThreadedSimulator, proxy: ThreadedFaultProxy
) -> None:
    await in_thread(proxy.cut, 20, direction="to_server", connection="next")
    with pytest.raises((ConnectionLost, ConnectError)):
        async with client_of(sim, proxy.endpoint) as client:
            await client.open_session("tests")
    async with client_of(sim, proxy.endpoint) as client:  # it strikes once
        await client.open_session("tests")


async def test_a_connection_can_fall_silent_in_the_middle_of_an_event(
    sim: ThreadedSimulator, proxy: ThreadedFaultProxy
) -> None:
    options = {"keepalive_time": 0.05, "keepalive_timeout": 0.05}
    async with client_of(sim, proxy.endpoint, **options) as client:
        session, _, _ = await with_item(client)
        events = events_of(client, session)
        with anyio.fail_after(10):
            await anext(events)
            await in_thread(proxy.cut, 30, ending="hold")
            await in_thread(sim.set_value, TAG, True)
            with pytest.raises(ConnectionLost) as caught:
                await anext(events)
            assert caught.value.cause == "keepalive"


async def test_what_a_silent_cut_held_back_arrives_when_it_is_cleared(
    sim: ThreadedSimulator, proxy: ThreadedFaultProxy
) -> None:
    async with client_of(sim, proxy.endpoint) as client:
        session, _, _ = await with_item(client)
        async with events_of(client, session) as events:
            with anyio.fail_after(5):
                await anext(events)
                await in_thread(proxy.split, 3)
                await in_thread(proxy.cut, 30, ending="hold")
                for value in (True, False):
                    await in_thread(sim.set_value, TAG, value)
                await in_thread(sim.wait_until, lambda s: s.audit.events_sent == 3)
                await in_thread(proxy.send_frame, 0xBE, payload=b"between two frames")
                await in_thread(proxy.clear)
                assert [(await anext(events)).worker_sequence for _ in range(2)] == [2, 3]
                await session.ping()
        assert proxy.accepted == 1


# -- the network -----------------------------------------------------------------------


@pytest.mark.requirement("live.half-open")
async def test_a_pulled_cable_delays_what_was_sent_and_loses_nothing(
    sim: ThreadedSimulator, proxy: ThreadedFaultProxy
) -> None:
    async with client_of(sim, proxy.endpoint) as client:
        session, _, _ = await with_item(client)
        async with events_of(client, session) as events:
            with anyio.fail_after(5):
                await anext(events)
                await in_thread(proxy.black_hole)
                await in_thread(sim.set_value, TAG, True)
                with pytest.raises(DeadlineExceededError):
                    await session.ping(timeout=0.05)
                await in_thread(proxy.clear)
                assert (await anext(events)).worker_sequence == 2
                await session.ping()


async def test_a_black_hole_stops_a_tls_handshake_too(tls_files: TlsFiles) -> None:
    tls = SimulatorTls(tls_files.cert_file, tls_files.key_file)
    with (
        ThreadedSimulator(interval=None, tls=tls) as sim,
        ThreadedFaultProxy(sim.endpoint) as proxy,
    ):
        await in_thread(proxy.black_hole)
        with pytest.raises((TimeoutError, TlsError)):
            async with client_of(
                sim,
                proxy.endpoint,
                plaintext=False,
                ca_file=tls_files.ca_file,
                connect_timeout=0.1,
            ):
                pytest.fail("it connected")


async def test_refusing_and_dropping(sim: ThreadedSimulator, proxy: ThreadedFaultProxy) -> None:
    async with client_of(sim, proxy.endpoint) as client:
        session = await client.open_session("tests")
        await in_thread(proxy.refuse_connections)
        await session.ping()
        assert await in_thread(proxy.drop_connections) == 1
        with pytest.raises(MxGatewayError):
            await session.ping()
        await in_thread(proxy.clear)
        await session.ping()


async def test_a_gateway_that_is_not_there_refuses_through_the_proxy(
    sim: ThreadedSimulator, proxy: ThreadedFaultProxy
) -> None:
    await in_thread(sim.stop)
    with pytest.raises(MxGatewayError):
        async with GatewayClient.connect(
            endpoint=proxy.endpoint, plaintext=True, call_timeout=5.0
        ) as client:
            await client.open_session("tests")
    assert proxy.accepted == 1


async def test_a_slow_line_is_slow(sim: ThreadedSimulator, proxy: ThreadedFaultProxy) -> None:
    async with client_of(sim, proxy.endpoint) as client:
        session = await client.open_session("tests")
        await in_thread(proxy.delay, 30, direction="to_client")
        with pytest.raises(DeadlineExceededError):
            await session.ping(timeout=1)
        assert sim.audit.commands["PING"] == 1


# -- frames ----------------------------------------------------------------------------


@pytest.mark.requirement("conn.goaway")
async def test_a_polite_goaway_of_the_proxy_finishes_open_calls(
    sim: ThreadedSimulator, proxy: ThreadedFaultProxy
) -> None:
    async with client_of(sim, proxy.endpoint) as client:
        session, _, _ = await with_item(client)
        events = events_of(client, session)
        with anyio.fail_after(5):
            await anext(events)
            assert await in_thread(proxy.goaway) == 1
            while proxy.accepted == 1:
                await session.ping()
            await in_thread(sim.set_value, TAG, True)
            assert (await anext(events)).worker_sequence == 2
            await events.aclose()
            await in_thread(proxy.wait_until, lambda p: p.connections == 1)
            await session.ping()


async def test_a_rude_goaway_of_the_proxy_ends_calls_as_refused_or_lost(
    sim: ThreadedSimulator, proxy: ThreadedFaultProxy
) -> None:
    async with client_of(sim, proxy.endpoint) as client:
        session, _, _ = await with_item(client)
        events = events_of(client, session)
        with anyio.fail_after(5):
            await anext(events)
            await in_thread(proxy.goaway, polite=False, debug="go away")
            with pytest.raises(ConnectionLost, match="go away"):
                await anext(events)
            await session.ping()


@pytest.mark.requirement("call.rst-semantics")
async def test_a_reset_by_the_proxy_ends_one_call_on_both_sides(
    sim: ThreadedSimulator, proxy: ThreadedFaultProxy
) -> None:
    async with client_of(sim, proxy.endpoint) as client:
        session, _, _ = await with_item(client)
        events = events_of(client, session)
        with anyio.fail_after(5):
            await anext(events)
            assert await in_thread(proxy.reset_streams) == 1
            with pytest.raises(InternalError):
                await anext(events)
            await in_thread(sim.wait_until, lambda s: s.audit.stream_resets["CANCEL"] == 1)
            await session.ping()
        assert proxy.accepted == 1


@pytest.mark.requirement("conn.unknown-frames")
async def test_unknown_frames_do_no_harm_and_garbage_does(
    sim: ThreadedSimulator, proxy: ThreadedFaultProxy
) -> None:
    async with client_of(sim, proxy.endpoint) as client:
        session, _, _ = await with_item(client)
        events = events_of(client, session)
        with anyio.fail_after(5):
            await anext(events)
            assert await in_thread(proxy.send_frame, 0xBE, payload=b"what") == 1
            await in_thread(sim.set_value, TAG, True)
            assert (await anext(events)).worker_sequence == 2
            await in_thread(proxy.send_garbage, make_frame("DATA", 0, b"on stream 0"))
            with pytest.raises(RemoteProtocolError):
                await anext(events)


async def test_a_dropped_data_frame_loses_its_event_and_the_numbers_show_it(
    sim: ThreadedSimulator, proxy: ThreadedFaultProxy
) -> None:
    async with client_of(sim, proxy.endpoint) as client:
        session, _, _ = await with_item(client)
        async with events_of(client, session) as events:
            with anyio.fail_after(5):
                await anext(events)
                await in_thread(proxy.drop_frames, "DATA")
                await in_thread(sim.set_value, TAG, True)
                await in_thread(proxy.wait_until, lambda p: p.to_client.dropped["DATA"] == 1)
                await in_thread(sim.set_value, TAG, False)
                assert (await anext(events)).worker_sequence == 3


# -- use -------------------------------------------------------------------------------


def test_arguments_that_make_no_sense_are_refused(proxy: ThreadedFaultProxy) -> None:
    for call in (
        lambda: ThreadedFaultProxy("nowhere"),
        lambda: proxy.cut(-1),
        lambda: proxy.cut(1),  # no connection is open
        lambda: proxy.corrupt(),
        lambda: proxy.cut(1, connection="next", direction="sideways"),  # type: ignore[arg-type]
        lambda: proxy.delay(-1),
        lambda: proxy.split(0),
        lambda: proxy.drop_frames("DATUM"),
        lambda: proxy.drop_frames("DATA", times=0),
        lambda: proxy.goaway(code="NOPE"),
        proxy.start,
    ):
        with pytest.raises(ConfigurationError):
            call()


def test_a_stopped_proxy_says_so(proxy: ThreadedFaultProxy) -> None:
    proxy.stop()
    proxy.stop()
    with pytest.raises(ClientClosedError):
        proxy.clear()
    with pytest.raises(ClientClosedError):
        _ = proxy.endpoint


@given(
    st.lists(
        st.builds(
            make_frame,
            st.integers(0, 12),
            st.integers(0, 9),
            st.binary(max_size=40),
            st.integers(0, 255),
        ),
        max_size=8,
    ),
    st.lists(st.integers(1, 30), min_size=1),
)
def test_frames_are_cut_the_same_however_the_bytes_come(
    frames: list[bytes], steps: list[int]
) -> None:
    whole = PREFACE + b"".join(frames)
    cutter = FrameCutter(preface=True)
    pieces: list[Frame | bytes] = []
    start = number = 0
    while start < len(whole):
        step = steps[number % len(steps)]
        pieces += cutter.feed(whole[start : start + step])
        start, number = start + step, number + 1
    assert pieces[0] == PREFACE
    assert [p.data for p in pieces[1:] if isinstance(p, Frame)] == frames
    assert cutter.rest() == b""
    assert not cutter.raw
