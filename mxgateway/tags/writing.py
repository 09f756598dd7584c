"""Writing tags: find the type, choose the kind of write, wait for how it ended."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import anyio

from mxgateway.errors import (
    DeadlineExceededError,
    EncodeError,
    MxAccessError,
    MxGatewayError,
    TagError,
    WriteFailedError,
    WriteOutcomeUnknownError,
)
from mxgateway.events import Event, WriteComplete
from mxgateway.generated.mxaccess_gateway.v1 import MxDataType, MxValue
from mxgateway.reading import TagValue
from mxgateway.status import describe_statuses, is_failure
from mxgateway.tags.items import Change, Item, key_of, own, reading_of
from mxgateway.tags.metadata import SECURED, VERIFIED, TagMetadata
from mxgateway.tags.names import check_tags
from mxgateway.tags.requests import TagWrite, User, WriteRequest
from mxgateway.transport.signals import Flag
from mxgateway.values import DataType, data_type_name, to_mx_value

if TYPE_CHECKING:
    from mxgateway.tags.engine import TagEngine
    from mxgateway.tags.tag_session import TagSession

__all__ = ["write_all"]

_SECURED_NEEDED: Final = 1012  # status details, MXAccess reference, section 4.1
_VERIFIED_NEEDED: Final = 1013
_NOT_SUPPORTED: Final = 0x80004021  # MXAccess reference, section 1.3
_AT_ONCE: Final = 32  # tags written together; a session takes 128 commands
_UNTYPED: Final = (MxDataType.UNSPECIFIED, MxDataType.UNKNOWN, MxDataType.NO_DATA)


async def write_all(
    engine: TagEngine, requests: Sequence[WriteRequest], seconds: float
) -> list[TagWrite]:
    """Do the writes and return how each ended, in order; see `GatewayClient.write_many`."""
    check_tags([request.tag for request in requests])
    groups: dict[str, list[int]] = {}
    for index, request in enumerate(requests):
        groups.setdefault(key_of(request.tag), []).append(index)
    job = _Job(engine, seconds)
    results: list[TagWrite | None] = [None] * len(requests)
    limit = anyio.CapacityLimiter(_AT_ONCE)

    async def write_group(indices: list[int]) -> None:
        async with limit:
            for index in indices:
                results[index] = await job.write(requests[index])

    try:
        await job.begin([requests[indices[0]].tag for indices in groups.values()])
        if len(groups) == 1:
            await write_group(next(iter(groups.values())))
        else:
            async with anyio.create_task_group() as tasks:
                for indices in groups.values():
                    tasks.start_soon(write_group, indices)
    finally:
        await job.end()
    return [result for result in results if result is not None]


class _Job:
    """One call of write or write_many: holds the items of its tags while it runs.

    Nothing is sent twice unless the gateway said for certain that the first one
    did not take effect, and why.
    """

    def __init__(self, engine: TagEngine, seconds: float) -> None:
        self._engine = engine
        self._seconds = seconds
        self._deadline = math.inf
        self._session: TagSession | None = None
        self._first: dict[str, Change] = {}
        self._loss: MxGatewayError | None = None
        self._changed = Flag()

    # -- holding -----------------------------------------------------------------

    async def begin(self, tags: Sequence[str]) -> None:
        """Get the session and advise all tags together."""
        self._deadline = anyio.current_time() + self._seconds
        with anyio.move_on_after(self._seconds) as scope, _nothing_written():
            self._session = await self._engine.session()
            await self._session.hold(self, tags)
        if scope.cancelled_caught:
            raise self._late(tags[0])

    async def end(self) -> None:
        """Give the items back; the session keeps the latest ones for the next write."""
        if self._session is not None:
            self._session.keep(self)
            await self._session.release(self)

    def take(self, key: str, change: Change, size: int) -> None:  # noqa: ARG002
        """Keep the latest value of a tag."""
        if _refused(change) and key in self._first:
            return  # a value that was lost since does not matter here
        self._first[key] = change
        self._changed.set()

    def notice(self, event: Event) -> None:
        """A gap of values does not matter here; lost completions are the session's affair."""

    def lose(self, error: MxGatewayError) -> None:
        """Wait no longer."""
        self._loss = error
        self._changed.set()

    # -- one write -----------------------------------------------------------------

    async def write(self, request: WriteRequest) -> TagWrite:
        """Do one write; failures are in the result."""
        try:
            event, secured = await self._write(request)
        except MxGatewayError as error:
            return TagWrite(tag=request.tag, error=error)
        return TagWrite(tag=request.tag, event=event, secured=secured)

    async def _write(self, request: WriteRequest) -> tuple[WriteComplete, bool]:
        item = await self._item(request.tag)
        value = await self._value(request, item)
        users = (request.user, request.verifier) != (0, 0)
        level = await self._classification(request) if users else 0
        if level not in (SECURED, VERIFIED):
            try:
                return await self._send(request, item, value), False
            except WriteFailedError as error:
                level = _level_needed(error)
                if not level:
                    raise
                if not users:
                    raise _users_missing(request, level, error) from error
                # Refused for certain, for the lack of a signature: it goes out with one.
            return await self._send(request, item, value, level), True
        try:
            return await self._send(request, item, value, level), True
        except MxAccessError as error:
            if isinstance(error, WriteFailedError) or not _is_not_supported(error):
                raise
            # Refused for certain: where security is off, only the plain form is known.
            return await self._send(request, item, value), False

    async def _item(self, tag: str) -> Item:
        """Return the item of a tag once its first value has come."""
        session = self._session
        assert session is not None
        key = key_of(tag)
        with anyio.move_on_after(self._left(tag)):
            if self._item_held(key) is None and not _refused(self._first.get(key)):
                self._first.pop(key, None)
                with _nothing_written():
                    await session.hold(self, [tag])  # the item before it was spent
            while key not in self._first:
                if self._loss is not None:
                    raise own(self._loss)
                self._changed.clear()
                await self._changed.wait()
        change = self._first.get(key)
        if change is None:
            raise self._late(tag)
        if isinstance(change, TagValue) and change.error is not None:  # refused
            raise own(change.error)
        failing = [status for status in change.statuses if is_failure(status)]
        if failing:
            raise TagError(f"{tag}: {describe_statuses(failing)}", tag=tag, processed="no")
        item = self._item_held(key)
        if item is None:
            session.check()
            raise self._late(tag)
        return item

    def _item_held(self, key: str) -> Item | None:
        """Return the item that stands for a tag, if it is held here."""
        assert self._session is not None
        item = self._session.items.find(key)
        return item if item is not None and self in item.holders else None

    async def _value(self, request: WriteRequest, item: Item) -> MxValue:
        try:
            return await self._typed(request, item)
        except EncodeError as error:
            if (request.user, request.verifier) == (0, 0):
                raise
            field = error.field
        raise EncodeError(
            "MxValue",
            field,
            f"{request.tag}: the value does not fit; it is not shown, because users sign for it",
        )

    async def _typed(self, request: WriteRequest, item: Item) -> MxValue:
        if request.data_type is not None or isinstance(request.value, MxValue):
            return to_mx_value(request.value, request.data_type, tag=request.tag)
        reading = reading_of(self._first[item.key], request.tag)
        data_type: DataType = reading.data_type
        is_array: bool | None = None if reading.value is None else reading.is_array
        if data_type in _UNTYPED:
            metadata = await self._metadata(request.tag)
            if metadata is not None:
                data_type, is_array = metadata.data_type, metadata.is_array
        value = to_mx_value(request.value, data_type, tag=request.tag)
        if is_array is not None and not value.is_null:
            _check_shape(request, data_type, is_array=is_array, given=value)
        return value

    async def _classification(self, request: WriteRequest) -> int:
        metadata = await self._metadata(request.tag)
        return 0 if metadata is None else metadata.classification

    async def _metadata(self, tag: str) -> TagMetadata | None:
        with anyio.move_on_after(self._left(tag)):
            return await self._engine.metadata.find(tag)
        raise DeadlineExceededError(
            f"{tag}: not written, the galaxy did not answer within {self._seconds:g} s",
            processed="no",
        )

    async def _send(
        self, request: WriteRequest, item: Item, value: MxValue, level: int = 0
    ) -> WriteComplete:
        session = self._session
        assert session is not None
        user = await self._user_id(request.tag, request.user)
        options: dict[str, Any] = {"user_id": user}
        if level:
            verifier = await self._user_id(request.tag, request.verifier)
            if not user or (level == VERIFIED and verifier in (0, user)):
                raise _users_missing(request, level, None)
            options = {"current_user_id": user, "verifier_user_id": verifier}
        if request.timestamp is not None:
            options["timestamp"] = request.timestamp
        while True:
            try:
                return await session.session.write_and_wait(
                    session.server, item.handle, value, timeout=self._left(request.tag), **options
                )
            except TagError:
                if session.items.find(item.key) is item:
                    raise
                # Another write of the tag spent the item meanwhile, so nothing was sent.
                item = await self._item(request.tag)
            except BaseException as error:
                if _leaves_open(error):
                    # A late completion must not be taken for that of the next write.
                    session.retire(item)
                elif isinstance(error, MxGatewayError):
                    session.note(error)
                    loss = session.loss_behind(error)
                    if loss is not None:
                        raise loss from error
                raise

    async def _user_id(self, tag: str, user: User) -> int:
        assert self._session is not None
        with anyio.move_on_after(self._left(tag)), _nothing_written():
            return await self._session.user_id(user)
        raise DeadlineExceededError(
            f"{tag}: not written, the login was not answered within {self._seconds:g} s",
            processed="no",
        )

    def _left(self, tag: str) -> float:
        left = self._deadline - anyio.current_time()
        if left <= 0:
            raise DeadlineExceededError(
                f"{tag}: not written, the {self._seconds:g} s passed before it was its turn",
                processed="no",
            )
        return left

    def _late(self, tag: str) -> DeadlineExceededError:
        return DeadlineExceededError(
            f"{tag}: not written, no value of it came within {self._seconds:g} s",
            processed="no",
        )


@contextlib.contextmanager
def _nothing_written() -> Iterator[None]:
    """Let errors say that nothing was written: that is what the caller has asked for."""
    try:
        yield
    except MxGatewayError as error:
        error.processed = "no"
        raise


def _refused(change: Change | None) -> bool:
    return isinstance(change, TagValue) and change.error is not None


def _leaves_open(error: BaseException) -> bool:
    """Whether a write that ended so may still take effect: unknown, or cancelled on its way."""
    return isinstance(error, WriteOutcomeUnknownError) or not isinstance(error, MxGatewayError)


def _level_needed(error: WriteFailedError) -> int:
    details = {status.detail for status in error.statuses if is_failure(status)}
    if _VERIFIED_NEEDED in details:
        return VERIFIED
    return SECURED if _SECURED_NEEDED in details else 0


def _is_not_supported(error: MxAccessError) -> bool:
    return error.hresult is not None and error.hresult & 0xFFFFFFFF == _NOT_SUPPORTED


def _users_missing(
    request: WriteRequest, level: int, cause: WriteFailedError | None
) -> MxGatewayError:
    if level == VERIFIED:
        text = "a verified write needs two different users: give user= and verifier="
    else:
        text = "a secured write needs a user: give user=, a Login or an id"
    error = TagError(f"{request.tag}: not written, {text}", tag=request.tag, processed="no")
    error.__cause__ = cause
    return error


def _check_shape(
    request: WriteRequest, data_type: DataType, *, is_array: bool, given: MxValue
) -> None:
    array = given.array_value is not None or given.sparse_array_value is not None
    if array != is_array:
        name = data_type_name(MxDataType(data_type)) if isinstance(data_type, int) else data_type
        expects = f"{name}[] expects a sequence" if is_array else f"{name} expects a single value"
        raise EncodeError(
            "MxValue", "value", f"{request.tag}: {expects}, given {type(request.value).__name__}"
        )
