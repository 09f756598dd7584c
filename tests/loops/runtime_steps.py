"""What a client does with a gateway, run as a process of its own by test_absent_modules.py.

python runtime_steps.py BACKEND ENDPOINT API_KEY ABSENT

Our own code cannot import the module ABSENT: each try is recorded with its module and fails.
For other packages the module is there if it is asyncio, which grpclib imports, and not there
if it is trio. Prints one JSON object.
"""

from __future__ import annotations

import builtins
import importlib
import json
import pkgutil
import sys
from typing import Any

ABSENT = sys.argv[4]
OURS = ("mxgateway", "mxgateway_cli")
# They may use asyncio; pytest and the rest of a test run are not there for a user.
APART = ("mxgateway.simulator",)
tried: list[str] = []
original = builtins.__import__


def guarded(name: str, globals: Any = None, *rest: Any) -> Any:  # noqa: A002 - the signature
    caller = (globals or {}).get("__name__", "")
    ours = caller.split(".")[0] in OURS and not caller.startswith(APART)
    if ours and name.split(".")[0] == ABSENT:
        tried.append(f"{caller} imports {name}")
        raise ImportError(f"{ABSENT} is not for {caller}")
    return original(name, globals, *rest)


builtins.__import__ = guarded  # type: ignore[assignment]  # called in the same way
if ABSENT == "trio":
    sys.modules["trio"] = None  # type: ignore[assignment]  # what makes every import of it fail


def import_all() -> list[str]:
    """Import every runtime module; return their names."""
    names = []
    for root in OURS:
        package = importlib.import_module(root)
        for found in pkgutil.walk_packages(package.__path__, root + "."):
            if not found.name.startswith(APART):
                importlib.import_module(found.name)
                names.append(found.name)
    return names


async def steps() -> dict[str, Any]:
    """Use a session, its events, tags, alarms and the galaxy."""
    import anyio

    from mxgateway import GalaxyRepositoryClient, GatewayClient

    seen: dict[str, Any] = {}
    with anyio.fail_after(30):
        async with GatewayClient.connect(
            endpoint=sys.argv[2], api_key=sys.argv[3], plaintext=True
        ) as client:
            async with await client.open_session("absent") as session:
                server = await session.register("absent")
                item = await session.add_item(server, "SimProbe_001.TestInt")
                async with session.stream_events() as events:
                    await session.advise(server, item)
                    seen["event"] = (await anext(events)).item_handle == item
                await session.write(server, item, 7)
            (reading,) = await client.read("SimProbe_001.TestInt")
            seen["read"] = reading.value
            async with client.query_active_alarms() as alarms:
                seen["alarms"] = all([alarm.alarm_full_reference async for alarm in alarms])
            galaxy = GalaxyRepositoryClient.on(client)
            seen["galaxy"] = len(await galaxy.discover_hierarchy()) > 0
    return seen


def main() -> None:
    import anyio

    names = import_all()
    seen = anyio.run(steps, backend=sys.argv[1])
    answer = {"modules": names, "seen": seen, "tried": tried, "trio": bool(sys.modules.get("trio"))}
    print(json.dumps(answer))


main()
