"""Confirmed writes against a scripted gateway: every order of events, refusals, and turns."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import pytest
from client.scripted_channel import OK
from events.confirmed_writes import (
    GOOD,
    PENDING,
    REFUSED,
    K,
    Plant,
    complete,
    start,
)
from events.scripted_events import change

from mxgateway import (
    AlreadyExistsError,
    ConnectionLost,
    DeadlineExceededError,
    EncodeError,
    MxAccessError,
    MxCommandKind,
    MxCommandReply,
    MxGatewayError,
    MxStatusCategory,
    MxStatusProxy,
    PermissionDeniedError,
    ProtocolStatus,
    ProtocolStatusCode,
    TagError,
    Timestamp,
    WriteComplete,
    WriteFailedError,
    WriteOutcomeUnknownError,
)
from mxgateway.generated.mxaccess_gateway.v1 import BulkWriteReply, BulkWriteResult


async def test_it_reads_events_advises_waits_for_the_first_value_and_writes(plant: Plant) -> None:
    async with anyio.create_task_group() as tasks:
        outcome = start(tasks, plant)
        await plant.stream()
        await plant.came(K.ADVISE)
        plant.send(change, item=2)
        await plant.settle()
        assert plant.kinds == [K.ADVISE]
        plant.send(change, item=1)
        await plant.came(K.ADVISE, K.WRITE)
        plant.send(complete, item=2)
        plant.send(complete)
        event = await outcome.wait()
        assert (event.ok, event.item_handle, event.worker_sequence) == (True, 1, 5)
        # The stream stays: without a reader the gateway would fault the session.
        assert plant.session.events.running


async def test_a_pending_completion_is_not_the_end(plant: Plant) -> None:
    await plant.ready()
    async with anyio.create_task_group() as tasks:
        outcome = start(tasks, plant)
        await plant.came(K.WRITE)
        plant.send(complete, PENDING)
        await plant.settle()
        assert not outcome.done.is_set()
        plant.send(complete)
        assert (await outcome.wait()).statuses == (GOOD,)


async def test_a_completion_that_overtakes_the_reply_counts(plant: Plant) -> None:
    await plant.ready()
    plant.hold.clear()
    async with anyio.create_task_group() as tasks:
        outcome = start(tasks, plant)
        await plant.came(K.WRITE)
        plant.send(complete)
        await plant.settle()
        assert not outcome.done.is_set()
        plant.hold.set()
        assert (await outcome.wait()).ok


@pytest.mark.parametrize(
    ("arguments", "kinds"),
    [
        ({"supervisory": True}, [K.ADVISE_SUPERVISORY, K.WRITE]),
        ({"timestamp": Timestamp.parse("2026-03-01T12:00:00Z")}, [K.WRITE2]),
        ({"current_user_id": 7, "verifier_user_id": 8}, [K.WRITE_SECURED]),
        (
            {"current_user_id": 7, "timestamp": Timestamp.parse("2026-03-01T12:00:00Z")},
            [K.WRITE_SECURED2],
        ),
    ],
)
async def test_each_kind_of_write_can_be_confirmed(
    arguments: dict[str, Any], kinds: list[MxCommandKind], plant: Plant
) -> None:
    await plant.ready()
    async with anyio.create_task_group() as tasks:
        outcome = start(tasks, plant, **arguments)
        await plant.came(*kinds)
        plant.send(complete)
        assert (await outcome.wait()).ok


async def test_a_failing_completion_is_raised_with_everything_it_says(plant: Plant) -> None:
    await plant.ready()
    async with anyio.create_task_group() as tasks:
        outcome = start(tasks, plant)
        await plant.came(K.WRITE)
        plant.send(complete, REFUSED)
        error = await outcome.wait()
    assert isinstance(error, WriteFailedError)
    assert isinstance(error, MxAccessError)
    assert error.event.statuses == error.statuses == (REFUSED,)
    assert (error.tag, error.processed, error.hresult) == ("Valve_001.Cmd", "yes", None)
    assert "Valve_001.Cmd: the write failed: Security error: detail 1012" in str(error)
    assert "give current_user_id" in str(error)
    assert error.to_dict()["tag"] == "Valve_001.Cmd"


@pytest.mark.requirement("log.redact")
async def test_a_failing_secured_write_does_not_show_its_value(plant: Plant) -> None:
    await plant.ready()
    quoting = MxStatusProxy(
        category=MxStatusCategory.SECURITY_ERROR, diagnostic_text="cannot set open sesame"
    )
    async with anyio.create_task_group() as tasks:
        outcome = start(tasks, plant, "open sesame", current_user_id=1)
        await plant.came(K.WRITE_SECURED)
        plant.send(complete, quoting)
        error = await outcome.wait()
    assert isinstance(error, WriteFailedError)
    assert "sesame" not in f"{error} {error.to_dict()} {error.diagnostics()}"


async def test_a_failing_first_change_is_told_before_anything_is_written(plant: Plant) -> None:
    async with anyio.create_task_group() as tasks:
        outcome = start(tasks, plant)
        await plant.came(K.ADVISE)
        bad = change(1)
        bad.statuses = [MxStatusProxy(category=MxStatusCategory.CONFIGURATION_ERROR, detail=6)]
        (await plant.stream()).send(bad)
        error = await outcome.wait()
    assert isinstance(error, TagError)
    assert (error.tag, error.processed) == ("Valve_001.Cmd", "no")
    assert "MX_E_InvalidReference" in str(error)
    assert plant.kinds == [K.ADVISE]


async def test_what_cannot_be_sent_is_refused_before_the_advise(plant: Plant) -> None:
    with pytest.raises(EncodeError):
        await plant.session.write_and_wait(1, 1, 2**80)
    with pytest.raises(EncodeError) as secured:
        await plant.session.write_and_wait(1, 1, 2**80, current_user_id=1)
    assert str(2**80) not in str(secured.value)
    assert (plant.kinds, plant.bench.streams) == ([], [])


# Several writes ------------------------------------------------------------------------------


async def test_writes_of_one_item_go_out_in_turn_each_with_its_own_completion(
    plant: Plant,
) -> None:
    await plant.ready()
    async with anyio.create_task_group() as tasks:
        outcomes = [start(tasks, plant, n) for n in range(3)]
        for number, statuses in enumerate(((GOOD,), (REFUSED,), (GOOD,)), 1):
            await plant.came(*[K.WRITE] * number)
            plant.send(complete, *statuses)
        ends = [await outcome.wait() for outcome in outcomes]
    # Tasks that start together have no order of their own; one of them was refused.
    assert sorted(type(end).__name__ for end in ends) == [
        "WriteComplete",
        "WriteComplete",
        "WriteFailedError",
    ]
    assert len({e.worker_sequence for e in ends if isinstance(e, WriteComplete)}) == 2


async def test_writes_of_two_items_do_not_wait_for_each_other(plant: Plant) -> None:
    await plant.ready(1)
    await plant.ready(2)
    async with anyio.create_task_group() as tasks:
        first, second = start(tasks, plant, item=1), start(tasks, plant, item=2)
        await plant.came(K.WRITE, K.WRITE)
        plant.send(complete, item=2)
        assert (await second.wait()).item_handle == 2
        assert not first.done.is_set()
        plant.send(complete, item=1)
        assert (await first.wait()).item_handle == 1


async def test_an_earlier_plain_write_completes_first(plant: Plant) -> None:
    await plant.ready()
    await plant.session.write(1, 1, 1)
    async with anyio.create_task_group() as tasks:
        outcome = start(tasks, plant)
        await plant.settle()
        assert plant.kinds == [K.WRITE]
        plant.send(complete, REFUSED)  # of the plain one
        await plant.came(K.WRITE, K.WRITE)
        plant.send(complete)
        assert (await outcome.wait()).ok


async def test_a_plain_write_does_not_overtake_one_that_has_no_reply(plant: Plant) -> None:
    await plant.ready()
    plant.hold.clear()
    async with anyio.create_task_group() as tasks:
        outcome = start(tasks, plant)
        await plant.came(K.WRITE)
        tasks.start_soon(plant.session.write, 1, 1, 1)
        with pytest.raises(DeadlineExceededError) as late:
            await plant.session.write(1, 1, 2, timeout=0.01)
        assert late.value.processed == "no"
        assert plant.kinds == [K.WRITE]
        plant.hold.set()
        await plant.came(K.WRITE, K.WRITE)
        plant.send(complete)
        assert (await outcome.wait()).ok


async def test_entries_that_a_bulk_write_refuses_have_no_completion(plant: Plant) -> None:
    await plant.ready()
    results = [
        BulkWriteResult(server_handle=1, item_handle=1, was_successful=ok) for ok in (False, True)
    ]
    plant.failures = [
        MxCommandReply(
            kind=K.WRITE_BULK, protocol_status=OK, write_bulk=BulkWriteReply(results=results)
        )
    ]
    await plant.session.write_bulk(1, [(1, 1), (1, 2)])
    plant.send(complete)
    async with anyio.create_task_group() as tasks:
        outcome = start(tasks, plant)
        await plant.came(K.WRITE_BULK, K.WRITE)
        plant.send(complete)
        assert (await outcome.wait()).ok


# Refused, or unknown --------------------------------------------------------------------------


@pytest.mark.requirement("write.no-replay")
@pytest.mark.parametrize(
    "failure",
    [
        MxCommandReply(
            kind=K.WRITE,
            protocol_status=ProtocolStatus(code=ProtocolStatusCode.MXACCESS_FAILURE),
            hresult=-2147024809,
        ),
        PermissionDeniedError("no scope"),
        ConnectionLost("refused", cause="goaway", processed="no"),
    ],
)
async def test_a_refused_write_leaves_the_item_free_for_the_next(
    failure: Any, plant: Plant
) -> None:
    await plant.ready()
    plant.failures = [failure]
    with pytest.raises(MxGatewayError) as refused:
        await plant.session.write_and_wait(1, 1, 1)
    assert not isinstance(refused.value, WriteOutcomeUnknownError)
    async with anyio.create_task_group() as tasks:
        outcome = start(tasks, plant)
        await plant.came(K.WRITE, K.WRITE)
        plant.send(complete)
        assert (await outcome.wait()).ok


@pytest.mark.requirement("write.no-replay")
async def test_time_that_passes_before_the_write_says_what_for_and_that_nothing_was_written(
    plant: Plant,
) -> None:
    with pytest.raises(DeadlineExceededError, match="first data change") as early:
        await plant.session.write_and_wait(1, 1, 1, timeout=0.2)
    assert early.value.processed == "no"
    plant.send(change)
    await plant.session.write(1, 1, 1)
    with pytest.raises(DeadlineExceededError, match="completion of 1 earlier writes") as busy:
        await plant.session.write_and_wait(1, 1, 1, timeout=0.2)
    assert busy.value.processed == "no"
    assert plant.kinds == [K.ADVISE, K.WRITE]


async def test_a_stream_that_is_refused_is_raised_and_nothing_is_written(plant: Plant) -> None:
    plant.bench.refusals = [(False, AlreadyExistsError("somebody else reads it"))]
    with anyio.fail_after(5), pytest.raises(AlreadyExistsError) as refused:
        await plant.session.write_and_wait(1, 1, 1)
    assert refused.value.processed == "no"
    assert K.WRITE not in plant.kinds


async def test_an_item_that_was_un_advised_is_advised_again(plant: Plant) -> None:
    await plant.ready()
    await plant.session.un_advise(1, 1)
    plant.send(change)  # still on its way
    async with anyio.create_task_group() as tasks:
        await plant.settle()
        outcome = start(tasks, plant)
        await plant.came(K.UN_ADVISE, K.ADVISE)
        plant.send(change)
        await plant.came(K.UN_ADVISE, K.ADVISE, K.WRITE)
        plant.send(complete)
        assert (await outcome.wait()).ok
