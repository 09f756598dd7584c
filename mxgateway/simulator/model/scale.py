"""Plants of any size, to see how something behaves with a large one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mxgateway.errors import ConfigurationError
from mxgateway.generated.mxaccess_gateway.v1 import MxDataType
from mxgateway.simulator.galaxy.model import Galaxy
from mxgateway.simulator.model.derive import galaxy_of
from mxgateway.simulator.model.entries import ModelAttribute, ModelObject, ModelTemplate
from mxgateway.simulator.model.objects import PlantModel
from mxgateway.simulator.moment import Signal
from mxgateway.simulator.signals import Clocked, Counter, RandomWalk, Sine, Square, Steps
from mxgateway.simulator.tag import Classification
from mxgateway.simulator.variant import type_info

__all__ = ["LoadProfile", "scale_galaxy", "scale_model"]

_PER_AREA = 100
_AREAS_PER_AREA = 20
_T = MxDataType
_C = Classification


@dataclass(frozen=True)
class _Sort:
    """One sort of attribute; the sorts are used in turn."""

    data_type: MxDataType
    classification: int
    category: int
    flagged: bool = False
    historized: bool = False
    length: int | None = None
    signal: Signal | None = None


_SORTS = (
    _Sort(_T.FLOAT, _C.VIEW_ONLY, 2, True, True, signal=Sine(50.0, 40.0, 120.0, noise=1.0)),
    _Sort(_T.BOOLEAN, _C.OPERATE, 10, historized=True),
    _Sort(_T.INTEGER, _C.OPERATE, 10),
    _Sort(_T.STRING, _C.VIEW_ONLY, 2, signal=Steps(("Idle", "Running", "Held"), 30)),
    _Sort(_T.DOUBLE, _C.TUNE, 10, historized=True, signal=RandomWalk(0.0, 100.0, 1.0)),
    _Sort(_T.TIME, _C.VIEW_ONLY, 2, signal=Clocked(10)),
    _Sort(_T.FLOAT, _C.TUNE, 10, length=16),
    _Sort(_T.BOOLEAN, _C.VIEW_ONLY, 2, True, signal=Square(period=600, on=20, phase=None)),
)


def scale_model(objects: int, attributes: int = 20) -> PlantModel:
    """Return a plant of exactly so many objects, the same with every call.

    One object of a hundred is an area, below one root area and at most twenty to a
    level; the others stand in the areas in turn. Attributes take memory when they are
    used. Those listed with an alarm have none: a hundred thousand alarms are another test.

    Args:
        objects: Number of objects, areas included.
        attributes: Attributes of every object, areas included.

    Raises:
        ConfigurationError: There is no object, or a number is negative.
    """
    if objects < 1 or attributes < 0:
        raise ConfigurationError(
            f"give 1 object or more and 0 attributes or more, not {objects} and {attributes}"
        )
    made = tuple(_attribute(n) for n in range(attributes))
    return _plant(objects, made, "Scale")


def scale_galaxy(objects: int, attributes_each: int = 20) -> Galaxy:
    """Return the galaxy of `scale_model`.

    Raises:
        ConfigurationError: As for `scale_model`.
    """
    return galaxy_of(scale_model(objects, attributes_each))


def _attribute(number: int) -> ModelAttribute:
    sort = _SORTS[number % len(_SORTS)]
    value: Any = type_info(sort.data_type).default
    return ModelAttribute(
        name=f"Attr_{number + 1:03}",
        data_type=sort.data_type,
        value=value if sort.length is None else [value] * sort.length,
        length=sort.length,
        classification=sort.classification,
        category=sort.category,
        flagged=sort.flagged,
        historized=sort.historized,
        signal=sort.signal,
    )


def _plant(objects: int, attributes: tuple[ModelAttribute, ...], name: str) -> PlantModel:
    return PlantModel(
        _objects(objects),
        [
            ModelTemplate(name="$gArea", derived_from="$Area", attributes=attributes),
            ModelTemplate(name="$Device", derived_from="$gUserDefined", attributes=attributes),
        ],
        name=name,
    )


def _objects(count: int) -> Iterator[ModelObject]:
    areas = max(1, count // _PER_AREA)
    for number in range(areas):
        # Area 1 is the root; the others hang below it like the nodes of a heap.
        parent = (number - 1) // _AREAS_PER_AREA + 1
        yield ModelObject(
            id=number + 1,
            name=_area(number + 1),
            parent=_area(parent) if number else "",
            template="$gArea",
        )
    for number in range(areas, count):
        area = _area(number % areas + 1)
        yield ModelObject(
            id=number + 1,
            name=f"Device_{number + 1:06}",
            parent=area,
            template="$Device",
            host=area,
        )


def _area(number: int) -> str:
    return f"Area_{number:04}"


@dataclass(frozen=True)
class LoadProfile:
    """A plant that changes at a given rate: `Simulator(**LoadProfile(10_000, 20_000).arguments)`.

    Every attribute changes with every scan; a scan is spread over its time in parts, so
    that changes come evenly and not in bursts.

    Attributes:
        tags: Attributes that are there.
        changes: Changes per second with all of them advised.
        pause: Seconds between two parts of a scan.

    Raises:
        ConfigurationError: A number is not above 0.
    """

    tags: int
    changes: float
    pause: float = 0.05

    _EACH = 20  # attributes of one object

    def __post_init__(self) -> None:
        if self.tags < 1 or not self.changes > 0 or not self.pause > 0:
            raise ConfigurationError("a load profile takes numbers above 0")

    @property
    def interval(self) -> float:
        """Seconds from one scan to the next."""
        return self.tags / self.changes

    @property
    def parts(self) -> int:
        """Parts that a scan is spread over."""
        return max(1, min(self.tags, round(self.interval / self.pause)))

    @cached_property
    def model(self) -> PlantModel:
        """The plant: counters, and as many sines with noise."""
        attributes = tuple(
            ModelAttribute(
                name=f"Attr_{number + 1:03}",
                data_type=_T.DOUBLE if number % 2 else _T.INTEGER,
                value=0,
                classification=_C.VIEW_ONLY,
                category=2,
                signal=Sine(50.0, 40.0, 120.0, noise=1.0) if number % 2 else Counter(),
            )
            for number in range(self._EACH)
        )
        return _plant(-(-self.tags // self._EACH), attributes, "Load")

    @property
    def references(self) -> list[str]:
        """The attributes to advise, as many as asked for."""
        found: list[str] = []
        for spec in self.model.objects:
            found.extend(f"{spec.name}.{a.name}" for a in self.model.attributes_of(spec))
        return found[: self.tags]

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments of the simulator that runs it."""
        return {"model": self.model, "interval": self.interval, "scan_parts": self.parts}
