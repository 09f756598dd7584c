"""Commands of the grpcio gateway, one after another, as MXAccess carries them out.

Single commands stand here; writes in `ccore_writes`, bulk forms in `ccore_bulk`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google_messages import load_google_modules
from interop.ccore_alarms import AlarmMonitor
from interop.ccore_bulk import BulkCommands
from interop.ccore_writes import WriteCommands
from interop.plant_rows import USERS, UserRow
from interop.plant_sessions import FaultError, Item, Session
from interop.refusals import InvalidError, RefusalError
from interop.scripted_plant import MISSPELT, Plant
from interop.statuses import status

__all__ = ["SCOPES", "Commands", "scope_of"]

_FIRST_USER = 11  # the id of the first user; far from the handles
SCOPES = {
    "WRITE": "invoke:write",
    "WRITE2": "invoke:write",
    "WRITE_BULK": "invoke:write",
    "WRITE2_BULK": "invoke:write",
    "WRITE_SECURED": "invoke:secure",
    "WRITE_SECURED2": "invoke:secure",
    "WRITE_SECURED_BULK": "invoke:secure",
    "WRITE_SECURED2_BULK": "invoke:secure",
    "AUTHENTICATE_USER": "invoke:secure",
    "DRAIN_EVENTS": "events:read",
}
"""The scope of each kind; invoke:read for the others (gateway semantics, section 2)."""
_PREFIX = "MX_COMMAND_KIND_"
_MEMBERS = {
    "ACKNOWLEDGE_ALARM": "acknowledge_alarm_command",
    "ACKNOWLEDGE_ALARM_BY_NAME": "acknowledge_alarm_by_name_command",
    "QUERY_ACTIVE_ALARMS": "query_active_alarms_command",
}

Handler = Callable[[Session, Any, Any], None]


def kind_of(command: Any) -> str:
    """Return the end of the name of a command's kind.

    Raises:
        InvalidError: It has none, or its payload is another's.
    """
    pb = load_google_modules().gateway_pb2
    name = pb.MxCommandKind.Name(command.kind) if command.kind in pb.MxCommandKind.values() else ""
    kind: str = name.removeprefix(_PREFIX)
    if kind in ("", "UNSPECIFIED"):
        raise InvalidError(f"command kind {command.kind} is not set or not known")
    payload = command.WhichOneof("payload")
    if payload != _MEMBERS.get(kind, kind.lower()):
        raise InvalidError(f"the payload {payload} does not match the kind {kind}")
    return kind


def scope_of(command: Any) -> str:
    """Return the scope that a command needs."""
    return SCOPES.get(kind_of(command), "invoke:read")


class Commands(WriteCommands, BulkCommands):
    """Carries commands out. Every handler runs under the plant's lock."""

    def __init__(self, plant: Plant, alarms: AlarmMonitor) -> None:
        super().__init__(plant)
        self._alarms = alarms

    def execute(self, session: Session, command: Any, reply: Any) -> None:
        """Carry out `command` and fill `reply`.

        Raises:
            RefusalError: MXAccess refuses it.
            InvalidError: The gateway does not understand it.
        """
        handler: Handler = getattr(self, f"_{kind_of(command).lower()}")
        with self._plant.changed:
            handler(session, getattr(command, command.WhichOneof("payload")), reply)
            self._plant.changed.notify_all()

    # Registrations and items ----------------------------------------------------------

    def _register(self, session: Session, payload: Any, reply: Any) -> None:
        if not payload.client_name:
            raise RefusalError("Register needs a client name")
        handle = session.new_handle()
        session.servers.add(handle)
        reply.register.server_handle = handle

    def _unregister(self, session: Session, payload: Any, _reply: Any) -> None:
        self._check_server(session, payload.server_handle)
        session.servers.remove(payload.server_handle)
        for item in list(session.items.values()):
            if item.server_handle == payload.server_handle:
                self._drop(session, item)

    def _add_item(self, session: Session, payload: Any, reply: Any) -> None:
        item = self._new_item(session, payload.server_handle, payload.item_definition)
        reply.add_item.item_handle = item.handle

    def _add_item2(self, session: Session, payload: Any, reply: Any) -> None:
        reference = in_context(payload.item_definition, payload.item_context)
        item = self._new_item(session, payload.server_handle, reference)
        reply.add_item2.item_handle = item.handle

    def _add_buffered_item(self, session: Session, payload: Any, reply: Any) -> None:
        reference = in_context(payload.item_definition, payload.item_context)
        item = self._new_item(session, payload.server_handle, reference)
        item.buffered = True
        reply.add_buffered_item.item_handle = item.handle

    def _new_item(self, session: Session, server_handle: int, reference: str) -> Item:
        self._check_server(session, server_handle)
        if not reference or reference == MISSPELT:
            raise RefusalError(f"{reference!r} does not exist")
        reference = self._plant.normalised(reference)
        tag, index, detail = self._plant.find(reference)
        item = Item(server_handle, session.new_handle(), reference, tag, index, detail)
        session.items[item.handle] = item
        return item

    def _remove_item(self, session: Session, payload: Any, _reply: Any) -> None:
        self._drop(session, self._item(session, payload.server_handle, payload.item_handle))

    def _set_buffered_update_interval(self, session: Session, payload: Any, _reply: Any) -> None:
        self._check_server(session, payload.server_handle)
        if payload.update_interval_milliseconds < 0:
            raise RefusalError("the interval is negative")
        session.interval = payload.update_interval_milliseconds / 1000

    # Advising -------------------------------------------------------------------------

    def _advise(self, session: Session, payload: Any, _reply: Any) -> None:
        item = self._item(session, payload.server_handle, payload.item_handle)
        self._plant.advise(session, item)

    def _advise_supervisory(self, session: Session, payload: Any, reply: Any) -> None:
        item = self._item(session, payload.server_handle, payload.item_handle)
        if item.buffered:
            reply.statuses.append(status("OPERATIONAL_ERROR", text="a buffered item"))
            return
        item.supervisory = True
        self._plant.advise(session, item)

    def _un_advise(self, session: Session, payload: Any, _reply: Any) -> None:
        item = self._item(session, payload.server_handle, payload.item_handle)
        self._plant.un_advise(session, item)

    def _suspend(self, session: Session, payload: Any, reply: Any) -> None:
        item = self._item(session, payload.server_handle, payload.item_handle)
        if not item.advised:
            refused = status("OPERATIONAL_ERROR", text=f"{item.reference} is not advised")
            reply.suspend.status.CopyFrom(refused)
            return
        item.suspended = True
        reply.suspend.status.CopyFrom(status("PENDING", "REQUESTING_LMX"))
        if self._plant.operation_complete:
            session.operation_complete(item)

    def _activate(self, session: Session, payload: Any, reply: Any) -> None:
        item = self._item(session, payload.server_handle, payload.item_handle)
        reply.activate.status.CopyFrom(status(source="REQUESTING_LMX"))
        if item.suspended:
            item.suspended = False
            session.change(item)

    # Users ----------------------------------------------------------------------------

    def _authenticate_user(self, session: Session, payload: Any, reply: Any) -> None:
        self._check_server(session, payload.server_handle)
        login = (payload.verify_user, payload.verify_user_password)
        user = self._signed_in(session, lambda row: (row.name, row.password) == login)
        reply.authenticate_user.user_id = user

    def _archestra_user_to_id(self, session: Session, payload: Any, reply: Any) -> None:
        self._check_server(session, payload.server_handle)
        guid = payload.user_id_guid.strip("{}").lower()
        user = self._signed_in(session, lambda row: row.guid == guid)
        reply.archestra_user_to_id.user_id = user

    def _signed_in(self, session: Session, fits: Callable[[UserRow], bool]) -> int:
        for user, row in enumerate(USERS, _FIRST_USER):
            if fits(row):
                session.users.add(user)
                return user
        raise RefusalError("there is no such user, or the password is wrong")

    # Alarms ---------------------------------------------------------------------------

    def _subscribe_alarms(self, session: Session, _payload: Any, _reply: Any) -> None:
        session.alarms = True

    def _unsubscribe_alarms(self, session: Session, _payload: Any, _reply: Any) -> None:
        session.alarms = False

    def _acknowledge_alarm(self, _session: Session, payload: Any, reply: Any) -> None:
        self._acknowledge(payload.alarm_guid, payload, reply)

    def _acknowledge_alarm_by_name(self, _session: Session, payload: Any, reply: Any) -> None:
        name = f"{payload.provider_name}!{payload.group_name}.{payload.alarm_name}"
        self._acknowledge(name, payload, reply)

    def _acknowledge(self, reference: str, payload: Any, reply: Any) -> None:
        outcome = self._alarms.acknowledge(reference, payload.comment, payload.operator_user)
        if outcome:
            raise RefusalError(f"there is no alarm {reference}", outcome)
        reply.acknowledge_alarm.native_status = 0

    def _query_active_alarms(self, _session: Session, payload: Any, reply: Any) -> None:
        reply.query_active_alarms.SetInParent()
        found = self._alarms.active(payload.alarm_filter_prefix)
        reply.query_active_alarms.snapshots.extend(found)

    # Control --------------------------------------------------------------------------

    def _get_session_state(self, session: Session, _payload: Any, reply: Any) -> None:
        pb = load_google_modules().gateway_pb2
        reply.session_state.state = pb.SessionState.Value(f"SESSION_STATE_{session.state}")

    def _get_worker_info(self, _session: Session, _payload: Any, reply: Any) -> None:
        reply.worker_info.worker_process_id = 4242
        reply.worker_info.worker_version = "ccore-interop"
        reply.worker_info.mxaccess_progid = "LMXProxy.LMXProxyServer.1"
        reply.worker_info.mxaccess_clsid = "{00000000-0000-0000-0000-000000004242}"

    def _drain_events(self, session: Session, payload: Any, reply: Any) -> None:
        stop = session.sent + payload.max_events if payload.max_events else len(session.events)
        reply.drain_events.SetInParent()
        taken = session.events[session.sent : stop]
        reply.drain_events.events.extend(taken)
        session.sent += len(taken)

    def _shutdown_worker(self, session: Session, _payload: Any, _reply: Any) -> None:
        session.fail(FaultError("UNAVAILABLE", "the worker was shut down"))


def in_context(definition: str, context: str) -> str:
    """Return a reference with the meaning that `context` gives `Me` (AddItem2)."""
    if context and definition.lower().startswith("me."):
        return f"{context}.{definition[3:]}"
    return definition
