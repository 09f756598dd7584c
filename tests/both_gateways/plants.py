"""One plant behind either gateway: the simulator, and grpcio's C core.

Both get the tags, objects, users and alarms of `interop.plant_rows`. What tests do to a
plant from outside, and what they look at, has one name here for both.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, Unpack

from interop.ccore_alarms import TEST_ALARM
from interop.ccore_gateway import CCoreGateway
from interop.plant_rows import ALARM_TAG, OBJECTS, TAGS, USERS, TagRow

from mxgateway import ClientOptions, GatewayClient, Timestamp
from mxgateway.client import Connector, OptionFields
from mxgateway.generated.mxaccess_gateway.v1 import MxDataType
from mxgateway.simulator import (
    AttributeSpec,
    Galaxy,
    ObjectSpec,
    Settings,
    Simulator,
    TagSpec,
    ThreadedSimulator,
)
from mxgateway.simulator.alarms.conditions import DiscreteAlarm
from mxgateway.simulator.users import GalaxyUser

__all__ = ["PLANTS", "TEST_ALARM", "CCorePlant", "PlantUnderTest", "SimulatedPlant"]

_CALCULATED, _WRITEABLE, _VIEW_ONLY = 2, 10, 6


class PlantUnderTest(ABC):
    """A gateway and its plant; a context manager. Every method may be called from any thread."""

    name: str
    endpoint: str
    api_key: str
    read_only_key: str

    def options(self, **fields: Unpack[OptionFields]) -> ClientOptions:
        """Return options for this gateway, with the key of all scopes."""
        given: OptionFields = {
            "endpoint": self.endpoint,
            "api_key": self.api_key,
            "plaintext": True,
        }
        return ClientOptions(**(given | fields))

    def connect(self, **fields: Unpack[OptionFields]) -> Connector:
        """Return a connection in the making."""
        return GatewayClient.connect(options=self.options(**fields))

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    @abstractmethod
    def set_value(self, tag: str, value: Any, *, quality: int = 192) -> None:
        """Give a tag a value from inside the plant."""

    @abstractmethod
    def writes(self, tag: str) -> list[Any]:
        """Return the values that were written to a tag and took effect, in order."""

    @abstractmethod
    def writers(self, tag: str) -> list[tuple[int, int]]:
        """Return user and verifier recorded for each of these writes."""

    @abstractmethod
    def items(self, session_id: str) -> dict[str, bool]:
        """Return the items of a session by reference, and whether each is advised."""

    @abstractmethod
    def kill_worker(self, session_id: str) -> None:
        """Let the worker of a session die."""

    @abstractmethod
    def evict(self, session_id: str) -> None:
        """Empty the ring of a session."""

    @abstractmethod
    def wait_streams(self, count: int) -> None:
        """Block until so many event streams are open."""

    @abstractmethod
    def redeploy(self) -> None:
        """Deploy the same galaxy again."""

    @abstractmethod
    def set_database(self, *, connected: bool) -> None:
        """Let the database of the galaxy answer or not."""

    @abstractmethod
    def set_cache(self, *, loaded: bool) -> None:
        """Let the cache of the galaxy be loaded or not."""

    @abstractmethod
    def failover(self, reason: str) -> None:
        """Let the alarm provider fail over to the tags."""

    @abstractmethod
    def failback(self) -> None:
        """Let it return."""


class CCorePlant(PlantUnderTest):
    """The gateway on grpcio's C core."""

    name = "c-core"

    def __init__(self) -> None:
        self.gateway = CCoreGateway()
        self.endpoint = self.gateway.endpoint
        self.api_key = self.gateway.api_key
        self.read_only_key = self.gateway.read_only_key
        self._plant = self.gateway.plant

    def __enter__(self) -> Self:
        self.gateway.__enter__()
        # Nothing is in alarm at the start, as with the simulator.
        for alarm in self.gateway.alarms.active():
            self.gateway.alarms.clear(alarm.alarm_full_reference)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.gateway.__exit__(exc_type, exc, traceback)

    def set_value(self, tag: str, value: Any, *, quality: int = 192) -> None:
        self._plant.set(tag, value, quality)

    def writes(self, tag: str) -> list[Any]:
        with self._plant.changed:
            return [write.value for write in self._plant.writes if _same(write.reference, tag)]

    def writers(self, tag: str) -> list[tuple[int, int]]:
        with self._plant.changed:
            found = [write for write in self._plant.writes if _same(write.reference, tag)]
            return [(write.user, write.verifier) for write in found]

    def items(self, session_id: str) -> dict[str, bool]:
        with self._plant.changed:
            items = self._plant.sessions[session_id].items.values()
            return {item.reference: item.advised for item in items}

    def kill_worker(self, session_id: str) -> None:
        self._plant.fail(session_id, "the worker process has died", "UNAVAILABLE")

    def evict(self, session_id: str) -> None:
        self._plant.evict(session_id)

    def wait_streams(self, count: int) -> None:
        def reached(gateway: CCoreGateway) -> bool:
            sessions = gateway.plant.sessions.values()
            return sum(session.reader is not None for session in sessions) == count

        self.gateway.wait_until(reached)

    def redeploy(self) -> None:
        self.gateway.galaxy.redeploy()

    def set_database(self, *, connected: bool) -> None:
        self.gateway.galaxy.connected = connected

    def set_cache(self, *, loaded: bool) -> None:
        self.gateway.galaxy.loaded = loaded

    def failover(self, reason: str) -> None:
        self.gateway.alarms.failover(reason)

    def failback(self) -> None:
        self.gateway.alarms.failback()


class SimulatedPlant(PlantUnderTest):
    """The simulator, in a thread."""

    name = "simulator"

    def __init__(self) -> None:
        users = tuple(GalaxyUser(row.name, row.password, row.guid) for row in USERS)
        self.simulator = ThreadedSimulator(
            seed=1,
            interval=None,
            plant=_tags(),
            galaxy=_galaxy(),
            alarms=[DiscreteAlarm(reference=ALARM_TAG)],
            settings=Settings(users=users, security="windows"),
        )

    def __enter__(self) -> Self:
        self.simulator.start()
        self.endpoint = self.simulator.endpoint
        self.api_key = self.simulator.api_key
        self.read_only_key = self.simulator.read_only_key or ""
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.simulator.stop()

    def set_value(self, tag: str, value: Any, *, quality: int = 192) -> None:
        self.simulator.set_value(tag, value, quality=quality)

    def writes(self, tag: str) -> list[Any]:
        return [write.value for write in self.simulator.audit.writes(tag) if write.succeeded]

    def writers(self, tag: str) -> list[tuple[int, int]]:
        found = [write for write in self.simulator.audit.writes(tag) if write.succeeded]
        return [(write.user_id, write.verifier_id) for write in found]

    def items(self, session_id: str) -> dict[str, bool]:
        def look(simulator: Simulator) -> dict[str, bool]:
            registrations = simulator.gateway.sessions[session_id].registrations.values()
            return {
                item.definition: item.advised
                for registration in registrations
                for item in registration.items.values()
            }

        return self.simulator.call(look)

    def kill_worker(self, session_id: str) -> None:
        self.simulator.faults.kill_worker(session_id)

    def evict(self, session_id: str) -> None:
        self.simulator.faults.evict_ring(session_id)

    def wait_streams(self, count: int) -> None:
        self.simulator.wait_until(lambda simulator: simulator.audit.streams_open == count)

    def redeploy(self) -> None:
        self.simulator.redeploy()

    def set_database(self, *, connected: bool) -> None:
        def change(simulator: Simulator) -> None:
            simulator.galaxy.connection_ok = connected

        self.simulator.call(change)

    def set_cache(self, *, loaded: bool) -> None:
        def change(simulator: Simulator) -> None:
            simulator.galaxy.cache_loaded = loaded

        self.simulator.call(change)

    def failover(self, reason: str) -> None:
        self.simulator.faults.failover(reason)

    def failback(self) -> None:
        self.simulator.faults.failback()


PLANTS: dict[str, Callable[[], PlantUnderTest]] = {
    "simulator": SimulatedPlant,
    "c-core": CCorePlant,
}
"""Makes each of them."""


def _same(reference: str, tag: str) -> bool:
    return reference.lower().removesuffix("[]") == tag.lower()


def _tags() -> list[TagSpec]:
    return [
        TagSpec(
            row.reference,
            MxDataType[row.type.upper()],
            _value(row),
            classification=row.classification,
            category=_CALCULATED if row.classification == _VIEW_ONLY else _WRITEABLE,
            quality=row.quality,
        )
        for row in TAGS
    ]


def _value(row: TagRow) -> object:
    if row.type == "Time" and isinstance(row.value, int):
        return Timestamp.from_unix(row.value // 10**9, row.value % 10**9)
    return row.value


def _galaxy() -> Galaxy:
    return Galaxy(
        ObjectSpec(
            id=row.id,
            tag_name=row.tag_name,
            parent=row.parent,
            category=row.category,
            templates=row.templates,
            contained_name=row.contained_name,
            attributes=tuple(
                AttributeSpec(
                    each.name,
                    each.type,
                    classification=each.classification,
                    category=each.category,
                    alarm=each.alarm,
                    historized=each.historized,
                    length=each.length,
                )
                for each in row.attributes
            ),
        )
        for row in OBJECTS
    )
