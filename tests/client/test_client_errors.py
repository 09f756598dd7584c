"""Each class of error as a caller meets it, and the key in none of them."""

from __future__ import annotations

import logging
import socket
import threading
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.to_thread
import pytest
from tls_files import TlsFiles

from mxgateway import (
    AlreadyExistsError,
    AuthenticationError,
    ClientClosedError,
    ClientOptions,
    ConfigurationError,
    ConnectError,
    ConnectionLost,
    ConnectTimeout,
    DeadlineExceededError,
    EncodeError,
    GatewayClient,
    InvalidArgumentError,
    MxAccessError,
    MxGatewayError,
    NotFoundError,
    PermissionDeniedError,
    Session,
    StatusCode,
    TlsError,
    UnimplementedError,
)
from mxgateway.commands import command
from mxgateway.generated.mxaccess_gateway.v1 import (
    MxCommand,
    MxCommandKind,
    MxCommandRequest,
    RegisterCommand,
    StreamEventsRequest,
    SubscribeAlarmsCommand,
)
from mxgateway.simulator import Settings, Simulator, ThreadedSimulator
from mxgateway.simulator import TlsFiles as SimulatorTls

WRONG_KEY = "mxgw_demo_wr0ng_s3cret-value"


async def _caught(error: type[MxGatewayError], call: Callable[[], Awaitable[Any]]) -> Any:
    with anyio.fail_after(5):
        with pytest.raises(error) as caught:
            await call()
    return caught.value


async def _item(session: Session, tag: str = "SimProbe_001.TestInt") -> tuple[int, int]:
    server = await session.register("tests")
    return server, await session.add_item(server, tag)


# From the gateway --------------------------------------------------------------------


@pytest.mark.parametrize("key", [None, "not-a-gateway-key", WRONG_KEY])
async def test_a_missing_or_wrong_key_is_an_authentication_error(
    key: str | None, options: ClientOptions
) -> None:
    async with GatewayClient.connect(options=options.replace(api_key=key)) as client:
        error = await _caught(AuthenticationError, client.open_session)
    assert error.status is StatusCode.UNAUTHENTICATED
    assert "API key" in error.diagnostics()


async def test_a_key_without_the_scope_is_a_permission_error_that_names_it(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GatewayClient.connect(options=options.replace(api_key=sim.read_only_key)) as client:
        async with await client.open_session() as session:
            server, item = await _item(session)
            await session.advise(server, item)
            error = await _caught(PermissionDeniedError, lambda: session.write(server, item, 1))
    assert "invoke:write" in error.message
    assert not isinstance(error, AuthenticationError)
    assert sim.audit.write_count.total() == 0


async def test_an_unknown_session_is_not_found(options: ClientOptions) -> None:
    async with GatewayClient.connect(options=options) as client:
        session = client.session("session-" + "0" * 32)
        error = await _caught(NotFoundError, lambda: session.register("tests"))
        await _caught(NotFoundError, session.close)
    assert "open a new one" in error.diagnostics()


async def test_a_command_whose_kind_contradicts_its_payload_is_an_invalid_argument(
    options: ClientOptions,
) -> None:
    wrong = MxCommand(kind=MxCommandKind.ADVISE, register=RegisterCommand(client_name="x"))
    async with GatewayClient.connect(options=options) as client:
        async with await client.open_session() as session:
            await _caught(InvalidArgumentError, lambda: session.invoke(wrong))
            bare = MxCommandRequest(session_id=session.session_id)
            await _caught(InvalidArgumentError, lambda: client.invoke(bare))


async def test_a_second_stream_of_a_session_already_exists(options: ClientOptions) -> None:
    async with GatewayClient.connect(options=options) as client:
        async with await client.open_session() as session:
            server, item = await _item(session)
            await session.advise(server, item)
            async with session.stream_events() as events:
                with anyio.fail_after(5):
                    await anext(events)
                request = StreamEventsRequest(session_id=session.session_id)
                await _caught(AlreadyExistsError, lambda: anext(client.stream_events_raw(request)))
                other = client.session(session.session_id)
                error = await _caught(AlreadyExistsError, lambda: anext(other.stream_events()))
    assert "a session of your own" in error.diagnostics()


async def test_a_refused_write_is_an_mxaccess_error_with_the_raw_reply(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    async with GatewayClient.connect(options=options) as client:
        async with await client.open_session() as session:
            server, item = await _item(session)
            error = await _caught(MxAccessError, lambda: session.write(server, item, 1))
            assert error.hresult == -2147024809
            assert "0x80070057 E_INVALIDARG" in error.message
            assert error.reply.session_id == session.session_id
            assert error.statuses == tuple(error.reply.statuses)
            assert error.processed == "yes"
            # The same refusal, raw: it comes back like any other reply.
            raw = await client.invoke_raw(
                MxCommandRequest(
                    session_id=session.session_id,
                    command=command(RegisterCommand(client_name="raw")),
                )
            )
            assert raw.register is not None
            bad = await _caught(MxAccessError, lambda: session.advise(server, item + 99))
            assert bad.hresult == -2147024809
    assert sim.audit.write_count.total() == 0


async def test_a_command_that_the_gateway_lacks_is_unimplemented(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    lacking = command(SubscribeAlarmsCommand())
    async with GatewayClient.connect(options=options) as client:
        async with await client.open_session() as session:
            # The simulator knows them all; an older gateway does not.
            sim.faults.fail("UNIMPLEMENTED", "unknown command", method="Invoke")
            error = await _caught(UnimplementedError, lambda: session.invoke(lacking))
    assert "unknown command" in error.message


# From the connection -------------------------------------------------------------------


async def test_a_port_that_nobody_listens_on_is_a_connect_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        endpoint = f"127.0.0.1:{taken.getsockname()[1]}"

        async def connect() -> None:
            await GatewayClient.connect(endpoint=endpoint, plaintext=True, api_key=WRONG_KEY)

        error = await _caught(ConnectError, connect)
    assert issubclass(ConnectError, ConnectionError)
    assert error.processed == "no"
    assert endpoint in error.message


async def test_an_authority_that_nobody_trusts_is_a_tls_error(
    tls_files: TlsFiles, stranger_tls_files: TlsFiles
) -> None:
    tls = SimulatorTls(tls_files.cert_file, tls_files.key_file)
    with ThreadedSimulator(tls=tls, interval=None) as sim:

        async def connect() -> None:
            await GatewayClient.connect(
                endpoint=sim.endpoint, api_key=sim.api_key, ca_file=stranger_tls_files.ca_file
            )

        error = await _caught(TlsError, connect)
    assert isinstance(error, ConnectError)
    assert error.processed == "no"


async def test_a_peer_that_accepts_and_says_nothing_is_a_connect_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as hung:

        async def connect() -> None:
            await GatewayClient.connect(
                endpoint=f"127.0.0.1:{hung.getsockname()[1]}", plaintext=True, connect_timeout=0.05
            )

        error = await _caught(ConnectTimeout, connect)
    assert issubclass(ConnectTimeout, TimeoutError)
    assert error.processed == "no"


@pytest.mark.requirement("write.no-replay")
async def test_a_write_that_runs_out_of_time_may_have_been_executed_but_never_twice(
    sim: ThreadedSimulator, options: ClientOptions
) -> None:
    held, release = threading.Event(), threading.Event()

    def hold(simulator: Simulator) -> None:
        held.set()
        release.wait(5)

    async with GatewayClient.connect(options=options) as client:
        async with await client.open_session() as session:
            server, item = await _item(session)
            await session.advise(server, item)
            async with session.stream_events() as events:
                with anyio.fail_after(5):
                    await anext(events)
            async with anyio.create_task_group() as tasks:
                # The gateway takes the bytes and does not get to answer.
                tasks.start_soon(anyio.to_thread.run_sync, sim.call, hold)
                await anyio.to_thread.run_sync(held.wait, 5)
                try:
                    error = await _caught(
                        DeadlineExceededError, lambda: session.write(server, item, 1, timeout=0.05)
                    )
                finally:
                    release.set()
            assert issubclass(DeadlineExceededError, TimeoutError)
            assert error.status is StatusCode.DEADLINE_EXCEEDED
            assert error.processed == "maybe"
            assert error.to_dict()["processed"] == "maybe"
            assert "look before you send it again" in error.diagnostics()
    assert sim.audit.write_count.total() <= 1


async def test_a_stream_that_runs_out_of_time_is_a_deadline_error(
    options: ClientOptions,
) -> None:
    async with GatewayClient.connect(options=options.replace(stream_timeout=0.05)) as client:
        async with await client.open_session() as session:
            await _caught(DeadlineExceededError, lambda: anext(session.stream_events()))
            await _caught(DeadlineExceededError, lambda: anext(session.stream_events(timeout=0.05)))


async def test_a_gateway_that_goes_ends_streams_at_once_and_a_new_one_is_reached_again() -> None:
    sim = ThreadedSimulator(interval=None).start()
    try:
        async with GatewayClient.connect(
            endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True
        ) as client:
            session = await client.open_session()
            stream = session.stream_events()
            with anyio.fail_after(10):
                async with stream:
                    await anyio.to_thread.run_sync(sim.wait_until, _one_stream)
                    await anyio.to_thread.run_sync(sim.stop)
                    # A shutting-down gateway may still answer with a status.
                    with pytest.raises(MxGatewayError) as ended:
                        await anext(stream)
            assert isinstance(ended.value, ConnectionLost) or ended.value.status in (
                StatusCode.UNAVAILABLE,
                StatusCode.CANCELLED,
            )
            await _caught(ConnectError, client.open_session)
            sim.start()
            again = await client.open_session()
            await _caught(NotFoundError, session.close)
            await again.close()
    finally:
        sim.stop()


def _one_stream(simulator: Simulator) -> bool:
    return simulator.audit.streams_opened == 1


async def test_calls_in_flight_end_with_an_error_of_the_tree_when_the_client_closes() -> None:
    with ThreadedSimulator(interval=None, settings=Settings(first_value_delay=60)) as sim:
        errors: list[MxGatewayError] = []

        async def follow(session: Session) -> None:
            try:
                async for _ in session.stream_events():
                    pass
            except MxGatewayError as error:
                errors.append(error)

        with anyio.fail_after(5):
            async with GatewayClient.connect(
                endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True
            ) as client:
                session = await client.open_session()
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(follow, session)
                    await anyio.to_thread.run_sync(sim.wait_until, _one_stream)
                    await client.close()
        (error,) = errors
        assert isinstance(error, ConnectionLost | ClientClosedError)


# The key -------------------------------------------------------------------------------


@pytest.mark.requirement("log.redact")
async def test_the_key_is_in_no_repr_error_diagnosis_json_traceback_or_log(
    sim: ThreadedSimulator,
    options: ClientOptions,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []
    keys = [options.api_key, sim.read_only_key, WRONG_KEY]

    async def note(error: type[MxGatewayError], call: Callable[[], Awaitable[Any]]) -> None:
        caught = await _caught(error, call)
        shown.extend((str(caught), repr(caught), caught.diagnostics(), repr(caught.to_dict())))
        shown.append("".join(traceback.format_exception(caught)))
        shown.append(repr(vars(caught)))

    for key in keys:
        async with GatewayClient.connect(options=options.replace(api_key=key)) as client:
            shown.extend((repr(client), repr(client.options), str(client.options)))
            shown.append(repr(GatewayClient.connect(options=client.options)))
            if key == WRONG_KEY:
                await note(AuthenticationError, client.open_session)
                continue
            session = await client.open_session(client_session_name="tests")
            shown.append(repr(session))
            server, item = await _item(session)
            await session.advise(server, item)
            refusal = MxAccessError if key == options.api_key else PermissionDeniedError
            await note(refusal, lambda s=session, h=server: s.write(h, 99, 1))  # type: ignore[misc]
            await note(EncodeError, lambda s=session: s.write(1, 1, 2**80))  # type: ignore[misc]
            await note(NotFoundError, client.session(f"session with {key}").close)
            async with session.stream_events() as events:
                shown.append(repr(events))
                await anext(events)
            await session.close()
        await note(ClientClosedError, client.open_session)
    with pytest.raises(ConfigurationError) as bad:
        ClientOptions(endpoint="plant:5000", plaintext=True, api_key=f"{WRONG_KEY}\n")
    shown.append(bad.value.diagnostics())
    output = capfd.readouterr()
    everything = "\n".join([*shown, caplog.text, output.out, output.err])
    assert "connected to" in caplog.text  # the log was on, at its most talkative
    for key in keys:
        assert key is not None
        secret = key.split("_", 2)[2]
        assert key not in everything
        assert secret not in everything
    assert "***" in everything
