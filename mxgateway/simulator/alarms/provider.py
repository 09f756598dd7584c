"""Where alarms are taken from: the native alarm manager, or tags where that does not answer."""

from __future__ import annotations

from collections.abc import Callable

from mxgateway.errors import ConfigurationError
from mxgateway.generated.mxaccess_gateway.v1 import AlarmProviderMode, AlarmProviderStatus
from mxgateway.simulator.clock import Clock, Timer, call_later

__all__ = ["FORCED", "Provider"]

FORCED = "forced by configuration"
"""Reason of a provider that never was the native one."""

# Gateway semantics, section 9; how often a manager that answers is asked is our choice.
_ATTEMPTS = 3
_POLL = 1.0
_PROBE = 30.0


class Provider:
    """The provider of the moment, and what makes it change.

    Args:
        clock: Where times come from.
        forced_subtag: Whether alarms are made up from tags for good.

    Attributes:
        mode: Where alarms are taken from now.
        reason: Why.
        since: Since when.
        on_change: Called when it has changed.
    """

    def __init__(self, clock: Clock, *, forced_subtag: bool) -> None:
        self._clock = clock
        self._forced = forced_subtag
        self._answers = True
        self._attempts = 0
        self._timer: Timer | None = None
        self.on_change: Callable[[], None] = lambda: None
        native = AlarmProviderMode.ALARMMGR
        self.mode = AlarmProviderMode.SUBTAG if forced_subtag else native
        self.reason = FORCED if forced_subtag else ""
        self.since = clock()

    @property
    def degraded(self) -> bool:
        """Whether alarms are made up from tags."""
        return self.mode is AlarmProviderMode.SUBTAG

    def status(self) -> AlarmProviderStatus:
        """Return the provider as a message."""
        return AlarmProviderStatus(
            mode=self.mode, degraded=self.degraded, reason=self.reason, since=self.since
        )

    def failover(self, reason: str = "the alarm manager does not answer") -> None:
        """Make alarms up from tags from now on."""
        self._become(AlarmProviderMode.SUBTAG, reason)

    def failback(self) -> None:
        """Take alarms from the alarm manager again; nothing happens where that is so.

        Raises:
            ConfigurationError: The fallback is forced.
        """
        if self._forced:
            raise ConfigurationError("the subtag mode is forced; there is no way back")
        if self.degraded:
            self._become(AlarmProviderMode.ALARMMGR, "the alarm manager answers again")

    def _become(self, mode: AlarmProviderMode, reason: str) -> None:
        self.mode = mode
        self.reason = reason
        self.since = self._clock()
        self.on_change()

    # -- a manager that does not answer ------------------------------------------

    def manager_answers(self, answers: bool) -> None:
        """Let the alarm manager fall silent, or answer again.

        The third poll that fails leads to the subtag mode; there it is probed every 30 s,
        and the third good probe leads back (gateway semantics, section 9).
        """
        self._answers = answers
        self._attempts = 0
        if self._timer is None and not self._forced:
            self._poll()

    def _poll(self) -> None:
        self._timer = None
        if self._answers is not self.degraded:
            self._attempts = 0
        else:
            self._attempts += 1
        if self._attempts == _ATTEMPTS:
            self._attempts = 0
            if self._answers:
                self.failback()
            else:
                self.failover()
        if self._answers and not self.degraded:
            return
        pause = _PROBE if self.degraded else _POLL
        self._timer = call_later(self._clock, pause, self._poll)

    def shut_down(self) -> None:
        """Poll no more; a gateway that starts again begins in its usual mode."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._answers = True
        if not self._forced:
            self.failback()
