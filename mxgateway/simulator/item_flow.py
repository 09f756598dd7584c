"""What flows from the items of a session into its events: advise, suspend, completions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from mxgateway.generated.mxaccess_gateway.v1 import MxEventFamily, MxStatusProxy
from mxgateway.simulator.clock import Timer
from mxgateway.simulator.delivery import EventLog
from mxgateway.simulator.events import (
    change_head,
    change_tail,
    complete_parts,
    item_prefix,
    operation_parts,
)
from mxgateway.simulator.items import Item, Registration
from mxgateway.simulator.parts import is_constant
from mxgateway.simulator.sinks import BufferSink, PartSink

if TYPE_CHECKING:
    from mxgateway.simulator.gateway import Gateway

__all__ = ["ItemFlow"]


class ItemFlow(ABC):
    """The part of a session that its items need.

    Attributes:
        gateway: The gateway.
        registrations: Registrations by server handle.
        events: Where the events go.
    """

    events: EventLog

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.registrations: dict[int, Registration] = {}
        self._parts = PartSink(self)

    @abstractmethod
    def later(self, delay: float, action: Callable[[], None]) -> Timer:
        """Run `action` after `delay` seconds of the clock, unless the session is over by then."""

    @abstractmethod
    def cancel_timer(self, timer: Timer) -> None:
        """Let an action of `later` not happen."""

    # -- advise ----------------------------------------------------------------

    def advise(self, item: Item, *, supervisory: bool) -> None:
        """Start data changes; a second advise may add supervisory rights, but sends nothing."""
        item.supervisory = item.supervisory or supervisory
        if item.advised:
            return
        item.advised = True
        item.target = self.gateway.references.resolve(item.definition, item.context)
        item.sink = self._sink(item)
        delay = self.gateway.settings.first_value_delay
        if delay:
            item.first_value = self.later(delay, lambda: self._send_first_value(item))
        else:
            self._send_first_value(item)

    def _send_first_value(self, item: Item) -> None:
        item.first_value = None
        item.has_value = True
        now = self.gateway.clock()
        self._follow(item, now, change_tail(now))

    def _follow(self, item: Item, now: datetime, tail: bytes) -> None:
        item.last = None
        if item.target.tag is not None and not is_constant(item.target):
            item.target.tag.listeners[(item.sink, item)] = None
        item.sink.send_change(item, now, tail)

    def resolve_again(self, item: Item, now: datetime, tail: bytes) -> None:
        """Let an advised item lead where its reference leads after a deploy."""
        target = self.gateway.references.resolve(item.definition, item.context)
        if target == item.target:
            return
        if item.target.tag is not None:
            item.target.tag.listeners.pop((item.sink, item), None)
        item.target = target
        item.sink = self._sink(item)
        # Otherwise the first value is still to come, or the item waits to be activated.
        if item.has_value and not item.suspended:
            self._follow(item, now, tail)

    def _sink(self, item: Item) -> ItemFlow | PartSink | BufferSink:
        if item.buffered:
            return self.buffers(self.registrations[item.server_handle])
        if item.target.part or item.target.index is not None:
            return self._parts
        return self

    def buffers(self, registration: Registration) -> BufferSink:
        """Return what gathers the values of the buffered items of a registration."""
        if registration.buffers is None:
            registration.buffers = BufferSink(self, clock=self.gateway.clock)
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
            self.cancel_timer(item.first_value)
            item.first_value = None
        if item.target.tag is not None:
            item.target.tag.listeners.pop((item.sink, item), None)

    # -- events ----------------------------------------------------------------

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
            MxEventFamily.OPERATION_COMPLETE, item.session_id, item.server_handle, item.handle
        )
        self.events.publish(prefix, head, tail, now)

    def publish(self, prefix: bytes, head: bytes, tail: bytes, now: datetime) -> None:
        """Queue an event put together from its parts."""
        self.events.publish(prefix, head, tail, now)
