"""A simulator of the DemoPlant whose clock and plant stand still, for both event loops."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mxgateway import ClientOptions
from mxgateway.simulator import ManualClock, ThreadedSimulator


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still at the start of 2026."""
    return ManualClock()


@pytest.fixture
def sim(clock: ManualClock) -> Iterator[ThreadedSimulator]:
    """A plaintext simulator of the DemoPlant; nothing is in alarm."""
    with ThreadedSimulator(seed=1, interval=None, clock=clock) as simulator:
        assert simulator.alarms.active == []
        yield simulator


@pytest.fixture
def options(sim: ThreadedSimulator) -> ClientOptions:
    """Options for `sim`, with the key of all scopes."""
    fields: dict[str, Any] = {"endpoint": sim.endpoint, "api_key": sim.api_key, "plaintext": True}
    return ClientOptions(**fields)
