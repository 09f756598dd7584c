"""One fixed script of calls; prints a digest of every byte that came back.

python tests/simulator/equal_runs.py SEED
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from grpclib.client import Channel
from grpclib.const import Cardinality

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from simulator.conftest import User

from mxgateway.codec.grpc import MessageCodec
from mxgateway.generated.galaxy_repository.v1 import (
    BrowseChildrenRequest,
    DeployEvent,
    DiscoverHierarchyRequest,
    WatchDeployEventsRequest,
)
from mxgateway.generated.mxaccess_gateway.v1 import (
    AcknowledgeAlarmRequest,
    AlarmFeedMessage,
    AuthenticateUserCommand,
    MxCommandKind,
    MxEvent,
    MxValue,
    ReadBulkCommand,
    StreamAlarmsRequest,
    StreamEventsRequest,
    SubscribeAlarmsCommand,
)
from mxgateway.simulator import ManualClock, Settings, Simulator

GATEWAY = "/mxaccess_gateway.v1.MxAccessGateway/"
GALAXY = "/galaxy_repository.v1.GalaxyRepository/"


class Recorder(MessageCodec):
    """A codec that keeps every message as it arrived, by its type."""

    def __init__(self) -> None:
        super().__init__()
        self.received: dict[str, list[bytes]] = {}

    def decode(self, data: bytes, message_type: Any) -> Any:
        self.received.setdefault(message_type.__name__, []).append(bytes(data))
        return super().decode(data, message_type)


@asynccontextmanager
async def stream(user: User, path: str, request: Any, kind: type[Any]) -> AsyncIterator[Any]:
    """Open a stream of the user's channel."""
    async with user.channel.request(
        path, Cardinality.UNARY_STREAM, type(request), kind, metadata=user.metadata
    ) as call:
        await call.send_message(request, end=True)
        yield call
        await call.cancel()


async def script(sim: Simulator, clock: ManualClock, user: User, codec: Recorder) -> None:
    """Use everything that moves: tags, writes, alarms, outages, deploys."""

    async def arrived(kind: type[Any], call: Any, count: int) -> None:
        while len(codec.received.get(kind.__name__, ())) < count:
            assert await call.recv_message() is not None

    await user.open()
    async with AsyncExitStack() as stack:
        request = WatchDeployEventsRequest()
        watch = await stack.enter_async_context(
            stream(user, f"{GALAXY}WatchDeployEvents", request, DeployEvent)
        )
        await arrived(DeployEvent, watch, 1)
        feed = await stack.enter_async_context(
            stream(user, f"{GATEWAY}StreamAlarms", StreamAlarmsRequest(), AlarmFeedMessage)
        )
        await arrived(AlarmFeedMessage, feed, 2)
        await user.invoke(MxCommandKind.SUBSCRIBE_ALARMS, SubscribeAlarmsCommand())
        login = AuthenticateUserCommand(user.server, "operator", "operator")
        await user.invoke(MxCommandKind.AUTHENTICATE_USER, login)
        tags = [tag.reference for tag in sim.plant]
        handles = {tag: await user.advised(tag) for tag in [*tags, "Nowhere.At", "Pump_001.Speed"]}
        for turn in range(30):
            clock.advance(1)
            await sim.scan()
            if turn % 10 == 5:
                await user.write(handles["SimProbe_001.TestInt"], MxValue(int32_value=turn))
                await user.write(handles["SimProbe_001.Secured"], MxValue(int32_value=turn))
                await sim.set_value("Pump_002.Fault", value=True)
                alarm = "Galaxy!Intake.Pump_002.Fault"
                await user.stub.acknowledge_alarm(AcknowledgeAlarmRequest("", alarm, "seen", "op"))
                await sim.set_value("Pump_002.Fault", value=False)
        await sim.set_value("Tank_001.Level", 99.0)
        fault = await sim.faults.stop_engine("DemoEngine_001")
        await sim.faults.failover("away")
        await sim.faults.clear(fault)
        await user.invoke(MxCommandKind.READ_BULK, ReadBulkCommand(user.server, tags))
        page = await user.galaxy.discover_hierarchy(DiscoverHierarchyRequest(page_size=7))
        await user.galaxy.discover_hierarchy(
            DiscoverHierarchyRequest(page_size=7, page_token=page.next_page_token)
        )
        await user.galaxy.browse_children(BrowseChildrenRequest(page_size=2))
        await sim.redeploy()
        await arrived(DeployEvent, watch, 2)
        alarms = sim.gateway.alarms
        assert alarms is not None
        session = sim.gateway.sessions[user.session_id]
        await asyncio.sleep(0)
        events = await stack.enter_async_context(
            stream(user, f"{GATEWAY}StreamEvents", StreamEventsRequest(session.id), MxEvent)
        )
        await arrived(MxEvent, events, session.events.sequence)
        # The last thing that is told: everything before it has arrived then.
        await sim.faults.failback()
        await arrived(MxEvent, events, session.events.sequence)
        while b"answers again" not in codec.received["AlarmFeedMessage"][-1]:
            assert await feed.recv_message() is not None


async def main(seed: int) -> dict[str, Any]:
    """Run the script against a new simulator; return count and digest by message type."""
    clock, codec = ManualClock(), Recorder()
    settings = Settings(write_delay=0.7, pending_first=True)
    async with Simulator(interval=None, clock=clock, seed=seed, settings=settings) as sim:
        user = User(sim.port, sim.api_key)
        user.channel.close()
        user.channel = Channel("127.0.0.1", sim.port, codec=codec)
        user.stub = type(user.stub)(user.channel, metadata=user.metadata)
        user.galaxy = type(user.galaxy)(user.channel, metadata=user.metadata)
        try:
            async with asyncio.timeout(60):
                await script(sim, clock, user, codec)
        finally:
            user.channel.close()
            await asyncio.sleep(0)
    return {
        name: [len(messages), hashlib.sha256(b"\0".join(messages)).hexdigest()]
        for name, messages in codec.received.items()
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(int(sys.argv[1]))), sort_keys=True))
