"""A session with a registration, and short ways to do what most tests need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from mxgateway import GatewayClient, Session
from mxgateway.events import DataChange, Event, EventStream, WriteComplete
from mxgateway.generated.mxaccess_gateway.v1 import (
    BulkReadResult,
    MxEvent,
    MxStatusCategory,
    StreamEventsRequest,
)
from mxgateway.transport.stream import MessageStream

__all__ = ["User", "details", "open_user", "raw_events", "take"]

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class User:
    """A session and the handle of its registration."""

    client: GatewayClient
    session: Session
    server: int

    async def add(self, reference: str) -> int:
        """Add an item."""
        return await self.session.add_item(self.server, reference)

    async def advised(self, reference: str, *, supervisory: bool = False) -> int:
        """Add and advise an item."""
        item = await self.add(reference)
        if supervisory:
            await self.session.advise_supervisory(self.server, item)
        else:
            await self.session.advise(self.server, item)
        return item

    async def read(self, reference: str) -> BulkReadResult:
        """Read a tag once."""
        [result] = await self.session.read_bulk(self.server, [reference])
        return result


async def open_user(client: GatewayClient) -> User:
    """Open a session and register."""
    session = await client.open_session("both-gateways")
    return User(client, session, await session.register("both-gateways"))


def raw_events(client: GatewayClient, session: Session, after: int = 0) -> MessageStream[MxEvent]:
    """Return the session's event stream as it comes."""
    request = StreamEventsRequest(session_id=session.session_id, after_worker_sequence=after)
    return client.stream_events_raw(request)


async def take(stream: EventStream, kind: type[E], item: int = 0) -> E:
    """Return the next event of a kind, of one item if it is given; others are passed over."""
    async for event in stream:
        if isinstance(event, kind) and item in (0, event.item_handle):
            return event
    raise AssertionError(f"the stream ended without a {kind.__name__}")


def details(event: DataChange | WriteComplete) -> list[tuple[MxStatusCategory, int]]:
    """Return category and detail of each status."""
    return [(MxStatusCategory(each.category), each.detail) for each in event.statuses]
