"""A message may have no more elements than it is allowed, however its bytes are laid out."""

from __future__ import annotations

import threading
from typing import Any

import betterproto2
import pytest
from every_type import EveryType, google_every_type
from google_messages import GoogleModules
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from message_pairs import google_messages_of, pair

from mxgateway.codec import Allowance, counting_decoder_for, decode, decoder_for, encode
from mxgateway.codec.budget import TooManyElementsError
from mxgateway.codec.merge import checked_merger
from mxgateway.codec.plan import DEPTH_LIMIT, plan_of
from mxgateway.errors import DecodeError, LimitError
from mxgateway.generated.galaxy_repository.v1 import DiscoverHierarchyReply
from mxgateway.generated.mxaccess_gateway.v1 import Int32Array, MxEvent

FEW = settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    database=None,
)


def elements(message: Any) -> int:
    """Count the entries of lists and maps, and the sub-messages, at all depths."""
    count = 0
    for f in plan_of(type(message)).fields:
        value = getattr(message, f.name)
        entries = value if isinstance(value, list) else [value]
        if isinstance(value, dict):
            entries = list(value.values())
        count += len(entries) if f.is_container else f.kind == "message" and value is not None
        count += sum(elements(e) for e in entries if isinstance(e, betterproto2.Message))
    return count


@pytest.mark.parametrize("name", ["gateway.MxEvent", "galaxy.DiscoverHierarchyReply", "every"])
@given(data=st.data())
@FEW
def test_exactly_the_elements_of_a_message_are_counted(
    google: GoogleModules, name: str, data: st.DataObject
) -> None:
    ours, theirs = (EveryType, google_every_type()) if name == "every" else pair(google, name)
    sent = data.draw(google_messages_of(theirs)).SerializeToString(deterministic=True)
    expected = decode(ours, sent)
    count = elements(expected)
    counting = counting_decoder_for(ours)

    assert encode(counting(sent, count)) == encode(expected)
    message = plan_of(ours).blank()
    checked_merger(ours)(message, sent, 0, len(sent), DEPTH_LIMIT, [count])
    assert encode(message) == encode(expected)
    if count:
        with pytest.raises(LimitError):
            counting(sent, count - 1)
        with pytest.raises(TooManyElementsError):
            checked_merger(ours)(
                plan_of(ours).blank(), sent, 0, len(sent), DEPTH_LIMIT, [count - 1]
            )


@pytest.mark.parametrize(
    ("cls", "data"),
    [
        pytest.param(DiscoverHierarchyReply, b"\n\0" * 1001, id="sub-messages"),
        pytest.param(DiscoverHierarchyReply, b"\x18\0\n\0" * 1001, id="out-of-order"),
        pytest.param(Int32Array, b"\n\xe9\x07" + b"\1" * 1001, id="packed"),
        pytest.param(Int32Array, b"\n\xd2\x0f" + b"\x80\1" * 1001, id="packed-two-bytes"),
        pytest.param(Int32Array, b"\x08\1" * 1001, id="unpacked"),
        pytest.param(Int32Array, b"\n\1\1" * 1001, id="packed-one-by-one"),
        # Two members of the oneof `body` in turn: each takes the place of the other.
        pytest.param(MxEvent, bytes.fromhex("a20100aa0100") * 501, id="replaced"),
    ],
)
def test_one_element_more_than_allowed_is_refused(
    cls: type[betterproto2.Message], data: bytes
) -> None:
    counting = counting_decoder_for(cls)
    with pytest.raises(LimitError) as caught:
        counting(data, 1000)
    assert caught.value.option == "max_message_elements"
    assert caught.value.limit == 1000
    assert cls.__name__ in caught.value.message
    assert encode(counting(data, 2000)) == encode(decode(cls, data))


def test_a_damaged_message_is_explained_by_the_counting_decoder_too() -> None:
    data = b"\n\0\n\5"
    with pytest.raises(DecodeError) as expected:
        decode(DiscoverHierarchyReply, data)
    with pytest.raises(DecodeError) as caught:
        counting_decoder_for(DiscoverHierarchyReply)(data, 10)
    assert caught.value.message == expected.value.message


def test_each_thread_has_its_own_count() -> None:
    counting = counting_decoder_for(DiscoverHierarchyReply)
    data = b"\n\0" * 20_000
    problems: list[BaseException] = []
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        try:
            for _ in range(3):
                assert len(counting(data, 20_000).objects) == 20_000
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems


def test_unknown_fields_in_very_many_parts_are_kept_without_copying_them_for_each() -> None:
    # 200,000 parts of one sub-message, each with an unknown field: 40 GB, if each part copied.
    part = bytes.fromhex("2a04f8ff7f01")
    message = decoder_for(MxEvent)(part * 200_000)
    assert message.value is not None
    assert message.value._unknown_fields == part[2:] * 200_000
    assert decode(MxEvent, encode(message)) == message


@pytest.mark.parametrize("payload", [b"\n\0" * 100, b"\n\0" * 100 + b"\x12\0\n\0"])
def test_a_decoding_that_was_revoked_makes_nothing_more(payload: bytes) -> None:
    """In the fast way and, with a field out of order, in the other one too."""
    allowance = Allowance(1_000)
    decode = counting_decoder_for(DiscoverHierarchyReply)
    assert len(decode(payload, allowance).objects) >= 100
    allowance.revoke()
    with pytest.raises(IndexError):
        decode(payload, allowance)
