"""Deadlines as grpcio's C core sees and keeps them."""

from __future__ import annotations

import math

import anyio
import pytest
from frame_relay import RST_STREAM, frame_relay
from interop.ccore_client import advised, connect, outcome, ping, raw_events, saw_cancelled, until
from interop.ccore_gateway import CCoreGateway, stream_limit
from interop.scripted_plant import SPEED

from mxgateway import MxEvent
from mxgateway.errors import DeadlineExceededError, MxGatewayError

SHORT = 0.2  # seconds
LONGER = 0.5  # enough for three events on a busy machine

pytestmark = pytest.mark.requirement("conn.timeouts")


async def test_a_deadline_is_told_to_the_server_and_ends_the_call_on_both_sides(
    either_gateway: CCoreGateway,
) -> None:
    gateway = either_gateway

    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session = await client.open_session(timeout=20)
            with pytest.raises(DeadlineExceededError) as caught:
                await client.invoke_raw(ping(session), timeout=SHORT)
            await saw_cancelled(gateway, "Invoke")
            assert await session.register("still works", timeout=20) > 0

    assert caught.value.processed == "maybe"
    assert caught.value.phase in ("headers", "")  # "" where the server was the first to say so
    opened, invoked, registered = (call.time_remaining for call in gateway.journal.calls)
    assert opened is not None
    assert invoked is not None
    assert registered is not None
    assert SHORT < opened <= 20
    assert 0 <= invoked <= SHORT
    assert SHORT < registered <= 20
    assert len(gateway.journal.peers) == 1


async def test_the_client_s_own_timeout_is_told_where_the_call_has_none(
    gateway: CCoreGateway,
) -> None:
    with anyio.fail_after(5):
        async with await connect(gateway, call_timeout=3_000.0) as client:
            session = await client.open_session()
            await session.register("interop", timeout=math.inf)
            async with raw_events(client, session):
                await until(gateway, lambda g: g.journal.methods[-1] == "StreamEvents")

    opened, registered, streamed = (call.time_remaining for call in gateway.journal.calls)
    assert opened is not None
    assert 2_900 < opened <= 3_000
    assert registered is None
    assert streamed is None  # a subscription has no end of its own


async def test_events_before_the_deadline_of_a_stream_are_delivered(
    gateway: CCoreGateway,
) -> None:
    events: list[MxEvent] = []

    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session, _, _ = await advised(client, SPEED)
            stream = raw_events(client, session, timeout=LONGER)
            events.extend([await anext(stream) for _ in range(3)])
            with pytest.raises(DeadlineExceededError) as caught:
                await anext(stream)
            assert [event async for event in stream] == []
            await saw_cancelled(gateway, "StreamEvents")
            assert await session.register("still works") > 0

    assert [event.worker_sequence for event in events] == [1, 2, 3]
    assert caught.value.phase in ("message", "")
    told = next(c for c in gateway.journal.calls if c.method == "StreamEvents").time_remaining
    assert told is not None
    assert told <= LONGER
    assert len(gateway.journal.peers) == 1


@pytest.mark.requirement("flow.max-streams")
async def test_a_deadline_also_counts_while_a_call_waits_for_the_stream_limit() -> None:
    with anyio.fail_after(5), CCoreGateway(options=stream_limit(1)) as gateway:
        async with await connect(gateway) as client:
            session = await client.open_session()
            async with raw_events(client, session):
                with pytest.raises(DeadlineExceededError, match="stream limit 1 ") as caught:
                    await session.register("nobody hears this", timeout=SHORT)
            assert await session.register("still works") > 0

    assert (caught.value.phase, caught.value.processed) == ("slot", "no")
    assert gateway.journal.methods.count("Invoke") == 1


@pytest.mark.requirement("call.cancel-clean")
async def test_a_hundred_deadlines_at_once_leave_the_connection_usable(
    gateway: CCoreGateway,
) -> None:
    errors: list[MxGatewayError] = []
    count = 100

    with anyio.fail_after(10):
        async with frame_relay(gateway.endpoint) as relay:
            async with await connect(gateway, endpoint=relay.endpoint) as client:
                session = await client.open_session()
                async with anyio.create_task_group() as tasks:
                    for _ in range(count):
                        tasks.start_soon(
                            outcome,
                            lambda: client.invoke_raw(ping(session), timeout=SHORT),
                            errors,
                        )
                await until(gateway, lambda g: g.journal.open == 0)
                reply = await client.invoke(ping(session, "echo still works"))

    assert reply.diagnostic_message == "still works"
    assert [type(error) for error in errors] == [DeadlineExceededError] * count
    reset = [frame.stream for frame in relay.from_client if frame.kind == RST_STREAM]
    assert len(reset) == len(set(reset))
    assert len(gateway.journal.peers) == 1
