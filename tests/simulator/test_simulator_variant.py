"""Conversions of written values (MXAccess reference, section 3)."""

from __future__ import annotations

import math
import struct
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mxgateway.codec import decode, encode
from mxgateway.generated.mxaccess_gateway.v1 import (
    Int64Array,
    MxArray,
    MxDataType,
    MxValue,
    RawArray,
)
from mxgateway.simulator.variant import (
    CoercionError,
    coerce,
    coerce_python,
    from_message,
    to_message,
    type_info,
)

T = MxDataType
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
int32 = st.integers(-(1 << 31), (1 << 31) - 1)
float32 = st.floats(width=32, allow_nan=False)
times = st.datetimes(timezones=st.just(UTC))
SCALARS: list[tuple[MxDataType, st.SearchStrategy[Any]]] = [
    (T.BOOLEAN, st.booleans()),
    (T.INTEGER, int32),
    (T.FLOAT, float32),
    (T.DOUBLE, st.floats(allow_nan=False)),
    (T.STRING, st.text(st.characters(exclude_categories=["Cs"]))),
    (T.TIME, times),
    (T.ELAPSED_TIME, st.floats(allow_nan=False)),
    (T.QUALIFIED_STRUCT, st.binary()),
    (T.BIG_STRING, st.text(st.characters(exclude_categories=["Cs"]))),
]
typed = st.sampled_from(SCALARS).flatmap(lambda pair: st.tuples(st.just(pair[0]), pair[1]))
typed_lists = st.sampled_from(SCALARS[:7]).flatmap(
    lambda pair: st.tuples(st.just(pair[0]), st.lists(pair[1], max_size=20))
)


@settings(deadline=None, max_examples=200)
@given(typed)
def test_a_scalar_survives_message_wire_and_conversion(pair: tuple[MxDataType, Any]) -> None:
    info = type_info(pair[0])
    message = decode(MxValue, encode(to_message(info, pair[1])))
    assert coerce(message, info, is_array=False) == pair[1]


@settings(deadline=None, max_examples=100)
@given(typed_lists)
def test_an_array_survives_message_wire_and_conversion(
    pair: tuple[MxDataType, list[Any]],
) -> None:
    info = type_info(pair[0])
    message = decode(MxValue, encode(to_message(info, pair[1])))
    assert coerce(message, info, is_array=True) == pair[1]


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from([info for info, _ in SCALARS]),
    st.one_of(
        st.booleans(),
        st.integers(-(1 << 63), (1 << 63) - 1),
        st.floats(),
        st.text(max_size=8),
        st.binary(max_size=4),
        times,
    ),
)
def test_any_value_is_converted_or_refused_but_never_anything_else(
    data_type: MxDataType, value: Any
) -> None:
    info = type_info(data_type)
    try:
        converted = coerce_python(value, info, is_array=False)
    except CoercionError:
        return
    to_message(info, converted)
    again = coerce_python(converted, info, is_array=False)
    assert again == converted or (math.isnan(again) and math.isnan(converted))


@pytest.mark.parametrize(
    ("data_type", "given_value", "expected"),
    [
        (T.BOOLEAN, "true", True),
        (T.BOOLEAN, "-1", True),
        (T.BOOLEAN, 0, False),
        (T.INTEGER, "42", 42),
        (T.INTEGER, " -7 ", -7),
        (T.INTEGER, 2.5, 2),
        (T.INTEGER, 3.5, 4),
        (T.INTEGER, True, 1),
        (T.FLOAT, 0.1, struct.unpack("<f", struct.pack("<f", 0.1))[0]),
        (T.DOUBLE, "1e3", 1000.0),
        (T.STRING, 12, "12"),
        (T.STRING, True, "True"),
        (T.STRING, NOON, "2026-01-01T12:00:00+00:00"),
        (T.TIME, "2026-01-01T13:00:00+01:00", NOON),
        (T.ELAPSED_TIME, 5, 5.0),
        (T.QUALIFIED_ENUM, "Heating", "Heating"),
    ],
)
def test_what_can_be_converted_is(data_type: MxDataType, given_value: Any, expected: Any) -> None:
    converted = coerce_python(given_value, type_info(data_type), is_array=False)
    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize(
    ("data_type", "value"),
    [
        (T.BOOLEAN, "perhaps"),
        (T.INTEGER, 1 << 31),
        (T.INTEGER, math.nan),
        (T.INTEGER, math.inf),
        (T.INTEGER, "1.2.3"),
        (T.INTEGER, NOON),
        (T.INTEGER, b"\x01"),
        (T.FLOAT, 1e39),
        (T.DOUBLE, "1" + "0" * 400 + "x"),
        (T.TIME, 5),
        (T.TIME, "yesterday"),
        (T.TIME, "2026-01-01T12:00:00"),
        (T.STRING, b"raw"),
        (T.QUALIFIED_ENUM, True),
        (T.QUALIFIED_STRUCT, "text"),
        (T.INTEGER, None),
        (T.INTEGER, [1]),
    ],
)
def test_what_cannot_be_converted_is_refused(data_type: MxDataType, value: Any) -> None:
    with pytest.raises(CoercionError):
        coerce_python(value, type_info(data_type), is_array=False)


def test_a_scalar_is_no_array() -> None:
    for value in (1, "text", b"raw"):
        with pytest.raises(CoercionError):
            coerce_python(value, type_info(T.STRING), is_array=True)
    with pytest.raises(CoercionError, match="32767"):
        coerce_python([0] * 32_768, type_info(T.INTEGER), is_array=True)


def test_64_bit_and_raw_arrays_are_read_too() -> None:
    array = MxArray(int64_values=Int64Array(values=[1 << 40]))
    assert from_message(MxValue(array_value=array)) == [1 << 40]
    raw = MxArray(raw_values=RawArray(values=[b"x"]))
    assert from_message(MxValue(array_value=raw)) == [b"x"]
    assert from_message(MxValue(array_value=MxArray())) == []
    assert from_message(MxValue(is_null=True, int32_value=3)) is None


def test_times_keep_their_zone_and_their_instant() -> None:
    zone = timezone(timedelta(hours=5, minutes=30))
    local = NOON.astimezone(zone)
    assert coerce_python(local, type_info(T.TIME), is_array=False) == NOON
