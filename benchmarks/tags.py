"""Tags by name beside the calls of a session: read, write, subscribe and updates of many tags.

The simulator runs in a process of its own. Each measurement has a new one, and a client
in a fresh process, on asyncio. Rounds of both ways are interleaved, and the best counts.
The calls of a session do the same work by hand: add and advise in bulk, follow the event
stream, write and wait, remove in bulk. Every value is counted. What counts is the
processor time of the client; the simulator needs more than that for the same values.

    python benchmarks/tags.py [--tags N] [--writes N] [--updates N] [--rounds N] [--json]

Exit code 0 when nothing was lost and no ratio is above the target, else 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mxgateway import DataChange, GatewayClient, TagValue
from mxgateway.generated.mxaccess_gateway.v1 import MxDataType
from mxgateway.simulator import Simulator, TagSpec

TARGET = 1.5
WAYS = ("session", "tags")
FULL = 4_000  # events that may wait in the simulator, whose queues hold 10,000


async def serve(tags: int) -> None:
    """Run the simulator; each line of stdin is a number of changes to make."""
    specs = [TagSpec(name, MxDataType.DOUBLE, 0.0) for name in names(tags)]
    async with Simulator(plant=specs, interval=None) as sim:
        print(json.dumps({"endpoint": sim.endpoint, "key": sim.api_key}), flush=True)
        plant = list(sim.plant)
        while line := await asyncio.to_thread(sys.stdin.readline):
            for number in range(int(line)):
                sim.plant.set(plant[number % tags], float(number + 1))
                if number % 200 == 0:
                    await sim.wait_for(has_room, 60)
                    await asyncio.sleep(0)


def has_room(sim: Simulator) -> bool:
    """Whether the queue of no session is too full for more changes."""
    return all(session.events.waiting <= FULL for session in sim.gateway.open_sessions)


def names(tags: int) -> list[str]:
    """Return the references of the plant."""
    return [f"Load_{number:05}.Value" for number in range(tags)]


@contextmanager
def simulator(tags: int) -> Iterator[tuple[str, str, Callable[[int], None]]]:
    """Run `serve` in a process; give its endpoint, its key, and what makes changes."""
    command = [sys.executable, __file__, "--serve", "--tags", str(tags)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        where = json.loads(server.stdout.readline())

        def change(count: int) -> None:
            print(count, file=server.stdin, flush=True)

        try:
            yield where["endpoint"], where["key"], change
        finally:
            server.stdin.close()


async def timed(results: dict[str, float], name: str, work: Awaitable[Any]) -> Any:
    """Await `work` and add how many seconds of the processor it took."""
    start = time.process_time()
    answer = await work
    results[name] = results.get(name, 0.0) + time.process_time() - start
    return answer


async def by_tags(
    client: GatewayClient, tags: list[str], writes: int, updates: int, change: Callable[[int], None]
) -> dict[str, float]:
    """Do all of it by tag name."""
    results: dict[str, float] = {}
    await client.read(tags[:1])  # opens the session

    async def read() -> None:
        assert all(value.good for value in await client.read(tags, timeout=300))

    async def write() -> None:
        done = await client.write_many(dict.fromkeys(tags[:writes], 1.5), timeout=300)
        assert all(each.ok for each in done)

    async def take(count: int) -> None:
        for _ in range(count):
            assert isinstance(await anext(updates_of), TagValue)

    async def first() -> None:
        await updates_of.__aenter__()
        await take(len(tags))

    await timed(results, "read", read())
    await timed(results, "write", write())
    updates_of = client.subscribe(tags, max_events=len(tags) + updates, max_bytes=1 << 30)
    await timed(results, "subscribe", first())
    change(updates)
    await timed(results, "updates", take(updates))
    await timed(results, "subscribe", updates_of.aclose())
    return results


async def by_session(
    client: GatewayClient, tags: list[str], writes: int, updates: int, change: Callable[[int], None]
) -> dict[str, float]:
    """Do all of it with the calls of a session."""
    results: dict[str, float] = {}
    session = await client.open_session("benchmark")
    server = await session.register("benchmark")
    events = session.stream_events(max_events=len(tags) + updates, max_bytes=1 << 30)
    await events.__aenter__()

    async def take(count: int) -> None:
        while count:
            event = await anext(events)
            if isinstance(event, DataChange):
                event.reading()
                count -= 1

    async def add(wanted: list[str]) -> list[int]:
        items = [one.item_handle for one in await session.subscribe_bulk(server, wanted)]
        await take(len(wanted))
        return items

    async def read() -> None:
        await session.unsubscribe_bulk(server, await add(tags))

    async def write() -> None:
        items = await add(tags[:writes])
        limit = asyncio.Semaphore(32)

        async def one(item: int) -> None:
            async with limit:
                assert (await session.write_and_wait(server, item, 1.5, data_type="double")).ok

        await asyncio.gather(*map(one, items))
        await take(len(items))
        await session.unsubscribe_bulk(server, items)

    await timed(results, "read", read())
    await timed(results, "write", write())
    items = await timed(results, "subscribe", add(tags))
    change(updates)
    await timed(results, "updates", take(updates))
    await timed(results, "subscribe", session.unsubscribe_bulk(server, items))
    await events.aclose()
    await session.close()
    return results


async def measure(way: str, options: argparse.Namespace) -> dict[str, float]:
    """Measure one way, in this process."""
    tags = names(options.tags)
    work = by_tags if way == "tags" else by_session
    with simulator(options.tags) as (endpoint, key, change):
        client = await GatewayClient.connect(endpoint=endpoint, api_key=key, plaintext=True)
        async with client:
            results = await work(client, tags, options.writes, options.updates, change)
    results["megabytes"] = peak_memory() or 0.0
    return results


def peak_memory() -> float | None:
    """Return the largest resident size of this process in MiB, where the system tells."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def run_all(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Measure both ways in turn, each in a fresh process; return the best of each."""
    best: dict[str, dict[str, float]] = {way: {} for way in WAYS}
    sizes = [f"--{name}={getattr(options, name)}" for name in ("tags", "writes", "updates")]
    for _ in range(options.rounds):
        for way in WAYS:
            done = subprocess.run(
                [sys.executable, __file__, f"--measure={way}", *sizes],
                stdout=subprocess.PIPE,
                check=True,
            )
            for name, value in json.loads(done.stdout).items():
                best[way][name] = min(value, best[way].get(name, value))
    return best


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--tags", type=int, default=10_000)
    parser.add_argument("--writes", type=int, default=1_000)
    parser.add_argument("--updates", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--measure", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.tags))
        return 0
    if options.measure:
        print(json.dumps(asyncio.run(measure(options.measure, options))))
        return 0
    best = run_all(options)
    ratios = {name: best["tags"][name] / best["session"][name] for name in best["tags"]}
    reached = all(ratio <= TARGET for ratio in ratios.values())
    if options.json:
        print(json.dumps({"best": best, "ratios": ratios, "target": TARGET, "reached": reached}))
        return 0 if reached else 1
    counts = dict.fromkeys(("read", "subscribe"), options.tags)
    counts |= {"write": options.writes, "updates": options.updates}
    print(f"{'':20}{'session':>12}{'tags':>12}{'ratio':>8}")
    for name, ratio in ratios.items():
        shown = "peak MiB" if name == "megabytes" else f"{name} {counts[name]:,}, s"
        print(f"{shown:20}{best['session'][name]:12.2f}{best['tags'][name]:12.2f}{ratio:8.2f}")
    print(f"target {TARGET:g}: {'reached' if reached else 'missed'}")
    return 0 if reached else 1


if __name__ == "__main__":
    raise SystemExit(main())
