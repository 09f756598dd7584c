"""`galaxy-discover` and `galaxy-browse`: the objects of the galaxy, all or level by level."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import rich_click as click

from ..galaxy_options import filter_options, start_options
from ..options import Invocation, examples, gateway_command

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient
    from mxgateway.galaxy import LazyBrowseNode
    from mxgateway.generated.galaxy_repository.v1 import GalaxyObject

    from ..output.galaxy_rows import Browsed

__all__ = ["galaxy_browse", "galaxy_discover"]


@click.command(
    "galaxy-discover",
    epilog=examples(
        "mxgw-py galaxy-discover --no-attributes",
        "mxgw-py galaxy-discover --root-tag-name Intake --tag-name-glob 'Tank_*' --json",
    ),
)
@gateway_command
@start_options("root", "Object to begin with")
@click.option(
    "--max-depth",
    type=click.IntRange(0, 2**31 - 1),
    metavar="N",
    help="Levels below the root: 0 for the root alone, by default all.",
)
@filter_options
def galaxy_discover(
    invocation: Invocation,
    start: dict[str, Any],
    max_depth: int | None,
    filters: dict[str, Any],
) -> None:
    """Show the deployed objects with their attributes, the whole galaxy or a part of it.

    Where the galaxy is deployed meanwhile, the walk starts over. Tables and CSV have the number of
    attributes, JSON has the attributes themselves.
    """
    from mxgateway.galaxy import DiscoverHierarchyOptions, GalaxyRepositoryClient

    from ..output.galaxy_rows import OBJECTS, OBJECTS_RANKS
    from ..output.progress import WalkBar
    from ..output.ranked import write_ranked
    from ..run import run_with_client

    options = DiscoverHierarchyOptions(max_depth=max_depth, **start, **filters)
    everything = DiscoverHierarchyOptions(include_attributes=True, page_size=options.page_size)

    async def body(client: GatewayClient) -> list[GalaxyObject]:
        galaxy = GalaxyRepositoryClient.on(client)
        with WalkBar(invocation.environment, "objects") as bar:
            return await galaxy.discover_hierarchy(options, progress=bar.take)

    objects = run_with_client(invocation, body)
    _remember(invocation, objects, whole=options == everything)
    extra = {"totalObjectCount": len(objects)}
    write_ranked(invocation, OBJECTS, OBJECTS_RANKS, objects, extra=extra)


@click.command(
    "galaxy-browse",
    epilog=examples(
        "mxgw-py galaxy-browse",
        "mxgw-py galaxy-browse --parent-tag-name Intake --depth 2 --no-attributes --json",
    ),
)
@gateway_command
@start_options("parent", "Object whose children to show")
@click.option(
    "--depth",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Levels to show.",
)
@filter_options
def galaxy_browse(
    invocation: Invocation, start: dict[str, Any], depth: int, filters: dict[str, Any]
) -> None:
    """Show the children of an object, or the objects at the top, one level or several.

    A filter that hides an object hides what is below it too.
    """
    from mxgateway.galaxy import BrowseOptions, GalaxyRepositoryClient

    from ..output.galaxy_rows import BROWSED, BROWSED_RANKS
    from ..output.ranked import write_ranked
    from ..run import run_with_client

    options = BrowseOptions(**start, **filters)

    async def body(client: GatewayClient) -> list[Browsed]:
        nodes = await GalaxyRepositoryClient.on(client).browse(options)
        return await _walk(nodes, depth)

    rows = run_with_client(invocation, body)
    _remember(invocation, (row.found for row in rows), whole=False)
    write_ranked(invocation, BROWSED, BROWSED_RANKS, rows)


async def _walk(nodes: list[LazyBrowseNode], depth: int) -> list[Browsed]:
    """Return nodes and what is below them, so many levels, parents first."""
    from ..output.galaxy_rows import Browsed

    rows: list[Browsed] = []
    waiting = [(node, 1) for node in reversed(nodes)]
    while waiting:
        node, level = waiting.pop()
        rows.append(Browsed(node.object, node.has_children_hint, level))
        if level < depth and node.has_children_hint:
            await node.expand()
            waiting += [(child, level + 1) for child in reversed(node.children)]
    return rows


def _remember(invocation: Invocation, objects: Iterable[GalaxyObject], *, whole: bool) -> None:
    """Keep the tags for completion; those of a part of the galaxy beside those known before."""
    from ..completion import remember_tags

    tags = [a.full_tag_reference for found in objects for a in found.attributes]
    if tags:
        remember_tags(invocation.environment, invocation.connection.endpoint, tags, whole=whole)
