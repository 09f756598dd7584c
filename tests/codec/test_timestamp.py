"""Timestamp: requirement `value.time-100ns`."""

from __future__ import annotations

import copy
import pickle
import time
from datetime import UTC, date, datetime, timedelta, timezone
from typing import assert_type
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mxgateway.codec import decode, encode
from mxgateway.generated.galaxy_repository.v1 import DeployEvent
from mxgateway.generated.google import protobuf
from mxgateway.generated.mxaccess_gateway.v1 import MxEvent
from mxgateway.timestamp import Duration, Timestamp, unix_parts

pytestmark = pytest.mark.requirement("value.time-100ns")

MIN_SECONDS = -62_135_596_800
MAX_SECONDS = 253_402_300_799
MAX_FILETIME = (MAX_SECONDS + 11_644_473_600) * 10_000_000 + 9_999_999
ZONES = [UTC, timezone(timedelta(hours=-9, minutes=-30)), ZoneInfo("Europe/Berlin")]

moments = st.builds(
    Timestamp.from_unix, st.integers(MIN_SECONDS, MAX_SECONDS), st.integers(0, 999_999_999)
)
# A day from both ends, where other zones and small steps stay within range.
inner = st.builds(
    Timestamp.from_unix,
    st.integers(MIN_SECONDS + 10**6, MAX_SECONDS - 10**6),
    st.integers(0, 999_999_999),
)
any_wire = st.tuples(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(-(1 << 31), (1 << 31) - 1))
many = settings(deadline=None, max_examples=150, database=None)


@given(st.integers(0, MAX_FILETIME))
@many
def test_every_filetime_comes_back(ticks: int) -> None:
    moment = Timestamp.from_filetime(ticks)

    assert moment.to_filetime() == ticks
    assert not moment.out_of_range
    assert decode(MxEvent, encode(MxEvent(source_timestamp=moment))).source_timestamp == moment
    assert Timestamp.parse(str(moment)) == moment


@pytest.mark.parametrize(
    ("text", "seconds", "nanos"),
    [
        ("0001-01-01T00:00:00.0000000Z", MIN_SECONDS, 0),
        ("9999-12-31T23:59:59.9999999Z", MAX_SECONDS, 999_999_900),
        ("1601-01-01T00:00:00.0000000Z", -11_644_473_600, 0),
        ("1600-12-31T23:59:59.9999999Z", -11_644_473_601, 999_999_900),
        ("1969-12-31T23:59:59.9999999Z", -1, 999_999_900),
        ("2000-02-29T12:00:00.1234567Z", 951_825_600, 123_456_700),
    ],
)
def test_str_is_rfc_3339_with_seven_digits(text: str, seconds: int, nanos: int) -> None:
    moment = Timestamp.from_unix(seconds, nanos)

    assert str(moment) == text == f"{moment}"
    assert Timestamp.parse(text) == moment
    assert moment.to_unix() == (seconds, nanos)


@given(moments)
@many
def test_it_is_the_datetime_rounded_down_and_the_rest(moment: Timestamp) -> None:
    seconds, nanos = moment.to_unix()

    assert isinstance(moment, datetime)
    assert moment.tzinfo is UTC
    plain = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
        seconds=seconds, microseconds=nanos // 1000
    )
    assert moment.ToDatetime(UTC) == plain
    assert moment.microsecond * 1000 + moment.nanosecond == nanos
    assert moment.unix_ns == seconds * 10**9 + nanos


@given(moments)
@many
def test_copies_and_pickles_keep_everything(moment: Timestamp) -> None:
    for other in (
        copy.copy(moment),
        copy.deepcopy([moment])[0],
        *(pickle.loads(pickle.dumps(moment, protocol)) for protocol in range(2, 6)),
        eval(repr(moment), {"Timestamp": Timestamp}),
        Timestamp.parse(moment.isoformat()),
        Timestamp.fromisoformat(moment.isoformat(" ", "nanoseconds")),
        Timestamp.parse(moment.to_json()),
        Timestamp.from_datetime(moment),
    ):
        assert type(other) is Timestamp
        assert other == moment
        assert hash(other) == hash(moment)
        assert other.to_unix() == moment.to_unix()


@given(inner, st.sampled_from(ZONES))
@many
def test_another_zone_is_the_same_moment(moment: Timestamp, zone: timezone) -> None:
    there = moment.astimezone(zone)

    assert there == moment
    assert hash(there) == hash(moment)
    assert there.nanosecond == moment.nanosecond
    assert there.to_unix() == moment.to_unix() == unix_parts(there)
    assert there.to_json() == moment.to_json()
    assert there.astimezone(UTC).to_json() == moment.to_json()
    assert pickle.loads(pickle.dumps(there)).tzinfo == zone


@given(inner, st.integers(-(10**15), 10**15))
@many
def test_sums_and_differences_are_exact(moment: Timestamp, step: int) -> None:
    span = Duration(nanoseconds=step)

    later = moment + span

    assert type(later) is Timestamp
    assert later == span + moment
    assert later.unix_ns == moment.unix_ns + step
    assert later - moment == span
    assert later - span == moment
    assert (moment - later).total_nanoseconds == -step
    assert (moment + timedelta(seconds=1)).nanosecond == moment.nanosecond
    assert (moment - timedelta(days=3)).unix_ns == moment.unix_ns - 3 * 86_400 * 10**9


@given(moments, moments)
@many
def test_the_order_is_the_order_of_nanoseconds(left: Timestamp, right: Timestamp) -> None:
    a, b = left.unix_ns, right.unix_ns

    assert (left < right, left <= right, left > right, left >= right, left == right) == (
        a < b,
        a <= b,
        a > b,
        a >= b,
        a == b,
    )


def test_one_nanosecond_makes_a_difference() -> None:
    early, late = Timestamp.from_unix(5, 100), Timestamp.from_unix(5, 101)

    assert early < late
    assert early != late
    assert early <= late
    assert sorted([late, early]) == [early, late]
    assert {early, late, Timestamp.from_unix(5, 100)} == {early, late}


def test_it_mixes_with_plain_datetimes_both_ways() -> None:
    plain = datetime(2024, 5, 6, 7, 8, 9, 123456, UTC)
    same, above = (
        Timestamp.from_datetime(plain),
        Timestamp.from_datetime(plain) + Duration(nanoseconds=700),
    )

    assert same == plain
    assert plain == same
    assert hash(plain) == hash(same)
    assert above != plain
    assert plain != above
    assert above > plain
    assert plain < above
    assert plain <= same <= above
    assert plain - above == Duration(nanoseconds=-700)
    assert above - plain == Duration(nanoseconds=700)


def test_naive_datetimes_are_refused_with_the_reason() -> None:
    naive = datetime(2024, 1, 1)  # noqa: DTZ001

    with pytest.raises(ValueError, match="naive datetime names no point in time"):
        Timestamp.from_datetime(naive)
    with pytest.raises(ValueError, match="always aware"):
        Timestamp(2024, 1, 1, tzinfo=None)
    with pytest.raises(ValueError, match="always aware"):
        Timestamp(2024, 1, 1).replace(tzinfo=None)
    with pytest.raises(TypeError):
        _ = Timestamp(2024, 1, 1) < naive
    assert Timestamp(2024, 1, 1) != naive
    assert Timestamp.from_unix(1 << 60) != naive
    with pytest.raises(TypeError):
        _ = Timestamp.from_unix(1 << 60) < naive


@given(any_wire)
@many
def test_any_wire_value_is_taken_kept_and_given_back(wire: tuple[int, int]) -> None:
    moment = Timestamp.from_unix(*wire)
    total = wire[0] * 10**9 + wire[1]
    in_range = MIN_SECONDS * 10**9 <= total < (MAX_SECONDS + 1) * 10**9

    assert moment.to_unix() == wire
    assert moment.unix_ns == total
    assert moment.out_of_range is not in_range
    assert pickle.loads(pickle.dumps(moment)).to_unix() == wire
    assert eval(repr(moment), {"Timestamp": Timestamp}).to_unix() == wire
    assert Timestamp.parse(moment.to_json()) == moment
    assert (moment - Timestamp.from_unix(0)).total_nanoseconds == total
    assert encode(decode(MxEvent, encode(MxEvent(source_timestamp=moment)))) == encode(
        MxEvent(source_timestamp=moment)
    )


def test_a_time_out_of_range_is_clamped_and_marked() -> None:
    before, after = Timestamp.from_unix(MIN_SECONDS - 1, 5), Timestamp.from_unix(MAX_SECONDS + 1)

    assert (before.year, before.out_of_range) == (1, True)
    assert (after.year, after.out_of_range) == (9999, True)
    assert before < datetime.min.replace(tzinfo=UTC) < datetime.max.replace(tzinfo=UTC) < after
    assert before != Timestamp.from_unix(MIN_SECONDS)
    assert str(after) == "+10000-01-01T00:00:00.0000000Z"
    assert before.isoformat() == "0000-12-31T23:59:59.000000005Z"
    assert after - timedelta(seconds=1) == Timestamp.from_unix(MAX_SECONDS)
    assert not (after - timedelta(seconds=1)).out_of_range
    for zone in ZONES:
        for moment in (before, after):
            assert moment.astimezone(zone) == moment
            assert moment.astimezone(zone).to_unix() == moment.to_unix()
    assert after.ToDatetime(UTC) == datetime.max.replace(tzinfo=UTC)


@given(any_wire)
@many
def test_seconds_as_a_float_are_those_of_the_time_itself(wire: tuple[int, int]) -> None:
    moment = Timestamp.from_unix(*wire)

    assert moment.timestamp() == moment.unix_ns / 10**9
    if not moment.out_of_range and not moment.nanosecond:
        assert moment.timestamp() == moment.ToDatetime(UTC).timestamp()


def test_nanoseconds_beyond_a_second_count_on_and_go_back_as_they_came() -> None:
    moment = Timestamp.from_unix(5, -1)

    assert moment == Timestamp.from_unix(4, 999_999_999)
    assert hash(moment) == hash(Timestamp.from_unix(4, 999_999_999))
    assert not moment.out_of_range
    assert moment.to_unix() == (5, -1)
    assert moment.nanosecond == 999
    assert str(moment) == "1970-01-01T00:00:04.9999999Z"


def test_to_datetime_is_as_googles() -> None:
    moment = Timestamp.from_unix(1_700_000_000, 123_456_789)
    berlin = ZoneInfo("Europe/Berlin")

    assert moment.ToDatetime() == datetime(2023, 11, 14, 22, 13, 20, 123456)  # noqa: DTZ001
    assert type(moment.ToDatetime()) is datetime
    assert moment.ToDatetime(tzinfo=berlin) == datetime(2023, 11, 14, 23, 13, 20, 123456, berlin)


def test_replace_keeps_the_nanosecond_unless_the_microsecond_is_replaced() -> None:
    moment = Timestamp(2024, 5, 6, 7, 8, 9, 123456, nanosecond=700)

    assert moment.replace(year=2025).nanosecond == 700
    assert moment.__replace__(year=2025).nanosecond == 700
    assert moment.replace(microsecond=0) == datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    assert moment.replace(microsecond=1, nanosecond=2).to_unix()[1] == 1002
    assert moment.replace(2024, 5, 6, 7, 8, 9, 0).nanosecond == 0
    with pytest.raises(ValueError, match="nanosecond must be in"):
        moment.replace(nanosecond=1000)


def test_the_wall_clock_of_a_zone_carries_its_fold() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    second = Timestamp(2024, 10, 27, 2, 30, tzinfo=berlin, fold=1)

    assert second.to_unix()[0] - second.replace(fold=0).to_unix()[0] == 3600
    assert pickle.loads(pickle.dumps(second)).fold == 1


def test_other_constructors_of_datetime_give_timestamps() -> None:
    assert Timestamp.strptime("2024-05-06", "%Y-%m-%d") == Timestamp(2024, 5, 6)
    assert Timestamp.fromtimestamp(5, UTC) == Timestamp.from_unix(5)
    day = Timestamp(2024, 5, 6, 7)
    assert Timestamp.combine(date(2024, 5, 6), day.timetz()) == day
    before = time.time_ns()
    assert before <= Timestamp.now().unix_ns <= time.time_ns()
    assert Timestamp.now(ZONES[1]).utcoffset() == timedelta(hours=-9, minutes=-30)


@pytest.mark.parametrize(
    "text",
    [
        "2024-05-06T07:08:09",
        "2024-05-06",
        "2024-02-30T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:00:60Z",
        "2024-01-01T00:00:00.1234567890Z",
        "2024-01-01T00:00:00+24:00",
        "2024-01-01T00:00:00+0100",
        " 2024-01-01T00:00:00Z",
        "\uff12024-01-01T00:00:00Z",
        "",
    ],
)
def test_text_that_names_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write 2024|there is no such|must be less"):
        Timestamp.parse(text)


def test_text_with_an_offset_keeps_it() -> None:
    moment = Timestamp.parse("2024-05-06t07:08:09.1-05:30")

    assert moment.utcoffset() == timedelta(hours=-5, minutes=-30)
    assert str(moment) == "2024-05-06T07:08:09.1000000-05:30"
    assert moment.to_json() == "2024-05-06T12:38:09.100Z"


def test_isoformat_loses_nothing_and_takes_the_timespecs_of_datetime() -> None:
    moment = Timestamp(2024, 5, 6, 7, 8, 9, 123456, nanosecond=700)

    assert moment.isoformat() == "2024-05-06T07:08:09.123456700+00:00"
    assert moment.isoformat(" ", "seconds") == "2024-05-06 07:08:09+00:00"
    assert moment.isoformat(timespec="milliseconds") == "2024-05-06T07:08:09.123+00:00"
    assert moment.replace(nanosecond=0).isoformat() == "2024-05-06T07:08:09.123456+00:00"
    with pytest.raises(ValueError, match="timespec"):
        moment.isoformat(timespec="weeks")


@given(st.lists(moments, min_size=1, max_size=20))
@many
def test_the_decoder_reads_the_times_of_one_second_and_of_many_alike(
    times: list[Timestamp],
) -> None:
    near = [moment.replace(microsecond=n, nanosecond=n) for moment in times for n in (0, 1, 999)]
    for moment in times + near:
        event = decode(MxEvent, encode(MxEvent(source_timestamp=moment)))
        assert isinstance(event.source_timestamp, Timestamp)
        assert event.source_timestamp == moment
        assert event.source_timestamp.to_unix() == moment.to_unix()


@pytest.mark.parametrize(
    "body",
    [
        # Seven bytes that look like tag, five bytes of seconds, tag, and are not.
        "0801100208051081828304",
        "080110020805108182838405",
        "0880808080801010818204",
        "08ffffffff0f1081828304",
    ],
)
def test_the_decoder_of_times_takes_no_bytes_for_seconds_that_are_none(body: str) -> None:
    data = bytes.fromhex(body)
    sent = bytes([0x3A, len(data)]) + data
    for _ in range(2):  # the plain message is the second opinion
        expected = decode(protobuf.Timestamp, data)
        event = decode(MxEvent, sent)
        assert event.source_timestamp is not None
        assert event.source_timestamp.to_unix() == (expected.seconds, expected.nanos)


def test_more_different_seconds_than_the_decoder_remembers_are_read_right() -> None:
    for seconds in range(1_700_000_000, 1_700_003_000):
        event = decode(
            MxEvent, encode(MxEvent(source_timestamp=Timestamp.from_unix(seconds, 1 << 28)))
        )
        assert event.source_timestamp == Timestamp.from_unix(seconds, 1 << 28)


def test_type_checkers_see_what_messages_and_arithmetic_give() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    sent = encode(DeployEvent(time_of_last_deploy=noon))  # any datetime may be set
    moment = assert_type(decode(DeployEvent, sent).time_of_last_deploy, Timestamp | None)

    assert moment is not None
    assert moment.ToDatetime(UTC) == noon
    later = assert_type(moment + timedelta(seconds=1), Timestamp)
    assert assert_type(later - timedelta(seconds=1), Timestamp) == noon
    span = assert_type(later - noon, Duration)
    assert assert_type(span * 3 // 2, Duration) == timedelta(seconds=1.5)
    assert assert_type(span / timedelta(seconds=2), float) == 0.5
