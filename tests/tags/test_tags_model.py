"""Random subscriptions that add and remove tags: what the client holds is what the gateway has."""

from __future__ import annotations

import random

import anyio
import anyio.lowlevel
import pytest
from tags.tags_plant import LIMIT, Plant

from mxgateway import GatewayClient, TagSubscription, TagValue

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


WRITTEN = ["SimProbe_001.TestInt", "SimProbe_001.TestFloat", "SimProbe_001.TestDouble"]


class Mixture:
    """Reads, writes and short subscriptions at the same time, some cancelled on their way.

    Attributes:
        outcomes: The value of every write, its tag, and how the client says it ended.
    """

    def __init__(self, client: GatewayClient, rng: random.Random) -> None:
        self._client = client
        self._rng = rng
        self._values = iter(range(1, 1 << 20))
        self.outcomes: dict[int, tuple[str, str]] = {}

    async def one(self) -> None:
        """Do one of them."""
        rng = self._rng
        work = rng.choice([self.read, self.write, self.write, self.follow])
        with anyio.CancelScope() as scope:
            if rng.random() < 0.5:
                scope.deadline = anyio.current_time() + rng.random() * 0.01
            await work()

    async def read(self) -> None:
        tags = self._rng.sample(TAGS, 3)
        values = await self._client.read(tags)
        assert [(value.tag, value.ok) for value in values] == [(tag, True) for tag in tags]

    async def write(self) -> None:
        tag, value = self._rng.choice(WRITTEN), next(self._values)
        self.outcomes[value] = (tag, "maybe")
        [result] = await self._client.write_many({tag: value})
        self.outcomes[value] = (tag, "done" if result.ok else result.processed)

    async def follow(self) -> None:
        tags = self._rng.sample(TAGS, 2)
        async with self._client.subscribe(tags[0]) as values:
            await values.add(tags[1])
            seen: set[str] = set()
            while seen != set(tags):
                update = await anext(values)
                assert isinstance(update, TagValue)
                seen.add(update.tag)
            await values.remove(tags[0])


@pytest.mark.requirement("call.cancel-clean")
@pytest.mark.requirement("write.no-replay")
@pytest.mark.parametrize("seed", range(4))
async def test_whatever_is_cancelled_no_value_is_missed_and_no_write_is_done_twice(
    client: GatewayClient, plant: Plant, seed: int
) -> None:
    rng = random.Random(seed)
    mixture = Mixture(client, rng)
    with anyio.fail_after(3 * LIMIT):
        for _ in range(12):
            async with anyio.create_task_group() as tasks:
                for _ in range(rng.randrange(2, 8)):
                    tasks.start_soon(mixture.one)
        items = await plant.items()
        await client.close()
    assert len(items) == len(set(items))
    assert set(items) <= set(WRITTEN)  # which stay advised for the next write
    executed = {tag: plant.sim.audit.values_written(tag) for tag in WRITTEN}
    for value, (tag, outcome) in mixture.outcomes.items():
        count = executed[tag].count(value)
        assert count == {"done": 1, "no": 0, "maybe": min(count, 1)}[outcome]
    assert plant.sim.session_count == 0
