"""Random subscriptions that add and remove tags: what the client holds is what the gateway has."""

from __future__ import annotations

import random

import anyio
import anyio.lowlevel
import pytest
from tags.tags_plant import LIMIT, Plant

from mxgateway import GatewayClient, TagSubscription

TAGS = [
    "SimProbe_001.TestInt",
    "SimProbe_001.TestFloat",
    "SimProbe_001.TestString",
    "SimProbe_001.TestBool",
    "Tank_001.Level",
]


@pytest.mark.requirement("sub.race-resubscribe")
@pytest.mark.parametrize("seed", range(6))
async def test_items_at_the_gateway_are_what_the_subscriptions_hold(
    client: GatewayClient, plant: Plant, seed: int
) -> None:
    rng = random.Random(seed)
    with anyio.fail_after(LIMIT):
        subscriptions = [client.subscribe() for _ in range(3)]
        wanted: list[set[str]] = [set() for _ in subscriptions]
        for each in subscriptions:
            await each.__aenter__()
        for _ in range(8):
            # A round of changes at the same time, some of them cancelled on the way.
            async with anyio.create_task_group() as tasks:
                for subscription, tags in zip(subscriptions, wanted, strict=True):
                    picked = rng.sample(TAGS, 2)
                    tasks.start_soon(_change, subscription, tags, picked, rng.random(), rng)
            held = set().union(*wanted)
            assert await plant.items() == sorted(held)
            for subscription, tags in zip(subscriptions, wanted, strict=True):
                assert set(subscription.tags) == tags
        for subscription in subscriptions:
            await subscription.aclose()
        assert await plant.items() == []


async def _change(
    subscription: TagSubscription,
    tags: set[str],
    picked: list[str],
    chance: float,
    rng: random.Random,
) -> None:
    with anyio.CancelScope() as scope:
        if chance < 0.2:
            scope.deadline = anyio.current_time() + rng.random() * 0.002
        if chance < 0.6:
            await subscription.add(*picked)
            tags.update(picked)
        else:
            await subscription.remove(*picked)
            tags.difference_update(picked)
    # What a cancelled change came to is what the subscription says.
    tags.clear()
    tags.update(subscription.tags)
