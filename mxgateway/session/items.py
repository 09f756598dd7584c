"""ItemMethods: registrations, items and advises."""

from __future__ import annotations

from typing import Any

from mxgateway.errors import MalformedReplyError
from mxgateway.generated.mxaccess_gateway.v1 import (
    ActivateCommand,
    AddBufferedItemCommand,
    AddItem2Command,
    AddItemCommand,
    AdviseCommand,
    AdviseSupervisoryCommand,
    MxCommandReply,
    MxStatusProxy,
    RegisterCommand,
    RemoveItemCommand,
    SetBufferedUpdateIntervalCommand,
    SuspendCommand,
    UnAdviseCommand,
    UnregisterCommand,
)
from mxgateway.session.arguments import int32, text
from mxgateway.session.base import SessionBase, handle_of

__all__ = ["ItemMethods"]


class ItemMethods(SessionBase):
    """Registrations, items and advises of a session."""

    async def register(
        self, client_name: str, *, timeout: float | None = None, correlation_id: str = ""
    ) -> int:
        """Register a client with MXAccess and return its server handle (Register)."""
        answer = await self._run(
            RegisterCommand(client_name=text("client_name", client_name)), timeout, correlation_id
        )
        return handle_of(answer.server_handle, "Register", answer)

    async def unregister(
        self, server_handle: int, *, timeout: float | None = None, correlation_id: str = ""
    ) -> MxCommandReply:
        """End a registration; un-advise and remove its items first (Unregister)."""
        payload = UnregisterCommand(server_handle=int32("server_handle", server_handle))
        reply: MxCommandReply = await self._run(payload, timeout, correlation_id)
        for key in [key for key in self._references if key[0] == server_handle]:
            del self._references[key]
        return reply

    async def add_item(
        self,
        server_handle: int,
        item_definition: str,
        *,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> int:
        """Add a reference such as "Pump_001.Speed" and return its item handle (AddItem).

        A misspelt name gets a handle as well; it is resolved after the advise and
        then fails as a data change. An array needs `[]`, which newer gateways append.
        """
        payload = AddItemCommand(
            server_handle=int32("server_handle", server_handle),
            item_definition=text("item_definition", item_definition),
        )
        answer = await self._run(payload, timeout, correlation_id)
        handle = handle_of(answer.item_handle, "AddItem", answer)
        self._references[server_handle, handle] = item_definition
        return handle

    async def add_item2(
        self,
        server_handle: int,
        item_definition: str,
        item_context: str,
        *,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> int:
        """Add a reference relative to an object, and return its item handle (AddItem2).

        `item_context` is the object that gives "Me", "MyContainer" and the like a
        meaning; empty, it is the same as `add_item`.
        """
        payload = AddItem2Command(
            server_handle=int32("server_handle", server_handle),
            item_definition=text("item_definition", item_definition),
            item_context=text("item_context", item_context),
        )
        answer = await self._run(payload, timeout, correlation_id)
        handle = handle_of(answer.item_handle, "AddItem2", answer)
        self._references[server_handle, handle] = item_definition
        return handle

    async def remove_item(
        self,
        server_handle: int,
        item_handle: int,
        *,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> MxCommandReply:
        """Drop an item; un-advise it first and let a write complete (RemoveItem)."""
        payload = RemoveItemCommand(
            server_handle=int32("server_handle", server_handle),
            item_handle=int32("item_handle", item_handle),
        )
        reply: MxCommandReply = await self._run(payload, timeout, correlation_id)
        self._references.pop((server_handle, item_handle), None)
        return reply

    async def advise(
        self,
        server_handle: int,
        item_handle: int,
        *,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> MxCommandReply:
        """Start data changes of an item, as an operator (Advise).

        Read the event stream soon after: without a reader the worker's queue fills
        and the gateway faults the session.
        """
        payload = AdviseCommand(
            server_handle=int32("server_handle", server_handle),
            item_handle=int32("item_handle", item_handle),
        )
        reply: MxCommandReply = await self._run(payload, timeout, correlation_id)
        return reply

    async def un_advise(
        self,
        server_handle: int,
        item_handle: int,
        *,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> MxCommandReply:
        """End data changes of an item, whichever way they were started (UnAdvise)."""
        payload = UnAdviseCommand(
            server_handle=int32("server_handle", server_handle),
            item_handle=int32("item_handle", item_handle),
        )
        reply: MxCommandReply = await self._run(payload, timeout, correlation_id)
        return reply

    async def advise_supervisory(
        self,
        server_handle: int,
        item_handle: int,
        *,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> MxCommandReply:
        """Start data changes of an item, as the application (AdviseSupervisory).

        Writes then count as the application's: no login is asked for, and `user_id`
        of a plain write is recorded.
        """
        payload = AdviseSupervisoryCommand(
            server_handle=int32("server_handle", server_handle),
            item_handle=int32("item_handle", item_handle),
        )
        reply: MxCommandReply = await self._run(payload, timeout, correlation_id)
        return reply

    async def add_buffered_item(
        self,
        server_handle: int,
        item_definition: str,
        item_context: str = "",
        *,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> int:
        """Add an item whose values arrive in batches, and return its handle (AddBufferedItem).

        Set the interval with `set_buffered_update_interval`, then advise it; the
        batches come as buffered data changes. `item_context` is that of `add_item2`.
        """
        payload = AddBufferedItemCommand(
            server_handle=int32("server_handle", server_handle),
            item_definition=text("item_definition", item_definition),
            item_context=text("item_context", item_context),
        )
        answer = await self._run(payload, timeout, correlation_id)
        handle = handle_of(answer.item_handle, "AddBufferedItem", answer)
        self._references[server_handle, handle] = item_definition
        return handle

    async def set_buffered_update_interval(
        self,
        server_handle: int,
        milliseconds: int,
        *,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> MxCommandReply:
        """Set the batch interval of all buffered items of a registration, before the advise.

        (SetBufferedUpdateInterval.) `milliseconds` is a whole number from 0.
        """
        payload = SetBufferedUpdateIntervalCommand(
            server_handle=int32("server_handle", server_handle),
            update_interval_milliseconds=int32("milliseconds", milliseconds, low=0),
        )
        reply: MxCommandReply = await self._run(payload, timeout, correlation_id)
        return reply

    async def suspend(
        self,
        server_handle: int,
        item_handle: int,
        *,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> MxStatusProxy:
        """Stop the data changes of an advised item at its source; return the status (Suspend).

        A status with a failing category, such as that of an unadvised item, is
        raised as MxAccessError like every refusal; it is in `error.statuses`.
        """
        payload = SuspendCommand(
            server_handle=int32("server_handle", server_handle),
            item_handle=int32("item_handle", item_handle),
        )
        return _status(await self._run(payload, timeout, correlation_id), "Suspend")

    async def activate(
        self,
        server_handle: int,
        item_handle: int,
        *,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> MxStatusProxy:
        """Undo `suspend` and return the status (Activate); errors as there.

        On an item that is not suspended it succeeds at once and does nothing.
        """
        payload = ActivateCommand(
            server_handle=int32("server_handle", server_handle),
            item_handle=int32("item_handle", item_handle),
        )
        return _status(await self._run(payload, timeout, correlation_id), "Activate")


def _status(answer: Any, method: str) -> MxStatusProxy:
    if answer.status is None:
        raise MalformedReplyError(f"{method}: the reply is OK but has no status", reply=answer)
    status: MxStatusProxy = answer.status
    return status
