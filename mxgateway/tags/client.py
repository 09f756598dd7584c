"""TagMethods: read, write and subscribe by tag name; part of GatewayClient."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from mxgateway.connecting import seconds_or
from mxgateway.errors import ConfigurationError
from mxgateway.events import WriteComplete
from mxgateway.events.bounded import Overflow
from mxgateway.reading import TagValue
from mxgateway.tags.engine import TagEngine
from mxgateway.tags.reading import READ_SECONDS, read
from mxgateway.tags.requests import TagWrite, User, WriteRequest
from mxgateway.tags.subscription import TagSubscription
from mxgateway.tags.writing import write_all
from mxgateway.values import DataType

if TYPE_CHECKING:
    from mxgateway.options import ClientOptions

__all__ = ["TagMethods"]

_SECONDS_PER_WRITE = 0.05


class TagMethods:
    """Reads, writes and subscribes by tag name, without handles and sessions.

    The first call opens a session of its own, which `close` closes. While it
    lives its event stream runs. Where it is lost, subscriptions end with
    SessionLostError and the next call opens another.
    """

    _tag_engine: TagEngine | None = None

    if TYPE_CHECKING:

        @property
        def options(self) -> ClientOptions: ...

    @property
    def _tags(self) -> TagEngine:
        if self._tag_engine is None:
            self._tag_engine = TagEngine(self)  # type: ignore[arg-type]  # a part of the client
        return self._tag_engine

    async def _close_tags(self) -> None:
        if self._tag_engine is not None:
            await self._tag_engine.aclose()

    async def read(
        self, tags: Iterable[str] | str, *, timeout: float | None = None
    ) -> list[TagValue]:
        """Return one reading for each tag, in order, duplicates too.

        Nothing is raised for a single tag: a misspelt one has a failing `status`,
        one without an answer in time an `error`. What is subscribed already is
        answered at once (`cached`). Everything else is advised together and given
        back afterwards. A key that may not read events has the worker read the
        tags, one after another (ReadBulk). `mxgateway.tags.raise_errors` raises
        for those who prefer it.

        Args:
            tags: References such as "Pump_001.Speed"; one alone gives a list of one.
            timeout: Seconds for all of them; default 10.

        Raises:
            ConfigurationError: A tag is empty or no text.
            MxGatewayError: No tag at all could be read: no connection, no session.
        """
        seconds = seconds_or("timeout", timeout, READ_SECONDS)
        return await read(self._tags, tags, float("inf") if seconds is None else seconds)

    async def write(
        self,
        tag: str,
        value: object,
        *,
        data_type: DataType | None = None,
        timestamp: dt.datetime | None = None,
        user: User = 0,
        verifier: User = 0,
        timeout: float | None = None,
    ) -> WriteComplete:
        """Write a tag, wait for how it ended, and return its completion.

        The type is the tag's own, as its first value or the galaxy tells it. A tag of
        the class SecuredWrite or VerifiedWrite is written with WriteSecured, if users
        are given. A plain write that the plant refused for the lack of a signature goes out
        again with it; nothing else is ever sent twice. The last tags written stay advised,
        so that writing them again is quick.

        Args:
            tag: The reference.
            value: The value; see `mxgateway.values.to_mx_value`.
            data_type: Its type, where the tag's own shall not count.
            timestamp: The time of the value, aware; None for the plant's.
            user: Who writes: a Login, an id from this session, or 0 for nobody.
            verifier: Who confirms a verified write; another user.
            timeout: Seconds; default the options' `call_timeout`.

        Raises:
            EncodeError: The value does not fit the tag. Nothing was sent.
            TagError: The tag cannot be had, or a user is missing. Nothing was written.
            WriteFailedError: The plant refused the write.
            WriteOutcomeUnknownError: It may have taken effect: look before writing again.
            DeadlineExceededError: No value of the tag came in time. Nothing was written.
        """
        request = WriteRequest(
            tag=tag,
            value=value,
            data_type=data_type,
            timestamp=timestamp,
            user=user,
            verifier=verifier,
        )
        [result] = await self._write_all([request], timeout)
        result.require()
        assert result.event is not None
        return result.event

    async def write_many(
        self,
        writes: Mapping[str, object] | Iterable[WriteRequest | tuple[str, object]],
        *,
        user: User = 0,
        verifier: User = 0,
        timeout: float | None = None,
    ) -> list[TagWrite]:
        """Write several tags and return how each write ended, in order, duplicates too.

        All tags are advised together, then written at the same time, but writes to one tag
        one after another in order. One that fails does not stop the others; see
        `TagWrite.ok`, `error` and `processed`.

        Args:
            writes: Values by tag, pairs of tag and value, or WriteRequests.
            user: Who writes, where a request does not say.
            verifier: Who confirms verified writes, where a request does not say.
            timeout: Seconds for all; default the options' `call_timeout` and 50 ms more for
                each write.

        Raises:
            ConfigurationError: An entry is none of these.
            MxGatewayError: Nothing could be written at all: no connection, no session.
        """
        pairs: object = writes.items() if isinstance(writes, Mapping) else writes
        if isinstance(pairs, str | bytes | bytearray) or not isinstance(pairs, Iterable):
            raise ConfigurationError(
                "writes: give values by tag, pairs of tag and value, or WriteRequests, not "
                f"{type(writes).__name__}"
            )
        requests = [_request(i, entry, user, verifier) for i, entry in enumerate(pairs)]
        return await self._write_all(requests, timeout) if requests else []

    async def _write_all(
        self, requests: list[WriteRequest], timeout: float | None
    ) -> list[TagWrite]:
        default = self.options.call_timeout
        if default is not None:
            default += _SECONDS_PER_WRITE * (len(requests) - 1)
        seconds = seconds_or("timeout", timeout, default)
        return await write_all(self._tags, requests, float("inf") if seconds is None else seconds)

    def subscribe(
        self,
        tags: Iterable[str] | str = (),
        *,
        max_events: int = 10_000,
        max_bytes: int = 16 << 20,
        overflow: Overflow = "error",
    ) -> TagSubscription:
        """Return the values of tags as they change; enter it with `async with`, or iterate it.

        See TagSubscription for what it yields and how tags are added and removed.

        Args:
            tags: References; more can be added later.
            max_events: Values that may wait for the consumer.
            max_bytes: The same in bytes on the wire.
            overflow: What happens when that is exceeded: "error" ends the iteration
                with SlowConsumerError, "drop_oldest" drops and says so.

        Raises:
            ConfigurationError: A tag is empty, or a limit is wrong.
        """
        return TagSubscription(
            self._tags, tags, max_events=max_events, max_bytes=max_bytes, overflow=overflow
        )


def _request(index: int, entry: object, user: User, verifier: User) -> WriteRequest:
    if isinstance(entry, WriteRequest):
        return entry
    if isinstance(entry, tuple) and len(entry) == 2:
        return WriteRequest(tag=entry[0], value=entry[1], user=user, verifier=verifier)
    raise ConfigurationError(
        f"writes[{index}]: give a pair of tag and value or a WriteRequest, "
        f"not {type(entry).__name__}"
    )
