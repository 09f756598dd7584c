"""The table of all command kinds: payload, scope, handler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import betterproto2
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.generated.mxaccess_gateway.v1 import MxCommand, MxCommandKind, MxCommandReply
from mxgateway.simulator.call import Call
from mxgateway.simulator.commands import alarms, bulk, control, items, reading, users, writing

__all__ = ["COMMANDS", "Command", "Handler", "WaitingHandler", "payload_field", "select"]

Handler = Callable[[Call, Any], MxCommandReply]
WaitingHandler = Callable[[Call, Any], Awaitable[MxCommandReply]]


@dataclass(frozen=True)
class Command:
    """One command kind.

    Attributes:
        kind: The kind.
        field: Member of MxCommand's payload that belongs to it.
        scope: What a key needs for it (gateway semantics, section 2).
        handler: What executes it at once, or None.
        waiting_handler: What executes it and takes its time, or None.
        is_secret: Whether its payload is kept nowhere: passwords and secured values.
    """

    kind: MxCommandKind
    field: str
    scope: str
    handler: Handler | None = None
    waiting_handler: WaitingHandler | None = None
    is_secret: bool = False


def payload_field(kind: MxCommandKind) -> str:
    """Return the member of MxCommand's payload that belongs to `kind`."""
    return _FIELDS.get(kind, kind.name.lower())


def select(command: MxCommand | None) -> tuple[Command, Any]:
    """Return the table entry and the payload of a command.

    Raises:
        GRPCError: INVALID_ARGUMENT; there is no command, its kind is not set or
            unknown, or its payload does not belong to its kind.
    """
    if command is None:
        raise GRPCError(Status.INVALID_ARGUMENT, "command is missing")
    entry = COMMANDS.get(int(command.kind))
    if entry is None:
        raise GRPCError(
            Status.INVALID_ARGUMENT, f"command kind {int(command.kind)} is not set or not known"
        )
    field, payload = betterproto2.which_one_of(command, "payload")
    if field != entry.field:
        raise GRPCError(
            Status.INVALID_ARGUMENT,
            f"the payload {field or '(none)'} does not match the kind {entry.kind.name}; "
            f"it takes {entry.field}",
        )
    return entry, payload


_K = MxCommandKind
_FIELDS = {
    _K.ACKNOWLEDGE_ALARM: "acknowledge_alarm_command",
    _K.QUERY_ACTIVE_ALARMS: "query_active_alarms_command",
    _K.ACKNOWLEDGE_ALARM_BY_NAME: "acknowledge_alarm_by_name_command",
}

_HANDLERS: dict[MxCommandKind, Handler] = {
    _K.REGISTER: items.register,
    _K.UNREGISTER: items.unregister,
    _K.ADD_ITEM: items.add_item,
    _K.ADD_ITEM2: items.add_item2,
    _K.REMOVE_ITEM: items.remove_item,
    _K.ADVISE: items.advise,
    _K.UN_ADVISE: items.un_advise,
    _K.ADVISE_SUPERVISORY: items.advise_supervisory,
    _K.ADD_BUFFERED_ITEM: items.add_buffered_item,
    _K.SET_BUFFERED_UPDATE_INTERVAL: items.set_buffered_update_interval,
    _K.SUSPEND: items.suspend,
    _K.ACTIVATE: items.activate,
    _K.WRITE: writing.write,
    _K.WRITE2: writing.write2,
    _K.WRITE_SECURED: writing.write_secured,
    _K.WRITE_SECURED2: writing.write_secured2,
    _K.AUTHENTICATE_USER: users.authenticate_user,
    _K.ARCHESTRA_USER_TO_ID: users.archestra_user_to_id,
    _K.ADD_ITEM_BULK: bulk.add_item_bulk,
    _K.ADVISE_ITEM_BULK: bulk.advise_item_bulk,
    _K.REMOVE_ITEM_BULK: bulk.remove_item_bulk,
    _K.UN_ADVISE_ITEM_BULK: bulk.un_advise_item_bulk,
    _K.SUBSCRIBE_BULK: bulk.subscribe_bulk,
    _K.UNSUBSCRIBE_BULK: bulk.unsubscribe_bulk,
    _K.SUBSCRIBE_ALARMS: alarms.subscribe_alarms,
    _K.UNSUBSCRIBE_ALARMS: alarms.unsubscribe_alarms,
    _K.ACKNOWLEDGE_ALARM: alarms.acknowledge_alarm,
    _K.QUERY_ACTIVE_ALARMS: alarms.query_active_alarms,
    _K.ACKNOWLEDGE_ALARM_BY_NAME: alarms.acknowledge_alarm_by_name,
    _K.WRITE_BULK: writing.write_bulk,
    _K.WRITE2_BULK: writing.write2_bulk,
    _K.WRITE_SECURED_BULK: writing.write_secured_bulk,
    _K.WRITE_SECURED2_BULK: writing.write_secured2_bulk,
    _K.PING: control.ping,
    _K.GET_SESSION_STATE: control.get_session_state,
    _K.GET_WORKER_INFO: control.get_worker_info,
    _K.DRAIN_EVENTS: control.drain_events,
    _K.SHUTDOWN_WORKER: control.shutdown_worker,
}
_WAITING_HANDLERS: dict[MxCommandKind, WaitingHandler] = {_K.READ_BULK: reading.read_bulk}

_SECURE = frozenset(
    {
        _K.WRITE_SECURED,
        _K.WRITE_SECURED2,
        _K.WRITE_SECURED_BULK,
        _K.WRITE_SECURED2_BULK,
        _K.AUTHENTICATE_USER,
    }
)
_SCOPES: dict[MxCommandKind, str] = {
    **dict.fromkeys((_K.WRITE, _K.WRITE2, _K.WRITE_BULK, _K.WRITE2_BULK), "invoke:write"),
    # As for the RPCs of the same names.
    _K.ACKNOWLEDGE_ALARM: "invoke:write",
    _K.ACKNOWLEDGE_ALARM_BY_NAME: "invoke:write",
    _K.QUERY_ACTIVE_ALARMS: "events:read",
    _K.DRAIN_EVENTS: "events:read",
    **dict.fromkeys(_SECURE, "invoke:secure"),
}

COMMANDS = {
    int(kind): Command(
        kind,
        payload_field(kind),
        _SCOPES.get(kind, "invoke:read"),
        _HANDLERS.get(kind),
        _WAITING_HANDLERS.get(kind),
        is_secret=kind in _SECURE,
    )
    for kind in _K
    if kind is not _K.UNSPECIFIED
}
