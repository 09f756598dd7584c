"""The library without await: the reference's example, streams, tags, galaxy, and its limits."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import anyio
import pytest

from mxgateway import (
    ClientClosedError,
    ConfigurationError,
    ConnectError,
    DataChange,
    DeployEvent,
    DeployGap,
    MxAccessError,
    SessionLostError,
    TagValue,
    WalkProgress,
    WriteComplete,
)
from mxgateway.simulator import Settings, ThreadedSimulator
from mxgateway.sync import GalaxyRepositoryClient, GatewayClient, Stream

INT = "SimProbe_001.TestInt"


def test_the_example_of_the_reference_runs_without_await(
    sim: ThreadedSimulator, backend: str
) -> None:
    with GatewayClient.connect(
        endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True, backend=backend
    ) as client:
        session = client.open_session(client_session_name="python-client")
        try:
            server_handle = session.register("python-client")
            item_handle = session.add_item(server_handle, INT)
            session.advise(server_handle, item_handle)
        finally:
            session.close()
        assert session.closed
    assert client.closed
    assert sim.audit.commands["ADVISE"] == 1


@pytest.mark.requirement("api.sync")
def test_events_are_a_plain_iterator_that_closes(
    client: GatewayClient, sim: ThreadedSimulator
) -> None:
    with client.open_session() as session:
        server = session.register("tests")
        item = session.add_item(server, INT)
        session.advise(server, item)
        with session.stream_events() as events:
            first = next(events)
            assert isinstance(first, DataChange)
            outcome = session.write_and_wait(server, item, 5)
            assert isinstance(outcome, WriteComplete)
            assert {type(next(events)) for _ in range(2)} == {DataChange, WriteComplete}
        assert session.read_bulk(server, [INT])[0].was_successful
    assert sim.session_count == 0


@pytest.mark.requirement("stream.early-exit")
def test_leaving_a_loop_resets_the_stream(client: GatewayClient, sim: ThreadedSimulator) -> None:
    with client.open_session() as session:
        server = session.register("tests")
        session.subscribe_bulk(server, [INT])

        def first_of(stream: Iterator[object]) -> object:
            for entry in stream:
                return entry
            return None

        assert first_of(session.stream_events()) is not None
        gc.collect()
        sim.wait_until(lambda simulator: simulator.audit.streams_open == 0)


def test_tags_by_name(client: GatewayClient, sim: ThreadedSimulator) -> None:
    assert client.write(INT, 3).ok
    [value] = client.read(INT)
    assert value.value == 3
    assert [result.ok for result in client.write_many({INT: 4, "SimProbe_001.No": 1})] == [
        True,
        False,
    ]
    with client.subscribe([INT]) as subscription:
        update = next(subscription)
        assert isinstance(update, TagValue)
        assert update.value == 4
        subscription.add("SimProbe_001.TestFloat")
        next(subscription)
        sim.set_value(INT, 5)
        update = next(subscription)
        assert isinstance(update, TagValue)
        assert (update.tag, update.value) == (INT, 5)
        assert list(subscription.tags) == [INT, "SimProbe_001.TestFloat"]
        subscription.remove(INT)
        assert set(subscription.values) == {"SimProbe_001.TestFloat"}


def test_the_galaxy_on_its_own_and_on_a_shared_connection(
    client: GatewayClient, sim: ThreadedSimulator, backend: str
) -> None:
    with client.galaxy() as shared:
        assert shared.test_connection()
        [plant] = shared.browse()
        assert not plant.expanded
        plant.expand()
        assert {child.object.tag_name for child in plant.children} >= {"Intake", "Reaction"}
        assert plant.children[0] == plant.children[0]
    assert not client.closed
    with GalaxyRepositoryClient.connect(
        endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True, backend=backend
    ) as galaxy:
        names = [found.tag_name for found in galaxy.iter_hierarchy()]
        assert names == [found.tag_name for found in galaxy.discover_hierarchy()]
        assert galaxy.get_last_deploy_time() is not None
        with galaxy.watch_deploy_events() as events:
            assert isinstance(next(events), DeployEvent)


def test_streams_tell_what_their_async_forms_tell(
    client: GatewayClient, sim: ThreadedSimulator
) -> None:
    client.write("SimProbe_001.TestAlarm", True)
    with client.follow_alarms("Galaxy!Reaction.SimProbe_001") as feed:
        assert [next(feed).kind for _ in range(2)] == ["raised", "complete"]
        assert list(feed.book.alarms) == ["Galaxy!Reaction.SimProbe_001.TestAlarm"]
    with client.stream_alarms() as messages:
        next(messages)
        assert messages.last_size > 0
        assert messages.initial_metadata is not None
    with client.galaxy() as galaxy:
        with galaxy.watch_deploy_events() as watch:
            next(watch)
            assert (watch.last_sequence, watch.missed, watch.restarted) == (1, 0, False)
        with galaxy.iter_hierarchy() as objects:
            next(objects)
            assert objects.restarts == 0
    with client.open_session() as session, session.stream_events() as events:
        server = session.register("tests")
        session.advise(server, session.add_item(server, INT))
        next(events)
        assert (events.queued, events.queued_bytes, events.dropped) == (0, 0, 0)


def test_a_stream_is_left_quietly_when_the_client_is_closed(
    sim: ThreadedSimulator, backend: str
) -> None:
    """What the body raises must not be hidden by an error of leaving."""
    client = GatewayClient.connect(
        endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True, backend=backend
    )
    feed = client.stream_alarms()

    def body() -> None:
        with client.galaxy(), client.open_session(), feed, client.subscribe(INT) as values:
            next(feed)
            next(values)
            client.close()
            raise ZeroDivisionError

    def closed_within_a_session() -> None:
        again = GatewayClient.connect(
            endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True, backend=backend
        )
        with again.open_session():
            again.close()

    with pytest.raises(ZeroDivisionError) as caught:
        body()
    assert caught.value.__context__ is None
    feed.close()
    with pytest.raises(ClientClosedError):
        next(feed)
    with pytest.raises(ClientClosedError):  # the session was not closed, and nobody else says so
        closed_within_a_session()


def test_errors_are_the_library_s_own(client: GatewayClient, backend: str) -> None:
    with client.open_session() as session, pytest.raises(MxAccessError):
        session.advise(1, 99)
    with pytest.raises(ConnectError):
        GatewayClient.connect(endpoint="127.0.0.1:9", plaintext=True, backend=backend)
    with pytest.raises(ConfigurationError, match="endpoint"):
        GatewayClient.connect(plaintext=True)
    with pytest.raises(ConfigurationError, match="backend"):
        GatewayClient.connect(endpoint="127.0.0.1:9", backend="curio")


@pytest.mark.requirement("api.sync")
@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_a_call_inside_an_event_loop_is_refused(
    client: GatewayClient, sim: ThreadedSimulator, loop: str
) -> None:
    async def inside() -> None:
        with pytest.raises(ConfigurationError, match="inside an event loop"):
            client.read(INT)
        with pytest.raises(ConfigurationError, match="inside an event loop"):
            GatewayClient.connect(endpoint=sim.endpoint, plaintext=True)

    anyio.run(inside, backend=loop)


def test_a_call_in_a_callback_of_a_loop_is_refused(client: GatewayClient) -> None:
    """A callback belongs to no task; it would block the loop all the same."""
    loop = asyncio.new_event_loop()
    caught: list[BaseException | None] = []

    def callback() -> None:
        try:
            client.read(INT)
        except ConfigurationError as error:
            caught.append(error)
        finally:
            loop.stop()

    loop.call_soon(callback)
    try:
        loop.run_forever()
    finally:
        loop.close()
    assert [type(error) for error in caught] == [ConfigurationError]
    [value] = client.read(INT)  # without a loop it works
    assert value.ok


def test_a_loop_that_may_be_blocked_can_be_allowed(sim: ThreadedSimulator) -> None:
    async def inside() -> None:
        with GatewayClient.connect(
            endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True, allow_running_loop=True
        ) as client:
            assert client.read(INT)[0].good

    anyio.run(inside)


def test_a_notebook_s_kernel_may_be_blocked(
    sim: ThreadedSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.get_ipython", lambda: None, raising=False)

    async def cell() -> None:
        with GatewayClient.connect(
            endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True
        ) as client:
            assert client.read(INT)[0].good

    anyio.run(cell)


@pytest.mark.requirement("api.sync")
def test_closing_ends_what_other_threads_wait_for(sim: ThreadedSimulator, backend: str) -> None:
    client = GatewayClient.connect(
        endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True, backend=backend
    )
    session = client.open_session()
    events = session.stream_events()
    ended: list[BaseException | None] = []

    def follow() -> None:
        try:
            for _ in events:
                pass
            ended.append(None)
        except Exception as error:  # the test looks at it
            ended.append(error)

    thread = threading.Thread(target=follow)
    thread.start()
    sim.wait_until(lambda simulator: simulator.audit.streams_open == 1)
    client.close()
    thread.join(10)
    assert not thread.is_alive()
    assert len(ended) == 1
    client.close()
    with pytest.raises(ClientClosedError):
        session.register("late")
    with pytest.raises(ClientClosedError):
        client.read(INT)


def test_several_threads_share_a_client(client: GatewayClient) -> None:
    values: list[object] = []

    def read() -> None:
        values.append(client.read(INT)[0].value)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert values == [0] * 8


def test_a_lost_session_is_told(client: GatewayClient, sim: ThreadedSimulator) -> None:
    with client.subscribe(INT) as subscription:
        next(subscription)
        sim.call(lambda simulator: simulator.gateway.open_sessions[0].close("test"))
        with pytest.raises(SessionLostError):
            next(subscription)


def test_keyboard_interrupt_cancels_the_call(backend: str) -> None:
    settings = Settings(first_value_delay=60)
    with (
        ThreadedSimulator(seed=1, interval=None, settings=settings) as sim,
        GatewayClient.connect(
            endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True, backend=backend
        ) as client,
        client.open_session() as session,
    ):
        server = session.register("tests")
        item = session.add_item(server, INT)
        session.advise(server, item)
        stream: Stream[object] = session.stream_events()  # type: ignore[assignment]
        main = threading.get_ident()

        def strike() -> None:
            sim.wait_until(lambda simulator: simulator.audit.streams_open == 1)
            signal.pthread_kill(main, signal.SIGINT)

        thread = threading.Thread(target=strike)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            next(stream)
        thread.join(10)
        assert session.ping("still there") is not None


@pytest.mark.parametrize("ending", [SystemExit(3), KeyboardInterrupt(), ZeroDivisionError()])
def test_what_a_callback_raises_reaches_the_caller_and_ends_nothing_else(
    client: GatewayClient, ending: BaseException
) -> None:
    def progress(_: WalkProgress) -> None:
        raise ending

    def on_gap(_: DeployGap) -> None:
        raise ending

    with client.galaxy() as galaxy:
        with pytest.raises(type(ending)) as caught:
            galaxy.discover_hierarchy(progress=progress)
        assert caught.value is ending
        with galaxy.watch_deploy_events(last_seen_sequence=9, on_gap=on_gap) as watch:
            with pytest.raises(type(ending)):
                next(watch)
            assert next(watch).sequence == 1
    [value] = client.read(INT)
    assert value.ok


@pytest.mark.requirement("api.sync")
@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs POSIX signals")
def test_keyboard_interrupt_ends_connecting_at_once(backend: str) -> None:
    """It used to be noticed only when connecting had ended by itself; here that is never."""
    main = threading.get_ident()
    with socket.create_server(("127.0.0.1", 0)) as mute:

        def strike() -> None:
            with mute.accept()[0] as accepted:  # and says nothing
                signal.pthread_kill(main, signal.SIGINT)
                while accepted.recv(4096):
                    pass

        thread = threading.Thread(target=strike)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            GatewayClient.connect(
                endpoint=f"127.0.0.1:{mute.getsockname()[1]}",
                plaintext=True,
                connect_timeout=None,
                backend=backend,
            )
        thread.join(10)
        assert not thread.is_alive()  # the connection was closed
    assert not [each for each in threading.enumerate() if each.name == "mxgateway.sync"]


def test_a_client_that_is_dropped_warns_and_is_closed(sim: ThreadedSimulator, backend: str) -> None:
    client = GatewayClient.connect(
        endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True, backend=backend
    )
    holder = [client]
    del client
    with pytest.warns(ResourceWarning, match="dropped without close"):
        holder.clear()
    sim.wait_until(lambda s: s.audit.connections_opened == s.audit.connections_closed)


SCRIPT = """
import sys
from mxgateway.sync import GatewayClient
client = GatewayClient.connect(endpoint=sys.argv[1], api_key=sys.argv[2], plaintext=True)
session = client.open_session()
print(client.read("SimProbe_001.TestInt")[0].value)
"""


@pytest.mark.requirement("api.sync")
def test_a_script_that_closes_nothing_still_ends(sim: ThreadedSimulator) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, sim.endpoint, sim.api_key],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout.strip()) == (0, "0"), ended.stderr
    assert "Traceback" not in ended.stderr


FORKING = """
import os, sys
from mxgateway import ClientClosedError
from mxgateway.sync import GatewayClient

def connect():
    return GatewayClient.connect(
        endpoint=sys.argv[1], api_key=sys.argv[2], plaintext=True, backend=sys.argv[3]
    )

client = connect()
feed = client.stream_alarms()
next(feed)
child = os.fork()
if child == 0:
    for call in (lambda: client.read("SimProbe_001.TestInt"), lambda: next(feed)):
        try:
            call()
        except ClientClosedError as error:
            print(f"process {os.getppid()}, from which" in str(error) or str(error))
    feed.close()
    client.close()
    with connect() as own:
        print(own.read("SimProbe_001.TestInt")[0].value)
    sys.stdout.flush()
    sys.exit(0)  # the interpreter ends as ever, with all that it runs at exit
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(client.read("SimProbe_001.TestInt")[0].value)
"""


@pytest.mark.requirement("api.sync", "life.fork")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_is_refused_and_ends(sim: ThreadedSimulator, backend: str) -> None:
    """The thread behind is not there in the child: a call would wait for it for ever."""
    ended = subprocess.run(
        [sys.executable, "-c", FORKING, sim.endpoint, sim.api_key, backend],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.stdout.split("\n") == ["True", "True", "0", "0", "0", ""], ended.stderr
    assert "Traceback" not in ended.stderr


WITHOUT_TRIO = """
import sys
sys.modules["trio"] = None
from mxgateway import ConfigurationError
from mxgateway.sync import GatewayClient
try:
    GatewayClient.connect(endpoint="localhost:1", plaintext=True, backend="trio")
except ConfigurationError as error:
    print(error)
"""


def test_a_backend_that_is_not_installed_is_told() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_TRIO],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "'trio' is not installed" in ended.stdout, ended.stderr
    assert ended.stderr == ""
