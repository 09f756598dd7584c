"""Hubs without a network, and simulators in a thread, so that both event loops can use them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from events.confirmed_writes import Plant
from events.scripted_events import HubBench

from mxgateway import ClientOptions
from mxgateway.simulator import ThreadedSimulator


@pytest.fixture
async def bench() -> AsyncIterator[HubBench]:
    """A hub whose streams the test writes itself."""
    async with HubBench() as running:
        yield running


@pytest.fixture
def sim() -> Iterator[ThreadedSimulator]:
    """A plaintext simulator whose plant moves only when the test says so."""
    with ThreadedSimulator(seed=1, interval=None) as simulator:
        yield simulator


@pytest.fixture
def options(sim: ThreadedSimulator) -> ClientOptions:
    """Options for `sim`, with the key of all scopes."""
    fields: dict[str, Any] = {"endpoint": sim.endpoint, "api_key": sim.api_key, "plaintext": True}
    return ClientOptions(**fields)


@pytest.fixture
async def plant(bench: HubBench) -> Plant:
    """A plant without a network."""
    return Plant(bench)
