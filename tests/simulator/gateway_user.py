"""What the tests of faults share: our own client on a simulator in a thread."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, ParamSpec, TypeVar

import anyio.to_thread

from mxgateway import GatewayClient, MessageStream, MxEvent, Session, StreamEventsRequest
from mxgateway.simulator import Simulator, ThreadedSimulator

__all__ = ["TAG", "client_of", "events_of", "in_thread", "until", "with_item"]

P = ParamSpec("P")
R = TypeVar("R")

TAG = "SimProbe_001.TestBool"
"""A Boolean that an operator may write."""


async def in_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a blocking method without holding up the event loop."""
    return await anyio.to_thread.run_sync(partial(function, *args, **kwargs))


async def until(sim: ThreadedSimulator, predicate: Callable[[Simulator], bool]) -> None:
    """Wait for the simulator."""
    await in_thread(sim.wait_until, predicate)


@asynccontextmanager
async def client_of(
    sim: ThreadedSimulator, endpoint: str | None = None, **options: Any
) -> AsyncIterator[GatewayClient]:
    """Run a client of a plaintext simulator, or of what stands in front of it."""
    options = {"plaintext": True, "keepalive_time": None, "call_timeout": 5.0} | options
    async with GatewayClient.connect(
        endpoint=endpoint or sim.endpoint, api_key=sim.api_key, **options
    ) as client:
        yield client


async def with_item(client: GatewayClient, tag: str = TAG) -> tuple[Session, int, int]:
    """Open a session and advise a tag; return session, server handle and item handle."""
    session = await client.open_session("tests")
    server = await session.register("tests")
    item = await session.add_item(server, tag)
    await session.advise(server, item)
    return session, server, item


def events_of(client: GatewayClient, session: Session, after: int = 0) -> MessageStream[MxEvent]:
    """Return the raw event stream of a session."""
    return client.stream_events_raw(
        StreamEventsRequest(session_id=session.session_id, after_worker_sequence=after)
    )
