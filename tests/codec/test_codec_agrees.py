"""The compiled codec against two others: Google's protobuf and betterproto2 itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from every_type import EveryType, google_every_type
from google.protobuf.json_format import MessageToDict, MessageToJson
from google.protobuf.message import DecodeError as GoogleDecodeError
from google_messages import GoogleModules
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from message_pairs import google_messages_of, message_names, pair, without_hidden_unknowns

from mxgateway.codec import decode, encode, to_json, to_jsonable
from mxgateway.codec.merge import checked_merger
from mxgateway.codec.plan import DEPTH_LIMIT, plan_of
from mxgateway.errors import DecodeError

CLASSES = [*message_names(), "every.EveryType"]
HOT = ["gateway.MxEvent", "gateway.MxValue", "worker.WorkerEnvelope", "every.EveryType"]

UNKNOWN = st.sampled_from(
    [
        b"",
        bytes.fromhex("f8ff7f01"),  # a varint
        bytes.fromhex("faff7f03616263"),
        bytes.fromhex("f9ff7f0102030405060708"),
        bytes.fromhex("fdff7f01020304"),
        bytes.fromhex("fbff7f0801fcff7f"),  # a group
    ]
)


def classes(google: GoogleModules, name: str) -> tuple[Any, Any]:
    return (EveryType, google_every_type()) if name.startswith("every.") else pair(google, name)


def written(message: Any) -> bytes:
    data: bytes = message.SerializeToString(deterministic=True)
    return data


def by_the_book(cls: Any, data: bytes) -> Any:
    message = plan_of(cls).blank()
    checked_merger(cls)(message, data, 0, len(data), DEPTH_LIMIT, None)
    return message


def as_written(theirs: Any, data: bytes) -> bytes:
    """The bytes themselves; with maps, whose order is no rule, what Google makes of them."""
    if theirs.DESCRIPTOR.name != "EveryType":
        return data
    return written(theirs.FromString(data))


def few(examples: int) -> settings:
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(deadline=None, max_examples=examples, suppress_health_check=slow, database=None)


@pytest.mark.parametrize("name", CLASSES)
@given(data=st.data())
@few(5)
def test_what_google_writes_is_read_and_written_back_byte_for_byte(
    google: GoogleModules, name: str, data: st.DataObject
) -> None:
    ours, theirs = classes(google, name)
    reference = data.draw(google_messages_of(theirs))
    sent = written(reference)

    message = decode(ours, sent)

    assert as_written(theirs, encode(message)) == sent
    assert as_written(theirs, encode(by_the_book(ours, sent))) == sent
    if ours is not EveryType:  # there betterproto2 drops minus zeros
        assert bytes(message) == sent


# betterproto2 fails on a message with maps of enums and of well-known types together.
@pytest.mark.parametrize("name", message_names())
@given(data=st.data())
@few(5)
def test_a_message_reads_as_betterproto2_reads_it(
    google: GoogleModules, name: str, data: st.DataObject
) -> None:
    ours, theirs = classes(google, name)
    sent = written(data.draw(google_messages_of(theirs)))

    assert same(decode(ours, sent), ours.parse(sent))


def same(left: Any, right: Any) -> bool:
    """Equality in which NaN equals NaN at any depth."""
    if type(left) is not type(right):
        return False
    if hasattr(left, "_unknown_fields"):
        return left._unknown_fields == right._unknown_fields and all(
            same(getattr(left, f.name), getattr(right, f.name)) for f in plan_of(type(left)).fields
        )
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    return bool(left == right or (left != left and right != right))


@pytest.mark.parametrize("name", CLASSES)
@given(data=st.data())
@few(5)
def test_json_is_google_json(google: GoogleModules, name: str, data: st.DataObject) -> None:
    ours, theirs = classes(google, name)
    reference = data.draw(google_messages_of(theirs))

    message = decode(ours, written(reference))

    expected = MessageToDict(reference, always_print_fields_with_no_presence=True)
    assert to_jsonable(message) == expected
    assert to_json(message, sort_keys=True, indent=2) == MessageToJson(
        reference, always_print_fields_with_no_presence=True, sort_keys=True
    )
    assert json.loads(to_json(message)) == expected


@pytest.mark.parametrize("name", CLASSES)
@given(data=st.data())
@few(4)
def test_parts_in_any_order_merge_as_google_merges_them(
    google: GoogleModules, name: str, data: st.DataObject
) -> None:
    ours, theirs = classes(google, name)
    parts = data.draw(st.lists(google_messages_of(theirs), min_size=2, max_size=3))
    sent = b"".join(written(part) + data.draw(UNKNOWN) for part in parts)
    merged = theirs.FromString(sent)

    assert as_written(theirs, encode(decode(ours, sent))) == written(merged)


def mutate(data: st.DataObject, sent: bytes) -> bytes:
    place = data.draw(st.integers(0, len(sent)))
    piece = data.draw(st.binary(max_size=3))
    drop = data.draw(st.integers(0, 3))
    return sent[:place] + piece + sent[place + drop :]


def accepts_alike(ours: Any, theirs: Any, sent: bytes) -> None:
    try:
        expected = written(without_hidden_unknowns(theirs.FromString(sent)))
    except GoogleDecodeError:
        with pytest.raises(DecodeError) as caught:
            decode(ours, sent)
        assert 0 <= caught.value.offset <= len(sent) == caught.value.size
        return
    refusal = ""
    try:
        message = decode(ours, sent)
    except DecodeError as error:
        refusal = error.reason
    if refusal:
        # No message may have a field 0. Google's parser lets it pass where it has no field
        # of the message to compare with: in groups, and in messages without fields.
        assert refusal == "field number 0"
        return
    assert as_written(theirs, encode(message)) == expected
    assert as_written(theirs, encode(by_the_book(ours, sent))) == expected


@pytest.mark.parametrize("name", HOT)
@given(data=st.data())
@few(150)
def test_damaged_bytes_are_refused_or_read_as_google_does(
    google: GoogleModules, name: str, data: st.DataObject
) -> None:
    ours, theirs = classes(google, name)
    sent = written(data.draw(google_messages_of(theirs)))
    accepts_alike(ours, theirs, mutate(data, sent))


@pytest.mark.parametrize("name", HOT)
@given(sent=st.binary(max_size=24))
@few(150)
def test_noise_is_refused_or_read_as_google_does(
    google: GoogleModules, name: str, sent: bytes
) -> None:
    accepts_alike(*classes(google, name), sent)


@pytest.mark.slow
@pytest.mark.parametrize("name", CLASSES)
@given(data=st.data())
@few(100)
def test_damaged_bytes_of_every_message_are_refused_or_read_as_google_does(
    google: GoogleModules, name: str, data: st.DataObject
) -> None:
    ours, theirs = classes(google, name)
    sent = written(data.draw(google_messages_of(theirs)))
    for _ in range(data.draw(st.integers(1, 3))):
        sent = mutate(data, sent)
    accepts_alike(ours, theirs, sent)
