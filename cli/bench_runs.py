"""The two benchmarks: reads in a loop, and event streams of several sessions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import anyio

from mxgateway.errors import DeadlineExceededError, FailedPreconditionError, MxGatewayError
from mxgateway.generated.mxaccess_gateway.v1 import SessionState, StreamEventsRequest

from .bench import Plan, Tally, subscribe, take_down

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient
    from mxgateway.generated.mxaccess_gateway.v1 import MxEvent
    from mxgateway.session import Session

__all__ = ["measure_events", "measure_reads"]

# A gateway that fails at once is not asked again in a tight loop.
_PAUSE_AFTER_FAILURE: Final = 0.1


async def measure_reads(client: GatewayClient, plan: Plan, tally: Tally) -> None:
    """Read the tags in a loop, one call after another, while they are advised.

    Raises:
        MxGatewayError: The session could not be opened or prepared.
    """
    session = await client.open_session(client_session_name="mxgw-py-bench")
    server, items = None, list[int]()
    try:
        with anyio.move_on_after(plan.budget()) as budget:
            server, items = await subscribe(session, tally, plan.tags)
            async with anyio.create_task_group() as tasks:
                # A session with advised items and no reader of its events is faulted in the end.
                tasks.start_soon(_discard, client, session, tally)
                await _read_for(session, server, plan, plan.warmup, None)
                tally.start()
                await _read_for(session, server, plan, plan.duration, tally)
                tally.stop()
                tasks.cancel_scope.cancel()
        if budget.cancelled_caught:
            tally.fail(_too_long(plan.budget()), "run")
    finally:
        tally.stop()
        await take_down(tally, session, server, items)


async def _read_for(
    session: Session, server: int, plan: Plan, seconds: float, tally: Tally | None
) -> None:
    end = time.perf_counter() + seconds
    while (started := time.perf_counter()) < end:
        try:
            results = await session.read_bulk(server, plan.tags)
        except MxGatewayError as error:
            if tally is not None:
                tally.fail(error)
            await anyio.sleep(_PAUSE_AFTER_FAILURE)
            continue
        if tally is None:
            continue
        tally.latencies.append((time.perf_counter() - started) * 1000)
        tally.succeeded += 1
        tally.results += len(results)
        tally.cached += sum(result.was_cached for result in results)
        tally.failed_results += sum(not result.was_successful for result in results)


async def _discard(client: GatewayClient, session: Session, tally: Tally) -> None:
    request = StreamEventsRequest(session_id=session.session_id)
    try:
        async with client.stream_events_raw(request) as stream:
            async for _ in stream:
                pass
    except MxGatewayError as error:
        tally.fail(error, "event stream")


async def measure_events(
    client: GatewayClient, plan: Plan, tally: Tally, sessions: int, stagger: float
) -> None:
    """Subscribe the tags in several sessions and count the events of all of them.

    The sessions start one after another; measuring begins when the last one streams. Afterwards
    every session is asked whether it is faulted and what is left in its queue.

    Raises:
        MxGatewayError: A session could not be opened or prepared.
    """
    opened: list[_Streaming] = []
    preparation = sessions * (stagger + 5.0)
    try:
        with anyio.move_on_after(plan.budget(preparation)) as budget:
            problem = None
            async with anyio.create_task_group() as tasks:
                try:
                    for number in range(sessions):
                        if number:
                            await anyio.sleep(stagger)
                        one = _Streaming(client, tally)
                        opened.append(one)
                        await one.open(plan)
                        tasks.start_soon(one.consume)
                    await anyio.sleep(plan.warmup)
                    tally.start()
                    await anyio.sleep(plan.duration)
                    tally.stop()
                except MxGatewayError as error:
                    # Raised below, so that it is in no exception group.
                    problem = error
                tasks.cancel_scope.cancel()
            if problem is not None:
                raise problem
            for one in opened:
                await one.probe()
        if budget.cancelled_caught:
            tally.fail(_too_long(plan.budget(preparation)), "run")
    finally:
        tally.stop()
        for one in opened:
            await one.close()


class _Streaming:
    """One session of the benchmark of event streams."""

    def __init__(self, client: GatewayClient, tally: Tally) -> None:
        self._client = client
        self._tally = tally
        self._session: Session | None = None
        self._stream: Any = None
        self._server: int | None = None
        self._items: list[int] = []

    async def open(self, plan: Plan) -> None:
        """Open the session and its stream, then subscribe."""
        session = await self._client.open_session(client_session_name="mxgw-py-bench")
        self._session = session
        # The call is made before the advise, so that no first value is missed.
        request = StreamEventsRequest(session_id=session.session_id)
        self._stream = self._client.stream_events_raw(request)
        await self._stream.__aenter__()
        self._server, self._items = await subscribe(session, self._tally, plan.tags)

    async def consume(self) -> None:
        """Count events while the tally runs."""
        try:
            async for event in self._stream:
                self._count(event)
        except MxGatewayError as error:
            self._tally.fail(error, "event stream")

    def _count(self, event: MxEvent) -> None:
        tally = self._tally
        if not tally.running:
            return
        tally.succeeded += 1
        if event.worker_timestamp is not None:
            tally.latencies.append((time.time() - event.worker_timestamp.timestamp()) * 1000)

    async def probe(self) -> None:
        """Ask whether the session is faulted and how much its queue still holds."""
        assert self._session is not None
        await self._stream.aclose()
        facts = self._tally.facts
        try:
            state = await self._session.get_session_state()
            facts["faultedSessions"] += state == SessionState.FAULTED
            facts["remainingEvents"] += len(await self._session.drain_events())
        except MxGatewayError as error:
            # A gateway answers no command of a session that is faulted.
            facts["faultedSessions"] += isinstance(error, FailedPreconditionError)
            self._tally.fail(error, "probe after the run")

    async def close(self) -> None:
        """Take the session down."""
        if self._session is None:
            return
        with anyio.CancelScope(shield=True):
            await self._stream.aclose()
            await take_down(self._tally, self._session, self._server, self._items)


def _too_long(seconds: float) -> DeadlineExceededError:
    return DeadlineExceededError(
        f"the benchmark took longer than its budget of {seconds:g} s", processed="maybe"
    )
