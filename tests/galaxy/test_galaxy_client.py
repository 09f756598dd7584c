"""GalaxyRepositoryClient: connecting, sharing, discovering and iterating."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
from galaxy.galaxy_channel import scripted_galaxy

from mxgateway import (
    BrowseChildrenRequest,
    BrowseOptions,
    ClientClosedError,
    ClientOptions,
    ConfigurationError,
    ConnectError,
    ConnectionLost,
    DeadlineExceededError,
    DiscoverHierarchyOptions,
    DiscoverHierarchyReply,
    DiscoverHierarchyRequest,
    GalaxyNotFoundError,
    GalaxyObject,
    GalaxyRepositoryClient,
    GatewayClient,
    InvalidArgumentError,
    MalformedReplyError,
    NotFoundError,
    StalePageTokenError,
    StatusCode,
    Timestamp,
    UnavailableError,
    WalkProgress,
)
from mxgateway.errors import rpc_error
from mxgateway.generated.galaxy_repository.v1 import GetLastDeployTimeReply
from mxgateway.simulator import (
    ManualClock,
    ObjectSpec,
    ThreadedSimulator,
    demo_galaxy,
    scale_galaxy,
)

DEMO_IDS = sorted(spec.id for spec in demo_galaxy().objects)


def _ids(objects: list[GalaxyObject]) -> list[int]:
    return sorted(found.gobject_id for found in objects)


# -- connecting and sharing -----------------------------------------------------------------


async def test_the_client_starts_in_the_same_three_ways_as_the_gateway_client(
    options: ClientOptions,
) -> None:
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        assert await galaxy.test_connection()
    async with await GalaxyRepositoryClient.connect(options=options) as galaxy:
        assert await galaxy.test_connection()
    assert galaxy.closed
    async with anyio.create_task_group() as tasks:
        galaxy = await GalaxyRepositoryClient.connect(options=options, task_group=tasks)
        assert await galaxy.test_connection()
        assert not galaxy.closed
        await galaxy.close()
    with pytest.raises(ClientClosedError):
        await galaxy.test_connection()


async def test_connecting_to_nobody_raises_on_entering() -> None:
    with pytest.raises(ConnectError):
        async with GalaxyRepositoryClient.connect(endpoint="127.0.0.1:1", plaintext=True):
            pass


async def test_a_galaxy_client_can_share_the_connection_of_a_gateway_client(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GatewayClient.connect(options=options) as client:
        session = await client.open_session()
        async with GalaxyRepositoryClient.on(client) as galaxy:
            assert galaxy.options is client.options
            assert _ids(await galaxy.discover_hierarchy()) == DEMO_IDS
        assert galaxy.closed
        # Closing it has left the connection and the session alone.
        assert not client.closed
        await session.register("still here")
        with pytest.raises(ClientClosedError):
            await galaxy.discover_hierarchy()
        with pytest.raises(ClientClosedError):
            async with galaxy:
                pass
        second = GalaxyRepositoryClient.on(client)
        assert await second.test_connection()
        assert sim.audit.connections_opened == 1
    assert second.closed
    with pytest.raises(ClientClosedError):
        await second.test_connection()


async def test_a_shared_galaxy_client_may_be_made_before_the_gateway_client_runs(
    options: ClientOptions,
) -> None:
    client = await GatewayClient.connect(options=options)
    galaxy = GalaxyRepositoryClient.on(client)
    with pytest.raises(ClientClosedError):
        await galaxy.test_connection()
    async with client:
        assert await galaxy.test_connection()
        await galaxy.close()
        await galaxy.close()
        assert not client.closed
        await (await client.open_session()).close()
        with pytest.raises(ClientClosedError):
            galaxy.watch_deploy_events()


# -- state of the repository -----------------------------------------------------------------


@pytest.mark.rule("galaxy.test-connection")
async def test_a_database_that_does_not_answer_is_false_and_no_error(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        assert await galaxy.test_connection() is True
        sim.galaxy.connection_ok = False
        assert await galaxy.test_connection() is False


async def test_the_deploy_time_is_aware_exact_and_none_before_the_first_deploy(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    exact = Timestamp.parse("2026-03-04T05:06:07.1234567Z")
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        first = await galaxy.get_last_deploy_time()
        assert first == datetime(2026, 1, 1, tzinfo=UTC)
        sim.redeploy(at=exact)
        last = await galaxy.get_last_deploy_time()
        assert isinstance(last, Timestamp)
        assert str(last) == "2026-03-04T05:06:07.1234567Z"
        sim.call(lambda s: s.galaxy.undeploy())
        assert await galaxy.get_last_deploy_time() is None


async def test_a_deploy_time_that_is_announced_but_missing_is_a_malformed_reply() -> None:
    galaxy, _ = scripted_galaxy(lambda _: GetLastDeployTimeReply(present=True))
    with pytest.raises(MalformedReplyError, match="GetLastDeployTime"):
        await galaxy.get_last_deploy_time()


async def test_deploy_times_rise_even_while_the_clock_stands_still(
    sim: ThreadedSimulator, clock: ManualClock
) -> None:
    times = [event.time_of_last_deploy for event in (sim.redeploy(), sim.redeploy())]
    clock.advance(60)
    times.append(sim.redeploy().time_of_last_deploy)
    assert times == sorted(set(times), key=times.index)
    assert times[-1] == clock.now


# -- walking ---------------------------------------------------------------------------------


@pytest.mark.parametrize("page_size", [1, 7, 30, 1000])
async def test_discovering_and_iterating_give_every_object_once_whatever_the_page_size(
    options: ClientOptions, page_size: int
) -> None:
    paged = DiscoverHierarchyOptions(page_size=page_size)
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        everything = await galaxy.discover_hierarchy(paged)
        iterated = [found async for found in galaxy.iter_hierarchy(paged)]
    assert _ids(everything) == DEMO_IDS
    assert iterated == everything


async def test_pages_are_asked_for_by_a_size_of_1000_unless_told_otherwise() -> None:
    galaxy, channel = scripted_galaxy(lambda _: DiscoverHierarchyReply())
    assert await galaxy.discover_hierarchy() == []
    assert [found async for found in galaxy.iter_hierarchy()] == []
    assert [request.page_size for request in channel.sent] == [1000, 1000]
    assert channel.timeouts == [30.0, 30.0]


async def test_the_options_reach_the_gateway(options: ClientOptions) -> None:
    chosen = DiscoverHierarchyOptions(
        root_tag_name="Reaction",
        category_ids=(10,),
        template_chain_contains=("$Reactor",),
        tag_name_glob="*_00?",
        include_attributes=False,
        alarm_bearing_only=True,
        historized_only=True,
    )
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        found = await galaxy.discover_hierarchy(chosen)
        root_only = await galaxy.discover_hierarchy(
            DiscoverHierarchyOptions(root_gobject_id=3, max_depth=0)
        )
    assert {f.tag_name for f in found} == {
        *("Reactor_001", "Reactor_002", "Agitator_001", "Agitator_002"),
        *("Pump_004", "Pump_005", "Valve_007", "Valve_008"),
    }
    assert not any(f.attributes for f in found)
    assert [f.tag_name for f in root_only] == ["Reaction"]


async def test_iterating_asks_for_a_page_only_when_it_is_needed(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        walk = galaxy.iter_hierarchy(DiscoverHierarchyOptions(page_size=10))
        assert sim.audit.calls["DiscoverHierarchy"] == 0
        for _ in range(10):
            await anext(walk)
        assert sim.audit.calls["DiscoverHierarchy"] == 1
        await anext(walk)
        assert sim.audit.calls["DiscoverHierarchy"] == 2
        await walk.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(walk)
        async with galaxy.iter_hierarchy() as left:
            await anext(left)
        with pytest.raises(StopAsyncIteration):
            await anext(left)
    assert sim.audit.calls["DiscoverHierarchy"] == 3


async def test_breaking_out_of_a_walk_leaves_nothing_open(options: ClientOptions) -> None:
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        async for found in galaxy.iter_hierarchy(DiscoverHierarchyOptions(page_size=2)):
            assert found.tag_name == "Plant"
            break
        assert await galaxy.test_connection()


async def test_tasks_that_share_a_walk_get_each_object_once(options: ClientOptions) -> None:
    taken: list[int] = []
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        walk = galaxy.iter_hierarchy(DiscoverHierarchyOptions(page_size=3))

        async def take() -> None:
            async for found in walk:
                taken.append(found.gobject_id)
                await anyio.lowlevel.checkpoint()

        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                for _ in range(4):
                    tasks.start_soon(take)
    assert sorted(taken) == DEMO_IDS


async def test_progress_is_told_after_every_page(options: ClientOptions) -> None:
    told: list[WalkProgress] = []
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        await galaxy.discover_hierarchy(
            DiscoverHierarchyOptions(page_size=12), progress=told.append
        )
    assert told == [
        WalkProgress(done=12, total=32, pages=1, restarts=0),
        WalkProgress(done=24, total=32, pages=2, restarts=0),
        WalkProgress(done=32, total=32, pages=3, restarts=0),
    ]


async def test_an_unknown_root_is_a_typed_not_found(options: ClientOptions) -> None:
    unknown = DiscoverHierarchyOptions(root_tag_name="Nobody")
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        for call in (galaxy.discover_hierarchy(unknown), anext(galaxy.iter_hierarchy(unknown))):
            with pytest.raises(GalaxyNotFoundError, match="discovering object 'Nobody'") as caught:
                await call
            assert isinstance(caught.value, NotFoundError)
            assert caught.value.status is StatusCode.NOT_FOUND
            assert isinstance(caught.value.__cause__, NotFoundError)
            assert "browse again" in caught.value.diagnostics()


# -- redeploys while walking ---------------------------------------------------------------


def _redeploying(
    sim: ThreadedSimulator, times: int, galaxy: Any = None
) -> Callable[[WalkProgress], None]:
    """Return a progress callback that deploys after the first page, so many times."""
    left = [times]

    def told(progress: WalkProgress) -> None:
        if progress.pages == 1 and left[0]:
            left[0] -= 1
            sim.redeploy(galaxy)

    return told


async def test_discovering_starts_over_when_the_galaxy_is_deployed_meanwhile(
    sim: ThreadedSimulator, options: ClientOptions, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[WalkProgress] = []
    redeploy = _redeploying(sim, 1, scale_galaxy(25, 1))

    def progress(step: WalkProgress) -> None:
        told.append(step)
        redeploy(step)

    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        with caplog.at_level(logging.WARNING, "mxgateway.galaxy"):
            found = await galaxy.discover_hierarchy(
                DiscoverHierarchyOptions(page_size=20), progress=progress
            )
    assert _ids(found) == list(range(1, 26))
    assert told == [
        WalkProgress(done=20, total=32, pages=1, restarts=0),
        WalkProgress(done=0, total=0, pages=0, restarts=1),
        WalkProgress(done=20, total=25, pages=1, restarts=1),
        WalkProgress(done=25, total=25, pages=2, restarts=1),
    ]
    assert "starting over (1 of 3)" in caplog.text


async def test_discovering_gives_up_when_the_galaxy_never_stands_still(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        with pytest.raises(StalePageTokenError) as caught:
            await galaxy.discover_hierarchy(
                DiscoverHierarchyOptions(page_size=20), progress=_redeploying(sim, 100)
            )
        assert sim.galaxy.sequence == 1 + 4
    assert caught.value.__notes__ == ["The walk has started over 3 times already."]
    assert caught.value.transient


async def test_iterating_ends_with_a_typed_error_when_the_galaxy_is_deployed_meanwhile(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    taken: list[int] = []
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        walk = galaxy.iter_hierarchy(
            DiscoverHierarchyOptions(page_size=20), progress=_redeploying(sim, 1)
        )

        async def take_all() -> None:
            async for found in walk:
                taken.append(found.gobject_id)  # noqa: PERF401 - an error ends it halfway

        with pytest.raises(StalePageTokenError, match="after page 1") as caught:
            await take_all()
        assert isinstance(caught.value, InvalidArgumentError)
        assert caught.value.status is StatusCode.INVALID_ARGUMENT
        assert "start the walk over" in caught.value.diagnostics()
        with pytest.raises(StopAsyncIteration):
            await anext(walk)
    assert len(taken) == 20


async def test_iterating_with_restart_yields_no_object_twice(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    # The new galaxy has another order and three more objects.
    extra = [ObjectSpec(id=n, tag_name=f"AAA_{n}", parent=1, category=13) for n in (90, 91, 92)]
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        walk = galaxy.iter_hierarchy(
            DiscoverHierarchyOptions(page_size=20),
            restart=True,
            progress=_redeploying(sim, 1, [*demo_galaxy().objects, *extra]),
        )
        taken = [found.gobject_id async for found in walk]
    assert sorted(taken) == sorted([*DEMO_IDS, 90, 91, 92])
    assert walk.restarts == 1


async def test_iterating_with_restart_gives_up_as_well(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        walk = galaxy.iter_hierarchy(
            DiscoverHierarchyOptions(page_size=20), restart=True, progress=_redeploying(sim, 100)
        )
        with pytest.raises(StalePageTokenError):
            async for _ in walk:
                pass
    assert walk.restarts == 3


async def test_an_invalid_argument_on_the_first_page_is_no_stale_token() -> None:
    def answer(_: Any) -> Any:
        raise rpc_error(StatusCode.INVALID_ARGUMENT, "the page_token is bad")

    galaxy, channel = scripted_galaxy(answer)
    with pytest.raises(InvalidArgumentError) as caught:
        await galaxy.discover_hierarchy()
    assert not isinstance(caught.value, StalePageTokenError)
    assert len(channel.sent) == 1


# -- failures --------------------------------------------------------------------------------


def _pages(*pages: DiscoverHierarchyReply | Exception) -> Callable[[Any], Any]:
    left = list(pages)

    def answer(_: Any) -> Any:
        page = left.pop(0)
        if isinstance(page, Exception):
            raise page
        return page

    return answer


def _page(token: str, *ids: int) -> DiscoverHierarchyReply:
    return DiscoverHierarchyReply(
        objects=[GalaxyObject(gobject_id=n) for n in ids], next_page_token=token
    )


async def test_an_empty_page_with_a_token_is_not_the_end() -> None:
    galaxy, channel = scripted_galaxy(_pages(_page("a"), _page("b", 1), _page("c"), _page("", 2)))
    assert [found.gobject_id async for found in galaxy.iter_hierarchy()] == [1, 2]
    assert [request.page_token for request in channel.sent] == ["", "a", "b", "c"]


async def test_iterating_goes_on_with_the_missing_page_after_a_lost_connection() -> None:
    lost = ConnectionLost("gone", cause="reset")
    galaxy, channel = scripted_galaxy(_pages(_page("a", 1), lost, _page("", 2)))
    walk = galaxy.iter_hierarchy()
    assert (await anext(walk)).gobject_id == 1
    with pytest.raises(ConnectionLost):
        await anext(walk)
    assert [found.gobject_id async for found in walk] == [2]
    assert [request.page_token for request in channel.sent] == ["", "a", "a"]


async def test_iterating_goes_on_after_a_cancelled_wait() -> None:
    galaxy, channel = scripted_galaxy(_pages(_page("a", 1), _page("", 2)))
    walk = galaxy.iter_hierarchy()
    await anext(walk)
    channel.gate = anyio.Event()
    with anyio.move_on_after(0) as scope:
        await anext(walk)
    assert scope.cancelled_caught
    channel.gate.set()
    assert [found.gobject_id async for found in walk] == [2]


@pytest.mark.parametrize("tokens", [("a", "a"), ("a", "b", "a")])
async def test_pages_that_go_round_in_a_circle_end_as_a_malformed_reply(
    tokens: tuple[str, ...],
) -> None:
    galaxy, _ = scripted_galaxy(_pages(*(_page(token, 1) for token in tokens)))
    with anyio.fail_after(5):
        with pytest.raises(MalformedReplyError, match="leads back"):
            await galaxy.discover_hierarchy()


@pytest.mark.parametrize("page", [1, 2, 3])
@pytest.mark.parametrize(
    "error",
    [
        rpc_error(StatusCode.UNAVAILABLE, "loading"),
        rpc_error(StatusCode.PERMISSION_DENIED, "no"),
        rpc_error(StatusCode.DEADLINE_EXCEEDED, "late"),
        ConnectionLost("gone", cause="eof"),
        ClientClosedError("closed"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_an_error_of_any_page_leaves_as_it_is(page: int, error: Exception) -> None:
    pages = [_page(f"t{n}", n) for n in range(1, page)]
    galaxy, _ = scripted_galaxy(_pages(*pages, error))
    with pytest.raises(type(error)) as caught:
        await galaxy.discover_hierarchy()
    assert caught.value is error


async def test_an_error_of_the_progress_callback_reaches_the_caller() -> None:
    galaxy, _ = scripted_galaxy(_pages(_page("", 1)))

    def progress(_: WalkProgress) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await galaxy.discover_hierarchy(progress=progress)


async def test_an_error_of_the_progress_callback_loses_no_page() -> None:
    galaxy, channel = scripted_galaxy(
        _pages(_page("a", 1), _page("b", 2), _page("b", 2), _page("", 3))
    )
    told: list[WalkProgress] = []

    def progress(step: WalkProgress) -> None:
        told.append(step)
        if len(told) == 2:
            raise ZeroDivisionError

    walk = galaxy.iter_hierarchy(progress=progress)
    assert (await anext(walk)).gobject_id == 1
    with pytest.raises(ZeroDivisionError):
        await anext(walk)
    assert [found.gobject_id async for found in walk] == [2, 3]
    assert [request.page_token for request in channel.sent] == ["", "a", "a", "b"]
    assert [(step.done, step.pages) for step in told] == [(1, 1), (2, 2), (2, 2), (3, 3)]


async def test_a_timeout_counts_for_each_page() -> None:
    galaxy, channel = scripted_galaxy(_pages(_page("a", 1), _page("", 2)))
    await galaxy.discover_hierarchy(timeout=2.5)
    assert channel.timeouts == [2.5, 2.5]


async def test_wrong_arguments_are_refused_before_anything_is_sent() -> None:
    galaxy, channel = scripted_galaxy(lambda _: DiscoverHierarchyReply())
    wrong: Any = BrowseOptions()
    with pytest.raises(ConfigurationError, match="give DiscoverHierarchyOptions"):
        await galaxy.discover_hierarchy(wrong)
    with pytest.raises(ConfigurationError, match="timeout"):
        galaxy.iter_hierarchy(timeout=-1)
    wrong = DiscoverHierarchyOptions()
    with pytest.raises(ConfigurationError, match="give BrowseOptions"):
        await galaxy.browse(wrong)
    # Another message would be encoded all the same, and be read as what it is not.
    for wrong in (None, "Plant", BrowseChildrenRequest()):
        with pytest.raises(ConfigurationError, match="give a message of type Discover"):
            await galaxy.discover_hierarchy_raw(wrong)
    wrong = DiscoverHierarchyRequest()
    with pytest.raises(ConfigurationError, match="type BrowseChildrenRequest, not Discover"):
        await galaxy.browse_children(wrong)
    assert channel.sent == []


async def test_a_late_answer_and_an_unloaded_cache_are_told_apart(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        with pytest.raises(DeadlineExceededError):
            await galaxy.discover_hierarchy(timeout=timedelta(microseconds=1).total_seconds())
        sim.galaxy.cache_loaded = False
        with pytest.raises(UnavailableError):
            await galaxy.discover_hierarchy()
