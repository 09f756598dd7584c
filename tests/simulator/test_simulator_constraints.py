"""Constraints of keys: scopes of reading, writing and browsing (gateway semantics, section 2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.errors import ConfigurationError
from mxgateway.generated.galaxy_repository.v1 import (
    BrowseChildrenRequest,
    DiscoverHierarchyRequest,
)
from mxgateway.generated.mxaccess_gateway.v1 import (
    AddItem2Command,
    AddItemBulkCommand,
    MxCommandKind,
    MxValue,
    OpenSessionRequest,
    ReadBulkCommand,
    SubscribeBulkCommand,
    WriteBulkCommand,
    WriteBulkEntry,
)
from mxgateway.simulator import ApiKey, Simulator

KIND = MxCommandKind


@pytest.fixture
def limited(connect: Any) -> Any:
    """Makes a user whose key has constraints, and its simulator."""

    @asynccontextmanager
    async def make(**constraints: Any) -> AsyncIterator[tuple[Simulator, Any]]:
        key = ApiKey("mxgw_most_secret", **constraints)
        async with Simulator(interval=None, keys=[key]) as sim:
            user = await connect(sim)
            yield sim, user
            user.channel.close()

    return make


async def denied(call: Any) -> str:
    with pytest.raises(GRPCError) as caught:
        await call
    assert caught.value.status is Status.PERMISSION_DENIED
    return str(caught.value.message)


@pytest.mark.rule("auth.constraint", "status.permission-denied")
@pytest.mark.parametrize(
    ("scope", "inside", "outside"),
    [
        (["Tank_001"], "Tank_001.Level", "Tank_002.Level"),
        (["tank_001"], "Valve_001.Cmd", "Valve_003.Cmd"),
        (["Tank_001"], "Tank_001.InletValve.Cmd", "Tank_002.InletValve.Cmd"),
        (["Plant/Intake"], "Pump_001.Speed", "Reactor_001.Temp"),
        (["Pump_*.SpeedSP"], "pump_002.speedsp", "Pump_002.Speed"),
        (["Reactor_001.Setpoints"], "Reactor_001.Setpoints[]", "Reactor_001.StepFlags[]"),
        (["Reactor_001.Setpoints"], "Reactor_001.Setpoints[2]", "Reactor_001.Temp"),
        (["Pump_001.Mode"], "Pump_001.Mode.Quality", "Pump_001.Cmd.Quality"),
        (["*"], "Pump_001.Mode", None),
        ([], None, "Pump_001.Mode"),
        (["Nowhere.*"], "Nowhere.At.All", "Elsewhere.At.All"),
    ],
)
async def test_a_key_reads_what_its_scope_covers(
    limited: Any, scope: list[str], inside: str | None, outside: str | None
) -> None:
    async with limited(read_scope=scope) as (_, user):
        if inside is not None:
            assert await user.add(inside)
        if outside is not None:
            text = await denied(user.add(outside))
            assert "most" in text
            assert "secret" not in text


@pytest.mark.rule("auth.constraint")
async def test_a_relative_name_leads_round_no_constraint(limited: Any) -> None:
    async with limited(read_scope=["Tank_001"]) as (_, user):
        command = AddItem2Command(user.server, "Me.Level", "Tank_002")
        await denied(user.invoke(KIND.ADD_ITEM2, command))
        command = AddItem2Command(user.server, "MyContainer.Level", "Valve_001")
        assert (await user.invoke(KIND.ADD_ITEM2, command)).add_item2.item_handle == 1


@pytest.mark.rule("auth.constraint")
async def test_an_item_that_another_key_added_is_checked_at_the_advise(connect: Any) -> None:
    keys = [ApiKey("mxgw_all_1"), ApiKey("mxgw_few_2", read_scope=("Tank_001",))]
    async with Simulator(interval=None, keys=keys) as sim:
        owner = await connect(sim)
        guest = await connect(sim, key="mxgw_few_2", session=False)
        guest.session_id, guest.server = owner.session_id, owner.server
        item = await owner.add("Tank_002.Level")
        await denied(guest.advise(item))
        assert (await owner.advise(item)).hresult == 0
        owner.channel.close()
        guest.channel.close()


@pytest.mark.rule("auth.constraint-bulk")
async def test_denied_entries_of_a_bulk_command_fail_and_the_others_run(limited: Any) -> None:
    async with limited(read_scope=["Tank_001"]) as (_, user):
        tags = ["Tank_002.Level", "Tank_001.Level", "Tank_002.Temp"]
        cases = (
            (KIND.ADD_ITEM_BULK, AddItemBulkCommand(user.server, tags)),
            (KIND.SUBSCRIBE_BULK, SubscribeBulkCommand(user.server, tags)),
            (KIND.READ_BULK, ReadBulkCommand(user.server, tags)),
        )
        for kind, command in cases:
            results = getattr(await user.invoke(kind, command), kind.name.lower()).results
            assert [result.tag_address for result in results] == tags
            assert [result.was_successful for result in results] == [False, True, False]
            assert "may not read" in results[0].error_message


@pytest.mark.rule("auth.constraint")
async def test_a_key_writes_what_its_write_scope_covers(limited: Any) -> None:
    async with limited(write_scope=["Pump_*"]) as (sim, user):
        pump, tank = await user.advised("Pump_001.SpeedSP"), await user.advised("Tank_001.LevelSP")
        assert (await user.write(pump, MxValue(float_value=900.0))).hresult == 0
        assert "Tank_001.LevelSP" in await denied(user.write(tank, MxValue(float_value=1.0)))
        entries = [WriteBulkEntry(item, MxValue(float_value=800.0)) for item in (tank, pump)]
        reply = await user.invoke(KIND.WRITE_BULK, WriteBulkCommand(user.server, entries))
        results = reply.write_bulk.results
        assert [result.was_successful for result in results] == [False, True]
        assert [result.item_handle for result in results] == [tank, pump]
        assert results[0].hresult is None
        await sim.wait_for(lambda s: s.audit.values_written("Pump_001.SpeedSP") == [900.0, 800.0])
        assert sim.audit.writes("Tank_001.LevelSP") == []


@pytest.mark.rule("auth.max-classification")
async def test_a_key_writes_up_to_its_classification(limited: Any) -> None:
    async with limited(max_write_classification=1) as (sim, user):
        operate, tune = await user.advised("Pump_001.Cmd"), await user.advised("Pump_001.SpeedSP")
        assert (await user.write(operate, MxValue(bool_value=True))).hresult == 0
        assert "classification" in await denied(user.write(tune, MxValue(float_value=1.0)))
        assert sim.audit.writes("Pump_001.SpeedSP") == []


@pytest.mark.rule("auth.constraint-galaxy")
async def test_the_galaxy_is_narrowed_without_a_word(limited: Any) -> None:
    async with limited(browse_subtrees=["Tank_001", "Reactor_*"]) as (_, user):
        reply = await user.galaxy.discover_hierarchy(DiscoverHierarchyRequest())
        objects = {each.tag_name: each for each in reply.objects}
        assert set(objects) >= {"Tank_001", "Valve_001", "Reactor_001", "Agitator_001"}
        # The way to what is allowed stays, without attributes.
        assert objects["Plant"].attributes == objects["Intake"].attributes == []
        assert objects["Tank_001"].attributes
        assert not {"Tank_002", "Pump_001", "Line_001", "DemoEngine_001"} & set(objects)
        assert reply.total_object_count == len(objects)
        children = await user.galaxy.browse_children(
            BrowseChildrenRequest(parent_tag_name="Intake")
        )
        assert [child.tag_name for child in children.children] == ["Tank_001"]
        with pytest.raises(GRPCError) as caught:
            await user.galaxy.browse_children(BrowseChildrenRequest(parent_tag_name="Tank_002"))
        assert caught.value.status is Status.NOT_FOUND


async def test_pages_of_a_narrowed_galaxy_go_on_and_end_with_a_deploy(limited: Any) -> None:
    async with limited(browse_subtrees=["Intake"]) as (sim, user):
        first = await user.galaxy.discover_hierarchy(DiscoverHierarchyRequest(page_size=2))
        request = DiscoverHierarchyRequest(page_size=2, page_token=first.next_page_token)
        second = await user.galaxy.discover_hierarchy(request)
        assert not {o.tag_name for o in first.objects} & {o.tag_name for o in second.objects}
        await sim.redeploy()
        with pytest.raises(GRPCError) as caught:
            await user.galaxy.discover_hierarchy(request)
        assert caught.value.status is Status.INVALID_ARGUMENT


@pytest.mark.rule("auth.revoked")
async def test_a_revoked_key_is_unauthenticated(connect: Any) -> None:
    keys = [ApiKey("mxgw_good_1"), ApiKey("mxgw_old_2", revoked=True)]
    async with Simulator(interval=None, keys=keys) as sim:
        user = await connect(sim, key="mxgw_old_2", session=False)
        with pytest.raises(GRPCError) as caught:
            await user.stub.open_session(OpenSessionRequest())
        assert caught.value.status is Status.UNAUTHENTICATED
        user.channel.close()


@pytest.mark.parametrize(
    "constraints",
    [
        {"read_scope": "Tank_001"},
        {"write_scope": [""]},
        {"browse_subtrees": [1]},
        {"max_write_classification": 7},
        {"max_write_classification": -1},
    ],
)
def test_constraints_that_make_no_sense_are_refused(constraints: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        ApiKey("mxgw_most_secret", **constraints)
