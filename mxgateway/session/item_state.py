"""What a session knows of one item: its advise, its first value, its writes that are open."""

from __future__ import annotations

import anyio

from mxgateway.events import DataChange, WriteComplete
from mxgateway.transport.signals import Flag

__all__ = ["ItemState", "Ticket"]


class Ticket:
    """One write whose caller waits for its end.

    Attributes:
        done: Set when it is over.
        event: The completion; None where none will be known.
        lost: Why none will be known.
    """

    __slots__ = ("done", "event", "lost")

    def __init__(self) -> None:
        self.done = anyio.Event()
        self.event: WriteComplete | None = None
        self.lost = ""


class ItemState:
    """One item.

    Attributes:
        advised: Whether this session object has advised it; None where it did neither
            that nor the contrary.
        supervisory: Whether one of these advises was supervisory.
        seen: Whether it has had a data change.
        failing: The last data change, where its status says that it failed.
        ticket: The confirmed write that is open.
        sending: Whether that write has no reply yet; no other write may go out then.
        open: Writes besides, sent and not completed.
        unknown: Why it is not known whether one of those will ever complete; or empty.
        turn: Confirmed writes take turns; made with the first, as most items are never written.
        changed: Raised when anything of this has changed.
        quiet: When it was un-advised, in the ledger's time; 0 where it is not.
        since: When it was entered.
        added: When the command was sent that added it, until an event of it has come; 0 where
            this session object did not add it.
        inherited: Of `open`, writes of an earlier item with the same handle.
    """

    __slots__ = (
        "added",
        "advised",
        "changed",
        "failing",
        "inherited",
        "open",
        "quiet",
        "seen",
        "sending",
        "since",
        "supervisory",
        "ticket",
        "turn",
        "unknown",
    )

    def __init__(self, since: int = 0) -> None:
        self.since = since
        self.added = 0
        self.quiet = 0
        self.inherited = 0
        self.advised: bool | None = None
        self.supervisory = False
        self.seen = False
        self.failing: DataChange | None = None
        self.ticket: Ticket | None = None
        self.sending = False
        self.open = 0
        self.unknown = ""
        self.turn: anyio.Lock | None = None
        self.changed = Flag()

    def take_back(self, ticket: Ticket) -> None:
        """The confirmed write was refused: no completion will come."""
        if self.ticket is ticket:
            self.ticket = None
        elif ticket.lost:
            self.take_off()

    def take_off(self) -> None:
        """One open write less."""
        self.open = max(self.open - 1, 0)
        self.inherited = min(self.inherited, self.open)
        if not self.open:
            self.unknown = ""
        self.changed.set()

    def inherit(self, count: int) -> None:
        """Note open writes of an earlier item, whose completions may be on their way still."""
        self.open += count
        self.inherited = count
        self.unknown = (
            "the gateway used the handle of a removed item again, and a write of that one was open"
        )

    def disinherit(self) -> None:
        """Nothing of the earlier item is on its way any more."""
        count, self.inherited = self.inherited, 0
        for _ in range(count):
            self.take_off()

    def lose(self, reason: str) -> None:
        """Give up on the confirmed write that is open: its end will not be known."""
        ticket, self.ticket = self.ticket, None
        if ticket is not None:
            self.open += 1
            self.unknown = reason
            ticket.lost = reason
            ticket.done.set()
        self.changed.set()

    def forget_advise(self, quiet: int) -> None:
        """The item is no longer advised; MXAccess loses the completion of an open write."""
        self.advised = False
        self.quiet = quiet
        self.supervisory = self.seen = False
        self.failing = None
        if self.open and not self.unknown:
            self.unknown = "the item was un-advised with a write under way"
        self.lose("the item was un-advised with the write under way")
