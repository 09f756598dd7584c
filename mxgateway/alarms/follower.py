"""AlarmFollower: the alarm feed as changes of a book."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

from mxgateway.alarms.book import AlarmBook
from mxgateway.alarms.changes import AlarmChange
from mxgateway.errors import LimitError
from mxgateway.generated.mxaccess_gateway.v1 import AlarmFeedMessage
from mxgateway.transport.stream import MessageStream

__all__ = ["AlarmFollower"]


class AlarmFollower(AsyncIterator[AlarmChange]):
    """What changes in the alarms, one change after another, and the book they change.

    Iterate it, or use it as an async context manager. Leaving the block or the loop,
    `aclose` and cancelling reset the call at once. It does not connect again by itself:
    when it fails, follow again with the same book, and the new snapshot is compared with it.

    Attributes:
        book: The alarms as they stand once the changes returned so far are known, and
            those of the same message.

    Args:
        stream: The call.
        book: The book of an earlier follower; None for a new one.
    """

    def __init__(
        self, stream: MessageStream[AlarmFeedMessage], book: AlarmBook | None = None
    ) -> None:
        self._stream = stream
        self._changes: deque[AlarmChange] = deque()
        self.book = AlarmBook() if book is None else book
        self.book.begin()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AlarmChange:
        """Return the next change.

        Raises:
            StopAsyncIteration: The gateway ended the feed with OK, or it was closed here.
            RpcError: The gateway ended it with another status.
            ConnectionLost: The connection ended; follow again with `book`.
            LimitError: There are more alarms than the book may have; the feed is closed.
        """
        while not self._changes:
            message = await self._stream.__anext__()
            try:
                changes = self.book.apply(message, size=self._stream.last_size)
            except LimitError:
                self._stream.close()
                raise
            self._changes.extend(changes)
        return self._changes.popleft()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.book!r}>"

    async def aclose(self) -> None:
        """End the feed and tell the gateway. Idempotent."""
        await self._stream.aclose()

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stream.__aexit__(exc_type, exc, traceback)
