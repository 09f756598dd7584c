"""One attribute of the running plant, and how it is described."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from mxgateway.errors import ConfigurationError
from mxgateway.generated.mxaccess_gateway.v1 import MxDataType, MxStatusProxy
from mxgateway.simulator.moment import Signal, is_lazy, period_of
from mxgateway.simulator.outage import Outage
from mxgateway.simulator.variant import CoercionError, TypeInfo, coerce_python, type_info

if TYPE_CHECKING:
    from mxgateway.simulator.plant import Plant

__all__ = [
    "CONFIGURATION_ERROR",
    "GOOD",
    "Classification",
    "Owner",
    "Tag",
    "TagSpec",
    "initial_value",
]

GOOD = 192  # OPC DA quality, MXAccess reference, section 5
CONFIGURATION_ERROR = 4

# MXAccess reference, section 7.1: who may write at runtime, by attribute category.
_USER_WRITABLE = frozenset({4, 6, 7, 8, 9, 10})
_APPLICATION_WRITABLE = frozenset({5, 6, 8, 10})
# Of the package alone, of the system, or gone after the start: no client sees them.
_HIDDEN = frozenset({0, 1, 13, 16, 17, 18, 19})
# They tell and change the scan state, so they stay good off scan.
_SCAN_STATE = frozenset({"scanstate", "scanstatecmd"})


class Classification(IntEnum):
    """Security classification of an attribute (MXAccess reference, section 6)."""

    FREE_ACCESS = 0
    OPERATE = 1
    SECURED_WRITE = 2
    VERIFIED_WRITE = 3
    TUNE = 4
    CONFIGURE = 5
    VIEW_ONLY = 6


@dataclass(frozen=True)
class TagSpec:
    """One attribute as a plant is described.

    Attributes:
        reference: `Object.Attribute`, without `[]` for an array.
        data_type: Its MXAccess type.
        value: Initial value; a list for an array, None for no value yet.
        classification: Security classification.
        category: Attribute category, 2 calculated, 10 the normal user attribute.
        signal: What moves it with every scan, or None.
        quality: Initial OPC DA quality.
        is_array: True for an array whose value is None; otherwise the value says it.
        locked: Whether it was locked in a template, so that nobody can write it.
        labels: The labels of a QualifiedEnum in the order of their numbers, from 0; by
            default those that its signal goes through. Without any, every text will do.
    """

    reference: str
    data_type: MxDataType
    value: Any
    classification: int = Classification.OPERATE
    category: int = 10
    signal: Signal | None = None
    quality: int = GOOD
    is_array: bool = False
    locked: bool = False
    labels: tuple[str, ...] = ()


class Owner:
    """What the attributes of one object share.

    Attributes:
        name: Tag name of the object.
        container: Tag name of the object that contains it, or "".
        outage: Why its attributes stand still or fail; None while it runs.
        tags: Those of its attributes that are in use.
    """

    __slots__ = ("container", "name", "outage", "tags")

    def __init__(self, name: str, container: str) -> None:
        self.name = name
        self.container = container
        self.outage: Outage | None = None
        self.tags: list[Tag] = []

    @property
    def failure(self) -> MxStatusProxy | None:
        """The status with which its attributes fail; None where they can be reached."""
        return None if self.outage is None else self.outage.failure

    @property
    def refusal(self) -> MxStatusProxy | None:
        """The status with which writes to them fail because nothing runs that takes them."""
        return None if self.outage is None else self.outage.failure or self.outage.refusal


class Tag:
    """One attribute of the running plant.

    Value, quality and time are those of the last scan whenever they are read; an
    attribute that nobody follows is computed on reading.

    Attributes:
        spec: How it is described.
        reference: `Object.Attribute`, with `[]` for an array.
        info: Its data type and how that travels.
        is_array: Whether the whole attribute is an array.
        classification: Security classification.
        category: Attribute category.
        signal: What moves it, or None.
        owner: Its object.
        rank: Its place in the plant.
        listeners: Items that are advised, in the order of their advise.
        watchers: What `Plant.watch` entered.
        writers: Called with every value that is written, be it the one it had.
    """

    __slots__ = (
        "_encoded",
        "_plant",
        "category",
        "classification",
        "current",
        "current_quality",
        "current_time",
        "every",
        "info",
        "is_array",
        "key",
        "lazy",
        "listeners",
        "memory",
        "moved",
        "owner",
        "rank",
        "reference",
        "scan",
        "scan_state",
        "signal",
        "since",
        "spec",
        "start",
        "watchers",
        "writers",
    )

    def __init__(self, spec: TagSpec, plant: Plant, owner: Owner, rank: int, now: datetime) -> None:
        self._plant = plant
        self.spec = spec
        self.owner = owner
        self.rank = rank
        self.info: TypeInfo = type_info(spec.data_type)
        self.is_array = spec.is_array or isinstance(spec.value, list)
        self.reference = f"{spec.reference}[]" if self.is_array else spec.reference
        self.classification = int(spec.classification)
        self.category = spec.category
        self.signal = spec.signal
        self.lazy = spec.signal is not None and is_lazy(spec.signal)
        self.every = 1 if spec.signal is None else period_of(spec.signal)
        self.scan_state = spec.reference.rpartition(".")[2].lower() in _SCAN_STATE
        self.listeners: dict[Any, None] = {}
        self.watchers: dict[object, Callable[[Tag, datetime], None]] = {}
        self.writers: dict[object, Callable[[Tag], None]] = {}
        # What the plant keeps. The value as of scan `scan`; the members without
        # `current` in their names are for everybody, these are the plant's alone.
        self.current = initial_value(spec)
        self.current_quality = spec.quality
        self.current_time = now
        self._encoded: dict[int | None, bytes] = {}
        self.scan = self.since = 0
        self.start = self.current
        self.memory: Any = None
        # Changed while it was read, and who follows it has not been told yet.
        self.moved = False
        # By name, so that adding an attribute does not move the others.
        digest = hashlib.blake2b(f"{plant.seed}-{spec.reference.lower()}".encode(), digest_size=8)
        self.key = int.from_bytes(digest.digest(), "big")

    def __repr__(self) -> str:
        return f"<Tag {self.reference} {self.value!r} {self.info.data_type.name} {self.quality}>"

    @property
    def value(self) -> Any:
        """The value; None where there is none."""
        if self.lazy:
            self._plant.refresh(self)
        return self.current

    @property
    def quality(self) -> int:
        """OPC DA quality."""
        if self.lazy:
            self._plant.refresh(self)
        outage = self.owner.outage
        # What tells the scan state stays good off scan, but not where nothing answers.
        if outage is not None and (outage.failure is not None or not self.scan_state):
            return self.current_quality if outage.quality is None else outage.quality
        return self.current_quality

    @property
    def timestamp(self) -> datetime:
        """Time of the value."""
        if self.lazy:
            self._plant.refresh(self)
        return self.current_time

    @property
    def encoded(self) -> dict[int | None, bytes]:
        """Encoded payload of the current value by element index (None: the whole value)."""
        if self.lazy:
            self._plant.refresh(self)
        return self._encoded

    @property
    def followed(self) -> bool:
        """Whether somebody has to be told of changes."""
        return bool(self.listeners or self.watchers)

    @property
    def hidden(self) -> bool:
        """Whether its category keeps it from clients."""
        return self.category in _HIDDEN

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of a QualifiedEnum in the order of their numbers, as far as known."""
        if self.info.data_type is not MxDataType.QUALIFIED_ENUM:
            return ()
        return self.spec.labels or tuple(getattr(self.spec.signal, "values", ()))

    def enter(self, value: Any, quality: int, time: datetime) -> None:
        """Take a value, its quality and its time; nobody is told."""
        self.current = value
        self.current_quality = quality
        self.current_time = time
        self.forget_encoded()

    def forget_encoded(self) -> None:
        """Drop encoded payloads, because value, quality or time are others now."""
        self._encoded.clear()

    def writable(self, *, supervisory: bool) -> bool:
        """Whether category and classification allow a write at runtime at all."""
        if self.classification == Classification.VIEW_ONLY or self.spec.locked:
            return False
        return self.category in (_APPLICATION_WRITABLE if supervisory else _USER_WRITABLE)


def initial_value(spec: TagSpec) -> Any:
    """Return the initial value of an attribute in its own type.

    Raises:
        ConfigurationError: It does not fit the type.
    """
    if spec.value is None:
        return None
    is_array = spec.is_array or isinstance(spec.value, list)
    try:
        return coerce_python(spec.value, type_info(spec.data_type), is_array=is_array)
    except CoercionError as error:
        raise ConfigurationError(f"initial value of {spec.reference}: {error}") from error
