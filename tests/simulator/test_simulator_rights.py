"""Who may write what: categories, locks, classes, permissions (MXAccess reference, 6 and 7)."""

from __future__ import annotations

from typing import Any

import pytest

from mxgateway.errors import ConfigurationError
from mxgateway.generated.mxaccess_gateway.v1 import MxDataType, MxStatusCategory, MxValue
from mxgateway.simulator import (
    Classification,
    ModelAttribute,
    ModelObject,
    PlantModel,
    Settings,
    Simulator,
    TagSpec,
)

INTEGER = MxDataType.INTEGER


async def outcome(sim: Simulator, user: Any, tag: str, *, supervisory: bool = False) -> int:
    """Write to a tag and return the detail of the completion; 0 for success."""
    item = await user.advised(tag, supervisory=supervisory)
    before = len(sim.audit.writes(tag))
    reply = await user.write(item, MxValue(int32_value=before + 1))
    assert reply.hresult == 0, "the write is accepted, whatever its completion says"
    await sim.wait_for(lambda s: len(s.audit.writes(tag)) == before + 1)
    return sim.audit.writes(tag)[-1].detail


@pytest.mark.rule("mx.category", "mx.not-writable")
async def test_the_category_says_who_may_write(connect: Any) -> None:
    both, user_only, nobody = (0, 0), (0, 902), (902, 902)
    expected = {
        **dict.fromkeys((2, 3, 11, 12, 14, 15), nobody),
        **dict.fromkeys((4, 7, 9), user_only),
        **dict.fromkeys((6, 8, 10), both),
        5: (902, 0),
    }
    specs = [TagSpec(f"A.C{number}", INTEGER, 0, category=number) for number in expected]
    async with Simulator(interval=None, plant=specs) as sim:
        user = await connect(sim)
        found = {
            number: (
                await outcome(sim, user, f"A.C{number}"),
                await outcome(sim, user, f"A.C{number}", supervisory=True),
            )
            for number in expected
        }
        user.channel.close()
    assert found == expected


@pytest.mark.rule("mx.hidden", "mx.unresolved")
@pytest.mark.parametrize("category", [0, 1, 13, 16, 17, 18])
async def test_what_is_not_for_clients_leads_nowhere(connect: Any, category: int) -> None:
    spec = TagSpec("A.Inner", INTEGER, 1, category=category)
    async with Simulator(interval=None, plant=[spec]) as sim:
        user = await connect(sim)
        for reference in ("A.Inner", "A.Inner.Quality", "A.ATTRIBUTE(Inner)"):
            await user.advised(reference)
        async with user.events() as stream:
            events = await stream.take(3)
        assert {event.statuses[0].detail for event in events} == {6}
        user.channel.close()


@pytest.mark.rule("mx.locked", "mx.property")
async def test_a_locked_attribute_is_a_constant(connect: Any) -> None:
    specs = [TagSpec(f"A.{name}", INTEGER, 5, locked=name == "Held") for name in ("Held", "Free")]
    async with Simulator(interval=None, plant=specs) as sim:
        user = await connect(sim)
        assert await outcome(sim, user, "A.Held") == 902
        assert await outcome(sim, user, "A.Held", supervisory=True) == 902
        assert await outcome(sim, user, "A.Free") == 0
        await user.advised("A.Held.Locked")
        async with user.events() as stream:
            locked = [e for e in await stream.take(8) if e.value and e.value.bool_value]
        assert len(locked) == 1
        user.channel.close()


def test_only_attributes_of_a_lockable_category_can_be_locked() -> None:
    held = ModelAttribute(name="Held", data_type=INTEGER, value=1, locked=True)
    PlantModel([ModelObject(name="A", template="$UserDefined", attributes=(held,))])
    fixed = ModelAttribute(name="F", data_type=INTEGER, value=1, locked=True, category=2)
    with pytest.raises(ConfigurationError, match="cannot be locked"):
        PlantModel([ModelObject(name="A", template="$UserDefined", attributes=(fixed,))])


CLASSES = [TagSpec(f"A.{c.name}", INTEGER, 0, c) for c in Classification]


@pytest.mark.rule("mx.permission", "mx.view-only")
async def test_each_class_asks_for_its_permission(connect: Any) -> None:
    settings = Settings(worker_permissions=frozenset({"operate"}))
    async with Simulator(interval=None, plant=CLASSES, settings=settings) as sim:
        user = await connect(sim)
        found = {c.name: await outcome(sim, user, f"A.{c.name}") for c in Classification}
        assert found == {
            "FREE_ACCESS": 0,
            "OPERATE": 0,
            "SECURED_WRITE": 1012,
            "VERIFIED_WRITE": 1013,
            "TUNE": 321,
            "CONFIGURE": 321,
            "VIEW_ONLY": 902,
        }
        # What an application does asks nobody.
        assert await outcome(sim, user, "A.TUNE", supervisory=True) == 0
        user.channel.close()


@pytest.mark.rule("mx.permission")
async def test_without_any_permission_only_free_access_is_left(connect: Any) -> None:
    settings = Settings(worker_permissions=frozenset())
    async with Simulator(interval=None, plant=CLASSES, settings=settings) as sim:
        user = await connect(sim)
        assert await outcome(sim, user, "A.FREE_ACCESS") == 0
        item = await user.advised("A.OPERATE")
        await user.write(item, MxValue(int32_value=1))
        async with user.events() as stream:
            status = (await stream.take(5))[-1].statuses[0]
        assert (status.category, status.detail) == (MxStatusCategory.SECURITY_ERROR, 321)
        user.channel.close()


@pytest.mark.rule("mx.open-galaxy", "mx.view-only")
async def test_in_an_open_galaxy_only_view_only_is_refused(connect: Any) -> None:
    settings = Settings(security="none", worker_permissions=frozenset())
    async with Simulator(interval=None, plant=CLASSES, settings=settings) as sim:
        user = await connect(sim)
        found = {c.name: await outcome(sim, user, f"A.{c.name}") for c in Classification}
        assert {name for name, detail in found.items() if detail} == {"VIEW_ONLY"}
        user.channel.close()


def test_a_permission_that_there_is_not_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'fly'"):
        Settings(worker_permissions=frozenset({"fly"}))
