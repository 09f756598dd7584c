"""What the simulator's repository answers to single requests (gateway semantics, section 10)."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from mxgateway import (
    BrowseChildrenReply,
    BrowseChildrenRequest,
    ClientOptions,
    DiscoverHierarchyReply,
    DiscoverHierarchyRequest,
    GalaxyNotFoundError,
    GalaxyRepositoryClient,
    InvalidArgumentError,
    PermissionDeniedError,
    UnavailableError,
)
from mxgateway.simulator import (
    READ_SCOPES,
    ApiKey,
    AttributeSpec,
    ObjectSpec,
    ThreadedSimulator,
    demo_galaxy,
    scale_galaxy,
)


async def _discover(options: ClientOptions, **fields: Any) -> DiscoverHierarchyReply:
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        return await galaxy.discover_hierarchy_raw(DiscoverHierarchyRequest(**fields))


async def _browse(options: ClientOptions, **fields: Any) -> BrowseChildrenReply:
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        return await galaxy.browse_children(BrowseChildrenRequest(**fields))


def _tags(reply: DiscoverHierarchyReply) -> set[str]:
    return {found.tag_name for found in reply.objects}


PUMPS = {f"Pump_00{n}" for n in range(1, 6)}
TANKS = {f"Tank_00{n}" for n in range(1, 4)}


@pytest.mark.rule("galaxy.filters")
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"category_ids": [1, 3]}, {"DemoPlatform", "DemoEngine_001"}),
        ({"template_chain_contains": ["$pump"]}, PUMPS),
        (
            {"template_chain_contains": ["$Pump", "tank.in"]},
            PUMPS | {f"Valve_00{n}" for n in (1, 3, 5)},
        ),
        ({"tag_name_glob": "pump_00?"}, PUMPS),
        ({"tag_name_glob": "pump_00"}, set()),
        ({"tag_name_glob": "*_00[1]"}, set()),
        ({"tag_name_glob": "*k_*1"}, {"Tank_001"}),
        ({"alarm_bearing_only": True, "category_ids": [1, 3, 11, 13]}, set()),
        ({"historized_only": True, "tag_name_glob": "SimProbe*"}, {"SimProbe_001"}),
        ({"alarm_bearing_only": True, "historized_only": True, "tag_name_glob": "tank*"}, TANKS),
        ({"tag_name_glob": "pump*", "root_tag_name": "intake"}, {f"Pump_00{n}" for n in (1, 2, 3)}),
        ({"root_gobject_id": 30}, {"Reactor_001", "Agitator_001", "Valve_007", "Pump_004"}),
        ({"root_contained_path": "Plant/Intake/Tank_002"}, {"Tank_002", "Valve_003", "Valve_004"}),
        ({"root_contained_path": "Plant.Intake.Tank_002", "max_depth": 0}, {"Tank_002"}),
        ({"max_depth": 0}, {"Plant"}),
        (
            {"max_depth": 1},
            {"Plant", "Intake", "Reaction", "DemoPlatform", "DemoEngine_001", "DemoOpc_001"},
        ),
        (
            {"root_tag_name": "Plant", "max_depth": 1, "category_ids": [13]},
            {"Plant", "Intake", "Reaction"},
        ),
    ],
)
async def test_filters_are_anded_and_counted_after_filtering(
    options: ClientOptions, fields: dict[str, Any], expected: set[str]
) -> None:
    reply = await _discover(options, **fields)
    assert _tags(reply) == expected
    assert reply.total_object_count == len(expected)
    assert reply.next_page_token == ""


async def test_an_alarm_filter_leaves_out_objects_without_alarms(options: ClientOptions) -> None:
    flagged = {
        spec.tag_name for spec in demo_galaxy().objects if any(a.alarm for a in spec.attributes)
    }
    reply = await _discover(options, alarm_bearing_only=True)
    assert _tags(reply) == flagged
    assert 0 < len(flagged) < 30


@pytest.mark.rule("galaxy.native-type", "galaxy.tag-reference")
async def test_an_object_is_sent_with_everything_the_contract_has(options: ClientOptions) -> None:
    reply = await _discover(options, root_tag_name="Tank_001", max_depth=0)
    (tank,) = reply.objects
    assert (tank.gobject_id, tank.contained_name, tank.browse_name) == (20, "", "Tank_001")
    assert (tank.parent_gobject_id, tank.hosted_by_gobject_id) == (2, 2)
    assert (tank.is_area, tank.category_id) == (False, 10)
    assert tank.template_chain == ["$Tank", "$gUserDefined", "$UserDefined"]
    attributes = {a.attribute_name: a for a in tank.attributes}
    assert len(attributes) == 14
    trend = attributes["LevelTrend"]
    assert trend.full_tag_reference == "Tank_001.LevelTrend[]"
    assert (trend.is_array, trend.array_dimension, trend.array_dimension_present) == (
        True,
        24,
        True,
    )
    level = attributes["Level"]
    assert level.full_tag_reference == "Tank_001.Level"
    assert (level.mx_data_type, level.data_type_name) == (3, "Float")  # native, not the enum
    assert (level.is_array, level.array_dimension, level.array_dimension_present) == (
        False,
        0,
        False,
    )
    assert (level.security_classification, level.mx_attribute_category) == (6, 2)
    assert (level.is_alarm, level.is_historized) == (True, True)


@pytest.mark.rule("galaxy.attributes")
@pytest.mark.parametrize(("include", "count"), [(None, 15), (True, 15), (False, 0)])
async def test_attributes_are_left_out_only_on_request(
    options: ClientOptions, include: bool | None, count: int
) -> None:
    reply = await _discover(options, root_tag_name="Pump_001", include_attributes=include)
    assert len(reply.objects[0].attributes) == count


@pytest.mark.rule("galaxy.children-order")
async def test_children_come_areas_first_and_then_by_display_name_ignoring_case(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    names = ["beta", "Alpha", "gamma", "Delta"]
    children = [ObjectSpec(n + 2, name, parent=1) for n, name in enumerate(names)]
    area = ObjectSpec(9, "Zone", parent=1, category=13)
    contained = ObjectSpec(10, "Z_10", parent=1, contained_name="Bolt")
    sim.redeploy([*children, area, contained, ObjectSpec(1, "Top", category=13)])
    reply = await _browse(options, parent_tag_name="TOP")
    assert [c.browse_name for c in reply.children] == [
        "Zone", "Alpha", "beta", "Bolt", "Delta", "gamma",
    ]  # fmt: skip
    assert reply.cache_sequence == 2


@pytest.mark.rule("galaxy.children-hint")
async def test_browsing_tells_which_children_have_children(options: ClientOptions) -> None:
    roots = await _browse(options)
    assert [
        (c.tag_name, has) for c, has in zip(roots.children, roots.child_has_children, strict=True)
    ] == [("Plant", True)]
    plant = await _browse(options, parent_gobject_id=1)
    hints = dict(zip([c.tag_name for c in plant.children], plant.child_has_children, strict=True))
    assert hints["Intake"]
    assert not hints["DemoOpc_001"]
    areas = await _browse(options, parent_contained_path="Plant", category_ids=[13])
    assert [c.tag_name for c in areas.children] == ["Intake", "Reaction"]
    assert areas.child_has_children == [False, False]


@pytest.mark.rule("galaxy.not-found", "status.not-found")
@pytest.mark.parametrize(
    "fields",
    [
        {"root_gobject_id": 999},
        {"root_gobject_id": 0},
        {"root_tag_name": "Nobody"},
        {"root_contained_path": "Plant/Tank_001"},
    ],
)
async def test_an_unknown_root_or_parent_is_not_found(
    options: ClientOptions, fields: dict[str, Any]
) -> None:
    with pytest.raises(GalaxyNotFoundError, match="the galaxy has no root"):
        await _discover(options, **fields)
    with pytest.raises(GalaxyNotFoundError, match="the galaxy has no parent"):
        await _browse(options, **{k.replace("root", "parent"): v for k, v in fields.items()})


# -- pages ------------------------------------------------------------------------------


@pytest.mark.rule("galaxy.pages")
@pytest.mark.parametrize(
    ("asked", "got"), [(0, 1000), (7, 7), (10_000, 10_000), (1_000_000, 10_000)]
)
async def test_discovering_has_a_default_page_size_and_a_cap(
    sim: ThreadedSimulator, options: ClientOptions, asked: int, got: int
) -> None:
    sim.redeploy(scale_galaxy(10_500, 0))
    reply = await _discover(options, page_size=asked)
    assert len(reply.objects) == got
    assert reply.total_object_count == 10_500


@pytest.mark.rule("galaxy.page-sizes")
@pytest.mark.parametrize(("asked", "got"), [(0, 500), (7, 7), (5000, 5000), (1_000_000, 5000)])
async def test_browsing_has_a_default_page_size_and_a_cap(
    sim: ThreadedSimulator, options: ClientOptions, asked: int, got: int
) -> None:
    sim.redeploy(ObjectSpec(n, f"Root_{n}") for n in range(1, 5200))
    reply = await _browse(options, page_size=asked)
    assert len(reply.children) == len(reply.child_has_children) == got
    assert reply.total_child_count == 5199


async def test_a_page_ends_early_before_its_attributes_become_too_many(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    attributes = tuple(AttributeSpec(f"A{n}", 1) for n in range(20_001))
    sim.redeploy(ObjectSpec(n, f"Root_{n}", attributes=attributes) for n in range(1, 4))
    reply = await _discover(options, page_size=1000)
    assert len(reply.objects) == 2
    assert reply.next_page_token
    skeletons = await _discover(options, page_size=1000, include_attributes=False)
    assert len(skeletons.objects) == 3


@pytest.mark.rule("galaxy.pages")
async def test_pages_of_any_size_together_hold_every_object_once(options: ClientOptions) -> None:
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        request = DiscoverHierarchyRequest(page_size=4)
        ids: list[int] = []
        while True:
            reply = await galaxy.discover_hierarchy_raw(request)
            ids += [found.gobject_id for found in reply.objects]
            if not reply.next_page_token:
                break
            # The size may change from page to page.
            request = DiscoverHierarchyRequest(page_size=11, page_token=reply.next_page_token)
    assert sorted(ids) == sorted(spec.id for spec in demo_galaxy().objects)


@pytest.mark.rule("galaxy.token-bound")
@pytest.mark.parametrize(
    "change",
    [
        {"tag_name_glob": "*"},
        {"category_ids": [10]},
        {"include_attributes": True},
        {"alarm_bearing_only": True},
        {"max_depth": 3},
        {"root_gobject_id": 1},
        {"root_tag_name": "Plant"},
    ],
)
async def test_a_token_is_refused_with_another_root_or_filter(
    options: ClientOptions, change: dict[str, Any]
) -> None:
    first = await _discover(options, page_size=5)
    with pytest.raises(InvalidArgumentError, match="page_token belongs to a request with another"):
        await _discover(options, page_token=first.next_page_token, **change)


@pytest.mark.rule("galaxy.token-bound")
async def test_a_token_of_one_call_is_refused_by_the_other(options: ClientOptions) -> None:
    first = await _discover(options, page_size=5)
    with pytest.raises(InvalidArgumentError, match="page_token"):
        await _browse(options, page_token=first.next_page_token)


@pytest.mark.rule("galaxy.token-stale")
async def test_a_token_is_stale_after_a_redeploy(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    discovered = await _discover(options, page_size=5)
    browsed = await _browse(options, parent_gobject_id=1, page_size=2)
    sim.redeploy()
    with pytest.raises(InvalidArgumentError, match="stale"):
        await _discover(options, page_token=discovered.next_page_token)
    with pytest.raises(InvalidArgumentError, match="stale"):
        await _browse(options, parent_gobject_id=1, page_token=browsed.next_page_token)


@pytest.mark.rule("galaxy.token-opaque", "status.invalid-argument")
async def test_a_corrupt_token_is_refused_whichever_byte_was_hit(options: ClientOptions) -> None:
    token = (await _discover(options, page_size=5)).next_page_token
    raw = base64.urlsafe_b64decode(token)
    damaged = [
        base64.urlsafe_b64encode(raw[:n] + bytes([raw[n] ^ 1]) + raw[n + 1 :]).decode()
        for n in range(len(raw))
    ]
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        for bad in (*damaged, token[:-4], token + "AAAA", "not a token", "ä", "=="):
            with pytest.raises(InvalidArgumentError, match="page_token is corrupt"):
                await galaxy.discover_hierarchy_raw(
                    DiscoverHierarchyRequest(page_size=5, page_token=bad)
                )


@pytest.mark.parametrize(("field", "value"), [("page_size", -1), ("max_depth", -1)])
async def test_a_negative_number_is_an_invalid_argument(
    options: ClientOptions, field: str, value: int
) -> None:
    with pytest.raises(InvalidArgumentError, match=f"{field} must not be negative"):
        await _discover(options, **{field: value})


async def test_a_negative_page_size_of_a_browse_is_an_invalid_argument(
    options: ClientOptions,
) -> None:
    with pytest.raises(InvalidArgumentError, match="page_size"):
        await _browse(options, page_size=-3)


# -- access and state -----------------------------------------------------------------------


@pytest.mark.rule("auth.scope-metadata")
async def test_every_call_needs_the_scope_for_metadata() -> None:
    key = ApiKey("mxgw_blind_secret", READ_SCOPES - {"metadata:read"})
    with ThreadedSimulator(interval=None, keys=[key]) as sim:
        options = ClientOptions(endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True)
        async with GalaxyRepositoryClient.connect(options=options) as galaxy:
            for call in (
                galaxy.test_connection,
                galaxy.get_last_deploy_time,
                galaxy.discover_hierarchy,
                galaxy.iter_hierarchy().__anext__,
                galaxy.browse,
                galaxy.watch_deploy_events().__anext__,
            ):
                with pytest.raises(PermissionDeniedError, match="metadata:read"):
                    await call()


@pytest.mark.rule("galaxy.cache-unloaded")
async def test_a_cache_that_is_not_loaded_makes_browsing_unavailable(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    sim.galaxy.cache_loaded = False
    with pytest.raises(UnavailableError, match="not loaded"):
        await _discover(options)
    with pytest.raises(UnavailableError, match="not loaded"):
        await _browse(options)


def test_a_redeploy_of_an_unsound_galaxy_changes_nothing(sim: ThreadedSimulator) -> None:
    before = sim.galaxy.state()
    twice = demo_galaxy().objects[0]
    with pytest.raises(ValueError, match="comes twice"):
        sim.redeploy([twice, replace(twice, id=99)])
    assert sim.galaxy.state() == before
