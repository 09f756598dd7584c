"""The control channel: faults of a running simulator from another process."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from mxgateway.errors import ConfigurationError, ConnectError, ConnectionLost
from mxgateway.simulator import ControlClient, Faults, ManualClock, Simulator, ThreadedSimulator
from mxgateway.simulator.control import CALLS

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
        assert raw(sim, b"x" * (2 << 20)) == []
    assert sim.control is not None
    request = {"token": sim.control.token, "call": "status", "arguments": [1]}
    (answer,) = raw(sim, json.dumps(request).encode() + b"\n")
    assert answer == {"id": None, "ok": False, "error": "arguments: give a JSON object"}


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
