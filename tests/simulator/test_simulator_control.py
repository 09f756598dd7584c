"""The control channel: faults of a running simulator from another process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import pytest

from mxgateway.errors import ConfigurationError, ConnectError, ConnectionLost
from mxgateway.simulator import ControlClient, Faults, ManualClock, Simulator, ThreadedSimulator
from mxgateway.simulator.control import CALLS, ControlServer

TAG = "SimProbe_001.TestBool"


@pytest.fixture
def sim() -> Iterator[ThreadedSimulator]:
    """A simulator with a control channel."""
    with ThreadedSimulator(
        interval=None, seed=1, clock=ManualClock(), control="127.0.0.1:0"
    ) as simulator:
        yield simulator


@pytest.fixture
def control(sim: ThreadedSimulator) -> Iterator[ControlClient]:
    """A client of its channel."""
    assert sim.control is not None
    with ControlClient(sim.control.endpoint, sim.control.token) as client:
        yield client


def raw(sim: ThreadedSimulator, *lines: bytes) -> list[dict[str, Any]]:
    """Send lines as they are; return what is answered until the simulator closes."""
    assert sim.control is not None
    host, _, port = sim.control.endpoint.rpartition(":")
    with socket.create_connection((host, int(port)), 5) as connection:
        connection.sendall(b"".join(lines))
        with contextlib.suppress(OSError):  # the simulator may have closed already
            connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answers:
            return [json.loads(line) for line in answers]


def test_it_is_off_unless_asked_for() -> None:
    assert Simulator().control is None


def test_a_call_strikes_and_answers_with_its_result(
    sim: ThreadedSimulator, control: ControlClient
) -> None:
    session = sim.call(lambda s: s.gateway.open_session("one", None))
    status = control.call("status")
    assert status["endpoint"] == sim.endpoint
    assert status["sessions"] == [
        {
            "id": session.id,
            "name": "one",
            "state": "READY",
            "reason": "",
            "streams": 0,
            "lastSequence": 0,
        }
    ]
    assert control.call("kill_worker", session=session.id) == 1
    assert control.call("status")["sessions"][0]["state"] == "FAULTED"
    assert control.call("audit")["faults"] == {"kill_worker": 1}


def test_faults_that_last_are_set_listed_and_cleared(control: ControlClient) -> None:
    number = control.call("delay", seconds=2.5, method="Invoke")
    assert control.call("status")["faults"] == [
        {
            "id": number,
            "kind": "delay",
            "arguments": {"at": "reply", "method": "Invoke", "seconds": 2.5},
        }
    ]
    assert control.call("clear", fault=number) is None
    assert control.call("status")["faults"] == []


def test_the_plant_moves_and_values_and_times_travel_as_json(
    sim: ThreadedSimulator, control: ControlClient
) -> None:
    control.call("set_value", tag=TAG, value=True, quality=64, timestamp="2026-03-01T12:00:00Z")
    tag = sim.plant[TAG]
    assert (tag.value, tag.quality) == (True, 64)
    assert tag.timestamp.isoformat() == "2026-03-01T12:00:00+00:00"
    assert control.call("scan") >= 0
    assert control.call("advance", seconds=60) is None
    assert control.call("redeploy") == sim.galaxy.sequence
    assert control.call("send_garbage", data="00ff") == 0


def test_help_lists_every_fault_with_its_parameters(control: ControlClient) -> None:
    calls = control.call("help")
    assert calls.keys() == CALLS.keys()
    faults = {name for name in dir(Faults) if not name.startswith("_")} - {"active", "shut_down"}
    assert faults <= calls.keys()
    assert calls["delay"]["parameters"]["seconds"] == "float"
    assert calls["goaway"]["parameters"]["polite"] == "bool = True"
    assert all(call["summary"] for call in calls.values())


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("explode", {}, "no call 'explode'.*kill_worker"),
        ("delay", {}, "seconds"),
        ("delay", {"seconds": 1, "colour": "red"}, "colour"),
        ("delay", {"seconds": "long"}, "delay: seconds: give float, not 'long'"),
        ("delay", {"seconds": True}, "seconds: give float, not True"),
        ("delay", {"seconds": 1, "method": "Invok"}, "there is no 'Invok'; .*Invoke"),
        ("delay", {"seconds": 1, "at": "noon"}, "give .*request.*not 'noon'"),
        ("reset_streams", {"method": "Streams"}, "there is no 'Streams'"),
        ("goaway", {"polite": "yes"}, "polite: give bool"),
        ("clear", {"fault": 1.5}, "fault: give int"),
        ("set_value", {"tag": TAG, "value": "abc"}, f"{TAG}: the text cannot be read as"),
        ("set_value", {"tag": TAG, "value": 10**400}, f"{TAG}: out of the range"),
        ("set_value", {"tag": "No.Such", "value": 1}, "No.Such"),
        ("set_value", {"tag": TAG, "value": True, "timestamp": "noon"}, "RFC 3339"),
        ("set_value", {"tag": TAG, "value": True, "timestamp": "2026-01-01T00:00:00"}, "zone"),
        ("corrupt_events", {"data": "xyz"}, "hex"),
        ("clear", {"fault": 99}, "99"),
    ],
)
def test_a_refused_call_says_why_and_the_connection_goes_on(
    control: ControlClient, name: str, arguments: dict[str, Any], text: str
) -> None:
    with pytest.raises(ConfigurationError, match=text):
        control.call(name, **arguments)
    assert control.call("status")["faults"] == []


@pytest.mark.requirement("log.redact")
def test_without_the_token_nothing_is_done_and_nothing_told(sim: ThreadedSimulator) -> None:
    assert sim.control is not None
    for token in ("wrong", "", None, 7, "é"):
        line = json.dumps({"id": 1, "token": token, "call": "redeploy"}).encode() + b"\n"
        (answer,) = raw(sim, line, line)  # the second line is not looked at
        assert answer == {"id": 1, "ok": False, "error": "the token is missing or wrong"}
    assert sim.audit.faults == {}
    with ControlClient(sim.control.endpoint, "wrong") as client:
        with pytest.raises(ConfigurationError, match="token"):
            client.call("status")
        with pytest.raises(ConnectionLost):
            client.call("status")


def test_lines_that_are_no_request_are_answered_and_end_the_connection(
    sim: ThreadedSimulator,
) -> None:
    for line, text in ((b"hello\n", "no JSON"), (b"[1]\n", "no JSON object")):
        assert text in raw(sim, line)[0]["error"]
    with contextlib.suppress(ConnectionError):  # closed before all of it was read
        (answer,) = raw(sim, b"x" * (2 << 20))
        assert "more than 4,096 bytes" in answer["error"]
    assert sim.control is not None
    request = {"token": sim.control.token, "call": "status", "arguments": [1]}
    (answer,) = raw(sim, json.dumps(request).encode() + b"\n")
    assert answer == {"id": None, "ok": False, "error": "arguments: give a JSON object"}


# -- bounds ----------------------------------------------------------------------------


@pytest.mark.parametrize("levels", [101, 1_000, 200_000])
@pytest.mark.parametrize("known", [False, True])
def test_deep_json_is_refused_as_any_other_bad_line(
    sim: ThreadedSimulator, levels: int, known: bool
) -> None:
    assert sim.control is not None
    token = sim.control.token
    first = json.dumps({"token": token}).encode() + b"\n" if known else b""
    shown = f'"token": "{token}", ' if known else ""
    line = f'{{{shown}"id": {"[" * levels}{"]" * levels}}}\n'.encode()
    with contextlib.suppress(ConnectionError):  # closed before all of it was read
        *_, answer = raw(sim, first, line)
        assert answer["ok"] is False
        assert any(part in answer["error"] for part in ("nested too deeply", "more than 4,096"))
    with ControlClient(sim.control.endpoint, token) as client:
        assert client.call("status")["faults"] == []


def test_a_long_first_line_is_refused_unless_the_token_came_before(
    sim: ThreadedSimulator, control: ControlClient
) -> None:
    assert sim.control is not None
    request = {"id": 1, "token": sim.control.token, "call": "set_value"}
    request |= {"arguments": {"tag": "Tank_001.Product", "value": "x" * 5_000}}
    (answer,) = raw(sim, json.dumps(request).encode() + b"\n")
    assert "the token is not known yet; send a line with it alone first" in answer["error"]
    control.call("set_value", tag="Tank_001.Product", value="y" * 900_000)
    assert sim.plant["Tank_001.Product"].value == "y" * 900_000
    with pytest.raises(ConfigurationError, match="a line of the control channel has at most"):
        control.call("set_value", tag="Tank_001.Product", value="z" * 1_100_000)
    assert control.call("status")["faults"] == []


def test_a_token_alone_does_nothing_and_a_wrong_one_of_any_kind_is_refused(
    sim: ThreadedSimulator,
) -> None:
    assert sim.control is not None
    line = json.dumps({"id": 5, "token": sim.control.token}).encode() + b"\n"
    assert raw(sim, line, line) == [{"id": 5, "ok": True, "result": None}] * 2
    (answer,) = raw(sim, b'{"token": "\\ud800", "call": "status"}\n')
    assert answer["error"] == "the token is missing or wrong"


def test_numbers_beyond_reason_are_refused_in_words(control: ControlClient) -> None:
    with pytest.raises(ConfigurationError, match="control: "):
        control.call("advance", seconds=1e300)
    assert control.call("status")["faults"] == []


@contextlib.asynccontextmanager
async def channel(simulator: Simulator, **bounds: Any) -> AsyncIterator[ControlServer]:
    """A control channel with bounds of its own."""
    server = ControlServer(simulator, "127.0.0.1:0", "mine", **bounds)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


class Peer:
    """A connection that says what it is told to."""

    def __init__(self, server: ControlServer) -> None:
        self._address = server.endpoint.rpartition(":")

    async def __aenter__(self) -> Peer:
        host, _, port = self._address
        self.reader, self.writer = await asyncio.open_connection(host, int(port))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    async def say(self, line: str) -> dict[str, Any]:
        """Send a line and return the answer."""
        self.writer.write(line.encode() + b"\n")
        return await self.hear()

    async def hear(self) -> dict[str, Any]:
        """Return the next answer, {} where the connection has ended."""
        with anyio.fail_after(10):
            return json.loads(await self.reader.readline() or "{}")  # type: ignore[no-any-return]


async def test_a_connection_that_shows_no_token_is_ended() -> None:
    async with Simulator(interval=None) as sim, channel(sim, first_line_seconds=0.5) as server:
        async with Peer(server) as silent, Peer(server) as slow, Peer(server) as known:
            assert (await known.say('{"token": "mine"}'))["ok"] is True
            slow.writer.write(b'{"token": ')
            for peer in (silent, slow):
                assert (await peer.hear())["error"] == "no line came within 0.5 s"
                assert await peer.hear() == {}
            # Who has shown it may be silent for as long as they like.
            assert (await known.say('{"token": "mine"}'))["ok"] is True


async def test_connections_without_a_token_give_way_and_those_with_one_are_bounded() -> None:
    async with Simulator(interval=None) as sim, channel(sim, connections=2) as server:
        async with Peer(server) as first, Peer(server) as second:
            assert (await second.say('{"token": "mine"}'))["ok"] is True
            async with Peer(server) as third:
                assert (await third.say('{"token": "mine"}'))["ok"] is True
                assert await first.hear() == {}
                async with Peer(server) as fourth:
                    refused = await fourth.hear()
                    assert refused["error"] == "2 connections are open already; close one of them"
                    assert await fourth.hear() == {}
                assert (await second.say('{"token": "mine"}'))["ok"] is True
            with anyio.fail_after(10):
                while True:
                    async with Peer(server) as fifth:
                        if (await fifth.say('{"token": "mine"}')).get("ok"):
                            break


async def test_a_crowd_that_says_nothing_keeps_nobody_out() -> None:
    async with Simulator(interval=None) as sim, channel(sim) as server:
        async with contextlib.AsyncExitStack() as crowd:
            silent = [await crowd.enter_async_context(Peer(server)) for _ in range(300)]
            async with Peer(server) as known:
                assert (await known.say('{"token": "mine"}'))["ok"] is True
                assert await silent[0].hear() == {}


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n", b"[1]\n", b'{"ok": 1}\n',
                                    b"7\n", b"[" * 5_000 + b"\n"])  # fmt: skip
def test_a_client_at_the_wrong_port_says_so(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        with ControlClient(f"{host}:{port}", "mine") as client:
            connection, _ = server.accept()
            with connection:
                connection.sendall(answer)
                with pytest.raises(ConfigurationError, match=f"on {host}:{port} is no control"):
                    client.call("status")


def test_an_answer_that_never_ends_is_waited_for_no_longer_than_the_timeout() -> None:
    """Each piece of it comes in time."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        with ControlClient(f"{host}:{port}", "mine", timeout=0.3) as client:
            connection, _ = server.accept()

            def drip() -> None:
                with contextlib.suppress(OSError):
                    while True:
                        connection.sendall(b" ")

            dripping = threading.Thread(target=drip)
            with connection:
                dripping.start()
                with pytest.raises((ConnectionLost, ConfigurationError)) as caught:
                    client.call("status")
                client.close()
                dripping.join(10)
    assert not dripping.is_alive()
    assert "timed out" in str(caught.value) or "is longer than" in str(caught.value)


def test_an_answer_with_what_is_no_json_is_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        with ControlClient(f"{host}:{port}", "mine") as client:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b'{"ok": true, "result": NaN}\n')
                with pytest.raises(ConfigurationError, match="no control channel"):
                    client.call("status")


@pytest.mark.parametrize("address", ["0.0.0.0:0", "192.0.2.1:5001", "gateway.example:1", "nowhere"])
def test_only_loopback_addresses_are_listened_on(address: str) -> None:
    with pytest.raises(ConfigurationError):
        Simulator(control=address)
    with pytest.raises(ConfigurationError, match="token"):
        Simulator(control="localhost:0", control_token="")


def test_a_token_of_ones_own_and_a_simulator_that_goes_away() -> None:
    with ThreadedSimulator(interval=None, control="127.0.0.1:0", control_token="mine") as sim:
        assert sim.control is not None
        endpoint = sim.control.endpoint
        control = ControlClient(endpoint, "mine")
        control.call("status")
    with pytest.raises(ConnectionLost):
        control.call("status")
    control.close()
    with pytest.raises(ConnectError, match="no simulator answers"):
        ControlClient(endpoint, "mine")


def test_a_port_in_use_leaves_no_simulator_behind(sim: ThreadedSimulator) -> None:
    assert sim.control is not None
    other = ThreadedSimulator(interval=None, control=sim.control.endpoint)
    with pytest.raises(OSError, match="in use"):
        other.start()
    with pytest.raises(RuntimeError):
        _ = other.port
