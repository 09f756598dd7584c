"""Many items by one command: results in input order, one per entry (gateway semantics, 8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from grpclib.exceptions import GRPCError

from mxgateway.generated.mxaccess_gateway.v1 import (
    BulkSubscribeReply,
    MxCommandReply,
    SubscribeResult,
)
from mxgateway.simulator.call import Call
from mxgateway.simulator.commands.items import add, advise_item
from mxgateway.simulator.items import Item, Registration
from mxgateway.simulator.replies import (
    MxAccessFailure,
    find_item,
    find_registration,
    ok,
    reason_of,
)

__all__ = [
    "add_item_bulk",
    "advise_item_bulk",
    "remove_item_bulk",
    "subscribe_bulk",
    "un_advise_item_bulk",
    "unsubscribe_bulk",
]

_Entry = TypeVar("_Entry")


def _each(
    server_handle: int,
    entries: Sequence[_Entry],
    act: Callable[[_Entry], tuple[int, str]],
    named: Callable[[_Entry], tuple[int, str]],
) -> BulkSubscribeReply:
    """Do `act` for each entry; it returns item handle and tag, as `named` does for a failure."""
    results = []
    for entry in entries:
        try:
            handle, tag = act(entry)
            error = ""
        except (MxAccessFailure, GRPCError) as failure:
            handle, tag = named(entry)
            error = reason_of(failure)
        results.append(
            SubscribeResult(
                server_handle=server_handle,
                tag_address=tag,
                item_handle=handle,
                was_successful=not error,
                error_message=error,
            )
        )
    return BulkSubscribeReply(results=results)


def _by_reference(
    call: Call, command: Any, act: Callable[[Registration, str], Item]
) -> BulkSubscribeReply:
    def one(tag: str) -> tuple[int, str]:
        registration = find_registration(call.session, command.server_handle)
        return act(registration, tag).handle, tag

    return _each(command.server_handle, command.tag_addresses, one, lambda tag: (0, tag))


def _by_handle(
    call: Call, command: Any, act: Callable[[Registration, Item], None]
) -> BulkSubscribeReply:
    def one(handle: int) -> tuple[int, str]:
        registration, item = find_item(call.session, command.server_handle, handle)
        act(registration, item)
        return handle, item.definition

    def named(handle: int) -> tuple[int, str]:
        registration = call.session.registrations.get(command.server_handle)
        item = None if registration is None else registration.items.get(handle)
        return handle, "" if item is None else item.definition

    return _each(command.server_handle, command.item_handles, one, named)


def add_item_bulk(call: Call, command: Any) -> MxCommandReply:
    """Enter references."""
    reply = _by_reference(call, command, lambda where, tag: add(call, where, tag))
    return ok(add_item_bulk=reply)


def advise_item_bulk(call: Call, command: Any) -> MxCommandReply:
    """Start data changes."""
    reply = _by_handle(call, command, lambda _, item: advise_item(call, item))
    return ok(advise_item_bulk=reply)


def remove_item_bulk(call: Call, command: Any) -> MxCommandReply:
    """Drop items."""
    return ok(remove_item_bulk=_by_handle(call, command, call.session.remove_item))


def un_advise_item_bulk(call: Call, command: Any) -> MxCommandReply:
    """End data changes."""
    reply = _by_handle(call, command, lambda _, item: call.session.un_advise(item))
    return ok(un_advise_item_bulk=reply)


def subscribe_bulk(call: Call, command: Any) -> MxCommandReply:
    """Enter references and start their data changes."""

    def subscribe(registration: Registration, tag: str) -> Item:
        item = add(call, registration, tag, normalises=False)
        advise_item(call, item)
        return item

    return ok(subscribe_bulk=_by_reference(call, command, subscribe))


def unsubscribe_bulk(call: Call, command: Any) -> MxCommandReply:
    """End data changes and drop the items."""
    return ok(unsubscribe_bulk=_by_handle(call, command, call.session.remove_item))
