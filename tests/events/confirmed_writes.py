"""Confirmed writes against a gateway that the test answers, and how they end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.lowlevel
from client.scripted_channel import OK, ScriptedChannel, scripted_client
from events.scripted_events import SESSION, HubBench, ScriptedStream, change

from mxgateway import (
    MxCommandKind,
    MxCommandReply,
    MxCommandRequest,
    MxEvent,
    MxEventFamily,
    MxGatewayError,
    MxStatusCategory,
    MxStatusProxy,
    Session,
    WriteComplete,
)
from mxgateway.generated.mxaccess_gateway.v1 import AddItemReply
from mxgateway.transport.signals import Flag

K = MxCommandKind
GOOD = MxStatusProxy(category=MxStatusCategory.OK)
PENDING = MxStatusProxy(category=MxStatusCategory.PENDING)
REFUSED = MxStatusProxy(category=MxStatusCategory.SECURITY_ERROR, detail=1012)
WRITES = {K.WRITE, K.WRITE2, K.WRITE_SECURED, K.WRITE_SECURED2, K.WRITE_BULK}


def complete(sequence: int, *statuses: MxStatusProxy, item: int = 1) -> MxEvent:
    return MxEvent(
        family=MxEventFamily.ON_WRITE_COMPLETE,
        server_handle=1,
        item_handle=item,
        worker_sequence=sequence,
        statuses=list(statuses or (GOOD,)),
    )


@dataclass
class Plant:
    """A session whose commands and events the test answers.

    Attributes:
        kinds: The commands that arrived.
        failures: What the next writes end with, in order; None for OK.
        hold: Where lowered, writes wait for their reply.
        handles: What the next items get.
    """

    bench: HubBench
    kinds: list[MxCommandKind] = field(default_factory=list)
    failures: list[MxGatewayError | MxCommandReply | None] = field(default_factory=list)
    hold: Flag = field(default_factory=lambda: Flag(True))
    arrived: Flag = field(default_factory=Flag)
    handles: list[int] = field(default_factory=list)
    _sequence: int = 0

    def __post_init__(self) -> None:
        channel = ScriptedChannel()
        client = scripted_client(channel, call_timeout=5.0)
        stand_in: Any = client
        stand_in.stream_events_raw = lambda request, **_: self.bench.open(
            request.after_worker_sequence
        )
        stand_in.invoke_raw = self._invoke
        stand_in._channel.spawn = self.bench.spawn
        self.session = Session(client, SESSION)
        self.session._references[1, 1] = "Valve_001.Cmd"

    async def _invoke(
        self, request: MxCommandRequest, *, timeout: float | None = None
    ) -> MxCommandReply:
        await anyio.lowlevel.checkpoint()
        assert request.command is not None
        kind = request.command.kind
        self.kinds.append(kind)
        self.arrived.set()
        failure = None
        if kind in WRITES:
            await self.hold.wait()
            failure = self.failures.pop(0) if self.failures else None
        if isinstance(failure, MxGatewayError):
            raise failure
        reply = MxCommandReply(kind=kind, protocol_status=OK)
        if kind == K.ADD_ITEM:
            reply.add_item = AddItemReply(item_handle=self.handles.pop(0))
        return failure or reply

    async def came(self, *kinds: MxCommandKind) -> None:
        """Return once exactly these commands have arrived."""
        with anyio.fail_after(5):
            while len(self.kinds) < len(kinds):
                self.arrived.clear()
                await self.arrived.wait()
        assert self.kinds == list(kinds)

    async def stream(self, number: int = 1) -> ScriptedStream:
        return await self.bench.stream(number)

    def send(self, make: Any, *arguments: Any, **more: Any) -> None:
        """Send an event with the next sequence number."""
        self._sequence += 1
        self.bench.streams[-1].send(make(self._sequence, *arguments, **more))

    async def ready(self, item: int = 1) -> None:
        """Bring the item to where it can be written: stream, advise, first change."""
        async with self.session.stream_events() as events:
            await self.session.advise(1, item)
            await self.stream(len(self.bench.streams))
            self.send(change, item=item)
            await anext(events)
            self.session.events.hold()
        self.kinds.clear()

    async def settle(self) -> None:
        """Let all tasks run until nothing of what was sent is left to be read."""
        async with self.session.stream_events() as events:
            self.send(lambda n: MxEvent(family=MxEventFamily(50), worker_sequence=n))
            with anyio.fail_after(5):
                await anext(events)


@dataclass
class Outcome:
    """How a write in a task of its own has ended."""

    done: anyio.Event
    scope: anyio.CancelScope
    event: WriteComplete | None = None
    error: MxGatewayError | None = None
    notes: list[str] = field(default_factory=list)

    async def wait(self) -> Any:
        with anyio.fail_after(5):
            await self.done.wait()
        return self.event if self.error is None else self.error


def start(tasks: Any, plant: Plant, value: object = 42, *, item: int = 1, **more: Any) -> Outcome:
    """Start write_and_wait in a task."""
    outcome = Outcome(anyio.Event(), anyio.CancelScope())

    async def run() -> None:
        with outcome.scope:
            try:
                outcome.event = await plant.session.write_and_wait(1, item, value, **more)
            except MxGatewayError as error:
                outcome.error = error
            except BaseException as error:
                outcome.notes = list(getattr(error, "__notes__", ()))
                raise
        outcome.done.set()

    tasks.start_soon(run)
    return outcome
