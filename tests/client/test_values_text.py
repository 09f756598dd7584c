"""Text to MxValue, as the command line takes it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mxgateway import ConfigurationError
from mxgateway.generated.mxaccess_gateway.v1 import MxValue
from mxgateway.timestamp import Timestamp
from mxgateway.values import TYPE_NAMES, from_mx_value, parse_value

GOOD: list[tuple[str, str, Any]] = [
    ("bool", "true", True),
    ("bool", " FALSE ", False),
    ("bool", "1", True),
    ("bool", "off", False),
    ("int32", "42", 42),
    ("int32", " -7 ", -7),
    ("int32", "+0", 0),
    ("int32", "007", 7),
    ("int32", "0x2A", 42),
    ("int32", "-0x80000000", -(2**31)),
    ("int64", "9223372036854775807", 2**63 - 1),
    ("float", "0.5", 0.5),
    ("double", "2e-3", 0.002),
    ("double", ".5", 0.5),
    ("double", "-12", -12.0),
    ("string", " a b ", " a b "),
    ("string", "", ""),
    ("string", "true", "true"),
    ("time", "2025-01-31T12:00:00Z", dt.datetime(2025, 1, 31, 12, tzinfo=dt.UTC)),
    ("time", "2025-01-31T12:00:00+02:00", dt.datetime(2025, 1, 31, 10, tzinfo=dt.UTC)),
    ("elapsed", "1.5", dt.timedelta(seconds=1.5)),
    ("elapsed", "90s", dt.timedelta(seconds=90)),
    ("elapsed", "0:01:30", dt.timedelta(seconds=90)),
    ("elapsed", "-2.01:00:00.25", -dt.timedelta(days=2, hours=1, seconds=0.25)),
    ("int32[]", "1,2, 3", [1, 2, 3]),
    ("int32[]", "", []),
    ("int32[]", "[]", []),
    ("int32[]", "[1, 2]", [1, 2]),
    ("int32[]", "[[1,2],[3,4]]", [[1, 2], [3, 4]]),
    ("double[]", "[1, 0.5]", [1.0, 0.5]),
    ("bool[]", "true,0", [True, False]),
    ("bool[]", "[true, false]", [True, False]),
    ("string[]", 'a,"b,c",', ["a", "b,c", ""]),
    ("string[]", '["", "[x"]', ["", "[x"]),
    ("elapsed[]", "1,0:00:02", [dt.timedelta(seconds=1), dt.timedelta(seconds=2)]),
    ("elapsed[]", '[1, "0:00:02"]', [dt.timedelta(seconds=1), dt.timedelta(seconds=2)]),
    ("time[]", '["1970-01-01T00:00:00Z"]', [dt.datetime(1970, 1, 1, tzinfo=dt.UTC)]),
]


@pytest.mark.parametrize(("type_name", "text", "value"), GOOD)
def test_text_is_read_as_the_named_type(type_name: str, text: str, value: Any) -> None:
    message = parse_value(text, type_name)
    assert isinstance(message, MxValue)
    read = from_mx_value(message)
    assert read == value
    assert isinstance(read, type(value))


def test_every_type_name_has_a_case_above() -> None:
    assert {row[0] for row in GOOD} >= set(TYPE_NAMES) - {"float[]", "int64[]"}
    assert from_mx_value(parse_value("1.5", "float[]")) == [1.5]
    assert from_mx_value(parse_value("1", "int64[]")) == [1]


@pytest.mark.parametrize(
    ("type_name", "text", "part"),
    [
        ("bool", "maybe", "give true or false"),
        ("bool", "2", "give true or false"),
        ("int32", "1.0", "give a whole number"),
        ("int32", "", "give a whole number"),
        ("int32", "\uff11\uff12", "give a whole number"),
        ("int32", "1_000", "give a whole number"),
        ("int32", "2147483648", "2147483648 is outside"),
        ("int64", "9223372036854775808", "is outside"),
        ("float", "1e39", "too large for a float of 32 bits"),
        ("double", "1,5", "with a point"),
        ("double", "nan", "with a point"),
        ("double", "1e999", "1e999 is too large for double; it would become inf"),
        ("double", "-1e-999", "-1e-999 is too small for double; it would become -0.0"),
        ("double[]", "[1, 1e999]", "1e999 is too large for double"),
        ("float[]", "1,1e-999", "too small for float"),
        ("elapsed", "0.001e-400s", "too small for elapsed"),
        ("time", "2025-01-31T12:00:00", "with a time zone"),
        ("time", "yesterday", "RFC 3339"),
        ("elapsed", "1:60:00", "hours:minutes:seconds"),
        ("elapsed", "1h", "give seconds"),
        ("int32[]", "1,,2", "'' is no int32"),
        ("int32[]", "1,a", "'a' is no int32"),
        ("int32[]", "[1, 2.5]", "given float (in value[1])"),
        ("int32[]", "[true]", "given bool (in value[0])"),
        ("int32[]", '["1"]', "given str (in value[0])"),
        ("int32[]", "[1", "no JSON array"),
        ("int32[]", "[[1],[2,3]]", "2 elements where its neighbours have 1"),
        ("double[]", "[NaN]", "NaN is no number"),
        ("string[]", 'a,"b', "cannot be read"),
        ("int", "1", "known are bool, int32"),
        ("int32[][]", "1", "known are bool, int32"),
    ],
)
def test_text_that_is_none_of_the_type_is_refused_with_what_would_be(
    type_name: str, text: str, part: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_value(text, type_name)
    assert part in caught.value.message
    assert len(caught.value.message) < 400


def test_json_that_is_nested_without_end_is_refused() -> None:
    for text in ("[" * 100_000, "[" * 100 + "]" * 100):
        with pytest.raises(ConfigurationError, match=r"nested too deeply|more than 60 dimensions"):
            parse_value(text, "int32[]")


def test_the_tag_is_named_where_it_is_known() -> None:
    with pytest.raises(ConfigurationError, match=r"^Pump_001\.Speed: int32 expects [^()]*$"):
        parse_value("2147483648", "int32", tag="Pump_001.Speed")


@given(st.integers(-(2**63), 2**63 - 1))
@settings(deadline=None, max_examples=60)
def test_what_python_prints_for_an_int_is_read_back(value: int) -> None:
    assert from_mx_value(parse_value(str(value), "int64")) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(deadline=None, max_examples=60)
def test_what_python_prints_for_a_float_is_read_back(value: float) -> None:
    assert from_mx_value(parse_value(repr(value), "double")) == value


@given(st.datetimes(timezones=st.just(dt.UTC)), st.integers(0, 9))
@settings(deadline=None, max_examples=60)
def test_what_a_timestamp_prints_is_read_back(moment: dt.datetime, hundreds: int) -> None:
    stamp = Timestamp.from_datetime(moment).replace(nanosecond=hundreds * 100)
    assert from_mx_value(parse_value(str(stamp), "time")) == stamp


@given(st.timedeltas(dt.timedelta(days=-9999), dt.timedelta(days=9999)))
@settings(deadline=None, max_examples=60)
def test_a_clock_time_is_read_as_the_elapsed_time_it_shows(span: dt.timedelta) -> None:
    total = abs(span) // dt.timedelta(microseconds=1)
    minutes, micro = divmod(total, 60_000_000)
    sign = "-" if span < dt.timedelta(0) else ""
    text = f"{sign}{minutes // 60}:{minutes % 60:02}:{micro // 10**6:02}.{micro % 10**6:06}"
    assert from_mx_value(parse_value(text, "elapsed")) == span


@given(st.text(max_size=30), st.sampled_from(TYPE_NAMES))
@settings(deadline=None, max_examples=300)
def test_any_text_is_read_or_refused_by_one_kind_of_error(text: str, type_name: str) -> None:
    try:
        message = parse_value(text, type_name)
    except ConfigurationError:
        return
    assert isinstance(message, MxValue)
