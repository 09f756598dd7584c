"""Cancelled calls and streams left early, as grpcio's C core sees them."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable

import anyio
import pytest
import trio
from frame_relay import RST_STREAM, FrameRelay, frame_relay
from interop.ccore_client import advised, connect, ping, raw_events, saw_cancelled, until
from interop.ccore_gateway import CCoreGateway, stream_limit
from interop.scripted_plant import FLOOD, SILENT

from mxgateway import MxEvent, Session
from mxgateway.transport.stream import MessageStream

CANCEL = 0x8  # RFC 9113, section 7


class LeftError(Exception):
    """Raised in the body of a loop."""


def resets(relay: FrameRelay) -> list[tuple[int, int]]:
    """Return stream and code of every RST_STREAM that the client has sent."""
    return [(f.stream, f.code) for f in relay.from_client if f.kind == RST_STREAM]


@pytest.mark.requirement("call.cancel-clean")
async def test_a_cancelled_call_is_reset_once_and_the_server_sees_it(
    gateway: CCoreGateway,
) -> None:
    with anyio.fail_after(5):
        async with frame_relay(gateway.endpoint) as relay:
            async with await connect(gateway, endpoint=relay.endpoint) as client:
                session = await client.open_session()
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(client.invoke_raw, ping(session))
                    await until(gateway, lambda g: g.journal.methods[-1] == "Invoke")
                    tasks.cancel_scope.cancel()
                await saw_cancelled(gateway, "Invoke")
                assert await session.register("still works") > 0

    assert resets(relay) == [(3, CANCEL)]
    assert len(gateway.journal.peers) == 1


@pytest.mark.requirement("call.cancel-clean")
async def test_timeouts_of_the_event_loop_cancel_a_call(
    either_gateway: CCoreGateway, anyio_backend_name: str
) -> None:
    async def by_asyncio(call: Awaitable[object]) -> None:
        await asyncio.wait_for(call, 0.05)

    async def by_trio(call: Awaitable[object]) -> None:
        with trio.fail_after(0.05):
            await call

    bounded = by_asyncio if anyio_backend_name == "asyncio" else by_trio
    with anyio.fail_after(5):
        async with await connect(either_gateway) as client:
            session = await client.open_session()
            with pytest.raises((TimeoutError, trio.TooSlowError)):
                await bounded(client.invoke_raw(ping(session)))
            await saw_cancelled(either_gateway, "Invoke")
            assert await session.register("still works") > 0


@pytest.mark.requirement("call.cancel-clean", "flow.max-streams")
async def test_cancelled_calls_give_their_slots_back() -> None:
    limit, rounds = 5, 10

    with (
        anyio.fail_after(10),
        CCoreGateway(options=stream_limit(limit)) as gateway,
    ):
        async with await connect(gateway) as client:
            session = await client.open_session()
            for number in range(1, rounds + 1):
                async with anyio.create_task_group() as tasks:
                    for _ in range(2 * limit):  # half of them wait for a slot
                        tasks.start_soon(client.invoke_raw, ping(session))
                    await until(gateway, lambda g: g.journal.open == limit)
                    tasks.cancel_scope.cancel()
                await saw_cancelled(gateway, *["Invoke"] * (limit * number))
                await until(gateway, lambda g: g.journal.open == 0)
            # All slots are there: these are answered only together.
            async with anyio.create_task_group() as tasks:
                for _ in range(limit):
                    tasks.start_soon(client.invoke, ping(session, f"meet {limit}"))

    assert gateway.journal.most_open == limit
    assert gateway.journal.methods.count("Invoke") == rounds * limit + limit
    assert len(gateway.journal.peers) == 1


async def leave_by_break(stream: MessageStream[MxEvent]) -> None:
    async for _ in stream:
        break


async def leave_the_block(stream: MessageStream[MxEvent]) -> None:
    async with stream:
        await anext(stream)


async def leave_by_error(stream: MessageStream[MxEvent]) -> None:
    async def body() -> None:
        async with stream:
            await anext(stream)
            raise LeftError

    with pytest.raises(LeftError):
        await body()


async def leave_by_closing(stream: MessageStream[MxEvent]) -> None:
    await anext(stream)
    await stream.aclose()


async def leave_by_cancelling(stream: MessageStream[MxEvent]) -> None:
    with anyio.CancelScope() as scope:
        async for _ in stream:
            scope.cancel()
    assert scope.cancelled_caught


WAYS = [
    leave_by_break,
    leave_the_block,
    leave_by_error,
    leave_by_closing,
    leave_by_cancelling,
]


@pytest.mark.requirement("stream.early-exit")
@pytest.mark.parametrize("leave", WAYS)
async def test_however_a_stream_is_left_the_server_stops_sending(
    either_gateway: CCoreGateway, leave: Callable[[MessageStream[MxEvent]], Awaitable[None]]
) -> None:
    gateway = either_gateway

    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session, _, _ = await advised(client, FLOOD)
            await leave(raw_events(client, session))
            gc.collect()
            await saw_cancelled(gateway, "StreamEvents")
            sent = len(gateway.plant.sessions[session.session_id].events)
            assert await session.register("still works") > 0
            # The flood goes on where it was left, for whoever asks for it.
            async with raw_events(client, session, sent) as stream:
                assert (await anext(stream)).worker_sequence == sent + 1

    assert len(gateway.journal.peers) == 1


@pytest.mark.requirement("stream.early-exit")
async def test_a_stream_left_before_its_first_event_is_seen_by_the_server(
    either_gateway: CCoreGateway,
) -> None:
    gateway = either_gateway

    with anyio.fail_after(5):
        async with await connect(gateway) as client:
            session, _, _ = await advised(client, SILENT)
            async with raw_events(client, session):
                await until(gateway, lambda g: g.journal.methods[-1] == "StreamEvents")
            await saw_cancelled(gateway, "StreamEvents")


@pytest.mark.requirement("stream.early-exit", "call.cancel-clean")
async def test_every_stream_that_is_left_is_reset_once(gateway: CCoreGateway) -> None:
    with anyio.fail_after(5):
        async with frame_relay(gateway.endpoint) as relay:
            async with await connect(gateway, endpoint=relay.endpoint) as client:
                session, _, _ = await advised(client, FLOOD)
                for leave in WAYS:
                    await leave(raw_events(client, session))
                    gc.collect()
                await until(gateway, lambda g: g.journal.cancelled == ["StreamEvents"] * len(WAYS))

    assert [code for _, code in resets(relay)] == [CANCEL] * len(WAYS)
    assert len({stream for stream, _ in resets(relay)}) == len(WAYS)


@pytest.mark.requirement("flow.isolation", "stream.early-exit")
async def test_streams_left_with_full_windows_give_their_credit_back(
    either_gateway: CCoreGateway,
) -> None:
    with anyio.fail_after(10):
        async with await connect(
            either_gateway, stream_window=65_535, connection_window=65_535
        ) as client:
            floods = [await advised(client, FLOOD) for _ in range(5)]
            for session, _, _ in floods:
                async with raw_events(client, session) as stream:
                    await anext(stream)
                    await window_filled(either_gateway, session)
            await saw_cancelled(either_gateway, *["StreamEvents"] * len(floods))
            # Five windows were thrown away; this needs many of them.
            reply = await client.invoke(ping(session, "size 1000000"))

    assert len(reply.diagnostic_message) == 1_000_000
    assert len(either_gateway.journal.peers) == 1


async def window_filled(gateway: CCoreGateway, session: Session) -> None:
    """Wait until the server has filled the window of the unread stream of `session`."""
    plant = gateway.plant.sessions[session.session_id]
    await until(gateway, lambda _: plant.made > 60_000)


async def test_closing_the_client_ends_its_calls_at_the_server(
    either_gateway: CCoreGateway,
) -> None:
    with anyio.fail_after(5):
        async with await connect(either_gateway) as client:
            session, _, _ = await advised(client, FLOOD)
            stream = raw_events(client, session)
            await anext(stream)
            await client.close()
        await saw_cancelled(either_gateway, "StreamEvents")
