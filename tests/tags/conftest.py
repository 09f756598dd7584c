"""A simulator and a client for the tests of tags, and a look at what the gateway holds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from tags.tags_plant import Plant

from mxgateway import GatewayClient
from mxgateway.simulator import ThreadedSimulator


@pytest.fixture
def sim() -> Iterator[ThreadedSimulator]:
    """A plaintext simulator whose plant moves only when the test says so."""
    with ThreadedSimulator(seed=1, interval=None) as simulator:
        yield simulator


@pytest.fixture
def plant(sim: ThreadedSimulator) -> Plant:
    """The plant of `sim`."""
    return Plant(sim)


@pytest.fixture
async def client(sim: ThreadedSimulator) -> AsyncIterator[GatewayClient]:
    """A running client of `sim`."""
    async with GatewayClient.connect(
        endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True
    ) as running:
        yield running
