"""Handles: the item handles of one registration, got for tags and given back."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

from mxgateway.errors import MxGatewayError
from mxgateway.generated.mxaccess_gateway.v1 import SubscribeResult
from mxgateway.session import Session
from mxgateway.tags.items import Item, ItemTable
from mxgateway.tags.strays import Strays

__all__ = ["Handles"]

_log = logging.getLogger("mxgateway.tags")

_TURNS: Final = 8  # of asking for handles that were not used before

_Results = list[SubscribeResult]


class Handles:
    """Gets handles for tags and gives them back, so that no late event is about another tag.

    A gateway may give the handle of a removed item again while values of that one are on
    their way. Such an item is not used: it keeps the handle while another one is added for
    its tag. Once a gateway is seen to do that, items are un-advised first, and removed when
    none of their values is on its way.

    Attributes:
        strays: Items at the gateway that nobody here wants.

    Args:
        session: The session.
        server: The handle of the registration.
        items: Its items.
        command: Awaits a command of the session, and notes when it shows the session gone.
        is_lost: Returns whether the session is gone.
    """

    def __init__(
        self,
        session: Session,
        server: int,
        items: ItemTable,
        command: Callable[[Awaitable[_Results]], Awaitable[_Results]],
        is_lost: Callable[[], bool],
    ) -> None:
        self.strays = Strays()
        self._session = session
        self._server = server
        self._items = items
        self._command = command
        self._is_lost = is_lost
        self._reused = False
        self._parked: dict[int, None] = {}  # un-advised, and to be removed

    # -- getting them ----------------------------------------------------------------

    async def get(self, tags: list[str], early: Iterable[int]) -> _Results:
        """Add and advise tags, each under a handle that no late event can be about.

        Args:
            tags: The references.
            early: Handles that are not known and whose values have come meanwhile.

        Raises:
            MxGatewayError: A command failed; what was added is given back.
        """
        results = await self._subscribe(tags, early)
        for _ in range(_TURNS):
            used = self._used(results)
            if not used:
                break
            _log.debug("the gateway uses %d item handles again; asking for others", len(used))
            self._reused = True
            self.strays.add(*(results[i].item_handle for i in used))
            try:
                others = await self._subscribe([tags[i] for i in used], early)
            except MxGatewayError:
                self.strays.add(*(r.item_handle for r in results if r.was_successful))
                await self.give_back()
                raise
            for i, other in zip(used, others, strict=True):
                results[i] = other
        return results

    async def _subscribe(self, tags: list[str], early: Iterable[int]) -> _Results:
        try:
            return await self._command(self._session.subscribe_bulk(self._server, tags))
        except MxGatewayError as error:
            self.strays.after(error)
            for handle in early:
                self.strays.seen(handle)
            await self.give_back()
            raise

    def _used(self, results: _Results) -> list[int]:
        if not self._session._some_may_be_late:  # nearly always
            return []
        return [i for i, result in enumerate(results) if self.is_used(result)]

    def is_used(self, result: SubscribeResult) -> bool:
        """Return whether events of what a result adds may be those of an earlier item."""
        session = self._session
        return (
            session._some_may_be_late
            and result.was_successful
            and session._may_be_late(self._server, result.item_handle)
        )

    def take(self, handle: int) -> None:
        """Note that a handle stands for an item now."""
        self.strays.known(handle)
        self._parked.pop(handle, None)

    # -- giving them back --------------------------------------------------------------

    def is_stray(self, handle: int) -> bool:
        """Note a value of a handle that nobody knows; return whether it is a new stray."""
        return handle not in self._parked and self.strays.seen(handle)

    async def give_back(self) -> None:
        """Un-advise and remove what nobody holds; failures are logged, and tried again."""
        free = self._items.take_free()
        handles = [item.handle for item in free]
        handles += [h for h in self.strays.take() if self._items.at(h) is None]
        if self._is_lost():
            return
        session = self._session
        if not self._reused:
            await self._send(session.unsubscribe_bulk, free, handles)
            return
        un_advised = await self._send(session.un_advise_item_bulk, free, handles)
        self._parked.update(dict.fromkeys(un_advised))
        quiet = [handle for handle in self._parked if session._is_quiet(self._server, handle)]
        for handle in await self._send(session.remove_item_bulk, (), quiet):
            self._parked.pop(handle, None)

    async def _send(
        self, bulk: Callable[..., Any], free: Sequence[Item], handles: list[int]
    ) -> list[int]:
        """Send a command for the handles of `free` and others; return those that it answered."""
        if not handles or self._is_lost():
            return []
        try:
            results = await self._command(bulk(self._server, handles))
        except MxGatewayError as error:
            if self._is_lost():
                return []
            _log.warning("removing %d items failed: %s", len(handles), error)
            answered = [result.item_handle for result in error.partial_results]
            self.strays.add(*(handle for handle in handles if handle not in answered))
            return answered
        for item, result in zip(free, results, strict=False):
            if not result.was_successful:
                _log.warning("removing %r failed: %r", item.reference, result.error_message)
        return handles
