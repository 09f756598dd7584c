"""A simulator in a thread, and loops beside the one that a test runs in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

import anyio
import anyio.to_thread
import pytest

from mxgateway import ClientOptions
from mxgateway.simulator import ThreadedSimulator

Elsewhere: TypeAlias = Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]


@pytest.fixture
def sim() -> Iterator[ThreadedSimulator]:
    """A plaintext simulator whose plant moves only when the test says so."""
    with ThreadedSimulator(seed=1, interval=None) as simulator:
        yield simulator


@pytest.fixture
def options(sim: ThreadedSimulator) -> ClientOptions:
    """Options for `sim`, with the key of all scopes."""
    return ClientOptions(endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True)


@pytest.fixture(params=["asyncio", "trio"])
def elsewhere(request: pytest.FixtureRequest) -> Elsewhere:
    """Runs a coroutine function in an event loop of another thread, ten seconds at most."""

    async def bounded(function: Callable[[], Awaitable[Any]]) -> Any:
        with anyio.fail_after(10):
            return await function()

    async def run(function: Callable[[], Awaitable[Any]]) -> Any:
        return await anyio.to_thread.run_sync(
            partial(anyio.run, bounded, function, backend=request.param)
        )

    return run
