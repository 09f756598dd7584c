"""A book keeps no more alarms, and no more of what they say, than it may."""

from __future__ import annotations

from typing import Any

import pytest
from alarms.feed_messages import COMPLETE, applied, snapshot, transition

from mxgateway import AlarmBook, AlarmFeedMessage, LimitError
from mxgateway.alarms import AlarmFollower
from mxgateway.codec import encode
from mxgateway.generated.mxaccess_gateway.v1 import (
    AlarmConditionState,
    AlarmTransitionKind,
    Int32Array,
    MxArray,
    MxValue,
)

RAISE, CLEAR = AlarmTransitionKind.RAISE, AlarmTransitionKind.CLEAR
ACKNOWLEDGE = AlarmTransitionKind.ACKNOWLEDGE


def name(number: int) -> str:
    return f"Galaxy!Area.Tag_{number}"


def test_a_snapshot_of_more_alarms_than_allowed_is_refused_and_the_book_stays() -> None:
    book = AlarmBook(max_alarms=10)
    for number in range(10):
        book.apply(snapshot(name(number)))
    with pytest.raises(LimitError) as caught:
        book.apply(snapshot(name(10)))
    assert (caught.value.option, caught.value.limit) == ("max_alarms", 10)
    assert len(book) == 10
    assert applied(book, COMPLETE) == ["complete*"]
    book.apply(snapshot(name(3).upper()))  # one that is known needs no room


def test_an_alarm_that_clears_makes_room_for_another() -> None:
    book = AlarmBook(max_alarms=2)
    applied(book, snapshot(name(1)), snapshot(name(2)), COMPLETE)
    with pytest.raises(LimitError):
        book.apply(transition(RAISE, name(3)))
    assert applied(book, transition(CLEAR, name(1)), transition(RAISE, name(3)))
    assert {alarm.reference for alarm in book.active} == {name(2), name(3)}
    for number in range(100):
        applied(book, transition(CLEAR, name(number + 3)), transition(RAISE, name(number + 4)))
    assert len(book) == 2


def test_what_has_cleared_before_the_snapshot_is_complete_counts_until_then() -> None:
    book = AlarmBook(max_alarms=3)
    applied(book, *(transition(CLEAR, name(number)) for number in range(3)))
    with pytest.raises(LimitError):
        book.apply(transition(CLEAR, name(3)))
    with pytest.raises(LimitError):
        book.apply(snapshot(name(4)))
    applied(book, COMPLETE)
    applied(book, *(transition(RAISE, name(number)) for number in range(3)))
    assert len(book) == 3
    book.begin()  # those that are there stay, until the new snapshot says otherwise
    applied(book, snapshot(name(0), AlarmConditionState.INACTIVE, last=9), COMPLETE)
    assert len(book) == 0
    applied(book, *(transition(RAISE, name(number)) for number in range(3)))


def long_text(number: int) -> AlarmFeedMessage:
    return snapshot(name(number), description="x" * 100_000)


def large_array(number: int) -> AlarmFeedMessage:
    array = MxArray(int32_values=Int32Array(values=[1] * 2000))
    return snapshot(name(number), current_value=MxValue(array_value=array))


@pytest.mark.parametrize("make", [long_text, large_array])
@pytest.mark.parametrize("told", [False, True])
def test_long_texts_and_arrays_take_more_room(make: Any, told: bool) -> None:
    book = AlarmBook(max_alarms=1000)

    def fill() -> None:
        for number in range(1000):
            message = make(number)
            book.apply(message, size=len(encode(message)) if told else None)

    with pytest.raises(LimitError, match="bytes") as caught:
        fill()
    assert caught.value.option == "max_alarms"
    assert 0 < len(book) < 15


def test_what_an_alarm_keeps_of_earlier_messages_still_counts() -> None:
    book = AlarmBook(max_alarms=1000)
    applied(book, *(long_text(number) for number in range(5)))
    applied(book, COMPLETE, *(transition(ACKNOWLEDGE, name(n)) for n in range(5)))
    assert all(len(alarm.description) == 100_000 for alarm in book.active)
    # The messages of the snapshot are gone, their texts are not.
    applied(book, long_text(5), long_text(6))
    with pytest.raises(LimitError):
        applied(book, *(long_text(number) for number in range(7, 12)))


def test_messages_about_one_alarm_never_add_up() -> None:
    book = AlarmBook(max_alarms=1)
    applied(book, snapshot(description="x" * 100), COMPLETE)
    for kind in (RAISE, ACKNOWLEDGE) * 5000:
        book.apply(transition(kind, operator_comment="y" * 100), size=400)
    assert len(book) == 1


async def test_a_follower_closes_its_feed_where_the_book_is_full() -> None:
    class Feed:
        closed = False
        last_size = 100
        number = 0

        async def __anext__(self) -> AlarmFeedMessage:
            self.number += 1
            return snapshot(name(self.number))

        def close(self) -> None:
            self.closed = True

    feed: Any = Feed()
    follower = AlarmFollower(feed, AlarmBook(max_alarms=5))
    for _ in range(5):
        await anext(follower)
    with pytest.raises(LimitError):
        await anext(follower)
    assert feed.closed
