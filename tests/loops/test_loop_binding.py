"""A client belongs to the loop that connects it; anywhere else it says so, at once."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from mxgateway import (
    ClientClosedError,
    ClientOptions,
    ConnectError,
    GalaxyRepositoryClient,
    GatewayClient,
    Session,
    TagValue,
)
from mxgateway.generated.mxaccess_gateway.v1 import MxEvent, StreamEventsRequest
from mxgateway.simulator import ThreadedSimulator
from mxgateway.transport.stream import MessageStream

Elsewhere = Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]
TAG = "SimProbe_001.TestInt"
pytestmark = pytest.mark.requirement("life.loop-binding")


async def refused(call: Callable[[], Awaitable[Any]]) -> None:
    """Expect the one error of a client, or a stream, that belongs elsewhere."""
    with pytest.raises(ClientClosedError, match="belongs to another event loop or thread"):
        await call()


def forget(holder: list[Any]) -> None:
    holder.clear()
    gc.collect()


def built_outside(options: ClientOptions) -> tuple[Any, ...]:
    client = GatewayClient(options)
    session = Session(client, "session-of-nobody")
    return (
        client,
        session,
        client.stream_events_raw(StreamEventsRequest(session_id="session-of-nobody")),
        session.stream_events(),
        GalaxyRepositoryClient(options),
        GatewayClient.connect(options=options),
        GalaxyRepositoryClient.connect(options=options),
    )


def test_everything_can_be_built_without_a_loop_and_used_in_any(options: ClientOptions) -> None:
    for backend in ("asyncio", "trio"):
        client, _, raw, events, galaxy, connecting, galaxy_connecting = built_outside(options)

        async def use(client: Any, galaxy: Any, connecting: Any, galaxy_connecting: Any) -> None:
            with anyio.fail_after(10):
                for built in (connecting, galaxy_connecting):
                    async with built as connected:
                        assert not connected.closed
                async with client, galaxy:
                    async with await client.open_session("built outside") as session:
                        assert session.session_id
                    assert await galaxy.test_connection()

        anyio.run(use, client, galaxy, connecting, galaxy_connecting, backend=backend)
        assert client.closed
        assert raw.last_size == events.queued == 0


async def test_calls_from_another_loop_are_refused_and_the_client_goes_on(
    options: ClientOptions, elsewhere: Elsewhere
) -> None:
    async with GatewayClient.connect(options=options) as client:
        session = await client.open_session("home")
        server = await session.register("home")

        async def use() -> None:
            await refused(lambda: client.open_session("away"))
            await refused(lambda: session.register("away"))
            await refused(lambda: session.add_item(server, TAG))
            await refused(lambda: client.read(TAG))
            await refused(lambda: client.write(TAG, 1))
            await refused(lambda: GalaxyRepositoryClient.on(client).test_connection())
            await refused(client.__aenter__)
            await refused(client.close)

        await elsewhere(use)
        assert await session.add_item(server, TAG)
        (reading,) = await client.read(TAG)
        assert reading.error is None
        await session.close()
    await elsewhere(client.close)  # closed already


async def test_events_and_closing_a_session_are_refused_elsewhere_and_go_on_at_home(
    options: ClientOptions, elsewhere: Elsewhere
) -> None:
    async with GatewayClient.connect(options=options) as client:
        session = await client.open_session("home")
        server = await session.register("home")
        await session.subscribe_bulk(server, [TAG])
        async with session.stream_events() as events:
            assert (await anext(events)).item_handle

            async def use() -> None:
                await refused(session.stream_events().__anext__)
                await refused(session.stream_events().__aenter__)
                await refused(session.close)

            await elsewhere(use)
            assert not session.closed
        await session.close()


async def test_a_running_consumer_of_events_is_refused_elsewhere_and_goes_on_at_home(
    options: ClientOptions, elsewhere: Elsewhere
) -> None:
    async with GatewayClient.connect(options=options) as client:
        session = await client.open_session("home")
        server = await session.register("home")
        await session.subscribe_bulk(server, [TAG])
        async with session.stream_events() as events:

            async def use() -> None:
                await refused(events.__anext__)
                await refused(events.__aenter__)
                await refused(events.aclose)
                with pytest.raises(ClientClosedError):
                    session.events.hold()
                with pytest.raises(ClientClosedError):
                    await session.write_and_wait(server, 1, 5)

            await elsewhere(use)
            with anyio.fail_after(5):
                assert (await anext(events)).item_handle
            await elsewhere(use)  # with nothing to take, where it would wait for ever
        await elsewhere(events.aclose)  # closed already
        await session.close()


async def test_a_running_subscription_is_refused_elsewhere_and_goes_on_at_home(
    options: ClientOptions, elsewhere: Elsewhere
) -> None:
    async with GatewayClient.connect(options=options) as client:
        fresh = client.subscribe(TAG)
        async with client.subscribe(TAG) as values:

            async def use() -> None:
                for each in (values, fresh):
                    await refused(each.__anext__)
                    await refused(each.__aenter__)
                await refused(lambda: values.add("Tank_001.Level"))
                await refused(lambda: values.remove(TAG))
                await refused(values.aclose)

            await elsewhere(use)
            with anyio.fail_after(5):
                assert isinstance(await anext(values), TagValue)
            await elsewhere(use)
            assert values.tags == (TAG,)
        async with fresh:
            with anyio.fail_after(5):
                assert isinstance(await anext(fresh), TagValue)
        await elsewhere(values.aclose)  # closed already


async def test_a_galaxy_client_is_bound_as_well(
    options: ClientOptions, elsewhere: Elsewhere
) -> None:
    async with GalaxyRepositoryClient.connect(options=options) as galaxy:
        (root, *_) = await galaxy.browse()

        async def use() -> None:
            await refused(galaxy.test_connection)
            await refused(galaxy.discover_hierarchy)
            await refused(root.expand)
            await refused(galaxy.close)
            watching = galaxy.watch_deploy_events()
            await refused(watching.__anext__)

        await elsewhere(use)
        await root.expand()
        assert root.children


async def test_a_stream_is_refused_where_it_was_not_started(
    options: ClientOptions, elsewhere: Elsewhere
) -> None:
    async with GatewayClient.connect(options=options) as client:
        session = await client.open_session("home")
        server = await session.register("home")
        item = await session.add_item(server, TAG)
        request = StreamEventsRequest(session_id=session.session_id)
        async with client.stream_events_raw(request) as stream:
            await session.advise(server, item)

            async def use() -> None:
                await refused(stream.__anext__)
                await refused(stream.__aenter__)
                await refused(stream.aclose)
                fresh = client.stream_events_raw(request)
                await refused(fresh.__anext__)
                await refused(session.stream_events().__anext__)

            await elsewhere(use)
            with anyio.fail_after(5):
                assert (await anext(stream)).item_handle == item
        await session.close()


def test_a_second_loop_of_the_same_thread_is_refused(
    options: ClientOptions, anyio_backend_name: str
) -> None:
    async def connect() -> GatewayClient:
        return await GatewayClient.connect(options=options)

    async def use(client: GatewayClient) -> None:
        with anyio.fail_after(10):
            await refused(client.__aenter__)
            await refused(client.close)

    client = anyio.run(connect, backend=anyio_backend_name)
    anyio.run(use, client, backend=anyio_backend_name)
    holder = [client]
    del client
    with pytest.warns(ResourceWarning, match="unclosed"):
        forget(holder)


def test_a_raw_stream_is_refused_in_a_second_loop_of_its_thread(options: ClientOptions) -> None:
    """Two loops of one thread take turns only by hand, and only those of asyncio do."""
    home, away = asyncio.new_event_loop(), asyncio.new_event_loop()

    async def run(started: asyncio.Future[MessageStream[MxEvent]], leave: asyncio.Event) -> None:
        async with GatewayClient.connect(options=options) as client:
            session = await client.open_session("home")
            request = StreamEventsRequest(session_id=session.session_id)
            async with client.stream_events_raw(request) as stream:
                started.set_result(stream)
                await leave.wait()
            await session.close()

    try:
        started, leave = home.create_future(), asyncio.Event()
        running = home.create_task(run(started, leave))
        stream = home.run_until_complete(started)

        async def use() -> None:
            with anyio.fail_after(10):
                await refused(stream.__anext__)

        away.run_until_complete(use())
        home.call_soon(leave.set)
        home.run_until_complete(running)
    finally:
        home.close()
        away.close()


def test_a_client_whose_first_try_failed_may_try_again_in_another_loop(
    anyio_backend_name: str,
) -> None:
    with ThreadedSimulator(seed=1, interval=None) as sim:
        port = sim.port
    connecting = GatewayClient.connect(
        endpoint=f"127.0.0.1:{port}", api_key=sim.api_key, plaintext=True
    )

    async def fail() -> None:
        with pytest.raises(ConnectError):
            await connecting

    async def succeed() -> None:
        with anyio.fail_after(10):
            async with connecting as client:
                await client.open_session("second try")

    anyio.run(fail, backend=anyio_backend_name)
    with ThreadedSimulator(seed=1, interval=None, port=port):
        anyio.run(succeed, backend=anyio_backend_name)
