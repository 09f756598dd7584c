"""A galaxy of any size, to see how something behaves with a large one."""

from __future__ import annotations

from collections.abc import Iterator

from mxgateway.errors import ConfigurationError
from mxgateway.simulator.galaxy.model import AREA, AttributeSpec, Galaxy, ObjectSpec

__all__ = ["scale_galaxy"]

_PER_AREA = 100
_AREAS_PER_AREA = 20

# Type, security class, category, alarm, historized, array length; used in turn.
_MIX = (
    (3, 6, 2, True, True, None),
    (1, 1, 10, False, True, None),
    (2, 1, 10, False, False, None),
    (5, 6, 2, False, False, None),
    (4, 4, 10, False, True, None),
    (6, 6, 2, False, False, None),
    (3, 4, 10, False, False, 16),
    (1, 6, 2, True, False, None),
)


def scale_galaxy(objects: int, attributes_each: int = 20) -> Galaxy:
    """Return a galaxy of exactly so many objects, the same with every call.

    One object of a hundred is an area, below one root area and at most twenty to a
    level; the others stand in the areas in turn.

    Args:
        objects: Number of objects, areas included.
        attributes_each: Attributes of every object, areas included.

    Raises:
        ConfigurationError: There is no object, or a number is negative.
    """
    if objects < 1 or attributes_each < 0:
        raise ConfigurationError(
            f"give 1 object or more and 0 attributes or more, not {objects} and {attributes_each}"
        )
    return Galaxy(_objects(objects, _attributes(attributes_each)))


def _attributes(count: int) -> tuple[AttributeSpec, ...]:
    return tuple(
        AttributeSpec(f"Attr_{n + 1:03}", *_MIX[n % len(_MIX)][:3], *_MIX[n % len(_MIX)][3:])
        for n in range(count)
    )


def _objects(count: int, attributes: tuple[AttributeSpec, ...]) -> Iterator[ObjectSpec]:
    areas = max(1, count // _PER_AREA)
    for number in range(areas):
        # Area 1 is the root; the others hang below it like the nodes of a heap.
        parent = 0 if number == 0 else (number - 1) // _AREAS_PER_AREA + 1
        yield ObjectSpec(
            id=number + 1,
            tag_name=f"Area_{number + 1:04}",
            parent=parent,
            category=AREA,
            templates=("$gArea", "$Area"),
            attributes=attributes,
        )
    for number in range(areas, count):
        area = number % areas + 1
        yield ObjectSpec(
            id=number + 1,
            tag_name=f"Device_{number + 1:06}",
            parent=area,
            templates=("$Device", "$gUserDefined", "$UserDefined"),
            attributes=attributes,
            host=area,
        )
