"""The streams without await, each with what its async form tells besides its entries."""

from __future__ import annotations

from typing import Generic, TypeVar

import betterproto2

from mxgateway.alarms import AlarmBook, AlarmChange
from mxgateway.alarms import AlarmFollower as AsyncAlarmFollower
from mxgateway.events import Event
from mxgateway.events import EventStream as AsyncEventStream
from mxgateway.galaxy import DeployWatch as AsyncDeployWatch
from mxgateway.galaxy import HierarchyIterator as AsyncHierarchyIterator
from mxgateway.generated.galaxy_repository.v1 import DeployEvent, GalaxyObject
from mxgateway.sync.blocking import Stream
from mxgateway.transport.metadata import Metadata
from mxgateway.transport.stream import MessageStream as AsyncMessageStream

__all__ = ["AlarmFollower", "DeployWatch", "EventStream", "HierarchyIterator", "MessageStream"]

_Message = TypeVar("_Message", bound=betterproto2.Message)


class MessageStream(Stream[_Message], Generic[_Message]):
    """The messages of one call, see `mxgateway.MessageStream`."""

    _async: AsyncMessageStream[_Message]

    @property
    def initial_metadata(self) -> Metadata | None:
        """Metadata of the reply headers; None before they came."""
        return self._async.initial_metadata

    @property
    def trailing_metadata(self) -> Metadata | None:
        """Metadata of the trailers; None before they came."""
        return self._async.trailing_metadata

    @property
    def last_size(self) -> int:
        """Bytes that the message returned last had on the wire; 0 before the first one."""
        return self._async.last_size


class EventStream(Stream[Event]):
    """The events of a session for one consumer, see `mxgateway.EventStream`."""

    _async: AsyncEventStream

    @property
    def queued(self) -> int:
        """Events that wait to be taken."""
        return self._async.queued

    @property
    def queued_bytes(self) -> int:
        """Bytes of these events, as they were on the wire."""
        return self._async.queued_bytes

    @property
    def dropped(self) -> int:
        """Events that overflow="drop_oldest" has dropped so far."""
        return self._async.dropped


class AlarmFollower(Stream[AlarmChange]):
    """What changes in the alarms, see `mxgateway.AlarmFollower`."""

    _async: AsyncAlarmFollower

    @property
    def book(self) -> AlarmBook:
        """The alarms as they stand after the changes taken so far.

        Give it to the next `follow_alarms` after a lost connection.
        """
        return self._async.book


class DeployWatch(Stream[DeployEvent]):
    """The deploy events of the galaxy, see `mxgateway.DeployWatch`."""

    _async: AsyncDeployWatch

    @property
    def missed(self) -> int:
        """Events known to be lost so far, by gaps in the sequence."""
        return self._async.missed

    @property
    def restarted(self) -> bool:
        """Whether the sequence has fallen: the gateway was started anew."""
        return self._async.restarted

    @property
    def last_sequence(self) -> int | None:
        """Sequence of the last event, for the next watch; None before the first one."""
        return self._async.last_sequence


class HierarchyIterator(Stream[GalaxyObject]):
    """The objects of a hierarchy, page by page, see `mxgateway.HierarchyIterator`."""

    _async: AsyncHierarchyIterator

    @property
    def restarts(self) -> int:
        """How often the walk has started over because of a redeploy."""
        return self._async.restarts
