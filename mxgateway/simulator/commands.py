"""One handler per command kind, the table that finds them, and the replies.

A handler gets the session and its command and returns a reply with the payload
of its kind. What MXAccess itself refuses is a MxAccessFailure, which becomes a
normal reply; what the gateway refuses is a gRPC error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import betterproto2
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.generated.mxaccess_gateway.v1 import (
    AddItem2Command,
    AddItem2Reply,
    AddItemCommand,
    AddItemReply,
    DrainEventsCommand,
    DrainEventsReply,
    MxCommand,
    MxCommandKind,
    MxCommandReply,
    MxDataType,
    PingCommand,
    RegisterCommand,
    RegisterReply,
    SessionStateReply,
    UnregisterCommand,
    WorkerInfoReply,
)
from mxgateway.simulator.gateway import Gateway
from mxgateway.simulator.references import normalise
from mxgateway.simulator.replies import (
    MxAccessFailure,
    failed,
    find_item,
    find_registration,
    ok,
)
from mxgateway.simulator.sessions import Session
from mxgateway.simulator.variant import to_message, type_info
from mxgateway.simulator.writes import write, write2

__all__ = ["COMMANDS", "Command", "Handler", "execute", "payload_field", "select"]

Handler = Callable[[Gateway, Session, Any], MxCommandReply]

_INTEGER = type_info(MxDataType.INTEGER)


@dataclass(frozen=True)
class Command:
    """One command kind.

    Attributes:
        kind: The kind.
        field: Member of MxCommand's payload that belongs to it.
        scope: What a key needs for it (gateway semantics, section 2).
        handler: What executes it; None where the simulator does not know the kind.
    """

    kind: MxCommandKind
    field: str
    scope: str
    handler: Handler | None


def payload_field(kind: MxCommandKind) -> str:
    """Return the member of MxCommand's payload that belongs to `kind`."""
    return _FIELDS.get(kind, kind.name.lower())


_FIELDS = {
    MxCommandKind.ACKNOWLEDGE_ALARM: "acknowledge_alarm_command",
    MxCommandKind.QUERY_ACTIVE_ALARMS: "query_active_alarms_command",
    MxCommandKind.ACKNOWLEDGE_ALARM_BY_NAME: "acknowledge_alarm_by_name_command",
}


def execute(
    gateway: Gateway, command: Command, session: Session, payload: Any, correlation_id: str
) -> MxCommandReply:
    """Run a command on a Ready session and return its reply, a refusal by MXAccess included."""
    assert command.handler is not None
    gateway.audit.commands[command.kind.name] += 1
    try:
        reply = command.handler(gateway, session, payload)
    except MxAccessFailure as failure:
        reply = failed(failure)
    reply.session_id = session.id
    reply.correlation_id = correlation_id
    reply.kind = command.kind
    gateway.audit.changed()
    return reply


# -- handlers --------------------------------------------------------------------


def _register(_gateway: Gateway, session: Session, command: RegisterCommand) -> MxCommandReply:
    handle = session.register(command.client_name).handle
    return ok(
        return_value=to_message(_INTEGER, handle), register=RegisterReply(server_handle=handle)
    )


def _unregister(_gateway: Gateway, session: Session, command: UnregisterCommand) -> MxCommandReply:
    session.unregister(find_registration(session, command.server_handle))
    return ok()


def _add(gateway: Gateway, session: Session, command: Any, context: str) -> int:
    registration = find_registration(session, command.server_handle)
    definition = command.item_definition
    if not definition:
        raise MxAccessFailure("the item definition is empty")
    if gateway.settings.normalise_arrays:
        definition = normalise(gateway.plant, definition, context)
    return session.add_item(registration, definition, context).handle


def _add_item(gateway: Gateway, session: Session, command: AddItemCommand) -> MxCommandReply:
    handle = _add(gateway, session, command, "")
    return ok(return_value=to_message(_INTEGER, handle), add_item=AddItemReply(item_handle=handle))


def _add_item2(gateway: Gateway, session: Session, command: AddItem2Command) -> MxCommandReply:
    handle = _add(gateway, session, command, command.item_context)
    return ok(
        return_value=to_message(_INTEGER, handle), add_item2=AddItem2Reply(item_handle=handle)
    )


def _remove_item(_gateway: Gateway, session: Session, command: Any) -> MxCommandReply:
    session.remove_item(*find_item(session, command.server_handle, command.item_handle))
    return ok()


def _advise(_gateway: Gateway, session: Session, command: Any) -> MxCommandReply:
    _, item = find_item(session, command.server_handle, command.item_handle)
    session.advise(item, supervisory=False)
    return ok()


def _advise_supervisory(_gateway: Gateway, session: Session, command: Any) -> MxCommandReply:
    _, item = find_item(session, command.server_handle, command.item_handle)
    session.advise(item, supervisory=True)
    return ok()


def _un_advise(_gateway: Gateway, session: Session, command: Any) -> MxCommandReply:
    _, item = find_item(session, command.server_handle, command.item_handle)
    session.un_advise(item)
    return ok()


def _ping(_gateway: Gateway, _session: Session, command: PingCommand) -> MxCommandReply:
    # The contract has no payload for it; the message comes back as the diagnostic.
    return ok(diagnostic_message=command.message)


def _get_session_state(_gateway: Gateway, session: Session, _command: Any) -> MxCommandReply:
    return ok(session_state=SessionStateReply(state=session.state))


def _get_worker_info(_gateway: Gateway, session: Session, _command: Any) -> MxCommandReply:
    return ok(
        worker_info=WorkerInfoReply(
            worker_process_id=session.process_id,
            worker_version="simulator",
            mxaccess_progid="LMXProxy.LMXProxyServer.1",
            mxaccess_clsid="{00000000-0000-0000-0000-000000000000}",
        )
    )


def _drain_events(
    _gateway: Gateway, session: Session, command: DrainEventsCommand
) -> MxCommandReply:
    return ok(drain_events=DrainEventsReply(events=session.events.drain(command.max_events)))


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


def _table() -> dict[int, Command]:
    kind = MxCommandKind
    handlers: dict[MxCommandKind, Handler] = {
        kind.REGISTER: _register,
        kind.UNREGISTER: _unregister,
        kind.ADD_ITEM: _add_item,
        kind.ADD_ITEM2: _add_item2,
        kind.REMOVE_ITEM: _remove_item,
        kind.ADVISE: _advise,
        kind.UN_ADVISE: _un_advise,
        kind.ADVISE_SUPERVISORY: _advise_supervisory,
        kind.WRITE: write,
        kind.WRITE2: write2,
        kind.PING: _ping,
        kind.GET_SESSION_STATE: _get_session_state,
        kind.GET_WORKER_INFO: _get_worker_info,
        kind.DRAIN_EVENTS: _drain_events,
    }
    scopes = dict.fromkeys(
        (kind.WRITE, kind.WRITE2, kind.WRITE_BULK, kind.WRITE2_BULK), "invoke:write"
    )
    scopes |= dict.fromkeys(
        (
            kind.WRITE_SECURED,
            kind.WRITE_SECURED2,
            kind.WRITE_SECURED_BULK,
            kind.WRITE_SECURED2_BULK,
            kind.AUTHENTICATE_USER,
        ),
        "invoke:secure",
    )
    scopes[kind.DRAIN_EVENTS] = "events:read"
    return {
        int(each): Command(
            each, payload_field(each), scopes.get(each, "invoke:read"), handlers.get(each)
        )
        for each in kind
        if each is not kind.UNSPECIFIED
    }


COMMANDS = _table()
