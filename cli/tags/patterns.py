"""Patterns such as `Tank_*.Level`: which tags of the galaxy they stand for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import rich_click as click

from ..output.progress import WalkBar

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient
    from mxgateway.galaxy import HierarchyTree

    from ..environment import Environment

__all__ = ["MOST_TAGS", "expand", "is_pattern", "objects_glob", "search_tree"]

MOST_TAGS: Final = 1000
"""Tags that a command takes from patterns: an advise of each goes to the one worker."""

_WILD: Final = re.compile(r"[*?.]")


def is_pattern(text: str) -> bool:
    """Whether a word stands for several tags: `*` for any text, `?` for one character."""
    return "*" in text or "?" in text


def objects_glob(pattern: str) -> str:
    """Return a pattern for the objects that can have what `pattern` finds; "" for all.

    Only the letters before the first wildcard are sure to be part of an object's name, as a `*`
    also stands for dots.
    """
    found = _WILD.search(pattern)
    if found is None:
        return pattern
    start = pattern[: found.start()]
    if found[0] == ".":
        return start
    return f"{start}*" if start else ""


async def search_tree(
    environment: Environment, client: GatewayClient, pattern: str
) -> HierarchyTree:
    """Return the objects of the galaxy in which something can match, telling how far it is.

    Raises:
        MxGatewayError: The galaxy cannot be asked; it needs the scope metadata:read.
    """
    from mxgateway.galaxy import DiscoverHierarchyOptions, GalaxyRepositoryClient, HierarchyTree

    options = DiscoverHierarchyOptions(tag_name_glob=objects_glob(pattern))
    galaxy = GalaxyRepositoryClient.on(client)
    with WalkBar(environment, "objects") as bar:
        found = await galaxy.discover_hierarchy(options, progress=bar.take)
    return HierarchyTree(found, max_depth=client.options.max_depth)


async def expand(
    environment: Environment,
    client: GatewayClient,
    words: Iterable[str],
    *,
    once: bool = True,
    most: int = MOST_TAGS,
) -> list[str]:
    """Return tags with every pattern replaced by the attributes of the galaxy that match.

    Args:
        once: Leave out tags that came before, in any case.
        most: How many tags patterns may give.

    Raises:
        GalaxyNotFoundError: Nothing matches a pattern.
        UsageError: Patterns give more than `most` tags; nothing was advised.
        MxGatewayError: The galaxy cannot be asked.
    """
    from mxgateway.errors import GalaxyNotFoundError

    tags: list[str] = []
    found = 0
    for word in words:
        if not is_pattern(word):
            tags.append(word)
            continue
        hits = (await search_tree(environment, client, word)).find(word, objects=False)
        if not hits:
            raise GalaxyNotFoundError(
                f"no attribute of the galaxy matches {word!r}; `mxgw-py find` shows what there is"
            )
        found += len(hits)
        if found > most:
            raise click.UsageError(
                f"with {word!r} there are {found} tags from patterns, more than {most}; "
                "narrow the pattern, or raise --max-tags"
            )
        tags += [hit.reference for hit in hits]
    if not once:
        return tags
    known: dict[str, str] = {}
    for tag in tags:
        known.setdefault(tag.casefold(), tag)
    return list(known.values())
