"""Either gateway with the same plant, and a client of it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from both_gateways.plants import PLANTS, PlantUnderTest
from both_gateways.user import User, open_user

from mxgateway import GatewayClient

HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bound every async test of this folder, so that none waits for ever."""
    for item in items:
        if not isinstance(item, pytest.Function) or HERE not in item.path.parents:
            continue
        if inspect.iscoroutinefunction(item.obj):
            item.obj = _bounded(item.obj)


def _bounded(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    @functools.wraps(test)
    async def run(**fixtures: Any) -> None:
        with anyio.fail_after(10):
            await test(**fixtures)

    return run


@pytest.fixture(params=sorted(PLANTS))
def plant(request: pytest.FixtureRequest) -> Iterator[PlantUnderTest]:
    """Each of the gateways in turn, for one test."""
    with PLANTS[request.param]() as running:
        yield running


@pytest.fixture
async def client(anyio_backend: Any, plant: PlantUnderTest) -> AsyncIterator[GatewayClient]:
    """A client of `plant` with the key of all scopes."""
    async with plant.connect() as running:
        yield running


@pytest.fixture
async def user(client: GatewayClient) -> User:
    """A session of `client` with a registration."""
    return await open_user(client)
