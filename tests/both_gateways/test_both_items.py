"""Handles, references and advises, on either gateway."""

from __future__ import annotations

import pytest
from both_gateways.plants import PlantUnderTest
from both_gateways.user import User, details, take
from interop.plant_rows import PROBE

from mxgateway.errors import MxAccessError
from mxgateway.events import BufferedDataChange, BufferedSample, DataChange
from mxgateway.generated.mxaccess_gateway.v1 import MxDataType, MxStatusCategory

E_INVALIDARG = -2147024809
TAG = f"{PROBE}.TestInt"


async def refused(call: object) -> None:
    """Await a call that has to end with E_INVALIDARG."""
    with pytest.raises(MxAccessError) as caught:
        await call  # type: ignore[misc]
    assert caught.value.hresult == E_INVALIDARG


@pytest.mark.rule("mx.handles", "mx.register-name", "mx.removed-handle")
async def test_handles_belong_to_their_registration(user: User) -> None:
    other = await user.session.register("another")
    item = await user.add(TAG)

    assert 0 not in (user.server, other, item)
    assert other != user.server
    for server, handle in ((other, item), (user.server, item + 1000), (user.server + 1000, item)):
        await refused(user.session.advise(server, handle))
    await user.session.remove_item(user.server, item)
    await refused(user.session.advise(user.server, item))


@pytest.mark.rule("mx.unregister", "mx.remove-advised", "mx.un-advise-unadvised")
async def test_items_go_with_what_they_belong_to(plant: PlantUnderTest, user: User) -> None:
    first, second = await user.advised(TAG), await user.advised(f"{PROBE}.Counter")
    third = await user.add(f"{PROBE}.TestBool")
    await user.session.un_advise(user.server, third)
    await user.session.remove_item(user.server, first)
    left = plant.items(user.session.session_id)
    await user.session.unregister(user.server)

    assert left == {f"{PROBE}.Counter": True, f"{PROBE}.TestBool": False}
    assert plant.items(user.session.session_id) == {}
    await refused(user.session.advise(user.server, second))


@pytest.mark.rule("mx.first-value", "mx.quality", "value.integer", "events.three-clocks")
async def test_the_first_data_change_follows_the_advise(user: User) -> None:
    async with user.session.stream_events() as stream:
        item = await user.advised(f"{PROBE}.ReadOnly")
        change = await take(stream, DataChange, item)
        bad = await take(stream, DataChange, await user.advised(f"{PROBE}.AlwaysBad"))

    assert (change.value, change.good, change.data_type) == (42, True, MxDataType.INTEGER)
    assert change.server_handle == user.server
    assert change.raw is not None
    assert change.raw.value is not None
    assert change.raw.value.variant_type == "VT_I4"
    for moment in (
        change.source_timestamp,
        change.worker_timestamp,
        change.gateway_receive_timestamp,
    ):
        assert moment is not None
    assert (bad.value, bad.quality.value, bad.good) == (0.0, 24, False)


@pytest.mark.rule("mx.types", "value.null")
@pytest.mark.parametrize(
    ("name", "value", "data_type"),
    [
        ("TestBool", False, MxDataType.BOOLEAN),
        ("TestFloat", 0.0, MxDataType.FLOAT),
        ("TestDouble", 0.25, MxDataType.DOUBLE),
        ("TestString", "", MxDataType.STRING),
        ("TestBoolArray", [False] * 8, MxDataType.BOOLEAN),
        ("TestIntArray", list(range(8)), MxDataType.INTEGER),
        ("TestStringArray", [f"text {n}" for n in range(10)], MxDataType.STRING),
        ("NeverUpdates", None, MxDataType.FLOAT),
    ],
)
async def test_every_type_arrives_as_itself(
    user: User, name: str, value: object, data_type: MxDataType
) -> None:
    async with user.session.stream_events() as stream:
        change = await take(stream, DataChange, await user.advised(f"{PROBE}.{name}"))

    assert change.value == value
    assert type(change.value) is type(value)
    # A null may bear the type of its tag, or none.
    assert change.data_type == data_type or value is None
    assert change.quality.value == (32 if value is None else 192)


@pytest.mark.rule("mx.change-only", "mx.advise-again", "mx.un-advise-stops", "mx.case")
async def test_changes_come_once_each_and_end_with_the_advise(
    plant: PlantUnderTest, user: User
) -> None:
    async with user.session.stream_events() as stream:
        item = await user.advised(TAG.upper())
        await user.session.advise(user.server, item)
        for value, quality in ((1, 192), (1, 192), (1, 64), (2, 192)):
            plant.set_value(TAG, value, quality=quality)
        await user.session.un_advise(user.server, item)
        plant.set_value(TAG, 3)
        mark = await user.advised(f"{PROBE}.ReadOnly")
        changes: list[DataChange] = []
        while not changes or changes[-1].item_handle != mark:
            changes.append(await take(stream, DataChange))

    assert [(c.value, c.quality.value) for c in changes[:-1]] == [
        (0, 192),
        (1, 192),
        (1, 64),
        (2, 192),
    ]


@pytest.mark.rule("mx.misspelt-handle", "mx.failed-change", "mx.unresolved", "mx.element-zero")
@pytest.mark.parametrize(
    "reference", ["Nowhere.Value", f"{PROBE}.NoSuch", f"{PROBE}.TestIntArray[0]", f"{TAG}[1]"]
)
async def test_a_reference_that_leads_nowhere_fails_as_a_data_change(
    user: User, reference: str
) -> None:
    async with user.session.stream_events() as stream:
        item = await user.advised(reference)
        change = await take(stream, DataChange, item)

    assert details(change) == [(MxStatusCategory.CONFIGURATION_ERROR, 6)]
    assert (change.value, change.quality.value, change.good) == (None, 0, False)
    assert change.reading().bad
    await refused(user.session.write(user.server, item, 1))


@pytest.mark.rule("value.array-brackets", "value.array-element")
async def test_arrays_are_taken_whole_or_by_element(plant: PlantUnderTest, user: User) -> None:
    array = f"{PROBE}.TestStringArray"
    async with user.session.stream_events() as stream:
        bare = await take(stream, DataChange, await user.advised(array))
        whole = await take(stream, DataChange, await user.advised(f"{array}[]"))
        third = await take(stream, DataChange, await user.advised(f"{array}[3]"))

    assert bare.value == whole.value == [f"text {n}" for n in range(10)]
    assert third.value == "text 2"
    assert next(iter(plant.items(user.session.session_id))) == f"{array}[]"


@pytest.mark.rule("mx.context")
async def test_a_context_gives_me_its_meaning(user: User) -> None:
    async with user.session.stream_events() as stream:
        item = await user.session.add_item2(user.server, "Me.ReadOnly", PROBE)
        plain = await user.session.add_item2(user.server, f"{PROBE}.ReadOnly", "")
        for handle in (item, plain):
            await user.session.advise(user.server, handle)
            assert (await take(stream, DataChange, handle)).value == 42


@pytest.mark.rule("mx.suspend", "mx.suspend-unadvised", "mx.activate-running")
async def test_a_suspended_item_is_silent_until_it_is_activated(
    plant: PlantUnderTest, user: User
) -> None:
    async with user.session.stream_events() as stream:
        item = await user.add(TAG)
        with pytest.raises(MxAccessError) as too_early:
            await user.session.suspend(user.server, item)
        await user.session.advise(user.server, item)
        running = await user.session.activate(user.server, item)
        suspended = await user.session.suspend(user.server, item)
        plant.set_value(TAG, 1)
        plant.set_value(TAG, 2)
        await user.session.activate(user.server, item)
        plant.set_value(TAG, 3)
        values = [(await take(stream, DataChange, item)).value for _ in range(3)]

    assert too_early.value.hresult == 0
    assert MxStatusCategory.OPERATIONAL_ERROR in {
        status.category for status in too_early.value.statuses
    }
    assert running.category == MxStatusCategory.OK
    assert suspended.category in (MxStatusCategory.OK, MxStatusCategory.PENDING)
    assert values == [0, 2, 3]


@pytest.mark.rule("mx.buffered")
async def test_a_buffered_item_sends_batches(plant: PlantUnderTest, user: User) -> None:
    async with user.session.stream_events() as stream:
        await user.session.set_buffered_update_interval(user.server, 20)
        item = await user.session.add_buffered_item(user.server, TAG)
        await user.session.advise(user.server, item)
        for value in range(1, 6):
            plant.set_value(TAG, value)
        samples: list[BufferedSample] = []
        while not samples or samples[-1].value != 5:
            samples += (await take(stream, BufferedDataChange, item)).samples

    # Whether the value at the advise is a sample too is left open.
    assert [sample.value for sample in samples if sample.value != 0] == [1, 2, 3, 4, 5]
    assert {sample.quality.value for sample in samples} == {192}
    moments = [sample.timestamp for sample in samples if sample.timestamp is not None]
    assert len(moments) == len(samples)
    assert moments == sorted(moments)
