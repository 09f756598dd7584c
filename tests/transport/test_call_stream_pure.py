"""`processed` and flow-control credit of one stream, without an event loop."""

from __future__ import annotations

from typing import Any

import pytest
from grpclib.client import Handler
from grpclib.config import Configuration
from h2.config import H2Configuration
from hypothesis import given
from hypothesis import strategies as st

from mxgateway.options import ClientOptions
from mxgateway.transport.call_stream import CallStream
from mxgateway.transport.framing import GoAway
from mxgateway.transport.messages import frame_message
from mxgateway.transport.outbox import Outbox
from mxgateway.transport.protocol import Protocol

WINDOW = 65_536
HEADERS = [(":method", "POST"), (":scheme", "http"), (":path", "/x"), (":authority", "y")]


def opened() -> tuple[Protocol, CallStream]:
    options = ClientOptions(endpoint="x:1", plaintext=True, stream_window=WINDOW)
    h2_config = H2Configuration(client_side=True, header_encoding=None)
    protocol = Protocol(Handler(), Configuration().__for_client__(), h2_config, options)
    protocol.connection_made(Outbox())
    protocol.connection.outbox.take()
    stream = protocol.connection.create_stream()
    stream.open(HEADERS)
    return protocol, stream


@pytest.mark.requirement("write.no-replay")
def test_a_queued_request_may_be_processed_because_it_leaves_even_after_its_call_ended() -> None:
    protocol, stream = opened()
    before = stream.processed
    stream.cancel()
    sent = protocol.connection.outbox.take()
    assert (before, stream.processed) == ("maybe", "maybe")
    assert [frame[3] for frame in (sent[:9], sent[-13:])] == [1, 3]  # HEADERS, then RST_STREAM


@pytest.mark.requirement("write.no-replay")
@pytest.mark.parametrize("handed", [False, True])
def test_a_request_is_not_processed_where_the_connection_dies_before_it_was_handed_over(
    handed: bool,
) -> None:
    protocol, stream = opened()
    if handed:
        protocol.connection.outbox.take()
    protocol.data_received(b"HTTP/1.1 400 Bad Request")
    assert stream.failure is not None
    assert stream.failure().processed == ("maybe" if handed else "no")
    left = protocol.connection.outbox.take()
    assert b"/x" not in left


@pytest.mark.requirement("write.no-replay")
def test_a_connection_lost_before_the_headers_left_says_not_processed() -> None:
    protocol, stream = opened()
    protocol.connection_lost(OSError("gone"))
    assert stream.failure is not None
    assert stream.failure().processed == "no"


@pytest.mark.requirement("write.no-replay")
@pytest.mark.parametrize(("last", "failed"), [(0, True), (1, False), (5, False)])
def test_goaway_fails_only_streams_above_its_last_id(last: int, failed: bool) -> None:
    protocol, stream = opened()
    protocol.connection.outbox.take()
    protocol.connection.drain(GoAway(last, 0, b""))
    assert (stream.failure is not None) is failed
    if stream.failure is not None:
        assert stream.failure().processed == "no"


@pytest.mark.requirement("flow.isolation")
@given(
    sizes=st.lists(st.integers(0, 60_000), min_size=1, max_size=12),
    cuts=st.lists(st.integers(500, 20_000), min_size=1, max_size=12),
    consume=st.lists(st.booleans(), min_size=1, max_size=12),
)
def test_credit_given_back_is_never_more_than_what_was_taken(
    sizes: list[int], cuts: list[int], consume: list[bool]
) -> None:
    """Outstanding credit plus buffered bytes stays within window and one message; none is stuck."""
    protocol, stream = opened()
    stream.receive_headers([(":status", "200"), ("content-type", "application/grpc")])
    granted = WINDOW
    grants: list[int] = []
    h2: Any = protocol.connection._connection
    h2.increment_flow_control_window = lambda size, stream_id=None: grants.append(size)
    data = b"".join(frame_message(bytes(size)) for size in sizes)
    pos = turn = received = taken = 0
    while taken < len(sizes):
        size = min(cuts[turn % len(cuts)], len(data) - pos, granted - received)
        if size:
            stream.receive_data(data[pos : pos + size], size)
            pos += size
            received += size
        if consume[turn % len(consume)] or not size:
            if stream.cutter.messages:
                assert len(stream.cutter.messages[0]) == sizes[taken]
                stream.drop_message()
                taken += 1
            else:
                stream.expect_more()
        granted = WINDOW + sum(grants)
        buffered = sum(len(m) + 5 for m in stream.cutter.messages)
        assert granted - received + buffered <= WINDOW + max(sizes) + 5
        turn += 1
        assert turn < 10_000, "stuck"
    assert pos == len(data)
