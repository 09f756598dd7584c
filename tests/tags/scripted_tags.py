"""A gateway for the tag methods whose replies, handles and events the test decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import anyio.lowlevel
from client.scripted_channel import OK, ScriptedChannel, scripted_client
from events.scripted_events import HubBench, ScriptedStream, change

from mxgateway import (
    MxCommandKind,
    MxCommandReply,
    MxCommandRequest,
    MxEvent,
    MxEventFamily,
    MxGatewayError,
    MxStatusCategory,
    MxStatusProxy,
    MxValue,
    PermissionDeniedError,
)
from mxgateway.generated.mxaccess_gateway.v1 import (
    BulkReadReply,
    BulkReadResult,
    BulkSubscribeReply,
    RegisterReply,
    SubscribeResult,
)
from mxgateway.transport.signals import Flag

__all__ = ["ScriptedTags"]

K = MxCommandKind


def _no_galaxy(_: object) -> None:
    raise PermissionDeniedError("no scope metadata:read")


class ScriptedTags:
    """One session of a gateway without a network, and a client of it.

    Attributes:
        client: The client.
        items: References of the items that are there, by handle.
        kinds: The commands that arrived.
        silent: References that get no first value.
        handle_of: Gives the handle of a new item; by default the next number.
        go: Where lowered, commands that add items wait before they are answered.
        arrived: Raised when one of them has arrived.
        lost: What the next commands that add items end with although they are executed.
        worker: What ReadBulk answers, by reference.
        worker_error: What it ends with.
    """

    def __init__(self, bench: HubBench, **options: Any) -> None:
        self.bench = bench
        self.items: dict[int, str] = {}
        self.kinds: list[MxCommandKind] = []
        self.silent: set[str] = set()
        self.handle_of: Callable[[str], int] = lambda _: next(self._handles)
        self.go = Flag(True)
        self.arrived = Flag()
        self.changed = Flag()
        self.lost: list[MxGatewayError] = []
        self.worker: dict[str, int] = {}
        self.worker_error: MxGatewayError | None = None
        self._handles = iter(range(1, 1 << 20))
        self._sequence = 0
        self.client = scripted_client(
            ScriptedChannel(answers={"DiscoverHierarchy": _no_galaxy}), **options
        )
        stand_in: Any = self.client
        stand_in.stream_events_raw = lambda request, **_: bench.open(request.after_worker_sequence)
        stand_in.invoke_raw = self._invoke
        stand_in._channel.spawn = bench.spawn

    @property
    def stream(self) -> ScriptedStream:
        """The event stream that is open."""
        return self.bench.streams[-1]

    def handle(self, reference: str) -> int:
        """The handle of the item with this reference."""
        [found] = [handle for handle, name in self.items.items() if name == reference]
        return found

    def value(self, handle: int, value: int, *, lost: int = 0) -> None:
        """Send a value of an item, after so many events that are lost."""
        self._sequence += 1 + lost
        self.stream.send(change(self._sequence, value, item=handle))

    def completion(self, handle: int) -> None:
        """Send the completion of a write."""
        self._sequence += 1
        self.stream.send(
            MxEvent(
                family=MxEventFamily.ON_WRITE_COMPLETE,
                server_handle=1,
                item_handle=handle,
                worker_sequence=self._sequence,
                statuses=[MxStatusProxy(category=MxStatusCategory.OK)],
            )
        )

    async def until(self, predicate: Callable[[], bool]) -> None:
        """Wait until a command has made something true."""
        with anyio.fail_after(5):
            while not predicate():
                self.changed.clear()
                await self.changed.wait()

    async def _invoke(
        self, request: MxCommandRequest, *, timeout: float | None = None
    ) -> MxCommandReply:
        await anyio.lowlevel.checkpoint()
        assert request.command is not None
        command = request.command
        self.kinds.append(command.kind)
        reply = MxCommandReply(kind=command.kind, protocol_status=OK)
        if command.kind == K.REGISTER:
            reply.register = RegisterReply(server_handle=1)
        elif command.kind == K.SUBSCRIBE_BULK:
            assert command.subscribe_bulk is not None
            results = [self._add(tag) for tag in command.subscribe_bulk.tag_addresses]
            reply.subscribe_bulk = BulkSubscribeReply(results=results)
            self.arrived.set()
            await self.go.wait()
            if self.lost:
                raise self.lost.pop(0)
        elif command.kind == K.UNSUBSCRIBE_BULK:
            assert command.unsubscribe_bulk is not None
            handles = command.unsubscribe_bulk.item_handles
            reply.unsubscribe_bulk = BulkSubscribeReply(
                results=[
                    SubscribeResult(
                        item_handle=h, was_successful=self.items.pop(h, None) is not None
                    )
                    for h in handles
                ]
            )
        elif command.kind == K.READ_BULK:
            assert command.read_bulk is not None
            if self.worker_error is not None:
                raise self.worker_error
            reply.read_bulk = BulkReadReply(
                results=[
                    BulkReadResult(
                        was_successful=tag not in self.silent,
                        was_cached=True,
                        value=MxValue(int32_value=self.worker.get(tag, 0)),
                        quality=192,
                    )
                    for tag in command.read_bulk.tag_addresses
                ]
            )
        elif command.kind == K.WRITE:
            assert command.write is not None
            self.completion(command.write.item_handle)
        self.changed.set()
        return reply

    def _add(self, tag: str) -> SubscribeResult:
        handle = self.handle_of(tag)
        self.items[handle] = tag
        if tag not in self.silent:
            self.value(handle, handle)
        return SubscribeResult(
            server_handle=1, tag_address=tag, item_handle=handle, was_successful=True
        )
