"""TagSession: the gateway session behind the tag methods, and the items in it."""

from __future__ import annotations

import contextlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

import anyio
import anyio.lowlevel

from mxgateway.errors import (
    ClientClosedError,
    FailedPreconditionError,
    MxGatewayCommandError,
    MxGatewayError,
    NotFoundError,
    PermissionDeniedError,
    SessionLostError,
    TagError,
)
from mxgateway.events import DataChange, Event, ReplayGapEvent, SequenceGap
from mxgateway.generated.mxaccess_gateway.v1 import ProtocolStatusCode, SubscribeResult
from mxgateway.reading import TagValue
from mxgateway.session import Session
from mxgateway.tags.items import Change, Holder, Item, ItemTable, key_of
from mxgateway.tags.login import Login

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient

__all__ = ["CLIENT_NAME", "TagSession", "failed"]

_T = TypeVar("_T")

_log = logging.getLogger("mxgateway.tags")

CLIENT_NAME: Final = "mxgateway tags"
"""What the session and its registration are called at the gateway."""

_CLEANUP_SECONDS: Final = 5.0
_KEPT_ITEMS: Final = 64  # items written lately that stay advised
_BARE_ARRAY: Final = 1003  # status detail, MXAccess reference, section 4.1
_GONE: Final = (ProtocolStatusCode.SESSION_NOT_FOUND, ProtocolStatusCode.SESSION_NOT_READY)


def failed(tag: str, message: str, cause: BaseException | None = None) -> TagValue:
    """Return the reading of a tag that has no value because of what `message` says."""
    error = TagError(f"{tag}: {message}", tag=tag)
    error.__cause__ = cause
    return TagValue.of(tag, None, 0, None, (), error=error)


class TagSession:
    """One open session with one registration, whose event stream runs as long as it lives.

    A gateway closes a session some time after its stream has ended and faults one
    whose events nobody reads, so the stream is never left while items are there.

    Attributes:
        session: The session.
        server: The handle of the registration.
        items: Its items.
        lost: Whether the session is gone.
        deaf: Why there are no events although the session is there: the key may not
            read them. Nothing can be held then.
    """

    def __init__(
        self,
        client: GatewayClient,
        session: Session,
        server: int,
        on_lost: Callable[[TagSession], None],
    ) -> None:
        self.session = session
        self.server = server
        self.items = ItemTable()
        self.lost = False
        self.deaf: PermissionDeniedError | None = None
        self._spawn = client._channel.spawn
        self._cause: MxGatewayError | None = None
        self._because = ""
        self._on_lost = on_lost
        self._changing = anyio.Lock()
        # Values that came before the reply that tells their handles.
        self._early: dict[int, list[tuple[DataChange, int]]] | None = None
        self._users: dict[Login, int] = {}
        self._signing_in = anyio.Lock()
        self._keeper = _Keeper()
        self._kept: OrderedDict[Item, None] = OrderedDict()

    @classmethod
    async def open(cls, client: GatewayClient, on_lost: Callable[[TagSession], None]) -> TagSession:
        """Open a session, register, and start the event stream."""
        session = await client.open_session(CLIENT_NAME)
        try:
            server = await session.register(CLIENT_NAME)
        except BaseException:
            with anyio.move_on_after(_CLEANUP_SECONDS, shield=True):
                await _quietly(session.close)
            raise
        self = cls(client, session, server, on_lost)
        session.events.attach(self)
        return self

    async def close(self) -> None:
        """Close the session at the gateway, within 5 seconds; failures are logged."""
        if self.lost:
            return
        self._end_all("the client was closed")
        with anyio.move_on_after(_CLEANUP_SECONDS, shield=True):
            await _quietly(self.session.close)

    # -- holding items -----------------------------------------------------------

    async def hold(self, holder: Holder, tags: Sequence[str]) -> None:
        """Make `holder` get the values of `tags`, adding and advising what is not there yet.

        A tag that the gateway refuses gets a reading with an error. Cancelled, it
        leaves nothing held that was not held before.

        Raises:
            SessionLostError: The session is gone.
            PermissionDeniedError: The key may not read events or items.
            MxGatewayError: The command failed; then none of the tags is held anew.
        """
        async with self._changing:
            self.check()
            wanted = {key_of(tag): tag for tag in reversed(tags)}
            wanted = {
                key: wanted[key]
                for key in dict.fromkeys(map(key_of, tags))
                if (found := self.items.find(key)) is None or holder not in found.holders
            }
            there = [item for key in wanted if (item := self.items.find(key)) is not None]
            for item in there:
                item.holders[holder] = wanted[item.key]
            held = list(there)
            try:
                missing = [tag for key, tag in wanted.items() if self.items.find(key) is None]
                if missing:
                    held += await self._add(holder, missing)
                # The command was not cut short, so that its handles are known; now is the time.
                await anyio.lowlevel.checkpoint()
                self.check()  # the stream may have ended meanwhile
            except BaseException:
                for item in held:
                    item.holders.pop(holder, None)
                with anyio.move_on_after(_CLEANUP_SECONDS, shield=True):
                    await self._remove_free(held)
                raise
            for item in there:
                if item.last is not None:
                    holder.take(item.holders[holder], item.last, 0)

    async def release(self, holder: Holder | None, items: Iterable[Item]) -> None:
        """Let `holder` no longer hold `items`; what nobody holds is un-advised and removed.

        It gets no value of them from here on; a `holder` of None only removes what
        nobody holds. Cannot be cancelled; ends within 5 seconds. A failure is logged:
        the items then stay at the gateway until the session is closed.
        """
        released = list(items)
        for item in released:
            if holder is not None:
                item.holders.pop(holder, None)
        with anyio.move_on_after(_CLEANUP_SECONDS, shield=True) as scope:
            async with self._changing:
                await self._remove_free(released)
        if scope.cancelled_caught:
            _log.warning("removing %d items got no answer", len(released))

    async def keep(self, items: Iterable[Item]) -> None:
        """Hold `items` for the session itself, the last 64 of them, so that they stay advised."""
        kept = self._kept
        for item in items:
            if item.last is not None and self.items.find(item.reference) is item:
                item.holders[self._keeper] = item.reference
                kept[item] = None
                kept.move_to_end(item)
        surplus = [kept.popitem(last=False)[0] for _ in range(len(kept) - _KEPT_ITEMS)]
        if surplus:
            await self.release(self._keeper, surplus)

    def retire(self, item: Item) -> None:
        """Have the next one who wants the tag of `item` get a new item, with a fresh handle."""
        self.items.retire(item)
        self._kept.pop(item, None)
        item.holders.pop(self._keeper, None)

    def abandon(self, give_back: Callable[[], Awaitable[None]]) -> None:
        """Run `give_back` later, for an owner that was dropped instead of closed."""
        if not self.lost:
            with contextlib.suppress(ClientClosedError):  # then the items are gone as well
                self._spawn(give_back)

    async def _add(self, holder: Holder, tags: list[str]) -> list[Item]:
        self._early = {}
        try:
            with anyio.CancelScope(shield=True):
                results = await self.command(self.session.subscribe_bulk(self.server, tags))
            added = []
            for tag, result in zip(tags, results, strict=True):
                if result.was_successful and result.item_handle:
                    item = Item(key_of(tag), tag, result.item_handle)
                    item.holders[holder] = tag
                    self.items.add(item)
                    added.append(item)
                else:
                    holder.take(tag, _refused(tag, result), 0)
            for item in added:
                for change, size in self._early.get(item.handle, ()):
                    self._deliver(item, change, size)
            return added
        finally:
            self._early = None

    async def _remove_free(self, items: list[Item]) -> None:
        """Un-advise and remove those of `items` that nobody holds."""
        free = [item for item in items if not item.holders and self.items.at(item.handle) is item]
        self.items.drop(free)
        if not free or self.lost:
            return
        handles = [item.handle for item in free]
        try:
            results = await self.command(self.session.unsubscribe_bulk(self.server, handles))
        except MxGatewayError as error:
            _log.warning("removing %d items failed: %s", len(free), error)
            return
        for item, result in zip(free, results, strict=True):
            if not result.was_successful:
                _log.warning("removing %s failed: %s", item.reference, result.error_message)

    # -- users -----------------------------------------------------------------------

    async def user_id(self, user: Login | int) -> int:
        """Return the id of a user in this session, signing in once; an int is the id itself.

        Raises:
            MxAccessError: The login is refused.
        """
        if not isinstance(user, Login):
            return user
        async with self._signing_in:
            if user not in self._users:
                self._users[user] = await self.command(
                    self.session.authenticate_user(self.server, user.user, user.password)
                )
            return self._users[user]

    # -- events --------------------------------------------------------------------

    def feed(self, event: Event, size: int) -> None:
        """Take an event from the hub and hand it to those who hold its item."""
        if isinstance(event, DataChange):
            item = self.items.at(event.item_handle)
            if item is not None:
                self._deliver(item, event, size)
            elif self._early is not None:
                self._early.setdefault(event.item_handle, []).append((event, size))
        elif isinstance(event, ReplayGapEvent | SequenceGap):
            for holder in {holder: None for item in self.items for holder in item.holders}:
                holder.notice(event)

    def _deliver(self, item: Item, change: DataChange, size: int) -> None:
        if _is_bare_array(item, change):
            self._spawn(lambda: self._add_as_array(item))
            return
        item.last = change
        for holder, tag in tuple(item.holders.items()):
            holder.take(tag, change, size)

    async def _add_as_array(self, item: Item) -> None:
        async with self._changing:
            if not item.holders or self.lost or item.reference.endswith("]"):
                return
            self._early = {}
            reference = f"{item.reference}[]"
            old = item.handle
            try:
                results = await self.command(self.session.subscribe_bulk(self.server, [reference]))
                if results[0].was_successful and results[0].item_handle:
                    self.items.move(item, reference, results[0].item_handle)
                    for change, size in self._early.get(item.handle, ()):
                        self._deliver(item, change, size)
                    await self.command(self.session.unsubscribe_bulk(self.server, [old]))
            except MxGatewayError as error:
                for holder, tag in tuple(item.holders.items()):
                    holder.take(tag, failed(tag, f"adding {reference} failed: {error}", error), 0)
            finally:
                self._early = None

    def end(self, error: MxGatewayError | None) -> None:
        """Take note that the event stream has ended."""
        if isinstance(error, PermissionDeniedError):
            self.deaf = error
            unheard = list(self.items)
            holders = {holder: None for item in unheard for holder in item.holders}
            for item in unheard:
                item.holders.clear()
            for holder in holders:
                holder.lose(error)
            # Advised items whose events nobody reads would fill the worker's queue.
            self._spawn(lambda: self.release(None, unheard))
        else:
            self.lose(error)

    # -- the end ---------------------------------------------------------------------

    def check(self) -> None:
        """Raise unless items can be held.

        Raises:
            SessionLostError: The session is gone.
            PermissionDeniedError: The key may not read events.
        """
        if self.lost:
            raise self._loss()
        if self.deaf is not None:
            raise self.deaf

    def lose(self, cause: MxGatewayError | None) -> None:
        """Take note that the session is gone, and tell all who hold items.

        This is where reconnecting would begin: the holders and their tags are known.
        """
        if self.lost:
            return
        self._cause = cause
        self._on_lost(self)
        self._end_all("it ended at the gateway" if cause is None else str(cause))

    def _end_all(self, because: str) -> None:
        self.lost = True
        self._because = because
        self.session.events.detach(self)
        holders = {holder: None for item in self.items for holder in item.holders}
        self.items.clear()
        for holder in holders:
            holder.lose(self._loss())

    def _loss(self) -> SessionLostError:
        # A new one for each who asks: a raised error collects a traceback of its own.
        error = SessionLostError(
            f"the session of the tags is gone: {self._because}", transient=self._cause is not None
        )
        error.__cause__ = self._cause
        return error

    async def command(self, call: Awaitable[_T]) -> _T:
        """Await a command of the session; one that shows the session gone loses it.

        Raises:
            SessionLostError: The gateway does not know the session, or it is faulted.
            MxGatewayError: As the command.
        """
        try:
            return await call
        except MxGatewayError as error:
            if not self.note(error):
                raise
            raise self._loss() from error

    def note(self, error: MxGatewayError) -> bool:
        """Lose the session if a command's error shows that it is gone; return whether it does."""
        if _shows_loss(error):
            self.lose(error)
            return True
        return False


class _Keeper:
    """Holds items for the session itself; their values do not matter."""

    def take(self, tag: str, change: Change, size: int) -> None:
        """Do nothing: the item has it."""

    def notice(self, event: Event) -> None:
        """Do nothing."""

    def lose(self, error: MxGatewayError) -> None:
        """Do nothing: the items are gone with the session."""


def _shows_loss(error: MxGatewayError) -> bool:
    if isinstance(error, MxGatewayCommandError):
        return error.protocol_status is not None and error.protocol_status.code in _GONE
    return isinstance(error, NotFoundError | FailedPreconditionError)


def _is_bare_array(item: Item, change: DataChange) -> bool:
    """Whether the gateway does not append the `[]` that an array needs by itself."""
    return not item.reference.endswith("]") and any(
        status.detail == _BARE_ARRAY for status in change.raw.statuses
    )


def _refused(tag: str, result: SubscribeResult) -> TagValue:
    return failed(tag, result.error_message or "the gateway refused it without a reason")


async def _quietly(close: Callable[[], Awaitable[object]]) -> None:
    try:
        await close()
    except MxGatewayError as error:
        _log.debug("closing the session of the tags failed: %s", error)
