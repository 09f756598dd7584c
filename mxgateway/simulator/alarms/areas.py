"""The areas of a galaxy, which are the alarm groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mxgateway.simulator.galaxy.model import Galaxy

__all__ = ["Areas"]


class Areas:
    """Finds areas in the galaxy that is deployed at the moment.

    Args:
        galaxy: Returns that galaxy.
    """

    def __init__(self, galaxy: Callable[[], Galaxy]) -> None:
        self._galaxy = galaxy

    def _above(self, object_name: str) -> Iterator[str]:
        galaxy = self._galaxy()
        spec = galaxy.by_tag(object_name)
        while spec is not None and (spec := galaxy.by_id(spec.parent)) is not None:
            if spec.is_area:
                yield spec.tag_name

    def of(self, object_name: str) -> str:
        """Return the area of an object, a contained one taking its container's; or ""."""
        return next(self._above(object_name), "")

    def covers(self, area: str, group: str) -> bool:
        """Whether an area is `group` or holds it (MXAccess reference, section 9)."""
        names = (group, *self._above(group))
        return area.lower() in (name.lower() for name in names)
