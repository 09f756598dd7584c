"""What an alarm stream has still to send: a snapshot first, then a bounded queue."""

from __future__ import annotations

import asyncio
from collections import deque

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.codec import encode
from mxgateway.generated.mxaccess_gateway.v1 import AlarmFeedMessage

__all__ = ["FeedSubscriber", "shutting_down"]


class FeedSubscriber:
    """What one alarm stream has still to send.

    Args:
        prefix: What the references it is told of begin with.
        snapshot: The messages that it begins with.
        limit: Messages that may wait besides.
    """

    def __init__(self, prefix: str, snapshot: list[AlarmFeedMessage], limit: int) -> None:
        self._limit = limit + len(snapshot)
        self._pending = deque((each, len(encode(each))) for each in snapshot)
        self._wake = asyncio.Event()
        self._reader = asyncio.current_task()
        self.prefix = prefix
        self.error: GRPCError | None = None

    def put(self, message: AlarmFeedMessage, size: int) -> None:
        """Queue a message; where there is no room the stream ends with RESOURCE_EXHAUSTED."""
        if self.error is not None:
            return
        if len(self._pending) >= self._limit:
            text = "AlarmQueueOverflow: the alarm stream is read too slowly; open it again"
            self.end(GRPCError(Status.RESOURCE_EXHAUSTED, text))
            return
        self._pending.append((message, size))
        self._wake.set()

    async def next(self) -> tuple[AlarmFeedMessage, int]:
        """Wait for the next message; return it and its size.

        Raises:
            GRPCError: The stream has to end.
        """
        while not self._pending:
            if self.error is not None:
                raise self.error
            self._wake.clear()
            await self._wake.wait()
        return self._pending.popleft()

    def end(self, error: GRPCError) -> None:
        """End the stream, even one that waits for its client to read."""
        if self.error is not None:
            return
        self.error = error
        self._pending.clear()
        if self._reader is not None:
            self._reader.cancel()


def shutting_down() -> GRPCError:
    """Return the error that streams end with when the gateway ends."""
    return GRPCError(Status.UNAVAILABLE, "the gateway is shutting down")
