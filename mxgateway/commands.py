"""MXAccess commands: the envelope around every request, the payload out of every reply.

One row per command kind says which member of the request carries it and which
member of the reply, if any, must answer it. A command is always built from its
payload, so kind and payload cannot disagree; a reply is always read by `kind`
(gateway semantics, section 4).
"""

from __future__ import annotations

import dataclasses
import uuid
from dataclasses import dataclass
from typing import Any, Final

import betterproto2

from mxgateway.errors import (
    ConfigurationError,
    MalformedReplyError,
    MxAccessError,
    MxGatewayCommandError,
    Processed,
)
from mxgateway.generated.mxaccess_gateway import v1
from mxgateway.generated.mxaccess_gateway.v1 import (
    MxCommand,
    MxCommandKind,
    MxCommandReply,
    MxStatusProxy,
    ProtocolStatus,
    ProtocolStatusCode,
)
from mxgateway.redact import REDACTED
from mxgateway.status import (
    describe_hresult,
    describe_statuses,
    enum_name,
    hresult_failed,
    is_failure,
)

__all__ = [
    "COMMANDS",
    "CommandSpec",
    "check_protocol_status",
    "check_reply",
    "command",
    "new_correlation_id",
    "take_payload",
]


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """How one kind of command travels.

    Attributes:
        kind: The command kind.
        field: Member of the `payload` oneof of MxCommand.
        payload: Message class of that member.
        reply_field: Member of the `payload` oneof of MxCommandReply that answers
            it, or None where the envelope is the whole answer.
    """

    kind: MxCommandKind
    field: str
    payload: type[betterproto2.Message]
    reply_field: str | None = None


_K = MxCommandKind
_SPECS: Final = (
    CommandSpec(_K.REGISTER, "register", v1.RegisterCommand, "register"),
    CommandSpec(_K.UNREGISTER, "unregister", v1.UnregisterCommand),
    CommandSpec(_K.ADD_ITEM, "add_item", v1.AddItemCommand, "add_item"),
    CommandSpec(_K.ADD_ITEM2, "add_item2", v1.AddItem2Command, "add_item2"),
    CommandSpec(_K.REMOVE_ITEM, "remove_item", v1.RemoveItemCommand),
    CommandSpec(_K.ADVISE, "advise", v1.AdviseCommand),
    CommandSpec(_K.UN_ADVISE, "un_advise", v1.UnAdviseCommand),
    CommandSpec(_K.ADVISE_SUPERVISORY, "advise_supervisory", v1.AdviseSupervisoryCommand),
    CommandSpec(
        _K.ADD_BUFFERED_ITEM, "add_buffered_item", v1.AddBufferedItemCommand, "add_buffered_item"
    ),
    CommandSpec(
        _K.SET_BUFFERED_UPDATE_INTERVAL,
        "set_buffered_update_interval",
        v1.SetBufferedUpdateIntervalCommand,
    ),
    CommandSpec(_K.SUSPEND, "suspend", v1.SuspendCommand, "suspend"),
    CommandSpec(_K.ACTIVATE, "activate", v1.ActivateCommand, "activate"),
    CommandSpec(_K.WRITE, "write", v1.WriteCommand),
    CommandSpec(_K.WRITE2, "write2", v1.Write2Command),
    CommandSpec(_K.WRITE_SECURED, "write_secured", v1.WriteSecuredCommand),
    CommandSpec(_K.WRITE_SECURED2, "write_secured2", v1.WriteSecured2Command),
    CommandSpec(
        _K.AUTHENTICATE_USER, "authenticate_user", v1.AuthenticateUserCommand, "authenticate_user"
    ),
    CommandSpec(
        _K.ARCHESTRA_USER_TO_ID,
        "archestra_user_to_id",
        v1.ArchestrAUserToIdCommand,
        "archestra_user_to_id",
    ),
    CommandSpec(_K.ADD_ITEM_BULK, "add_item_bulk", v1.AddItemBulkCommand, "add_item_bulk"),
    CommandSpec(
        _K.ADVISE_ITEM_BULK, "advise_item_bulk", v1.AdviseItemBulkCommand, "advise_item_bulk"
    ),
    CommandSpec(
        _K.REMOVE_ITEM_BULK, "remove_item_bulk", v1.RemoveItemBulkCommand, "remove_item_bulk"
    ),
    CommandSpec(
        _K.UN_ADVISE_ITEM_BULK,
        "un_advise_item_bulk",
        v1.UnAdviseItemBulkCommand,
        "un_advise_item_bulk",
    ),
    CommandSpec(_K.SUBSCRIBE_BULK, "subscribe_bulk", v1.SubscribeBulkCommand, "subscribe_bulk"),
    CommandSpec(
        _K.UNSUBSCRIBE_BULK, "unsubscribe_bulk", v1.UnsubscribeBulkCommand, "unsubscribe_bulk"
    ),
    CommandSpec(_K.SUBSCRIBE_ALARMS, "subscribe_alarms", v1.SubscribeAlarmsCommand),
    CommandSpec(_K.UNSUBSCRIBE_ALARMS, "unsubscribe_alarms", v1.UnsubscribeAlarmsCommand),
    CommandSpec(
        _K.ACKNOWLEDGE_ALARM,
        "acknowledge_alarm_command",
        v1.AcknowledgeAlarmCommand,
        "acknowledge_alarm",
    ),
    CommandSpec(
        _K.QUERY_ACTIVE_ALARMS,
        "query_active_alarms_command",
        v1.QueryActiveAlarmsCommand,
        "query_active_alarms",
    ),
    CommandSpec(
        _K.ACKNOWLEDGE_ALARM_BY_NAME,
        "acknowledge_alarm_by_name_command",
        v1.AcknowledgeAlarmByNameCommand,
        "acknowledge_alarm",
    ),
    CommandSpec(_K.WRITE_BULK, "write_bulk", v1.WriteBulkCommand, "write_bulk"),
    CommandSpec(_K.WRITE2_BULK, "write2_bulk", v1.Write2BulkCommand, "write2_bulk"),
    CommandSpec(
        _K.WRITE_SECURED_BULK,
        "write_secured_bulk",
        v1.WriteSecuredBulkCommand,
        "write_secured_bulk",
    ),
    CommandSpec(
        _K.WRITE_SECURED2_BULK,
        "write_secured2_bulk",
        v1.WriteSecured2BulkCommand,
        "write_secured2_bulk",
    ),
    CommandSpec(_K.READ_BULK, "read_bulk", v1.ReadBulkCommand, "read_bulk"),
    CommandSpec(_K.PING, "ping", v1.PingCommand),
    CommandSpec(
        _K.GET_SESSION_STATE, "get_session_state", v1.GetSessionStateCommand, "session_state"
    ),
    CommandSpec(_K.GET_WORKER_INFO, "get_worker_info", v1.GetWorkerInfoCommand, "worker_info"),
    CommandSpec(_K.DRAIN_EVENTS, "drain_events", v1.DrainEventsCommand, "drain_events"),
    CommandSpec(_K.SHUTDOWN_WORKER, "shutdown_worker", v1.ShutdownWorkerCommand),
)

COMMANDS: Final[dict[MxCommandKind, CommandSpec]] = {spec.kind: spec for spec in _SPECS}
_BY_PAYLOAD: Final = {spec.payload: spec for spec in _SPECS}


def command(payload: betterproto2.Message) -> MxCommand:
    """Return the MxCommand that carries `payload`, with the kind that belongs to it.

    Raises:
        ConfigurationError: The message is no command payload.
    """
    spec = _BY_PAYLOAD.get(type(payload))
    if spec is None:
        known = ", ".join(sorted(cls.__name__ for cls in _BY_PAYLOAD))
        raise ConfigurationError(
            f"{type(payload).__name__} is no payload of a command; known are {known}"
        )
    fields: dict[str, Any] = {spec.field: payload}
    return MxCommand(kind=spec.kind, **fields)


def _without_password(message: Any) -> str:
    return (
        f"{type(message).__name__}(server_handle={message.server_handle}, "
        f"verify_user={REDACTED!r}, verify_user_password={REDACTED!r})"
    )


def _without_value(message: Any) -> str:
    shown = [
        f"{field.name}={REDACTED if field.name == 'value' else getattr(message, field.name)!r}"
        for field in dataclasses.fields(message)
    ]
    return f"{type(message).__name__}({', '.join(shown)})"


# The messages are parts of requests that end up in logs and debuggers.
v1.AuthenticateUserCommand.__repr__ = _without_password  # type: ignore[method-assign]
for _secured in (
    v1.WriteSecuredCommand,
    v1.WriteSecured2Command,
    v1.WriteSecuredBulkEntry,
    v1.WriteSecured2BulkEntry,
):
    _secured.__repr__ = _without_value  # type: ignore[method-assign]


def new_correlation_id() -> str:
    """Return a new correlation id: never empty, never the same twice."""
    return uuid.uuid4().hex


# Whether the command may have run although the answer is a failure, and whether the
# same call can succeed later. NOT_READY counts as final: OpenSession answers only once
# the session is ready, so afterwards it can only be closing, closed or faulted.
_PROTOCOL_FAILURES: Final[dict[int, tuple[Processed, bool]]] = {
    ProtocolStatusCode.INVALID_REQUEST: ("no", False),
    ProtocolStatusCode.SESSION_NOT_FOUND: ("no", False),
    ProtocolStatusCode.SESSION_NOT_READY: ("no", False),
    ProtocolStatusCode.WORKER_UNAVAILABLE: ("maybe", True),
    ProtocolStatusCode.TIMEOUT: ("maybe", True),
    ProtocolStatusCode.CANCELED: ("maybe", False),
    ProtocolStatusCode.PROTOCOL_VIOLATION: ("maybe", False),
}


def check_protocol_status(
    status: ProtocolStatus | None, reply: Any, what: str, *, secret: str | None = None
) -> None:
    """Raise unless the protocol status of a reply is OK.

    `what` names the request in the message; `secret` is taken out of it wherever
    the gateway's text should hold it.

    Raises:
        MalformedReplyError: The reply has no protocol status.
        MxGatewayCommandError: Any code but OK. `processed` is "maybe" where the
            worker may have run the command: timeout, cancelled, worker
            unavailable, protocol violation, and codes that are not known.
            `transient` is True for timeout and worker unavailable only.
    """
    if status is None or status.code == ProtocolStatusCode.UNSPECIFIED:
        raise MalformedReplyError(f"{what}: the reply has no protocol status", reply=reply)
    code = ProtocolStatusCode(status.code)
    if code == ProtocolStatusCode.OK:
        return
    processed, transient = _PROTOCOL_FAILURES.get(code, ("maybe", False))
    text = f"{what}: {enum_name(code)}"
    if status.message:
        text += f": {status.message}"
    raise MxGatewayCommandError(
        text,
        reply=reply,
        protocol_status=status,
        processed=processed,
        transient=transient,
        secret=secret,
    )


def check_reply(
    reply: MxCommandReply, kind: MxCommandKind, *, secret: str | None = None
) -> MxCommandReply:
    """Return `reply` if it says that a command of `kind` succeeded, else raise.

    Raises:
        MxGatewayCommandError: The gateway or the worker could not run the command;
            see `check_protocol_status`.
        MxAccessError: MXAccess refused it: protocol status MXACCESS_FAILURE, a
            negative HRESULT, or a status with a failing category, be it the one that
            Suspend or Activate returns. `success` of a status is a number, not a
            flag, and does not matter.
        MalformedReplyError: The reply says OK but answers another kind, lacks its
            protocol status, or lacks the payload that the kind calls for.
    """
    kind = MxCommandKind(kind)
    what = enum_name(kind)
    status = reply.protocol_status
    refused = status is not None and status.code == ProtocolStatusCode.MXACCESS_FAILURE
    if not refused:
        check_protocol_status(status, reply, what, secret=secret)
    statuses = _statuses(reply)
    if refused or hresult_failed(reply.hresult) or any(is_failure(entry) for entry in statuses):
        raise MxAccessError(
            _refusal(what, reply, statuses),
            reply=reply,
            protocol_status=status,
            hresult=reply.hresult,
            statuses=statuses,
            secret=secret,
        )
    if reply.kind != kind:
        raise MalformedReplyError(
            f"{what}: the reply answers {enum_name(MxCommandKind(reply.kind))} instead", reply=reply
        )
    take_payload(reply, kind)
    return reply


def _statuses(reply: MxCommandReply) -> list[MxStatusProxy]:
    """The statuses of the reply, and the one that Suspend and Activate return beside them."""
    returned = [part.status for part in (reply.suspend, reply.activate) if part is not None]
    extra = [one for one in returned if one is not None and one not in reply.statuses]
    return [*reply.statuses, *extra]


def _refusal(what: str, reply: MxCommandReply, statuses: list[MxStatusProxy]) -> str:
    facts = []
    if hresult_failed(reply.hresult):
        assert reply.hresult is not None
        facts.append(f"HRESULT {describe_hresult(reply.hresult)}")
    failing = [entry for entry in statuses if is_failure(entry)]
    if failing:
        facts.append(describe_statuses(failing))
    texts = [reply.diagnostic_message]
    if reply.protocol_status is not None:
        texts.append(reply.protocol_status.message)
    for text in texts:
        if text and not any(text in fact for fact in facts):
            facts.append(text)
    return f"{what}: MXAccess refused it: {'; '.join(facts) or 'no reason given'}"


def take_payload(reply: MxCommandReply, kind: MxCommandKind) -> Any:
    """Return the payload that answers `kind`; the reply itself where the kind has none.

    Raises:
        MalformedReplyError: The payload is missing.
    """
    spec = COMMANDS.get(MxCommandKind(kind))
    if spec is None or spec.reply_field is None:
        return reply
    payload = getattr(reply, spec.reply_field)
    if payload is None:
        raise MalformedReplyError(
            f"{enum_name(spec.kind)}: the reply is OK but has no payload", reply=reply
        )
    return payload
