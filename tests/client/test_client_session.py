"""Client and session against the simulator, on asyncio and trio."""

from __future__ import annotations

import datetime as dt
import gc
from collections.abc import Callable
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from tls_files import SERVER_NAME, TlsFiles

from mxgateway import (
    ClientClosedError,
    ClientOptions,
    ConfigurationError,
    DataChange,
    Event,
    EventStream,
    GatewayClient,
    Session,
    StreamEventsRequest,
    Timestamp,
    WriteComplete,
)
from mxgateway.commands import command
from mxgateway.generated.mxaccess_gateway.v1 import PingCommand, SessionState
from mxgateway.options import ClientOptions as Options
from mxgateway.simulator import Simulator, ThreadedSimulator
from mxgateway.simulator import TlsFiles as SimulatorTls


async def _until(sim: ThreadedSimulator, predicate: Callable[[Simulator], bool]) -> None:
    await anyio.to_thread.run_sync(sim.wait_until, predicate)


async def _advised(session: Session, tag: str) -> tuple[int, int]:
    server = await session.register("tests")
    item = await session.add_item(server, tag)
    await session.advise(server, item)
    return server, item


# The example of the reference -----------------------------------------------------


async def test_the_example_of_the_reference_runs_with_only_the_import_changed(
    sim: ThreadedSimulator,
) -> None:
    async with await GatewayClient.connect(
        endpoint=sim.endpoint,
        api_key=sim.api_key,
        plaintext=True,
    ) as client:
        session = await client.open_session(client_session_name="python-client")
        try:
            server_handle = await session.register("python-client")
            item_handle = await session.add_item(server_handle, "TestChildObject.TestInt")
            await session.advise(server_handle, item_handle)
        finally:
            await session.close()
    assert (server_handle, item_handle) >= (1, 1)
    assert sim.audit.commands == {"REGISTER": 1, "ADD_ITEM": 1, "ADVISE": 1}
    assert sim.session_count == 0


# Starting and stopping --------------------------------------------------------------


async def test_the_connector_can_be_entered_without_await(options: ClientOptions) -> None:
    async with GatewayClient.connect(options=options) as client:
        session = await client.open_session()
        assert session.version_warnings == ()
        assert not client.closed
    assert client.closed


async def test_a_client_runs_in_the_callers_task_group_until_it_is_closed(
    options: ClientOptions,
) -> None:
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            client = await GatewayClient.connect(options=options, task_group=tasks)
            await (await client.open_session()).close()
            await client.close()
            assert client.closed
        async with anyio.create_task_group() as tasks:
            async with GatewayClient.connect(options=options, task_group=tasks) as client:
                await client.open_session()
            assert client.closed


async def test_a_call_before_entering_and_after_closing_is_one_clear_error(
    options: ClientOptions,
) -> None:
    client = await GatewayClient.connect(options=options)
    with pytest.raises(ClientClosedError, match="not running"):
        await client.open_session()
    async with client:
        await client.open_session()
        with pytest.raises(ClientClosedError):
            async with client:
                pass
    with pytest.raises(ClientClosedError):
        await client.open_session()
    with pytest.raises(ClientClosedError):
        async with client:
            pass


async def test_close_works_in_every_state_and_for_many_at_once(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    never_connected = GatewayClient(options)
    await never_connected.close()
    assert never_connected.closed
    never_entered = await GatewayClient.connect(options=options)
    await never_entered.close()
    await never_entered.close()
    with anyio.fail_after(5):
        async with GatewayClient.connect(options=options) as client:
            async with anyio.create_task_group() as tasks:
                for _ in range(10):
                    tasks.start_soon(client.close)
            assert client.closed
    await _until(sim, lambda s: s.audit.connections_closed == 2)


async def test_an_error_of_the_body_leaves_the_client_as_it_is(options: ClientOptions) -> None:
    with pytest.raises(KeyError, match="mine"):
        async with GatewayClient.connect(options=options):
            raise KeyError("mine")


async def test_a_timeout_around_client_and_session_ends_both_quietly(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    with anyio.fail_after(5):
        with anyio.CancelScope() as scope:
            async with GatewayClient.connect(options=options) as client:
                session = await client.open_session()
                try:
                    scope.cancel()
                    await anyio.lowlevel.checkpoint()
                finally:
                    await session.close()
    assert scope.cancelled_caught


async def test_a_cancelled_user_of_a_running_client_still_closes_its_session(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    with anyio.fail_after(5):
        async with GatewayClient.connect(options=options) as client:
            with anyio.CancelScope() as scope:
                async with await client.open_session():
                    assert sim.session_count == 1
                    scope.cancel()
                    await anyio.lowlevel.checkpoint()
            assert scope.cancelled_caught
            assert sim.session_count == 0


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "endpoint is missing"),
        ({"endpoint": "plant"}, "has no port"),
        ({"endpoint": "plant:5000", "key": "x"}, "no such option: key; known are endpoint"),
        (
            {"endpoint": "plant:5000", "options": Options(endpoint="plant:1")},
            "either options or single fields, not both: endpoint",
        ),
    ],
)
def test_wrong_options_are_refused_before_anything_is_awaited(
    fields: dict[str, Any], text: str
) -> None:
    with pytest.raises(ConfigurationError, match=text):
        GatewayClient.connect(**fields)


@pytest.mark.parametrize("name", ["localhost", SERVER_NAME])
async def test_tls_with_the_authoritys_file_and_a_name_override(
    tls_files: TlsFiles, name: str
) -> None:
    tls = SimulatorTls(tls_files.cert_file, tls_files.key_file)
    with ThreadedSimulator(tls=tls, ca_file=tls_files.ca_file, interval=None) as sim:
        async with GatewayClient.connect(
            endpoint=sim.endpoint,
            api_key=sim.api_key,
            ca_file=sim.ca_file,
            server_name_override=name,
        ) as client:
            async with await client.open_session() as session:
                assert await session.register("tls") > 0


# Sessions ------------------------------------------------------------------------------


async def test_many_closers_of_one_session_send_one_request(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GatewayClient.connect(options=options) as client:
        session = await client.open_session()
        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                for _ in range(10):
                    tasks.start_soon(session.close)
        assert (await session.close()).final_state == SessionState.CLOSED
    assert sim.audit.calls["CloseSession"] == 1


async def test_every_method_in_the_order_of_a_life(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GatewayClient.connect(options=options) as client:
        async with await client.open_session("life") as session:
            server = await session.register("life")
            item = await session.add_item(server, "SimProbe_001.TestInt")
            other = await session.add_item2(server, "Me.TestFloat", "SimProbe_001")
            assert item != other
            await session.advise(server, item)
            await session.advise_supervisory(server, other)
            reply = await session.write(server, item, 7, data_type="int32")
            assert reply.hresult == 0
            await session.un_advise(server, item)
            await session.un_advise(server, other)
            await session.remove_item(server, item)
            await session.remove_item(server, other)
            await session.unregister(server)
            pong = await session.invoke(command(PingCommand(message="hello")))
            assert pong.kind == command(PingCommand()).kind
    assert sim.audit.values_written("SimProbe_001.TestInt") == [7]


async def test_a_session_can_be_taken_up_by_its_id(options: ClientOptions) -> None:
    async with GatewayClient.connect(options=options) as client:
        opened = await client.open_session()
        server = await opened.register("first")
        again = client.session(opened.session_id)
        assert await again.add_item(server, "SimProbe_001.TestInt") > 0
        assert (await again.close()).final_state == SessionState.CLOSED


WRITES: list[tuple[str, Any, str | None]] = [
    ("TestBool", True, None),
    ("TestInt", -7, None),
    ("TestFloat", 0.5, "float"),
    ("TestDouble", 0.1, None),
    ("TestString", "Grüße", None),
    ("TestTime", Timestamp.parse("2025-01-31T12:00:00.1234567Z"), None),
    ("TestElapsed", dt.timedelta(seconds=1.5), None),
    ("TestIntArray[]", [1, 2, 3, 4, 5, 6, 7, 8], None),
    ("TestBoolArray[]", [True, False] * 4, None),
    ("TestStringArray[]", ["", "a"] * 5, None),
]


@pytest.mark.parametrize(("name", "value", "declared"), WRITES)
async def test_a_written_value_comes_back_as_a_data_change_and_its_completion(
    name: str, value: Any, declared: str | None, sim: ThreadedSimulator, options: ClientOptions
) -> None:
    tag = f"SimProbe_001.{name}"
    async with GatewayClient.connect(options=options) as client:
        async with await client.open_session() as session:
            server, item = await _advised(session, tag)
            seen: dict[type[Event], Event] = {}
            with anyio.fail_after(5):
                async with session.stream_events() as events:
                    assert isinstance(await anext(events), DataChange)
                    await session.write(server, item, value, data_type=declared)
                    async for event in events:
                        seen[type(event)] = event
                        if len(seen) == 2:
                            break
            change, done = seen[DataChange], seen[WriteComplete]
            assert isinstance(change, DataChange)
            assert (change.value, change.good, change.item_handle) == (value, True, item)
            assert isinstance(done, WriteComplete)
            assert (done.ok, done.item_handle) == (True, item)
    assert sim.audit.write_count.total() == 1


# Streams ---------------------------------------------------------------------------------


async def _first_by_loop(stream: EventStream) -> None:
    async for _ in stream:
        break


async def _first_by_block(stream: EventStream) -> None:
    async with stream as events:
        await anext(events)


async def _first_by_error(stream: EventStream) -> None:
    async def fail() -> None:
        async with stream as events:
            await anext(events)
            raise KeyError

    with pytest.raises(KeyError):
        await fail()


async def _first_by_aclose(stream: EventStream) -> None:
    await anext(stream)
    await stream.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def _first_by_cancel(stream: EventStream) -> None:
    with anyio.CancelScope() as scope:
        async for _ in stream:
            scope.cancel()
    assert scope.cancelled_caught


@pytest.mark.requirement("stream.early-exit")
@pytest.mark.parametrize(
    "leave",
    [_first_by_loop, _first_by_block, _first_by_error, _first_by_aclose, _first_by_cancel],
    ids=["break", "block", "error", "aclose", "cancel"],
)
async def test_leaving_a_stream_early_ends_it_at_the_gateway(
    leave: Callable[[EventStream], Any], sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GatewayClient.connect(options=options) as client:
        async with await client.open_session() as session:
            await _advised(session, "SimProbe_001.TestInt")
            with anyio.fail_after(5):
                await leave(session.stream_events())
                gc.collect()
                await _until(sim, lambda s: s.audit.streams_open == 0)
            assert sim.audit.stream_resets["CANCEL"] == 1
            # One stream per session: the next one starts only because the first is gone.
            with anyio.fail_after(5):
                async with session.stream_events():
                    await _until(sim, lambda s: s.audit.streams_opened == 2)


async def test_a_stream_that_was_never_used_sends_nothing(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GatewayClient.connect(options=options) as client:
        session = await client.open_session()
        stream = session.stream_events()
        await stream.aclose()
        del stream
        client.stream_events_raw(StreamEventsRequest(session_id=session.session_id))
        await session.close()
    assert sim.audit.calls["StreamEvents"] == 0


async def test_a_stream_resumes_after_the_last_sequence_seen(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GatewayClient.connect(options=options) as client:
        async with await client.open_session() as session:
            await _advised(session, "SimProbe_001.TestInt")
            sequences: list[int] = []
            values: list[Any] = []
            with anyio.fail_after(5):
                for number in (1, 2, 3):
                    await anyio.to_thread.run_sync(sim.set_value, "SimProbe_001.TestInt", number)
                    after = sequences[-1] if sequences else 0
                    async with session.stream_events(after) as events:
                        async for event in events:
                            assert isinstance(event, DataChange)
                            sequences.append(event.worker_sequence)
                            values.append(event.value)
                            if values[-1] == number:
                                break
                    await _until(sim, lambda s: s.audit.streams_open == 0)
            assert sequences == list(range(1, len(sequences) + 1))
            assert values[-3:] == [1, 2, 3]


async def test_two_sessions_of_one_client_stream_side_by_side(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GatewayClient.connect(options=options) as client:
        values: dict[str, Any] = {}

        async def follow(tag: str) -> None:
            async with await client.open_session() as session:
                await _advised(session, tag)
                async for event in session.stream_events():
                    assert isinstance(event, DataChange)
                    values[tag] = event.value
                    return

        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(follow, "SimProbe_001.TestInt")
                tasks.start_soon(follow, "SimProbe_001.TestString")
        assert set(values) == {"SimProbe_001.TestInt", "SimProbe_001.TestString"}
        assert isinstance(values["SimProbe_001.TestString"], str)
    assert sim.audit.connections_opened == 1
