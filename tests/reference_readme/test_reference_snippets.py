"""Every Python snippet of the reference client's README runs here, on both loops.

Changed are the imports and where a request message comes from (`moved_over`), the address,
the key, and that the endless watch is left once it has shown two deploys.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import anyio.to_thread
import pytest
from reference_readme import readme

from mxgateway import GalaxyRepositoryClient
from mxgateway.simulator import ManualClock, ThreadedSimulator, scale_galaxy

LIMIT = 20  # seconds for one snippet


@pytest.fixture
def sim() -> Iterator[ThreadedSimulator]:
    """The gateway of the snippets, standing still at the start of 2026."""
    with ThreadedSimulator(seed=1, interval=None, clock=ManualClock()) as simulator:
        yield simulator


async def run(snippet: str, sim: ThreadedSimulator, **names: Any) -> list[str]:
    """Run a snippet of the README and return what it printed, one text for each print."""
    printed: list[str] = []

    def note(*words: object) -> None:
        printed.append(" ".join(map(str, words)))

    source = readme.moved_over(snippet).replace("localhost:5000", sim.endpoint)
    code = compile(
        source.replace("<gateway-api-key>", sim.api_key),
        "<the reference client's README>",
        "exec",
        flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
        dont_inherit=True,
    )
    assert code.co_flags & inspect.CO_COROUTINE
    with anyio.fail_after(LIMIT):
        await eval(code, {"print": note} | names)
    return printed


def commands_of(sim: ThreadedSimulator) -> dict[str, int]:
    """Return how often each command arrived."""
    return sim.call(lambda simulator: dict(simulator.audit.commands))


async def test_library_usage(sim: ThreadedSimulator) -> None:
    await run(readme.LIBRARY_USAGE, sim)

    assert commands_of(sim) == {"REGISTER": 1, "ADD_ITEM": 1, "ADVISE": 1}
    assert sim.session_count == 0


async def test_galaxy_repository_browse(sim: ThreadedSimulator) -> None:
    printed = await run(readme.GALAXY_BROWSE, sim)

    assert printed[0].startswith("last deploy: 2026-01-01")
    assert "Valve_001 InletValve" in printed
    assert "   LevelTrend -> Tank_002.LevelTrend[]" in printed
    assert len(printed) == 1 + 32 + 325  # objects and attributes of the simulator's plant


async def test_browsing_lazily(sim: ThreadedSimulator) -> None:
    async with await GalaxyRepositoryClient.connect(
        endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True
    ) as galaxy:
        printed = await run(readme.BROWSING_LAZILY, sim, galaxy=galaxy)

    assert printed == ["Plant expand=True"]


async def test_the_high_level_walker(sim: ThreadedSimulator) -> None:
    # The snippet stands below the one that imports the client.
    printed = await run(readme.WALKER, sim, GalaxyRepositoryClient=GalaxyRepositoryClient)

    assert printed == [
        "Intake (has children)",
        "Reaction (has children)",
        "DemoEngine_001 (leaf)",
        "DemoOpc_001 (leaf)",
        "DemoPlatform (leaf)",
    ]


async def test_watching_deploy_events(sim: ThreadedSimulator) -> None:
    told = anyio.Event()
    printed: list[str] = []

    async with anyio.create_task_group() as group:

        def note(line: str) -> None:
            printed.append(line)
            told.set()
            if len(printed) == 2:
                group.cancel_scope.cancel()

        group.start_soon(run_named, readme.DEPLOY_EVENTS, sim, note)
        with anyio.fail_after(LIMIT):
            await told.wait()
        await anyio.to_thread.run_sync(sim.redeploy, scale_galaxy(6, 1))

    first, second = printed
    assert first == "#1 deploy=2026-01-01 00:00:00+00:00 objects=32 attributes=325"
    assert second.startswith("#2 deploy=2026-01-01 00:00:00.001000+00:00 objects=6 ")


async def run_named(snippet: str, sim: ThreadedSimulator, note: Callable[[str], None]) -> None:
    """Run a snippet whose prints go to `note`."""
    await run(snippet, sim, print=note)
