"""A wait for an event that is given up ends nothing and loses nothing."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest
from events.scripted_events import HubBench, change

from mxgateway.errors import DeadlineExceededError


@pytest.mark.requirement("call.cancel-clean")
async def test_a_wait_that_is_given_up_ends_and_loses_nothing(bench: HubBench) -> None:
    seen: list[int] = []
    with anyio.fail_after(10):
        async with bench.consumer() as events:
            stream = await bench.stream()
            for number in range(1, 400):
                with anyio.move_on_after(0):
                    seen.append((await anext(events)).worker_sequence)
                stream.send(change(number))
                if number % 3:
                    await anyio.lowlevel.checkpoint()
            while len(seen) < 399:
                seen.append((await anext(events)).worker_sequence)
            assert stream.is_open()
    assert seen == list(range(1, 400))
    assert len(bench.streams) == 1


@pytest.mark.requirement("call.cancel-clean")
async def test_giving_up_in_a_turn_for_others_loses_no_event(bench: HubBench) -> None:
    seen: list[int] = []
    with anyio.fail_after(10):
        async with bench.consumer() as events:
            stream = await bench.stream()
            stream.send(*(change(number) for number in range(1, 301)))
            while events.queued < 300:
                await anyio.lowlevel.checkpoint()
            given_up = 0
            while len(seen) < 300:
                with anyio.CancelScope() as scope:
                    scope.cancel()
                    seen.append((await anext(events)).worker_sequence)
                given_up += scope.cancelled_caught
    assert given_up >= 2  # the loop did get its turns
    assert seen == list(range(1, 301))


async def test_the_timeout_of_the_stream_still_ends_it(bench: HubBench) -> None:
    with anyio.fail_after(10):
        events = bench.consumer(timeout=0.05)
        with anyio.move_on_after(0):
            await anext(events)
        with pytest.raises(DeadlineExceededError):
            await anext(events)
        with pytest.raises(StopAsyncIteration):
            await anext(events)
        stream = await bench.stream()
        while stream.is_open():
            await anyio.lowlevel.checkpoint()
