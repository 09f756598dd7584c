"""A live gateway: the galaxy and its deploys, and the alarms."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import pytest
from integration.live_gateway import LiveGateway

from mxgateway import (
    ActiveAlarmSnapshot,
    DiscoverHierarchyOptions,
    FailedPreconditionError,
    GalaxyRepositoryClient,
    GatewayClient,
    UnimplementedError,
)

OBJECTS = 20  # enough for several pages


@pytest.fixture
async def galaxy(client: GatewayClient) -> AsyncIterator[GalaxyRepositoryClient]:
    """The galaxy, on the client's connection."""
    async with GalaxyRepositoryClient.on(client) as repository:
        yield repository


async def test_the_gateway_reaches_its_galaxy(galaxy: GalaxyRepositoryClient) -> None:
    assert await galaxy.test_connection()

    deployed = await galaxy.get_last_deploy_time()
    assert deployed is None or deployed.tzinfo is not None


async def test_objects_come_in_pages(galaxy: GalaxyRepositoryClient) -> None:
    options = DiscoverHierarchyOptions(page_size=5, include_attributes=False)
    names: list[str] = []

    async with galaxy.iter_hierarchy(options) as objects:
        async for one in objects:
            names.append(one.tag_name)
            if len(names) == OBJECTS:
                break

    assert names
    assert all(names)
    assert len(set(names)) == len(names)


async def test_the_galaxy_is_browsed_level_by_level(galaxy: GalaxyRepositoryClient) -> None:
    roots = await galaxy.browse()
    assert roots

    root = next((node for node in roots if node.has_children_hint), roots[0])
    await root.expand()

    assert root.expanded
    assert all(child.object.parent_gobject_id == root.object.gobject_id for child in root.children)


async def test_the_present_deploy_is_told_at_once(
    gateway: LiveGateway, galaxy: GalaxyRepositoryClient
) -> None:
    deployed = await galaxy.get_last_deploy_time()

    with anyio.fail_after(gateway.seconds):
        async with galaxy.watch_deploy_events() as events:
            event = await anext(events)

    assert event.time_of_last_deploy_present == (deployed is not None)
    assert (event.object_count > 0) == (deployed is not None)


async def test_active_alarms_and_feed_agree_on_what_an_alarm_is(
    gateway: LiveGateway, client: GatewayClient
) -> None:
    active: list[ActiveAlarmSnapshot] = []
    try:
        with anyio.fail_after(gateway.seconds):
            async with client.query_active_alarms() as snapshots:
                active += [snapshot async for snapshot in snapshots]
            async with client.stream_alarms() as feed:
                async for message in feed:
                    if message.snapshot_complete:
                        break
                    assert message.active_alarm is not None
                    active.append(message.active_alarm)
                else:
                    pytest.fail("the alarm feed ended before its snapshot was complete")
    except (FailedPreconditionError, UnimplementedError) as error:
        pytest.skip(f"the alarm monitor of this gateway is off: {error}")

    assert all("!" in alarm.alarm_full_reference for alarm in active)
