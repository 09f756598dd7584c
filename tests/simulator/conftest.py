"""A gateway user for the simulator's tests: grpclib's own channel and the generated stubs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from grpclib.client import Channel, Stream
from grpclib.const import Cardinality

from mxgateway.codec.grpc import MessageCodec
from mxgateway.generated.galaxy_repository.v1 import GalaxyRepositoryStub
from mxgateway.generated.mxaccess_gateway.v1 import (
    AddItemCommand,
    AdviseCommand,
    AdviseSupervisoryCommand,
    MxAccessGatewayStub,
    MxCommand,
    MxCommandKind,
    MxCommandReply,
    MxCommandRequest,
    MxEvent,
    MxValue,
    OpenSessionRequest,
    RegisterCommand,
    StreamEventsRequest,
    WriteCommand,
)
from mxgateway.simulator import ManualClock, Simulator

_FIELDS = {MxCommandKind.ACKNOWLEDGE_ALARM: "acknowledge_alarm_command"}
STREAM_EVENTS = "/mxaccess_gateway.v1.MxAccessGateway/StreamEvents"


@pytest.fixture(scope="module")
def anyio_backend() -> Any:
    """The simulator itself runs on asyncio only."""
    return ("asyncio", {"debug": True})


class EventStream:
    """An open event stream."""

    def __init__(self, stream: Stream[StreamEventsRequest, MxEvent]) -> None:
        self.stream = stream

    async def next(self) -> MxEvent:
        """The next event, at the latest in five seconds."""
        with anyio.fail_after(5):
            event = await self.stream.recv_message()
        assert event is not None, "the stream has ended"
        return event

    async def take(self, count: int) -> list[MxEvent]:
        """The next `count` events."""
        return [await self.next() for _ in range(count)]

    async def end(self) -> None:
        """Wait for the end; a failing status is raised."""
        with anyio.fail_after(5):
            assert await self.stream.recv_message() is None
            await self.stream.recv_trailing_metadata()


class User:
    """One client with one session and one registration."""

    def __init__(self, port: int, key: str | None, ssl: Any = None) -> None:
        self.channel = Channel("127.0.0.1", port, codec=MessageCodec(), ssl=ssl)
        self.metadata = {} if key is None else {"authorization": f"Bearer {key}"}
        self.stub = MxAccessGatewayStub(self.channel, metadata=self.metadata)
        self.galaxy = GalaxyRepositoryStub(self.channel, metadata=self.metadata)
        self.session_id = ""
        self.server = 0

    async def open(self) -> None:
        """Open a session and register."""
        reply = await self.stub.open_session(OpenSessionRequest(client_session_name="tests"))
        self.session_id = reply.session_id
        registered = await self.invoke(MxCommandKind.REGISTER, RegisterCommand(client_name="tests"))
        assert registered.register is not None
        self.server = registered.register.server_handle

    async def invoke(
        self, kind: MxCommandKind, payload: Any = None, *, correlation_id: str = ""
    ) -> MxCommandReply:
        """Send one command; `payload` goes where its kind says."""
        command = MxCommand(kind=kind)
        setattr(command, _FIELDS.get(kind, kind.name.lower()), payload)
        with anyio.fail_after(5):
            return await self.stub.invoke(
                MxCommandRequest(
                    session_id=self.session_id,
                    client_correlation_id=correlation_id,
                    command=command,
                )
            )

    async def add(self, reference: str) -> int:
        """Add an item and return its handle."""
        reply = await self.invoke(
            MxCommandKind.ADD_ITEM,
            AddItemCommand(server_handle=self.server, item_definition=reference),
        )
        assert reply.add_item is not None, reply
        return reply.add_item.item_handle

    async def advise(self, item: int, *, supervisory: bool = False) -> MxCommandReply:
        """Advise an item."""
        if supervisory:
            return await self.invoke(
                MxCommandKind.ADVISE_SUPERVISORY,
                AdviseSupervisoryCommand(server_handle=self.server, item_handle=item),
            )
        return await self.invoke(
            MxCommandKind.ADVISE, AdviseCommand(server_handle=self.server, item_handle=item)
        )

    async def advised(self, reference: str, *, supervisory: bool = False) -> int:
        """Add and advise an item and return its handle."""
        item = await self.add(reference)
        await self.advise(item, supervisory=supervisory)
        return item

    async def write(self, item: int, value: MxValue, user_id: int = 0) -> MxCommandReply:
        """Write to an item."""
        return await self.invoke(
            MxCommandKind.WRITE,
            WriteCommand(server_handle=self.server, item_handle=item, value=value, user_id=user_id),
        )

    @asynccontextmanager
    async def events(
        self, after: int = 0, session_id: str = "", timeout: float | None = None
    ) -> AsyncIterator[EventStream]:
        """Open the event stream; leaving cancels it if it has not ended."""
        async with self.channel.request(
            STREAM_EVENTS,
            Cardinality.UNARY_STREAM,
            StreamEventsRequest,
            MxEvent,
            metadata=self.metadata,
            timeout=timeout,
        ) as stream:
            request = StreamEventsRequest(
                session_id=session_id or self.session_id, after_worker_sequence=after
            )
            await stream.send_message(request, end=True)
            yield EventStream(stream)
            if stream._trailers_only or stream._recv_trailing_metadata_done:
                return
            await stream.cancel()


Connect = Callable[..., Awaitable[User]]


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still at the start of 2026."""
    return ManualClock()


@pytest.fixture
async def sim(anyio_backend: Any, clock: ManualClock) -> AsyncIterator[Simulator]:
    """A simulator that moves only when told to."""
    async with Simulator(interval=None, seed=1, clock=clock) as simulator:
        yield simulator


@pytest.fixture
async def connect(anyio_backend: Any) -> AsyncIterator[Connect]:
    """Makes users of a simulator and closes them in the end."""
    users: list[User] = []

    async def make(
        simulator: Simulator, *, key: str | None = "", ssl: Any = None, session: bool = True
    ) -> User:
        user = User(simulator.port, simulator.api_key if key == "" else key, ssl)
        users.append(user)
        if session:
            await user.open()
        return user

    yield make
    for user in users:
        user.channel.close()
    # Transports close one turn of the loop later.
    await asyncio.sleep(0)


@pytest.fixture
async def user(sim: Simulator, connect: Connect) -> User:
    """A user of `sim` with a session and a registration."""
    return await connect(sim)
