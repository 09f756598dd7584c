"""The Galaxy Repository, on either gateway: both have deployed the same objects."""

from __future__ import annotations

from typing import Any

import pytest
from both_gateways.plants import PlantUnderTest
from interop.plant_rows import AREA, OBJECTS, PROBE, PUMPS, ObjectRow

from mxgateway import GalaxyRepositoryClient, GatewayClient
from mxgateway.errors import (
    InvalidArgumentError,
    NotFoundError,
    StalePageTokenError,
    UnavailableError,
)
from mxgateway.galaxy import BrowseOptions, DiscoverHierarchyOptions, WalkProgress
from mxgateway.generated.galaxy_repository.v1 import (
    BrowseChildrenRequest,
    DiscoverHierarchyRequest,
    GalaxyObject,
)

ALL = [row.tag_name for row in OBJECTS]


@pytest.fixture
def galaxy(client: GatewayClient) -> GalaxyRepositoryClient:
    """A galaxy client on the one connection of `client`."""
    return GalaxyRepositoryClient.on(client)


def names(objects: list[GalaxyObject]) -> list[str]:
    """Return the tag names of objects, sorted."""
    return sorted(each.tag_name for each in objects)


def plain(each: GalaxyObject) -> ObjectRow:
    """Return an object without its attributes, as a row."""
    return ObjectRow(
        each.gobject_id,
        each.tag_name,
        each.parent_gobject_id,
        each.category_id,
        tuple(each.template_chain),
        contained_name=each.contained_name,
    )


@pytest.mark.rule("galaxy.pages", "galaxy.attributes", "galaxy.native-type", "galaxy.area")
async def test_the_hierarchy_comes_whole_in_pages(galaxy: GalaxyRepositoryClient) -> None:
    pages: list[WalkProgress] = []
    objects = await galaxy.discover_hierarchy(
        DiscoverHierarchyOptions(page_size=50), progress=pages.append
    )
    skeletons = await galaxy.discover_hierarchy(DiscoverHierarchyOptions(include_attributes=False))

    assert len(pages) == len(OBJECTS) // 50 + 1
    assert names(objects) == names(skeletons) == sorted(ALL)
    assert {plain(each) for each in objects} == {
        ObjectRow(
            row.id,
            row.tag_name,
            row.parent,
            row.category,
            row.templates,
            contained_name=row.contained_name,
        )
        for row in OBJECTS
    }
    listed = {
        each.tag_name: [
            (a.attribute_name, a.mx_data_type, a.is_array, a.is_alarm, a.is_historized)
            for a in each.attributes
        ]
        for each in objects
    }
    assert listed == {
        row.tag_name: [
            (a.name, a.type, a.length is not None, a.alarm, a.historized) for a in row.attributes
        ]
        for row in OBJECTS
    }
    assert all(each.attributes == [] for each in skeletons)


@pytest.mark.rule("galaxy.filters", "galaxy.glob")
@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"category_ids": (13,)}, ["Plant", AREA, "Reaction"]),
        ({"template_chain_contains": ("$simprobe",)}, [PROBE]),
        ({"tag_name_glob": "pump_00?"}, [f"Pump_00{n}" for n in range(1, 10)]),
        ({"tag_name_glob": "pump_00"}, []),
        ({"tag_name_glob": "*_001", "historized_only": True}, ["Pump_001", "Valve_001"]),
        ({"tag_name_glob": "*_001", "alarm_bearing_only": True}, ["Pump_001", PROBE]),
        ({"tag_name_glob": "*_001", "category_ids": (13,)}, [AREA]),
    ],
)
async def test_filters_are_anded(
    galaxy: GalaxyRepositoryClient, filters: dict[str, Any], expected: list[str]
) -> None:
    options = DiscoverHierarchyOptions(**filters)

    assert names(await galaxy.discover_hierarchy(options)) == sorted(expected)
    reply = await galaxy.discover_hierarchy_raw(options.request(""))
    assert reply.total_object_count == len(expected)


@pytest.mark.rule("galaxy.depth", "galaxy.not-found")
async def test_the_depth_counts_from_the_root(galaxy: GalaxyRepositoryClient) -> None:
    async def below(depth: int | None) -> list[str]:
        options = DiscoverHierarchyOptions(root_tag_name=AREA, max_depth=depth)
        return names(await galaxy.discover_hierarchy(options))

    pumps = [f"Pump_{n:03}" for n in range(1, PUMPS + 1)]
    assert await below(0) == [AREA]
    assert await below(1) == sorted([AREA, *pumps])
    assert await below(None) == sorted([AREA, *pumps, "Valve_001"])
    for options in (
        DiscoverHierarchyOptions(root_tag_name="Nowhere"),
        DiscoverHierarchyOptions(root_gobject_id=4711),
    ):
        with pytest.raises(NotFoundError):
            await galaxy.discover_hierarchy(options)


@pytest.mark.rule("galaxy.children-order", "galaxy.children-hint", "galaxy.not-found")
async def test_children_are_expanded_lazily(galaxy: GalaxyRepositoryClient) -> None:
    [plant] = await galaxy.browse()
    await plant.expand()
    area, _, agitator = plant.children
    await area.expand()
    first, *others = area.children
    await first.expand()

    assert (plant.object.tag_name, plant.has_children_hint) == ("Plant", True)
    assert [node.object.tag_name for node in plant.children] == [AREA, "Reaction", "Agitator_001"]
    assert not agitator.has_children_hint
    assert [node.object.tag_name for node in area.children] == [
        f"Pump_{n:03}" for n in range(1, PUMPS + 1)
    ]
    assert first.has_children_hint
    assert not any(node.has_children_hint for node in others)
    assert [node.object.contained_name for node in first.children] == ["Outlet"]
    with pytest.raises(NotFoundError):
        await galaxy.browse(BrowseOptions(parent_tag_name="Nowhere"))


@pytest.mark.rule("galaxy.token-stale")
async def test_a_deploy_makes_page_tokens_stale_and_walks_start_over(
    plant: PlantUnderTest, galaxy: GalaxyRepositoryClient
) -> None:
    pages = galaxy.iter_hierarchy(DiscoverHierarchyOptions(page_size=50))
    first = await anext(pages)
    plant.redeploy()
    with pytest.raises(StalePageTokenError):
        async for _ in pages:
            pass

    again = galaxy.iter_hierarchy(DiscoverHierarchyOptions(page_size=50), restart=True)
    objects = [await anext(again)]
    plant.redeploy()
    objects += [each async for each in again]
    assert objects[0] == first
    assert names(objects) == sorted(ALL)


@pytest.mark.rule("galaxy.token-bound", "galaxy.token-opaque", "status.invalid-argument")
async def test_a_page_token_belongs_to_its_request(galaxy: GalaxyRepositoryClient) -> None:
    discovered = await galaxy.discover_hierarchy_raw(DiscoverHierarchyRequest(page_size=10))
    browsed = await galaxy.browse_children(
        BrowseChildrenRequest(parent_tag_name=AREA, page_size=10)
    )
    next_page = await galaxy.discover_hierarchy_raw(
        DiscoverHierarchyRequest(page_size=20, page_token=discovered.next_page_token)
    )

    assert (len(discovered.objects), len(next_page.objects), len(browsed.children)) == (10, 20, 10)
    for request in (
        DiscoverHierarchyRequest(page_token=discovered.next_page_token, historized_only=True),
        DiscoverHierarchyRequest(page_token="made up"),
    ):
        with pytest.raises(InvalidArgumentError):
            await galaxy.discover_hierarchy_raw(request)
    with pytest.raises(InvalidArgumentError):
        await galaxy.browse_children(
            BrowseChildrenRequest(parent_gobject_id=3, page_token=browsed.next_page_token)
        )


@pytest.mark.rule("galaxy.watch", "galaxy.watch-seen", "galaxy.test-connection")
async def test_deploys_are_told_as_they_come(
    plant: PlantUnderTest, galaxy: GalaxyRepositoryClient
) -> None:
    async with galaxy.watch_deploy_events() as watch:
        first = await anext(watch)
        plant.redeploy()
        second = await anext(watch)
    time = await galaxy.get_last_deploy_time()
    async with galaxy.watch_deploy_events(time) as late:
        plant.redeploy()
        third = await anext(late)
    assert await galaxy.test_connection()
    plant.set_database(connected=False)

    assert [each.sequence for each in (second, third)] == [first.sequence + 1, first.sequence + 2]
    assert second.time_of_last_deploy == time
    assert {(each.object_count, each.attribute_count) for each in (first, second, third)} == {
        (len(OBJECTS), sum(len(row.attributes) for row in OBJECTS))
    }
    assert not await galaxy.test_connection()


@pytest.mark.rule("galaxy.cache-unloaded")
async def test_a_galaxy_that_is_not_loaded_yet_is_unavailable(
    plant: PlantUnderTest, galaxy: GalaxyRepositoryClient
) -> None:
    plant.set_cache(loaded=False)
    for call in (galaxy.discover_hierarchy, galaxy.browse):
        with pytest.raises(UnavailableError):
            await call()
    plant.set_cache(loaded=True)

    assert len(await galaxy.discover_hierarchy()) == len(OBJECTS)
