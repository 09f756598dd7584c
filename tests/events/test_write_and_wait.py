"""Confirmed writes against a scripted gateway: every order of events, every way to end."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from client.scripted_channel import OK, ScriptedChannel, scripted_client
from events.scripted_events import SESSION, HubBench, ScriptedStream, change, gap

from mxgateway import (
    AlreadyExistsError,
    ConnectionLost,
    DeadlineExceededError,
    EncodeError,
    MxAccessError,
    MxCommandKind,
    MxCommandReply,
    MxCommandRequest,
    MxEvent,
    MxEventFamily,
    MxGatewayError,
    MxStatusCategory,
    MxStatusProxy,
    PermissionDeniedError,
    ProtocolStatus,
    ProtocolStatusCode,
    Session,
    TagError,
    Timestamp,
    WriteComplete,
    WriteFailedError,
    WriteOutcomeUnknownError,
)
from mxgateway.generated.mxaccess_gateway.v1 import AddItemReply, BulkWriteReply, BulkWriteResult
from mxgateway.transport.signals import Flag

K = MxCommandKind
GOOD = MxStatusProxy(category=MxStatusCategory.OK)
PENDING = MxStatusProxy(category=MxStatusCategory.PENDING)
REFUSED = MxStatusProxy(category=MxStatusCategory.SECURITY_ERROR, detail=1012)
WRITES = {K.WRITE, K.WRITE2, K.WRITE_SECURED, K.WRITE_SECURED2, K.WRITE_BULK}


def complete(sequence: int, *statuses: MxStatusProxy, item: int = 1) -> MxEvent:
    return MxEvent(
        family=MxEventFamily.ON_WRITE_COMPLETE,
        server_handle=1,
        item_handle=item,
        worker_sequence=sequence,
        statuses=list(statuses or (GOOD,)),
    )


@dataclass
class Plant:
    """A session whose commands and events the test answers.

    Attributes:
        kinds: The commands that arrived.
        failures: What the next writes end with, in order; None for OK.
        hold: Where lowered, writes wait for their reply.
        handles: What the next items get.
    """

    bench: HubBench
    kinds: list[MxCommandKind] = field(default_factory=list)
    failures: list[MxGatewayError | MxCommandReply | None] = field(default_factory=list)
    hold: Flag = field(default_factory=lambda: Flag(True))
    arrived: Flag = field(default_factory=Flag)
    handles: list[int] = field(default_factory=list)
    _sequence: int = 0

    def __post_init__(self) -> None:
        channel = ScriptedChannel()
        client = scripted_client(channel, call_timeout=5.0)
        stand_in: Any = client
        stand_in.stream_events_raw = lambda request, **_: self.bench.open(
            request.after_worker_sequence
        )
        stand_in.invoke_raw = self._invoke
        stand_in._channel.spawn = self.bench.spawn
        self.session = Session(client, SESSION)
        self.session._references[1, 1] = "Valve_001.Cmd"

    async def _invoke(
        self, request: MxCommandRequest, *, timeout: float | None = None
    ) -> MxCommandReply:
        await anyio.lowlevel.checkpoint()
        assert request.command is not None
        kind = request.command.kind
        self.kinds.append(kind)
        self.arrived.set()
        failure = None
        if kind in WRITES:
            await self.hold.wait()
            failure = self.failures.pop(0) if self.failures else None
        if isinstance(failure, MxGatewayError):
            raise failure
        reply = MxCommandReply(kind=kind, protocol_status=OK)
        if kind == K.ADD_ITEM:
            reply.add_item = AddItemReply(item_handle=self.handles.pop(0))
        return failure or reply

    async def came(self, *kinds: MxCommandKind) -> None:
        """Return once exactly these commands have arrived."""
        with anyio.fail_after(5):
            while len(self.kinds) < len(kinds):
                self.arrived.clear()
                await self.arrived.wait()
        assert self.kinds == list(kinds)

    async def stream(self, number: int = 1) -> ScriptedStream:
        return await self.bench.stream(number)

    def send(self, make: Any, *arguments: Any, **more: Any) -> None:
        """Send an event with the next sequence number."""
        self._sequence += 1
        self.bench.streams[-1].send(make(self._sequence, *arguments, **more))

    async def ready(self, item: int = 1) -> None:
        """Bring the item to where it can be written: stream, advise, first change."""
        async with self.session.stream_events() as events:
            await self.session.advise(1, item)
            await self.stream(len(self.bench.streams))
            self.send(change, item=item)
            await anext(events)
            self.session.events.hold()
        self.kinds.clear()

    async def settle(self) -> None:
        """Let all tasks run until nothing of what was sent is left to be read."""
        async with self.session.stream_events() as events:
            self.send(lambda n: MxEvent(family=MxEventFamily(50), worker_sequence=n))
            with anyio.fail_after(5):
                await anext(events)


@pytest.fixture
async def plant(bench: HubBench) -> Plant:
    """A plant without a network."""
    return Plant(bench)


@dataclass
class Outcome:
    """How a write in a task of its own has ended."""

    done: anyio.Event
    scope: anyio.CancelScope
    event: WriteComplete | None = None
    error: MxGatewayError | None = None
    notes: list[str] = field(default_factory=list)

    async def wait(self) -> Any:
        with anyio.fail_after(5):
            await self.done.wait()
        return self.event if self.error is None else self.error


def start(tasks: Any, plant: Plant, value: object = 42, *, item: int = 1, **more: Any) -> Outcome:
    """Start write_and_wait in a task."""
    outcome = Outcome(anyio.Event(), anyio.CancelScope())

    async def run() -> None:
        with outcome.scope:
            try:
                outcome.event = await plant.session.write_and_wait(1, item, value, **more)
            except MxGatewayError as error:
                outcome.error = error
            except BaseException as error:
                outcome.notes = list(getattr(error, "__notes__", ()))
                raise
        outcome.done.set()

    tasks.start_soon(run)
    return outcome


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
