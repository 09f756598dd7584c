"""The galaxy snippets of the reference client's README, with their own names and prints.

Changed are the imports, how a request message is made, where the gateway is, and that
the endless watch is left after two events.
"""

from __future__ import annotations

import pytest

from mxgateway import ClientOptions
from mxgateway.simulator import ThreadedSimulator, scale_galaxy


async def test_the_discovery_snippet(
    options: ClientOptions, capsys: pytest.CaptureFixture[str]
) -> None:
    from mxgateway import GalaxyRepositoryClient

    async with await GalaxyRepositoryClient.connect(
        endpoint=options.endpoint,
        api_key=options.api_key,
        plaintext=True,
    ) as galaxy:
        if not await galaxy.test_connection():
            raise RuntimeError("gateway cannot reach the Galaxy Repository DB")

        last_deploy = await galaxy.get_last_deploy_time()
        print(f"last deploy: {last_deploy}")

        for obj in await galaxy.discover_hierarchy():
            print(obj.tag_name, obj.contained_name)
            for attr in obj.attributes:
                print("  ", attr.attribute_name, "->", attr.full_tag_reference)

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("last deploy: 2026-01-01")
    assert "Valve_001 InletValve" in lines
    assert "   LevelTrend -> Tank_002.LevelTrend[]" in lines
    assert len(lines) == 1 + 30 + 309


async def test_the_browse_children_snippet(
    options: ClientOptions, capsys: pytest.CaptureFixture[str]
) -> None:
    from mxgateway import BrowseChildrenRequest, GalaxyRepositoryClient

    async with await GalaxyRepositoryClient.connect(
        endpoint=options.endpoint, api_key=options.api_key, plaintext=True
    ) as galaxy:
        reply = await galaxy.browse_children(BrowseChildrenRequest())
        for child, has_children in zip(reply.children, reply.child_has_children):  # noqa: B905
            print(child.tag_name, "expand=" + str(has_children))

    assert capsys.readouterr().out == "Plant expand=True\n"


async def test_the_walker_snippet(
    options: ClientOptions, capsys: pytest.CaptureFixture[str]
) -> None:
    from mxgateway import GalaxyRepositoryClient

    async with await GalaxyRepositoryClient.connect(
        endpoint=options.endpoint,
        api_key=options.api_key,
        plaintext=True,
    ) as galaxy:
        roots = await galaxy.browse()
        for root in roots:
            if root.has_children_hint:
                await root.expand()
            for child in root.children:
                kind = "has children" if child.has_children_hint else "leaf"
                print(f"{child.object.tag_name} ({kind})")

    assert capsys.readouterr().out.splitlines() == [
        "Intake (has children)",
        "Reaction (has children)",
        "DemoEngine_001 (leaf)",
        "DemoOpc_001 (leaf)",
        "DemoPlatform (leaf)",
    ]


async def test_the_watch_snippet(
    sim: ThreadedSimulator, options: ClientOptions, capsys: pytest.CaptureFixture[str]
) -> None:
    from datetime import datetime, timezone

    from mxgateway import DeployEvent, GalaxyRepositoryClient

    async with await GalaxyRepositoryClient.connect(
        endpoint=options.endpoint,
        api_key=options.api_key,
        plaintext=True,
    ) as galaxy:
        last_seen: datetime | None = None
        async for event in galaxy.watch_deploy_events(last_seen_deploy_time=last_seen):
            assert isinstance(event, DeployEvent)
            assert event.time_of_last_deploy is not None
            print(
                f"#{event.sequence} "
                f"deploy={event.time_of_last_deploy.ToDatetime(tzinfo=timezone.utc)} "  # type: ignore[attr-defined]  # noqa: UP017
                f"objects={event.object_count} attributes={event.attribute_count}"
            )
            if event.time_of_last_deploy_present:
                last_seen = event.time_of_last_deploy.ToDatetime(tzinfo=timezone.utc)  # type: ignore[attr-defined]  # noqa: UP017
            if event.sequence == 2:
                break
            sim.redeploy(scale_galaxy(6, 1))

    assert last_seen is not None
    first, second = capsys.readouterr().out.splitlines()
    assert first == "#1 deploy=2026-01-01 00:00:00+00:00 objects=30 attributes=309"
    assert second.startswith("#2 deploy=2026-01-01 00:00:00.001000+00:00 objects=6 ")
