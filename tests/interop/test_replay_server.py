"""The benchmark's replay server keeps the rules of HTTP/2 that a client depends on."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import grpc
import pytest
from google_messages import GoogleModules

from mxgateway import GatewayClient, StreamEventsRequest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
COUNT = 3_000  # several of the smallest windows
DISTINCT = 7


@contextmanager
def replay(messages: list[bytes], folder: Path) -> Iterator[int]:
    """Run the server on `messages`; yield its port."""
    file = folder / "messages.bin"
    file.write_bytes(b"".join(messages))
    with subprocess.Popen(
        [
            *(sys.executable, BENCHMARKS / "replay_server.py", "--messages", file),
            *("--message-size", str(len(messages[0])), "--count", str(COUNT)),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.communicate(timeout=10)
    assert process.returncode == 0


@pytest.fixture
def port(google: GoogleModules, tmp_path: Path) -> Iterator[int]:
    """The port of a server that repeats `DISTINCT` events."""
    events = [
        google.gateway_pb2.MxEvent(worker_sequence=number, raw_status="x" * 100)
        for number in range(1, DISTINCT + 1)
    ]
    with replay([event.SerializeToString() for event in events], tmp_path) as number:
        yield number


EXPECTED = [1 + index % DISTINCT for index in range(COUNT)]


async def test_our_client_reads_all_of_it_through_the_smallest_windows(port: int) -> None:
    with anyio.fail_after(10):
        async with await GatewayClient.connect(
            endpoint=f"127.0.0.1:{port}",
            plaintext=True,
            stream_window=65_535,
            connection_window=65_535,
        ) as client:
            for _ in range(2):
                stream = client.stream_events_raw(StreamEventsRequest(session_id="any"))
                assert [event.worker_sequence async for event in stream] == EXPECTED


async def test_a_stream_that_is_left_does_not_disturb_the_next(port: int) -> None:
    with anyio.fail_after(10):
        async with await GatewayClient.connect(
            endpoint=f"127.0.0.1:{port}", plaintext=True, stream_window=65_535
        ) as client:
            async with client.stream_events_raw(StreamEventsRequest(session_id="any")) as left:
                await anext(left)
            stream = client.stream_events_raw(StreamEventsRequest(session_id="any"))
            assert [event.worker_sequence async for event in stream] == EXPECTED


def test_grpcio_reads_all_of_it(port: int, google: GoogleModules) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = google.gateway_grpc.MxAccessGatewayStub(channel)
        events = stub.StreamEvents(google.gateway_pb2.StreamEventsRequest(), timeout=10)

        assert [event.worker_sequence for event in events] == EXPECTED


def test_the_benchmark_reports_all_clients() -> None:
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "events.py", "--rounds", "1", "--events", "500", "--json"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    # Whether the target is reached says nothing in so short a run; the exit code agrees with it.
    result = json.loads(done.stdout)
    assert done.returncode == (0 if result["reached"] else 1)
    assert set(result["clients"]) == {
        "grpcio aio + protobuf",
        "raw stream on asyncio",
        "raw stream on trio",
        "typed, by hub, on asyncio",
        "typed, by hub, on trio",
    }
    assert all(row["best"] > 0 for row in result["clients"].values())
