"""PINGs both ways between the client and grpcio's C core, counted on the wire."""

from __future__ import annotations

import logging

import anyio
import pytest
from frame_relay import GOAWAY, PING, frame_relay
from interop.ccore_client import advised, connect, outcome, ping, raw_events, until
from interop.ccore_gateway import CCoreGateway
from interop.scripted_plant import SPEED

from mxgateway.errors import ConnectionLost, MxGatewayError, UnavailableError

ENHANCE_YOUR_CALM = 0xB  # RFC 9113, section 7
ASKED_OFTEN = [
    ("grpc.keepalive_time_ms", 20),
    ("grpc.keepalive_timeout_ms", 4_000),
    ("grpc.keepalive_permit_without_calls", 1),
]
TOLERANT = [
    ("grpc.http2.min_ping_interval_without_data_ms", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 1),
    ("grpc.keepalive_permit_without_calls", 1),
]

pytestmark = pytest.mark.requirement("live.keepalive-polite")


async def test_pings_of_the_server_are_answered_with_and_without_calls() -> None:
    with anyio.fail_after(10), CCoreGateway(options=ASKED_OFTEN) as gateway:
        async with frame_relay(gateway.endpoint) as relay:
            async with await connect(
                gateway, endpoint=relay.endpoint, keepalive_time=None
            ) as client:
                session, _, (item,) = await advised(client, SPEED)
                await relay.acks_from_client(5)
                async with raw_events(client, session) as stream:
                    first = [await anext(stream) for _ in range(3)]
                    answered = sum(frame.ack for frame in relay.from_client)
                    await relay.acks_from_client(answered + 5)
                    gateway.plant.deliver(session.session_id, item, 40.5)
                    first.append(await anext(stream))

    assert [event.worker_sequence for event in first] == [1, 2, 3, 4]
    # A PING that asked came from the server each time; the client asked for nothing itself.
    asked = [frame for frame in relay.from_server if frame.kind == PING and not frame.ack]
    answers = [frame for frame in relay.from_client if frame.kind == PING]
    assert all(frame.ack for frame in answers)
    assert len(answers) <= len(asked)
    assert len(gateway.journal.peers) == 1


async def test_our_pings_are_answered_while_a_stream_is_silent() -> None:
    with anyio.fail_after(10), CCoreGateway(options=TOLERANT) as gateway:
        async with frame_relay(gateway.endpoint) as relay:
            async with await connect(
                gateway, endpoint=relay.endpoint, keepalive_time=0.02, keepalive_timeout=4.0
            ) as client:
                session, _, (item,) = await advised(client, SPEED)
                async with raw_events(client, session) as stream:
                    first = [await anext(stream) for _ in range(3)]
                    # The next PING goes out only after the answer to the one before.
                    await relay.acks_from_server(5)
                    gateway.plant.deliver(session.session_id, item, 40.5)
                    first.append(await anext(stream))

    assert [event.worker_sequence for event in first] == [1, 2, 3, 4]
    assert [frame for frame in relay.from_server if frame.kind == GOAWAY] == []
    assert len(gateway.journal.peers) == 1


async def test_a_server_that_finds_our_pings_too_many_is_asked_less_often(
    gateway: CCoreGateway, caplog: pytest.LogCaptureFixture
) -> None:
    errors: list[MxGatewayError] = []

    # As it comes, the C core takes two PINGs without data in between, then says GOAWAY.
    with anyio.fail_after(10), caplog.at_level(logging.WARNING, "mxgateway.transport"):
        async with frame_relay(gateway.endpoint) as relay:
            async with await connect(
                gateway, endpoint=relay.endpoint, keepalive_time=0.02, keepalive_timeout=4.0
            ) as client:
                session = await client.open_session()
                stream = raw_events(client, session)
                await outcome(stream.__anext__, errors)
                reply = await client.invoke(ping(session, "echo still works"))
                await until(gateway, lambda g: g.journal.cancelled == ["StreamEvents"])

    (error,) = errors
    # The C core ends the stream with a status where it can, before its GOAWAY cuts it off.
    assert isinstance(error, UnavailableError | ConnectionLost)
    assert error.processed == "maybe"
    assert "too many pings" in str(error).lower().replace("_", " ")
    assert reply.diagnostic_message == "still works"
    goaways = [frame.code for frame in relay.from_server if frame.kind == GOAWAY]
    assert ENHANCE_YOUR_CALM in goaways
    warnings = [record.getMessage() for record in caplog.records]
    assert [text for text in warnings if "the interval is now 0.04 s" in text] == warnings
    assert len(warnings) == 1
    assert len(gateway.journal.peers) == 2
