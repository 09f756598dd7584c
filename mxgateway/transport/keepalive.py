"""When to ask a silent peer for a sign of life, as plain numbers without a clock."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

__all__ = ["Action", "Keepalive"]


class Action(Enum):
    """What to do now."""

    WAIT = "wait"
    PING = "ping"
    LOST = "lost"


@dataclass
class Keepalive:
    """Decides on PINGs for one connection.

    Any received byte is a sign of life. No PING goes out while no call is open,
    unless `without_calls`, because servers ban clients for that.

    Attributes:
        interval: Seconds of silence before a PING; None turns it off.
        timeout: Seconds from the PING until the connection counts as lost.
        without_calls: Whether to ask also while no call is open.
    """

    interval: float | None
    timeout: float
    without_calls: bool = False
    _asked: float | None = None

    def check(self, now: float, last_received: float, *, calls: bool) -> tuple[Action, float]:
        """Return what to do at time `now`, and when to look again.

        Args:
            now: Seconds on the same clock as `last_received`.
            last_received: When the last byte came in.
            calls: Whether a call is open.
        """
        if self.interval is None:
            return Action.WAIT, math.inf
        # An answer within one tick of the clock (15 ms on Windows) carries the PING's own time.
        if self._asked is not None and last_received >= self._asked:
            self._asked = None
        if self._asked is not None:
            limit = self._asked + self.timeout
            if now >= limit:
                return Action.LOST, now
            return Action.WAIT, min(limit, now + self.interval)
        due = last_received + self.interval
        if now < due:
            return Action.WAIT, due
        if not (calls or self.without_calls):
            return Action.WAIT, now + self.interval
        self._asked = now
        # The answer may come at once, and the next silence begin then.
        return Action.PING, now + min(self.timeout, self.interval)
