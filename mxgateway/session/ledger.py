"""What a session knows of its items: advises, first values, writes whose end is still to come.

MXAccess reports the end of a write with nothing but the item's handles. So a
completion can be told to belong to one write only where no other write of that item is
open. This is the count of open writes, and nothing here waits.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from mxgateway.errors import MxAccessError, MxGatewayCommandError, MxGatewayError, StatusCode
from mxgateway.events import (
    BufferedDataChange,
    DataChange,
    Event,
    ReplayGapEvent,
    SequenceGap,
    WriteComplete,
)
from mxgateway.generated.mxaccess_gateway.v1 import (
    MxCommand,
    MxCommandKind,
    MxCommandReply,
    MxStatusCategory,
)
from mxgateway.session.item_state import ItemState
from mxgateway.session.targets import (
    ADDS,
    ADVISES,
    REMOVALS,
    UN_ADVISES,
    Key,
    added_items,
    done_items,
    named_items,
    write_results,
)
from mxgateway.status import is_failure

__all__ = ["Key", "Ledger", "never_executed"]

_log = logging.getLogger("mxgateway.session")

_OK: Final = MxStatusCategory.OK
_REMOVED: Final = 10_000  # removed items that are remembered

# The gateway looked at the request and refused it (gateway semantics, section 5).
_REFUSALS: Final = frozenset(
    {
        StatusCode.INVALID_ARGUMENT,
        StatusCode.NOT_FOUND,
        StatusCode.PERMISSION_DENIED,
        StatusCode.FAILED_PRECONDITION,
        StatusCode.UNIMPLEMENTED,
        StatusCode.UNAUTHENTICATED,
    }
)


def never_executed(error: BaseException) -> bool:
    """Return whether a command that failed with `error` certainly has no completion to come."""
    if not isinstance(error, MxGatewayError):
        return False
    if error.processed == "no" or isinstance(error, MxAccessError):
        return True
    if isinstance(error, MxGatewayCommandError):
        return error.processed == "yes"
    return error.status in _REFUSALS


class _Removed(NamedTuple):
    """An item that was removed.

    Attributes:
        at: When its last events were made, in the ledger's time.
        open: How many writes of it had no completion.
        late: What its events on their way would make of an item.
    """

    at: int
    open: int
    late: ItemState | None = None


class Ledger:
    """The items of a session; a passive sink of its hub.

    The gateway may use the handle of a removed item again while events of that one are
    on their way, and nothing in an event tells the two apart. But events come in the
    worker's order (gateway semantics, section 6): once there is one of an item that was added
    after the removal, nothing of the removed one follows. So the ledger counts the commands
    and replies of the session as its time.

    Attributes:
        ends: How often the event stream has ended.
        end_error: What it ended with the last time; None for OK.
    """

    def __init__(self) -> None:
        self._items: dict[Key, ItemState] = {}
        # Events of removed items may still be on their way. They must not make these last for
        # ever, nor be forgotten: the gateway may be using the handle again. In their order.
        self._removed: OrderedDict[Key, _Removed] = OrderedDict()
        # Items whose events may be those of an earlier one, with the time of its removal.
        self._doubtful: dict[Key, int] = {}
        self._time = 1
        self._passed = 0  # no event that is older than this comes any more
        self.ends = 0
        self.end_error: MxGatewayError | None = None

    def item(self, key: Key) -> ItemState:
        """Return the state of an item, a new one for one that is not known."""
        state = self._items.get(key)
        if state is None:
            removed = self._removed.pop(key, None)
            if removed is None:
                state = ItemState(self._time)
            else:
                state = removed.late or ItemState(self._time)
                self._doubtful[key] = removed.at
                if removed.open:
                    state.inherit(removed.open)
            self._items[key] = state
        return state

    @property
    def some_doubtful(self) -> bool:
        """Whether there is an item whose events may be those of an earlier one."""
        return bool(self._doubtful)

    def doubtful(self, key: Key) -> bool:
        """Return whether events of an item may be those of an earlier one with its handle."""
        return key in self._doubtful

    def quiet(self, key: Key) -> bool:
        """Return whether an item was un-advised, or never advised, and no event of it comes."""
        state = self._items.get(key)
        return state is None or 0 < state.quiet < self._passed

    def _item_of_event(self, key: Key) -> ItemState:
        removed = self._removed.get(key)
        if removed is None:
            return self.item(key)
        if removed.late is None:
            removed = self._removed[key] = removed._replace(late=ItemState(self._time))
            assert removed.late is not None
        return removed.late

    def _pass(self, state: ItemState) -> None:
        """Note that an event has come of an item: nothing older than the item follows."""
        added, state.added = state.added, 0
        if added <= self._passed:
            return
        self._passed = added
        for key in [key for key, removed in self._removed.items() if removed.at < added]:
            del self._removed[key]
        for key in [key for key, at in self._doubtful.items() if at < added]:
            del self._doubtful[key]
            self._items[key].disinherit()

    # What the hub tells -----------------------------------------------------------

    def feed(self, event: Event, size: int) -> None:  # noqa: ARG002
        """Take an event."""
        kind = type(event)
        if kind is DataChange:
            self._change(event)
        elif kind is WriteComplete:
            assert isinstance(event, WriteComplete)
            if not event.pending:
                self._complete(event)
        elif kind is BufferedDataChange:
            self._change(event)
        elif kind is ReplayGapEvent or kind is SequenceGap:
            self._lose_all("events of the session were lost")

    def end(self, error: MxGatewayError | None) -> None:
        """The stream has ended; what was under way may be told on none."""
        self.ends += 1
        self.end_error = error
        text = "the event stream ended" if error is None else f"the event stream ended: {error}"
        self._lose_all(text)

    def _change(self, event: Event) -> None:
        message = event._message
        key = (message.server_handle, message.item_handle)
        state = self._items.get(key) or self._item_of_event(key)
        if state.added and key not in self._doubtful:
            self._pass(state)
        if state.advised is False:
            return  # still on its way when the item was un-advised
        for status in message.statuses:
            if status.category != _OK and is_failure(status):
                state.seen = True
                state.failing = event if isinstance(event, DataChange) else None
                state.changed.set()
                return
        if not state.seen or state.failing is not None:
            state.seen = True
            state.failing = None
            state.changed.set()

    def _complete(self, event: WriteComplete) -> None:
        key = (event.server_handle, event.item_handle)
        removed = self._removed.get(key)
        if removed is not None and removed.open:
            self._removed[key] = removed._replace(open=removed.open - 1)
            return
        state = self._item_of_event(key)
        ticket = state.ticket
        if ticket is not None:
            state.ticket = None
            ticket.event = event
            ticket.done.set()
        elif state.open:
            state.take_off()
        else:
            _log.debug(
                "server %d item %d: a completion of a write that this session object did not send",
                event.server_handle,
                event.item_handle,
            )
        state.changed.set()

    def _lose_all(self, reason: str) -> None:
        for state in self._items.values():
            state.lose(reason)

    # What the session sends ---------------------------------------------------------

    def sent(self, targets: Iterable[Key]) -> None:
        """Count writes that are about to be sent."""
        for key in targets:
            self.item(key).open += 1

    def answered(self, targets: Sequence[Key], reply: MxCommandReply) -> None:
        """Take off those that a bulk reply says were refused."""
        results = write_results(reply)
        self._take_off(
            key for key, result in zip(targets, results, strict=False) if not result.was_successful
        )

    def failed(self, targets: Sequence[Key], error: BaseException) -> None:
        """Take off writes that failed as a whole, or note that nobody knows."""
        if never_executed(error):
            self._take_off(targets)
            return
        for key in targets:
            state = self.item(key)
            if state.open:
                state.unknown = f"a write ended with {type(error).__name__}"

    def _take_off(self, targets: Iterable[Key]) -> None:
        for key in targets:
            self.item(key).take_off()

    def before(self, command: MxCommand) -> int:
        """Note what a command that is about to be sent will change; return the time."""
        self._time += 1
        if command.kind in ADVISES:
            # Its data changes may come before its reply.
            for key in named_items(command):
                state = self.item(key)
                state.advised = state.advised or None
                state.quiet = 0
        return self._time

    def after(self, command: MxCommand, reply: MxCommandReply | None, sent: int = 0) -> None:
        """Note what a command has changed; without a reply nobody knows whether it has.

        Args:
            command: The command.
            reply: Its reply.
            sent: What `before` returned for it.
        """
        self._time += 1
        kind = command.kind
        if kind in ADDS and reply is not None and sent:
            for key in added_items(command, reply):
                self._add(key, sent)
        if kind in ADVISES and reply is not None:
            for key in done_items(command, reply):
                state = self.item(key)
                state.advised = True
                state.supervisory = state.supervisory or kind == MxCommandKind.ADVISE_SUPERVISORY
                state.changed.set()
        elif kind in UN_ADVISES:
            for key in done_items(command, reply):
                if key in self._items:
                    self._items[key].forget_advise(0 if reply is None else self._time)
        elif kind in REMOVALS:
            for key in done_items(command, reply):
                self._remove(key)
        elif kind == MxCommandKind.UNREGISTER and command.unregister is not None:
            server = command.unregister.server_handle
            for key in [key for key in self._items if key[0] == server]:
                self._remove(key)

    def _add(self, key: Key, sent: int) -> None:
        state = self.item(key)
        if state.since < sent:
            return  # named before it was there
        state.added = sent
        if state.seen and key not in self._doubtful:
            self._pass(state)  # its first value came before the reply

    def _remove(self, key: Key) -> None:
        state = self._items.pop(key, None)
        self._doubtful.pop(key, None)
        earlier = self._removed.pop(key, None)
        if state is not None:
            state.lose("the item was removed with the write under way")
        count = state.open if state is not None else earlier.open if earlier is not None else 0
        quiet = state.quiet if state is not None and not count else 0
        if 0 < quiet < self._passed:
            return
        self._removed[key] = _Removed(quiet or self._time, count)
        if len(self._removed) > _REMOVED:
            self._removed.popitem(last=False)
