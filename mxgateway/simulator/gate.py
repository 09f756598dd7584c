"""What every call passes, so that faults can delay, stall, fail and damage calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from grpclib.const import Status
from grpclib.exceptions import GRPCError

__all__ = ["METHODS", "STREAMS", "CallGate", "Hold", "Refusal", "Side"]

STREAMS = frozenset({"StreamEvents", "StreamAlarms", "QueryActiveAlarms", "WatchDeployEvents"})
"""The methods that answer with a stream."""

METHODS = STREAMS | {
    *("OpenSession", "CloseSession", "Invoke", "AcknowledgeAlarm"),
    *("TestConnection", "GetLastDeployTime", "DiscoverHierarchy", "BrowseChildren"),
}
"""All methods of the contract."""

Side = Literal["request", "reply"]
"""Where a fault strikes: before a call is executed, or when its answer is to be sent."""


@dataclass(eq=False)
class Hold:
    """One fault that waits for calls.

    Attributes:
        method: The method it is for by name; None for every unary one, "*" for all.
        side: Before the call is executed, or when its answer is to be sent.
        left: How many calls it still strikes; None for no limit.
        seconds: How long it delays.
        stalls: Whether it holds calls until it is released.
        status: What it fails them with, and why.
        damage: What it makes of a reply: another message, or bytes to send in its place.
        wants: Which replies it is about.
        spent: Called when it has struck for the last time.
    """

    method: str | None
    side: Side
    left: int | None = None
    seconds: float = 0.0
    stalls: bool = False
    status: tuple[Status, str] | None = None
    damage: Callable[[Any], Any] | None = None
    wants: Callable[[Any], bool] = lambda _reply: True
    spent: Callable[[], None] = lambda: None
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def is_for(self, method: str, side: Side) -> bool:
        """Whether it strikes calls of this method on this side."""
        if side != self.side or self.left == 0:
            return False
        if self.method is None:
            return method not in STREAMS
        return self.method in ("*", method)


@dataclass(eq=False)
class Refusal:
    """One fault that lets MXAccess refuse commands.

    Attributes:
        kind: The command kind by name.
        hresult: What it is refused with.
        text: Why.
        left: How many commands it still strikes; None for no limit.
        spent: Called when it has struck for the last time.
    """

    kind: str
    hresult: int
    text: str
    left: int | None
    spent: Callable[[], None] = lambda: None


class CallGate:
    """Every call goes through `request` and `reply`; nothing happens while no fault waits.

    Attributes:
        holds: The faults that wait for calls, in the order they were set.
        refusals: Those that let MXAccess refuse commands.
        waiting: Calls that a stall or a delay holds now.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self.holds: list[Hold] = []
        self.refusals: list[Refusal] = []
        self.waiting = 0

    @property
    def active(self) -> bool:
        """Whether any fault waits."""
        return bool(self.holds)

    def release(self) -> None:
        """Drop every fault, and let go on what they hold."""
        holds, self.holds[:] = list(self.holds), []
        for hold in holds:
            hold.released.set()
        self.refusals.clear()

    def refusal(self, kind: str) -> Refusal | None:
        """Return what refuses a command of this kind, or None."""
        found = next((each for each in self.refusals if each.kind == kind), None)
        if found is not None and found.left is not None:
            found.left -= 1
            if not found.left:
                found.spent()
        return found

    async def request(self, method: str) -> None:
        """Let a call in, late, never, or not at all.

        Raises:
            GRPCError: A fault answers in place of the gateway.
        """
        await self._strike(method, "request", None)

    async def reply(self, method: str, reply: Any) -> Any:
        """Return what to send for `reply`: the message itself, another one, or bytes.

        Raises:
            GRPCError: A fault answers in place of the gateway; the call was executed.
        """
        return await self._strike(method, "reply", reply)

    async def _strike(self, method: str, side: Side, reply: Any) -> Any:
        for hold in list(self.holds):
            if not hold.is_for(method, side) or not hold.wants(reply):
                continue
            if hold.left is not None:
                hold.left -= 1
                if not hold.left:
                    hold.spent()
            if hold.seconds or hold.stalls:
                await self._wait(hold)
            if hold.status is not None:
                raise GRPCError(*hold.status)
            if hold.damage is not None and reply is not None:
                reply = hold.damage(reply)
        return reply

    async def _wait(self, hold: Hold) -> None:
        self.waiting += 1
        self._changed()
        try:
            async with asyncio.timeout(None if hold.stalls else hold.seconds):
                await hold.released.wait()
        except TimeoutError:
            return
        finally:
            self.waiting -= 1
            self._changed()
