"""One row for each command kind: the call that sends it, what is sent, what answers it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import betterproto2
from client.scripted_channel import OK

from mxgateway import Session, Timestamp
from mxgateway.commands import command
from mxgateway.generated.mxaccess_gateway import v1
from mxgateway.generated.mxaccess_gateway.v1 import (
    BulkReadResult,
    BulkWriteResult,
    MxCommandKind,
    MxCommandReply,
    MxCommandRequest,
    MxDataType,
    MxStatusCategory,
    MxStatusProxy,
    MxValue,
    SubscribeResult,
)

__all__ = ["REPLY", "ROWS", "Row", "good"]

REPLY = object()  # the whole reply is what the call returns
_K = MxCommandKind
_TIME = Timestamp.parse("2026-03-01T12:00:00.1234567Z")
_SEVEN = MxValue(data_type=MxDataType.INTEGER, int32_value=7)
_AT = MxValue(data_type=MxDataType.TIME, timestamp_value=_TIME)
_STATUS = MxStatusProxy(success=-1, category=MxStatusCategory.OK)
_ITEM: dict[str, Any] = {"server_handle": 12, "item_handle": 34}


@dataclass(frozen=True)
class Row:
    """How one command kind is reached through a Session.

    Attributes:
        kind: The command kind.
        call: Calls the session; takes `timeout` and `correlation_id` as keywords.
        sent: The payload that must be sent.
        answer: The members of the reply that answer it.
        result: What the call must return; REPLY for the whole reply.
    """

    kind: MxCommandKind
    call: Callable[..., Awaitable[Any]]
    sent: betterproto2.Message
    answer: dict[str, Any] = field(default_factory=dict)
    result: Any = REPLY


def good(request: MxCommandRequest) -> MxCommandReply:
    """Answer any command as its row says."""
    assert request.command is not None
    return MxCommandReply(
        session_id=request.session_id,
        correlation_id=request.client_correlation_id,
        kind=request.command.kind,
        protocol_status=OK,
        hresult=0,
        **ROWS[request.command.kind].answer,
    )


def _subscribed(kind: MxCommandKind, call: Callable[..., Any], sent: betterproto2.Message) -> Row:
    results = [
        SubscribeResult(server_handle=12, tag_address="A.B", item_handle=34, was_successful=True),
        SubscribeResult(server_handle=12, item_handle=35, error_message="no"),
    ]
    return Row(kind, call, sent, {kind.name.lower(): v1.BulkSubscribeReply(results)}, results)


def _written(kind: MxCommandKind, call: Callable[..., Any], sent: betterproto2.Message) -> Row:
    results = [BulkWriteResult(server_handle=12, item_handle=34, was_successful=True, hresult=0)]
    return Row(kind, call, sent, {kind.name.lower(): v1.BulkWriteReply(results)}, results)


def _raw(kind: MxCommandKind, sent: betterproto2.Message, **answer: Any) -> Row:
    def call(session: Session, **keywords: Any) -> Awaitable[Any]:
        return session.invoke(command(sent), **keywords)

    return Row(kind, call, sent, answer)


_WRITE_ENTRY = v1.WriteBulkEntry(item_handle=34, value=_SEVEN, user_id=3)
_WRITE2_ENTRY = v1.Write2BulkEntry(item_handle=34, value=_SEVEN, timestamp_value=_AT, user_id=3)
_SECURED_ENTRY = v1.WriteSecuredBulkEntry(
    item_handle=34, current_user_id=5, verifier_user_id=6, value=_SEVEN
)
_SECURED2_ENTRY = v1.WriteSecured2BulkEntry(
    item_handle=34, current_user_id=5, verifier_user_id=6, value=_SEVEN, timestamp_value=_AT
)
_READ = BulkReadResult(
    server_handle=12, tag_address="A.B", was_successful=True, was_cached=True, value=_SEVEN
)
_TAGS: dict[str, Any] = {"server_handle": 12, "tag_addresses": ["A.B", "A.C"]}
_ITEMS: dict[str, Any] = {"server_handle": 12, "item_handles": [34, 35]}
_EVENT = v1.MxEvent(worker_sequence=9)
_WORKER = v1.WorkerInfoReply(worker_process_id=4711, worker_version="1.2")

_ROWS = (
    Row(
        _K.REGISTER,
        lambda s, **kw: s.register("c", **kw),
        v1.RegisterCommand(client_name="c"),
        {"register": v1.RegisterReply(server_handle=12)},
        12,
    ),
    Row(
        _K.UNREGISTER,
        lambda s, **kw: s.unregister(12, **kw),
        v1.UnregisterCommand(server_handle=12),
    ),
    Row(
        _K.ADD_ITEM,
        lambda s, **kw: s.add_item(12, "A.B", **kw),
        v1.AddItemCommand(server_handle=12, item_definition="A.B"),
        {"add_item": v1.AddItemReply(item_handle=34)},
        34,
    ),
    Row(
        _K.ADD_ITEM2,
        lambda s, **kw: s.add_item2(12, "Me.B", "A", **kw),
        v1.AddItem2Command(server_handle=12, item_definition="Me.B", item_context="A"),
        {"add_item2": v1.AddItem2Reply(item_handle=56)},
        56,
    ),
    Row(_K.REMOVE_ITEM, lambda s, **kw: s.remove_item(12, 34, **kw), v1.RemoveItemCommand(**_ITEM)),
    Row(_K.ADVISE, lambda s, **kw: s.advise(12, 34, **kw), v1.AdviseCommand(**_ITEM)),
    Row(_K.UN_ADVISE, lambda s, **kw: s.un_advise(12, 34, **kw), v1.UnAdviseCommand(**_ITEM)),
    Row(
        _K.ADVISE_SUPERVISORY,
        lambda s, **kw: s.advise_supervisory(12, 34, **kw),
        v1.AdviseSupervisoryCommand(**_ITEM),
    ),
    Row(
        _K.ADD_BUFFERED_ITEM,
        lambda s, **kw: s.add_buffered_item(12, "Me.B", "A", **kw),
        v1.AddBufferedItemCommand(server_handle=12, item_definition="Me.B", item_context="A"),
        {"add_buffered_item": v1.AddBufferedItemReply(item_handle=78)},
        78,
    ),
    Row(
        _K.SET_BUFFERED_UPDATE_INTERVAL,
        lambda s, **kw: s.set_buffered_update_interval(12, 500, **kw),
        v1.SetBufferedUpdateIntervalCommand(server_handle=12, update_interval_milliseconds=500),
    ),
    Row(
        _K.SUSPEND,
        lambda s, **kw: s.suspend(12, 34, **kw),
        v1.SuspendCommand(**_ITEM),
        {"suspend": v1.SuspendReply(status=_STATUS)},
        _STATUS,
    ),
    Row(
        _K.ACTIVATE,
        lambda s, **kw: s.activate(12, 34, **kw),
        v1.ActivateCommand(**_ITEM),
        {"activate": v1.ActivateReply(status=_STATUS)},
        _STATUS,
    ),
    Row(
        _K.WRITE,
        lambda s, **kw: s.write(12, 34, 7, user_id=3, data_type="int32", **kw),
        v1.WriteCommand(**_ITEM, value=_SEVEN, user_id=3),
    ),
    Row(
        _K.WRITE2,
        lambda s, **kw: s.write2(12, 34, 7, _TIME, user_id=3, **kw),
        v1.Write2Command(**_ITEM, value=_SEVEN, timestamp_value=_AT, user_id=3),
    ),
    Row(
        _K.WRITE_SECURED,
        lambda s, **kw: s.write_secured(12, 34, 7, current_user_id=5, verifier_user_id=6, **kw),
        v1.WriteSecuredCommand(**_ITEM, current_user_id=5, verifier_user_id=6, value=_SEVEN),
    ),
    Row(
        _K.WRITE_SECURED2,
        lambda s, **kw: s.write_secured2(12, 34, 7, _TIME, current_user_id=5, **kw),
        v1.WriteSecured2Command(**_ITEM, current_user_id=5, value=_SEVEN, timestamp_value=_AT),
    ),
    Row(
        _K.AUTHENTICATE_USER,
        lambda s, **kw: s.authenticate_user(12, "PLANT\\anna", "pass word", **kw),
        v1.AuthenticateUserCommand(
            server_handle=12, verify_user="PLANT\\anna", verify_user_password="pass word"
        ),
        {"authenticate_user": v1.AuthenticateUserReply(user_id=5)},
        5,
    ),
    Row(
        _K.ARCHESTRA_USER_TO_ID,
        lambda s, **kw: s.archestra_user_to_id(12, "{guid}", **kw),
        v1.ArchestrAUserToIdCommand(server_handle=12, user_id_guid="{guid}"),
        {"archestra_user_to_id": v1.ArchestrAUserToIdReply(user_id=6)},
        6,
    ),
    _subscribed(
        _K.ADD_ITEM_BULK,
        lambda s, **kw: s.add_item_bulk(12, ["A.B", "A.C"], **kw),
        v1.AddItemBulkCommand(**_TAGS),
    ),
    _subscribed(
        _K.ADVISE_ITEM_BULK,
        lambda s, **kw: s.advise_item_bulk(12, [34, 35], **kw),
        v1.AdviseItemBulkCommand(**_ITEMS),
    ),
    _subscribed(
        _K.REMOVE_ITEM_BULK,
        lambda s, **kw: s.remove_item_bulk(12, [34, 35], **kw),
        v1.RemoveItemBulkCommand(**_ITEMS),
    ),
    _subscribed(
        _K.UN_ADVISE_ITEM_BULK,
        lambda s, **kw: s.unadvise_item_bulk(12, [34, 35], **kw),
        v1.UnAdviseItemBulkCommand(**_ITEMS),
    ),
    _subscribed(
        _K.SUBSCRIBE_BULK,
        lambda s, **kw: s.subscribe_bulk(12, ("A.B", "A.C"), **kw),
        v1.SubscribeBulkCommand(**_TAGS),
    ),
    _subscribed(
        _K.UNSUBSCRIBE_BULK,
        lambda s, **kw: s.unsubscribe_bulk(12, iter([34, 35]), **kw),
        v1.UnsubscribeBulkCommand(**_ITEMS),
    ),
    _raw(_K.SUBSCRIBE_ALARMS, v1.SubscribeAlarmsCommand(subscription_expression="\\Galaxy!A")),
    _raw(_K.UNSUBSCRIBE_ALARMS, v1.UnsubscribeAlarmsCommand()),
    _raw(
        _K.ACKNOWLEDGE_ALARM,
        v1.AcknowledgeAlarmCommand(alarm_guid="g"),
        acknowledge_alarm=v1.AcknowledgeAlarmReplyPayload(),
    ),
    _raw(
        _K.QUERY_ACTIVE_ALARMS,
        v1.QueryActiveAlarmsCommand(alarm_filter_prefix="Galaxy!"),
        query_active_alarms=v1.QueryActiveAlarmsReplyPayload(),
    ),
    _raw(
        _K.ACKNOWLEDGE_ALARM_BY_NAME,
        v1.AcknowledgeAlarmByNameCommand(alarm_name="A.B"),
        acknowledge_alarm=v1.AcknowledgeAlarmReplyPayload(),
    ),
    _written(
        _K.WRITE_BULK,
        lambda s, **kw: s.write_bulk(12, [(34, 7)], user_id=3, data_type="int32", **kw),
        v1.WriteBulkCommand(server_handle=12, entries=[_WRITE_ENTRY]),
    ),
    _written(
        _K.WRITE2_BULK,
        lambda s, **kw: s.write2_bulk(12, [_WRITE2_ENTRY], **kw),
        v1.Write2BulkCommand(server_handle=12, entries=[_WRITE2_ENTRY]),
    ),
    _written(
        _K.WRITE_SECURED_BULK,
        lambda s, **kw: s.write_secured_bulk(12, [_SECURED_ENTRY], **kw),
        v1.WriteSecuredBulkCommand(server_handle=12, entries=[_SECURED_ENTRY]),
    ),
    _written(
        _K.WRITE_SECURED2_BULK,
        lambda s, **kw: s.write_secured2_bulk(12, [_SECURED2_ENTRY], **kw),
        v1.WriteSecured2BulkCommand(server_handle=12, entries=[_SECURED2_ENTRY]),
    ),
    Row(
        _K.READ_BULK,
        lambda s, **kw: s.read_bulk(12, ["A.B"], timeout_ms=250, **kw),
        v1.ReadBulkCommand(server_handle=12, tag_addresses=["A.B"], timeout_ms=250),
        {"read_bulk": v1.BulkReadReply([_READ])},
        [_READ],
    ),
    Row(_K.PING, lambda s, **kw: s.ping("hello", **kw), v1.PingCommand(message="hello")),
    Row(
        _K.GET_SESSION_STATE,
        lambda s, **kw: s.get_session_state(**kw),
        v1.GetSessionStateCommand(),
        {"session_state": v1.SessionStateReply(state=v1.SessionState.READY)},
        v1.SessionState.READY,
    ),
    Row(
        _K.GET_WORKER_INFO,
        lambda s, **kw: s.get_worker_info(**kw),
        v1.GetWorkerInfoCommand(),
        {"worker_info": _WORKER},
        _WORKER,
    ),
    Row(
        _K.DRAIN_EVENTS,
        lambda s, **kw: s.drain_events(5, **kw),
        v1.DrainEventsCommand(max_events=5),
        {"drain_events": v1.DrainEventsReply([_EVENT])},
        [_EVENT],
    ),
    Row(
        _K.SHUTDOWN_WORKER,
        lambda s, **kw: s.shutdown_worker(2.5, **kw),
        v1.ShutdownWorkerCommand(grace_period=dt.timedelta(seconds=2.5)),
    ),
)

ROWS = {row.kind: row for row in _ROWS}
