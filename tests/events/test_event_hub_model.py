"""Whatever the order of feeding, taking, coming and leaving: nothing is lost without a mark."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from events.scripted_events import SESSION, change, queue
from hypothesis import given
from hypothesis import strategies as st

from mxgateway.errors import SlowConsumerError
from mxgateway.events import DroppedEvents, EventHub, EventQueue, Overflow, ReplayGapEvent

_ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("feed"), st.integers(1, 40), st.integers(1, 60)),
        st.tuples(st.just("take"), st.integers(0, 3), st.integers(1, 30)),
        st.tuples(
            st.just("attach"),
            st.tuples(
                st.integers(1, 12),
                st.integers(20, 400),
                st.sampled_from(["error", "drop_oldest"]),
            ),
            st.integers(0, 50),
        ),
        st.tuples(st.just("detach"), st.integers(0, 3), st.just(0)),
    ),
    max_size=40,
)


@dataclass
class Consumer:
    """A consumer, and what the model expects of it."""

    queue: EventQueue
    bounds: tuple[int, int, Overflow]
    after: int
    seen: list[int] = field(default_factory=list)
    dropped: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)

    def take(self, count: int) -> None:
        for _ in range(count):
            event = self.queue.take()
            if event is None:
                return
            if isinstance(event, DroppedEvents):
                self.dropped += event.count
            elif isinstance(event, ReplayGapEvent):
                self.gaps.append((event.requested_after, event.oldest_available))
            else:
                self.seen.append(event.worker_sequence)

    def check_bounds(self) -> None:
        most, most_bytes, _ = self.bounds
        assert len(self.queue) <= most
        assert self.queue.size <= most_bytes or len(self.queue) == 1


@pytest.mark.requirement("sub.slow-consumer")
@given(actions=_ACTIONS)
def test_delivered_and_dropped_are_what_was_fed(actions: list[Any]) -> None:
    opened: list[int] = []

    def stream(after: int) -> Any:
        opened.append(after)

    hub = EventHub(stream, lambda func: None, SESSION)
    keeper = queue(max_events=1 << 30, max_bytes=1 << 40)
    hub.attach(keeper)
    last = 0
    consumers: list[Consumer] = []
    gone: list[Consumer] = []
    for action, first, second in actions:
        if action == "feed":
            for _ in range(first):
                last += 1
                hub.deliver(change(last), second)
        elif action == "attach":
            bounds, after = first, min(second, last)
            consumer = Consumer(queue(*bounds), bounds, after or last)
            hub.attach(consumer.queue, after)
            consumers.append(consumer)
        elif first < len(consumers):
            if action == "take":
                consumers[first].take(second)
            else:
                leaving = consumers.pop(first)
                hub.detach(leaving.queue)
                leaving.take(1 << 30)
                gone.append(leaving)
        for consumer in consumers:
            consumer.check_bounds()
    for consumer in consumers:
        consumer.take(1 << 30)
        error = consumer.queue.take_error()
        expected = list(range(consumer.after + 1, last + 1))
        if consumer.bounds[2] == "error":
            assert consumer.dropped == 0
            assert consumer.seen == expected[: len(consumer.seen)]
            assert (error is None) == (consumer.seen == expected)
            assert error is None or isinstance(error, SlowConsumerError)
        else:
            assert error is None
            assert len(consumer.seen) + consumer.dropped == len(expected)
            assert consumer.seen == sorted(set(consumer.seen))
            assert not expected or consumer.seen[-1] == last
    for consumer in consumers + gone:
        assert consumer.seen == sorted(set(consumer.seen))
        assert (len(consumer.queue), consumer.queue.size) == (0, 0)
    assert len(keeper) == last
