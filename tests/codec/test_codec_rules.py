"""Rules of the codec that examples say best: merging, unknown fields, nesting, refusals."""

from __future__ import annotations

import copy
import math
import sys
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import betterproto2
import pytest
from every_type import Color, EveryType
from google_messages import GoogleModules
from message_pairs import message_names, pair

from mxgateway.codec import decode, decoder_for, encode, encoder_for, to_json, to_jsonable
from mxgateway.codec.grpc import MessageCodec
from mxgateway.codec.plan import plan_of
from mxgateway.errors import DecodeError, EncodeError
from mxgateway.generated.galaxy_repository.v1 import DiscoverHierarchyRequest
from mxgateway.generated.google import protobuf
from mxgateway.generated.google.rpc import Status
from mxgateway.generated.mxaccess_gateway.v1 import (
    AdviseCommand,
    Int32Array,
    MxArray,
    MxCommand,
    MxDataType,
    MxEvent,
    MxSparseArray,
    MxSparseElement,
    MxStatusProxy,
    MxValue,
    OnDataChangeEvent,
    OnWriteCompleteEvent,
    OpenSessionRequest,
    RegisterCommand,
    UnAdviseCommand,
)
from mxgateway.timestamp import Duration, Timestamp

UNKNOWN = bytes.fromhex("c23e0568656c6c6f")


def field(number: int, body: bytes) -> bytes:
    """A length-delimited field of a small number."""
    assert number < 16
    assert len(body) < 128
    return bytes([number << 3 | 2, len(body)]) + body


# --- decoding ---------------------------------------------------------------------------


def test_a_sub_message_sent_in_two_parts_is_one() -> None:
    first = encode(MxEvent(value=MxValue(data_type=MxDataType.DOUBLE, double_value=1.5)))
    second = encode(MxEvent(value=MxValue(variant_type="VT_R8", double_value=2.5)))

    event = decode(MxEvent, first + second)

    assert event.value == MxValue(
        data_type=MxDataType.DOUBLE, variant_type="VT_R8", double_value=2.5
    )


def test_a_timestamp_sent_in_two_parts_is_one() -> None:
    event = decode(MxEvent, field(7, b"\x08\x05") + field(7, b"\x10\x64"))

    assert event.source_timestamp == Timestamp.from_unix(5, 100)


@pytest.mark.requirement("decode.merge")
def test_the_same_member_of_a_oneof_merges_and_another_replaces_it() -> None:
    array = encode(MxValue(array_value=MxArray(int32_values=Int32Array(values=[1]))))
    more = encode(MxValue(array_value=MxArray(int32_values=Int32Array(values=[2]))))
    other = encode(MxValue(string_value=""))

    merged = decode(MxValue, array + more)
    replaced = decode(MxValue, array + other)

    assert merged.array_value is not None
    assert merged.array_value.int32_values == Int32Array(values=[1, 2])
    assert replaced.array_value is None
    assert replaced.string_value == ""


@pytest.mark.parametrize("packed", [b"\x0a\x04\x01\xac\x02\x00", b"\x08\x01\x08\xac\x02\x08\x00"])
def test_lists_are_read_packed_and_unpacked(packed: bytes) -> None:
    assert decode(Int32Array, packed).values == [1, 300, 0]
    assert decode(Int32Array, packed + packed).values == [1, 300, 0] * 2


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("08ffffffff0f", -1),
        ("08ffffffffffffffffff01", -1),
        ("08ffffffffffffffffff7f", -1),
        ("088080808010", 0),
        ("08818080808001", 1),
        ("0880808080f8ffffffff01", -(1 << 31)),
    ],
)
def test_an_int32_is_cut_to_32_bits_as_google_cuts_it(
    google: GoogleModules, data: str, expected: int
) -> None:
    sent = bytes.fromhex(data)

    assert decode(AdviseCommand, sent).server_handle == expected
    assert google.gateway_pb2.AdviseCommand.FromString(sent).server_handle == expected


def test_any_varint_but_zero_is_true() -> None:
    assert decode(MxValue, bytes.fromhex("1880808080808080808001")).is_null is True
    assert decode(MxValue, bytes.fromhex("18808000")).is_null is False


def test_zero_false_and_empty_in_a_oneof_are_set_and_absent_is_none() -> None:
    assert decode(MxValue, encode(MxValue(double_value=0.0))).double_value == 0.0
    assert decode(MxValue, encode(MxValue(bool_value=False))).bool_value is False
    assert decode(MxValue, encode(MxValue(raw_value=b""))).raw_value == b""
    assert decode(MxValue, b"").double_value is None
    assert decode(MxEvent, b"").source_timestamp is None
    assert decode(MxEvent, encode(MxEvent(hresult=0))).hresult == 0


def test_an_unknown_enum_number_is_kept_printed_and_written_back() -> None:
    sent = bytes.fromhex("08922108f9ffffffffffffffff01")[:3]
    event = decode(MxEvent, sent)

    assert event.family == 4242
    assert str(event.family) == "UNKNOWN(4242)"
    assert event.family.proto_name is None
    assert to_jsonable(event)["family"] == 4242
    assert encode(event) == sent


def test_very_many_unknown_enum_numbers_are_all_kept_apart() -> None:
    for number in range(5000, 9000):
        event = decode(MxEvent, encode(MxEvent(family=number)))  # type: ignore[arg-type]
        assert event.family == number


def test_unknown_fields_at_every_level_are_written_back() -> None:
    value = encode(MxValue(int32_value=5)) + UNKNOWN
    sent = field(5, value) + field(8, UNKNOWN) + UNKNOWN + bytes.fromhex("f33e0801f43e")

    event = decode(MxEvent, sent)

    assert encode(event) == sent
    assert event.value is not None
    assert event.value._unknown_fields == UNKNOWN
    assert bytes(event) == sent


def test_a_changed_message_still_has_its_unknown_fields() -> None:
    event = decode(MxEvent, field(5, UNKNOWN) + UNKNOWN)
    assert event.value is not None
    event.value.int32_value = 7
    event.quality = 192

    again = decode(MxEvent, encode(event))

    assert again._unknown_fields == UNKNOWN
    assert again.value is not None
    assert (again.value.int32_value, again.value._unknown_fields) == (7, UNKNOWN)


def test_the_codec_never_copies_a_message_for_a_copy_loses_unknown_fields(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = decode(MxEvent, field(5, UNKNOWN) + UNKNOWN)
    assert copy.copy(original)._unknown_fields == b""
    assert copy.deepcopy(original)._unknown_fields == b""

    def refuse(*_: Any) -> Any:
        raise AssertionError("a message was copied")

    monkeypatch.setattr(betterproto2.Message, "__copy__", refuse)
    monkeypatch.setattr(betterproto2.Message, "__deepcopy__", refuse)

    assert encode(decode(MxEvent, encode(original))) == encode(original)
    assert to_jsonable(original)["value"]["isNull"] is False


def test_a_decoded_message_is_like_any_other() -> None:
    event = decode(MxEvent, b"")

    assert event == MxEvent()
    assert repr(event) == "MxEvent()"
    assert not event
    event.statuses.append(MxStatusProxy())
    assert decode(MxEvent, b"").statuses == []
    assert MxEvent().statuses == []


def test_bytearray_and_memoryview_are_read_like_bytes() -> None:
    data = encode(RegisterCommand(client_name="a"))

    for view in (bytearray(data), memoryview(data)):
        assert decode(RegisterCommand, view) == RegisterCommand(client_name="a")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        decode(RegisterCommand, 5)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", message_names())
def test_empty_bytes_are_an_empty_message(google: GoogleModules, name: str) -> None:
    ours, theirs = pair(google, name)

    assert decode(ours, b"") == ours()
    assert encode(ours()) == theirs().SerializeToString()


def test_json_names_are_those_of_the_descriptors(google: GoogleModules) -> None:
    for name in message_names():
        ours, theirs = pair(google, name)
        expected = {f.number: f.json_name for f in theirs.DESCRIPTOR.fields}
        assert {f.number: f.json_name for f in plan_of(ours).fields} == expected


# --- nesting ---------------------------------------------------------------------------


def nested(levels: int) -> MxValue:
    """A value with `levels` messages inside, one in the other; three make a ring."""
    value = MxValue()
    inner: Any = None
    if levels % 3:
        inner = MxSparseArray(elements=[MxSparseElement()] if levels % 3 == 2 else [])
        value.sparse_array_value = inner
    for _ in range(levels // 3):
        element = MxSparseElement(value=value)
        value = MxValue(sparse_array_value=MxSparseArray(elements=[element]))
    return value


def test_a_hundred_levels_are_written_and_read_and_one_more_is_neither() -> None:
    deep, too_deep = nested(100), nested(101)

    assert encode(decode(MxValue, encode(deep))) == encode(deep)
    assert to_json(deep).count("elements") == 33 + 1
    with pytest.raises(EncodeError, match="nested more than 100 levels") as caught:
        encode(too_deep)
    assert caught.value.field == "elements"
    with pytest.raises(DecodeError, match="nested more than 100 levels"):
        decode(MxValue, bytes(too_deep))


def test_a_message_that_contains_itself_is_refused() -> None:
    value = MxValue()
    value.sparse_array_value = MxSparseArray(elements=[MxSparseElement(value=value)])

    for write in (encode, to_json):
        with pytest.raises(EncodeError, match="contains itself"):
            write(value)


def test_a_list_that_is_shared_is_no_cycle() -> None:
    value = MxValue(int32_value=1)
    array = MxSparseArray(elements=[MxSparseElement(value=value), MxSparseElement(value=value)])

    assert decode(MxSparseArray, encode(array)) == array


# --- encoding ---------------------------------------------------------------------------


REFUSED: list[tuple[Any, str, str]] = [
    (AdviseCommand(server_handle=1 << 31), "server_handle", "does not fit in int32"),
    (AdviseCommand(server_handle=-(1 << 31) - 1), "server_handle", "does not fit in int32"),
    (AdviseCommand(server_handle=1.5), "server_handle", "int is wanted"),  # type: ignore[arg-type]
    (AdviseCommand(server_handle=0.0), "server_handle", "int is wanted"),  # type: ignore[arg-type]
    (AdviseCommand(server_handle="1"), "server_handle", "int is wanted"),  # type: ignore[arg-type]
    (AdviseCommand(server_handle=None), "server_handle", "not None"),  # type: ignore[arg-type]
    (RegisterCommand(client_name=b"a"), "client_name", "str is wanted"),  # type: ignore[arg-type]
    (RegisterCommand(client_name=0), "client_name", "str is wanted"),  # type: ignore[arg-type]
    (RegisterCommand(client_name="a\ud800"), "client_name", "surrogate"),
    (MxEvent(worker_sequence=-1), "worker_sequence", "does not fit in uint64"),
    (MxEvent(worker_sequence=1 << 64), "worker_sequence", "does not fit in uint64"),
    (MxEvent(family=1 << 31), "family", "does not fit in int32"),  # type: ignore[arg-type]
    (MxEvent(source_timestamp=datetime(2024, 1, 1)), "source_timestamp", "naive"),  # noqa: DTZ001
    (MxEvent(source_timestamp="now"), "source_timestamp", "datetime is wanted"),  # type: ignore[arg-type]
    (MxEvent(statuses=None), "statuses", "list is wanted"),  # type: ignore[arg-type]
    (MxEvent(statuses=[None]), "statuses", "MxStatusProxy is wanted"),  # type: ignore[list-item]
    (MxEvent(value=MxStatusProxy()), "value", "MxValue is wanted"),  # type: ignore[arg-type]
    (MxValue(raw_value="text"), "raw_value", "bytes is wanted"),  # type: ignore[arg-type]
    (MxValue(double_value="1.5"), "double_value", "float is wanted"),  # type: ignore[arg-type]
    (MxValue(double_value=10**400), "double_value", "does not fit in double"),
    (MxValue(bool_value="yes"), "bool_value", "bool is wanted"),  # type: ignore[arg-type]
    (MxValue(int64_value=1 << 63), "int64_value", "does not fit in int64"),
    (Int32Array(values=[1, 2.0]), "values", "int is wanted"),  # type: ignore[list-item]
    (Int32Array(values=[1 << 31]), "values", "does not fit in int32"),
    (Int32Array(values="12"), "values", "list is wanted"),  # type: ignore[arg-type]
    (OpenSessionRequest(command_timeout=5), "command_timeout", "timedelta is wanted"),  # type: ignore[arg-type]
    (OpenSessionRequest(command_timeout=timedelta.max), "command_timeout", "10,000 years"),
    (DiscoverHierarchyRequest(max_depth="1"), "max_depth", "int is wanted"),  # type: ignore[arg-type]
    (DiscoverHierarchyRequest(max_depth=1 << 31), "max_depth", "does not fit in int32"),
    (EveryType(one_fixed32=-1), "one_fixed32", "does not fit in fixed32"),
    (EveryType(one_sint32=1 << 31), "one_sint32", "does not fit in sint32"),
    (EveryType(one_sint64=1 << 63), "one_sint64", "does not fit in sint64"),
    (EveryType(one_sfixed64=1 << 63), "one_sfixed64", "does not fit in sfixed64"),
    (EveryType(one_bool=None), "one_bool", "bool is wanted"),
    (EveryType(one_float=None), "one_float", "float is wanted"),
    (EveryType(many_bool=[None]), "many_bool", "bool is wanted"),
    (EveryType(many_double=["1"]), "many_double", "float is wanted"),
    (EveryType(numbers={"a": "b"}), "numbers", "int is wanted"),
    (EveryType(numbers={1: 2}), "numbers", "str is wanted"),
    (EveryType(numbers=[1]), "numbers", "dict is wanted"),
]


@pytest.mark.parametrize(("message", "name", "reason"), REFUSED)
def test_a_value_that_the_field_cannot_carry_is_refused_by_name(
    message: Any, name: str, reason: str
) -> None:
    with pytest.raises(EncodeError) as caught:
        encode(message)

    assert (caught.value.message_type, caught.value.field) == (type(message).__name__, name)
    assert reason in caught.value.reason


def test_the_error_names_the_message_inside_which_the_value_stands() -> None:
    command = MxCommand(advise=AdviseCommand(item_handle=1 << 40))

    with pytest.raises(EncodeError) as caught:
        encode(command)

    assert (caught.value.message_type, caught.value.field) == ("AdviseCommand", "item_handle")


def test_a_refusal_does_not_show_the_value() -> None:
    with pytest.raises(EncodeError) as caught:
        encode(AdviseCommand(server_handle="hunter2"))  # type: ignore[arg-type]

    assert "hunter2" not in caught.value.diagnostics()


def test_two_members_of_one_oneof_are_refused_by_both_names() -> None:
    event = MxEvent(on_data_change=OnDataChangeEvent(), on_write_complete=OnWriteCompleteEvent())

    with pytest.raises(EncodeError) as caught:
        encode(event)

    assert caught.value.field == "on_write_complete"
    assert "on_data_change is set as well" in caught.value.reason


@pytest.mark.parametrize("wrong", [None, "text", b"", object(), AdviseCommand])
def test_what_is_no_message_is_refused(wrong: Any) -> None:
    with pytest.raises(EncodeError, match="not a message"):
        encoder_for(AdviseCommand)(wrong)


def test_an_encoder_refuses_a_message_of_another_class_with_the_same_fields() -> None:
    with pytest.raises(EncodeError, match="AdviseCommand is wanted, not UnAdviseCommand"):
        encoder_for(AdviseCommand)(UnAdviseCommand(server_handle=1))  # type: ignore[arg-type]
    with pytest.raises(EncodeError, match="AdviseCommand is wanted"):
        encode(MxCommand(advise=UnAdviseCommand()))  # type: ignore[arg-type]


def test_bools_tuples_and_buffers_are_taken_as_google_takes_them() -> None:
    assert encode(AdviseCommand(server_handle=True)) == b"\x08\x01"
    assert encode(AdviseCommand(server_handle=False)) == b""
    assert encode(Int32Array(values=(1, 2))) == b"\x0a\x02\x01\x02"  # type: ignore[arg-type]
    assert encode(MxValue(raw_value=bytearray(b"ab"))) == encode(MxValue(raw_value=b"ab"))  # type: ignore[arg-type]
    assert encode(MxValue(double_value=1)) == encode(MxValue(double_value=1.0))
    assert encode(MxEvent(family=3)) == b"\x08\x03"  # type: ignore[arg-type]


def test_minus_zero_is_written_and_a_too_large_float_is_infinite() -> None:
    assert encode(EveryType(one_double=-0.0, one_float=-0.0)) != b""
    assert encode(EveryType(one_double=0.0, one_float=0.0)) == b""
    again = decode(EveryType, encode(EveryType(one_float=-1e300, many_float=[1e39, 1.5])))
    assert again.one_float == -math.inf
    assert again.many_float == [math.inf, 1.5]
    assert to_jsonable(EveryType(one_float=1e300))["oneFloat"] == "Infinity"


def test_aware_datetimes_and_timedeltas_are_written_whatever_their_zone() -> None:
    moment = datetime(2024, 5, 6, 7, 8, 9, 123456, UTC)
    event = decode(MxEvent, encode(MxEvent(source_timestamp=moment)))
    assert event.source_timestamp == moment
    assert isinstance(event.source_timestamp, Timestamp)
    request = OpenSessionRequest(command_timeout=timedelta(seconds=-1.5))
    again = decode(OpenSessionRequest, encode(request))
    assert again.command_timeout == timedelta(seconds=-1.5)
    assert isinstance(again.command_timeout, Duration)


@pytest.mark.parametrize(
    "body",
    ["0880f8ffffffffffffff01", "08ffffffffffffffff7f", "1080a8d6b907", "10ffffffffffffffffff01"],
)
def test_a_time_no_datetime_can_hold_costs_nothing_else_and_goes_back_as_it_came(body: str) -> None:
    sent = field(7, bytes.fromhex(body)) + bytes.fromhex("488001")

    event = decode(MxEvent, sent)

    assert event.worker_sequence == 128
    assert encode(event) == sent
    assert bytes(MxEvent.parse(sent)) == sent
    assert to_jsonable(event)["sourceTimestamp"].endswith("Z")


def test_generated_times_agree_with_the_codec() -> None:
    sent = field(7, b"\x08\x05\x10\xe4\x01")
    event = decode(MxEvent, sent)

    assert event.source_timestamp == MxEvent.parse(sent).source_timestamp
    assert event.source_timestamp is not None
    assert event.source_timestamp.nanosecond == 228
    assert MxEvent.parse(sent).to_dict() == {"sourceTimestamp": "1970-01-01T00:00:05.000000228Z"}
    assert MxEvent.from_dict(event.to_dict()) == event
    session = OpenSessionRequest(command_timeout=Duration(nanoseconds=-1))
    assert session.to_dict() == {"commandTimeout": "-0.000000001s"}
    assert OpenSessionRequest.from_dict(session.to_dict()) == session


# --- JSON, grpclib, threads ----------------------------------------------------------------


def test_json_has_every_field_without_presence_and_no_other() -> None:
    assert to_jsonable(MxValue()) == {
        "dataType": "MX_DATA_TYPE_UNSPECIFIED",
        "variantType": "",
        "isNull": False,
        "rawDiagnostic": "",
        "rawDataType": 0,
    }


def test_json_is_ascii_and_has_its_layout_from_the_caller() -> None:
    message = RegisterCommand(client_name="Grüße")

    assert to_json(message) == '{"clientName": "Gr\\u00fc\\u00dfe"}'
    assert to_json(message, indent=1) == '{\n "clientName": "Gr\\u00fc\\u00dfe"\n}'
    text = to_json(AdviseCommand(server_handle=1), sort_keys=True)
    assert text == '{"itemHandle": 0, "serverHandle": 1}'


def test_json_refuses_what_cannot_be_written_with_the_same_error() -> None:
    with pytest.raises(EncodeError) as caught:
        to_json(MxEvent(source_timestamp=datetime(2024, 1, 1)))  # noqa: DTZ001

    assert caught.value.field == "source_timestamp"


def test_an_any_prints_what_it_holds_or_its_bytes() -> None:
    known = protobuf.Any.pack(ping := RegisterCommand(client_name="a"))
    broken = protobuf.Any(type_url=known.type_url, value=b"\xff")
    stranger = protobuf.Any(type_url="type.googleapis.com/no.Such", value=b"\x01")
    timed = protobuf.Any.pack(protobuf.Timestamp(seconds=1))

    details = to_jsonable(Status(code=5, details=[known, broken, stranger, timed]))["details"]

    assert details == [
        {"@type": known.type_url, **to_jsonable(ping)},
        {"@type": known.type_url, "value": "/w=="},
        {"@type": "type.googleapis.com/no.Such", "value": "AQ=="},
        {"@type": timed.type_url, "value": "1970-01-01T00:00:01Z"},
    ]


def test_well_known_types_on_their_own_print_as_their_json() -> None:
    assert to_jsonable(protobuf.Int64Value(value=5)) == "5"
    assert to_jsonable(protobuf.FloatValue(value=0.1)) == 0.1
    assert to_jsonable(protobuf.BytesValue(value=b"\x01")) == "AQ=="
    assert to_jsonable(protobuf.Duration(seconds=-1, nanos=-500_000_000)) == "-1.500s"


def test_maps_and_negative_enum_numbers_print() -> None:
    message = EveryType(colors={True: Color.MINUS, False: Color.RED}, numbers={"a": 1})

    assert to_jsonable(message)["colors"] == {"true": "COLOR_MINUS", "false": "COLOR_RED"}
    assert decode(EveryType, encode(message)) == message


def test_the_grpclib_codec_reads_and_writes_messages() -> None:
    codec = MessageCodec()
    data = codec.encode(RegisterCommand(client_name="a"), RegisterCommand)

    assert codec.__content_subtype__ == "proto"
    assert codec.decode(data, RegisterCommand) == RegisterCommand(client_name="a")
    with pytest.raises(TypeError, match="takes RegisterCommand, not AdviseCommand"):
        codec.encode(AdviseCommand(), RegisterCommand)
    with pytest.raises(DecodeError):
        codec.decode(b"\xff", RegisterCommand)


def test_threads_may_use_a_codec_for_the_first_time_together() -> None:
    start = threading.Barrier(8)
    results: list[Any] = []
    data = bytes(MxCommand(register=RegisterCommand(client_name="a")))

    def work() -> None:
        start.wait()
        results.append(encode(decode(MxCommand, data)))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert results == [data] * 8


def test_compiled_functions_are_made_once() -> None:
    assert decoder_for(MxEvent) is decoder_for(MxEvent)
    assert encoder_for(MxEvent) is encoder_for(MxEvent)
