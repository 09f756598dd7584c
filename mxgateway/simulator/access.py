"""What the constraints of a key cover (gateway semantics, section 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache

from mxgateway.glob import name_test
from mxgateway.simulator.galaxy.model import Galaxy, ObjectSpec

__all__ = ["Access"]

_glob = lru_cache(maxsize=1024)(name_test)


class Access:
    """Decides by the galaxy that is deployed.

    A constraint is a list of entries; one that fits is enough. An entry with `*`, `?`
    or a dot is a pattern for the whole reference without `[]`. Any other is an object,
    by tag name or by contained path (`Plant/Intake`), and covers all that is below it.

    Args:
        galaxy: Returns what is deployed now.
    """

    def __init__(self, galaxy: Callable[[], Galaxy]) -> None:
        self._galaxy = galaxy

    def covers(self, entries: Iterable[str], reference: str) -> bool:
        """Whether one of the entries covers an attribute."""
        owner = reference.partition(".")[0]
        above: frozenset[str] | None = None
        for entry in entries:
            if any(char in entry for char in "*?."):
                if _glob(entry)(reference):
                    return True
                continue
            if above is None:
                above = self._above(owner)
            if self._tag_name(entry) in above:
                return True
        return False

    def narrowed(self, entries: Iterable[str]) -> Galaxy:
        """Return the galaxy of somebody who may see no more than the entries cover.

        Here a pattern is for tag names. The objects on the way to those that are
        covered stay, without attributes, so that they can be reached from the root. A
        host that is not covered is not named.
        """
        galaxy = self._galaxy()
        entries = tuple(entries)
        roots = {self._tag_name(entry) for entry in entries if not any(c in entry for c in "*?")}
        patterns = [_glob(entry) for entry in entries if any(c in entry for c in "*?")]
        seen: set[int] = set()
        passed: set[int] = set()
        for spec in galaxy.objects:  # parents come before their children
            fits = spec.tag_name.lower() in roots or any(test(spec.tag_name) for test in patterns)
            if fits or spec.parent in seen:
                seen.add(spec.id)
                passed.update(_ids(galaxy, spec))
        shown = seen | passed
        return Galaxy(
            replace(
                spec,
                attributes=spec.attributes if spec.id in seen else (),
                host=spec.host if spec.host in shown else 0,
            )
            for spec in galaxy.objects
            if spec.id in shown
        )

    def _tag_name(self, entry: str) -> str:
        galaxy = self._galaxy()
        spec = galaxy.by_tag(entry) or galaxy.by_path(entry)
        return (entry if spec is None else spec.tag_name).lower()

    def _above(self, object_name: str) -> frozenset[str]:
        """Return an object and all that contains it, in lower case."""
        galaxy = self._galaxy()
        names = {object_name.lower()}
        spec = galaxy.by_tag(object_name)
        if spec is not None:
            found = (galaxy.by_id(number) for number in _ids(galaxy, spec))
            names.update(each.tag_name.lower() for each in found if each is not None)
        return frozenset(names)


def _ids(galaxy: Galaxy, spec: ObjectSpec) -> Iterable[int]:
    """Yield the ids of what contains an object, the nearest first."""
    parent = galaxy.by_id(spec.parent)
    while parent is not None:
        yield parent.id
        parent = galaxy.by_id(parent.parent)
