"""Answering one DiscoverHierarchy or BrowseChildren request (gateway semantics, section 10).

Where the semantics leave a choice, this is the simulator's:

- DiscoverHierarchy gives 1000 objects to a page unless asked, and 10000 at most. Either
  call ends a page early that would hold more than 50000 attributes, so that no reply
  comes near the message limit of 16 MiB.
- An object matches `template_chain_contains` when one of its templates contains one of
  the texts, ignoring case.
- `child_has_children` says whether the child has a child that the same filters let through.
- The names of a contained path stand between slashes; dots are understood too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.generated.galaxy_repository.v1 import (
    BrowseChildrenReply,
    BrowseChildrenRequest,
    DiscoverHierarchyReply,
    DiscoverHierarchyRequest,
)
from mxgateway.glob import name_test
from mxgateway.simulator.galaxy.model import Galaxy, ObjectSpec
from mxgateway.simulator.galaxy.tokens import Binding

__all__ = [
    "BROWSE_CAP",
    "BROWSE_DEFAULT",
    "DISCOVER_CAP",
    "DISCOVER_DEFAULT",
    "Listings",
]

DISCOVER_DEFAULT = 1000
DISCOVER_CAP = 10_000
BROWSE_DEFAULT = 500
BROWSE_CAP = 5000
PAGE_ATTRIBUTES = 50_000

_Test = Callable[[ObjectSpec], bool]
_REMEMBERED = 16  # listings of which pages may still be asked for


class Listings:
    """What one deploy of a galaxy answers.

    Args:
        galaxy: The objects.
        sequence: Sequence of the deploy; page tokens are bound to it.
    """

    def __init__(self, galaxy: Galaxy, sequence: int) -> None:
        self._galaxy = galaxy
        self._sequence = sequence
        self._found: dict[Binding, list[ObjectSpec]] = {}

    def discover(self, request: DiscoverHierarchyRequest) -> DiscoverHierarchyReply:
        """Return one page of a hierarchy.

        Raises:
            GRPCError: NOT_FOUND for an unknown root; INVALID_ARGUMENT for a page token
                that is stale, foreign or corrupt, and for a negative size or depth.
        """
        size = _page_size(request.page_size, DISCOVER_DEFAULT, DISCOVER_CAP)
        if request.max_depth is not None and request.max_depth < 0:
            raise _invalid(f"max_depth must not be negative, it is {request.max_depth}")
        binding = Binding.of(request, self._sequence)
        offset = binding.offset(request.page_token)
        top = self._one(
            request.root_gobject_id,
            request.root_tag_name,
            request.root_contained_path,
            "root",
        )
        found = self._found.get(binding)
        if found is None:
            test = _test(request)
            tops = self._galaxy.roots if top is None else (top,)
            walk = self._galaxy.walk(tops, request.max_depth)
            found = self._remember(binding, [spec for spec, _ in walk if test(spec)])
        attributes = request.include_attributes is not False
        page = _page(found, offset, size, attributes=attributes)
        return DiscoverHierarchyReply(
            objects=[spec.message(attributes=attributes) for spec in page],
            next_page_token=binding.token_after(offset + len(page), len(found)),
            total_object_count=len(found),
        )

    def browse(self, request: BrowseChildrenRequest) -> BrowseChildrenReply:
        """Return one page of the children of an object, or of the root objects.

        Raises:
            GRPCError: As for `discover`, for the parent.
        """
        size = _page_size(request.page_size, BROWSE_DEFAULT, BROWSE_CAP)
        binding = Binding.of(request, self._sequence)
        offset = binding.offset(request.page_token)
        parent = self._one(
            request.parent_gobject_id,
            request.parent_tag_name,
            request.parent_contained_path,
            "parent",
        )
        test = _test(request)
        found = self._found.get(binding)
        if found is None:
            children = self._galaxy.children(0 if parent is None else parent.id)
            found = self._remember(binding, [spec for spec in children if test(spec)])
        attributes = request.include_attributes is not False
        page = _page(found, offset, size, attributes=attributes)
        return BrowseChildrenReply(
            children=[spec.message(attributes=attributes) for spec in page],
            next_page_token=binding.token_after(offset + len(page), len(found)),
            total_child_count=len(found),
            child_has_children=[
                any(test(child) for child in self._galaxy.children(spec.id)) for spec in page
            ],
            cache_sequence=self._sequence,
        )

    def _one(
        self, gobject_id: int | None, tag_name: str | None, path: str | None, what: str
    ) -> ObjectSpec | None:
        """Return the root or parent that a request names; None where it names none."""
        if gobject_id is not None:
            found, named = self._galaxy.by_id(gobject_id), f"id {gobject_id}"
        elif tag_name is not None:
            found, named = self._galaxy.by_tag(tag_name), f"tag name {tag_name!r}"
        elif path is not None:
            found, named = self._galaxy.by_path(path), f"contained path {path!r}"
        else:
            return None
        if found is None:
            raise GRPCError(Status.NOT_FOUND, f"the galaxy has no {what} with the {named}")
        return found

    def _remember(self, binding: Binding, found: list[ObjectSpec]) -> list[ObjectSpec]:
        # The pages of one walk come one after the other; filtering once serves them all.
        while len(self._found) >= _REMEMBERED:
            del self._found[next(iter(self._found))]
        self._found[binding] = found
        return found


def _test(request: DiscoverHierarchyRequest | BrowseChildrenRequest) -> _Test:
    """Return whether an object passes all filters of a request."""
    tests: list[_Test] = []
    if request.category_ids:
        categories = frozenset(request.category_ids)
        tests.append(lambda spec: spec.category in categories)
    if request.template_chain_contains:
        texts = [text.lower() for text in request.template_chain_contains]
        tests.append(
            lambda spec: any(text in name.lower() for name in spec.templates for text in texts)
        )
    if request.tag_name_glob:
        matches = name_test(request.tag_name_glob)
        tests.append(lambda spec: matches(spec.tag_name))
    if request.alarm_bearing_only:
        tests.append(lambda spec: spec.has_alarm)
    if request.historized_only:
        tests.append(lambda spec: spec.is_historized)
    return lambda spec: all(test(spec) for test in tests)


def _page_size(asked: int, default: int, cap: int) -> int:
    if asked < 0:
        raise _invalid(f"page_size must not be negative, it is {asked}")
    return min(asked or default, cap)


def _page(
    found: Sequence[ObjectSpec], offset: int, size: int, *, attributes: bool
) -> Sequence[ObjectSpec]:
    page = found[offset : offset + size]
    if not attributes:
        return page
    total = 0
    for index, spec in enumerate(page):
        total += len(spec.attributes)
        if total > PAGE_ATTRIBUTES:
            return page[: max(index, 1)]
    return page


def _invalid(text: str) -> GRPCError:
    return GRPCError(Status.INVALID_ARGUMENT, text)
