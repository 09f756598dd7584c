"""Confirmed writes of a live session, against the simulator."""

from __future__ import annotations

import anyio
import pytest

from mxgateway import (
    ClientOptions,
    GatewayClient,
    MxGatewayError,
    Session,
    SessionLostError,
    TagError,
    WriteFailedError,
    WriteOutcomeUnknownError,
)
from mxgateway.simulator import Settings, ThreadedSimulator

PROBE = "SimProbe_001"


async def item_of(session: Session, name: str) -> tuple[int, int]:
    server = await session.register("confirm")
    return server, await session.add_item(server, f"{PROBE}.{name}")


async def test_a_confirmed_write_is_in_the_plant_when_it_returns(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GatewayClient.connect(options=options) as client:
        async with await client.open_session() as session:
            server, item = await item_of(session, "TestInt")
            for value in (42, 43, 44):
                with anyio.fail_after(5):
                    done = await session.write_and_wait(server, item, value)
                assert done.ok
                assert sim.plant[f"{PROBE}.TestInt"].value == value
    assert sim.audit.write_count.total() == 3


async def test_many_items_and_many_writes_at_once_each_get_their_own_answer(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    names = ("TestInt", "TestDouble", "ReadOnly")
    ends: list[tuple[str, bool]] = []

    async with GatewayClient.connect(options=options) as client:
        async with await client.open_session() as session:
            items = {name: await item_of(session, name) for name in names}

            async def write(name: str, value: int) -> None:
                try:
                    done = await session.write_and_wait(*items[name], value)
                except WriteFailedError as error:
                    ends.append((error.tag.removeprefix(f"{PROBE}."), False))
                else:
                    assert done.item_handle == items[name][1]
                    ends.append((name, True))

            with anyio.fail_after(10):
                async with anyio.create_task_group() as tasks:
                    for value in range(10):
                        for name in names:
                            tasks.start_soon(write, name, value)
    assert sorted(ends) == sorted((name, name != "ReadOnly") for name in names * 10)


async def test_a_secured_attribute_is_refused_until_a_user_is_given(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GatewayClient.connect(options=options) as client:
        async with await client.open_session() as session:
            server, item = await item_of(session, "Secured")
            with anyio.fail_after(5):
                with pytest.raises(WriteFailedError, match="give current_user_id") as refused:
                    await session.write_and_wait(server, item, 5)
                assert refused.value.statuses[0].detail == 1012
                user = await session.authenticate_user(server, "operator", "operator")
                done = await session.write_and_wait(server, item, 6, current_user_id=user)
    assert done.ok
    assert sim.plant[f"{PROBE}.Secured"].value == 6


async def test_a_tag_that_does_not_exist_is_never_written(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GatewayClient.connect(options=options) as client:
        async with await client.open_session() as session:
            server, item = await item_of(session, "Mispelt")
            with anyio.fail_after(5), pytest.raises(TagError, match="Mispelt") as refused:
                await session.write_and_wait(server, item, 5)
    assert refused.value.processed == "no"
    assert sim.audit.write_count.total() == 0


@pytest.mark.requirement("write.no-replay")
async def test_a_completion_that_never_comes_leaves_the_item_to_a_fresh_handle() -> None:
    settings = Settings(write_delay=60)
    with ThreadedSimulator(seed=1, interval=None, settings=settings) as sim:
        async with GatewayClient.connect(
            endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True
        ) as client:
            async with await client.open_session() as session:
                server, item = await item_of(session, "TestInt")
                with anyio.fail_after(5):
                    with pytest.raises(WriteOutcomeUnknownError, match="no completion came"):
                        await session.write_and_wait(server, item, 1, timeout=0.5)
                    with pytest.raises(TagError, match="add the tag anew"):
                        await session.write_and_wait(server, item, 2)
                    await session.un_advise(server, item)
                    await session.remove_item(server, item)
                    fresh = await session.add_item(server, f"{PROBE}.TestInt")
                    with pytest.raises(WriteOutcomeUnknownError):
                        await session.write_and_wait(server, fresh, 3, timeout=0.5)


@pytest.mark.requirement("write.no-replay")
async def test_a_gateway_that_goes_with_a_write_under_way_leaves_its_end_unknown() -> None:
    errors: list[MxGatewayError] = []
    sim = ThreadedSimulator(interval=None, settings=Settings(write_delay=60)).start()
    try:
        async with GatewayClient.connect(
            endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True
        ) as client:
            session = await client.open_session()
            server, item = await item_of(session, "TestInt")

            async def write() -> None:
                try:
                    await session.write_and_wait(server, item, 1)
                except MxGatewayError as error:
                    errors.append(error)

            with anyio.fail_after(10):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(write)
                    await anyio.to_thread.run_sync(
                        sim.wait_until, lambda s: s.audit.calls["Invoke"] == 4
                    )
                    await anyio.to_thread.run_sync(sim.stop)
    finally:
        sim.stop()
    (error,) = errors
    assert isinstance(error, WriteOutcomeUnknownError)
    assert error.processed == "maybe"


async def test_a_session_that_is_closed_elsewhere_before_the_write_is_lost() -> None:
    errors: list[MxGatewayError] = []
    settings = Settings(first_value_delay=60)
    with ThreadedSimulator(seed=1, interval=None, settings=settings) as sim:
        async with GatewayClient.connect(
            endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True
        ) as client:
            session = await client.open_session()
            server, item = await item_of(session, "TestInt")

            async def write() -> None:
                try:
                    await session.write_and_wait(server, item, 1)
                except MxGatewayError as error:
                    errors.append(error)

            with anyio.fail_after(10):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(write)
                    await anyio.to_thread.run_sync(
                        sim.wait_until, lambda s: s.audit.calls["Invoke"] == 3
                    )
                    await client.session(session.session_id).close()
    (error,) = errors
    assert isinstance(error, SessionLostError)
    assert error.processed == "no"
    assert sim.audit.write_count.total() == 0
