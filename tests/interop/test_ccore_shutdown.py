"""A gateway on grpcio's C core that stops, politely or not, and comes back."""

from __future__ import annotations

import threading

import anyio
import anyio.to_thread
import pytest
from interop.ccore_client import advised, connect, outcome, ping, raw_events, saw_cancelled, until
from interop.ccore_gateway import CCoreGateway
from interop.scripted_plant import FLOOD, SPEED
from tls_files import TlsFiles

from mxgateway.errors import (
    CallCancelledError,
    ConnectError,
    ConnectionLost,
    MxGatewayError,
    UnavailableError,
)

GRACE = 60.0  # seconds; far beyond what any test here takes


async def stopped(ended: threading.Event) -> None:
    """Wait until every call of a stopping server has ended."""
    assert await anyio.to_thread.run_sync(ended.wait, 5.0)


def check_refused(errors: list[MxGatewayError]) -> None:
    """Check the errors of calls made one after the other while the server shuts down.

    The C core answers CANCELLED to the one call that may cross its GOAWAY. It runs no
    such call, but nobody can tell that from outside. All others were never sent.
    """
    crossed = [error for error in errors if isinstance(error, CallCancelledError)]
    assert len(crossed) <= 1
    assert {error.processed for error in errors if error not in crossed} <= {"no"}


@pytest.mark.requirement("conn.goaway")
async def test_a_polite_shutdown_lets_stream_and_call_finish(
    either_tls: TlsFiles | None,
) -> None:
    refused: list[MxGatewayError] = []
    errors: list[MxGatewayError] = []

    with anyio.fail_after(10), CCoreGateway(tls=either_tls) as gateway:
        async with await connect(gateway) as client:
            session, _, (item,) = await advised(client, SPEED)
            async with raw_events(client, session) as stream, anyio.create_task_group() as tasks:
                first = [await anext(stream) for _ in range(3)]
                tasks.start_soon(outcome, lambda: client.invoke(ping(session, "meet 2")), errors)
                await until(gateway, lambda g: g.journal.methods[-1] == "Invoke")
                ended = gateway.stop(GRACE)
                # The listener closes first; until the GOAWAY has come, calls go where it does.
                while not any(isinstance(error, ConnectError) for error in refused):
                    await outcome(lambda: client.invoke(ping(session, "echo")), refused)
                assert not ended.is_set()
                gateway.join_meeting()
                gateway.plant.deliver(session.session_id, item, 40.5, 50.5)
                gateway.plant.close(gateway.plant.sessions[session.session_id])
                rest = [event async for event in stream]
            await stopped(ended)

    assert [event.worker_sequence for event in first + rest] == [1, 2, 3, 4, 5]
    assert errors == []
    check_refused(refused)
    assert gateway.journal.cancelled == []


@pytest.mark.requirement("conn.goaway")
async def test_while_the_old_server_finishes_a_new_one_on_its_port_takes_the_calls(
    either_tls: TlsFiles | None,
) -> None:
    refused: list[MxGatewayError] = []

    with anyio.fail_after(10), CCoreGateway(tls=either_tls) as old:
        async with await connect(old) as client:
            session, _, (item,) = await advised(client, SPEED)
            async with raw_events(client, session) as stream:
                first = [await anext(stream) for _ in range(3)]
                ended = old.stop(GRACE)
                with CCoreGateway(port=old.port, tls=either_tls) as new:
                    while not new.journal.calls:
                        await outcome(client.open_session, refused)
                    other = await client.open_session()
                    assert other.session_id in new.plant.sessions
                    # Two connections live side by side.
                    old.plant.deliver(session.session_id, item, 40.5)
                    assert (await anext(stream)).worker_sequence == 4
                    assert await other.register("new") > 0
                    old.plant.close(old.plant.sessions[session.session_id])
                    rest = [event async for event in stream]
                    await stopped(ended)
                    assert await other.register("newer") > 0

    assert len(first) == 3
    assert rest == []
    check_refused(refused)
    assert old.journal.cancelled == []
    assert new.journal.cancelled == []


@pytest.mark.requirement("err.no-leaks", "conn.reconnect-fresh")
async def test_a_hard_stop_ends_every_call_at_once_and_the_next_connects_anew(
    either_tls: TlsFiles | None,
) -> None:
    errors: list[MxGatewayError] = []

    with anyio.fail_after(10), CCoreGateway(tls=either_tls) as first:
        async with await connect(first) as client:
            session, _, _ = await advised(client, SPEED)
            stream = raw_events(client, session)
            received = [(await anext(stream)).worker_sequence for _ in range(3)]
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(outcome, stream.__anext__, errors)
                for _ in range(5):
                    tasks.start_soon(outcome, lambda: client.invoke(ping(session)), errors)
                await until(first, lambda g: g.journal.open == 6)
                await anyio.to_thread.run_sync(first.stop, None)
            await saw_cancelled(first, "StreamEvents", *["Invoke"] * 5)
            with pytest.raises(ConnectError):
                await client.open_session()
            with CCoreGateway(port=first.port, tls=either_tls) as second:
                reopened = await client.open_session()
                assert reopened.session_id in second.plant.sessions

    assert received == [1, 2, 3]
    # The C core resets the streams that it still can before it cuts the connection.
    kinds = ConnectionLost | UnavailableError | CallCancelledError
    assert [error for error in errors if not isinstance(error, kinds)] == []
    assert [error.processed for error in errors] == ["maybe"] * 6


@pytest.mark.requirement("err.no-leaks")
async def test_events_that_arrived_before_a_hard_stop_are_delivered(
    either_gateway: CCoreGateway,
) -> None:
    sequences: list[int] = []
    errors: list[MxGatewayError] = []

    with anyio.fail_after(10):
        async with await connect(either_gateway) as client:
            session, _, _ = await advised(client, FLOOD)

            async def read() -> None:
                async for event in raw_events(client, session):
                    sequences.append(event.worker_sequence)
                    if len(sequences) == 100:
                        await anyio.to_thread.run_sync(either_gateway.stop, None)

            await outcome(read, errors)

    assert len(errors) == 1
    assert len(sequences) >= 100
    assert sequences == list(range(1, len(sequences) + 1))


@pytest.mark.requirement("conn.goaway")
async def test_calls_and_a_stream_outlive_the_age_limit_of_their_connection(
    either_tls: TlsFiles | None,
) -> None:
    errors: list[MxGatewayError] = []
    age = [("grpc.max_connection_age_ms", 100)]

    with anyio.fail_after(10), CCoreGateway(tls=either_tls, options=age) as gateway:
        async with await connect(gateway) as client:
            session, _, (item,) = await advised(client, SPEED)
            async with raw_events(client, session) as stream:
                first = [await anext(stream) for _ in range(3)]
                before = len(gateway.journal.peers)
                while len(gateway.journal.peers) < before + 3:
                    await outcome(lambda: client.invoke(ping(session, "echo")), errors)
                gateway.plant.deliver(session.session_id, item, 40.5)
                gateway.plant.close(gateway.plant.sessions[session.session_id])
                rest = [event async for event in stream]

    assert [event.worker_sequence for event in first + rest] == [1, 2, 3, 4]
    assert gateway.journal.cancelled == []
    # A call on its way while the server says its last word was not processed.
    assert [error.processed for error in errors if error.processed != "no"] == []
