"""Registrations and items: adding, advising, buffering, suspending."""

from __future__ import annotations

from typing import Any

from mxgateway.generated.mxaccess_gateway.v1 import (
    ActivateReply,
    AddBufferedItemReply,
    AddItem2Reply,
    AddItemReply,
    MxCommandReply,
    MxStatusCategory,
    MxStatusProxy,
    MxStatusSource,
    RegisterReply,
    SuspendReply,
)
from mxgateway.simulator.call import Call
from mxgateway.simulator.items import Item, Registration
from mxgateway.simulator.replies import (
    MxAccessFailure,
    find_item,
    find_registration,
    integer,
    ok,
)
from mxgateway.simulator.status import OK_STATUS, PENDING_STATUS, make_status

__all__ = [
    "activate",
    "add",
    "add_buffered_item",
    "add_item",
    "add_item2",
    "advise",
    "advise_item",
    "advise_supervisory",
    "register",
    "remove_item",
    "set_buffered_update_interval",
    "suspend",
    "un_advise",
    "unregister",
]

_NOT_ADVISED = make_status(
    MxStatusCategory.OPERATIONAL_ERROR,
    MxStatusSource.REQUESTING_LMX,
    text="the item is not advised",
)


def register(call: Call, command: Any) -> MxCommandReply:
    """Make a registration."""
    handle = call.session.register(command.client_name).handle
    return ok(return_value=integer(handle), register=RegisterReply(server_handle=handle))


def unregister(call: Call, command: Any) -> MxCommandReply:
    """End a registration and everything under it."""
    call.session.unregister(find_registration(call.session, command.server_handle))
    return ok()


def add(
    call: Call,
    registration: Registration,
    definition: str,
    context: str = "",
    *,
    buffered: bool = False,
    normalises: bool = True,
) -> Item:
    """Enter a reference.

    Args:
        call: Who calls.
        registration: What it is entered in.
        definition: The reference.
        context: The object that relative names go by, or "".
        buffered: Whether its values arrive in batches.
        normalises: Whether the command is one that appends `[]` to the bare name of an
            array: the AddItem commands do, SubscribeBulk and ReadBulk do not (gateway
            semantics, section 7).

    Raises:
        MxAccessFailure: It is empty.
        GRPCError: PERMISSION_DENIED; it is outside the key's read scope.
    """
    if not definition:
        raise MxAccessFailure("the item definition is empty")
    call.require_read(definition, context)
    if normalises and call.gateway.settings.normalise_arrays:
        definition = call.gateway.references.normalise(definition, context)
    return call.session.add_item(registration, definition, context, buffered=buffered)


def add_item(call: Call, command: Any) -> MxCommandReply:
    """Enter a reference without a context."""
    registration = find_registration(call.session, command.server_handle)
    handle = add(call, registration, command.item_definition).handle
    return ok(return_value=integer(handle), add_item=AddItemReply(item_handle=handle))


def add_item2(call: Call, command: Any) -> MxCommandReply:
    """Enter a reference whose relative names have a meaning."""
    registration = find_registration(call.session, command.server_handle)
    handle = add(call, registration, command.item_definition, command.item_context).handle
    return ok(return_value=integer(handle), add_item2=AddItem2Reply(item_handle=handle))


def add_buffered_item(call: Call, command: Any) -> MxCommandReply:
    """Enter a reference whose values arrive in batches."""
    registration = find_registration(call.session, command.server_handle)
    item = add(
        call, registration, command.item_definition, command.item_context, buffered=True
    ).handle
    return ok(return_value=integer(item), add_buffered_item=AddBufferedItemReply(item_handle=item))


def set_buffered_update_interval(call: Call, command: Any) -> MxCommandReply:
    """Set the interval of the batches of a registration."""
    registration = find_registration(call.session, command.server_handle)
    milliseconds = command.update_interval_milliseconds
    if milliseconds < 1:
        raise MxAccessFailure(
            f"update interval {milliseconds} ms: Value does not fall within the expected range"
        )
    call.session.buffers(registration).interval = milliseconds / 1000
    return ok()


def remove_item(call: Call, command: Any) -> MxCommandReply:
    """Drop an item."""
    found = find_item(call.session, command.server_handle, command.item_handle)
    call.session.remove_item(*found)
    return ok()


def advise_item(call: Call, item: Item, *, supervisory: bool = False) -> None:
    """Start data changes.

    Raises:
        GRPCError: PERMISSION_DENIED; the item is outside the key's read scope.
    """
    call.require_read(item.definition, item.context)
    call.session.advise(item, supervisory=supervisory)


def advise(call: Call, command: Any) -> MxCommandReply:
    """Start data changes as an operator."""
    _, item = find_item(call.session, command.server_handle, command.item_handle)
    advise_item(call, item)
    return ok()


def advise_supervisory(call: Call, command: Any) -> MxCommandReply:
    """Start data changes as an application."""
    _, item = find_item(call.session, command.server_handle, command.item_handle)
    advise_item(call, item, supervisory=True)
    return ok()


def un_advise(call: Call, command: Any) -> MxCommandReply:
    """End data changes."""
    _, item = find_item(call.session, command.server_handle, command.item_handle)
    call.session.un_advise(item)
    return ok()


def suspend(call: Call, command: Any) -> MxCommandReply:
    """Let the engine stop sending for an advised item; one that is not gets a failing status."""
    _, item = find_item(call.session, command.server_handle, command.item_handle)
    if not item.advised:
        return ok(statuses=[_NOT_ADVISED], suspend=SuspendReply(status=_NOT_ADVISED))
    status = OK_STATUS
    if not item.suspended:
        call.session.suspend(item)
        status = _under_way(call, item)
    return ok(statuses=[status], suspend=SuspendReply(status=status))


def activate(call: Call, command: Any) -> MxCommandReply:
    """Undo a suspend; an item that is not suspended succeeds and sends nothing."""
    _, item = find_item(call.session, command.server_handle, command.item_handle)
    status = OK_STATUS
    if item.suspended:
        status = _under_way(call, item)
        call.session.activate(item)
    return ok(statuses=[status], activate=ActivateReply(status=status))


def _under_way(call: Call, item: Item) -> MxStatusProxy:
    """Return the status of an operation; where it is Pending, its completion follows."""
    gateway, session = call.gateway, call.session
    if not gateway.settings.operation_complete:
        return OK_STATUS

    def complete() -> None:
        if session.holds(item):
            session.send_operation_complete(item, OK_STATUS, gateway.clock())

    session.later(0, complete)
    return PENDING_STATUS
