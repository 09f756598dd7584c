"""One stream, many consumers: what the hub passes on, drops, resumes and ends."""

from __future__ import annotations

import gc
import logging
from typing import Any

import anyio
import pytest
from events.scripted_events import SESSION, HubBench, change, gap, queue

from mxgateway.errors import (
    AlreadyExistsError,
    ClientClosedError,
    ConfigurationError,
    ConnectError,
    ConnectionLost,
    DeadlineExceededError,
    DecodeError,
    InternalError,
    MxGatewayError,
    SlowConsumerError,
)
from mxgateway.events import (
    DataChange,
    DroppedEvents,
    Event,
    EventFilter,
    EventHub,
    EventStream,
    ReplayGapEvent,
    SequenceGap,
    UnknownEvent,
)
from mxgateway.generated.mxaccess_gateway.v1 import MxEvent, MxEventFamily


async def take(stream: EventStream, count: int) -> list[Event]:
    """Return the next `count` events."""
    with anyio.fail_after(5):
        return [await anext(stream) for _ in range(count)]


async def rest(stream: EventStream) -> tuple[list[Event], MxGatewayError | None]:
    """Return all further events, and what the stream ended with."""
    events: list[Event] = []
    with anyio.fail_after(5):
        try:
            async for event in stream:
                events.append(event)  # noqa: PERF401 - an error must not lose the events
        except MxGatewayError as error:
            return events, error
    return events, None


def sequences(events: list[Event]) -> list[int]:
    return [event.worker_sequence for event in events]


async def settle(bench: HubBench, stream: EventStream, queued: int) -> None:
    """Return once `queued` events wait in a stream; another consumer shows when to look."""
    with anyio.fail_after(5):
        while stream.queued < queued:
            await anyio.lowlevel.checkpoint()


async def test_every_consumer_gets_every_event_in_order_from_one_stream(bench: HubBench) -> None:
    async with bench.consumer() as first, bench.consumer() as second:
        source = await bench.stream()
        source.send(*(change(n) for n in range(1, 6)))
        assert sequences(await take(first, 5)) == [1, 2, 3, 4, 5]
        assert sequences(await take(second, 5)) == [1, 2, 3, 4, 5]
    assert len(bench.streams) == 1
    assert source.after == 0


async def test_nothing_is_opened_before_the_first_consumer_starts(bench: HubBench) -> None:
    stream = bench.consumer()
    assert not bench.hub.running
    assert repr(stream) == f"<EventStream of {SESSION}, new, 0 events queued>"
    await stream.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    with pytest.raises(ClientClosedError):
        await stream.__aenter__()
    assert bench.streams == []


@pytest.mark.requirement("stream.early-exit")
async def test_the_last_consumer_resets_the_stream_and_the_next_one_opens_another(
    bench: HubBench,
) -> None:
    async with bench.consumer() as first:
        source = await bench.stream()
        async with bench.consumer():
            pass
        assert source.is_open()
        assert bench.hub.running
        await first.aclose()
        assert source.closed
    async with bench.consumer(7):
        assert (await bench.stream(2)).after == 7


async def _by_break(stream: EventStream) -> None:
    async for _ in stream:
        break


async def _by_error(stream: EventStream) -> None:
    with pytest.raises(KeyError):
        async with stream:
            raise KeyError


async def _by_cancel(stream: EventStream) -> None:
    with anyio.CancelScope() as scope:
        async for _ in stream:
            scope.cancel()


@pytest.mark.requirement("stream.early-exit")
@pytest.mark.parametrize("leave", [_by_break, _by_error, _by_cancel])
async def test_however_a_consumer_leaves_the_stream_is_reset(leave: Any, bench: HubBench) -> None:
    async def feed() -> None:
        (await bench.stream()).send(change(1), change(2))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(feed)
        await leave(bench.consumer())
    gc.collect()
    with anyio.fail_after(5):
        await bench.hub.wait_idle()
    assert bench.streams[0].closed


async def test_a_waiting_consumer_ends_when_another_task_closes_it(bench: HubBench) -> None:
    stream = bench.consumer()
    ended = anyio.Event()

    async def wait() -> None:
        assert await rest(stream) == ([], None)
        ended.set()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await bench.stream()
            await stream.aclose()
            await ended.wait()


# Bounds --------------------------------------------------------------------------------


@pytest.mark.requirement("sub.slow-consumer")
async def test_a_full_queue_ends_a_slow_consumer_after_what_it_holds_and_no_other(
    bench: HubBench,
) -> None:
    async with bench.consumer(max_events=3) as slow, bench.consumer() as fast:
        (await bench.stream()).send(*(change(n) for n in range(1, 11)))
        assert sequences(await take(fast, 10)) == list(range(1, 11))
        events, error = await rest(slow)
        assert sequences(events) == [1, 2, 3]
        assert isinstance(error, SlowConsumerError)
        assert "3 events (max_events)" in str(error)
        assert "drop_oldest" in error.diagnostics()
        assert await rest(slow) == ([], None)
        assert slow.queued_bytes == 0
        assert bench.hub.running


@pytest.mark.requirement("sub.slow-consumer")
async def test_the_queue_is_bounded_in_bytes_as_well(bench: HubBench) -> None:
    async with bench.consumer(max_bytes=250) as slow, bench.consumer() as fast:
        (await bench.stream()).send(*(change(n) for n in range(1, 5)), size=100)
        await take(fast, 4)
        assert (slow.queued, slow.queued_bytes) == (2, 200)
        events, error = await rest(slow)
        assert sequences(events) == [1, 2]
        assert isinstance(error, SlowConsumerError)
        assert "300 bytes, 250 allowed (max_bytes)" in str(error)


async def test_one_event_larger_than_the_bound_still_arrives(bench: HubBench) -> None:
    async with bench.consumer(max_bytes=50) as small:
        (await bench.stream()).send(change(1), size=5_000)
        assert sequences(await take(small, 1)) == [1]
        assert small.queued_bytes == 0


@pytest.mark.requirement("sub.slow-consumer")
async def test_dropped_events_are_counted_and_marked_where_they_were(bench: HubBench) -> None:
    async with bench.consumer(max_events=10, overflow="drop_oldest") as slow:
        async with bench.consumer(max_events=10_000) as fast:
            source = await bench.stream()
            source.send(*(change(n) for n in range(1, 10_001)))
            await take(fast, 10_000)
            assert (slow.queued, slow.queued_bytes) == (10, 1_000)
            first = await take(slow, 11)
            assert isinstance(first[0], DroppedEvents)
            assert first[0].count == 9_990 == slow.dropped
            assert first[0].raw is None
            assert sequences(first[1:]) == list(range(9_991, 10_001))
            source.send(change(10_001))
            assert sequences(await take(slow, 1)) == [10_001]
            assert (slow.queued, slow.queued_bytes) == (0, 0)


@pytest.mark.requirement("sub.slow-consumer")
async def test_a_gap_is_not_among_what_is_dropped(bench: HubBench) -> None:
    async with bench.consumer(max_events=3, overflow="drop_oldest") as slow:
        async with bench.consumer() as fast:
            (await bench.stream()).send(
                change(1), change(5), *(change(n) for n in range(9, 15)), gap(14, 30), change(30)
            )
            await take(fast, 12)
            dropped, lost, *left = await take(slow, 5)
            assert isinstance(dropped, DroppedEvents)
            assert dropped.count == slow.dropped == 7  # the events alone
            assert isinstance(lost, SequenceGap)
            assert (lost.after, lost.before) == (5, 9)
            assert isinstance(left[1], ReplayGapEvent)
            assert sequences(left) == [14, 0, 30]


async def test_families_and_items_choose_and_gaps_come_always(bench: HubBench) -> None:
    complete = MxEvent(family=MxEventFamily.ON_WRITE_COMPLETE, item_handle=2, worker_sequence=3)
    async with (
        bench.consumer(wanted=EventFilter([DataChange], None)) as changes,
        bench.consumer(wanted=EventFilter(None, [2])) as item,
        bench.consumer(wanted=EventFilter([MxEventFamily.ON_WRITE_COMPLETE], [(1, 1)])) as none,
    ):
        source = await bench.stream()
        source.send(change(1), change(2, item=2), complete, change(9))
        assert sequences(await take(changes, 4)) == [1, 2, 0, 9]
        assert sequences(await take(item, 3)) == [2, 3, 0]
        assert isinstance((await take(none, 1))[0], SequenceGap)


@pytest.mark.parametrize(
    "arguments",
    [
        *((["nothing"], None), ([True], None), (DataChange, None), (MxEventFamily(1), None)),
        *((None, ["a"]), (None, 5), (None, "ab"), (None, [(1, "a")]), (None, [(1, True)])),
    ],
)
def test_a_filter_of_anything_else_is_refused(arguments: Any) -> None:
    with pytest.raises(ConfigurationError):
        EventFilter(*arguments)


# Sequences -----------------------------------------------------------------------------


async def test_a_gap_of_the_gateway_reaches_every_consumer(bench: HubBench) -> None:
    async with bench.consumer(5) as first, bench.consumer() as second:
        source = await bench.stream()
        assert source.after == 5
        source.send(gap(5, 20), change(20), change(21))
        for stream in (first, second):
            lost, *events = await take(stream, 3)
            assert isinstance(lost, ReplayGapEvent)
            assert (lost.requested_after, lost.oldest_available, lost.lost) == (5, 20, 14)
            assert sequences(events) == [20, 21]


async def test_a_jump_without_word_from_the_gateway_is_marked_before_the_event(
    bench: HubBench, caplog: pytest.LogCaptureFixture
) -> None:
    async with bench.consumer() as stream:
        (await bench.stream()).send(change(4), change(5), change(9))
        events = await take(stream, 4)
    mark = events[2]
    assert isinstance(mark, SequenceGap)
    assert (mark.after, mark.before, mark.lost, mark.raw) == (5, 9, 3, None)
    assert mark.to_dict()["lost"] == "3"
    assert sequences(events) == [4, 5, 0, 9]
    assert "sequence 9 follows 5" in caplog.text


async def test_a_jump_right_after_the_resume_point_is_marked(bench: HubBench) -> None:
    async with bench.consumer(5) as stream:
        (await bench.stream()).send(change(8))
        mark, event = await take(stream, 2)
    assert isinstance(mark, SequenceGap)
    assert (mark.after, mark.before, event.worker_sequence) == (5, 8, 8)


async def test_a_repeated_or_falling_sequence_is_passed_on_and_logged_once(
    bench: HubBench, caplog: pytest.LogCaptureFixture
) -> None:
    async with bench.consumer() as stream:
        (await bench.stream()).send(*(change(n) for n in (1, 2, 2, 1, 2, 3)))
        assert sequences(await take(stream, 6)) == [1, 2, 2, 1, 2, 3]
    assert [r.levelno for r in caplog.records if "after" in r.message] == [logging.WARNING]


async def test_unknown_families_pass_through(bench: HubBench) -> None:
    async with bench.consumer() as stream:
        (await bench.stream()).send(MxEvent(family=MxEventFamily(77), worker_sequence=1))
        (event,) = await take(stream, 1)
    assert isinstance(event, UnknownEvent)
    assert event.family == 77
    assert event.to_dict()["family"] == 77


# Consumers that come later ----------------------------------------------------------------


async def test_a_later_consumer_resumes_from_what_the_hub_keeps(bench: HubBench) -> None:
    async with bench.consumer() as first:
        source = await bench.stream()
        source.send(*(change(n) for n in range(1, 8)))
        await take(first, 7)
        async with bench.consumer(4) as second, bench.consumer() as live, bench.consumer(7) as end:
            source.send(change(8))
            assert sequences(await take(second, 4)) == [5, 6, 7, 8]
            assert sequences(await take(live, 1)) == [8]
            assert sequences(await take(end, 1)) == [8]


async def test_a_later_consumer_behind_what_the_hub_keeps_gets_a_gap(bench: HubBench) -> None:
    async with bench.consumer() as first:
        source = await bench.stream()
        source.send(*(change(n) for n in range(1, 1_101)))
        await take(first, 1_100)
        async with bench.consumer(3) as second:
            lost, oldest = await take(second, 2)
            assert isinstance(lost, ReplayGapEvent)
            assert (lost.requested_after, lost.oldest_available) == (3, 77)
            assert lost.session_id == SESSION
            assert oldest.worker_sequence == 77
            assert second.queued == 1_023


async def test_what_the_hub_keeps_is_bounded_in_bytes(bench: HubBench) -> None:
    async with bench.consumer(max_bytes=1 << 30) as first:
        source = await bench.stream()
        source.send(*(change(n) for n in range(1, 11)), size=1 << 20)
        await take(first, 10)
        async with bench.consumer(1, max_bytes=1 << 30) as second:
            lost, *events = await take(second, 5)
            assert isinstance(lost, ReplayGapEvent)
            assert sequences(events) == [7, 8, 9, 10]


@pytest.mark.parametrize(
    ("after", "expected"), [(2, ["gap", 4, 5]), (3, [4, 5]), (4, [5]), (9, [])]
)
async def test_a_consumer_that_comes_before_the_first_event_starts_where_it_asked(
    after: int, expected: list[Any], bench: HubBench
) -> None:
    async with bench.consumer() as first, bench.consumer(after) as second:
        source = await bench.stream()
        source.send(change(4), change(5))
        source.finish()
        await rest(first)
        events, _ = await rest(second)
    shown = ["gap" if isinstance(e, ReplayGapEvent) else e.worker_sequence for e in events]
    assert shown == expected


# Ends ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [None, ConnectionLost("gone", cause="reset"), DecodeError("MxEvent", 3, "bad wire type")],
)
async def test_the_end_of_the_stream_reaches_all_after_what_is_queued(
    error: MxGatewayError | None, bench: HubBench
) -> None:
    async with bench.consumer() as first, bench.consumer() as second:
        source = await bench.stream()
        source.send(change(1), change(2))
        source.finish(error)
        seen = []
        for stream in (first, second):
            events, ended = await rest(stream)
            assert sequences(events) == [1, 2]
            assert type(ended) is type(error)
            seen.append(ended)
            assert await rest(stream) == ([], None)
        assert error is None or seen[0] is not seen[1]
    assert not bench.hub.running


async def test_closing_the_hub_ends_consumers_plainly_and_refuses_new_ones(
    bench: HubBench,
) -> None:
    async with bench.consumer() as stream:
        source = await bench.stream()
        source.send(change(1))
        await settle(bench, stream, 1)
        bench.hub.close()
        assert source.closed
        events, error = await rest(stream)
        assert (sequences(events), error) == ([1], None)
    with pytest.raises(ClientClosedError, match="is closed"):
        await anext(bench.consumer())


async def test_a_cancelled_hub_tells_its_consumers_that_the_client_was_closed() -> None:
    ends: list[MxGatewayError | None] = []

    class Sink:
        def feed(self, event: Event, size: int, /) -> None: ...

        def end(self, error: MxGatewayError | None, /) -> None:
            ends.append(error)

    async with HubBench() as bench:
        bench.hub.attach(Sink())
        await bench.stream()
        bench.cancel()
    (error,) = ends
    assert isinstance(error, ConnectionLost)
    assert error.cause == "closed"


async def test_a_stream_that_cannot_be_opened_is_told_on_entering(bench: HubBench) -> None:
    bench.refusals = [(True, ConnectError("nobody listens")), (True, ConnectError("again"))]
    with pytest.raises(ConnectError):
        async with bench.consumer():
            pass
    with anyio.fail_after(5), pytest.raises(ConnectError):
        await anext(bench.consumer())
    async with bench.consumer() as stream:
        (await bench.stream(3)).send(change(1))
        assert sequences(await take(stream, 1)) == [1]


async def test_a_client_that_does_not_run_refuses_consumers() -> None:
    def spawn(func: Any) -> None:
        raise ClientClosedError("the client is not running")

    hub = EventHub(lambda after: None, spawn, SESSION)  # type: ignore[arg-type,return-value]
    with pytest.raises(ClientClosedError):
        hub.attach(queue())
    assert not hub.running


async def test_a_consumer_ends_with_its_own_timeout_and_no_other_does(bench: HubBench) -> None:
    async with bench.consumer() as patient:
        async with bench.consumer(timeout=0.1) as hurried:
            _, error = await rest(hurried)
            assert isinstance(error, DeadlineExceededError)
        (await bench.stream()).send(change(1))
        assert sequences(await take(patient, 1)) == [1]


async def test_what_came_before_the_timeout_is_returned_before_its_error(bench: HubBench) -> None:
    async with bench.consumer() as witness, bench.consumer(timeout=0.1) as hurried:
        source = await bench.stream()
        source.send(*(change(n) for n in range(1, 4)))
        await take(witness, 3)
        await anyio.sleep_until(anyio.current_time() + 0.1)
        source.send(change(4))
        await take(witness, 1)
        events, error = await rest(hurried)
        assert sequences(events)[:3] == [1, 2, 3]
        assert isinstance(error, DeadlineExceededError)
        assert error.phase == "message"
        with pytest.raises(StopAsyncIteration):
            await anext(hurried)


async def test_a_sink_may_start_anew_when_it_hears_of_the_end(bench: HubBench) -> None:
    again = queue()

    class Restarting:
        def feed(self, event: Event, size: int) -> None:
            raise AssertionError(event)

        def end(self, error: MxGatewayError | None) -> None:
            bench.hub.attach(again)

    bench.hub.attach(Restarting())
    (await bench.stream()).finish(None)
    second = await bench.stream(2)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await bench.hub.wait_idle()
    assert scope.cancelled_caught  # it would have waited
    second.send(change(1))
    with anyio.fail_after(5):
        await again.wait()
    assert len(again) == 1


async def test_a_sink_that_fails_takes_no_other_along(
    bench: HubBench, caplog: pytest.LogCaptureFixture
) -> None:
    ends: list[MxGatewayError | None] = []

    class Broken:
        def feed(self, event: Event, size: int, /) -> None:
            raise KeyError("a defect")

        def end(self, error: MxGatewayError | None, /) -> None:
            ends.append(error)

    bench.hub.attach(Broken())
    async with bench.consumer() as stream:
        (await bench.stream()).send(change(1), change(2))
        assert sequences(await take(stream, 2)) == [1, 2]
    (error,) = ends
    assert isinstance(error, InternalError)
    assert isinstance(error.__cause__, KeyError)


# Opening again ---------------------------------------------------------------------------


async def test_a_new_consumer_right_after_a_reset_waits_until_the_gateway_has_seen_it(
    bench: HubBench,
) -> None:
    async with bench.consumer():
        await bench.stream()
    refused = AlreadyExistsError("has an event stream")
    bench.refusals = [(False, refused), (False, refused)]
    async with bench.consumer(3) as stream:
        source = await bench.stream(4)
        source.send(change(4))
        assert sequences(await take(stream, 1)) == [4]
    assert [s.after for s in bench.streams] == [0, 3, 3, 3]


async def test_a_stream_of_somebody_else_is_an_error_at_once(bench: HubBench) -> None:
    bench.refusals = [(False, AlreadyExistsError("has an event stream"))]
    with anyio.fail_after(5), pytest.raises(AlreadyExistsError):
        await anext(bench.consumer())
    assert len(bench.streams) == 1


async def test_a_consumer_that_leaves_during_the_pause_ends_it(bench: HubBench) -> None:
    async with bench.consumer():
        await bench.stream()
    bench.refusals = [(False, AlreadyExistsError("busy"))] * 2
    async with bench.consumer():
        await bench.stream(3)
    async with bench.consumer() as stream:
        (await bench.stream(4)).send(change(1))
        assert sequences(await take(stream, 1)) == [1]


async def test_a_held_stream_outlives_its_consumers(bench: HubBench) -> None:
    bench.hub.hold()
    source = await bench.stream()
    async with bench.consumer():
        pass
    assert source.is_open()
    assert repr(bench.hub) == f"<EventHub of {SESSION}, running, 0 consumers>"
    bench.hub.close()
    assert source.closed
    with pytest.raises(ClientClosedError):
        bench.hub.hold()
