"""Walks that a gateway would never let end, or that would take all memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from galaxy.galaxy_channel import GalaxyChannel, scripted_galaxy

from mxgateway import (
    ClientOptions,
    GalaxyAttribute,
    GalaxyObject,
    GalaxyRepositoryClient,
    LimitError,
    MalformedReplyError,
)
from mxgateway.generated.galaxy_repository.v1 import (
    BrowseChildrenReply,
    BrowseChildrenRequest,
    DiscoverHierarchyReply,
)

Walk = Callable[[GalaxyRepositoryClient], Awaitable[Any]]


async def discover(galaxy: GalaxyRepositoryClient) -> list[GalaxyObject]:
    return await galaxy.discover_hierarchy()


async def iterate(galaxy: GalaxyRepositoryClient) -> list[GalaxyObject]:
    return [found async for found in galaxy.iter_hierarchy(restart=True)]


async def browse(galaxy: GalaxyRepositoryClient) -> Any:
    return await galaxy.browse()


WALKS = [discover, iterate, browse]


def galaxy_of(
    page: Callable[[int], tuple[list[GalaxyObject], str]], **limits: int
) -> tuple[GalaxyRepositoryClient, GalaxyChannel]:
    """Return a galaxy whose page number n is `page(n)`: objects, and the next token."""
    count = 0

    def answer(request: Any) -> Any:
        nonlocal count
        count += 1
        objects, token = page(count)
        if isinstance(request, BrowseChildrenRequest):
            hints = [True] * len(objects)
            return BrowseChildrenReply(
                children=objects, child_has_children=hints, next_page_token=token
            )
        return DiscoverHierarchyReply(objects=objects, next_page_token=token)

    galaxy, channel = scripted_galaxy(answer)
    galaxy._options = ClientOptions(endpoint="x:1", plaintext=True, **limits)  # type: ignore[arg-type]
    return galaxy, channel


def one(number: int) -> list[GalaxyObject]:
    return [GalaxyObject(gobject_id=number, tag_name=f"O{number}")]


@pytest.mark.parametrize("walk", WALKS)
async def test_three_empty_pages_in_a_row_that_promise_more_are_malformed(walk: Walk) -> None:
    galaxy, channel = galaxy_of(lambda n: ([], f"token-{n}"))
    with pytest.raises(MalformedReplyError, match="page 3 is empty"):
        await walk(galaxy)
    assert len(channel.sent) == 3


@pytest.mark.parametrize("walk", WALKS)
async def test_an_empty_page_now_and_then_is_no_mistake(walk: Walk) -> None:
    galaxy, channel = galaxy_of(lambda n: (one(n) if n % 3 == 0 else [], f"t{n}" * (n < 10)))
    assert len(await walk(galaxy)) == 3
    assert len(channel.sent) == 10


@pytest.mark.parametrize("walk", WALKS)
async def test_a_token_of_more_than_64_thousand_characters_is_malformed(walk: Walk) -> None:
    galaxy, channel = galaxy_of(lambda n: (one(n), "x" * (65_534 + n)))
    with pytest.raises(MalformedReplyError, match="page 3 has a token of 65537"):
        await walk(galaxy)
    assert len(channel.sent) == 3


@pytest.mark.parametrize("walk", WALKS)
async def test_fresh_tokens_for_ever_end_at_the_limit_of_objects(walk: Walk) -> None:
    galaxy, channel = galaxy_of(lambda n: (one(n), f"token-{n}"), max_objects=50)
    with pytest.raises(LimitError) as caught:
        await walk(galaxy)
    assert (caught.value.option, caught.value.limit) == ("max_objects", 50)
    assert len(channel.sent) == 51
    galaxy, _ = galaxy_of(lambda n: (one(n), f"t{n}" * (n < 50)), max_objects=50)
    assert len(await walk(galaxy)) == 50


async def test_an_iterator_returns_what_came_before_the_limit_and_then_has_ended() -> None:
    galaxy, _ = galaxy_of(lambda n: (one(n), f"token-{n}"), max_objects=5)
    walk = galaxy.iter_hierarchy()
    assert [(await anext(walk)).gobject_id for _ in range(5)] == [1, 2, 3, 4, 5]
    with pytest.raises(LimitError):
        await anext(walk)
    with pytest.raises(StopAsyncIteration):
        await anext(walk)


def heavy(number: int) -> list[GalaxyObject]:
    return [GalaxyObject(gobject_id=number, tag_name="x" * 1000)]


def crowded(number: int) -> list[GalaxyObject]:
    attributes = [GalaxyAttribute() for _ in range(12)]
    return [GalaxyObject(gobject_id=number, attributes=attributes)]


@pytest.mark.parametrize("make", [heavy, crowded])
@pytest.mark.parametrize("walk", [discover, browse])
async def test_walks_that_keep_everything_end_at_the_limit_of_bytes(
    walk: Walk, make: Callable[[int], list[GalaxyObject]]
) -> None:
    galaxy, channel = galaxy_of(lambda n: (make(n), f"token-{n}"), max_walk_bytes=10_000)
    with pytest.raises(LimitError) as caught:
        await walk(galaxy)
    assert (caught.value.option, caught.value.limit) == ("max_walk_bytes", 10_000)
    assert 8 <= len(channel.sent) <= 11


async def test_an_iterator_keeps_one_page_so_that_bytes_do_not_end_it() -> None:
    galaxy, _ = galaxy_of(lambda n: (heavy(n), f"t{n}" * (n < 40)), max_walk_bytes=10_000)
    assert len(await iterate(galaxy)) == 40


async def test_all_levels_below_one_browse_count_together() -> None:
    galaxy, _ = galaxy_of(lambda n: (one(n), ""), max_objects=20)
    [node] = await galaxy.browse()
    for _ in range(19):
        await node.expand()
        [node] = node.children
    with pytest.raises(LimitError) as caught:
        await node.expand()
    assert caught.value.option == "max_objects"
    assert node.object.gobject_id == 20
    assert not node.expanded


async def test_levels_are_expanded_down_to_the_limit_of_depth() -> None:
    galaxy, _ = galaxy_of(lambda n: (one(n), "") if n < 7 else ([], ""), max_depth=5)
    [node] = await galaxy.browse()
    for _ in range(4):
        await node.expand()
        [node] = node.children
    with pytest.raises(LimitError, match="level 6") as caught:
        await node.expand()
    assert caught.value.option == "max_depth"
    await node.expand()  # it has no children after all
    assert node.children == []
