"""Slow consumers and many calls at once, against grpcio's C core."""

from __future__ import annotations

import anyio
import pytest
from interop.ccore_client import advised, connect, outcome, ping, raw_events, until
from interop.ccore_gateway import CCoreGateway, stream_limit
from interop.plant_sessions import MESSAGE_PREFIX
from interop.scripted_plant import BIG, BIG_TEXT, FLOOD

from mxgateway import Session
from mxgateway.client import OptionFields
from mxgateway.errors import MxGatewayError, UnavailableError
from mxgateway.values import from_mx_value

WINDOW = 65_535
SMALL: OptionFields = {"stream_window": WINDOW, "connection_window": WINDOW}
SLACK = 1_024
"""Bytes that the server may have made beyond the window: the message it has in hand."""


def made(gateway: CCoreGateway, session: Session) -> int:
    """Return how many bytes of messages the server has made for the stream of `session`."""
    return gateway.plant.sessions[session.session_id].made


async def filled(gateway: CCoreGateway, session: Session) -> None:
    """Wait until the server has made about as much as the window of an unread stream takes."""
    await until(gateway, lambda g: made(g, session) > WINDOW - 1_000)


@pytest.mark.requirement("flow.isolation")
async def test_a_stream_that_nobody_reads_stops_its_sender_at_the_window(
    either_gateway: CCoreGateway,
) -> None:
    gateway = either_gateway
    wanted = 3_000  # of another stream, several times what the unread one may send

    with anyio.fail_after(20):
        async with await connect(gateway, **SMALL) as client:
            slow, _, _ = await advised(client, FLOOD)
            fast, _, _ = await advised(client, FLOOD)
            async with raw_events(client, slow) as unread:
                await filled(gateway, slow)
                read = 0
                async for _ in raw_events(client, fast):
                    read += 1
                    if read == wanted:
                        break
                handles = [await slow.register(f"client-{number}") for number in range(20)]
                sent = made(gateway, slow)
                # Nothing is lost on the way, and the stream goes on.
                sequences = [(await anext(unread)).worker_sequence for _ in range(1_000)]

    assert sent <= WINDOW + SLACK
    assert read == wanted
    assert made(gateway, fast) > 3 * sent
    assert len(set(handles)) == 20
    assert sequences == list(range(1, 1_001))
    assert len(gateway.journal.peers) == 1


@pytest.mark.requirement("flow.isolation")
async def test_a_slow_reader_is_never_outrun_by_more_than_its_window(
    either_gateway: CCoreGateway,
) -> None:
    gateway = either_gateway
    ahead: list[int] = []
    taken = 0

    with anyio.fail_after(20):
        async with await connect(gateway, **SMALL) as client:
            session, _, _ = await advised(client, FLOOD)
            async with raw_events(client, session) as stream:
                for _ in range(12):
                    for _ in range(150):
                        event = await anext(stream)
                    # While this reader is busy elsewhere, the server has every chance to send.
                    await session.register("busy")
                    await session.register("busier")
                    events = gateway.plant.sessions[session.session_id].events
                    read = events[: event.worker_sequence]
                    taken = sum(event.ByteSize() + MESSAGE_PREFIX for event in read)
                    ahead.append(made(gateway, session) - taken)

    assert event.worker_sequence == 1_800
    assert taken > 2 * WINDOW
    assert max(ahead) <= WINDOW + SLACK


@pytest.mark.requirement("flow.isolation")
async def test_unread_streams_hold_up_neither_calls_nor_large_messages(
    either_gateway: CCoreGateway,
) -> None:
    gateway = either_gateway

    with anyio.fail_after(20):
        async with await connect(gateway, **SMALL) as client:
            floods = [(await advised(client, FLOOD))[0] for _ in range(5)]
            async with anyio.create_task_group() as tasks:
                opened = [anyio.Event() for _ in floods]

                async def hold(session: Session, reached: anyio.Event) -> None:
                    async with raw_events(client, session):
                        await filled(gateway, session)
                        reached.set()
                        await anyio.sleep_forever()

                for session, reached in zip(floods, opened, strict=True):
                    tasks.start_soon(hold, session, reached)
                for reached in opened:
                    await reached.wait()
                session, _, _ = await advised(client, BIG)
                async with raw_events(client, session) as stream:
                    event = await anext(stream)
                reply = await client.invoke(ping(session, "size 1000000"))
                sent = [made(gateway, flood) for flood in floods]
                tasks.cancel_scope.cancel()

    assert from_mx_value(event.value) == BIG_TEXT
    assert len(reply.diagnostic_message) == 1_000_000
    assert max(sent) <= WINDOW + SLACK
    assert len(gateway.journal.peers) == 1


@pytest.mark.requirement("flow.isolation")
async def test_two_hundred_calls_are_in_progress_at_once() -> None:
    count = 200
    errors: list[MxGatewayError] = []

    with anyio.fail_after(20), CCoreGateway(workers=count + 20) as gateway:
        async with await connect(gateway) as client:
            session = await client.open_session()
            # Nobody gets an answer before all of them have come together.
            async with anyio.create_task_group() as tasks:
                for _ in range(count):
                    tasks.start_soon(
                        outcome, lambda: client.invoke(ping(session, f"meet {count}")), errors
                    )

    assert errors == []
    assert gateway.journal.most_open == count
    assert gateway.journal.methods.count("Invoke") == count
    assert gateway.journal.cancelled == []
    assert len(gateway.journal.peers) == 1


async def test_two_hundred_callers_each_get_the_answer_to_their_own_question(
    either_gateway: CCoreGateway,
) -> None:
    answers: dict[int, str] = {}

    with anyio.fail_after(20):
        async with await connect(either_gateway) as client:
            session = await client.open_session()

            async def ask(number: int) -> None:
                text = f"{number} " * (number + 1)
                reply = await client.invoke(ping(session, f"echo {text}"))
                answers[number] = reply.diagnostic_message

            async with anyio.create_task_group() as tasks:
                for number in range(200):
                    tasks.start_soon(ask, number)

    assert answers == {number: f"{number} " * (number + 1) for number in range(200)}
    assert len(either_gateway.journal.peers) == 1


@pytest.mark.requirement("flow.max-streams")
@pytest.mark.parametrize("limit", [1, 5])
async def test_the_stream_limit_is_used_in_full_and_never_passed(limit: int) -> None:
    count = 50
    errors: list[MxGatewayError] = []

    with anyio.fail_after(10), CCoreGateway(options=stream_limit(limit)) as gateway:
        async with await connect(gateway) as client:
            session = await client.open_session()
            async with anyio.create_task_group() as tasks:
                for _ in range(count):
                    tasks.start_soon(
                        outcome, lambda: client.invoke(ping(session, f"meet {limit}")), errors
                    )

    assert errors == []  # the C core resets what is above its limit
    assert gateway.journal.most_open == limit
    assert gateway.journal.methods.count("Invoke") == count
    assert len(gateway.journal.peers) == 1


@pytest.mark.requirement("flow.max-streams", "write.no-replay")
async def test_calls_that_the_server_refuses_unseen_are_not_processed() -> None:
    count = 200
    errors: list[MxGatewayError] = []
    # With its own idea of a full server the C core refuses some calls that keep the limit.
    limit = [("grpc.max_concurrent_streams", 2)]

    with anyio.fail_after(10), CCoreGateway(options=limit) as gateway:
        async with await connect(gateway) as client:
            session = await client.open_session()
            async with anyio.create_task_group() as tasks:
                for _ in range(count):
                    tasks.start_soon(
                        outcome, lambda: client.invoke(ping(session, "echo x")), errors
                    )

    assert [error for error in errors if not isinstance(error, UnavailableError)] == []
    assert {(error.processed, error.transient) for error in errors} <= {("no", True)}
    assert gateway.journal.methods.count("Invoke") == count - len(errors)
