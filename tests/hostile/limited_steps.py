"""A client that may take so much memory and no more, run as a process by test_hostile_memory.py.

python limited_steps.py BACKEND MEBIBYTES ORDER STEP=HOST:PORT[,OPTION=NUMBER...]...

ORDER is `together`, or `one-by-one`. The limit is one of the system (RLIMIT_AS), counted from
what the process has once everything is loaded. Prints one JSON object: how each step ended.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

import mxgateway.browse
import mxgateway.codec.decoder  # noqa: F401 - before the limit is set
from mxgateway import GalaxyRepositoryClient, GatewayClient, HierarchyTree, MxGatewayError
from mxgateway.alarms.kept import collect_alarms

BACKEND, MEBIBYTES, ORDER, *STEPS = sys.argv[1:]
MIB = 1 << 20


async def discover(client: GatewayClient) -> None:
    await GalaxyRepositoryClient.on(client).discover_hierarchy()


async def tree(client: GatewayClient) -> None:
    objects = await GalaxyRepositoryClient.on(client).discover_hierarchy()
    HierarchyTree(objects, max_depth=client.options.max_depth)


async def iterate(client: GatewayClient) -> None:
    async for _ in GalaxyRepositoryClient.on(client).iter_hierarchy(restart=True):
        pass


async def browse(client: GatewayClient) -> None:
    nodes = await GalaxyRepositoryClient.on(client).browse()
    while nodes:
        await nodes[0].expand()
        nodes = nodes[0].children


async def follow(client: GatewayClient) -> None:
    async with client.follow_alarms() as feed:
        async for _ in feed:
            pass


async def query(client: GatewayClient) -> None:
    await collect_alarms(client.query_active_alarms(timeout=60), client.options.max_alarms)


async def session(client: GatewayClient) -> None:
    await client.open_session()


KINDS: dict[str, Callable[[GatewayClient], Awaitable[None]]] = {
    "discover": discover,
    "tree": tree,
    "iterate": iterate,
    "browse": browse,
    "follow": follow,
    "query": query,
    "session": session,
}


async def outcome(step: str) -> dict[str, Any]:
    kind, _, rest = step.partition("=")
    endpoint, *options = rest.split(",")
    fields: dict[str, Any] = {}
    for option in options:
        name, _, number = option.partition("=")
        fields[name] = float(number) if "timeout" in name else int(number)
    try:
        async with GatewayClient.connect(endpoint=endpoint, plaintext=True, **fields) as client:
            with anyio.fail_after(60):
                await KINDS[kind](client)
    except MxGatewayError as error:
        return error.to_dict()
    except BaseException as error:
        return {"type": type(error).__name__, "message": str(error)}
    return {"type": "none", "message": ""}


def taken() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


async def main() -> None:
    # Threads bring their stacks and arenas; they are there before the limit.
    await anyio.to_thread.run_sync(gc.collect)
    soft = taken() + int(MEBIBYTES) * MIB
    resource.setrlimit(resource.RLIMIT_AS, (soft, soft))
    outcomes: list[dict[str, Any]] = [{} for _ in STEPS]

    async def take(n: int) -> None:
        outcomes[n] = await outcome(STEPS[n])

    for n in range(len(STEPS) if ORDER == "one-by-one" else 0):
        await take(n)
    async with anyio.create_task_group() as tasks:
        for n in range(len(STEPS) if ORDER == "together" else 0):
            tasks.start_soon(take, n)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"outcomes": outcomes, "peakMiB": peak, "threads": threading.active_count()}))


anyio.run(main, backend=BACKEND)
