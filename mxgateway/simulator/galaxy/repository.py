"""The Galaxy Repository itself, without the network: what is deployed, and who watches."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.errors import ConfigurationError
from mxgateway.generated.galaxy_repository.v1 import DeployEvent
from mxgateway.simulator.access import Access
from mxgateway.simulator.clock import Clock
from mxgateway.simulator.galaxy.builtins import with_builtins
from mxgateway.simulator.galaxy.model import Galaxy, ObjectSpec
from mxgateway.simulator.galaxy.query import Listings

__all__ = ["GalaxyRepository", "Watcher"]

WATCH_BUFFER = 16
_STEP = timedelta(milliseconds=1)  # deploy times differ even while the clock stands still


class Watcher:
    """One subscriber of deploy events, with a bounded buffer that drops the oldest."""

    def __init__(self, size: int) -> None:
        self._events: deque[DeployEvent] = deque(maxlen=size)
        self._wake = asyncio.Event()
        self._ended = False

    def put(self, event: DeployEvent) -> None:
        """Hand over an event; a full buffer loses its oldest one, seen as a gap in the sequence."""
        self._events.append(event)
        self._wake.set()

    def end(self) -> None:
        """Let the subscriber's stream end with UNAVAILABLE."""
        self._ended = True
        self._wake.set()

    async def next(self) -> DeployEvent:
        """Wait for the next event and return it.

        Raises:
            GRPCError: UNAVAILABLE; the gateway is shutting down.
        """
        while not self._events:
            if self._ended:
                raise GRPCError(Status.UNAVAILABLE, "the gateway is shutting down")
            self._wake.clear()
            await self._wake.wait()
        return self._events.popleft()


class GalaxyRepository:
    """A galaxy, its deploys, and the subscribers of deploy events.

    Attributes:
        connection_ok: What TestConnection answers: whether the database is reached.
        cache_loaded: False while the gateway cannot serve the galaxy; then discovering
            and browsing end with UNAVAILABLE.
        sequence: Sequence of the last deploy event; begins at 1 with every start.
        deploy_time: When the galaxy was deployed last; None for never.

    Args:
        galaxy: What is deployed.
        clock: Where deploy times come from.
        builtins: Whether every object lists its built-in attributes too.
        watch_buffer: Deploy events that wait for a subscriber; older ones are dropped.
        on_change: Called when subscribers come or go.
        deployed: When the galaxy was deployed; by default now.

    Raises:
        ConfigurationError: The galaxy is not sound, or the buffer holds nothing.
    """

    def __init__(
        self,
        galaxy: Galaxy | Iterable[ObjectSpec],
        *,
        clock: Clock,
        builtins: bool = False,
        watch_buffer: int = WATCH_BUFFER,
        on_change: Callable[[], None] = lambda: None,
        deployed: datetime | None = None,
    ) -> None:
        if watch_buffer < 1:
            raise ConfigurationError(f"watch_buffer: give 1 or more, not {watch_buffer!r}")
        self._clock = clock
        self._builtins = builtins
        self._watch_buffer = watch_buffer
        self._on_change = on_change
        self._watchers: set[Watcher] = set()
        self.connection_ok = True
        self.cache_loaded = True
        self.sequence = 1
        self.deploy_time: datetime | None = clock() if deployed is None else deployed
        self._observed_at = clock()
        self._load(galaxy)

    def _load(self, galaxy: Galaxy | Iterable[ObjectSpec]) -> None:
        if not isinstance(galaxy, Galaxy):
            galaxy = Galaxy(galaxy)
        self._galaxy = with_builtins(galaxy) if self._builtins else galaxy
        self._list_anew()

    def _list_anew(self) -> None:
        self._listings = Listings(self._galaxy, self.sequence)
        self._narrowed: dict[tuple[str, ...], Listings] = {}

    @property
    def galaxy(self) -> Galaxy:
        """What is deployed now, with built-in attributes where they are listed."""
        return self._galaxy

    @property
    def watchers(self) -> int:
        """Subscribers of deploy events that are connected now."""
        return len(self._watchers)

    def redeploy(
        self, galaxy: Galaxy | Iterable[ObjectSpec] | None = None, *, at: datetime | None = None
    ) -> DeployEvent:
        """Deploy a galaxy, or the same one again, and tell every subscriber.

        Page tokens given out before become stale.

        Args:
            galaxy: What is deployed; None for what was.
            at: Deploy time; by default the clock's, but always after the one before.

        Raises:
            ConfigurationError: The galaxy is not sound; then nothing has changed.
        """
        if galaxy is not None and not isinstance(galaxy, Galaxy):
            galaxy = Galaxy(galaxy)
        now = self._clock()
        before = self.deploy_time
        if at is None:
            at = now if before is None or now > before else before + _STEP
        self.sequence += 1
        self.deploy_time = at
        self._observed_at = now
        if galaxy is not None:
            self._load(galaxy)
        self._list_anew()
        event = self.state()
        for watcher in self._watchers:
            watcher.put(event)
        self._on_change()
        return event

    def undeploy(self) -> None:
        """Forget when the galaxy was deployed, as one that never was."""
        self.deploy_time = None

    def restart(self) -> None:
        """Count deploys from 1 again, as a gateway does that was started anew."""
        self.sequence = 1
        self._list_anew()

    def state(self) -> DeployEvent:
        """Return the current state as the event that tells it."""
        return DeployEvent(
            sequence=self.sequence,
            observed_at=self._observed_at,
            time_of_last_deploy=self.deploy_time,
            time_of_last_deploy_present=self.deploy_time is not None,
            object_count=len(self._galaxy.objects),
            attribute_count=self._galaxy.attribute_count,
        )

    def listings(self, subtrees: tuple[str, ...] | None = None) -> Listings:
        """Return what answers discovering and browsing now, narrowed to subtrees of objects.

        Raises:
            GRPCError: UNAVAILABLE; the galaxy is not loaded.
        """
        if not self.cache_loaded:
            raise GRPCError(Status.UNAVAILABLE, "the galaxy cache is not loaded yet; try again")
        if subtrees is None:
            return self._listings
        found = self._narrowed.get(subtrees)
        if found is None:
            galaxy = Access(lambda: self._galaxy).narrowed(subtrees)
            found = self._narrowed[subtrees] = Listings(galaxy, self.sequence)
        return found

    def subscribe(self, last_seen: datetime | None) -> Watcher:
        """Add a subscriber; it gets the current state unless it has seen that deploy time."""
        watcher = Watcher(self._watch_buffer)
        if last_seen is None or last_seen != self.deploy_time:
            watcher.put(self.state())
        self._watchers.add(watcher)
        self._on_change()
        return watcher

    def unsubscribe(self, watcher: Watcher) -> None:
        """Remove a subscriber."""
        self._watchers.discard(watcher)
        self._on_change()

    def shut_down(self) -> None:
        """End every subscriber's stream."""
        for watcher in self._watchers:
            watcher.end()
