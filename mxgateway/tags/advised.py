"""AdvisedItems: the items of one session: added, advised, handed to their holders, removed."""

from __future__ import annotations

import contextlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, TypeVar

import anyio

from mxgateway.errors import (
    ClientClosedError,
    MxGatewayError,
    PermissionDeniedError,
    SessionLostError,
)
from mxgateway.events import DataChange, Event, ReplayGapEvent, SequenceGap
from mxgateway.generated.mxaccess_gateway.v1 import SubscribeResult
from mxgateway.reading import TagValue
from mxgateway.session import Session
from mxgateway.tags.clerk import Clerk, Job
from mxgateway.tags.handles import Handles
from mxgateway.tags.items import Change, Holder, Item, ItemTable, key_of
from mxgateway.tags.readings import bulk_reading, failed, is_bare_array

__all__ = ["AdvisedItems"]

_T = TypeVar("_T")

_log = logging.getLogger("mxgateway.tags")

_PATIENCE: Final = 2.0  # seconds that who gives items back waits until they are gone
_KEPT_ITEMS: Final = 64  # items written lately that stay advised


class AdvisedItems:
    """The items behind the tag methods, in one registration of one session.

    They are added and removed by a Clerk, one command after another, whatever
    becomes of who asked.

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
        session: Session,
        server: int,
        spawn: Callable[[Callable[[], Awaitable[None]]], None],
    ) -> None:
        self.session = session
        self.server = server
        self.items = ItemTable()
        self.lost = False
        self.deaf: PermissionDeniedError | None = None
        self._clerk = Clerk(spawn)
        # Values that came before the reply that tells their handles.
        self._early: dict[int, list[tuple[DataChange, int]]] | None = None
        self._handles = Handles(session, server, self.items, self.command, lambda: self.lost)
        self._keeper = _Keeper()
        self._kept: OrderedDict[Item, None] = OrderedDict()

    # -- the session ---------------------------------------------------------------

    def check(self) -> None:
        """Raise unless items can be held.

        Raises:
            SessionLostError: The session is gone.
            PermissionDeniedError: The key may not read events.
        """
        raise NotImplementedError

    async def command(self, call: Awaitable[_T]) -> _T:
        """Await a command of the session; one that shows the session gone loses it.

        Raises:
            SessionLostError: The gateway does not know the session, or it is faulted.
            MxGatewayError: As the command.
        """
        raise NotImplementedError

    def _loss(self) -> SessionLostError:
        raise NotImplementedError

    # -- holding items -----------------------------------------------------------

    async def hold(self, holder: Holder, tags: Sequence[str]) -> None:
        """Make `holder` get the values of `tags`, adding and advising what is not there yet.

        A tag that the gateway refuses gets a reading with an error. Failed or cancelled,
        it leaves nothing held that was not held before.

        Raises:
            SessionLostError: The session is gone.
            PermissionDeniedError: The key may not read events or items.
            MxGatewayError: The command failed; then none of the tags is held anew.
        """
        self.check()
        anew: list[Item] = []
        missing = self._hold_there(holder, tags, anew)
        if not missing:
            return
        job = self._clerk.ask(lambda job: self._hold_missing(job, holder, missing, anew))
        try:
            await job.wait()
            self.check()  # the stream may have ended meanwhile
        except BaseException:
            job.dropped = True
            await self._release(holder, anew, after=job)
            raise

    async def release(self, holder: Holder, items: Iterable[Item] | None = None) -> None:
        """Let `holder` no longer hold `items`; what nobody holds is un-advised and removed.

        It gets no value of them from here on. Anyhow cancelled, they are removed all the
        same; it returns when they are, or after 2 seconds. A failure is logged: they are
        then removed with the next ones, or with the session.

        Args:
            holder: Who held them.
            items: Some of its items; None for all.
        """
        await self._release(holder, self.items.held_by(holder) if items is None else items)

    async def _release(
        self, holder: Holder, items: Iterable[Item], after: Job | None = None
    ) -> None:
        job = self.drop(holder, items, after)
        if job is not None:
            with contextlib.suppress(MxGatewayError):  # which is logged
                with anyio.move_on_after(_PATIENCE, shield=True):
                    await job.wait()

    def drop(
        self, holder: Holder, items: Iterable[Item] | None = None, after: Job | None = None
    ) -> Job | None:
        """Do as `release` without waiting.

        Args:
            holder: Who held them.
            items: Some of its items; None for all.
            after: A dropped job that may add items yet.

        Returns:
            What is still to be done; None for nothing.
        """
        self.items.let_go(holder, self.items.held_by(holder) if items is None else items)
        adding = after is not None and after.started
        if self.lost or not (adding or self.items.some_free):
            return None
        return self._ask(lambda _: self._handles.give_back())

    def keep(self, holder: Holder) -> None:
        """Hold what `holder` holds for the session itself, the last 64 of all such items.

        They stay advised, so that writing them again is quick.
        """
        kept = self._kept
        for item in self.items.held_by(holder):
            if item.last is not None and self.items.find(item.key) is item:
                self.items.hold(self._keeper, item)
                kept[item] = None
                kept.move_to_end(item)
        surplus = [kept.popitem(last=False)[0] for _ in range(len(kept) - _KEPT_ITEMS)]
        self.drop(self._keeper, surplus)

    def retire(self, item: Item) -> None:
        """Have the next one who wants the tag of `item` get a new item, with a fresh handle."""
        self.items.retire(item)
        self._kept.pop(item, None)
        self.items.let_go(self._keeper, [item])

    # -- what the clerk does -------------------------------------------------------------

    def _hold_there(self, holder: Holder, tags: Iterable[str], anew: list[Item]) -> dict[str, str]:
        """Hold the items that are there; return the tags that have none, by key."""
        missing: dict[str, str] = {}
        for tag in tags:
            key = key_of(tag)
            item = self.items.find(key)
            if item is None:
                missing.setdefault(key, tag)
            elif holder not in item.holders:
                self.items.hold(holder, item)
                anew.append(item)
                if item.last is not None and not item.stale:
                    holder.take(key, item.last, 0)
        return missing

    async def _hold_missing(
        self, job: Job, holder: Holder, tags: dict[str, str], anew: list[Item]
    ) -> None:
        self.check()
        missing = self._hold_there(holder, tags.values(), anew)  # others may have added some
        if missing:
            await self._add(job, holder, missing, anew)

    async def _add(
        self, job: Job, holder: Holder, missing: dict[str, str], anew: list[Item]
    ) -> None:
        self._early = {}
        try:
            results = await self._subscribe(list(missing.values()))
            if self.lost:
                raise self._loss()
            for (key, tag), result in zip(missing.items(), results, strict=True):
                item = self._enter(key, tag, result)
                if isinstance(item, TagValue):
                    if not job.dropped:
                        holder.take(key, item, 0)
                    continue
                if not job.dropped:
                    self.items.hold(holder, item)
                    anew.append(item)
                # Also of one that nobody holds: who finds it before it goes gets no other value.
                for change, size in self._early.get(item.handle, ()):
                    self._deliver(item, change, size)
        finally:
            self._early = None
        if self._handles.strays.waiting:
            await self._handles.give_back()

    def _enter(self, key: str, tag: str, result: SubscribeResult) -> Item | TagValue:
        """Enter what a result adds, which nobody holds yet; return a reading for a refusal."""
        handle = result.item_handle
        other = self.items.at(handle)
        if not result.was_successful or not handle:
            if handle and other is None:
                self._handles.strays.add(handle)  # added, it seems, and not advised
            text = result.error_message or "the gateway refused it without a reason"
            return failed(tag, text)
        if other is not None:
            text = f"the gateway gave it the item handle {handle}, which is {other.reference}'s"
            return failed(tag, text)
        if self._handles.is_used(result):
            self._handles.strays.add(handle)
            text = f"the gateway gave it the item handle {handle} of an item removed just now"
            return failed(tag, text)
        item = Item(key, tag, handle)
        self.items.add(item)
        self._handles.take(handle)
        return item

    async def _subscribe(self, tags: list[str]) -> list[SubscribeResult]:
        assert self._early is not None
        return await self._handles.get(tags, self._early)

    async def _add_as_array(self, item: Item) -> None:
        if not item.holders or self.lost or item.reference.endswith("]"):
            return
        reference = f"{item.reference}[]"
        old = item.handle
        self._early = {}
        try:
            [result] = await self._subscribe([reference])
            if self.items.at(old) is not item:
                return  # the session is gone
            handle = result.item_handle
            taken = self.items.at(handle) is not None or self._handles.is_used(result)
            if not result.was_successful or not handle or taken:
                if handle and self.items.at(handle) is None:
                    self._handles.strays.add(handle)
                text = result.error_message or "the gateway gave it no handle of its own"
                self._tell(item, failed(reference, text))
                return
            self.items.move(item, reference, handle)
            for change, size in self._early.get(item.handle, ()):
                self._deliver(item, change, size)
        except MxGatewayError as error:
            self._tell(item, failed(item.reference, f"adding {reference} failed: {error}", error))
            return
        finally:
            self._early = None
        self._handles.strays.add(old)
        await self._handles.give_back()

    async def _refresh(self) -> None:
        """Ask the worker for what events were lost of; what has changed since is known already."""
        stale = [item for item in self.items if item.stale and item.holders]
        if self.lost or self.deaf is not None or not stale:
            return
        references = [item.reference for item in stale]
        try:
            results = await self.command(self.session.read_bulk(self.server, references))
        except MxGatewayError as error:
            _log.warning("reading %d tags anew after a gap failed: %s", len(stale), error)
            for item in stale:
                self._tell_lost(item, str(error), error)
            return
        for item, result in zip(stale, results, strict=True):
            if not result.was_successful:
                self._tell_lost(item, result.error_message or "no reason given")
            elif item.stale:
                self._hand_out(item, bulk_reading(item.reference, result), 0)

    def _tell_lost(self, item: Item, reason: str, error: MxGatewayError | None = None) -> None:
        if item.stale and self.items.at(item.handle) is item:  # not gone with the session
            text = f"values of it were lost, and reading it anew failed: {reason}"
            self._tell(item, failed(item.reference, text, error))

    def _tell(self, item: Item, reading: TagValue) -> None:
        for holder in tuple(item.holders):
            holder.take(item.key, reading, 0)

    # -- events --------------------------------------------------------------------

    def feed(self, event: Event, size: int) -> None:
        """Take an event from the hub and hand it to those who hold its item."""
        if isinstance(event, DataChange):
            item = self.items.at(event.item_handle)
            if item is not None:
                self._deliver(item, event, size)
            elif self._early is not None:
                self._early.setdefault(event.item_handle, []).append((event, size))
            elif event.server_handle == self.server and self._handles.is_stray(event.item_handle):
                self._ask(lambda _: self._handles.give_back())
        elif isinstance(event, ReplayGapEvent | SequenceGap):
            for holder in self.items.holders():
                holder.notice(event)
            for item in self.items:
                item.stale = True
            self._ask(lambda _: self._refresh())

    def _deliver(self, item: Item, change: DataChange, size: int) -> None:
        if is_bare_array(item.reference, change.raw.statuses):
            self._ask(lambda _: self._add_as_array(item))
        else:
            self._hand_out(item, change, size)

    def _hand_out(self, item: Item, change: Change, size: int) -> None:
        item.last = change
        item.stale = False
        for holder in tuple(item.holders):
            holder.take(item.key, change, size)

    def _ask(self, work: Callable[[Job], Awaitable[None]]) -> Job | None:
        try:
            return self._clerk.ask(work)
        except ClientClosedError:
            return None  # the items are gone with the client


class _Keeper:
    """Holds items for the session itself; their values do not matter."""

    def take(self, key: str, change: object, size: int) -> None:
        """Do nothing: the item has it."""

    def notice(self, event: Event) -> None:
        """Do nothing."""

    def lose(self, error: MxGatewayError) -> None:
        """Do nothing: the items are gone with the session."""
