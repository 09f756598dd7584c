"""MxValue to Python values: presence, arrays, raw values, numbers of a newer gateway."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mxgateway import DecodeError, MalformedReplyError
from mxgateway.codec import decode, encode, to_jsonable
from mxgateway.generated.mxaccess_gateway.v1 import (
    BoolArray,
    DoubleArray,
    FloatArray,
    Int32Array,
    Int64Array,
    MxArray,
    MxDataType,
    MxSparseArray,
    MxSparseElement,
    MxValue,
    RawArray,
    StringArray,
    TimestampArray,
)
from mxgateway.timestamp import Timestamp
from mxgateway.values import ABSENT, RawValue, data_type_name, from_mx_value, to_mx_value

PRESENCE: list[tuple[str, MxValue, Any, dict[str, Any]]] = [
    ("absent", MxValue(data_type=MxDataType.INTEGER), ABSENT, {}),
    ("null", MxValue(data_type=MxDataType.INTEGER, is_null=True), None, {}),
    ("zero", MxValue(int32_value=0), 0, {"int32Value": 0}),
    ("zero of 64 bits", MxValue(int64_value=0), 0, {"int64Value": "0"}),
    ("zero as float", MxValue(float_value=0.0), 0.0, {"floatValue": 0.0}),
    ("zero as double", MxValue(double_value=0.0), 0.0, {"doubleValue": 0.0}),
    ("empty string", MxValue(string_value=""), "", {"stringValue": ""}),
    ("false", MxValue(bool_value=False), False, {"boolValue": False}),
    ("no bytes", MxValue(raw_value=b""), RawValue(b""), {"rawValue": ""}),
]


@pytest.mark.requirement("value.presence")
@pytest.mark.parametrize(
    ("message", "value", "json"), [row[1:] for row in PRESENCE], ids=[row[0] for row in PRESENCE]
)
def test_absent_null_zero_empty_and_false_stay_five_different_things(
    message: MxValue, value: Any, json: dict[str, Any]
) -> None:
    arrived = decode(MxValue, encode(message))
    read = from_mx_value(arrived)
    assert read == value
    assert type(read) is type(value)
    shown = to_jsonable(arrived)
    assert {k: v for k, v in shown.items() if k.endswith("Value") and v is not None} == json
    assert shown["isNull"] is (value is None)


@pytest.mark.requirement("value.presence")
@pytest.mark.parametrize("value", [None, 0, 0.0, "", False, b""])
def test_what_is_written_empty_is_read_empty_and_not_absent(value: Any) -> None:
    read = from_mx_value(decode(MxValue, encode(to_mx_value(value))))
    assert read == (RawValue(b"") if value == b"" else value)
    assert read is not ABSENT


def test_a_missing_message_is_absent() -> None:
    assert from_mx_value(None) is ABSENT
    assert repr(ABSENT) == "ABSENT"
    assert not ABSENT


def test_null_wins_over_whatever_else_the_message_holds() -> None:
    assert from_mx_value(MxValue(is_null=True, int32_value=3)) is None
    assert from_mx_value(MxValue(is_null=True, raw_diagnostic="VT_NULL")) is None


def test_a_value_that_cannot_be_converted_keeps_bytes_diagnostic_and_types() -> None:
    message = MxValue(
        raw_value=b"\x01\x02",
        raw_diagnostic="VT_DECIMAL is not supported",
        raw_data_type=14,
        data_type=MxDataType(42),
        variant_type="VT_DECIMAL",
    )
    read = from_mx_value(decode(MxValue, encode(message)))
    assert read == RawValue(
        b"\x01\x02", "VT_DECIMAL is not supported", 14, MxDataType(42), "VT_DECIMAL"
    )


@pytest.mark.requirement("value.unknown-enum")
def test_a_data_type_without_a_name_survives_reading_json_and_writing_back() -> None:
    sent = encode(MxValue(data_type=MxDataType(42), int32_value=7))
    message = decode(MxValue, sent)
    assert from_mx_value(message) == 7
    assert to_jsonable(message)["dataType"] == 42
    assert encode(message) == sent
    assert data_type_name(message.data_type) == "UNKNOWN(42)"


def test_data_types_have_the_names_of_mxaccess() -> None:
    assert data_type_name(MxDataType.ELAPSED_TIME) == "ElapsedTime"
    assert data_type_name(MxDataType.BOOLEAN) == "Boolean"
    assert data_type_name(MxDataType.QUALIFIED_ENUM) == "QualifiedEnum"
    assert len({data_type_name(member) for member in MxDataType}) == len(MxDataType)


def test_elapsed_time_is_a_timedelta_and_only_then() -> None:
    elapsed = MxDataType.ELAPSED_TIME
    assert from_mx_value(MxValue(data_type=elapsed, double_value=1.5)) == dt.timedelta(seconds=1.5)
    assert from_mx_value(MxValue(data_type=elapsed, float_value=0.0)) == dt.timedelta(0)
    assert from_mx_value(MxValue(data_type=MxDataType.DOUBLE, double_value=1.5)) == 1.5
    array = MxArray(element_data_type=elapsed, double_values=DoubleArray(values=[1.0, 2.0]))
    assert from_mx_value(MxValue(array_value=array)) == [
        dt.timedelta(seconds=1),
        dt.timedelta(seconds=2),
    ]


@pytest.mark.parametrize("seconds", [math.inf, -math.inf, 1e300, math.nan])
def test_an_elapsed_time_that_no_timedelta_holds_stays_a_float(seconds: float) -> None:
    read = from_mx_value(MxValue(data_type=MxDataType.ELAPSED_TIME, double_value=seconds))
    assert isinstance(read, float)
    assert read == seconds or math.isnan(seconds)


@pytest.mark.requirement("value.time-100ns")
def test_a_time_is_a_timestamp_also_when_the_message_was_made_by_hand() -> None:
    plain = dt.datetime(2025, 1, 31, 12, tzinfo=dt.UTC)
    read = from_mx_value(MxValue(timestamp_value=plain))
    assert isinstance(read, Timestamp)
    assert read == plain
    array = MxArray(timestamp_values=TimestampArray(values=[plain]))
    elements = from_mx_value(MxValue(array_value=array))
    assert isinstance(elements, list)
    assert isinstance(elements[0], Timestamp)


@pytest.mark.requirement("value.time-100ns")
def test_a_time_out_of_range_is_marked_and_written_back_as_it_came() -> None:
    sent = encode(MxValue(timestamp_value=Timestamp.from_unix(-(10**12), 0)))
    read = from_mx_value(decode(MxValue, sent))
    assert isinstance(read, Timestamp)
    assert read.out_of_range
    assert encode(to_mx_value(read)).endswith(sent)


ARMS: list[tuple[dict[str, Any], list[Any]]] = [
    ({"bool_values": BoolArray(values=[True, False])}, [True, False]),
    ({"int32_values": Int32Array(values=[0, 1])}, [0, 1]),
    ({"int64_values": Int64Array(values=[0, 2**40])}, [0, 2**40]),
    ({"float_values": FloatArray(values=[0.0, 0.5])}, [0.0, 0.5]),
    ({"double_values": DoubleArray(values=[0.0, 0.1])}, [0.0, 0.1]),
    ({"string_values": StringArray(values=["", "a"])}, ["", "a"]),
    (
        {"raw_values": RawArray(values=[b"", b"a"]), "raw_diagnostic": "d"},
        [RawValue(b"", "d"), RawValue(b"a", "d")],
    ),
]


@pytest.mark.parametrize(("members", "values"), ARMS)
def test_every_kind_of_array_is_a_list(members: dict[str, Any], values: list[Any]) -> None:
    one = decode(MxValue, encode(MxValue(array_value=MxArray(**members))))
    assert from_mx_value(one) == values
    grid = MxArray(dimensions=[1, 2], **members)
    assert from_mx_value(MxValue(array_value=grid)) == [values]


@pytest.mark.requirement("value.presence")
def test_an_array_of_nothing_is_empty_but_without_values_it_is_absent() -> None:
    empty = MxValue(array_value=MxArray(int32_values=Int32Array()))
    assert from_mx_value(decode(MxValue, encode(empty))) == []
    assert from_mx_value(MxValue(array_value=MxArray(dimensions=[3]))) is ABSENT


@pytest.mark.parametrize(
    ("dimensions", "nested"),
    [
        ([], [1, 2, 3, 4, 5, 6]),
        ([6], [1, 2, 3, 4, 5, 6]),
        ([2, 3], [[1, 2, 3], [4, 5, 6]]),
        ([3, 2], [[1, 2], [3, 4], [5, 6]]),
        ([1, 2, 3], [[[1, 2, 3], [4, 5, 6]]]),
        ([6, 1], [[1], [2], [3], [4], [5], [6]]),
    ],
)
def test_dimensions_nest_the_values_in_row_major_order(
    dimensions: list[int], nested: list[Any]
) -> None:
    array = MxArray(dimensions=dimensions, int32_values=Int32Array(values=[1, 2, 3, 4, 5, 6]))
    assert from_mx_value(MxValue(array_value=array)) == nested


@pytest.mark.parametrize("dimensions", [[5], [2, 2], [7, 1], [0], [0, 6], [1] * 61 + [6]])
def test_dimensions_that_contradict_the_values_are_an_error_with_both_numbers(
    dimensions: list[int],
) -> None:
    array = MxArray(dimensions=dimensions, int32_values=Int32Array(values=[1, 2, 3, 4, 5, 6]))
    message = MxValue(array_value=array)
    with pytest.raises(MalformedReplyError, match="array of 6 values says that it is") as caught:
        from_mx_value(message)
    assert caught.value.reply is message


def test_empty_rows_keep_their_shape_and_cannot_be_used_to_fill_memory() -> None:
    def read(dimensions: list[int]) -> Any:
        array = MxArray(dimensions=dimensions, int32_values=Int32Array())
        return from_mx_value(MxValue(array_value=array))

    assert read([0]) == []
    assert read([2, 0]) == [[], []]
    assert read([2, 1, 0]) == [[[]], [[]]]
    assert read([0, 4_000_000_000]) == []
    rows = read([2, 0])
    rows[0].append(1)
    assert rows == [[1], []]
    with pytest.raises(MalformedReplyError, match="4000000000 empty rows"):
        read([4_000_000_000, 0])


def test_a_sparse_array_stays_a_message() -> None:
    sparse = MxSparseArray(
        total_length=4, elements=[MxSparseElement(index=1, value=MxValue(int32_value=1))]
    )
    assert from_mx_value(MxValue(sparse_array_value=sparse)) is sparse


@given(st.binary(max_size=60))
@settings(deadline=None, max_examples=300)
def test_whatever_decodes_can_be_read_or_is_called_malformed(data: bytes) -> None:
    try:
        message = decode(MxValue, data)
    except DecodeError:
        return
    try:
        value = from_mx_value(message)
    except MalformedReplyError:
        assert message.array_value is not None
        return
    assert (value is None) is message.is_null
