"""Confirmed writes whose end cannot be known, and what may be written to their item after that."""

from __future__ import annotations

import logging
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from events.confirmed_writes import (
    REFUSED,
    K,
    Outcome,
    Plant,
    complete,
    start,
)
from events.scripted_events import change, gap

from mxgateway import (
    ConnectionLost,
    TagError,
    WriteFailedError,
    WriteOutcomeUnknownError,
)


async def _no_completion(plant: Plant, outcome: Outcome) -> None:
    """Nothing comes in time."""


async def _stream_lost(plant: Plant, outcome: Outcome) -> None:
    plant.bench.streams[-1].finish(ConnectionLost("the line is cut", cause="reset"))


async def _gap(plant: Plant, outcome: Outcome) -> None:
    plant.bench.streams[-1].send(gap(1, 90))


async def _jump(plant: Plant, outcome: Outcome) -> None:
    plant.bench.streams[-1].send(change(90))


async def _un_advise(plant: Plant, outcome: Outcome) -> None:
    await plant.session.un_advise(1, 1)


async def _session_closed(plant: Plant, outcome: Outcome) -> None:
    plant.session.events.close()


@pytest.mark.requirement("write.no-replay")
@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (_no_completion, "no completion came within 0.2 s"),
        (_stream_lost, "the line is cut"),
        (_gap, "events of the session were lost"),
        (_jump, "events of the session were lost"),
        (_un_advise, "un-advised"),
        (_session_closed, "the event stream ended"),
    ],
)
async def test_a_write_whose_end_is_not_known_is_never_taken_for_done(
    trouble: Any, reason: str, plant: Plant
) -> None:
    await plant.ready()
    async with anyio.create_task_group() as tasks:
        seconds = 0.2 if trouble is _no_completion else 5.0
        outcome = start(tasks, plant, timeout=seconds)
        await plant.came(K.WRITE)
        await trouble(plant, outcome)
        error = await outcome.wait()
    assert isinstance(error, WriteOutcomeUnknownError)
    assert isinstance(error, TimeoutError)
    assert (error.tag, error.processed) == ("Valve_001.Cmd", "maybe")
    assert reason in str(error)
    assert "add it anew" in error.diagnostics()


@pytest.mark.parametrize("known", [False, True], ids=["unknown", "completed"])
async def test_a_lost_reply_is_unknown_unless_the_completion_came(
    known: bool, plant: Plant
) -> None:
    await plant.ready()
    plant.hold.clear()
    plant.failures = [ConnectionLost("the line is cut", cause="reset")]
    async with anyio.create_task_group() as tasks:
        outcome = start(tasks, plant)
        await plant.came(K.WRITE)
        if known:
            plant.send(complete)
            await plant.settle()
        plant.hold.set()
        end = await outcome.wait()
    if known:
        assert end.ok
    else:
        assert isinstance(end, WriteOutcomeUnknownError)
        assert isinstance(end.__cause__, ConnectionLost)


async def test_after_an_unknown_end_the_item_is_refused_until_it_is_known(plant: Plant) -> None:
    await plant.ready()
    with pytest.raises(WriteOutcomeUnknownError):
        await plant.session.write_and_wait(1, 1, 1, timeout=0.2)
    with pytest.raises(TagError, match="add the tag anew") as refused:
        await plant.session.write_and_wait(1, 1, 2)
    assert refused.value.processed == "no"
    assert plant.kinds == [K.WRITE]
    plant.send(complete, REFUSED)  # late, and of the first one
    await plant.settle()
    async with anyio.create_task_group() as tasks:
        outcome = start(tasks, plant, 3)
        await plant.came(K.WRITE, K.WRITE)
        plant.send(complete)
        assert (await outcome.wait()).ok


async def test_a_fresh_handle_is_not_held_responsible(plant: Plant) -> None:
    await plant.ready()
    with pytest.raises(WriteOutcomeUnknownError):
        await plant.session.write_and_wait(1, 1, 1, timeout=0.2)
    await plant.session.remove_item(1, 1)
    plant.kinds.clear()
    async with anyio.create_task_group() as tasks:
        outcome = start(tasks, plant, item=2)
        await plant.came(K.ADVISE)
        plant.send(change, item=2)
        await plant.came(K.ADVISE, K.WRITE)
        plant.send(complete, item=1)
        plant.send(complete, item=2)
        assert (await outcome.wait()).item_handle == 2


async def test_a_handle_used_again_is_refused_while_a_completion_of_the_removed_item_may_come(
    plant: Plant,
) -> None:
    plant.handles = [1, 2]
    await plant.ready()
    with pytest.raises(WriteOutcomeUnknownError):
        await plant.session.write_and_wait(1, 1, 1, timeout=0.2)
    await plant.session.remove_item(1, 1)
    assert await plant.session.add_item(1, "Valve_001.Cmd") == 1
    with pytest.raises(TagError, match="handle of a removed item") as refused:
        await plant.session.write_and_wait(1, 1, 2)
    assert refused.value.processed == "no"
    # An event of an item that was added later: what there was of the removed one has come.
    item = await plant.session.add_item(1, "Valve_002.Cmd")
    await plant.session.advise(1, item)
    plant.send(change, item=item)
    await plant.settle()
    plant.kinds.clear()
    async with anyio.create_task_group() as tasks:
        outcome = start(tasks, plant, 3)
        await plant.came(K.ADVISE)
        plant.send(change)
        await plant.came(K.ADVISE, K.WRITE)
        plant.send(complete)
        assert (await outcome.wait()).ok


async def test_the_completion_of_a_removed_item_frees_a_handle_used_again(plant: Plant) -> None:
    await plant.ready()
    with pytest.raises(WriteOutcomeUnknownError):
        await plant.session.write_and_wait(1, 1, 1, timeout=0.2)
    await plant.session.remove_item(1, 1)
    plant.send(complete, REFUSED)
    await plant.settle()
    plant.kinds.clear()
    async with anyio.create_task_group() as tasks:
        outcome = start(tasks, plant, 3)
        await plant.came(K.ADVISE)
        plant.send(change)
        await plant.came(K.ADVISE, K.WRITE)
        plant.send(complete)
        assert (await outcome.wait()).ok


@pytest.mark.requirement("write.no-replay")
async def test_a_completion_that_a_resumed_stream_repeats_is_not_taken_for_the_next(
    plant: Plant,
) -> None:
    await plant.ready()
    async with anyio.create_task_group() as tasks:
        first = start(tasks, plant, 1)
        await plant.came(K.WRITE)
        plant.send(complete)
        done = await first.wait()
        plant.bench.streams[-1].finish()
        await plant.session.events.wait_idle()
        async with plant.session.stream_events(done.worker_sequence - 1) as events:
            second = start(tasks, plant, 2)
            await plant.came(K.WRITE, K.WRITE)
            await plant.stream(len(plant.bench.streams))
            plant.bench.streams[-1].send(complete(done.worker_sequence))
            with anyio.fail_after(5):
                assert (await anext(events)).worker_sequence == done.worker_sequence
            plant.send(complete, REFUSED)
            assert isinstance(await second.wait(), WriteFailedError)


@pytest.mark.parametrize("replied", [False, True], ids=["before-reply", "after-reply"])
async def test_a_cancelled_write_says_that_it_may_take_effect(
    replied: bool, plant: Plant, caplog: pytest.LogCaptureFixture
) -> None:
    await plant.ready()
    if not replied:
        plant.hold.clear()
    async with anyio.create_task_group() as tasks:
        outcome = start(tasks, plant)
        await plant.came(K.WRITE)
        if replied:
            await plant.settle()
        outcome.scope.cancel()
        await outcome.wait()
        assert outcome.scope.cancelled_caught
        assert any("may take effect" in note for note in outcome.notes)
        assert [r.levelno for r in caplog.records] == [logging.WARNING]
        with pytest.raises(TagError):
            await plant.session.write_and_wait(1, 1, 2)


async def test_a_write_cancelled_before_it_was_sent_leaves_nothing(
    plant: Plant, caplog: pytest.LogCaptureFixture
) -> None:
    async with anyio.create_task_group() as tasks:
        outcome = start(tasks, plant)
        await plant.came(K.ADVISE)
        outcome.scope.cancel()
        await outcome.wait()
        assert (outcome.notes, caplog.records) == ([], [])
        plant.send(change)
        outcome = start(tasks, plant)
        await plant.came(K.ADVISE, K.WRITE)
        plant.send(complete)
        assert (await outcome.wait()).ok


# Before the write ------------------------------------------------------------------------------
