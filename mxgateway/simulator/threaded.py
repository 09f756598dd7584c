"""ThreadedSimulator: the simulator in a thread with an event loop of its own."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar

from mxgateway.generated.galaxy_repository.v1 import DeployEvent
from mxgateway.simulator.alarms.threaded import ThreadedAlarms
from mxgateway.simulator.audit import Audit
from mxgateway.simulator.control import ControlServer
from mxgateway.simulator.faults import ThreadedFaults
from mxgateway.simulator.galaxy import Galaxy, GalaxyRepository, ObjectSpec
from mxgateway.simulator.loop_thread import LoopThread
from mxgateway.simulator.model import PlantModel
from mxgateway.simulator.plant import GOOD, Plant
from mxgateway.simulator.simulator import Simulator

__all__ = ["ThreadedSimulator"]

T = TypeVar("T")


class ThreadedSimulator:
    """A simulator for callers without an asyncio loop: trio, or synchronous code.

    `with ThreadedSimulator() as sim:` takes what `Simulator` takes and shows the
    same endpoint, key, plant, audit and `faults`. Every method may be called from any
    thread and blocks; from trio call the waiting ones in a worker thread, for
    example with `anyio.to_thread.run_sync`.

    Raises:
        ConfigurationError: As for Simulator.
    """

    def __init__(self, **arguments: Any) -> None:
        self._simulator = Simulator(**arguments)
        self.faults = ThreadedFaults(self._simulator.faults, self._wait)
        self.alarms = ThreadedAlarms(self._simulator.alarms, self._wait)
        self._thread = LoopThread(self._simulator, "mxgateway-simulator", "the simulator")

    # -- life --------------------------------------------------------------------

    def start(self) -> Self:
        """Start the thread and return once the simulator listens.

        Raises:
            OSError: The address cannot be used.
        """
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop the simulator and its thread; harmless when repeated.

        Raises:
            TimeoutError: The thread did not end in time.
        """
        self._thread.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    # -- what a caller needs to connect ----------------------------------------

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._simulator.port

    @property
    def endpoint(self) -> str:
        """`host:port`, as a client takes it."""
        return self._simulator.endpoint

    @property
    def api_key(self) -> str:
        """The first key."""
        return self._simulator.api_key

    @property
    def read_only_key(self) -> str | None:
        """The first key that cannot write, or None."""
        return self._simulator.read_only_key

    @property
    def ca_file(self) -> str | None:
        """The PEM file that clients have to trust, or None."""
        return self._simulator.ca_file

    @property
    def plaintext(self) -> bool:
        """Whether it listens without TLS."""
        return self._simulator.plaintext

    @property
    def session_count(self) -> int:
        """Sessions that are open now."""
        return self._simulator.session_count

    @property
    def control(self) -> ControlServer | None:
        """The control channel, for its endpoint and token, or None."""
        return self._simulator.control

    @property
    def plant(self) -> Plant:
        """The plant; read it from any thread, change it through `set_value` only."""
        return self._simulator.plant

    @property
    def galaxy(self) -> GalaxyRepository:
        """The galaxy; read it from any thread, change it through `redeploy` and `call`."""
        return self._simulator.galaxy

    @property
    def audit(self) -> Audit:
        """What has happened so far; read it from any thread, wait with `wait_until`."""
        return self._simulator.audit

    # -- moving and watching the plant -------------------------------------------

    def scan(self) -> int:
        """Move the plant by one scan; return how many attributes changed."""
        return self._wait(self._simulator.scan())

    def advance(self, seconds: float) -> None:
        """Move a ManualClock and do what is due by then, as `Simulator.advance` does."""
        self._wait(self._simulator.advance(seconds))

    def set_value(
        self, tag: str, value: Any, *, quality: int = GOOD, timestamp: datetime | None = None
    ) -> None:
        """Give an attribute a value from inside the plant, as `Simulator.set_value` does."""
        self._wait(self._simulator.set_value(tag, value, quality=quality, timestamp=timestamp))

    def redeploy(
        self,
        what: PlantModel | Galaxy | Iterable[ObjectSpec] | None = None,
        *,
        at: datetime | None = None,
    ) -> DeployEvent:
        """Deploy a plant, or the same again, as `Simulator.redeploy` does."""
        return self._wait(self._simulator.redeploy(what, at=at))

    def wait_until(self, predicate: Callable[[Simulator], bool], timeout: float = 5.0) -> None:
        """Block until `predicate(simulator)` is true; it runs in the simulator's thread.

        Raises:
            TimeoutError: It was still false after `timeout` seconds.
        """
        self._wait(self._simulator.wait_for(predicate, timeout))

    def call(self, function: Callable[[Simulator], T]) -> T:
        """Return `function(simulator)`, run in the simulator's thread."""

        async def run() -> T:
            return function(self._simulator)

        return self._wait(run())

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._thread.call(coroutine)
