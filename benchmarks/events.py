"""Decoded events per second of one stream: ours on asyncio and trio beside grpcio aio.

Ours is measured twice: the raw stream, and typed events through the hub of a session.

All clients read the same canned data-change events of 124 bytes, one DATA frame
each, from `replay_server.py` in a process of its own, and add up the sequence
numbers, which proves that every event was decoded. Each measurement runs in a fresh
process after a warm-up stream; rounds are interleaved, so that a slow moment of
the machine hits all clients alike. The verdict compares best rounds.

    python benchmarks/events.py [--rounds N] [--events N] [--json]

Exit code 0 when all of ours reach the target, else 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MESSAGE_SIZE = 124
DISTINCT = 2_000
FIRST_SEQUENCE = 20_000  # three varint bytes, like most sequences of a long session
TARGET = 1.3
REFERENCE = "grpcio aio + protobuf"
CLIENTS = {
    REFERENCE: "grpcio",
    "raw stream on asyncio": "asyncio",
    "raw stream on trio": "trio",
    "typed, by hub, on asyncio": "asyncio-hub",
    "typed, by hub, on trio": "trio-hub",
}


def google_messages() -> Any:
    """Return Google's modules of the contract, as the tests generate them."""
    sys.path.insert(0, str(ROOT / "tests"))
    from google_messages import load_google_modules

    return load_google_modules()


def canned_messages() -> bytes:
    """Return `DISTINCT` data-change events, each of exactly `MESSAGE_SIZE` bytes."""
    pb = google_messages().gateway_pb2
    messages = []
    for index in range(DISTINCT):
        event = pb.MxEvent(
            family=pb.MX_EVENT_FAMILY_ON_DATA_CHANGE,
            session_id="session-0123456789abcdef0123456789abcdef",
            server_handle=1,
            item_handle=2 + index % 100,
            value=pb.MxValue(
                data_type=pb.MX_DATA_TYPE_DOUBLE, variant_type="VT_R8", double_value=20 + index / 7
            ),
            quality=192,
            statuses=[pb.MxStatusProxy(category=pb.MX_STATUS_CATEGORY_OK)],
            worker_sequence=FIRST_SEQUENCE + index,
            on_data_change=pb.OnDataChangeEvent(),
        )
        for number, stamp in enumerate(
            (event.source_timestamp, event.worker_timestamp, event.gateway_receive_timestamp)
        ):
            stamp.seconds = 1_760_000_000 + index
            stamp.nanos = 500_000_100 + 100 * (index + number)
        messages.append(event.SerializeToString())
    sizes = {len(message) for message in messages}
    if sizes != {MESSAGE_SIZE}:
        raise RuntimeError(f"canned events have {sizes} bytes, not {MESSAGE_SIZE}")
    return b"".join(messages)


def expected_sum(events: int) -> int:
    """Return the sum of the sequence numbers of the first `events` events of a stream."""
    rounds, rest = divmod(events, DISTINCT)
    whole = DISTINCT * FIRST_SEQUENCE + DISTINCT * (DISTINCT - 1) // 2
    return rounds * whole + rest * FIRST_SEQUENCE + rest * (rest - 1) // 2


async def read_with_grpcio(port: int) -> list[tuple[float, int]]:
    """Read two streams with grpcio's asyncio client; return seconds and sum of each."""
    import grpc.aio

    modules = google_messages()
    results = []
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = modules.gateway_grpc.MxAccessGatewayStub(channel)
        for _ in range(2):
            total = 0
            start = time.perf_counter()
            async for event in stub.StreamEvents(modules.gateway_pb2.StreamEventsRequest()):
                total += event.worker_sequence
            results.append((time.perf_counter() - start, total))
    return results


async def read_with_hub(port: int) -> list[tuple[float, int]]:
    """Read two streams as typed events through a session's hub; return seconds and sum of each."""
    from mxgateway import GatewayClient

    # The canned sequence starts over again and again, which the hub notes.
    logging.getLogger("mxgateway.events").setLevel(logging.ERROR)
    results = []
    async with await GatewayClient.connect(endpoint=f"127.0.0.1:{port}", plaintext=True) as client:
        for _ in range(2):
            total = 0
            session = client.session("canned")
            start = time.perf_counter()
            async for event in session.stream_events():
                total += event.worker_sequence
            results.append((time.perf_counter() - start, total))
    return results


async def read_with_mxgateway(port: int) -> list[tuple[float, int]]:
    """Read two raw streams with our client; return seconds and sum of each."""
    from mxgateway import GatewayClient
    from mxgateway.generated.mxaccess_gateway.v1 import StreamEventsRequest

    results = []
    async with await GatewayClient.connect(endpoint=f"127.0.0.1:{port}", plaintext=True) as client:
        for _ in range(2):
            total = 0
            start = time.perf_counter()
            async for event in client.stream_events_raw(StreamEventsRequest(session_id="canned")):
                total += event.worker_sequence
            results.append((time.perf_counter() - start, total))
    return results


def work(client: str, port: int, events: int) -> None:
    """Measure one client in this process; print seconds of the stream after the warm-up."""
    if client == "grpcio":
        results = asyncio.run(read_with_grpcio(port))
    else:
        import anyio

        backend, _, hub = client.partition("-")
        results = anyio.run(read_with_hub if hub else read_with_mxgateway, port, backend=backend)
    for _, total in results:
        if total != expected_sum(events):
            raise RuntimeError(f"{client}: sum {total}, expected {expected_sum(events)}")
    print(json.dumps(results[-1][0]))


@contextmanager
def replay_server(events: int) -> Iterator[int]:
    """Run the replay server in a process of its own; yield its port."""
    with tempfile.TemporaryDirectory(prefix="replay-") as folder:
        messages = Path(folder) / "messages.bin"
        messages.write_bytes(canned_messages())
        script = str(Path(__file__).with_name("replay_server.py"))
        arguments = ["--messages", str(messages), "--message-size", str(MESSAGE_SIZE)]
        with subprocess.Popen(
            [sys.executable, script, *arguments, "--count", str(events)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"the replay server ended with {process.wait()}")
            yield int(line)
            process.communicate()  # closes its stdin, which ends it


def measure(client: str, port: int, events: int) -> float:
    """Return the events per second of one round of `client`."""
    arguments = ["--worker", client, "--port", str(port), "--events", str(events)]
    done = subprocess.run(
        [sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    return events / float(json.loads(done.stdout))


def summary(rates: dict[str, list[float]]) -> dict[str, Any]:
    """Return best and median per client, the ratios to the reference's best, and the verdict."""
    reference = max(rates[REFERENCE])
    clients = {
        name: {
            "best": round(max(values)),
            "median": round(statistics.median(values)),
            "ratio": round(max(values) / reference, 3),
        }
        for name, values in rates.items()
    }
    reached = all(c["ratio"] >= TARGET for name, c in clients.items() if name != REFERENCE)
    return {"clients": clients, "target": TARGET, "reached": reached}


def main() -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(description="Decoded events per second of one stream.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", type=int, default=60_000, help="events per stream")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--worker", choices=CLIENTS.values(), help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.worker, options.port, options.events)
        return 0

    rates: dict[str, list[float]] = {name: [] for name in CLIENTS}
    with replay_server(options.events) as port:
        for _ in range(options.rounds):
            for name, client in CLIENTS.items():
                rates[name].append(measure(client, port, options.events))
    result = summary(rates) | {"rounds": options.rounds, "events": options.events}
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        print(
            f"One stream of {options.events} data-change events of {MESSAGE_SIZE} bytes, decoded, "
            f"{options.rounds} interleaved rounds, events/s"
        )
        print(f"  {'client':26} {'best':>10} {'median':>10} {'best to grpcio best':>21}")
        for name, row in result["clients"].items():
            print(f"  {name:26} {row['best']:>10,} {row['median']:>10,} {row['ratio']:>20.2f}x")
        verdict = "reached" if result["reached"] else "MISSED"
        print(f"  target {TARGET}x on both loops: {verdict}")
    return 0 if result["reached"] else 1


if __name__ == "__main__":
    sys.exit(main())
