"""A simulator and the two event loops that the synchronous clients can run on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mxgateway.simulator import ThreadedSimulator
from mxgateway.sync import GatewayClient


@pytest.fixture
def sim() -> Iterator[ThreadedSimulator]:
    """A plaintext simulator whose plant moves only when the test says so."""
    with ThreadedSimulator(seed=1, interval=None) as simulator:
        yield simulator


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    """The event loop of the thread behind."""
    name: str = request.param
    return name


@pytest.fixture
def client(sim: ThreadedSimulator, backend: str) -> Iterator[GatewayClient]:
    """A connected client."""
    with GatewayClient.connect(
        endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True, backend=backend
    ) as running:
        yield running
