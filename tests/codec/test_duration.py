"""Duration: negative spans, nanoseconds, and what no timedelta can hold."""

from __future__ import annotations

import copy
import operator
import pickle
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mxgateway.codec import decode, encode, to_jsonable
from mxgateway.generated.mxaccess_gateway.v1 import OpenSessionRequest
from mxgateway.timestamp import Duration

many = settings(deadline=None, max_examples=150, database=None)
lengths = st.integers(-(10**20), 10**20) | st.integers(-3_000_000_000, 3_000_000_000)
any_wire = st.tuples(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(-(1 << 31), (1 << 31) - 1))


def test_minus_one_and_a_half_seconds_are_what_they_are() -> None:
    span = Duration.from_wire(-1, -500_000_000)

    assert span == timedelta(seconds=-1.5) == Duration.from_timedelta(timedelta(seconds=-1.5))
    assert span.to_wire() == (-1, -500_000_000)
    assert span.total_seconds() == -1.5
    assert span.to_json() == "-1.500s"
    sent = encode(OpenSessionRequest(command_timeout=timedelta(seconds=-1.5)))
    assert sent.hex() == "221608ffffffffffffffffff011080b6ca91feffffffff01"
    assert decode(OpenSessionRequest, sent).command_timeout == span


@given(lengths, lengths)
@many
def test_arithmetic_and_order_are_exact(a: int, b: int) -> None:
    left, right = Duration(nanoseconds=a), Duration(nanoseconds=b)

    assert left.total_nanoseconds == a
    assert (left + right).total_nanoseconds == a + b
    assert (left - right).total_nanoseconds == a - b
    assert (-left).total_nanoseconds == -a
    assert abs(left).total_nanoseconds == abs(a)
    assert (left * 3).total_nanoseconds == (3 * left).total_nanoseconds == 3 * a
    assert (left < right, left <= right, left > right, left >= right, left == right) == (
        a < b,
        a <= b,
        a > b,
        a >= b,
        a == b,
    )
    assert bool(left) is (a != 0)
    if b:
        assert (left // right, (left % right).total_nanoseconds) == divmod(a, b)
        assert divmod(left, right) == (left // right, left % right)
        assert left / right == a / b


@given(lengths, st.integers(-1000, 1000).filter(bool))
@many
def test_parts_of_a_span_are_exact(total: int, parts: int) -> None:
    span = Duration(nanoseconds=total)

    assert (span // parts).total_nanoseconds == total // parts
    assert (span / parts).total_nanoseconds == round(Fraction(total, parts))
    assert (span * parts / parts, span * parts // parts) == (span, span)


@given(lengths)
@many
def test_copies_pickles_and_text_are_exact(total: int) -> None:
    span = Duration(nanoseconds=total)

    for other in (
        copy.copy(span),
        copy.deepcopy(span),
        pickle.loads(pickle.dumps(span)),
        Duration.parse(span.to_json()),
        eval(repr(span), {"Duration": Duration}),
        Duration.from_wire(*span.to_wire()),
    ):
        assert other == span
        assert hash(other) == hash(span)


@given(any_wire)
@many
def test_any_wire_value_is_taken_kept_and_given_back(wire: tuple[int, int]) -> None:
    span = Duration.from_wire(*wire)

    assert span.to_wire() == wire
    assert span.total_nanoseconds == wire[0] * 10**9 + wire[1]
    assert pickle.loads(pickle.dumps(span)).to_wire() == wire
    request = OpenSessionRequest(command_timeout=span)
    assert encode(decode(OpenSessionRequest, encode(request))) == encode(request)


def test_beyond_a_timedelta_it_is_clamped_and_marked() -> None:
    span = Duration.from_wire(1 << 62, 0)

    assert isinstance(span, timedelta)
    assert span.days == timedelta.max.days
    assert span.out_of_range
    assert span > timedelta.max
    assert -span < timedelta.min
    assert span != timedelta.max
    assert str(span) == f"{1 << 62}s"
    assert to_jsonable(OpenSessionRequest(command_timeout=span))["commandTimeout"] == f"{1 << 62}s"
    assert Duration.from_wire(315_576_000_001, 0).out_of_range
    assert not Duration.from_wire(315_576_000_000, 0).out_of_range


def test_it_mixes_with_timedeltas_and_datetimes() -> None:
    span = Duration(seconds=1, nanoseconds=500)
    start = datetime(2024, 1, 1, tzinfo=UTC)

    assert timedelta(seconds=1) < span
    assert span > timedelta(seconds=1)
    assert timedelta(seconds=2) - span == Duration(nanoseconds=999_999_500)
    assert timedelta(seconds=2) + span == span + timedelta(seconds=2)
    assert start + span == datetime(2024, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert start - span < start
    assert Duration(seconds=3) == timedelta(seconds=3)
    assert hash(Duration(seconds=3)) == hash(timedelta(seconds=3))
    assert span / timedelta(seconds=2) == pytest.approx(0.50000025)
    assert Duration(seconds=3) / 2 == timedelta(seconds=1.5)
    assert Duration(seconds=3) * 0.5 == timedelta(seconds=1.5)
    assert timedelta(seconds=2) / Duration(nanoseconds=100) == 2e7
    assert divmod(timedelta(seconds=2), Duration(nanoseconds=300)) == (
        timedelta(seconds=2) // Duration(nanoseconds=300),
        timedelta(seconds=2) % Duration(nanoseconds=300),
    )
    assert timedelta(seconds=2) % Duration(nanoseconds=300) == Duration(nanoseconds=200)
    wrong: list[tuple[Any, Any]] = [(span, "1s"), (1, span), ("1s", span)]
    for operation in (operator.truediv, operator.floordiv, operator.mod, divmod):
        for left, right in wrong:
            with pytest.raises(TypeError):
                operation(left, right)
    assert span != "1s"
    with pytest.raises(TypeError):
        _ = span < 1
    with pytest.raises(TypeError):
        _ = span + 1  # type: ignore[operator]
    with pytest.raises(TypeError):
        _ = span * "1"  # type: ignore[operator]


def test_text_is_timedeltas_with_the_digits_that_are_there() -> None:
    assert str(Duration(seconds=90)) == "0:01:30"
    assert str(Duration(seconds=1, nanoseconds=500)) == "0:00:01.000000500"
    assert str(Duration(microseconds=5, nanoseconds=7)) == "0:00:00.000005007"
    assert Duration(nanoseconds=1500).nanosecond == 500


@pytest.mark.parametrize("text", ["", "1", "1.5", "s", "1.0000000000s", "+1s", "1e3s", "\uff11s"])
def test_text_that_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        Duration.parse(text)
