"""Writes and how they end, on either gateway. Their order to data changes is left open."""

from __future__ import annotations

from typing import Any

import pytest
from both_gateways.plants import PlantUnderTest
from both_gateways.user import User, details, take
from interop.plant_rows import PROBE

from mxgateway import Timestamp
from mxgateway.errors import InvalidArgumentError, MxAccessError, WriteFailedError
from mxgateway.events import DataChange, WriteComplete
from mxgateway.generated.mxaccess_gateway.v1 import (
    MxDataType,
    MxSparseArray,
    MxSparseElement,
    MxStatusCategory,
    MxValue,
)
from mxgateway.values import from_mx_value

E_INVALIDARG = -2147024809
TAG = f"{PROBE}.TestInt"
SECURITY = MxStatusCategory.SECURITY_ERROR


async def signed_in(user: User) -> tuple[int, int]:
    """Sign two users in and return their ids."""
    return (
        await user.session.authenticate_user(user.server, "operator", "valve-7"),
        await user.session.authenticate_user(user.server, "shiftlead", "gate 9"),
    )


@pytest.mark.rule("write.completion")
async def test_an_accepted_write_is_told_complete_and_seen(
    plant: PlantUnderTest, user: User
) -> None:
    async with user.session.stream_events() as stream:
        item = await user.advised(TAG)
        first = await take(stream, DataChange, item)
        await user.session.write(user.server, item, 7)
        events = [await anext(stream) for _ in range(2)]

    assert first.value == 0
    by_class = {type(event): event for event in events}
    done, change = by_class[WriteComplete], by_class[DataChange]
    assert isinstance(done, WriteComplete)
    assert isinstance(change, DataChange)
    assert (done.ok, done.item_handle, done.server_handle) == (True, item, user.server)
    assert (change.value, change.good) == (7, True)
    assert plant.writes(TAG) == [7]


@pytest.mark.requirement("write.no-replay")
@pytest.mark.rule("write.completion")
async def test_confirmed_writes_take_effect_once_each(plant: PlantUnderTest, user: User) -> None:
    item = await user.add(TAG)
    for value in range(1, 11):
        assert (await user.session.write_and_wait(user.server, item, value)).ok

    assert plant.writes(TAG) == list(range(1, 11))


@pytest.mark.rule("write.advise-first")
async def test_an_item_is_advised_before_it_is_written(plant: PlantUnderTest, user: User) -> None:
    item = await user.add(TAG)

    with pytest.raises(MxAccessError) as caught:
        await user.session.write(user.server, item, 7)

    assert caught.value.hresult == E_INVALIDARG
    assert plant.writes(TAG) == []


@pytest.mark.rule("write.user-supervisory")
@pytest.mark.parametrize(("supervisory", "recorded"), [(False, 0), (True, 9)])
async def test_the_user_of_a_plain_write_counts_on_a_supervisory_advise_only(
    plant: PlantUnderTest, user: User, supervisory: bool, recorded: int
) -> None:
    async with user.session.stream_events() as stream:
        item = await user.advised(TAG, supervisory=supervisory)
        await take(stream, DataChange, item)
        await user.session.write(user.server, item, 7, user_id=9)
        await take(stream, WriteComplete, item)

    assert plant.writers(TAG) == [(recorded, 0)]


@pytest.mark.rule("mx.coercion")
@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("TestInt", "12", 12),
        ("TestInt", 3.0, 3),
        ("TestFloat", 2, 2.0),
        ("TestDouble", "0.5", 0.5),
        ("TestString", "Füllstand", "Füllstand"),
        ("TestBool", True, True),
    ],
)
async def test_what_can_be_converted_is_written(
    plant: PlantUnderTest, user: User, name: str, given: object, expected: object
) -> None:
    item = await user.add(f"{PROBE}.{name}")

    assert (await user.session.write_and_wait(user.server, item, given)).ok
    assert plant.writes(f"{PROBE}.{name}") == [expected]


@pytest.mark.rule("mx.coercion", "mx.not-writable")
@pytest.mark.parametrize(
    ("name", "given"),
    [("TestInt", "twelve"), ("TestInt", [1, 2]), ("TestIntArray", 1), ("ReadOnly", 1)],
)
async def test_what_cannot_be_written_fails_in_the_completion(
    plant: PlantUnderTest, user: User, name: str, given: object
) -> None:
    item = await user.add(f"{PROBE}.{name}")

    with pytest.raises(WriteFailedError) as caught:
        await user.session.write_and_wait(user.server, item, given)

    [(category, _)] = details(caught.value.event)
    assert category == MxStatusCategory.OPERATIONAL_ERROR
    assert plant.writes(f"{PROBE}.{name}") == []


@pytest.mark.rule("value.array-whole", "value.array-element")
async def test_an_array_is_replaced_whole_and_an_element_alone(user: User) -> None:
    array = f"{PROBE}.TestIntArray"
    whole, second = await user.add(array), await user.add(f"{array}[2]")
    await user.session.write_and_wait(user.server, whole, [9, 8, 7, 6, 5, 4, 3, 2])
    await user.session.write_and_wait(user.server, second, 80)
    result = await user.read(f"{array}[]")

    assert from_mx_value(result.value) == [9, 80, 7, 6, 5, 4, 3, 2]


@pytest.mark.rule("value.sparse-reset")
async def test_a_sparse_write_resets_what_it_does_not_list(
    plant: PlantUnderTest, user: User
) -> None:
    array = f"{PROBE}.TestIntArray"
    async with user.session.stream_events() as stream:
        item = await user.advised(array)
        await take(stream, DataChange, item)
        await user.session.write_array_elements(
            user.server, item, {1: 5, 3: 6}, total_length=8, data_type=MxDataType.INTEGER
        )
        change = await take(stream, DataChange, item)

    assert change.value == [0, 5, 0, 6, 0, 0, 0, 0]
    assert plant.writes(array) == [change.value]


@pytest.mark.rule("value.sparse-index", "status.invalid-argument")
@pytest.mark.parametrize(
    "elements",
    [
        [MxSparseElement(index=8, value=MxValue(int32_value=1))],
        [MxSparseElement(index=0, value=MxValue(string_value="one"))],
    ],
    ids=["index", "type"],
)
async def test_a_sparse_array_that_is_not_sound_is_an_invalid_argument(
    plant: PlantUnderTest, user: User, elements: list[MxSparseElement]
) -> None:
    array = f"{PROBE}.TestIntArray"
    value = MxValue(
        sparse_array_value=MxSparseArray(
            element_data_type=MxDataType.INTEGER, total_length=8, elements=elements
        )
    )
    async with user.session.stream_events() as stream:
        item = await user.advised(array)
        await take(stream, DataChange, item)
        with pytest.raises(InvalidArgumentError):
            await user.session.write(user.server, item, value)

    assert plant.writes(array) == []


@pytest.mark.rule("mx.write-time")
@pytest.mark.requirement("value.time-100ns")
async def test_a_write_with_a_time_keeps_it(user: User) -> None:
    moment = Timestamp.fromisoformat("2026-03-01T08:15:00.1234567Z")
    async with user.session.stream_events() as stream:
        item = await user.advised(TAG)
        await take(stream, DataChange, item)
        await user.session.write2(user.server, item, 7, moment)
        change = await take(stream, DataChange, item)

    assert change.value == 7
    assert str(change.source_timestamp) == "2026-03-01T08:15:00.1234567Z"


@pytest.mark.rule("mx.secured-needed", "mx.verified-needed", "mx.supervisory-bypass")
@pytest.mark.parametrize(("name", "detail"), [("Secured", 1012), ("Verified", 1013)])
async def test_a_plain_write_to_a_secured_attribute_is_refused_unless_supervisory(
    plant: PlantUnderTest, user: User, name: str, detail: int
) -> None:
    tag = f"{PROBE}.{name}"
    with pytest.raises(WriteFailedError) as caught:
        await user.session.write_and_wait(user.server, await user.add(tag), 7)
    before = plant.writes(tag)
    await user.session.write_and_wait(user.server, await user.add(tag), 8, supervisory=True)

    assert details(caught.value.event) == [(SECURITY, detail)]
    assert before == []
    assert plant.writes(tag) == [8]


@pytest.mark.rule("mx.secured-write", "mx.verified-write", "mx.login")
async def test_secured_and_verified_writes_need_who_signed_in(
    plant: PlantUnderTest, user: User
) -> None:
    current, verifier = await signed_in(user)
    secured = await user.add(f"{PROBE}.Secured")
    verified = await user.add(f"{PROBE}.Verified")

    async def write(item: int, value: int, who: int, second: int = 0) -> Any:
        return await user.session.write_and_wait(
            user.server, item, value, current_user_id=who, verifier_user_id=second
        )

    await write(secured, 1, current)
    await write(secured, 2, current, current)
    await write(verified, 3, current, verifier)
    for item, who, second in (
        (secured, 4711, 0),
        (verified, current, 0),
        (verified, current, current),
    ):
        with pytest.raises(WriteFailedError) as caught:
            await write(item, 9, who, second)
        [(category, _)] = details(caught.value.event)
        assert category == SECURITY

    assert plant.writes(f"{PROBE}.Secured") == [1, 2]
    assert plant.writes(f"{PROBE}.Verified") == [3]
    assert plant.writers(f"{PROBE}.Verified") == [(current, verifier)]


@pytest.mark.rule("mx.login", "mx.user-guid")
async def test_a_login_gives_an_id_and_a_wrong_one_is_refused(user: User) -> None:
    current, verifier = await signed_in(user)
    by_guid = await user.session.archestra_user_to_id(
        user.server, "6d4a1c52-0a51-4a8c-9b1e-000000000011"
    )

    assert 0 not in (current, verifier)
    assert by_guid == current != verifier
    for name, password in (("operator", "wrong"), ("nobody", "valve-7")):
        with pytest.raises(MxAccessError) as caught:
            await user.session.authenticate_user(user.server, name, password)
        assert password not in str(caught.value)
    with pytest.raises(MxAccessError):
        await user.session.archestra_user_to_id(user.server, "6d4a1c52-0a51-4a8c-9b1e-0000000000ff")
