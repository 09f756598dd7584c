"""Python values to MxValue: every cell of declared type x Python value (`write.types`)."""

from __future__ import annotations

import datetime as dt
import math
import struct
from enum import IntEnum, StrEnum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mxgateway import EncodeError
from mxgateway.codec import decode, encode
from mxgateway.generated.mxaccess_gateway.v1 import MxDataType, MxValue
from mxgateway.timestamp import Timestamp
from mxgateway.values import ABSENT, RawValue, from_mx_value, to_mx_value

UTC_NOON = dt.datetime(2025, 1, 31, 12, tzinfo=dt.UTC)

# One column of the table per kind of Python value.
COLUMNS: dict[str, Any] = {
    "true": True,
    "zero": 0,
    "int32 max": 2**31 - 1,
    "int32 min": -(2**31),
    "above int32": 2**31,
    "below int32": -(2**31) - 1,
    "above int64": 2**63,
    "inexact in float32": 2**24 + 1,
    "inexact in float64": 2**53 + 1,
    "half": 0.5,
    "tenth": 0.1,
    "five": 5.0,
    "minus zero": -0.0,
    "above float32": 1e39,
    "below float32": 1e-50,
    "nan": math.nan,
    "infinity": math.inf,
    "text": "abc",
    "digits": "12",
    "empty text": "",
    "half surrogate": "\ud800",
    "utc time": UTC_NOON,
    "naive time": dt.datetime(2025, 1, 31, 12),  # noqa: DTZ001 - naive on purpose
    "date": dt.date(2025, 1, 31),
    "span": dt.timedelta(seconds=1.5),
    "endless span": dt.timedelta.max,
    "bytes": b"\x00\xff",
    "raw": RawValue(b"\x01", "VT_DECIMAL", 14),
    "null": None,
    "absent": ABSENT,
    "mapping": {0: 1},
    "set": {1},
    "complex": 1j,
}

TENTH32 = struct.unpack("<f", struct.pack("<f", 0.1))[0]
FLOATS = {"half": 0.5, "tenth": 0.1, "five": 5.0, "minus zero": -0.0}
TEXTS = {"text": "abc", "digits": "12", "empty text": ""}
INTS = {"zero": 0, "int32 max": 2**31 - 1, "int32 min": -(2**31)}
WIDE = {
    "above int32": 2**31,
    "below int32": -(2**31) - 1,
    "inexact in float32": 2**24 + 1,
    "inexact in float64": 2**53 + 1,
}
SINGLE = {
    "zero": 0.0,
    "int32 min": -(2.0**31),
    "above int32": 2.0**31,
    "above int64": 2.0**63,
    "half": 0.5,
    "tenth": TENTH32,
    "five": 5.0,
    "minus zero": -0.0,
}
DOUBLE = {
    "zero": 0.0,
    "int32 max": 2.0**31 - 1,
    "int32 min": -(2.0**31),
    "above int32": 2.0**31,
    "below int32": -(2.0**31) - 1,
    "above int64": 2.0**63,
    "inexact in float32": 2.0**24 + 1,
    "above float32": 1e39,
    "below float32": 1e-50,
    **FLOATS,
}
NUMBER_OR_LABEL = {
    **{name: ("int32_value", value) for name, value in INTS.items()},
    "inexact in float32": ("int32_value", 2**24 + 1),
    **{name: ("string_value", value) for name, value in TEXTS.items()},
}


def _arm(field: str, values: dict[str, Any]) -> dict[str, tuple[str, Any]]:
    return {name: (field, value) for name, value in values.items()}


RAW = {"bytes": ("raw_value", b"\x00\xff"), "raw": ("raw_value", b"\x01")}
STRINGS = _arm("string_value", TEXTS)
INT32 = _arm("int32_value", {**INTS, "inexact in float32": 2**24 + 1})
INFERRED = {
    "true": ("bool_value", True),
    **INT32,
    **_arm("int64_value", {k: v for k, v in WIDE.items() if k != "inexact in float32"}),
    **_arm("double_value", {**FLOATS, "above float32": 1e39, "below float32": 1e-50}),
    **STRINGS,
    "utc time": ("timestamp_value", UTC_NOON),
    "span": ("double_value", 1.5),
    **RAW,
}

# One row per declared type: the accepted columns with the member and value of the
# wire. Every column that a row does not name is refused.
ACCEPTED: dict[MxDataType | str | None, dict[str, tuple[str, Any]]] = {
    None: INFERRED,
    MxDataType.UNSPECIFIED: INFERRED,
    MxDataType.UNKNOWN: INFERRED,
    MxDataType.NO_DATA: INFERRED,
    MxDataType.BOOLEAN: {"true": ("bool_value", True)},
    MxDataType.INTEGER: INT32,
    MxDataType.FLOAT: _arm("float_value", SINGLE),
    MxDataType.DOUBLE: _arm("double_value", DOUBLE),
    MxDataType.STRING: STRINGS,
    MxDataType.TIME: {"utc time": ("timestamp_value", UTC_NOON)},
    MxDataType.ELAPSED_TIME: {**_arm("double_value", DOUBLE), "span": ("double_value", 1.5)},
    MxDataType.REFERENCE_TYPE: STRINGS,
    MxDataType.STATUS_TYPE: NUMBER_OR_LABEL,
    MxDataType.ENUM: NUMBER_OR_LABEL,
    MxDataType.SECURITY_CLASSIFICATION_ENUM: NUMBER_OR_LABEL,
    MxDataType.DATA_QUALITY_TYPE: NUMBER_OR_LABEL,
    MxDataType.QUALIFIED_ENUM: NUMBER_OR_LABEL,
    MxDataType.QUALIFIED_STRUCT: RAW,
    MxDataType.INTERNATIONALIZED_STRING: STRINGS,
    MxDataType.BIG_STRING: STRINGS,
    MxDataType(42): INFERRED,
    "bool": {"true": ("bool_value", True)},
    "int32": INT32,
    "int64": _arm("int64_value", {**INTS, **WIDE}),
    "float": _arm("float_value", SINGLE),
    "double": _arm("double_value", DOUBLE),
    "string": STRINGS,
    "time": {"utc time": ("timestamp_value", UTC_NOON)},
    "elapsed": {**_arm("double_value", DOUBLE), "span": ("double_value", 1.5)},
}
KIND_FIELDS = (
    "bool_value",
    "int32_value",
    "int64_value",
    "float_value",
    "double_value",
    "string_value",
    "timestamp_value",
    "array_value",
    "raw_value",
    "sparse_array_value",
)


def _members(value: MxValue) -> dict[str, Any]:
    return {f: getattr(value, f) for f in KIND_FIELDS if getattr(value, f) is not None}


def test_the_table_has_a_row_for_every_data_type() -> None:
    rows = {row for row in ACCEPTED if isinstance(row, MxDataType)}
    assert set(MxDataType) - rows == {MxDataType.END}


@pytest.mark.requirement("write.types")
@pytest.mark.parametrize("declared", list(ACCEPTED), ids=str)
def test_each_cell_of_a_row_is_encoded_as_declared_or_refused_before_the_wire(
    declared: MxDataType | str | None,
) -> None:
    row = ACCEPTED[declared]
    assert set(row) <= set(COLUMNS)
    for column, value in COLUMNS.items():
        if column in row:
            _check_accepted(value, declared, *row[column])
        elif value is not None:
            _check_refused(value, declared, column)


def _check_accepted(value: Any, declared: Any, field: str, wire: Any) -> None:
    message = to_mx_value(value, declared)
    assert _members(message) == {field: wire}
    # Equality alone would let True pass for 1 and 0.0 for -0.0.
    assert repr(_members(message)[field]) == repr(wire) or field == "timestamp_value"
    assert not message.is_null
    # What was accepted can really be sent, and arrives as it left.
    assert _members(decode(MxValue, encode(message))) == {field: wire}


def _check_refused(value: Any, declared: Any, column: str) -> None:
    try:
        message = to_mx_value(value, declared, tag="Pump_001.Speed")
    except EncodeError as error:
        text, processed = str(error), error.processed
    else:
        pytest.fail(f"{column} was accepted as {declared}: {message}")
    assert "Pump_001.Speed" in text, column
    assert type(value).__name__ in text, column  # what was given
    assert processed == "no"


@pytest.mark.parametrize("declared", list(ACCEPTED), ids=str)
def test_none_is_null_of_the_declared_type(declared: MxDataType | str | None) -> None:
    message = to_mx_value(None, declared)
    assert message.is_null
    assert _members(message) == {}
    assert from_mx_value(decode(MxValue, encode(message))) is None


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (MxDataType.BOOLEAN, "Boolean expects bool"),
        (MxDataType.INTEGER, "Integer expects int of 32 bits"),
        (MxDataType.ELAPSED_TIME, "ElapsedTime expects timedelta, or seconds as a number"),
        (MxDataType.QUALIFIED_ENUM, "QualifiedEnum expects int of 32 bits or str"),
        ("int64", "int64 expects int of 64 bits"),
    ],
    ids=str,
)
def test_a_refusal_names_tag_expected_and_given_type(
    declared: MxDataType | str, expected: str
) -> None:
    with pytest.raises(EncodeError) as caught:
        to_mx_value(b"x", declared, tag="Tank_001.Level")
    assert caught.value.reason == f"Tank_001.Level: {expected}, given bytes"
    assert (caught.value.message_type, caught.value.field) == ("MxValue", "value")


@pytest.mark.requirement("write.types")
@pytest.mark.parametrize("declared", ["int32", "int64", "float", "double", "elapsed"])
def test_a_bool_is_never_a_number(declared: str) -> None:
    for value in (True, [True], [1, True]):
        with pytest.raises(EncodeError, match="given bool"):
            to_mx_value(value, declared if not isinstance(value, list) else f"{declared}[]")


@pytest.mark.requirement("value.time-100ns")
def test_a_naive_datetime_is_refused_with_the_reason() -> None:
    with pytest.raises(EncodeError, match=r"without a time zone.*names no instant.*astimezone"):
        to_mx_value(dt.datetime(2025, 1, 1))  # noqa: DTZ001 - naive on purpose


def test_a_time_that_is_in_the_year_10000_only_in_utc_arrives_as_the_same_instant() -> None:
    late = dt.datetime.max.replace(tzinfo=dt.timezone(-dt.timedelta(hours=5)))
    message = to_mx_value(late)
    assert decode(MxValue, encode(message)).timestamp_value == late


@pytest.mark.requirement("value.time-100ns")
def test_a_timestamp_keeps_its_100_ns_digit() -> None:
    moment = Timestamp.parse("2025-01-31T12:00:00.1234567Z")
    message = decode(MxValue, encode(to_mx_value(moment)))
    assert str(from_mx_value(message)) == str(moment)


def test_a_secret_value_is_not_shown_in_the_refusal() -> None:
    for value in ("hunter2", b"hunter2"):
        with pytest.raises(EncodeError) as caught:
            to_mx_value(value, "int32")
        assert "hunter2" not in caught.value.diagnostics()
        assert "hunter2" not in str(caught.value.to_dict())


@pytest.mark.parametrize("bad", ["int", "int32[][]", "INT32", "", MxDataType.END, True, 1.5, b"x"])
def test_a_declared_type_that_is_none_is_refused_with_the_known_names(bad: Any) -> None:
    with pytest.raises(EncodeError, match=r"is no type of a value; known are bool, int32"):
        to_mx_value(1, bad)


def test_a_type_number_of_a_newer_gateway_goes_out_as_it_is() -> None:
    message = decode(MxValue, encode(to_mx_value(7, MxDataType(42))))
    assert message.data_type == 42
    assert message.int32_value == 7


def test_an_mx_value_passes_unchanged_but_not_with_a_second_type() -> None:
    message = MxValue(int64_value=1)
    assert to_mx_value(message) is message
    with pytest.raises(EncodeError, match="has its own type"):
        to_mx_value(message, "int32")


class Color(IntEnum):
    RED = 3


class Word(StrEnum):
    ON = "on"


def test_enumerations_of_numbers_and_texts_count_as_their_values() -> None:
    assert to_mx_value(Color.RED).int32_value == 3
    assert to_mx_value(Word.ON).string_value == "on"


def test_raw_metadata_goes_along_with_raw_bytes() -> None:
    raw = RawValue(b"\x01", "no conversion", 14, MxDataType(42), "VT_DECIMAL")
    assert from_mx_value(decode(MxValue, encode(to_mx_value(raw)))) == raw
    assert from_mx_value(decode(MxValue, encode(to_mx_value([raw, raw])))) == [raw, raw]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("declared", [None, "int32", "int64", "float", "double", "elapsed"])
def test_an_enormous_int_is_refused_with_its_size(sign: int, declared: str | None) -> None:
    with pytest.raises(EncodeError, match="an int of 16610 bits"):
        to_mx_value(sign * 10**5000, declared)


# Arrays --------------------------------------------------------------------------

ARRAYS: list[tuple[Any, str | None, str, list[int], list[Any]]] = [
    ([True, False], None, "bool_values", [2], [True, False]),
    ([1, 2, 3], None, "int32_values", [3], [1, 2, 3]),
    ([1, 2**40], None, "int64_values", [2], [1, 2**40]),
    ((0.5, 1.5), None, "double_values", [2], [0.5, 1.5]),
    (["a", ""], None, "string_values", [2], ["a", ""]),
    ([UTC_NOON], None, "timestamp_values", [1], [UTC_NOON]),
    ([dt.timedelta(seconds=2)], None, "double_values", [1], [2.0]),
    ([b"x", b""], None, "raw_values", [2], [b"x", b""]),
    (range(3), None, "int32_values", [3], [0, 1, 2]),
    ([[1, 2], [3, 4], [5, 6]], None, "int32_values", [3, 2], [1, 2, 3, 4, 5, 6]),
    ([[[1]], [[2]]], None, "int32_values", [2, 1, 1], [1, 2]),
    ([1, 0.5], "double[]", "double_values", [2], [1.0, 0.5]),
    ([1, 2], "float[]", "float_values", [2], [1.0, 2.0]),
    ([1], "int64[]", "int64_values", [1], [1]),
    ([], "int32[]", "int32_values", [0], []),
    ([[], []], "string[]", "string_values", [2, 0], []),
    ([1, dt.timedelta(seconds=2)], "elapsed[]", "double_values", [2], [1.0, 2.0]),
]


@pytest.mark.parametrize(("value", "declared", "field", "dimensions", "flat"), ARRAYS)
def test_a_sequence_becomes_a_typed_array_with_its_dimensions(
    value: Any, declared: str | None, field: str, dimensions: list[int], flat: list[Any]
) -> None:
    message = decode(MxValue, encode(to_mx_value(value, declared)))
    array = message.array_value
    assert array is not None
    assert array.dimensions == dimensions
    assert getattr(array, field).values == flat
    assert array.element_data_type == message.data_type


def test_a_declared_mx_data_type_takes_a_scalar_or_an_array_of_it() -> None:
    scalar = to_mx_value(1, MxDataType.FLOAT)
    array = to_mx_value([1], MxDataType.FLOAT)
    assert scalar.float_value == 1.0
    assert array.array_value is not None
    assert array.array_value.float_values is not None
    assert array.array_value.float_values.values == [1.0]


@pytest.mark.parametrize(
    ("value", "declared", "field", "text"),
    [
        ([1, "a"], None, "value[1]", "a sequence of int holds str"),
        ([1, 0.5], None, "value[1]", "a sequence of int holds float"),
        ([1, True], None, "value[1]", "a sequence of int holds bool"),
        ([True, 1], None, "value[1]", "a sequence of bool holds int"),
        ([0.5, 1], None, "value[1]", "a sequence of float holds int"),
        ([dt.timedelta(1), 1], None, "value[1]", "a sequence of timedelta holds int"),
        ([1, None], None, "value[1]", "holds NoneType"),
        ([None], None, "value[0]", "NoneType has no form"),
        ([], None, "value", "an empty array needs its type"),
        ([[], []], None, "value", "an empty array needs its type"),
        ([[1, 2], [3]], None, "value[1]", "1 elements where its neighbours have 2"),
        ([1, [2]], None, "value[1]", "a sequence where its neighbours are single values"),
        ([[1], 2], None, "value[1]", "a single value where its neighbours are sequences"),
        ([[1, 2], [3, 2**31]], "int32[]", "value[1][1]", "2147483648 is outside"),
        ([0.5, math.nan], "double[]", "value[1]", "nan is no number"),
        ([1, "2"], "int32[]", "value[1]", "int32[] expects int of 32 bits, given str"),
        ([1], "int32", "value", "int32 expects a single value, given list"),
        (1, "int32[]", "value", "int32[] expects a sequence, given int"),
        ("12", "int32[]", "value", "int32[] expects a sequence, given str"),
        ([1, "a"], MxDataType.QUALIFIED_ENUM, "value[1]", "expects int of 32 bits, given str"),
    ],
)
def test_a_bad_array_is_refused_at_the_element_that_is_wrong(
    value: Any, declared: Any, field: str, text: str
) -> None:
    with pytest.raises(EncodeError) as caught:
        to_mx_value(value, declared)
    assert caught.value.field == field
    assert text in caught.value.reason


def test_a_sequence_that_holds_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(EncodeError, match="more than 60 dimensions"):
        to_mx_value(loop)


# Round trips -----------------------------------------------------------------------

EXACT_SPANS = st.timedeltas(dt.timedelta(seconds=-(2**33)), dt.timedelta(seconds=2**33))
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "bool": st.booleans(),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(width=32, allow_nan=False, allow_infinity=False),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "string": st.text(st.characters(exclude_categories=["Cs"])),
    "time": st.datetimes(timezones=st.just(dt.UTC)),
    "elapsed": EXACT_SPANS,
}


@pytest.mark.parametrize("name", list(SCALARS))
@given(data=st.data())
@settings(deadline=None, max_examples=60)
def test_a_scalar_comes_back_as_it_was_written(name: str, data: st.DataObject) -> None:
    value = data.draw(SCALARS[name])
    arrived = from_mx_value(decode(MxValue, encode(to_mx_value(value, name))))
    assert arrived == value
    assert isinstance(arrived, type(value))


@pytest.mark.parametrize("name", list(SCALARS))
@given(data=st.data())
@settings(deadline=None, max_examples=40)
def test_an_array_of_any_rank_comes_back_as_it_was_written(name: str, data: st.DataObject) -> None:
    shape = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=4))

    def fill(depth: int) -> Any:
        if depth == len(shape):
            return data.draw(SCALARS[name])
        return [fill(depth + 1) for _ in range(shape[depth])]

    value = fill(0)
    assert from_mx_value(decode(MxValue, encode(to_mx_value(value, f"{name}[]")))) == value


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text()
        | st.binary()
        | st.datetimes()
        | st.timedeltas(),
        lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    ),
    st.sampled_from([None, *SCALARS, *(f"{name}[]" for name in SCALARS), *MxDataType]),
)
@settings(deadline=None, max_examples=300)
def test_any_python_value_is_sent_or_refused_by_one_kind_of_error(
    value: Any, declared: Any
) -> None:
    try:
        message = to_mx_value(value, declared)
    except EncodeError:
        return
    assert from_mx_value(decode(MxValue, encode(message))) is not ABSENT
