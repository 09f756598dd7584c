"""A discovered hierarchy as a tree of contained paths, and search by tag pattern."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

from mxgateway.errors import ConfigurationError, LimitError
from mxgateway.generated.galaxy_repository.v1 import GalaxyAttribute, GalaxyObject
from mxgateway.glob import compile_pattern
from mxgateway.options import ClientOptions
from mxgateway.printable import printable

__all__ = ["SEPARATOR", "HierarchyNode", "HierarchyTree", "TagHit"]

SEPARATOR: Final = "/"
"""Between the names of a contained path. A dot is understood too where a path is given."""

_SHOWN: Final = 64  # characters of a name in an error


@dataclass(eq=False, slots=True)
class HierarchyNode:
    """One object in its place.

    Attributes:
        object: The object, as the gateway sent it.
        parent: The node it is contained in; None for roots and orphans.
        children: What it contains, areas first, then by name ignoring case.
        is_orphan: Whether it has a parent that the hierarchy does not hold, or
            stands in a circle of parents. Orphans start a tree of their own.
    """

    object: GalaxyObject
    parent: HierarchyNode | None
    children: list[HierarchyNode]
    is_orphan: bool

    @property
    def name(self) -> str:
        """The name shown to people: browse name, contained name or tag name."""
        return _name(self.object)

    @property
    def path(self) -> str:
        """The contained path from the root, `Plant/Intake/Tank_001/InletValve`."""
        # Made when it is asked for: the paths of all nodes are much longer than their names.
        names = []
        node: HierarchyNode | None = self
        while node is not None:
            names.append(node.name)
            node = node.parent
        return SEPARATOR.join(reversed(names))

    def walk(self) -> Iterator[HierarchyNode]:
        """Yield this node and all below it, parents first."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))

    def __repr__(self) -> str:
        return printable(f"<{type(self).__name__} {self.path}, {len(self.children)} children>")


@dataclass(frozen=True, slots=True)
class TagHit:
    """What a search found.

    Attributes:
        reference: What AddItem takes for an attribute, or the tag name of an object.
        object: The object, or the one that has the attribute.
        attribute: The attribute; None where the object itself was found.
    """

    reference: str
    object: GalaxyObject
    attribute: GalaxyAttribute | None


# The longest name, and nodes with their places among their siblings by name in lower case.
_Named: TypeAlias = tuple[int, dict[str, list[tuple[int, HierarchyNode]]]]


class HierarchyTree:
    """The objects of one discovery, found by path, id, tag name and pattern.

    Objects may come in any order. An object that comes twice counts once, as it
    came last. Names are compared ignoring case.

    Args:
        objects: The objects, as `discover_hierarchy` returns them.
        max_depth: Most levels of objects inside each other; `max_depth` of ClientOptions.

    Raises:
        LimitError: There are objects deeper than that.
    """

    def __init__(
        self, objects: Iterable[GalaxyObject], *, max_depth: int = ClientOptions.max_depth
    ) -> None:
        self._by_id = {
            found.gobject_id: HierarchyNode(found, None, [], is_orphan=False) for found in objects
        }
        roots: list[HierarchyNode] = []
        orphans: list[HierarchyNode] = []
        for node in self._by_id.values():
            parent_id = node.object.parent_gobject_id
            parent = self._by_id.get(parent_id)
            if parent_id == 0:
                roots.append(node)
            elif parent is None or parent is node:
                orphans.append(node)
            else:
                node.parent = parent
                parent.children.append(node)
        self._break_circles([*roots, *orphans], orphans)
        for node in orphans:
            node.is_orphan = True
        for siblings in (roots, orphans, *(node.children for node in self._by_id.values())):
            siblings.sort(key=_order)
        self._roots = tuple(roots)
        self._orphans = tuple(orphans)
        self._check_depth(max_depth)
        # Siblings by name, of those levels that somebody has looked for.
        self._named: dict[HierarchyNode | None, _Named] = {}
        self._by_tag: dict[str, HierarchyNode] = {}
        for node in self.walk():
            self._by_tag.setdefault(node.object.tag_name.lower(), node)

    def _break_circles(self, tops: list[HierarchyNode], orphans: list[HierarchyNode]) -> None:
        """Make an orphan of one object of every circle, so that all stay visible."""
        reached = {id(node) for top in tops for node in top.walk()}
        for node in self._by_id.values():
            if id(node) in reached:
                continue
            # Climbing from what no top reaches ends in a circle; cut where it closes.
            climbed: set[int] = set()
            at = node
            while id(at) not in climbed:
                climbed.add(id(at))
                assert at.parent is not None
                at = at.parent
            assert at.parent is not None
            at.parent.children.remove(at)
            at.parent = None
            orphans.append(at)
            reached.update(id(below) for below in at.walk())

    def _check_depth(self, limit: int) -> None:
        level = [*self._roots, *self._orphans]
        depth = 1
        while level:
            if depth > limit:
                raise LimitError(
                    f"the hierarchy has objects on level {depth}, such as "
                    f"{level[0].object.tag_name[:_SHOWN]!r}",
                    option="max_depth",
                    limit=limit,
                )
            level = [child for node in level for child in node.children]
            depth += 1

    @property
    def roots(self) -> tuple[HierarchyNode, ...]:
        """The objects without a parent, areas first, then by name."""
        return self._roots

    @property
    def orphans(self) -> tuple[HierarchyNode, ...]:
        """The objects whose parent is not there, in the same order.

        The root of a partial discovery is one, for its parent was not discovered.
        """
        return self._orphans

    def __len__(self) -> int:
        return len(self._by_id)

    def __repr__(self) -> str:
        orphans = f", {len(self._orphans)} orphans" if self._orphans else ""
        return f"<{type(self).__name__} {len(self)} objects, {len(self._roots)} roots{orphans}>"

    def __iter__(self) -> Iterator[HierarchyNode]:
        return self.walk()

    def walk(self) -> Iterator[HierarchyNode]:
        """Yield all nodes, parents before their children, orphans after the roots."""
        for top in (*self._roots, *self._orphans):
            yield from top.walk()

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self.get(path) is not None

    def __getitem__(self, path: str) -> HierarchyNode:
        """Return the node at a contained path.

        Raises:
            KeyError: There is none.
        """
        node = self.get(path)
        if node is None:
            raise KeyError(path)
        return node

    def get(self, path: str) -> HierarchyNode | None:
        """Return the node at a contained path, or None.

        Where siblings have the same name, it is the first of them.
        """
        lower = path.strip(SEPARATOR).lower()
        return self._at(lower) or self._at(lower.replace(".", SEPARATOR))

    def _at(self, path: str) -> HierarchyNode | None:
        """Return the first node, in the order of `walk`, that has this path."""
        # A name may hold separators itself, so that each of them may be the end of one.
        ends = [*(at for at, c in enumerate(path) if c == SEPARATOR), len(path)]
        waiting = self._fitting(path, None, 0, ends)
        while waiting:
            node, end = waiting.pop()
            if end == len(path):
                return node
            waiting += self._fitting(path, node, end + 1, ends)
        return None

    def _fitting(
        self, path: str, parent: HierarchyNode | None, start: int, ends: Sequence[int]
    ) -> list[tuple[HierarchyNode, int]]:
        """Return the children whose name goes from `start` to one of `ends`, the last first."""
        longest, named = self._siblings(parent)
        later = ends[bisect_left(ends, start) : bisect_right(ends, start + longest)]
        found = [(at, node, end) for end in later for at, node in named.get(path[start:end], ())]
        found.sort(key=lambda each: each[0], reverse=True)
        return [(node, end) for _, node, end in found]

    def _siblings(self, parent: HierarchyNode | None) -> _Named:
        """Return the children of a node, or what has no parent, by name."""
        known = self._named.get(parent)
        if known is None:
            named: dict[str, list[tuple[int, HierarchyNode]]] = {}
            nodes = (*self._roots, *self._orphans) if parent is None else parent.children
            for place, node in enumerate(nodes):
                named.setdefault(node.name.lower(), []).append((place, node))
            known = self._named[parent] = (max(map(len, named), default=0), named)
        return known

    def by_id(self, gobject_id: int) -> HierarchyNode | None:
        """Return the node of an object id, or None."""
        return self._by_id.get(gobject_id)

    def by_tag(self, tag_name: str) -> HierarchyNode | None:
        """Return the node of a tag name, or None."""
        return self._by_tag.get(tag_name.lower())

    @cached_property
    def _attributes(self) -> tuple[list[str], list[tuple[GalaxyObject, GalaxyAttribute]]]:
        pairs = [(node.object, found) for node in self.walk() for found in node.object.attributes]
        return [found.full_tag_reference.lower() for _, found in pairs], pairs

    def find(self, pattern: str, *, objects: bool = True, attributes: bool = True) -> list[TagHit]:
        """Return the objects and attributes whose tag matches a pattern.

        The whole tag has to match, ignoring case: the tag name of an object, the full
        tag reference of an attribute. `*` stands for any text, `?` for one character.
        The reference of an array ends in `[]`; a pattern without it finds it too.

        Args:
            pattern: The pattern, for example `Pump_*.Speed`.
            objects: Whether to look at objects.
            attributes: Whether to look at attributes.

        Returns:
            Objects first, then attributes, each in the order of `walk`.

        Raises:
            ConfigurationError: The pattern is empty.
        """
        if not isinstance(pattern, str) or not pattern:
            raise ConfigurationError(f"pattern: give a text that is not empty, not {pattern!r}")
        matches = compile_pattern(pattern)
        hits: list[TagHit] = []
        if objects:
            hits.extend(
                TagHit(node.object.tag_name, node.object, None)
                for node in self.walk()
                if matches(node.object.tag_name.lower())
            )
        if attributes:
            references, pairs = self._attributes
            hits.extend(
                TagHit(found.full_tag_reference, owner, found)
                for reference, (owner, found) in zip(references, pairs, strict=True)
                if matches(reference) or (reference[-2:] == "[]" and matches(reference[:-2]))
            )
        return hits


def _name(found: GalaxyObject) -> str:
    return found.browse_name or found.contained_name or found.tag_name


def _order(node: HierarchyNode) -> tuple[bool, str, int]:
    return not node.object.is_area, node.name.lower(), node.object.gobject_id
