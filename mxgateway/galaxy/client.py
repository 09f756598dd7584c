"""GalaxyRepositoryClient: what is deployed, browsed read-only."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from mxgateway.connecting import ChannelClient, check_request, seconds_or
from mxgateway.errors import (
    ClientClosedError,
    ConfigurationError,
    MalformedReplyError,
    NotFoundError,
)
from mxgateway.galaxy.browse import LazyBrowseNode, Level, browse_level
from mxgateway.galaxy.filters import BrowseOptions, DiscoverHierarchyOptions
from mxgateway.galaxy.hierarchy import HierarchyIterator
from mxgateway.galaxy.kept import Kept, weight_of
from mxgateway.galaxy.pages import Page, Pages, Progress, collect, not_found
from mxgateway.galaxy.watch import DeployGap, DeployWatch
from mxgateway.generated.galaxy_repository.v1 import (
    BrowseChildrenReply,
    BrowseChildrenRequest,
    DeployEvent,
    DiscoverHierarchyReply,
    DiscoverHierarchyRequest,
    GalaxyObject,
    GalaxyRepositoryStub,
    GetLastDeployTimeRequest,
    TestConnectionRequest,
    WatchDeployEventsRequest,
)
from mxgateway.options import ClientOptions
from mxgateway.timestamp import Timestamp
from mxgateway.transport.channel import Channel
from mxgateway.transport.stream import MessageStream

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient

__all__ = ["GalaxyRepositoryClient"]

_SERVICE: Final = "/galaxy_repository.v1.GalaxyRepository"


class GalaxyRepositoryClient(ChannelClient):
    """A client of the gateway's Galaxy Repository; needs the scope `metadata:read`.

    It starts and ends as GatewayClient does::

        async with GalaxyRepositoryClient.connect(endpoint="plant:5000", plaintext=True) as galaxy:
            for obj in await galaxy.discover_hierarchy(): ...

    or it uses the connection of a GatewayClient, see `on`. Every call takes
    `timeout` in seconds (default: the options' `call_timeout`), counted for each
    page of a walk, and raises the errors of `mxgateway.errors` only.
    """

    def __init__(self, options: ClientOptions, *, channel: Channel | None = None) -> None:
        super().__init__(options, channel=channel)
        self._stub = GalaxyRepositoryStub(self._channel)
        self._owner: GatewayClient | None = None
        self._left = False

    @classmethod
    def on(cls, client: GatewayClient) -> Self:
        """Return a galaxy client that shares the connection of `client`. Nothing is sent.

        It runs while `client` runs, so it needs no entering and no closing. Closing
        it, or leaving it as a context manager, ends this object alone: the
        connection and everything else on it goes on. Closing `client` closes the
        connection for both.
        """
        galaxy = cls(client.options, channel=client._channel)
        galaxy._owner = client
        return galaxy

    @property
    def closed(self) -> bool:
        """Whether this client was closed, or the one whose connection it shares."""
        return self._left or super().closed

    async def __aenter__(self) -> Self:
        if self._owner is None:
            return await super().__aenter__()
        self._check_open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._owner is None:
            await super().__aexit__(exc_type, exc, traceback)
        self._left = True

    async def close(self) -> None:
        """Close the client, and its connection unless that belongs to a GatewayClient.

        May be called in any state, more than once, and by several tasks at once.

        Raises:
            ClientClosedError: The client runs in another event loop or thread.
        """
        if self._owner is None:
            await super().close()
        self._left = True

    def _check_open(self) -> None:
        if self._left:
            raise ClientClosedError("the galaxy client is closed; make a new one")

    async def test_connection(self, *, timeout: float | None = None) -> bool:
        """Return whether the gateway reaches the database of the galaxy.

        A database that does not answer is False, not an error.
        """
        self._check_open()
        reply = await self._unary(self._stub.test_connection, TestConnectionRequest(), timeout)
        return reply.ok

    async def get_last_deploy_time(self, *, timeout: float | None = None) -> Timestamp | None:
        """Return when the galaxy was deployed last, in UTC; None if it never was.

        Raises:
            MalformedReplyError: The reply announces a time and has none.
        """
        self._check_open()
        request = GetLastDeployTimeRequest()
        reply = await self._unary(self._stub.get_last_deploy_time, request, timeout)
        if not reply.present:
            return None
        time = reply.time_of_last_deploy
        if time is None:
            raise MalformedReplyError(
                "GetLastDeployTime: the reply says that there is a time but has none", reply=reply
            )
        return time if isinstance(time, Timestamp) else Timestamp.from_datetime(time)

    async def discover_hierarchy(
        self,
        options: DiscoverHierarchyOptions | None = None,
        *,
        progress: Progress | None = None,
        timeout: float | None = None,
    ) -> list[GalaxyObject]:
        """Return the objects of the galaxy, or of the part that `options` choose.

        All pages are fetched and kept; `iter_hierarchy` holds one page at a time.
        When the galaxy is deployed meanwhile, the walk starts over, at most three
        times; `progress` and the log tell.

        Args:
            options: Root and filters; None for everything.
            progress: Called with a WalkProgress after every page, and when the walk
                starts over.
            timeout: Seconds for each page.

        Raises:
            GalaxyNotFoundError: There is no such root.
            StalePageTokenError: The galaxy was deployed a fourth time during the walk.
            LimitError: There is more than `max_objects` or `max_walk_bytes`.
        """
        kept = Kept(self._options)
        return await collect(self._hierarchy(options, kept, progress, timeout))

    def iter_hierarchy(
        self,
        options: DiscoverHierarchyOptions | None = None,
        *,
        restart: bool = False,
        progress: Progress | None = None,
        timeout: float | None = None,
    ) -> HierarchyIterator:
        """Return the same objects as an async iterator that fetches pages on demand.

        Args:
            options: Root and filters; None for everything.
            restart: What to do when the galaxy is deployed meanwhile: False to end
                with StalePageTokenError, True to start over and leave out the objects
                that were yielded already, see HierarchyIterator.
            progress: Called with a WalkProgress after every page.
            timeout: Seconds for each page.
        """
        kept = Kept(self._options, collecting=False)
        return HierarchyIterator(self._hierarchy(options, kept, progress, timeout), restart=restart)

    def _hierarchy(
        self,
        options: DiscoverHierarchyOptions | None,
        kept: Kept,
        progress: Progress | None,
        timeout: float | None,
    ) -> Pages[GalaxyObject]:
        if options is None:
            options = DiscoverHierarchyOptions()
        elif not isinstance(options, DiscoverHierarchyOptions):
            raise ConfigurationError(
                f"options: give DiscoverHierarchyOptions, not {type(options).__name__}; "
                "discover_hierarchy_raw takes a request message"
            )
        self._check_open()
        seconds_or("timeout", timeout, None)

        async def fetch(token: str) -> Page[GalaxyObject]:
            self._check_open()
            request = options.request(token)
            reply, size = await self._measured(
                f"{_SERVICE}/DiscoverHierarchy", request, DiscoverHierarchyReply, timeout
            )
            found = reply.objects
            elements = len(found) + sum(len(each.attributes) for each in found)
            weight = weight_of(size, elements)
            return Page(found, reply.next_page_token, reply.total_object_count, weight)

        return Pages(fetch, f"discovering {options.root}", kept, progress=progress)

    async def discover_hierarchy_raw(
        self, request: DiscoverHierarchyRequest, *, timeout: float | None = None
    ) -> DiscoverHierarchyReply:
        """Send a DiscoverHierarchy request as it is and return its one page.

        Raises:
            GalaxyNotFoundError: There is no such root.
            ConfigurationError: It is no such message.
        """
        self._check_open()
        check_request(request, DiscoverHierarchyRequest)
        try:
            return await self._unary(self._stub.discover_hierarchy, request, timeout)
        except NotFoundError as error:
            raise not_found(error) from error

    async def browse_children(
        self, request: BrowseChildrenRequest, *, timeout: float | None = None
    ) -> BrowseChildrenReply:
        """Send a BrowseChildren request as it is and return its one page.

        `child_has_children` of the reply runs parallel to `children`.

        Raises:
            GalaxyNotFoundError: There is no such parent.
            ConfigurationError: It is no such message.
        """
        check_request(request, BrowseChildrenRequest)
        try:
            reply, _ = await self._browse_page(request, timeout)
        except NotFoundError as error:
            raise not_found(error) from error
        return reply

    async def _browse_page(
        self, request: BrowseChildrenRequest, timeout: float | None
    ) -> tuple[BrowseChildrenReply, int]:
        self._check_open()
        return await self._measured(
            f"{_SERVICE}/BrowseChildren", request, BrowseChildrenReply, timeout
        )

    async def browse(
        self, options: BrowseOptions | None = None, *, timeout: float | None = None
    ) -> list[LazyBrowseNode]:
        """Return the root objects, or the children of a parent, as nodes to expand.

        Args:
            options: Parent and filters; the filters hold for every level below too.
            timeout: Seconds for each page.

        Raises:
            GalaxyNotFoundError: There is no such parent.
            StalePageTokenError: The galaxy was deployed a fourth time during the walk.
            LimitError: There is more than `max_objects` or `max_walk_bytes`; all levels that
                are fetched below these nodes count together.
        """
        if options is None:
            options = BrowseOptions()
        elif not isinstance(options, BrowseOptions):
            raise ConfigurationError(
                f"options: give BrowseOptions, not {type(options).__name__}; "
                "browse_children takes a request message"
            )
        level = Level(self._browse_page, options, Kept(self._options), 1, self._options.max_depth)
        return await browse_level(level, timeout)

    def watch_deploy_events(
        self,
        last_seen_deploy_time: datetime | None = None,
        *,
        last_seen_sequence: int | None = None,
        on_gap: Callable[[DeployGap], object] | None = None,
        timeout: float | None = None,
    ) -> DeployWatch:
        """Return the deploy events: the current state at once, then one for each deploy.

        Args:
            last_seen_deploy_time: The deploy time that the caller knows; then the
                current state is not sent unless it is newer. Needs a time zone.
            last_seen_sequence: `last_sequence` of an earlier watch, so that a gap between
                the two is noticed.
            on_gap: Called with a DeployGap when events were lost or the gateway restarted.
            timeout: Seconds for the whole stream; default the options' `stream_timeout`.

        Raises:
            ConfigurationError: The time is none or has no time zone, or the sequence is no
                whole number from 0.
        """
        self._check_open()
        known = last_seen_deploy_time
        if known is not None and (not isinstance(known, datetime) or known.utcoffset() is None):
            raise ConfigurationError(
                "last_seen_deploy_time: give a datetime with a time zone, for example in UTC, "
                f"not {known!r}"
            )
        if last_seen_sequence is not None and (
            isinstance(last_seen_sequence, bool)
            or not isinstance(last_seen_sequence, int)
            or last_seen_sequence < 0
        ):
            raise ConfigurationError(
                "last_seen_sequence: give the last_sequence of an earlier watch, a whole number "
                f"from 0, not {last_seen_sequence!r}"
            )
        stream = MessageStream(
            self._channel,
            f"{_SERVICE}/WatchDeployEvents",
            WatchDeployEventsRequest(last_seen_deploy_time=known),
            DeployEvent,
            timeout=seconds_or("timeout", timeout, self._options.stream_timeout),
        )
        return DeployWatch(stream, last_seen_sequence=last_seen_sequence, on_gap=on_gap)
