"""Deploying: what changes in plant and galaxy, and what clients hear of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from mxgateway.errors import ConfigurationError
from mxgateway.generated.galaxy_repository.v1 import DeployEvent
from mxgateway.simulator.clock import Timer, call_later
from mxgateway.simulator.events import change_tail
from mxgateway.simulator.galaxy import Galaxy, GalaxyRepository, ObjectSpec
from mxgateway.simulator.gateway import Gateway
from mxgateway.simulator.model.derive import ModelSource, galaxy_of
from mxgateway.simulator.model.objects import PlantModel
from mxgateway.simulator.model.scan_state import ScanStates

__all__ = ["Deployer"]


class Deployer:
    """Deploys on command, and on schedule while it is started.

    Args:
        gateway: The gateway, with the running plant.
        repository: The galaxy.
        model: What plant and galaxy were made from; None where they were given apart.
        every: Seconds between two deploys on schedule; None for no schedule.

    Attributes:
        states: Which objects run; None for a plant without a model.

    Raises:
        ConfigurationError: The time makes no sense.
    """

    def __init__(
        self,
        gateway: Gateway,
        repository: GalaxyRepository,
        model: PlantModel | None,
        every: float | None = None,
    ) -> None:
        if every is not None and not every > 0:
            raise ConfigurationError(f"redeploy_every: give seconds above 0, not {every!r}")
        self._gateway = gateway
        self._repository = repository
        self._every = every
        self._timer: Timer | None = None
        self.states = None if model is None else ScanStates(gateway.plant, model)

    def deploy(
        self, what: PlantModel | Galaxy | Iterable[ObjectSpec] | None, *, at: datetime | None = None
    ) -> DeployEvent:
        """Deploy a plant, a galaxy alone, or for None the same once more.

        With a plant, attributes come and go: an advised item whose attribute is gone, or
        is described otherwise now, gets a data change, and so does one that finds its
        attribute only now.

        Raises:
            ConfigurationError: It is not sound; then nothing has changed.
        """
        if not isinstance(what, PlantModel):
            return self._repository.redeploy(what, at=at)
        galaxy = galaxy_of(what)
        self._gateway.plant.replace(ModelSource(what))
        if self.states is None:
            self.states = ScanStates(self._gateway.plant, what)
        else:
            self.states.follow(what)
        event = self._repository.redeploy(galaxy, at=at)
        self._rebind()
        return event

    def _rebind(self) -> None:
        """Let every advised item lead where its reference leads now."""
        gateway = self._gateway
        now = gateway.clock()
        tail = change_tail(now)
        for session in gateway.open_sessions:
            for registration in session.registrations.values():
                for item in registration.items.values():
                    if item.advised:
                        session.resolve_again(item, now, tail)

    # -- on schedule -------------------------------------------------------------

    def start(self) -> None:
        """Begin to deploy on schedule."""
        if self._every is not None:
            self._timer = call_later(self._gateway.clock, self._every, self._due)

    def _due(self) -> None:
        self.deploy(None)
        self.start()

    def stop(self) -> None:
        """Deploy no more on schedule."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
