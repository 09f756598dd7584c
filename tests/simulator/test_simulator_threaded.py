"""ThreadedSimulator: for synchronous callers and for trio."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import anyio
import anyio.to_thread
import pytest
from grpclib.client import Channel

from mxgateway.codec.grpc import MessageCodec
from mxgateway.errors import ConfigurationError
from mxgateway.generated.mxaccess_gateway.v1 import MxAccessGatewayStub, OpenSessionRequest
from mxgateway.simulator import ManualClock, ThreadedSimulator, TlsFiles


def simulator_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("mxgateway-simulator")]


async def open_session(sim: ThreadedSimulator) -> str:
    """One call over grpclib, from a loop of the caller's own."""
    channel = Channel("127.0.0.1", sim.port, codec=MessageCodec())
    try:
        stub = MxAccessGatewayStub(channel, metadata={"authorization": f"Bearer {sim.api_key}"})
        return (await stub.open_session(OpenSessionRequest())).session_id
    finally:
        channel.close()
        await asyncio.sleep(0)


def test_a_synchronous_caller_gets_a_running_simulator() -> None:
    with ThreadedSimulator(interval=None, seed=1) as sim:
        assert asyncio.run(open_session(sim)).startswith("session-")
        assert sim.session_count == 1
        sim.wait_until(lambda s: s.audit.connections_closed == 1)
        assert sim.endpoint == f"127.0.0.1:{sim.port}"
        assert sim.plaintext
        assert sim.ca_file is None
        assert sim.read_only_key
    assert simulator_threads() == []


def test_the_plant_is_moved_and_read_from_outside() -> None:
    clock = ManualClock()
    with ThreadedSimulator(interval=None, seed=1, clock=clock) as sim:
        sim.set_value("Tank_001.Level", 66.0, quality=64)
        assert sim.plant["Tank_001.Level"].value == 66.0
        assert sim.plant["Tank_001.Level"].quality == 64
        assert sim.scan() > 10
        assert sim.call(lambda s: s.plant.scans) == 1
        with pytest.raises(KeyError):
            sim.set_value("No.Such", 1)
        with pytest.raises(TimeoutError):
            sim.wait_until(lambda s: s.session_count == 1, timeout=0.01)


def test_start_and_stop_may_be_called_by_hand_and_stop_repeated() -> None:
    sim = ThreadedSimulator(interval=0.01)
    assert sim.start() is sim
    with pytest.raises(ConfigurationError):
        sim.start()
    sim.wait_until(lambda s: s.plant.scans >= 3)
    port = sim.port
    sim.stop()
    sim.stop()
    assert simulator_threads() == []
    with pytest.raises(RuntimeError, match="does not run"):
        sim.scan()
    with sim:
        assert sim.port == port


def test_a_port_in_use_is_raised_to_the_caller() -> None:
    with ThreadedSimulator(interval=None) as sim:
        other = ThreadedSimulator(port=sim.port)
        with pytest.raises(OSError, match=f"{sim.port}"):
            other.start()
        assert len(simulator_threads()) == 1
        other.stop()


def test_wrong_arguments_are_raised_at_once(tls_files: Any) -> None:
    with pytest.raises(ConfigurationError):
        ThreadedSimulator(interval=0)
    with pytest.raises(TypeError):
        ThreadedSimulator(intervall=1)
    with ThreadedSimulator(tls=TlsFiles(tls_files.cert_file, tls_files.key_file)) as sim:
        assert not sim.plaintext


def test_an_exception_of_the_body_leaves_and_the_thread_ends() -> None:
    with pytest.raises(ZeroDivisionError), ThreadedSimulator(interval=None):
        _ = 1 / 0
    assert simulator_threads() == []


def test_the_audit_can_be_read_while_the_simulator_is_busy() -> None:
    with ThreadedSimulator(interval=0.001) as sim:
        for _ in range(3):
            asyncio.run(open_session(sim))
        assert sim.audit.sessions_opened == 3
        assert sim.audit.calls["OpenSession"] == 3


@pytest.fixture(scope="module", params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    """Whichever loop the caller runs, the simulator has its own."""
    return request.param


async def test_a_caller_on_either_loop_waits_in_a_worker_thread() -> None:
    with ThreadedSimulator(interval=0.01) as sim, anyio.fail_after(5):
        async with await anyio.connect_tcp("127.0.0.1", sim.port):
            await anyio.to_thread.run_sync(
                sim.wait_until, lambda s: s.audit.connections_opened == 1
            )
        await anyio.to_thread.run_sync(sim.wait_until, lambda s: s.audit.connections_closed == 1)
