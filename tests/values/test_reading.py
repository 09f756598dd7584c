"""TagValue: what counts as good, what is kept, and how it shows."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
import json
import math
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mxgateway import (
    ABSENT,
    DecodeError,
    MalformedReplyError,
    MxDataType,
    MxStatusCategory,
    MxStatusProxy,
    MxValue,
    Quality,
    RawValue,
    TagError,
    TagValue,
    Timestamp,
    to_mx_value,
)
from mxgateway.codec import decode, to_jsonable
from mxgateway.generated.mxaccess_gateway.v1 import (
    FloatArray,
    Int32Array,
    Int64Array,
    MxArray,
    MxSparseArray,
)

TAG = "Pump_001.Speed"
NOON = Timestamp.parse("2026-03-01T12:00:00.1234567Z")
OK = MxStatusProxy(success=-1, category=MxStatusCategory.OK)
REFUSED = MxStatusProxy(category=MxStatusCategory.SECURITY_ERROR, detail=1012)
GONE = MxStatusProxy(category=MxStatusCategory.COMMUNICATION_ERROR, detail=5)


def reading(
    value: Any = 1450.5,
    quality: int = 192,
    statuses: list[MxStatusProxy] | None = None,
    **more: Any,
) -> TagValue:
    message = value if isinstance(value, MxValue) or value is None else to_mx_value(value, "float")
    return TagValue.of(TAG, message, quality, NOON, [OK] if statuses is None else statuses, **more)


def test_a_reading_keeps_everything_that_came() -> None:
    message = to_mx_value(1450.5, "float")
    read = reading(message, cached=True)
    assert (read.tag, read.value, read.timestamp) == (TAG, 1450.5, NOON)
    assert read.quality == Quality.of(192)
    assert read.statuses == (OK,)
    assert read.data_type is MxDataType.FLOAT
    assert read.raw is message
    assert read.error is None
    assert read.cached
    assert (read.good, read.ok, read.is_array, read.status) == (True, True, False, "OK")
    assert read.require() == 1450.5
    assert read.type_name == "Float"


@pytest.mark.requirement("value.unknown-enum")
@pytest.mark.parametrize("status", [None, OK, GONE, MxStatusProxy(category=MxStatusCategory(42))])
def test_a_value_is_one_of_good_uncertain_and_bad_and_never_good_with_a_failure(
    status: MxStatusProxy | None,
) -> None:
    failed = status is not None and status is not OK
    for quality in [*range(-256, 256), 65536, 65752, 2**31 - 1, -(2**31)]:
        read = reading(quality=quality, statuses=[] if status is None else [status])
        assert read.good + read.uncertain + read.bad == 1
        assert read.good is (quality >= 0 and quality % 256 >= 192 and not failed), quality
        assert read.uncertain is (quality >= 0 and 64 <= quality % 256 < 192 and not failed)
        assert read.ok is not failed


def test_an_error_or_one_failing_status_among_several_is_never_good() -> None:
    assert reading(statuses=[OK, REFUSED]).bad
    assert reading(error=TagError("no answer", tag=TAG)).bad
    assert not reading(error=TagError("no answer", tag=TAG)).ok
    refused = reading(statuses=[REFUSED], error=TagError("no answer", tag=TAG))
    assert refused.status.startswith("no answer; Security error: detail 1012")
    assert reading(statuses=[MxStatusProxy(category=MxStatusCategory.PENDING)]).ok
    assert reading(statuses=[MxStatusProxy(category=MxStatusCategory.WARNING)]).good


PRESENCE: dict[str, tuple[MxValue | None, Any, dict[str, Any]]] = {
    "no message": (None, ABSENT, {}),
    "absent": (MxValue(data_type=MxDataType.INTEGER), ABSENT, {}),
    "null": (MxValue(is_null=True), None, {"value": None}),
    "zero": (MxValue(int32_value=0), 0, {"value": 0}),
    "empty": (MxValue(string_value=""), "", {"value": ""}),
    "false": (MxValue(bool_value=False), False, {"value": False}),
    "empty array": (MxValue(array_value=MxArray(int32_values=Int32Array())), [], {"value": []}),
}


@pytest.mark.requirement("value.presence")
@pytest.mark.parametrize(("message", "value", "shown"), PRESENCE.values(), ids=list(PRESENCE))
def test_absent_null_zero_empty_and_false_stay_apart_in_a_reading(
    message: MxValue | None, value: Any, shown: dict[str, Any]
) -> None:
    read = TagValue.of(TAG, message, 192, None, [])
    assert type(read.value) is type(value)
    assert read.value == value
    document = read.to_dict()
    assert {key: document[key] for key in document if key == "value"} == shown
    assert read.good is (value is not ABSENT)
    if value is ABSENT:
        with pytest.raises(TagError, match=r"Pump_001\.Speed: the gateway sent no value"):
            read.require()
    else:
        assert read.require() == value


def test_what_makes_a_reading_fail_is_raised_by_require() -> None:
    error = TagError("no answer within 1 s", tag=TAG)
    with pytest.raises(TagError) as caught:
        reading(error=error).require()
    assert caught.value is error
    with pytest.raises(TagError, match="Security error: detail 1012") as caught:
        reading(statuses=[OK, REFUSED]).require()
    assert caught.value.tag == TAG
    assert reading(quality=27).require() == 1450.5


def test_a_value_that_breaks_the_contract_is_the_error_of_its_tag_alone() -> None:
    lying = MxValue(array_value=MxArray(dimensions=[2, 2], int32_values=Int32Array(values=[1])))
    read = reading(lying)
    assert read.value is ABSENT
    assert read.raw is lying
    assert read.bad
    assert isinstance(read.error, TagError)
    assert isinstance(read.error.__cause__, MalformedReplyError)
    assert read.error.message == f"{TAG}: {read.status}"
    assert read.status == "an array of 1 values says that it is 2 x 2"
    sparse = MxValue(sparse_array_value=MxSparseArray(total_length=3))
    with pytest.raises(TagError, match="sparse array"):
        reading(sparse).require()


def test_the_age_is_counted_from_the_source_time() -> None:
    assert reading().age(NOON + dt.timedelta(seconds=90)) == dt.timedelta(seconds=90)
    assert reading().age(NOON - dt.timedelta(seconds=1)) == -dt.timedelta(seconds=1)
    assert TagValue.of(TAG, None, 0, None, []).age() is None
    now = TagValue.of(TAG, None, 0, Timestamp.now(), []).age()
    assert now is not None
    assert now >= dt.timedelta(0)


def test_a_datetime_of_another_origin_becomes_a_timestamp() -> None:
    plain = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    assert isinstance(TagValue.of(TAG, None, 0, plain, []).timestamp, Timestamp)


SHOWN: list[tuple[TagValue, str, str]] = [
    (
        reading(),
        f"{TAG} = 1450.5",
        f"<{TAG} 1450.5 Float, Good (192), 2026-03-01T12:00:00.1234567Z>",
    ),
    (
        reading(0.1, quality=27, cached=True),
        f"{TAG} = 0.1 (Bad, comm failure, constant (27))",
        (
            f"<{TAG} 0.1 Float, Bad, comm failure, constant (27), 2026-03-01T12:00:00.1234567Z, "
            "cached>"
        ),
    ),
    (
        reading(statuses=[GONE]),
        (
            f"{TAG} = 1450.5 (Communication error: detail 5 MX_E_EngineCommunicationError "
            "(engine not reachable))"
        ),
        (
            f"<{TAG} 1450.5 Float, Good (192), Communication error: detail 5 "
            "MX_E_EngineCommunicationError (engine not reachable), 2026-03-01T12:00:00.1234567Z>"
        ),
    ),
    (
        TagValue.of("", None, 0, None, [], error=TagError("no answer", tag="")),
        "a tag = no value (no answer)",
        "<a tag no value, Bad (0), no answer>",
    ),
    (
        TagValue.of(TAG, to_mx_value("it's", "string"), 192, None, []),
        f'{TAG} = "it\'s"',
        f'<{TAG} "it\'s" String, Good (192)>',
    ),
    (
        TagValue.of(TAG, to_mx_value(list(range(100))), 192, None, []),
        f"{TAG} = [0, 1, 2, 3, 4, 5, 6, 7, ... 100 elements]",
        f"<{TAG} [0, 1, 2, 3, 4, 5, 6, 7, ... 100 elements] Integer[], Good (192)>",
    ),
    (
        TagValue.of(TAG, to_mx_value(dt.timedelta(seconds=90.5)), 64, None, []),
        f"{TAG} = 90.5 s (Uncertain (64))",
        f"<{TAG} 90.5 s ElapsedTime, Uncertain (64)>",
    ),
    (
        TagValue.of(TAG, MxValue(data_type=MxDataType(42), is_null=True), 192, None, []),
        f"{TAG} = null",
        f"<{TAG} null UNKNOWN(42), Good (192)>",
    ),
    *(
        (
            TagValue.of(TAG, message, 192, None, []),
            f"{TAG} = {text}",
            f"<{TAG} {text}, Good (192)>",
        )
        for message, text in [
            (MxValue(double_value=math.nan), "NaN"),
            (MxValue(float_value=math.nan), "NaN"),
            (MxValue(double_value=-math.inf), "-Infinity"),
            (MxValue(double_value=1e22), "1e+22"),
        ]
    ),
    (
        TagValue.of(TAG, MxValue(raw_value=b"\x01", raw_diagnostic="VT_RECORD"), 192, None, []),
        f"{TAG} = 0x01 (VT_RECORD)",
        f"<{TAG} 0x01 (VT_RECORD), Good (192)>",
    ),
]


@pytest.mark.parametrize(("read", "short", "long"), SHOWN, ids=lambda row: str(row)[:40])
def test_a_reading_shows_as_one_line(read: TagValue, short: str, long: str) -> None:
    assert str(read) == short
    assert repr(read) == long


def test_a_long_text_is_cut_for_people_but_not_in_json() -> None:
    read = TagValue.of(TAG, to_mx_value("x" * 5000), 192, None, [])
    assert len(repr(read)) < 150
    assert "5000 characters" in str(read)
    assert read.to_dict()["value"] == "x" * 5000


def test_the_document_of_a_reading_holds_plain_json_types() -> None:
    document = reading(0.1, cached=True).to_dict()
    assert json.loads(json.dumps(document)) == document
    assert document == {
        "tag": TAG,
        "value": 0.1,
        "dataType": "MX_DATA_TYPE_FLOAT",
        "isArray": False,
        "quality": 192,
        "good": True,
        "timestamp": "2026-03-01T12:00:00.123456700Z",
        "statuses": [to_jsonable(OK)],
        "cached": True,
        "error": None,
    }
    failed = reading(None, error=TagError("no answer", tag=TAG)).to_dict()
    assert failed["error"] == {
        "type": "TagError",
        "message": "no answer",
        "status": None,
        "processed": "yes",
        "transient": False,
        "tag": TAG,
    }
    newer = TagValue.of(TAG, MxValue(data_type=MxDataType(42)), 0, None, [])
    assert newer.to_dict()["dataType"] == 42


JSON: list[tuple[MxValue, Any]] = [
    (MxValue(int32_value=7), 7),
    (MxValue(int64_value=7), "7"),
    (MxValue(array_value=MxArray(int64_values=Int64Array(values=[1, 2**40]))), ["1", str(2**40)]),
    (
        MxValue(array_value=MxArray(dimensions=[1, 2], float_values=FloatArray(values=[0.1, 2]))),
        [[0.1, 2.0]],
    ),
    (MxValue(double_value=math.nan), "NaN"),
    (MxValue(float_value=-math.inf), "-Infinity"),
    (MxValue(timestamp_value=NOON), "2026-03-01T12:00:00.123456700Z"),
    (to_mx_value(dt.timedelta(seconds=-1.5)), "-1.500s"),
    (
        to_mx_value(RawValue(b"\x01", "no conversion", 14, variant_type="VT_RECORD")),
        {
            "rawValue": "AQ==",
            "rawDiagnostic": "no conversion",
            "rawDataType": 14,
            "variantType": "VT_RECORD",
        },
    ),
]


@pytest.mark.parametrize(("message", "shown"), JSON, ids=lambda row: str(row)[:30])
def test_values_follow_the_rules_of_protobuf_json(message: MxValue, shown: Any) -> None:
    assert TagValue.of(TAG, message, 192, None, []).to_dict()["value"] == shown


def test_a_reading_made_by_hand_needs_no_message() -> None:
    read = TagValue(
        tag=TAG,
        value=[2**40, 1],
        quality=Quality.of(192),
        timestamp=None,
        statuses=(),
        data_type=MxDataType.INTEGER,
        raw=None,
    )
    assert read.good
    assert read.type_name == "Integer[]"
    assert read.to_dict()["value"] == [str(2**40), 1]


def test_a_reading_can_be_copied_pickled_and_replaced_but_not_changed() -> None:
    read = reading(statuses=[OK, REFUSED])
    for twin in (copy.copy(read), copy.deepcopy(read), pickle.loads(pickle.dumps(read))):
        assert twin == read
        assert repr(twin) == repr(read)
    assert dataclasses.replace(read, tag="Pump_002.Speed") != read
    with pytest.raises(dataclasses.FrozenInstanceError):
        read.tag = "other"  # type: ignore[misc]


@given(st.binary(max_size=60), st.integers(-(2**31), 2**31 - 1))
@settings(deadline=None, max_examples=200)
def test_whatever_arrives_makes_a_reading_that_can_be_shown(data: bytes, quality: int) -> None:
    try:
        message = decode(MxValue, data)
    except DecodeError:
        return
    read = TagValue.of(TAG, message, quality, None, [])
    assert TAG in repr(read)
    assert json.dumps(read.to_dict())
    assert read.good + read.uncertain + read.bad == 1
