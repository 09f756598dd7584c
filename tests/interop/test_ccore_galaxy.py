"""The Galaxy Repository client against grpcio's C core.

What arrives is compared with what the gateway has, printed by Google's JSON printer.
"""

from __future__ import annotations

from typing import Unpack

import anyio
import pytest
from interop.both_printed import ours, theirs
from interop.ccore_client import options, saw_cancelled
from interop.ccore_galaxy import DISCOVER_LIMIT, object_message
from interop.ccore_gateway import CCoreGateway
from interop.plant_rows import AREA, OBJECTS, PUMPS

from mxgateway import GalaxyRepositoryClient, WalkProgress
from mxgateway.client import OptionFields
from mxgateway.errors import NotFoundError, PermissionDeniedError
from mxgateway.galaxy import DeployGap
from mxgateway.generated.galaxy_repository.v1 import (
    BrowseChildrenRequest,
    DiscoverHierarchyRequest,
)


def galaxy_of(gateway: CCoreGateway, **fields: Unpack[OptionFields]) -> GalaxyRepositoryClient:
    """Return a client to be entered."""
    return GalaxyRepositoryClient(options(gateway, **fields))


async def test_the_hierarchy_is_read_page_by_page(either_gateway: CCoreGateway) -> None:
    pages: list[WalkProgress] = []

    with anyio.fail_after(10):
        async with galaxy_of(either_gateway) as galaxy:
            objects = await galaxy.discover_hierarchy(progress=pages.append)

    assert len(pages) == len(OBJECTS) // DISCOVER_LIMIT + 1 == 3
    # The gateway lists level by level.
    levels = [row for depth in range(5) for row in OBJECTS if depth_of(row.id) == depth]
    assert sorted(ours(objects), key=str) == sorted(
        theirs(object_message(row) for row in levels), key=str
    )


def depth_of(gobject_id: int) -> int:
    """Return how many objects are above an object."""
    parent = next(row.parent for row in OBJECTS if row.id == gobject_id)
    return 0 if not parent else 1 + depth_of(parent)


async def test_children_are_browsed_by_each_kind_of_parent(gateway: CCoreGateway) -> None:
    with anyio.fail_after(5):
        async with galaxy_of(gateway) as galaxy:
            roots = await galaxy.browse_children(BrowseChildrenRequest())
            by_name = await galaxy.browse_children(BrowseChildrenRequest(parent_tag_name=AREA))
            by_id = await galaxy.browse_children(BrowseChildrenRequest(parent_gobject_id=2))
            by_path = await galaxy.browse_children(
                BrowseChildrenRequest(parent_contained_path=f"Plant/{AREA}")
            )
            with pytest.raises(NotFoundError, match="no object 0"):
                # Zero is a parent that was given, not one that is missing.
                await galaxy.browse_children(BrowseChildrenRequest(parent_gobject_id=0))

    assert ours(roots.children) == theirs([object_message(OBJECTS[0])])
    assert roots.child_has_children == [True]
    assert ours(by_name.children) == theirs(
        object_message(row) for row in OBJECTS if row.parent == 2
    )
    assert by_name.child_has_children == [True] + [False] * (PUMPS - 1)
    assert by_id == by_name == by_path


async def test_a_deploy_between_two_pages_starts_the_walk_over(gateway: CCoreGateway) -> None:
    redeployed = False

    def redeploy_once(_progress: object) -> None:
        nonlocal redeployed
        if not redeployed:
            redeployed = True
            gateway.galaxy.redeploy()

    with anyio.fail_after(10):
        async with galaxy_of(gateway) as galaxy:
            objects = await galaxy.discover_hierarchy(progress=redeploy_once)

    assert sorted(each.gobject_id for each in objects) == sorted(row.id for row in OBJECTS)
    calls = gateway.journal.methods
    assert calls.count("DiscoverHierarchy") == 1 + 1 + 3  # a page, the refusal, all pages


async def test_deploy_times_and_events_arrive(gateway: CCoreGateway) -> None:
    gaps: list[DeployGap] = []

    with anyio.fail_after(5):
        async with galaxy_of(gateway) as galaxy:
            assert await galaxy.test_connection()
            gateway.galaxy.connected = False
            assert not await galaxy.test_connection()
            last = await galaxy.get_last_deploy_time()
            async with galaxy.watch_deploy_events(on_gap=gaps.append) as watch:
                expected = [gateway.galaxy.event()]
                events = [await anext(watch)]
                for lost in (0, 2, None):
                    if lost is None:
                        gateway.galaxy.restart()
                    else:
                        gateway.galaxy.redeploy(lost=lost)
                    expected.append(gateway.galaxy.event())
                    events.append(await anext(watch))
            await saw_cancelled(gateway, "WatchDeployEvents")

    assert ours(events) == theirs(expected)
    assert last == events[0].time_of_last_deploy
    assert [(gap.kind, gap.expected, gap.got) for gap in gaps] == [
        ("dropped", 3, 5),
        ("restart", 6, 1),
    ]


@pytest.mark.rule("auth.scope-metadata")
async def test_the_galaxy_needs_its_scope(gateway: CCoreGateway) -> None:
    gateway.journal.keys["mxgw_blind_not-a-secret"] = frozenset({"session:open"})

    with anyio.fail_after(5):
        async with galaxy_of(gateway, api_key="mxgw_blind_not-a-secret") as galaxy:
            with pytest.raises(PermissionDeniedError, match="metadata:read"):
                await galaxy.discover_hierarchy_raw(DiscoverHierarchyRequest())
