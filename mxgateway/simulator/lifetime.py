"""How long a session lives: the start of its worker, its lease, its detach grace.

The rules are those of the gateway semantics, section 3. All times are taken from
the simulator's clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.generated.mxaccess_gateway.v1 import SessionState
from mxgateway.simulator.clock import Clock, Timer, call_later
from mxgateway.simulator.settings import Settings

__all__ = ["STARTING", "Lifetime", "Owner"]

STARTING = (
    SessionState.STARTING_WORKER,
    SessionState.WAITING_FOR_PIPE,
    SessionState.HANDSHAKING,
    SessionState.INITIALIZING_WORKER,
)
"""The states that a session goes through before it is Ready."""


class Owner(Protocol):
    """What a lifetime needs of its session."""

    state: SessionState

    def close(self, reason: str, error: GRPCError | None = None) -> None:
        """Close the session."""

    def fault(self, reason: str, error: GRPCError) -> None:
        """Fault the session."""


class Lifetime:
    """Lease, grace and worker of one session.

    Attributes:
        streams: Event streams that are attached.
    """

    def __init__(
        self, owner: Owner, *, clock: Clock, settings: Settings, changed: Callable[[], None]
    ) -> None:
        self._owner = owner
        self._clock = clock
        self._settings = settings
        self._changed = changed
        self._lease_ends = clock() + timedelta(seconds=settings.lease)
        self._grace: Timer | None = None
        self._heartbeat: Timer | None = None
        self._starting: Timer | None = None
        self._waiters: list[asyncio.Future[None]] = []
        self.streams = 0

    # -- the worker --------------------------------------------------------------

    def start(self) -> None:
        """Start the worker; the session is Ready at once, or after the start delay."""
        delay = self._settings.worker_start_delay
        if not delay:
            self._owner.state = SessionState.READY
            return
        limit = self._settings.worker_start_timeout
        if delay > limit:
            self._owner.state = STARTING[0]
            self._starting = call_later(self._clock, limit, self._start_failed)
            return
        self._step(0, delay / len(STARTING))

    def _step(self, number: int, pause: float) -> None:
        if number == len(STARTING):
            self._starting = None
            self._owner.state = SessionState.READY
            self._wake()
        else:
            self._owner.state = STARTING[number]
            self._starting = call_later(self._clock, pause, lambda: self._step(number + 1, pause))
        self._changed()

    def _start_failed(self) -> None:
        text = f"the worker did not start within {self._settings.worker_start_timeout:g} s"
        self._owner.fault(text, GRPCError(Status.UNAVAILABLE, text))

    def hang(self) -> None:
        """Let the worker miss its heartbeats: commands wait, then the session faults."""
        if self._heartbeat is None:
            grace = self._settings.heartbeat_grace
            text = f"the worker has sent no heartbeat for {grace:g} s"
            error = GRPCError(Status.UNAVAILABLE, text)
            self._heartbeat = call_later(self._clock, grace, lambda: self._owner.fault(text, error))

    def recover(self) -> None:
        """Let a hanging worker answer again."""
        if self._heartbeat is not None:
            self._heartbeat.cancel()
            self._heartbeat = None
            self._wake()

    @property
    def busy(self) -> bool:
        """Whether the worker starts or hangs; `responsive` waits then."""
        return self._starting is not None or self._heartbeat is not None

    async def responsive(self) -> None:
        """Return once the worker neither starts nor hangs, or the session is over."""
        while self.busy:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    # -- lease and grace ---------------------------------------------------------

    def touch(self) -> None:
        """Extend the lease, as every unary call does."""
        self._lease_ends = self._clock() + timedelta(seconds=self._settings.lease)

    def lease_is_over(self) -> bool:
        """Whether nobody has called for a whole lease and no stream is attached."""
        return not self.streams and self._clock() >= self._lease_ends

    def attached(self) -> None:
        """Note an event stream; the session lives as long as it does."""
        self.streams += 1
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None

    def detached(self) -> None:
        """Note the end of an event stream; behind the last one the grace begins."""
        self.streams -= 1
        self.touch()
        grace = self._settings.detach_grace
        if grace and not self.streams and self._owner.state is SessionState.READY:
            self._grace = call_later(self._clock, grace, self._grace_is_over)

    def _grace_is_over(self) -> None:
        self._grace = None
        self._owner.close("detach-grace-expired")

    def end(self) -> None:
        """Cancel everything that is still to come."""
        for timer in (self._grace, self._heartbeat, self._starting):
            if timer is not None:
                timer.cancel()
        self._grace = self._heartbeat = self._starting = None
        self._wake()
