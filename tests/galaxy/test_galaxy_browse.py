"""LazyBrowseNode: one level at a time, each fetched once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest
from galaxy.galaxy_channel import scripted_galaxy

import mxgateway.browse
from mxgateway import (
    BrowseChildrenReply,
    BrowseChildrenRequest,
    BrowseOptions,
    ClientClosedError,
    ClientOptions,
    GalaxyNotFoundError,
    GalaxyObject,
    GalaxyRepositoryClient,
    GatewayClient,
    LazyBrowseNode,
    MalformedReplyError,
    StalePageTokenError,
    StatusCode,
    UnavailableError,
)
from mxgateway.errors import rpc_error
from mxgateway.simulator import ObjectSpec, ThreadedSimulator, demo_galaxy, scale_galaxy


async def _expand_all(nodes: list[LazyBrowseNode]) -> list[LazyBrowseNode]:
    found = list(nodes)
    for node in nodes:
        if node.has_children_hint:
            await node.expand()
        found += await _expand_all(node.children)
    return found


def _names(nodes: list[LazyBrowseNode]) -> list[str]:
    return [node.object.tag_name for node in nodes]


async def test_browsing_level_by_level_reaches_every_object(options: ClientOptions) -> None:
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        roots = await galaxy.browse()
        assert _names(roots) == ["Plant"]
        everything = await _expand_all(roots)
    assert sorted(_names(everything)) == sorted(o.tag_name for o in demo_galaxy().objects)
    assert mxgateway.browse.LazyBrowseNode is LazyBrowseNode


async def test_a_node_shows_what_is_known_before_and_after_expanding(
    options: ClientOptions,
) -> None:
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        (plant,) = await galaxy.browse()
        assert (plant.has_children_hint, plant.expanded, plant.children) == (True, False, [])
        assert repr(plant) == "<LazyBrowseNode Plant, not expanded>"
        await plant.expand()
        assert plant.expanded
        assert _names(plant.children)[:2] == ["Intake", "Reaction"]
        assert repr(plant) == "<LazyBrowseNode Plant, 5 children>"
        leaf = plant.children[-1]
        assert not leaf.has_children_hint
        await leaf.expand()
        assert (leaf.expanded, leaf.children) == (True, [])
        plant.children.clear()
        assert len(plant.children) == 5  # the list is the caller's own


async def test_expanding_walks_all_sibling_pages(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    sim.redeploy([ObjectSpec(1, "Top"), *(ObjectSpec(n, f"N_{n}", 1) for n in range(2, 1203))])
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        (top,) = await galaxy.browse()
        before = sim.audit.calls["BrowseChildren"]
        await top.expand()
    assert len(top.children) == 1201
    assert sim.audit.calls["BrowseChildren"] - before == 3  # 500 to a page


async def test_expanding_twice_asks_once(sim: ThreadedSimulator, options: ClientOptions) -> None:
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        (plant,) = await galaxy.browse()
        await plant.expand()
        first = plant.children
        await plant.expand()
    assert plant.children == first
    assert sim.audit.calls["BrowseChildren"] == 2


async def test_tasks_that_expand_together_share_one_walk(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        (plant,) = await galaxy.browse(BrowseOptions(page_size=2))
        before = sim.audit.calls["BrowseChildren"]
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(plant.expand)
        assert len(plant.children) == 5
        assert sim.audit.calls["BrowseChildren"] - before == 3


async def test_filters_hold_for_the_levels_below(options: ClientOptions) -> None:
    areas = BrowseOptions(category_ids=(13,), include_attributes=False)
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        (plant,) = await galaxy.browse(areas)
        await plant.expand()
        tanks = await galaxy.browse(
            BrowseOptions(parent_contained_path="Plant/Intake", tag_name_glob="Tank*")
        )
    assert _names(plant.children) == ["Intake", "Reaction"]
    assert not any(child.has_children_hint for child in plant.children)
    assert not plant.children[0].object.attributes
    assert _names(tanks) == ["Tank_001", "Tank_002"]
    assert len(tanks[0].object.attributes) == 14


async def test_an_unknown_parent_is_a_typed_not_found(options: ClientOptions) -> None:
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        with pytest.raises(GalaxyNotFoundError, match="browsing path 'Plant/Nowhere'"):
            await galaxy.browse(BrowseOptions(parent_contained_path="Plant/Nowhere"))
        with pytest.raises(GalaxyNotFoundError):
            await galaxy.browse_children(BrowseChildrenRequest(parent_gobject_id=4711))


async def test_a_node_that_went_with_a_redeploy_is_a_typed_not_found(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        (plant,) = await galaxy.browse()
        await plant.expand()
        reaction = plant.children[1]
        sim.redeploy([ObjectSpec(1, "Plant", category=13)])
        with pytest.raises(GalaxyNotFoundError, match="object 3"):
            await reaction.expand()
        assert not reaction.expanded
        # Refreshing is browsing again from the root.
        (again,) = await galaxy.browse()
        assert not again.has_children_hint


async def test_a_node_works_on_a_shared_connection_until_that_closes(
    options: ClientOptions,
) -> None:
    async with GatewayClient.connect(options=options) as client:
        galaxy = GalaxyRepositoryClient.on(client)
        (plant,) = await galaxy.browse()
        await plant.expand()
    with pytest.raises(ClientClosedError):
        await plant.children[0].expand()


async def test_a_large_level_is_browsed_whole(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    sim.redeploy(scale_galaxy(3000, 0))
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        everything = await _expand_all(await galaxy.browse())
    assert sorted(node.object.gobject_id for node in everything) == list(range(1, 3001))


# -- against scripted replies ----------------------------------------------------------------

TOP = BrowseChildrenReply(
    children=[GalaxyObject(gobject_id=1, tag_name="Top")], child_has_children=[True]
)


def _level(token: str, *ids: int, sequence: int = 1) -> BrowseChildrenReply:
    return BrowseChildrenReply(
        children=[GalaxyObject(gobject_id=n) for n in ids],
        child_has_children=[False] * len(ids),
        next_page_token=token,
        cache_sequence=sequence,
    )


def _answers(*replies: BrowseChildrenReply | Exception) -> Callable[[Any], Any]:
    left = [TOP, *replies]

    def answer(_: Any) -> Any:
        reply = left.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    return answer


def _ids(node: LazyBrowseNode) -> list[int]:
    return [child.object.gobject_id for child in node.children]


STALE = rpc_error(StatusCode.INVALID_ARGUMENT, "whatever words")


async def test_a_stale_token_makes_the_level_start_over() -> None:
    galaxy, channel = scripted_galaxy(
        _answers(_level("a", 2, 3), STALE, _level("b", 7), _level("", 8))
    )
    (top,) = await galaxy.browse()
    await top.expand()
    assert _ids(top) == [7, 8]
    assert [request.page_token for request in channel.sent[1:]] == ["", "a", "", "b"]
    assert {request.parent_gobject_id for request in channel.sent[1:]} == {1}


async def test_pages_of_two_cache_generations_are_not_mixed() -> None:
    galaxy, _ = scripted_galaxy(
        _answers(
            _level("a", 2, sequence=1),
            _level("", 3, sequence=2),
            _level("c", 4, sequence=2),
            _level("", 5, sequence=2),
        )
    )
    (top,) = await galaxy.browse()
    await top.expand()
    assert _ids(top) == [4, 5]


async def test_a_level_that_changes_for_ever_ends_with_a_typed_error() -> None:
    rounds: list[BrowseChildrenReply | Exception] = [_level("a", 2), STALE] * 4
    galaxy, channel = scripted_galaxy(_answers(*rounds))
    (top,) = await galaxy.browse()
    with pytest.raises(StalePageTokenError):
        await top.expand()
    assert (top.expanded, top.children) == (False, [])
    assert len(channel.sent) == 1 + 8


async def test_a_failure_leaves_the_node_as_it_was_and_can_be_repeated() -> None:
    failure = rpc_error(StatusCode.UNAVAILABLE, "later")
    galaxy, _ = scripted_galaxy(_answers(_level("a", 2), failure, _level("", 2, 3)))
    (top,) = await galaxy.browse()
    with pytest.raises(UnavailableError):
        await top.expand()
    assert (top.expanded, top.children) == (False, [])
    await top.expand()
    assert _ids(top) == [2, 3]


async def test_tasks_that_expand_together_share_a_failure_too() -> None:
    failure = rpc_error(StatusCode.UNAVAILABLE, "later")
    galaxy, channel = scripted_galaxy(_answers(failure, _level("", 2)))
    (top,) = await galaxy.browse()
    channel.gate = anyio.Event()
    channel.arrived = anyio.Event()
    errors: list[Exception] = []

    async def expand() -> None:
        try:
            await top.expand()
        except UnavailableError as error:
            errors.append(error)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(expand)
            await channel.arrived.wait()
            await anyio.wait_all_tasks_blocked()
            channel.gate.set()
    assert len(channel.sent) == 2
    assert len(errors) == 5
    assert len({id(error) for error in errors}) == 5
    assert {str(error) for error in errors} == {"UNAVAILABLE: later"}
    await top.expand()
    assert top.expanded


async def test_a_cancelled_expander_does_not_break_the_others() -> None:
    galaxy, channel = scripted_galaxy(_answers(_level("", 2), _level("", 2)))
    (top,) = await galaxy.browse()
    channel.gate = anyio.Event()
    channel.arrived = anyio.Event()
    done: list[str] = []

    async def expand(name: str, scope: anyio.CancelScope) -> None:
        with scope:
            await top.expand()
            done.append(name)

    leader = anyio.CancelScope()
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(expand, "leader", leader)
            await channel.arrived.wait()
            for name in ("b", "c"):
                tasks.start_soon(expand, name, anyio.CancelScope())
            await anyio.wait_all_tasks_blocked()
            leader.cancel()
            await anyio.wait_all_tasks_blocked()
            assert done == []
            channel.gate.set()
    assert sorted(done) == ["b", "c"]
    assert _ids(top) == [2]
    assert len(channel.sent) == 3  # the roots, the cancelled walk, and one in its place


@pytest.mark.parametrize("hints", [[], [True], [True] * 3])
async def test_hints_that_do_not_match_the_children_are_a_malformed_reply(
    hints: list[bool],
) -> None:
    reply = BrowseChildrenReply(
        children=[GalaxyObject(gobject_id=1), GalaxyObject(gobject_id=2)], child_has_children=hints
    )
    galaxy, _ = scripted_galaxy(lambda _: reply)
    with pytest.raises(MalformedReplyError, match="2 children"):
        await galaxy.browse()


async def test_a_timeout_of_expand_counts_for_each_page() -> None:
    galaxy, channel = scripted_galaxy(_answers(_level("a", 2), _level("", 3)))
    (top,) = await galaxy.browse(timeout=1.5)
    await top.expand(timeout=2.5)
    assert channel.timeouts == [1.5, 2.5, 2.5]
