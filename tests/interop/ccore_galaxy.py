"""The Galaxy Repository of the grpcio gateway (gateway semantics, section 10)."""

from __future__ import annotations

import fnmatch
import hashlib
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import grpc
from google_messages import load_google_modules
from interop.observed import Observed
from interop.plant_rows import OBJECTS, AttributeRow, ObjectRow

if TYPE_CHECKING:
    from interop.ccore_gateway import CCoreGateway

__all__ = ["DISCOVER_LIMIT", "Galaxy", "GalaxyRpcs", "TokenError", "object_message"]

DISCOVER_LIMIT = 100
"""Most objects on a page of DiscoverHierarchy; also what an unset size means."""
BROWSE_DEFAULT, BROWSE_LIMIT = 500, 5000

_FIRST_DEPLOY = (1_760_000_000, 123_456_700)
_AREA = 13
_TYPE_NAMES = {1: "Boolean", 2: "Integer", 3: "Float", 4: "Double", 5: "String", 6: "Time"}


class TokenError(Exception):
    """The page token belongs to another deploy, or to another request."""


class UnknownError(Exception):
    """There is no such root or parent."""


def object_message(row: ObjectRow, *, attributes: bool = True) -> Any:
    """Return an object as the galaxy lists it."""
    pb = load_google_modules().galaxy_pb2
    return pb.GalaxyObject(
        gobject_id=row.id,
        tag_name=row.tag_name,
        contained_name=row.contained_name,
        browse_name=row.contained_name or row.tag_name,
        parent_gobject_id=row.parent,
        is_area=row.category == _AREA,
        category_id=row.category,
        template_chain=row.templates,
        attributes=[_attribute(row, each) for each in row.attributes] if attributes else [],
    )


def _attribute(row: ObjectRow, attribute: AttributeRow) -> Any:
    pb = load_google_modules().galaxy_pb2
    array = attribute.length is not None
    brackets = "[]" if array else ""
    return pb.GalaxyAttribute(
        attribute_name=attribute.name,
        full_tag_reference=f"{row.tag_name}.{attribute.name}{brackets}",
        mx_data_type=attribute.type,
        data_type_name=_TYPE_NAMES[attribute.type],
        is_array=array,
        array_dimension=attribute.length or 0,
        array_dimension_present=array,
        mx_attribute_category=attribute.category,
        security_classification=attribute.classification,
        is_historized=attribute.historized,
        is_alarm=attribute.alarm,
    )


class Galaxy:
    """What is deployed. Thread-safe by `changed`, the plant's lock.

    Attributes:
        sequence: Sequence of the last deploy.
        connected: Whether the database of the galaxy answers.
        loaded: Whether the cache that everything else is answered from is loaded.
    """

    def __init__(self, changed: Any) -> None:
        self.changed = changed
        self.sequence = 1
        self.connected = True
        self.loaded = True
        self.rows = OBJECTS
        self._pb = load_google_modules().galaxy_pb2
        self._watchers: list[deque[Any]] = []

    def redeploy(self, *, lost: int = 0) -> None:
        """Deploy once more; `lost` deploys before it are told to nobody."""
        with self.changed:
            self.sequence += 1 + lost
            for queue in self._watchers:
                queue.append(self.event())
            self.changed.notify_all()

    def restart(self) -> None:
        """Count deploys from 1 again, as a gateway that was started anew, and tell it."""
        with self.changed:
            self.sequence = 1
            for queue in self._watchers:
                queue.append(self.event())
            self.changed.notify_all()

    def event(self) -> Any:
        """Return the present state as the event that tells it."""
        event = self._pb.DeployEvent(
            sequence=self.sequence,
            time_of_last_deploy_present=True,
            object_count=len(self.rows),
            attribute_count=sum(len(row.attributes) for row in self.rows),
        )
        event.observed_at.seconds, event.observed_at.nanos = _FIRST_DEPLOY
        moment = event.time_of_last_deploy
        moment.seconds, moment.nanos = _FIRST_DEPLOY[0] + self.sequence, _FIRST_DEPLOY[1]
        return event

    def watch(self, request: Any, observed: Observed) -> Iterator[Any]:
        """Yield the present state, unless it was seen, then every deploy."""
        queue: deque[Any] = deque()
        with self.changed:
            now = self.event()
            if request.last_seen_deploy_time != now.time_of_last_deploy:
                queue.append(now)
            self._watchers.append(queue)
        try:
            while True:
                with self.changed:
                    self.changed.wait_for(lambda: queue or observed.ended.is_set())
                if observed.ended.is_set():
                    return
                yield queue.popleft()
        finally:
            with self.changed:
                self._watchers.remove(queue)

    def discover(self, request: Any) -> Any:
        """Return one page of a hierarchy."""
        depth = request.max_depth.value if request.HasField("max_depth") else None
        root = self._named(request, "root")
        found = [row for row in self._below(root, depth) if _passes(request, row)]
        page, token = self._page(request, found, request.page_size or DISCOVER_LIMIT)
        attributes = not request.HasField("include_attributes") or request.include_attributes
        return self._pb.DiscoverHierarchyReply(
            objects=[object_message(row, attributes=attributes) for row in page],
            next_page_token=token,
            total_object_count=len(found),
        )

    def browse(self, request: Any) -> Any:
        """Return one page of the children of an object, areas first."""
        parent = self._named(request, "parent")
        found = [row for row in self._children(parent) if _passes(request, row)]
        size = min(request.page_size or BROWSE_DEFAULT, BROWSE_LIMIT)
        page, token = self._page(request, found, size, limit=BROWSE_LIMIT)
        attributes = not request.HasField("include_attributes") or request.include_attributes
        return self._pb.BrowseChildrenReply(
            children=[object_message(row, attributes=attributes) for row in page],
            next_page_token=token,
            total_child_count=len(found),
            child_has_children=[
                any(_passes(request, child) for child in self._children(row)) for row in page
            ],
            cache_sequence=self.sequence,
        )

    def _children(self, parent: ObjectRow | None) -> list[ObjectRow]:
        found = [row for row in self.rows if row.parent == (parent.id if parent else 0)]
        return sorted(
            found,
            key=lambda row: (row.category != _AREA, (row.contained_name or row.tag_name).lower()),
        )

    def _below(self, top: ObjectRow | None, depth: int | None) -> list[ObjectRow]:
        level = self._children(None) if top is None else [top]
        found = []
        while level:
            found += level
            if depth is not None:
                if depth == 0:
                    break
                depth -= 1
            level = [child for row in level for child in self._children(row)]
        return found

    def _named(self, request: Any, oneof: str) -> ObjectRow | None:
        member = request.WhichOneof(oneof)
        if member is None:
            return None
        wanted = getattr(request, member)
        for row in self.rows:
            if member.endswith("gobject_id") and row.id == wanted:
                return row
            if member.endswith("tag_name") and row.tag_name.lower() == wanted.lower():
                return row
            if member.endswith("contained_path") and self._path(row).lower() == wanted.lower():
                return row
        raise UnknownError(f"no object {wanted!r}")

    def _path(self, row: ObjectRow) -> str:
        name = row.contained_name or row.tag_name
        above = next((each for each in self.rows if each.id == row.parent), None)
        return name if above is None else f"{self._path(above)}/{name}"

    def _page(
        self, request: Any, found: list[ObjectRow], size: int, limit: int = DISCOVER_LIMIT
    ) -> tuple[list[ObjectRow], str]:
        bare = type(request)()
        bare.CopyFrom(request)
        bare.page_size = 0
        bare.page_token = ""
        key = hashlib.sha256(bare.SerializeToString(deterministic=True)).hexdigest()[:16]
        start = 0
        if request.page_token:
            parts = request.page_token.split(":")
            if parts[:2] != [f"{self.sequence}", key] or len(parts) != 3:
                raise TokenError
            start = int(parts[2])
        stop = start + min(size, limit)
        token = f"{self.sequence}:{key}:{stop}" if stop < len(found) else ""
        return found[start:stop], token


def _passes(request: Any, row: ObjectRow) -> bool:
    texts = [text.lower() for text in request.template_chain_contains]
    glob = request.tag_name_glob.lower().replace("[", "[[]")
    return (
        (not request.category_ids or row.category in request.category_ids)
        and (not texts or any(t in name.lower() for name in row.templates for t in texts))
        and (not glob or fnmatch.fnmatchcase(row.tag_name.lower(), glob))
        and (not request.alarm_bearing_only or any(a.alarm for a in row.attributes))
        and (not request.historized_only or any(a.historized for a in row.attributes))
    )


class GalaxyRpcs:
    """The five Galaxy RPCs. Mixed into the servicer that grpcio's generator made."""

    def __init__(self, gateway: CCoreGateway) -> None:
        self._gateway = gateway
        self._pb = load_google_modules().galaxy_pb2

    def TestConnection(self, request: Any, context: Any) -> Any:  # noqa: N802
        with self._observed("TestConnection", context):
            return self._pb.TestConnectionReply(ok=self._gateway.galaxy.connected)

    def GetLastDeployTime(self, request: Any, context: Any) -> Any:  # noqa: N802
        with self._observed("GetLastDeployTime", context):
            time = self._gateway.galaxy.event().time_of_last_deploy
            return self._pb.GetLastDeployTimeReply(present=True, time_of_last_deploy=time)

    def DiscoverHierarchy(self, request: Any, context: Any) -> Any:  # noqa: N802
        return self._answer("DiscoverHierarchy", self._gateway.galaxy.discover, request, context)

    def BrowseChildren(self, request: Any, context: Any) -> Any:  # noqa: N802
        return self._answer("BrowseChildren", self._gateway.galaxy.browse, request, context)

    def WatchDeployEvents(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        with self._observed("WatchDeployEvents", context) as observed:
            observed.require("metadata:read")
            yield from self._gateway.galaxy.watch(request, observed)

    def _observed(self, method: str, context: Any) -> Observed:
        return Observed(self._gateway.journal, method, context)

    def _answer(self, method: str, ask: Any, request: Any, context: Any) -> Any:
        with self._observed(method, context) as observed:
            observed.require("metadata:read")
            if not self._gateway.galaxy.loaded:
                context.abort(grpc.StatusCode.UNAVAILABLE, "the galaxy is not loaded yet")
            try:
                with self._gateway.galaxy.changed:
                    return ask(request)
            except TokenError:
                context.abort(
                    grpc.StatusCode.INVALID_ARGUMENT,
                    "the page token is stale or of another request; start with the first page",
                )
            except UnknownError as unknown:
                context.abort(grpc.StatusCode.NOT_FOUND, str(unknown))
