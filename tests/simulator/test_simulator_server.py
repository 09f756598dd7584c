"""Listening, TLS, bad requests, and a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import ssl
import warnings
from collections import deque
from typing import Any

import anyio
import h2.events
import hpack
import pytest
from grpclib.const import Status
from simulator.raw_peer import RawPeer

from mxgateway.errors import ConfigurationError
from mxgateway.generated.galaxy_repository.v1 import (
    TestConnectionRequest,
)
from mxgateway.generated.mxaccess_gateway.v1 import (
    MxCommandKind,
    OpenSessionRequest,
    PingCommand,
    StreamEventsRequest,
)
from mxgateway.simulator import Settings, Simulator, ThreadedSimulator, TlsFiles
from mxgateway.simulator.proxy.frames import PREFACE, Frame, FrameCutter, make_frame


def framed(message: bytes, *, size: int | None = None, flag: bytes = b"\0") -> bytes:
    return flag + (len(message) if size is None else size).to_bytes(4, "big") + message


# -- listening ---------------------------------------------------------------------


async def test_port_zero_takes_a_free_port_and_the_endpoint_names_it(sim: Simulator) -> None:
    assert sim.port > 0
    assert sim.endpoint == f"127.0.0.1:{sim.port}"
    assert sim.plaintext
    assert sim.ca_file is None


async def test_a_port_in_use_is_an_error_that_says_so(sim: Simulator) -> None:
    other = Simulator(port=sim.port)
    with pytest.raises(OSError, match=f"127.0.0.1:{sim.port}.*another port"):
        await other.start()
    await other.stop()


@pytest.mark.parametrize(
    "arguments", [{"interval": 0}, {"interval": -1}, {"interval": float("nan")}, {"port": 70_000}]
)
def test_wrong_arguments_are_a_configuration_error(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(arguments))):
        Simulator(**arguments)


async def test_before_the_start_there_is_no_endpoint() -> None:
    with pytest.raises(RuntimeError, match="does not run"):
        _ = Simulator().endpoint


async def test_starting_twice_is_an_error(sim: Simulator) -> None:
    with pytest.raises(ConfigurationError, match="runs already"):
        await sim.start()


# -- connections without a word ----------------------------------------------------


async def until_closed(port: int, said: bytes = b"") -> None:
    """Connect, say no more than this, and return once the other side has closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(said)
        with anyio.fail_after(10), contextlib.suppress(ConnectionError):
            while await reader.read(4096):
                pass
    finally:
        writer.close()


@pytest.mark.parametrize("said", [b"", PREFACE[:10], PREFACE, PREFACE + b"\0\0\6\4\0\0\0\0"])
async def test_a_connection_that_does_not_begin_http2_is_closed(said: bytes) -> None:
    async with Simulator(interval=None, settings=Settings(preface_timeout=0.5)) as sim:
        async with RawPeer(sim.port, sim.api_key) as idle:
            assert await idle.read()
            await until_closed(sim.port, said)
            # Who has begun may be silent for as long as they like.
            call = idle.call("OpenSession", framed(bytes(OpenSessionRequest())))
            assert (await idle.trailers(call))["grpc-status"] == "0"
        assert sim.audit.connections_opened == 2


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01"])
def test_a_tls_handshake_has_to_end(tls_files: Any, said: bytes) -> None:
    files = TlsFiles(tls_files.cert_file, tls_files.key_file)
    settings = Settings(preface_timeout=0.3)
    # In a loop without debug mode, which tells every handshake that fails.
    with ThreadedSimulator(interval=None, tls=files, settings=settings) as sim:
        with socket.create_connection(("127.0.0.1", sim.port), 10) as peer:
            peer.sendall(said)
            with contextlib.suppress(ConnectionError):
                assert peer.recv(1) == b""
        assert sim.audit.connections_opened == 0


async def test_one_connection_too_many_is_closed_until_another_leaves(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Simulator(interval=None, settings=Settings(connection_limit=2)) as sim:
        async with RawPeer(sim.port, sim.api_key), RawPeer(sim.port, sim.api_key):
            await sim.wait_for(lambda s: len(s.listener.connections) == 2)
            for _ in range(3):
                await until_closed(sim.port)
            assert len(sim.listener.connections) == 2
        await sim.wait_for(lambda s: not s.listener.connections)
        async with RawPeer(sim.port, sim.api_key) as third:
            assert await third.read()
        assert [m for m in caplog.messages if "connection_limit" in m] == [
            "2 connections are open, which is the connection_limit; others are closed"
        ]
        await sim.wait_for(lambda s: s.audit.connections_closed == 6)


# -- TLS ---------------------------------------------------------------------------


@pytest.mark.rule("transport.plain-and-tls")
@pytest.mark.parametrize("form", ["files", "context"])
async def test_tls_serves_http2_to_who_trusts_the_authority(
    connect: Any, tls_files: Any, form: str
) -> None:
    tls: Any = (
        TlsFiles(tls_files.cert_file, tls_files.key_file)
        if form == "files"
        else tls_files.server_context()
    )
    async with Simulator(interval=None, tls=tls, ca_file=tls_files.ca_file) as sim:
        assert not sim.plaintext
        assert sim.ca_file == str(tls_files.ca_file)
        context = ssl.create_default_context(cafile=sim.ca_file)
        context.set_alpn_protocols(["h2"])
        user = await connect(sim, ssl=context)
        await user.advised("SimProbe_001.TestInt")
        async with user.events() as stream:
            assert (await stream.next()).worker_sequence == 1
        user.channel.close()


async def test_a_client_that_does_not_trust_the_authority_does_no_harm(
    connect: Any, tls_files: Any
) -> None:
    tls = TlsFiles(tls_files.cert_file, tls_files.key_file)
    # In a thread: asyncio's debug mode, which these tests run in, reports every failed
    # handshake of a server to the loop's exception handler.
    with ThreadedSimulator(interval=None, tls=tls, ca_file=tls_files.ca_file) as sim:
        stranger = ssl.create_default_context()
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection("127.0.0.1", sim.port, ssl=stranger)
        context = ssl.create_default_context(cafile=sim.ca_file)
        context.set_alpn_protocols(["h2"])
        user = await connect(sim, ssl=context)
        assert user.session_id
        user.channel.close()


def test_a_certificate_file_is_what_clients_trust_unless_told_otherwise(tls_files: Any) -> None:
    sim = Simulator(tls=TlsFiles(tls_files.cert_file, tls_files.key_file))
    assert sim.ca_file == str(tls_files.cert_file)


def test_tls_files_that_do_not_fit_are_a_configuration_error(
    tls_files: Any, stranger_tls_files: Any, tmp_path: Any
) -> None:
    for key in (stranger_tls_files.key_file, tmp_path / "missing.pem"):
        with pytest.raises(ConfigurationError, match="cannot load"):
            Simulator(tls=TlsFiles(tls_files.cert_file, key))


# -- services ------------------------------------------------------------------------


@pytest.mark.rule("galaxy.test-connection")
async def test_the_repository_answers_a_connection_test(sim: Simulator, user: Any) -> None:
    assert (await user.galaxy.test_connection(TestConnectionRequest())).ok


# -- bad requests ----------------------------------------------------------------------


@pytest.mark.rule("transport.message-size")
@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (framed(b"\xff\xff\xff"), Status.INTERNAL, "OpenSessionRequest"),
        (framed(b"", size=5000), Status.RESOURCE_EXHAUSTED, "5000"),
        (framed(b"\x0a", size=40), Status.INTERNAL, "cut off"),
        (framed(b"", flag=b"\1"), Status.UNIMPLEMENTED, "compressed"),
        (b"\0\0", Status.INTERNAL, "cut off"),
        (b"", Status.INTERNAL, "no request message"),
    ],
    ids=["garbage", "too-large", "cut-off", "compressed", "half-a-prefix", "empty"],
)
async def test_a_bad_request_ends_its_call_only(body: bytes, status: Status, text: str) -> None:
    async with Simulator(interval=None, settings=Settings(max_message_bytes=4096)) as sim:
        async with RawPeer(sim.port, sim.api_key) as peer:
            trailers = await peer.trailers(peer.call("OpenSession", body))
            assert trailers["grpc-status"] == str(status.value)
            assert text in trailers["grpc-message"]
            good = framed(bytes(OpenSessionRequest()))
            trailers = await peer.trailers(peer.call("OpenSession", good))
            assert trailers["grpc-status"] == "0"


async def test_an_unknown_frame_and_an_unknown_method_do_no_harm(sim: Simulator) -> None:
    async with RawPeer(sim.port, sim.api_key) as peer:
        peer.writer.write(b"\0\0\4\xbe\0\0\0\0\0" + b"what")
        trailers = await peer.trailers(peer.call("/no.such.Service/Method", framed(b"")))
        assert trailers["grpc-status"] == str(Status.UNIMPLEMENTED.value)
        good = framed(bytes(OpenSessionRequest()))
        assert (await peer.trailers(peer.call("OpenSession", good)))["grpc-status"] == "0"


async def test_a_client_that_speaks_no_http2_is_dropped(sim: Simulator) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", sim.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: simulator\r\n\r\n")
    with anyio.fail_after(5):
        while await reader.read(1024):
            pass
        writer.close()
        await writer.wait_closed()
        await sim.wait_for(lambda s: s.audit.connections_closed == 1)


async def test_a_call_that_crosses_the_last_goaway_is_refused_as_not_processed(
    sim: Simulator,
) -> None:
    session = sim.gateway.open_session("raw", None)
    reader, writer = await asyncio.open_connection("127.0.0.1", sim.port)
    encoder = hpack.Encoder()

    def call(stream_id: int, method: str, message: bytes) -> bytes:
        headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", f"/mxaccess_gateway.v1.MxAccessGateway/{method}"),
            (":authority", "simulator"),
            ("te", "trailers"),
            ("content-type", "application/grpc+proto"),
            ("authorization", f"Bearer {sim.api_key}"),
        ]
        block = encoder.encode(headers)
        return make_frame("HEADERS", stream_id, block, 0x4) + make_frame(
            "DATA", stream_id, framed(message), 0x1
        )

    async def read(kind: str) -> Frame:
        with anyio.fail_after(5):
            while True:
                for piece in cutter.feed(await reader.read(1 << 16)):
                    assert isinstance(piece, Frame)
                    frames.append(piece)
                while frames:
                    frame = frames.popleft()
                    if frame.kind == kind:
                        return frame

    cutter = FrameCutter(preface=False)
    frames: deque[Frame] = deque()
    request = bytes(StreamEventsRequest(session_id=session.id))
    writer.write(PREFACE + make_frame("SETTINGS") + call(1, "StreamEvents", request))
    await sim.wait_for(lambda s: s.audit.streams_open == 1)
    await sim.faults.goaway(debug="restart")
    ping = await read("PING")
    writer.write(make_frame("PING", 0, ping.payload, 0x1))
    assert (await read("GOAWAY")).payload == b"\0\0\0\1\0\0\0\0restart"
    writer.write(call(3, "OpenSession", b""))
    refused = await read("RST_STREAM")
    assert (refused.stream_id, refused.payload) == (3, b"\0\0\0\7")
    assert sim.audit.calls["OpenSession"] == 0
    assert sim.audit.connections_closed == 0
    session.close("client-close")
    await sim.wait_for(lambda s: s.audit.connections_closed == 1)
    writer.close()
    await writer.wait_closed()


# -- the end -----------------------------------------------------------------------------


@pytest.mark.rule("status.shutdown")
async def test_stopping_ends_open_streams_as_unavailable_then_says_goaway() -> None:
    sim = Simulator(interval=None)
    await sim.start()
    session = sim.gateway.open_session("raw", None)
    async with RawPeer(sim.port, sim.api_key) as peer:
        request = framed(bytes(StreamEventsRequest(session_id=session.id)))
        stream_id = peer.call("StreamEvents", request)
        await sim.wait_for(lambda s: s.audit.streams_open == 1)
        stop = asyncio.create_task(sim.stop())
        trailers = await peer.trailers(stream_id)
        assert trailers["grpc-status"] == str(Status.UNAVAILABLE.value)
        while await peer.read():
            pass
        assert any(isinstance(e, h2.events.ConnectionTerminated) for e in peer.events)
        peer.writer.close()
        with anyio.fail_after(5):
            await stop
    assert sim.audit.streams_cancelled == 0
    assert sim.audit.connections_closed == 1


async def test_stopping_does_not_wait_for_a_client_that_never_closes(
    connect: Any, tls_files: Any
) -> None:
    tls = TlsFiles(tls_files.cert_file, tls_files.key_file)
    sim = Simulator(interval=None, tls=tls)
    await sim.start()
    context = ssl.create_default_context(cafile=tls_files.ca_file)
    loop = asyncio.get_running_loop()

    def dial() -> ssl.SSLSocket:
        raw = socket.create_connection(("127.0.0.1", sim.port))
        return context.wrap_socket(raw, server_hostname="localhost")

    silent = await loop.run_in_executor(None, dial)
    try:
        await sim.wait_for(lambda s: s.audit.connections_opened == 1)
        with anyio.fail_after(5):
            await sim.stop()
        assert sim.audit.connections_closed == 1
    finally:
        silent.close()


async def test_nothing_is_left_behind_after_a_busy_end(connect: Any) -> None:
    before = asyncio.all_tasks()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # A queue that a slow machine does not fill while everything is being advised.
        settings = Settings(queue_limit=1_000_000)
        async with Simulator(interval=0.05, settings=settings) as sim:
            user = await connect(sim)
            for tag in sim.plant:
                await user.advised(tag.reference)
            async with user.events() as stream:
                await stream.take(300)
            user.channel.close()
            await sim.wait_for(lambda s: s.audit.connections_closed == 1)
        gc.collect()
    assert asyncio.all_tasks() == before
    assert sim.session_count == 0


async def test_stop_may_be_repeated_and_the_plant_stays_readable() -> None:
    async with Simulator(interval=None) as sim:
        await sim.set_value("Tank_001.Level", 12.0)
    await sim.stop()
    assert sim.plant["Tank_001.Level"].value == 12.0


async def test_waiting_for_what_does_not_happen_times_out(sim: Simulator) -> None:
    with pytest.raises(TimeoutError, match="did not reach"):
        await sim.wait_for(lambda s: s.session_count == 99, timeout=0.01)
    with pytest.raises(ZeroDivisionError):
        await sim.wait_for(lambda s: s.session_count / 0 > 1)


async def test_many_calls_share_one_connection(sim: Simulator, user: Any) -> None:
    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(user.invoke, MxCommandKind.PING, PingCommand())
    assert sim.audit.commands["PING"] == 50
    assert sim.audit.connections_opened == 1
