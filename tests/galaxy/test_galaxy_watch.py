"""Deploy events: bootstrap, order, gaps, restarts, and the end of a watch."""

from __future__ import annotations

import gc
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import anyio.to_thread
import pytest

from mxgateway import (
    ClientOptions,
    ConfigurationError,
    DeployEvent,
    DeployGap,
    DeployWatch,
    GalaxyRepositoryClient,
    GatewayClient,
    RpcError,
    Timestamp,
    UnavailableError,
)
from mxgateway.simulator import ThreadedSimulator, scale_galaxy
from mxgateway.simulator.gateway import Settings

START = datetime(2026, 1, 1, tzinfo=UTC)


async def _next(watch: DeployWatch) -> DeployEvent:
    with anyio.fail_after(5):
        return await anext(watch)


async def _watchers(sim: ThreadedSimulator, count: int) -> None:
    await anyio.to_thread.run_sync(sim.wait_until, lambda s: s.galaxy.watchers == count)


@pytest.mark.rule("galaxy.watch")
async def test_the_current_state_comes_first_and_then_one_event_for_each_deploy(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        async with galaxy.watch_deploy_events() as watch:
            first = await _next(watch)
            assert isinstance(first, DeployEvent)
            assert (first.sequence, first.time_of_last_deploy) == (1, START)
            assert first.time_of_last_deploy_present
            assert (first.object_count, first.attribute_count) == (32, 325)
            sim.redeploy(scale_galaxy(50, 2))
            second = await _next(watch)
            assert (second.sequence, second.object_count, second.attribute_count) == (2, 50, 100)
            assert isinstance(second.time_of_last_deploy, Timestamp)
            assert second.time_of_last_deploy > START
            sim.redeploy()
            assert (await _next(watch)).sequence == 3
            assert (watch.missed, watch.restarted, watch.last_sequence) == (0, False, 3)
        await _watchers(sim, 0)


@pytest.mark.rule("galaxy.watch-seen")
async def test_a_caller_that_knows_the_deploy_time_gets_the_next_one_first(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    exact = Timestamp.parse("2026-03-04T05:06:07.1234567Z")
    sim.redeploy(at=exact)
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        known = await galaxy.get_last_deploy_time()
        async with galaxy.watch_deploy_events(known) as watch:
            await _watchers(sim, 1)
            sim.redeploy(at=exact + timedelta(days=1))
            assert (await _next(watch)).sequence == 3
        # A time that is off by the last digit is another time.
        async with galaxy.watch_deploy_events(last_seen_deploy_time=exact) as watch:
            assert (await _next(watch)).sequence == 3


async def test_a_galaxy_that_was_never_deployed_has_an_event_without_a_time(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    sim.call(lambda s: s.galaxy.undeploy())
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        async with galaxy.watch_deploy_events() as watch:
            event = await _next(watch)
    assert not event.time_of_last_deploy_present
    assert event.time_of_last_deploy is None


async def test_every_watcher_gets_every_deploy(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GatewayClient.connect(options=options) as client:
        galaxy = GalaxyRepositoryClient.on(client)
        async with galaxy.watch_deploy_events() as one, galaxy.watch_deploy_events() as two:
            for watch in (one, two):
                assert (await _next(watch)).sequence == 1
            sim.redeploy()
            for watch in (one, two):
                assert (await _next(watch)).sequence == 2


@pytest.mark.rule("galaxy.watch-dropped")
async def test_events_dropped_for_a_slow_reader_are_counted_and_told(
    options: ClientOptions, caplog: pytest.LogCaptureFixture
) -> None:
    gaps: list[DeployGap] = []
    with ThreadedSimulator(interval=None, settings=Settings(deploy_buffer=2)) as sim:
        there = options.replace(endpoint=sim.endpoint, api_key=sim.api_key)
        async with GalaxyRepositoryClient.connect(options=there) as galaxy:
            async with galaxy.watch_deploy_events(on_gap=gaps.append) as watch:
                assert (await _next(watch)).sequence == 1
                # Six deploys in one go: the subscriber's buffer keeps the last two.
                sim.call(lambda s: [s.galaxy.redeploy() for _ in range(6)])
                with caplog.at_level(logging.WARNING, "mxgateway.galaxy"):
                    assert (await _next(watch)).sequence == 6
                assert gaps == [DeployGap("dropped", expected=2, got=6)]
                assert (await _next(watch)).sequence == 7
                assert repr(watch) == "<DeployWatch after sequence 7, 4 missed>"
                assert (watch.missed, watch.restarted) == (4, False)
    assert len(gaps) == 1
    assert "expected sequence 2, got 6 (dropped)" in caplog.text


@pytest.mark.rule("galaxy.watch-restart")
async def test_a_sequence_that_falls_tells_that_the_gateway_was_restarted(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    gaps: list[DeployGap] = []
    sim.redeploy()
    sim.redeploy()
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        async with galaxy.watch_deploy_events(on_gap=gaps.append) as watch:
            assert (await _next(watch)).sequence == 3
            sim.call(lambda s: s.galaxy.restart())
            sim.redeploy()
            assert (await _next(watch)).sequence == 2
            assert (watch.missed, watch.restarted) == (0, True)
            assert gaps == [DeployGap("restart", expected=4, got=2)]
            sim.redeploy()
            assert (await _next(watch)).sequence == 3
    assert len(gaps) == 1


async def test_a_sequence_that_comes_again_is_a_restart_unless_it_is_the_bootstrap(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    gaps: list[DeployGap] = []
    sim.redeploy()
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        async with galaxy.watch_deploy_events(on_gap=gaps.append) as watch:
            assert (await _next(watch)).sequence == 2
            sim.call(lambda s: s.galaxy.restart())
            sim.redeploy()
            assert (await _next(watch)).sequence == 2
    assert gaps == [DeployGap("restart", expected=3, got=2)]


@pytest.mark.parametrize(
    ("seen", "gap"),
    [
        (4, None),  # the bootstrap repeats what the earlier watch saw last
        (3, None),
        (1, DeployGap("dropped", expected=2, got=4)),
        (9, DeployGap("restart", expected=10, got=4)),
    ],
)
async def test_a_watch_that_follows_another_finds_out_what_came_between(
    sim: ThreadedSimulator, options: ClientOptions, seen: int, gap: DeployGap | None
) -> None:
    gaps: list[DeployGap] = []
    for _ in range(3):
        sim.redeploy()
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        async with galaxy.watch_deploy_events(last_seen_sequence=seen, on_gap=gaps.append) as watch:
            assert (await _next(watch)).sequence == 4
    assert gaps == ([] if gap is None else [gap])
    assert watch.missed == (2 if gap and gap.kind == "dropped" else 0)


# -- the end of a watch ---------------------------------------------------------------------


async def test_breaking_out_of_the_loop_ends_the_call_at_the_gateway(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        async for event in galaxy.watch_deploy_events():
            assert event.sequence == 1
            break
        gc.collect()
        await _watchers(sim, 0)
        assert sim.audit.stream_resets["CANCEL"] == 1


async def test_closing_leaving_and_cancelling_end_the_call_at_the_gateway(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        closed = galaxy.watch_deploy_events()
        await _next(closed)
        await _watchers(sim, 1)
        await closed.aclose()
        await closed.aclose()
        await _watchers(sim, 0)
        with pytest.raises(StopAsyncIteration):
            await anext(closed)

        async with galaxy.watch_deploy_events() as left:
            await _next(left)
        await _watchers(sim, 0)

        async def watch_for_ever() -> None:
            async for _ in galaxy.watch_deploy_events():
                pass

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch_for_ever)
            await _watchers(sim, 1)
            tasks.cancel_scope.cancel()
        await _watchers(sim, 0)
        assert sim.audit.stream_resets["CANCEL"] == 3


async def test_a_gateway_that_shuts_down_ends_the_watch_with_a_typed_error(
    options: ClientOptions,
) -> None:
    sim = ThreadedSimulator(interval=None)
    with sim:
        there = options.replace(endpoint=sim.endpoint, api_key=sim.api_key)
        async with GalaxyRepositoryClient.connect(options=there) as galaxy:
            async with galaxy.watch_deploy_events() as watch:
                await _next(watch)
                await anyio.to_thread.run_sync(sim.stop)
                with pytest.raises(UnavailableError, match="shutting down") as caught:
                    await _next(watch)
                assert isinstance(caught.value, RpcError)
                assert caught.value.transient


async def test_wrong_arguments_are_refused_before_anything_is_sent(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    no_times: list[Any] = [datetime(2026, 1, 1), START.date(), "2026-01-01T00:00:00Z", 0]  # noqa: DTZ001 - the point of it
    no_sequences: list[Any] = [-1, True, 1.0, "1"]
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        for no_time in no_times:
            with pytest.raises(ConfigurationError, match=r"last_seen_deploy_time: .*time zone"):
                galaxy.watch_deploy_events(no_time)
        for no_sequence in no_sequences:
            with pytest.raises(ConfigurationError, match=r"last_seen_sequence: .*whole number"):
                galaxy.watch_deploy_events(last_seen_sequence=no_sequence)
    assert sim.audit.calls["WatchDeployEvents"] == 0


async def test_an_error_of_the_gap_callback_loses_no_event(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    told: list[DeployGap] = []

    def on_gap(gap: DeployGap) -> None:
        told.append(gap)
        raise ZeroDivisionError

    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        async with galaxy.watch_deploy_events(last_seen_sequence=9, on_gap=on_gap) as watch:
            with pytest.raises(ZeroDivisionError):
                await _next(watch)
            assert (await _next(watch)).sequence == 1
            sim.redeploy()
            assert (await _next(watch)).sequence == 2
        assert told == [DeployGap("restart", expected=10, got=1)]
        async with galaxy.watch_deploy_events(last_seen_sequence=9, on_gap=on_gap) as watch:
            with pytest.raises(ZeroDivisionError):
                await _next(watch)
        with pytest.raises(StopAsyncIteration):  # left, it gives nothing any more
            await _next(watch)


async def test_a_timeout_ends_the_whole_watch(options: ClientOptions) -> None:
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        watch = galaxy.watch_deploy_events(timeout=0.05)

        async def drain() -> None:
            async for _ in watch:
                pass

        with pytest.raises(TimeoutError):
            await drain()
