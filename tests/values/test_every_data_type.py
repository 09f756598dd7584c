"""Every data type, known and unknown, as scalar and as array of rank 1 to 3, read and written."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mxgateway import Duration, EncodeError, RawValue, Timestamp, from_mx_value, to_mx_value
from mxgateway.codec import decode, encode, to_jsonable
from mxgateway.generated.mxaccess_gateway.v1 import (
    BoolArray,
    DoubleArray,
    FloatArray,
    Int32Array,
    Int64Array,
    MxArray,
    MxDataType,
    MxValue,
    RawArray,
    StringArray,
    TimestampArray,
)
from mxgateway.values import ABSENT, data_type_name, type_name

NOON = Timestamp.parse("2025-01-31T12:00:00.1234567Z")
UNNAMED = (MxDataType(42), MxDataType(-3))
EVERY_TYPE = (*MxDataType, *UNNAMED)
ELAPSED = MxDataType.ELAPSED_TIME

# Member of the scalar, message of the array, six values of it (the first is its "empty").
ARMS: dict[str, tuple[type[Any], list[Any]]] = {
    "bool_value": (BoolArray, [False, True, False, True, True, False]),
    "int32_value": (Int32Array, [0, 1, -1, 2**31 - 1, -(2**31), 7]),
    "int64_value": (Int64Array, [0, 1, -1, 2**63 - 1, -(2**63), 15_000_000]),
    "float_value": (FloatArray, [0.0, 1.5, -1.5, 0.25, 2.0, 90.0]),
    "double_value": (DoubleArray, [0.0, 1.5, -1.5, 0.1, 1e-7, 90.0]),
    "string_value": (StringArray, ["", "a", "é", "null", "0", " "]),
    "timestamp_value": (TimestampArray, [Timestamp(1970, 1, 1), *[NOON] * 5]),
    "raw_value": (RawArray, [b"", b"\x00", b"\xff", b"abc", b"0", b"\x01\x02"]),
}
TICKS = {"int64_value"}
SECONDS = {"float_value", "double_value"}


def _read_as(data_type: MxDataType, arm: str, wire: Any, **raw: Any) -> Any:
    """What the wire value of an arm must be read as."""
    if arm == "raw_value":
        return RawValue(wire, data_type=data_type, **raw)
    if data_type == ELAPSED and arm in TICKS:
        return Duration(nanoseconds=wire * 100)
    if data_type == ELAPSED and arm in SECONDS:
        return Duration(nanoseconds=round(wire * 1e9))
    return wire


def _same(left: Any, right: Any) -> bool:
    """Equal and of the same type, also element by element."""
    if isinstance(left, list):
        return (
            isinstance(right, list)
            and len(left) == len(right)
            and all(_same(a, b) for a, b in zip(left, right, strict=True))
        )
    return type(left) is type(right) and left == right


def _over_the_wire(message: MxValue) -> MxValue:
    return decode(MxValue, encode(message))


@pytest.mark.requirement("value.presence", "value.unknown-enum")
@pytest.mark.parametrize("data_type", EVERY_TYPE, ids=data_type_name)
def test_every_scalar_of_every_type_is_read_as_what_it_is(data_type: MxDataType) -> None:
    for arm, wire in [(arm, wire) for arm, (_, values) in ARMS.items() for wire in values]:
        sent = encode(MxValue(data_type=data_type, **{arm: wire}))
        message = decode(MxValue, sent)
        assert _same(from_mx_value(message), _read_as(data_type, arm, wire)), arm
        assert encode(message) == sent
        assert type_name(message) == data_type_name(data_type)


SHAPES = {
    "no dimensions": [],
    "rank 1": [6],
    "rank 2": [2, 3],
    "rank 3": [3, 1, 2],
}


def _nested(flat: list[Any], shape: list[int]) -> list[Any]:
    if len(shape) < 2:
        return flat
    row = len(flat) // shape[0]
    return [_nested(flat[i * row : (i + 1) * row], shape[1:]) for i in range(shape[0])]


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
@pytest.mark.parametrize("arm", ARMS)
def test_every_array_of_every_type_is_read_as_nested_lists(arm: str, shape: list[int]) -> None:
    array_type, flat = ARMS[arm]
    members: dict[str, Any] = {f"{arm}s": array_type(values=flat)}
    for data_type in EVERY_TYPE:
        array = MxArray(
            element_data_type=data_type, dimensions=shape, variant_type="VT_ARRAY|VT_X", **members
        )
        message = _over_the_wire(MxValue(data_type=data_type, array_value=array))
        expected = [_read_as(data_type, arm, wire, variant_type="VT_ARRAY|VT_X") for wire in flat]
        assert _same(from_mx_value(message), _nested(expected, shape)), data_type
        assert type_name(message) == f"{data_type_name(data_type)}[]"


@pytest.mark.requirement("value.presence")
@pytest.mark.parametrize("data_type", EVERY_TYPE, ids=data_type_name)
def test_null_absent_and_an_empty_array_of_every_type_stay_different(data_type: MxDataType) -> None:
    empty = MxArray(element_data_type=data_type, dimensions=[0], string_values=StringArray())
    messages = {
        "null": MxValue(data_type=data_type, is_null=True),
        "absent": MxValue(data_type=data_type),
        "empty": MxValue(data_type=data_type, array_value=empty),
    }
    arrived = {name: _over_the_wire(message) for name, message in messages.items()}
    assert {name: from_mx_value(message) for name, message in arrived.items()} == {
        "null": None,
        "absent": ABSENT,
        "empty": [],
    }
    shown = {name: to_jsonable(message) for name, message in arrived.items()}
    assert [name for name in shown if shown[name]["isNull"]] == ["null"]
    assert [name for name in shown if "arrayValue" in shown[name]] == ["empty"]


# What each declared type takes, as a scalar or an element: Python value and wire value by arm.
BOOLS = {"bool_value": (True, True)}
INTEGERS = {"int32_value": (7, 7)}
FLOATS = {"float_value": (0.5, 0.5)}
DOUBLES = {"double_value": (0.5, 0.5)}
TEXTS = {"string_value": ("7", "7")}
TIMES = {"timestamp_value": (NOON, NOON)}
SPANS = {"double_value": (dt.timedelta(seconds=1.5), 1.5)}
STRUCTS = {"raw_value": (b"\x01", b"\x01")}
LABELS = INTEGERS | TEXTS
ANYTHING = BOOLS | INTEGERS | DOUBLES | TEXTS | TIMES | STRUCTS
TAKES: dict[MxDataType, dict[str, tuple[Any, Any]]] = {
    MxDataType.UNSPECIFIED: ANYTHING,
    MxDataType.UNKNOWN: ANYTHING,
    MxDataType.NO_DATA: ANYTHING,
    MxDataType.BOOLEAN: BOOLS,
    MxDataType.INTEGER: INTEGERS,
    MxDataType.FLOAT: FLOATS,
    MxDataType.DOUBLE: DOUBLES,
    MxDataType.STRING: TEXTS,
    MxDataType.TIME: TIMES,
    MxDataType.ELAPSED_TIME: SPANS,
    MxDataType.REFERENCE_TYPE: TEXTS,
    MxDataType.STATUS_TYPE: LABELS,
    MxDataType.ENUM: LABELS,
    MxDataType.SECURITY_CLASSIFICATION_ENUM: LABELS,
    MxDataType.DATA_QUALITY_TYPE: LABELS,
    MxDataType.QUALIFIED_ENUM: LABELS,
    MxDataType.QUALIFIED_STRUCT: STRUCTS,
    MxDataType.INTERNATIONALIZED_STRING: TEXTS,
    MxDataType.BIG_STRING: TEXTS,
    MxDataType.END: {},
    **dict.fromkeys(UNNAMED, ANYTHING),
}
ONE_OF_EACH = [True, 7, 0.5, "7", NOON, dt.timedelta(seconds=1.5), b"\x01"]
# A number is not always refused where another is declared: 7 is a float, 0.5 are seconds.
WIDENED: dict[MxDataType, list[Any]] = {
    MxDataType.FLOAT: [7],
    MxDataType.DOUBLE: [7],
    ELAPSED: [7, 0.5],
    MxDataType.UNSPECIFIED: [dt.timedelta(seconds=1.5)],
    MxDataType.UNKNOWN: [dt.timedelta(seconds=1.5)],
    MxDataType.NO_DATA: [dt.timedelta(seconds=1.5)],
    UNNAMED[0]: [dt.timedelta(seconds=1.5)],
    UNNAMED[1]: [dt.timedelta(seconds=1.5)],
}


def _of_shape(value: Any, shape: list[int]) -> Any:
    return [_of_shape(value, shape[1:]) for _ in range(shape[0])] if shape else value


@pytest.mark.requirement("write.types")
@pytest.mark.parametrize("shape", [[], [2], [2, 3], [1, 2, 3]], ids=lambda s: f"rank {len(s)}")
@pytest.mark.parametrize("data_type", TAKES, ids=data_type_name)
def test_every_type_writes_its_values_in_every_rank_and_refuses_the_others(
    data_type: MxDataType, shape: list[int]
) -> None:
    taken = TAKES[data_type]
    for arm, (value, wire) in taken.items():
        message = _over_the_wire(to_mx_value(_of_shape(value, shape), data_type))
        if not shape:
            assert getattr(message, arm) == wire
            continue
        array = message.array_value
        assert array is not None
        assert array.dimensions == shape
        assert getattr(array, f"{arm}s").values == [wire] * math.prod(shape)
    fine = [value for value, _ in taken.values()] + WIDENED.get(data_type, [])
    for value in ONE_OF_EACH:
        if not any(_same(value, other) for other in fine):
            with pytest.raises(EncodeError, match=r"Tank_001\.Level"):
                to_mx_value(_of_shape(value, shape), data_type, tag="Tank_001.Level")


def test_the_tables_name_every_type_of_the_contract() -> None:
    assert set(TAKES) == set(EVERY_TYPE)
    assert [int(member) for member in MxDataType] == list(range(20))


@pytest.mark.requirement("write.types")
@pytest.mark.parametrize("data_type", EVERY_TYPE, ids=data_type_name)
def test_null_can_be_written_to_every_type_and_keeps_it(data_type: MxDataType) -> None:
    if data_type == MxDataType.END:
        with pytest.raises(EncodeError, match="is no type of a value"):
            to_mx_value(None, data_type)
        return
    message = _over_the_wire(to_mx_value(None, data_type))
    assert message.is_null
    declares_nothing = {MxDataType.UNKNOWN, MxDataType.NO_DATA}
    assert message.data_type == (0 if data_type in declares_nothing else data_type)


# Elapsed time ------------------------------------------------------------------------


@pytest.mark.requirement("value.time-100ns")
@given(st.integers(-(2**63), 2**63 - 1))
@settings(deadline=None, max_examples=100)
def test_an_elapsed_time_of_64_bits_is_a_count_of_100_ns(ticks: int) -> None:
    read = from_mx_value(MxValue(data_type=ELAPSED, int64_value=ticks))
    assert isinstance(read, Duration)
    assert read.total_nanoseconds == ticks * 100


@pytest.mark.requirement("value.time-100ns")
@given(st.integers(-(2**29) * 10**7, 2**29 * 10**7))
@settings(deadline=None, max_examples=100)
def test_an_elapsed_time_in_seconds_keeps_its_100_ns_up_to_17_years(ticks: int) -> None:
    span = Duration(nanoseconds=ticks * 100)
    assert from_mx_value(_over_the_wire(to_mx_value(span))) == span


def test_an_elapsed_time_longer_than_that_keeps_its_microseconds_or_is_refused() -> None:
    for years in (18, 250):
        span = dt.timedelta(days=365 * years, microseconds=1)
        assert from_mx_value(_over_the_wire(to_mx_value(span))) == span
    with pytest.raises(EncodeError, match="loses digits of its microseconds"):
        to_mx_value(dt.timedelta(days=365 * 300, microseconds=1))
    fine = Duration(days=365 * 18, nanoseconds=100)
    with pytest.raises(EncodeError, match="loses digits"):
        to_mx_value(fine)


# Raw values --------------------------------------------------------------------------


def test_elements_of_a_raw_array_know_what_array_and_value_say_about_them() -> None:
    inner = MxArray(
        raw_values=RawArray(values=[b"a", b"b"]),
        raw_diagnostic="no conversion",
        raw_element_data_type=14,
        element_data_type=MxDataType.QUALIFIED_STRUCT,
        variant_type="VT_ARRAY|VT_RECORD",
    )
    told_inside = MxValue(raw_diagnostic="outside", raw_data_type=99, array_value=inner)
    expected = RawValue(
        b"a", "no conversion", 14, MxDataType.QUALIFIED_STRUCT, "VT_ARRAY|VT_RECORD"
    )
    assert from_mx_value(told_inside) == [
        expected,
        RawValue(b"b", *[getattr(expected, name) for name in RawValue.__slots__[1:]]),
    ]

    told_outside = MxValue(
        raw_diagnostic="no conversion",
        raw_data_type=14,
        data_type=MxDataType.QUALIFIED_STRUCT,
        variant_type="VT_ARRAY|VT_RECORD",
        array_value=MxArray(raw_values=RawArray(values=[b"a"])),
    )
    assert from_mx_value(told_outside) == [expected]


def test_an_array_that_names_no_type_of_its_own_has_that_of_its_value() -> None:
    array = MxArray(int64_values=Int64Array(values=[10_000_000]))
    message = MxValue(data_type=ELAPSED, array_value=array)
    assert from_mx_value(message) == [dt.timedelta(seconds=1)]
    assert type_name(message) == "ElapsedTime[]"
