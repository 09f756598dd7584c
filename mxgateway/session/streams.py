"""EventMethods: the session's events, for any number of consumers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import anyio

from mxgateway.errors import ConfigurationError
from mxgateway.events import (
    EventFilter,
    EventHub,
    EventQueue,
    EventStream,
    Families,
    Items,
    Overflow,
)
from mxgateway.generated.mxaccess_gateway.v1 import (
    CloseSessionReply,
    OpenSessionReply,
    StreamEventsRequest,
)
from mxgateway.session.base import SessionBase

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient

__all__ = ["EventMethods", "seconds_of"]

# How long a closed session's stream may take to end by itself, with its last events.
_LAST_EVENTS_SECONDS: Final = 1.0


class EventMethods(SessionBase):
    """The events of a session."""

    def __init__(
        self,
        client: GatewayClient,
        session_id: str,
        *,
        open_reply: OpenSessionReply | None = None,
        version_warnings: tuple[str, ...] = (),
    ) -> None:
        super().__init__(
            client, session_id, open_reply=open_reply, version_warnings=version_warnings
        )
        # Shared, so that no consumer's timeout ends it; each bounds itself.
        self._hub = EventHub(
            lambda after: client.stream_events_raw(
                StreamEventsRequest(session_id=session_id, after_worker_sequence=after),
                timeout=math.inf,
            ),
            lambda func: client._channel.spawn(func),
            session_id,
            check_caller=lambda: client._check_home(),
        )

    @property
    def events(self) -> EventHub:
        """The hub that all consumers of this session's events share."""
        return self._hub

    def stream_events(
        self,
        after_worker_sequence: int = 0,
        *,
        max_events: int = 10_000,
        max_bytes: int = 16 << 20,
        overflow: Overflow = "error",
        families: Families | None = None,
        items: Items | None = None,
        timeout: float | None = None,
    ) -> EventStream:
        """Return the events of this session as they come, typed, in the worker's order.

        May be called any number of times: all consumers share the one stream that the
        gateway allows. That stream starts with the first of them and is reset with
        the last. It is always read, so a slow consumer harms nobody but itself.
        When the session is closed here, iteration ends; when the client is, it ends with
        ConnectionLost; in both cases after the events that have come.

        Args:
            after_worker_sequence: The last `worker_sequence` seen, to resume after it;
                0 for what comes from now on, and for the first consumer also what the
                gateway still holds. Where events in between are lost, a ReplayGapEvent
                comes first.
            max_events: Events that may wait for this consumer.
            max_bytes: Bytes of these events on the wire, and 200 more for each of many statuses,
                times of an array, or elements of a sparse array.
            overflow: When more would wait: "error" ends this consumer with
                SlowConsumerError after what waits; "drop_oldest" drops the oldest and
                puts one DroppedEvents with their count where they were.
            families: Members of MxEventFamily or classes of events to take; None for
                all. Gaps come always.
            items: Item handles, or (server handle, item handle), to take; None for all.
            timeout: Seconds for the whole stream; default the options' `stream_timeout`.

        Raises:
            ConfigurationError: An argument is wrong.
            ClientClosedError: The session is closed.
        """
        self._require_open()
        after = after_worker_sequence
        if isinstance(after, bool) or not isinstance(after, int) or not 0 <= after < 1 << 64:
            raise ConfigurationError(
                f"after_worker_sequence: give 0 or a sequence number, not {after!r}"
            )
        queue = EventQueue(
            max_events, max_bytes, overflow, EventFilter(families, items), self._session_id
        )
        seconds = seconds_of(timeout, self._client.options.stream_timeout)
        return EventStream(self._hub, queue, after=after, timeout=seconds)

    async def close(
        self, *, timeout: float | None = None, correlation_id: str = ""
    ) -> CloseSessionReply:
        """Close the session at the gateway and return its reply, which holds the final state.

        May be called more than once and by several tasks at once: one request is
        sent and all get its reply. After a failure the next call tries again. In a
        scope that is cancelled already the request is still sent, and waited for at
        most 5 seconds; a failure is then logged and the cancellation goes on.
        Consumers of events end after what has come.

        Raises:
            NotFoundError: The gateway does not know the session (any more).
        """
        self._client._check_home()
        try:
            reply = await super().close(timeout=timeout, correlation_id=correlation_id)
            if anyio.current_effective_deadline() != -math.inf:  # not cancelled already
                with anyio.move_on_after(_LAST_EVENTS_SECONDS):
                    await self._hub.wait_idle()
            return reply
        finally:
            self._hub.close()


def seconds_of(value: float | None, default: float | None) -> float | None:
    """Return a timeout; None takes the default, infinity means no limit.

    Raises:
        ConfigurationError: It is no positive number.
    """
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ConfigurationError(f"timeout: give a positive number of seconds, not {value!r}")
    return None if math.isinf(value) else value
