"""Simulator: a gateway with a small plant behind it, inside the process."""

from __future__ import annotations

import asyncio
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
from mxgateway.simulator.audit import Audit
from mxgateway.simulator.clock import Clock, IdSource, random_ids, seeded_ids, system_clock
from mxgateway.simulator.demo_plant import demo_plant
from mxgateway.simulator.galaxy import Galaxy, GalaxyRepository, ObjectSpec, demo_galaxy
from mxgateway.simulator.galaxy_service import galaxy_service
from mxgateway.simulator.gateway import Gateway, Settings
from mxgateway.simulator.keys import DEMO_KEY, READ_ONLY_KEY, ApiKey, KeyRing
from mxgateway.simulator.plant import GOOD, Plant, TagSpec
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
        plant: The attributes; by default a small demo plant.
        galaxy: What is deployed; by default the DemoPlant galaxy.
        interval: Seconds between two scans of the plant; None for no scans of its own.
        seed: Fixes signals and ids; None for other ids and values with every run.
        clock: Where all times come from.
        ids: Where session and correlation ids come from; by default from `seed`.
        settings: Limits and delays.

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
        plant: Iterable[TagSpec] | None = None,
        galaxy: Galaxy | Iterable[ObjectSpec] | None = None,
        interval: float | None = 1.0,
        seed: int | None = None,
        clock: Clock = system_clock,
        ids: IdSource | None = None,
        settings: Settings | None = None,
    ) -> None:
        if interval is not None and not interval > 0:
            raise ConfigurationError(f"interval: give seconds above 0, or None, not {interval!r}")
        if not 0 <= port < 65_536:
            raise ConfigurationError(f"port: give 0 to 65535, not {port!r}")
        self._host = host
        self._port = port
        self._tls = tls_context(tls)
        if ca_file is None and isinstance(tls, TlsFiles):
            ca_file = tls.certificate
        self._ca_file = None if ca_file is None else os.fspath(ca_file)
        self._interval = interval
        self._keys = KeyRing(keys)
        self._listener: Listener | None = None
        self._scanner: asyncio.Task[None] | None = None
        if ids is None:
            ids = random_ids() if seed is None else seeded_ids(seed)
        self.seed = random.SystemRandom().getrandbits(32) if seed is None else seed
        self.audit = Audit()
        self.plant = Plant(demo_plant() if plant is None else plant, clock=clock, seed=self.seed)
        self.gateway = Gateway(
            self.plant,
            clock=clock,
            ids=ids,
            audit=self.audit,
            settings=settings or Settings(),
        )
        self.galaxy = GalaxyRepository(
            demo_galaxy() if galaxy is None else galaxy,
            clock=clock,
            builtins=self.gateway.settings.galaxy_builtins,
            watch_buffer=self.gateway.settings.deploy_buffer,
            on_change=self.audit.changed,
        )

    # -- what a caller needs to connect ----------------------------------------

    @property
    def port(self) -> int:
        """The port it listens on.

        Raises:
            ClientClosedError: It has not been started.
        """
        if self._listener is None:
            raise ClientClosedError("the simulator does not run; enter it with `async with`")
        return self._port

    @property
    def endpoint(self) -> str:
        """`host:port`, as a client takes it."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{host}:{self.port}"

    @property
    def api_key(self) -> str:
        """The first key."""
        return self._keys.keys[0].key

    @property
    def read_only_key(self) -> str | None:
        """The first key that cannot write, or None."""
        for key in self._keys.keys:
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
                gateway_service(self.gateway, self._keys),
                galaxy_service(self.gateway, self._keys, self.galaxy),
            ],
            self.audit,
        )
        self._port = await listener.listen(self._host, self._port, self._tls)
        self._listener = listener
        self.gateway.forget_all()
        self.galaxy.restart()
        if self._interval is not None:
            self._scanner = asyncio.create_task(self._scan_for_ever(self._interval))

    async def stop(self) -> None:
        """Close sessions, calls and connections; bounded, and harmless when repeated."""
        listener, self._listener = self._listener, None
        scanner, self._scanner = self._scanner, None
        if scanner is not None:
            scanner.cancel()
            await asyncio.wait([scanner])
        if listener is not None:
            self.gateway.shut_down()
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

    async def _scan_for_ever(self, interval: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + interval, loop.time())
            await asyncio.sleep(due - loop.time())
            self.plant.scan()
            self.audit.changed()

    async def scan(self) -> int:
        """Move the plant by one scan; return how many attributes changed."""
        changed = self.plant.scan()
        self.audit.changed()
        return changed

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
            value = coerce_python(value, target.info, is_array=target.is_array)
        self.plant.set(target, value, quality=quality, timestamp=timestamp)
        self.audit.changed()

    async def redeploy(
        self, galaxy: Galaxy | Iterable[ObjectSpec] | None = None, *, at: datetime | None = None
    ) -> DeployEvent:
        """Deploy a galaxy, or the same one again; subscribers are told, page tokens go stale.

        Args:
            galaxy: What is deployed; None for what was.
            at: Deploy time; by default the clock's.

        Raises:
            ConfigurationError: The galaxy is not sound; then nothing has changed.
        """
        return self.galaxy.redeploy(galaxy, at=at)

    async def wait_for(self, predicate: Callable[[Self], bool], timeout: float = 5.0) -> None:
        """Return once `predicate(simulator)` is true, asked again after all that happens.

        Raises:
            TimeoutError: It was still false after `timeout` seconds.
        """
        await self.audit.wait_for(lambda: predicate(self), timeout)
