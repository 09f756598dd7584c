"""A gateway that uses item handles again, with events of the earlier item still on their way."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import AsyncIterator

import anyio
import anyio.lowlevel
import pytest
from client.scripted_channel import OK
from events.scripted_events import HubBench, change
from tags.scripted_tags import ScriptedTags

from mxgateway import (
    MxCommandKind,
    MxCommandReply,
    MxCommandRequest,
    MxEvent,
    TagSubscription,
    TagValue,
    WriteOutcomeUnknownError,
)
from mxgateway.generated.mxaccess_gateway.v1 import BulkSubscribeReply, SubscribeResult
from mxgateway.transport.signals import Flag

K = MxCommandKind
FACTOR = 1000  # a value of tag T_7.PV is from 7000 to 7999


class ReusingTags(ScriptedTags):
    """Gives every new item the lowest handle that is free; its events come late, in their order.

    Attributes:
        pace: How many turns of the loop an event takes.
    """

    def __init__(self, bench: HubBench) -> None:
        super().__init__(bench)
        self.pace = 3
        self.silenced: set[int] = set()
        self.handle_of = lambda _: next(n for n in range(1, 1 << 20) if n not in self.items)
        self._events: deque[MxEvent] = deque()
        self._made = Flag()
        bench.spawn(self._deliver)

    @property
    def advised(self) -> list[str]:
        """The tags that are advised, sorted."""
        return sorted(tag for handle, tag in self.items.items() if handle not in self.silenced)

    async def _deliver(self) -> None:
        while True:
            while not self._events:
                self._made.clear()
                await self._made.wait()
            for _ in range(self.pace):
                await anyio.lowlevel.checkpoint()
            self.stream.send(self._events.popleft())

    async def _invoke(
        self, request: MxCommandRequest, *, timeout: float | None = None
    ) -> MxCommandReply:
        command = request.command
        assert command is not None
        for part in (command.un_advise_item_bulk, command.unsubscribe_bulk):
            for handle in [] if part is None else part.item_handles:
                self.tag_value(handle, self.items[handle], 999)  # the last one
        if command.kind not in (K.UN_ADVISE_ITEM_BULK, K.REMOVE_ITEM_BULK):
            return await super()._invoke(request, timeout=timeout)
        await anyio.lowlevel.checkpoint()
        self.kinds.append(command.kind)
        reply = MxCommandReply(kind=command.kind, protocol_status=OK)
        if command.un_advise_item_bulk is not None:
            handles = command.un_advise_item_bulk.item_handles
            self.silenced.update(handles)
            reply.un_advise_item_bulk = _done(handles)
        elif command.remove_item_bulk is not None:
            handles = command.remove_item_bulk.item_handles
            for handle in handles:
                del self.items[handle]
                self.silenced.remove(handle)
            reply.remove_item_bulk = _done(handles)
        self.changed.set()
        return reply

    def value(self, handle: int, value: int, *, lost: int = 0) -> None:
        """Make the first value of a new item, which tells its tag."""
        assert value == handle
        assert not lost
        self.tag_value(handle, self.items[handle], 0)

    def tag_value(self, handle: int, tag: str, value: int) -> None:
        """Make a value of a tag."""
        self._sequence += 1
        number = FACTOR * int(tag[2:-3]) + value
        self._events.append(change(self._sequence, number, item=handle))
        self._made.set()


def _done(handles: list[int]) -> BulkSubscribeReply:
    return BulkSubscribeReply(
        results=[SubscribeResult(item_handle=handle, was_successful=True) for handle in handles]
    )


@pytest.fixture
async def gateway() -> AsyncIterator[ReusingTags]:
    """A gateway without a network."""
    async with HubBench() as bench:
        yield ReusingTags(bench)


def number_of(value: TagValue) -> int:
    assert isinstance(value.value, int), value
    return value.value // FACTOR


async def test_a_late_value_is_not_taken_for_that_of_another_tag(gateway: ReusingTags) -> None:
    with anyio.fail_after(5):
        for number in (1, 2, 3, 1) * 10:
            [value] = await gateway.client.read(f"T_{number}.PV")
            assert value.value == FACTOR * number
    assert gateway.advised == []
    assert len(gateway.items) < 4


async def test_many_tags_on_used_handles_each_get_their_own_value(gateway: ReusingTags) -> None:
    with anyio.fail_after(10):
        for first in (1, 40, 10, 70):
            tags = [f"T_{number}.PV" for number in range(first, first + 30)]
            values = await gateway.client.read(tags)
            assert [value.value for value in values] == [
                FACTOR * number for number in range(first, first + 30)
            ]
    assert gateway.advised == []
    assert len(gateway.items) < 91


@pytest.mark.requirement("write.no-replay")
async def test_a_late_completion_is_not_taken_for_that_of_the_next_write(
    gateway: ReusingTags,
) -> None:
    complete = gateway.completion
    gateway.completion = lambda handle: None  # type: ignore[method-assign]
    with anyio.fail_after(10):
        with pytest.raises(WriteOutcomeUnknownError):
            await gateway.client.write("T_1.PV", 5, timeout=0.2)
        # The second write has no completion either, and that of the first one comes at last.
        gateway.completion = lambda handle: complete(1)  # type: ignore[method-assign]
        with pytest.raises(WriteOutcomeUnknownError):
            await gateway.client.write("T_1.PV", 6, timeout=0.2)
    assert gateway.kinds.count(K.WRITE) == 2


@pytest.mark.parametrize("seed", range(4))
async def test_no_value_of_another_tag_whatever_comes_and_goes(
    gateway: ReusingTags, seed: int
) -> None:
    rng = random.Random(seed)
    tags = [f"T_{number}.PV" for number in range(1, 9)]

    async def follow(subscription: TagSubscription) -> None:
        async for value in subscription:
            if isinstance(value, TagValue):
                assert value.tag == f"T_{number_of(value)}.PV"

    with anyio.fail_after(20):
        subscriptions = [gateway.client.subscribe() for _ in range(3)]
        async with anyio.create_task_group() as tasks:
            for each in subscriptions:
                await each.__aenter__()
                tasks.start_soon(follow, each)
            for _ in range(60):
                gateway.pace = rng.randrange(12)
                each = rng.choice(subscriptions)
                picked = rng.sample(tags, 2)
                if rng.random() < 0.5:
                    await each.add(*picked)
                else:
                    await each.remove(*picked)
                if rng.random() < 0.3:
                    for value in await gateway.client.read(rng.sample(tags, 3)):
                        assert value.tag == f"T_{number_of(value)}.PV"
                for handle, tag in gateway.items.items():
                    if handle in gateway.silenced:
                        continue
                    gateway.tag_value(handle, tag, rng.randrange(998))
                held = {tag for each in subscriptions for tag in each.tags}
                assert gateway.advised == sorted(held)
                assert len(gateway.items) < 30
            for each in subscriptions:
                await each.aclose()
    assert gateway.advised == []
