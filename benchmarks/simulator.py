"""Changes per second that the simulator delivers: 10,000 advised tags, 20,000 changes/s in total.

The simulator runs in a process of its own, so on one core; a raw event stream of our
client reads in another. The tags change in groups, evenly over each second. Every
event is counted and its sequence number checked.

    python benchmarks/simulator.py [--tags N] [--rate N] [--seconds S] [--json]

Exit code 0 when nothing was lost and the rate was kept, else 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from typing import Any

from mxgateway.generated.mxaccess_gateway.v1 import MxDataType
from mxgateway.simulator import Simulator, TagSpec

STEP = 0.01  # seconds between two groups of changes
SLACK = 0.95  # part of the rate that counts as kept


async def serve(tags: int, rate: int, seconds: float) -> None:
    """Run the simulator: print where it is, move the tags, print what it cost."""
    specs = [TagSpec(f"Load_{n:05}.Value", MxDataType.DOUBLE, 0.0) for n in range(tags)]
    async with Simulator(plant=specs, interval=None) as sim:
        print(json.dumps({"endpoint": sim.endpoint, "key": sim.api_key}), flush=True)
        await sim.wait_for(lambda s: s.audit.streams_open == 1, 30)
        (session,) = sim.gateway.open_sessions
        registration = session.register("benchmark")
        for spec in specs:
            session.advise(session.add_item(registration, spec.reference, ""), supervisory=False)
        await sim.wait_for(lambda s: s.audit.events_sent == tags, 30)
        report = await move(sim, rate, seconds)
        print(json.dumps(report), flush=True)
        await asyncio.to_thread(sys.stdin.readline)  # until the reader is done


async def move(sim: Simulator, rate: int, seconds: float) -> dict[str, Any]:
    """Change the tags at a rate, in order, again and again; return what it cost."""
    plant = sim.plant
    tags = list(plant)
    loop = asyncio.get_running_loop()
    session = sim.gateway.open_sessions[0]
    done, deepest = 0, 0
    start, busy = loop.time(), time.process_time()
    while (passed := loop.time() - start) < seconds and not session.events.ended:
        for number in range(done, int(passed * rate)):
            plant.set(tags[number % len(tags)], float(number + 1))
            done = number + 1
        deepest = max(deepest, session.events.waiting)
        await asyncio.sleep(STEP)
    expected = len(tags) + done
    await sim.wait_for(lambda s: s.audit.events_sent >= expected or session.events.ended, 30)
    elapsed = loop.time() - start
    return {
        "changes": done,
        "overflowed": session.events.ended,
        "seconds": elapsed,
        "cpu": time.process_time() - busy,
        "deepest": deepest,
        "megabytes": peak_memory(),
    }


def peak_memory() -> float | None:
    """Return the largest resident size of this process in MiB, where the system tells."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


async def consume(endpoint: str, key: str, serving: subprocess.Popen[str]) -> dict[str, Any]:
    """Read events until the simulator says that it has sent the last one."""
    from mxgateway import GatewayClient, ResourceExhaustedError
    from mxgateway.generated.mxaccess_gateway.v1 import StreamEventsRequest

    assert serving.stdout is not None
    async with GatewayClient.connect(endpoint=endpoint, api_key=key, plaintext=True) as client:
        session = await client.open_session("benchmark")
        request = StreamEventsRequest(session_id=session.session_id)
        last = 0

        async def read() -> None:
            nonlocal last
            try:
                async for event in client.stream_events_raw(request):
                    if event.worker_sequence != last + 1:
                        raise RuntimeError(f"event {event.worker_sequence} follows {last}")
                    last = event.worker_sequence
            except ResourceExhaustedError:  # the queue overflowed; the report says so
                return

        reading = asyncio.create_task(read())
        report: dict[str, Any] = json.loads(await asyncio.to_thread(serving.stdout.readline))
        await session.close()
        await reading
    return report | {"received": last}


def main() -> int:
    """Run the benchmark and print its result; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tags", type=int, default=10_000)
    parser.add_argument("--rate", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(serve(arguments.tags, arguments.rate, arguments.seconds))
        return 0
    options = ["--tags", str(arguments.tags), "--rate", str(arguments.rate)]
    command = [sys.executable, __file__, "--serve", *options, "--seconds", str(arguments.seconds)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as serving:
        assert serving.stdout is not None
        where = json.loads(serving.stdout.readline())
        report = asyncio.run(consume(where["endpoint"], where["key"], serving))
        serving.communicate()  # closes its stdin, which ends it
    rate = report["changes"] / report["seconds"]
    load = report["cpu"] / report["seconds"]
    complete = report["received"] == arguments.tags + report["changes"]
    report |= {"rate": rate, "load": load, "complete": complete}
    if arguments.json:
        print(json.dumps(report, indent=2, sort_keys=True))
    else:
        print(
            f"{rate:,.0f} changes/s of {arguments.tags:,} tags for {report['seconds']:.1f} s, "
            f"{load:.0%} of a core, at most {report['deepest']:,} events waiting, "
            f"{report['megabytes'] or 0:.0f} MiB; "
            f"{'every event arrived' if complete else 'EVENTS ARE MISSING'}"
            f"{': the queue overflowed, the reader was too slow' if report['overflowed'] else ''}"
        )
    return 0 if complete and rate >= SLACK * arguments.rate else 1


if __name__ == "__main__":
    sys.exit(main())
