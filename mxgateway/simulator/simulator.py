"""Simulator: a gateway with a small plant behind it, inside the process."""

from __future__ import annotations

import os
import random
import ssl
from collections.abc import Callable, Iterable
from datetime import datetime
from os import PathLike
from types import TracebackType
from typing import Any, Self

from mxgateway.errors import ClientClosedError, ConfigurationError
from mxgateway.generated.galaxy_repository.v1 import DeployEvent
from mxgateway.simulator.alarms import Condition
from mxgateway.simulator.alarms.assembly import alarms_of
from mxgateway.simulator.alarms.modes import AlarmModes
from mxgateway.simulator.audit import Audit
from mxgateway.simulator.clock import (
    Clock,
    IdSource,
    ManualClock,
    random_ids,
    seeded_ids,
    system_clock,
)
from mxgateway.simulator.control import ControlServer
from mxgateway.simulator.faults import Faults
from mxgateway.simulator.galaxy import Galaxy, GalaxyRepository, ObjectSpec
from mxgateway.simulator.galaxy_service import galaxy_service
from mxgateway.simulator.gateway import Gateway, Settings
from mxgateway.simulator.keys import DEMO_KEY, READ_ONLY_KEY, ApiKey, KeyRing
from mxgateway.simulator.model import (
    Deployer,
    ModelSource,
    PlantModel,
    demo_model,
    galaxy_of,
)
from mxgateway.simulator.plant import GOOD, Plant, TagSpec
from mxgateway.simulator.schedule import ScanSchedule
from mxgateway.simulator.server import Listener, TlsFiles, tls_context
from mxgateway.simulator.service import gateway_service
from mxgateway.simulator.variant import coerce_python

__all__ = ["Simulator"]


class Simulator:
    """A gateway that runs in this event loop (asyncio).

    `async with Simulator() as sim:` listens on a free port of the loopback
    address; connect to `sim.endpoint` with `sim.api_key`. `ThreadedSimulator`
    runs the same for trio and for synchronous callers.

    With `seed`, `clock` and `interval=None` (then `scan()` moves the plant) two
    runs send the same bytes.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 for a free one.
        tls: None for plaintext; otherwise certificate and key, or a server context,
            which is told to offer HTTP/2 by ALPN.
        ca_file: What clients have to trust; only shown as `ca_file`. By default
            the certificate file, where there is one.
        keys: Who may call; by default one key with all scopes and a read-only one.
        model: The plant: attributes, galaxy and alarms; by default the DemoPlant. See
            `load_model`, `demo_model` and `scale_model`.
        plant: Attributes instead of those of the model; the galaxy does not know them.
        galaxy: What is deployed instead of the model; the plant does not follow it.
        alarms: Alarm conditions instead of those of the model; without a model's plant
            there are none but these.
        interval: Seconds between two scans of the plant; None for no scans of its own.
        scan_parts: Parts that a scan is spread over, one after the other within the interval.
        redeploy_every: Seconds between two deploys of the same galaxy; None for none.
        seed: Fixes signals and ids; None for other ids and values with every run.
        clock: Where all times come from.
        ids: Where session and correlation ids come from; by default from `seed`.
        settings: Limits and delays.
        control: `host:port` of the control channel, on a loopback address; None for none.
        control_token: What its callers have to show; None for a new random one.

    Attributes:
        audit: What has happened so far.
        plant: The attributes.
        galaxy: What is deployed.
        gateway: Sessions and settings.
        keys: Who may call.
        faults: Makes things go wrong.
        control: The control channel, or None.

    Raises:
        ConfigurationError: An argument is wrong or the TLS files cannot be loaded.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | TlsFiles | None = None,
        ca_file: str | PathLike[str] | None = None,
        keys: Iterable[ApiKey] = (DEMO_KEY, READ_ONLY_KEY),
        model: PlantModel | None = None,
        plant: Iterable[TagSpec] | None = None,
        galaxy: Galaxy | Iterable[ObjectSpec] | None = None,
        alarms: Iterable[Condition] | None = None,
        interval: float | None = 1.0,
        scan_parts: int = 1,
        redeploy_every: float | None = None,
        seed: int | None = None,
        clock: Clock = system_clock,
        ids: IdSource | None = None,
        settings: Settings | None = None,
        control: str | None = None,
        control_token: str | None = None,
    ) -> None:
        if model is not None and (plant is not None or galaxy is not None):
            raise ConfigurationError("give a model, or plant and galaxy apart, not both")
        if not 0 <= port < 65_536:
            raise ConfigurationError(f"port: give 0 to 65535, not {port!r}")
        self._host = host
        self._port = port
        self._tls = tls_context(tls)
        if ca_file is None and isinstance(tls, TlsFiles):
            ca_file = tls.certificate
        self._ca_file = None if ca_file is None else os.fspath(ca_file)
        self.keys = KeyRing(keys)
        self._listener: Listener | None = None
        if ids is None:
            ids = random_ids() if seed is None else seeded_ids(seed)
        self.seed = random.SystemRandom().getrandbits(32) if seed is None else seed
        self.audit = Audit()
        self.model = model or demo_model()
        self.plant = Plant(
            ModelSource(self.model) if plant is None else plant, clock=clock, seed=self.seed
        )
        self._schedule = ScanSchedule(self.plant, interval, scan_parts, self.audit.changed)
        self.gateway = Gateway(
            self.plant,
            clock=clock,
            ids=ids,
            audit=self.audit,
            settings=settings or Settings(),
        )
        self.galaxy = GalaxyRepository(
            galaxy_of(self.model) if galaxy is None else galaxy,
            clock=clock,
            builtins=self.gateway.settings.galaxy_builtins,
            watch_buffer=self.gateway.settings.deploy_buffer,
            on_change=self.audit.changed,
            deployed=self.model.deployed if galaxy is None else None,
        )
        self.gateway.references.galaxy = lambda: self.galaxy.galaxy
        self.deployer = Deployer(
            self.gateway, self.galaxy, self.model if plant is None else None, redeploy_every
        )
        if alarms is None:
            alarms = self.model.alarms if plant is None else ()
        self._modes = AlarmModes(self.plant, lambda: self.galaxy.galaxy)
        self.alarms = alarms_of(
            self.gateway,
            alarms,
            galaxy=lambda: self.galaxy.galaxy,
            modes=self._modes,
            ids=seeded_ids(f"alarms-{self.seed}"),
        )
        self.faults = Faults(self)
        self.control = None if control is None else ControlServer(self, control, control_token)

    # -- what a caller needs to connect ----------------------------------------

    @property
    def port(self) -> int:
        """The port it listens on.

        Raises:
            ClientClosedError: It has not been started.
        """
        _ = self.listener  # which says so where there is none
        return self._port

    @property
    def listener(self) -> Listener:
        """What listens, for faults.

        Raises:
            ClientClosedError: It has not been started.
        """
        if self._listener is None:
            raise ClientClosedError("the simulator does not run; enter it with `async with`")
        return self._listener

    @property
    def endpoint(self) -> str:
        """`host:port`, as a client takes it."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{host}:{self.port}"

    @property
    def api_key(self) -> str:
        """The first key."""
        return self.keys.keys[0].key

    @property
    def read_only_key(self) -> str | None:
        """The first key that cannot write, or None."""
        for key in self.keys.keys:
            if not key.scopes & {"invoke:write", "invoke:secure"}:
                return key.key
        return None

    @property
    def ca_file(self) -> str | None:
        """The PEM file that clients have to trust, or None."""
        return self._ca_file

    @property
    def plaintext(self) -> bool:
        """Whether it listens without TLS."""
        return self._tls is None

    @property
    def session_count(self) -> int:
        """Sessions that are open now."""
        return len(self.gateway.open_sessions)

    # -- life --------------------------------------------------------------------

    async def start(self) -> None:
        """Listen, and start scanning the plant.

        A simulator that is started again after a stop listens on the same port and
        knows none of its earlier sessions, as a gateway after a restart.

        Raises:
            OSError: The address cannot be used.
        """
        if self._listener is not None:
            raise ConfigurationError("the simulator runs already")
        listener = Listener(
            [
                gateway_service(self.gateway, self.keys),
                galaxy_service(self.gateway, self.keys, self.galaxy),
            ],
            self.audit,
            self.gateway.gate,
            self.gateway.settings,
        )
        self._port = await listener.listen(self._host, self._port, self._tls)
        self._listener = listener
        self.gateway.start()
        self.galaxy.restart()
        self.deployer.start()
        self._schedule.start()
        if self.control is not None:
            try:
                await self.control.start()
            except BaseException:
                await self.stop()
                raise

    async def stop(self) -> None:
        """Close sessions, calls and connections; bounded, and harmless when repeated."""
        if self.control is not None:
            await self.control.stop()
        listener, self._listener = self._listener, None
        await self._schedule.stop()
        if listener is not None:
            self.faults.shut_down()
            self.deployer.stop()
            self.gateway.shut_down()
            self.alarms.provider.shut_down()
            if self.gateway.alarms is not None:
                self.gateway.alarms.shut_down()
            self.galaxy.shut_down()
            await listener.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    # -- moving and watching the plant -------------------------------------------

    async def scan(self) -> int:
        """Move the plant by one scan; return how many attributes changed."""
        changed = self.plant.scan()
        self.audit.changed()
        return changed

    async def advance(self, seconds: float) -> None:
        """Move a ManualClock and do what is due by then: leases, detach grace, workers that start.

        Raises:
            ConfigurationError: The simulator goes by another clock.
        """
        clock = self.gateway.clock
        if not isinstance(clock, ManualClock):
            raise ConfigurationError("only a simulator made with clock=ManualClock() can advance")
        clock.advance(seconds)
        self.audit.changed()

    async def set_value(
        self, tag: str, value: Any, *, quality: int = GOOD, timestamp: datetime | None = None
    ) -> None:
        """Give an attribute a value from inside the plant; who advised it gets a data change.

        None is no value (a null).

        Raises:
            KeyError: There is no such attribute.
            ValueError: The value does not fit its type.
        """
        target = self.plant[tag]
        if value is not None:
            try:
                value = coerce_python(value, target.info, is_array=target.is_array)
            except ValueError as error:
                raise ValueError(f"{target.reference}: {error}") from error
        self.plant.write(target, value, quality=quality, timestamp=timestamp)
        self.audit.changed()

    async def redeploy(
        self,
        what: PlantModel | Galaxy | Iterable[ObjectSpec] | None = None,
        *,
        at: datetime | None = None,
    ) -> DeployEvent:
        """Deploy a plant, or the same again; subscribers are told, page tokens go stale.

        With a plant, attributes come and go: an advised item whose attribute is gone gets
        a failing data change, one that finds its attribute only now gets its value. A
        galaxy alone changes nothing but what is browsed.

        Args:
            what: What is deployed; None for what was.
            at: Deploy time; by default the clock's.

        Raises:
            ConfigurationError: It is not sound; then nothing has changed.
        """
        event = self.deployer.deploy(what, at=at)
        if isinstance(what, PlantModel):
            self.model = what
            self._modes.reload()
            self.alarms.load(what.alarms)
        self.audit.changed()
        return event

    async def wait_for(self, predicate: Callable[[Self], bool], timeout: float = 5.0) -> None:
        """Return once `predicate(simulator)` is true, asked again after all that happens.

        Raises:
            TimeoutError: It was still false after `timeout` seconds.
        """
        await self.audit.wait_for(lambda: predicate(self), timeout)
