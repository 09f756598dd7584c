"""Legal and illegal frame sequences: whatever comes, every call ends and only our errors leave."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from calls import REPLY, channel_to, open_session, stream_events
from hpack import Encoder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from scripted_peer import PeerConnection, grpc_message, raw_frame, scripted_peer

from mxgateway.errors import MxGatewayError
from mxgateway.options import ClientOptions
from mxgateway.transport.call_stream import CallStream
from mxgateway.transport.dial import make_protocol
from mxgateway.transport.framing import GoAway
from mxgateway.transport.outbox import Outbox
from mxgateway.transport.protocol import Protocol

OK = [(":status", "200"), ("content-type", "application/grpc")]
HEADER_SETS = [
    OK,
    [(":status", "503"), ("content-type", "text/html")],
    [(":status", "103")],
    [("grpc-status", "0")],
    [("grpc-status", "x")],
    [*OK, ("grpc-status", "5"), ("grpc-message", "%zz%20")],
    [*OK, ("grpc-encoding", "gzip")],
    [("x-bin", "%%%")],
    [],
]
REQUEST = [(":method", "POST"), (":scheme", "http"), (":path", "/x"), (":authority", "y")]
STREAMS = st.sampled_from([0, 1, 3, 5, 2, 99])
FLAGS = st.sampled_from([0, 1, 4, 5, 8, 0x20, 0xFF])
BODIES = st.sampled_from(
    [
        b"",
        grpc_message(REPLY),
        grpc_message(REPLY)[:7],
        grpc_message(b"\xff"),
        grpc_message(b"x", compressed=True),
        b"\0\x7f\xff\xff\xff",
        b"\x09\0\0\0\x01a",
        b"\x02" + grpc_message(REPLY),
    ]
)


@st.composite
def frames(draw: st.DrawFn) -> Any:
    """Draw a function from an HPACK encoder to bytes."""
    kind = draw(st.sampled_from(["headers", "data", "other", "noise"]))
    stream_id, flags = draw(STREAMS), draw(FLAGS)
    if kind == "headers":
        fields = draw(st.sampled_from(HEADER_SETS))
        end = draw(st.sampled_from([4, 5, 4, 5, 0]))
        return lambda encoder: raw_frame(1, end, stream_id, encoder.encode(fields))
    if kind == "data":
        body = draw(BODIES)
        return lambda _: raw_frame(0, flags & 1, stream_id, body)
    if kind == "other":
        type_ = draw(st.integers(2, 12))
        body = draw(st.binary(max_size=20))
        return lambda _: raw_frame(type_, flags, stream_id, body)
    noise = draw(st.binary(max_size=40))
    return lambda _: noise


class Frames(RuleBasedStateMachine):
    """One connection, fed with anything; calls open in between."""

    def __init__(self) -> None:
        super().__init__()
        options = ClientOptions(endpoint="x:1", plaintext=True)
        self.protocol: Protocol = make_protocol(options, Outbox())
        self.encoder = Encoder()
        self.streams: list[CallStream] = []
        self.lost = False
        self.feed(raw_frame(4, 0, 0))

    def feed(self, data: bytes) -> None:
        self.protocol.data_received(data)

    @precondition(lambda self: self.protocol.connection.usable and len(self.streams) < 6)
    @rule()
    def open_a_call(self) -> None:
        stream = self.protocol.connection.create_stream()
        stream.open(REQUEST)
        stream.send_some(grpc_message(b""), 0)
        self.streams.append(stream)

    @precondition(lambda self: not self.lost)
    @rule(make=frames(), cut=st.integers(0, 60))
    def receive(self, make: Any, cut: int) -> None:
        data = make(self.encoder)
        self.feed(data[:cut])
        self.feed(data[cut:])

    @precondition(lambda self: any(s.cutter.messages for s in self.streams))
    @rule()
    def consume(self) -> None:
        for stream in self.streams:
            if stream.cutter.messages and stream.cutter.encoding == "identity":
                stream.drop_message()
            else:
                stream.expect_more()

    @precondition(lambda self: self.streams)
    @rule(index=st.integers(0, 5))
    def cancel(self, index: int) -> None:
        stream = self.streams[index % len(self.streams)]
        stream.cancel()

    @rule(last=st.sampled_from([0, 1, 3, 1 << 30]))
    def goaway(self, last: int) -> None:
        self.protocol.connection.drain(GoAway(last, 0, b""))

    @rule(error=st.sampled_from([None, OSError("gone")]))
    def lose(self, error: OSError | None) -> None:
        self.protocol.connection_lost(error)
        self.lost = True

    @invariant()
    def after_the_connection_every_call_has_ended(self) -> None:
        if self.protocol.connection.loss is None:
            return
        for stream in self.streams:
            assert stream.ended or stream.failure is not None
            if stream.failure is not None:
                assert isinstance(stream.failure(), MxGatewayError)
            assert stream.processed in ("no", "maybe")

    def teardown(self) -> None:
        self.protocol.connection_lost(None)
        self.after_the_connection_every_call_has_ended()


TestFrameSequences = pytest.mark.requirement("call.no-trailers")(Frames.TestCase)
Frames.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)


@pytest.mark.requirement("err.no-leaks")
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(script=st.lists(frames(), max_size=8), streaming=st.booleans())
async def test_a_live_call_meets_any_frames_and_ends_in_the_tree(
    script: list[Any], streaming: bool
) -> None:
    async def serve(connection: PeerConnection) -> None:
        await connection.request()
        encoder = Encoder()
        for make in script:
            await connection.raw(make(encoder))
        await connection.close()

    async with scripted_peer(serve) as peer, channel_to(peer) as channel:
        try:
            with anyio.fail_after(5):
                if streaming:
                    async for item in stream_events(channel):
                        assert item.worker_sequence >= 0
                else:
                    assert await open_session(channel, timeout=None) in ("session-1", "")
        except MxGatewayError:
            pass
