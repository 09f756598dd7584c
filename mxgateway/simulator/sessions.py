"""Sessions: state, handles, and the items that deliver events into the session's queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.generated.mxaccess_gateway.v1 import MxStatusProxy, SessionState
from mxgateway.simulator.events import (
    EventQueue,
    change_head,
    change_tail,
    complete_parts,
)
from mxgateway.simulator.items import Item, Registration
from mxgateway.simulator.references import resolve

if TYPE_CHECKING:
    from mxgateway.simulator.gateway import Gateway

__all__ = ["Session"]


class Session:
    """One session and its worker.

    Attributes:
        id: `session-` and 32 hex digits.
        name: What the client called it.
        process_id: Process id that the worker claims to have.
        state: Where it stands; only Ready accepts commands and event streams.
        reason: Why it is Closed or Faulted, for the error text.
        closed: Whether it was closed; a Faulted one stays Faulted when it is.
        command_timeout: The command timeout that OpenSession agreed on.
        registrations: Registrations by server handle.
        events: Its event queue.
    """

    def __init__(
        self,
        gateway: Gateway,
        session_id: str,
        name: str,
        process_id: int,
        command_timeout: timedelta,
    ) -> None:
        self._gateway = gateway
        self._timers: set[asyncio.Handle] = set()
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
        self.registrations: dict[int, Registration] = {}
        settings = gateway.settings
        self.events = EventQueue(
            session_id,
            clock=gateway.clock,
            limit=settings.queue_limit,
            ring_size=settings.ring_size,
            ring_seconds=settings.ring_seconds,
            on_overflow=self._overflow,
        )

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
        del self.registrations[registration.handle]

    def add_item(self, registration: Registration, definition: str, context: str) -> Item:
        """Enter a reference; whether it leads anywhere is seen at the advise."""
        item = Item(self.id, registration.handle, self._next_item_handle, definition, context)
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

    # -- advise ----------------------------------------------------------------

    def advise(self, item: Item, *, supervisory: bool) -> None:
        """Start data changes; a second advise may add supervisory rights, but sends nothing."""
        item.supervisory = item.supervisory or supervisory
        if item.advised:
            return
        item.advised = True
        item.target = resolve(self._gateway.plant, item.definition, item.context)
        delay = self._gateway.settings.first_value_delay
        if delay:
            item.first_value = self.later(delay, lambda: self._send_first_value(item))
        else:
            self._send_first_value(item)

    def _send_first_value(self, item: Item) -> None:
        item.first_value = None
        item.has_value = True
        if item.target.tag is not None:
            item.target.tag.listeners[(self, item)] = None
        now = self._gateway.clock()
        self.send_change(item, now, change_tail(now))

    def un_advise(self, item: Item) -> None:
        """End data changes; nothing happens where there were none."""
        item.advised = item.supervisory = item.has_value = False
        if item.first_value is not None:
            self._cancel_timer(item.first_value)
            item.first_value = None
        if item.target.tag is not None:
            item.target.tag.listeners.pop((self, item), None)

    # -- events ----------------------------------------------------------------

    def send_change(self, item: Item, now: datetime, tail: bytes) -> None:
        """Queue a data change with the current value of the item."""
        self.events.publish(item.change_prefix, change_head(item.target, now), tail, now)

    def send_complete(self, item: Item, status: MxStatusProxy, now: datetime) -> None:
        """Queue a write completion."""
        head, tail = complete_parts(status, now)
        self.events.publish(item.complete_prefix, head, tail, now)

    def later(self, delay: float, action: Callable[[], None]) -> asyncio.Handle:
        """Run `action` after `delay` seconds, at the earliest after this call was answered.

        Actions with the same delay run in the order in which they were given; none
        runs once the session is over.
        """
        loop = asyncio.get_running_loop()

        def run() -> None:
            self._timers.discard(handle)
            action()

        handle: asyncio.Handle = loop.call_later(delay, run) if delay else loop.call_soon(run)
        self._timers.add(handle)
        return handle

    def _cancel_timer(self, handle: asyncio.Handle) -> None:
        handle.cancel()
        self._timers.discard(handle)

    # -- the end ---------------------------------------------------------------

    def close(self, reason: str, error: GRPCError | None = None) -> None:
        """Close the session; its event stream ends OK, or with `error`."""
        if self.closed:
            return
        self.closed = True
        self._gateway.audit.sessions_closed += 1
        if self.state is not SessionState.FAULTED:  # which is final
            self.state = SessionState.CLOSED
            self.reason = reason
        self._release(error)

    def fault(self, reason: str, error: GRPCError) -> None:
        """Fault the session for good; its event stream ends with `error`."""
        self.state = SessionState.FAULTED
        self.reason = reason
        self._gateway.audit.sessions_faulted += 1
        self._release(error)

    def _release(self, error: GRPCError | None) -> None:
        self.events.end(error)
        for registration in list(self.registrations.values()):
            self.unregister(registration)
        for handle in list(self._timers):
            self._cancel_timer(handle)
        self._gateway.audit.changed()

    def _overflow(self) -> None:
        # Gateway semantics, section 6: FailFast on a single-subscriber session.
        text = f"EventQueueOverflow: more than {self._gateway.settings.queue_limit} events waiting"
        self.fault(text, GRPCError(Status.RESOURCE_EXHAUSTED, text))
