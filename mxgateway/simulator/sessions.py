"""Sessions: state, handles, and the items that deliver events into the session's queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.generated.mxaccess_gateway.v1 import MxEventFamily, MxStatusProxy, SessionState
from mxgateway.simulator.delivery import EventLog, Limits, Subscriber
from mxgateway.simulator.events import (
    change_head,
    change_tail,
    complete_parts,
    item_prefix,
    operation_parts,
)
from mxgateway.simulator.items import Item, Registration
from mxgateway.simulator.lifetime import Lifetime
from mxgateway.simulator.parts import is_constant
from mxgateway.simulator.sinks import BufferSink, PartSink
from mxgateway.simulator.users import SignedIn
from mxgateway.simulator.worker import Worker

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
        self._parts = PartSink(self)

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

    # -- advise ----------------------------------------------------------------

    def advise(self, item: Item, *, supervisory: bool) -> None:
        """Start data changes; a second advise may add supervisory rights, but sends nothing."""
        item.supervisory = item.supervisory or supervisory
        if item.advised:
            return
        item.advised = True
        item.target = self._gateway.references.resolve(item.definition, item.context)
        item.sink = self._sink(item)
        delay = self._gateway.settings.first_value_delay
        if delay:
            item.first_value = self.later(delay, lambda: self._send_first_value(item))
        else:
            self._send_first_value(item)

    def _send_first_value(self, item: Item) -> None:
        item.first_value = None
        item.has_value = True
        now = self._gateway.clock()
        self._follow(item, now, change_tail(now))

    def _follow(self, item: Item, now: datetime, tail: bytes) -> None:
        item.last = None
        if item.target.tag is not None and not is_constant(item.target):
            item.target.tag.listeners[(item.sink, item)] = None
        item.sink.send_change(item, now, tail)

    def resolve_again(self, item: Item, now: datetime, tail: bytes) -> None:
        """Let an advised item lead where its reference leads after a deploy."""
        target = self._gateway.references.resolve(item.definition, item.context)
        if target == item.target:
            return
        if item.target.tag is not None:
            item.target.tag.listeners.pop((item.sink, item), None)
        item.target = target
        item.sink = self._sink(item)
        # Otherwise the first value is still to come, or the item waits to be activated.
        if item.has_value and not item.suspended:
            self._follow(item, now, tail)

    def _sink(self, item: Item) -> Session | PartSink | BufferSink:
        if item.buffered:
            return self.buffers(self.registrations[item.server_handle])
        if item.target.part or item.target.index is not None:
            return self._parts
        return self

    def buffers(self, registration: Registration) -> BufferSink:
        """Return what gathers the values of the buffered items of a registration."""
        if registration.buffers is None:
            registration.buffers = BufferSink(self, clock=self._gateway.clock)
        return registration.buffers

    def un_advise(self, item: Item) -> None:
        """End data changes; nothing happens where there were none."""
        self._hush(item)
        item.advised = item.supervisory = item.suspended = item.has_value = False
        registration = self.registrations[item.server_handle]
        if registration.buffers is not None:
            registration.buffers.forget(item)

    def suspend(self, item: Item) -> None:
        """Send nothing for an advised item until it is activated."""
        item.suspended = True
        self._hush(item)

    def activate(self, item: Item) -> None:
        """Undo a suspend; the current value goes out first."""
        item.suspended = False
        self._send_first_value(item)

    def _hush(self, item: Item) -> None:
        if item.first_value is not None:
            self._cancel_timer(item.first_value)
            item.first_value = None
        if item.target.tag is not None:
            item.target.tag.listeners.pop((item.sink, item), None)

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

    def send_change(self, item: Item, now: datetime, tail: bytes) -> None:
        """Queue a data change with the current value of the item."""
        self.events.publish(item.change_prefix, change_head(item.target, now), tail, now)

    def send_complete(self, item: Item, status: MxStatusProxy, now: datetime) -> None:
        """Queue a write completion."""
        head, tail = complete_parts(status, now)
        self.events.publish(item.complete_prefix, head, tail, now)

    def send_operation_complete(self, item: Item, status: MxStatusProxy, now: datetime) -> None:
        """Queue the completion of a Suspend or an Activate."""
        head, tail = operation_parts(status, now)
        prefix = item_prefix(
            MxEventFamily.OPERATION_COMPLETE, self.id, item.server_handle, item.handle
        )
        self.events.publish(prefix, head, tail, now)

    def publish(self, prefix: bytes, head: bytes, tail: bytes, now: datetime) -> None:
        """Queue an event put together from its parts."""
        self.events.publish(prefix, head, tail, now)

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
        self._gateway.audit.close_reasons[reason] += 1
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
        self._gateway.audit.sessions_faulted += 1
        self._release(error)

    def _release(self, error: GRPCError | None) -> None:
        self.events.end(error)
        self.lifetime.end()
        self.worker.stop(GRPCError(Status.UNAVAILABLE, f"session {self.id}: {self.reason}"))
        for registration in list(self.registrations.values()):
            self.unregister(registration)
        for handle in list(self._timers):
            self._cancel_timer(handle)
        self._gateway.audit.changed()

    def _overflow(self) -> None:
        text = f"EventQueueOverflow: more than {self._gateway.settings.queue_limit} events waiting"
        self.fault(text, GRPCError(Status.RESOURCE_EXHAUSTED, text))
