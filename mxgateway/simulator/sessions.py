"""Sessions: state, handles, and the items that deliver events into the session's queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.generated.mxaccess_gateway.v1 import SessionState
from mxgateway.simulator.clock import Timer, call_later
from mxgateway.simulator.delivery import EventLog, Limits, Subscriber
from mxgateway.simulator.item_flow import ItemFlow
from mxgateway.simulator.items import Item, Registration
from mxgateway.simulator.lifetime import Lifetime
from mxgateway.simulator.users import SignedIn
from mxgateway.simulator.worker import Worker

if TYPE_CHECKING:
    from mxgateway.simulator.gateway import Gateway

__all__ = ["Session"]


class Session(ItemFlow):
    """One session and its worker.

    Attributes:
        gateway: The gateway it belongs to.
        id: `session-` and 32 hex digits.
        name: What the client called it.
        process_id: Process id that the worker claims to have.
        state: Where it stands; only Ready accepts commands and event streams.
        reason: Why it is Closed or Faulted, for the error text.
        closed: Whether it was closed; a Faulted one stays Faulted when it is.
        command_timeout: The command timeout that OpenSession agreed on.
        registrations: Registrations by server handle.
        events: Its events.
        lifetime: Its worker's start, its lease and its detach grace.
        worker: What runs its commands in order.
        users: Who has signed in.
    """

    def __init__(
        self,
        gateway: Gateway,
        session_id: str,
        name: str,
        process_id: int,
        command_timeout: timedelta,
    ) -> None:
        super().__init__(gateway)
        self._timers: set[Timer] = set()
        self._next_server_handle = 1
        # Item handles count through the whole session, so that a handle of another
        # registration is never valid by accident.
        self._next_item_handle = 1
        self.id = session_id
        self.name = name
        self.process_id = process_id
        self.command_timeout = command_timeout
        self.state = SessionState.CREATING
        self.reason = ""
        self.closed = False
        settings = gateway.settings
        self.events = EventLog(
            session_id,
            clock=gateway.clock,
            limits=Limits(
                queue=settings.queue_limit,
                ring_size=settings.ring_size,
                ring_seconds=settings.ring_seconds,
                subscribers=settings.max_subscribers,
                # Gateway semantics, section 6: never a session that others share.
                faults_session=settings.overflow == "fail-fast" and settings.max_subscribers == 1,
                keeps_unsent=settings.keep_unsent,
            ),
            on_overflow=self._overflow,
        )
        self.lifetime = Lifetime(
            self, clock=gateway.clock, settings=settings, changed=gateway.audit.changed
        )
        self.worker = Worker(
            self.lifetime,
            clock=gateway.clock,
            limit=settings.pending_limit,
            delay=settings.command_delay,
        )
        self.users = SignedIn()

    def require_ready(self) -> None:
        """Check that the session accepts commands and streams.

        Raises:
            GRPCError: FAILED_PRECONDITION; the text names the state.
        """
        if self.state is not SessionState.READY:
            because = f": {self.reason}" if self.reason else ""
            raise GRPCError(
                Status.FAILED_PRECONDITION,
                f"session {self.id} is {self.state.name}{because}; open a new session",
            )

    # -- handles ---------------------------------------------------------------

    def register(self, client_name: str) -> Registration:
        """Make a registration."""
        registration = Registration(self._next_server_handle, client_name)
        self._next_server_handle += 1
        self.registrations[registration.handle] = registration
        return registration

    def unregister(self, registration: Registration) -> None:
        """End a registration and everything under it."""
        for item in list(registration.items.values()):
            self.remove_item(registration, item)
        if registration.buffers is not None:
            registration.buffers.close()
        del self.registrations[registration.handle]

    def add_item(
        self, registration: Registration, definition: str, context: str, *, buffered: bool = False
    ) -> Item:
        """Enter a reference; whether it leads anywhere is seen at the advise."""
        item = Item(
            self.id,
            registration.handle,
            self._next_item_handle,
            definition,
            context,
            buffered=buffered,
        )
        self._next_item_handle += 1
        registration.items[item.handle] = item
        return item

    def remove_item(self, registration: Registration, item: Item) -> None:
        """Drop an item; an advised one is un-advised first."""
        self.un_advise(item)
        del registration.items[item.handle]

    def holds(self, item: Item) -> bool:
        """Whether the item is still there."""
        registration = self.registrations.get(item.server_handle)
        return registration is not None and registration.items.get(item.handle) is item

    # -- events ----------------------------------------------------------------

    def attach(self, after: int) -> Subscriber:
        """Subscribe the current task to the events behind sequence number `after`.

        Raises:
            GRPCError: FAILED_PRECONDITION, ALREADY_EXISTS or RESOURCE_EXHAUSTED.
        """
        self.require_ready()
        subscriber = self.events.attach(after)
        self.lifetime.attached()
        return subscriber

    def detach(self, subscriber: Subscriber) -> None:
        """Let an event stream go; behind the last one the detach grace begins."""
        self.events.detach(subscriber)
        self.lifetime.detached()

    def later(self, delay: float, action: Callable[[], None]) -> Timer:
        """Run `action` after `delay` seconds of the clock, and after this call was answered.

        Actions with the same delay run in the order in which they were given; none
        runs once the session is over.
        """

        def run() -> None:
            self._timers.discard(timer)
            action()

        timer: Timer
        if delay:
            timer = call_later(self.gateway.clock, delay, run)
        else:
            timer = asyncio.get_running_loop().call_soon(run)
        self._timers.add(timer)
        return timer

    def cancel_timer(self, timer: Timer) -> None:
        """Let an action of `later` not happen."""
        timer.cancel()
        self._timers.discard(timer)

    # -- the end ---------------------------------------------------------------

    def close(self, reason: str, error: GRPCError | None = None) -> None:
        """Close the session; its event stream ends OK, or with `error`."""
        if self.closed:
            return
        self.closed = True
        self.gateway.audit.sessions_closed += 1
        self.gateway.audit.close_reasons[reason] += 1
        if self.state is not SessionState.FAULTED:  # which is final
            self.state = SessionState.CLOSING
            self.reason = reason
        self._release(error)
        if self.state is SessionState.CLOSING:
            self.state = SessionState.CLOSED

    def fault(self, reason: str, error: GRPCError) -> None:
        """Fault the session for good; its event stream ends with `error`.

        Nothing happens to one that is closed or faulted already.
        """
        if self.closed or self.state is SessionState.FAULTED:
            return
        self.state = SessionState.FAULTED
        self.reason = reason
        self.gateway.audit.sessions_faulted += 1
        self._release(error)

    def _release(self, error: GRPCError | None) -> None:
        self.events.end(error)
        self.lifetime.end()
        self.worker.stop(GRPCError(Status.UNAVAILABLE, f"session {self.id}: {self.reason}"))
        for registration in list(self.registrations.values()):
            self.unregister(registration)
        for timer in list(self._timers):
            self.cancel_timer(timer)
        self.gateway.audit.changed()

    def _overflow(self) -> None:
        text = f"EventQueueOverflow: more than {self.gateway.settings.queue_limit} events waiting"
        self.fault(text, GRPCError(Status.RESOURCE_EXHAUSTED, text))
