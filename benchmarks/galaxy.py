"""Time and memory of walking a large galaxy: discovered, iterated, browsed, indexed, searched.

The simulator runs in a process of its own. Each way of walking runs in a fresh process
as well, so that its peak memory is its own; `idle` is a process that has connected and
walked nothing. Every way checks the number of objects and attributes that it received.

    python benchmarks/galaxy.py [--objects N] [--attributes N] [--rounds N] [--json]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WAYS = ("idle", "discover", "skeletons", "iterate", "browse", "tree")
LOOPS = ("asyncio", "trio")


def resident_mib(pid: str = "self") -> tuple[float, float]:
    """Return resident memory of a process, now and at its peak, in MiB; zeros off Linux."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0, 0.0
    fields = dict(line.split(":", 1) for line in status.splitlines())
    now, peak = (int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return now, peak


async def walk(way: str, port: int, key: str) -> dict[str, Any]:
    """Walk the galaxy in one way; return what it took."""
    from mxgateway import DiscoverHierarchyOptions, GalaxyRepositoryClient, HierarchyTree

    result: dict[str, Any] = {"objects": 0, "attributes": 0}
    async with GalaxyRepositoryClient.connect(
        endpoint=f"127.0.0.1:{port}", api_key=key, plaintext=True
    ) as galaxy:
        await galaxy.test_connection()
        start = time.perf_counter()
        if way in {"discover", "skeletons", "tree"}:
            options = DiscoverHierarchyOptions(
                include_attributes=False if way == "skeletons" else None
            )
            objects = await galaxy.discover_hierarchy(options)
            result["objects"] = len(objects)
            result["attributes"] = sum(len(found.attributes) for found in objects)
        if way == "tree":
            # Measured behind the discovery, not with it.
            start = time.perf_counter()
            tree = HierarchyTree(objects)
            result["build_seconds"] = time.perf_counter() - start
            for name, pattern in (
                ("first_search", "*.attr_007"),
                ("search", "device_00*.attr_003"),
            ):
                begin = time.perf_counter()
                result[f"{name}_hits"] = len(tree.find(pattern))
                result[f"{name}_seconds"] = time.perf_counter() - begin
        elif way == "iterate":
            async for found in galaxy.iter_hierarchy():
                if not result["objects"]:
                    result["first_object_seconds"] = time.perf_counter() - start
                result["objects"] += 1
                result["attributes"] += len(found.attributes)
        elif way == "browse":
            waiting = await galaxy.browse()
            while waiting:
                node = waiting.pop()
                result["objects"] += 1
                result["attributes"] += len(node.object.attributes)
                if node.has_children_hint:
                    await node.expand()
                    waiting.extend(node.children)
        result["seconds"] = time.perf_counter() - start
        result["resident_mib"], result["peak_mib"] = resident_mib()
    return result


def serve(objects: int, attributes: int) -> None:
    """Serve a galaxy until stdin ends; print port and key."""
    from mxgateway.simulator import ThreadedSimulator, scale_galaxy

    galaxy = scale_galaxy(objects, attributes)
    with ThreadedSimulator(interval=None, galaxy=galaxy) as sim:
        print(json.dumps([sim.port, sim.api_key]), flush=True)
        ended = threading.Thread(target=sys.stdin.read)
        ended.start()
        ended.join()


@contextmanager
def server(objects: int, attributes: int) -> Iterator[tuple[int, str, int]]:
    """Run the simulator in a process of its own; yield port, key and process id."""
    arguments = ["--serve", "--objects", str(objects), "--attributes", str(attributes)]
    with subprocess.Popen(
        [sys.executable, __file__, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the simulator ended with {process.wait()}")
        port, key = json.loads(line)
        yield port, key, process.pid
        process.communicate()  # closes its stdin, which ends it


def measure(way: str, loop: str, port: int, key: str) -> dict[str, Any]:
    """Return what one walk took, in a fresh process."""
    arguments = ["--way", way, "--loop", loop, "--port", str(port), "--key", key]
    done = subprocess.run(
        [sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def check(way: str, result: dict[str, Any], objects: int, attributes: int) -> None:
    """Refuse figures of a walk that did not receive everything."""
    expected = {
        "idle": (0, 0),
        "skeletons": (objects, 0),
    }.get(way, (objects, objects * attributes))
    if (result["objects"], result["attributes"]) != expected:
        raise RuntimeError(f"{way} received {result}, expected {expected}")


def run(objects: int, attributes: int, rounds: int) -> dict[str, Any]:
    """Return the best of several rounds for every way and loop."""
    rows: dict[str, dict[str, Any]] = {}
    with server(objects, attributes) as (port, key, pid):
        for _ in range(rounds):
            for way in WAYS:
                for loop in LOOPS:
                    result = measure(way, loop, port, key)
                    check(way, result, objects, attributes)
                    name = f"{way} on {loop}"
                    best = rows.get(name)
                    if best is None or result["seconds"] < best["seconds"]:
                        rows[name] = result
        served = {"peak_mib": round(resident_mib(str(pid))[1], 1)}
    for row in rows.values():
        row.update({name: round(value, 4) for name, value in row.items()})
    return {
        "objects": objects,
        "attributes_each": attributes,
        "rounds": rounds,
        "walks": rows,
        "server": served,
    }


def show(result: dict[str, Any]) -> None:
    """Print the figures as a table."""
    print(
        f"A galaxy of {result['objects']:,} objects with {result['attributes_each']} attributes "
        f"each, best of {result['rounds']} rounds"
    )
    print(f"  {'walk':22} {'seconds':>9} {'objects/s':>11} {'peak MiB':>10}")
    for name, row in result["walks"].items():
        if name.startswith("tree"):
            continue
        rate = f"{row['objects'] / row['seconds']:,.0f}" if row["objects"] else "-"
        seconds = f"{row['seconds']:.2f}" if row["objects"] else "-"
        print(f"  {name:22} {seconds:>9} {rate:>11} {row['peak_mib']:>10.1f}")
    for loop in LOOPS:
        first = result["walks"][f"iterate on {loop}"]["first_object_seconds"]
        print(f"  first object of iterate on {loop}: {first * 1000:.0f} ms")
    tree = result["walks"][f"tree on {LOOPS[0]}"]
    print(
        f"  HierarchyTree: built in {tree['build_seconds']:.2f} s; first search "
        f"{tree['first_search_seconds']:.2f} s ({tree['first_search_hits']:,} hits), "
        f"next {tree['search_seconds']:.2f} s ({tree['search_hits']:,} hits)"
    )
    print(f"  simulator process: peak {result['server']['peak_mib']} MiB")


def main() -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(description="Time and memory of walking a large galaxy.")
    parser.add_argument("--objects", type=int, default=20_000)
    parser.add_argument("--attributes", type=int, default=20, help="attributes of every object")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--loop", choices=LOOPS, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--key", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.objects, options.attributes)
        return 0
    if options.way:
        import anyio

        print(
            json.dumps(
                anyio.run(walk, options.way, options.port, options.key, backend=options.loop)
            )
        )
        return 0
    result = run(options.objects, options.attributes, options.rounds)
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        show(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
