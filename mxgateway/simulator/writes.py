"""Write and Write2: accepted at once, finished later with OnWriteComplete.

What is refused at once and what in the completion: MXAccess reference, sections
1.1 and 4.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.generated.mxaccess_gateway.v1 import (
    MxCommandReply,
    MxDataType,
    MxStatusCategory,
    MxStatusProxy,
    MxStatusSource,
    MxValue,
    Write2Command,
    WriteCommand,
)
from mxgateway.simulator.audit import WriteRecord
from mxgateway.simulator.gateway import Gateway
from mxgateway.simulator.items import Item
from mxgateway.simulator.plant import Classification, Tag
from mxgateway.simulator.replies import MxAccessFailure, find_item, ok
from mxgateway.simulator.sessions import Session
from mxgateway.simulator.status import (
    OK_STATUS,
    SECURED_WRITE_NEEDED,
    VERIFIED_WRITE_NEEDED,
    WRITE_REFUSED,
    make_status,
)
from mxgateway.simulator.variant import CoercionError, InvalidValueError, coerce, type_info

__all__ = ["write", "write2"]

_TIME = type_info(MxDataType.TIME)


@dataclass(frozen=True)
class _Outcome:
    """What the completion will say, and the value to set if it says OK."""

    status: MxStatusProxy
    value: Any = None
    timestamp: datetime | None = None


def write(gateway: Gateway, session: Session, command: WriteCommand) -> MxCommandReply:
    """Accept a Write."""
    return _accept(gateway, session, command, None)


def write2(gateway: Gateway, session: Session, command: Write2Command) -> MxCommandReply:
    """Accept a Write2, a write with the caller's time."""
    if command.timestamp_value is None:
        raise GRPCError(Status.INVALID_ARGUMENT, "write2: timestamp_value is missing")
    return _accept(gateway, session, command, command.timestamp_value)


def _accept(
    gateway: Gateway,
    session: Session,
    command: WriteCommand | Write2Command,
    timestamp: MxValue | None,
) -> MxCommandReply:
    if command.value is None:
        raise GRPCError(Status.INVALID_ARGUMENT, "write: value is missing")
    _, item = find_item(session, command.server_handle, command.item_handle)
    if not item.advised:
        raise MxAccessFailure(
            f"item {item.handle} ({item.definition}) is not advised; advise it before writing: "
            "Value does not fall within the expected range"
        )
    tag = item.target.tag
    if not item.has_value or tag is None:
        raise MxAccessFailure(
            f"item {item.handle} ({item.definition}) has had no value yet, so its type is not "
            "known: Value does not fall within the expected range"
        )
    try:
        outcome = _judge(item, tag, command.value, timestamp)
    except InvalidValueError as error:
        raise GRPCError(Status.INVALID_ARGUMENT, f"write: {error}") from error
    user_id = command.user_id if item.supervisory else 0
    session.later(
        gateway.settings.write_delay,
        lambda: _complete(gateway, session, item, tag, outcome, user_id),
    )
    return ok()


def _judge(item: Item, tag: Tag, value: MxValue, timestamp: MxValue | None) -> _Outcome:
    """Decide how the write will end."""
    refusal = _refusal(tag, supervisory=item.supervisory)
    index = item.target.index
    try:
        converted = coerce(value, tag.info, is_array=tag.is_array and index is None)
        time = None if timestamp is None else coerce(timestamp, _TIME, is_array=False)
    except CoercionError as error:
        return _Outcome(refusal or _refused(str(error)))
    if refusal is not None:
        return _Outcome(refusal)
    return _Outcome(OK_STATUS, converted, time)


def _refusal(tag: Tag, *, supervisory: bool) -> MxStatusProxy | None:
    if not tag.writable(supervisory=supervisory):
        return _refused(f"{tag.reference} is not writable at runtime")
    if supervisory:
        # MXAccess reference, section 6: no sign-in is asked for on a supervisory advise.
        return None
    if tag.classification == Classification.SECURED_WRITE:
        return _insecure(SECURED_WRITE_NEEDED, "a secured write is needed; use WriteSecured")
    if tag.classification == Classification.VERIFIED_WRITE:
        return _insecure(VERIFIED_WRITE_NEEDED, "a verified write is needed; use WriteSecured")
    return None


def _refused(text: str) -> MxStatusProxy:
    return make_status(
        MxStatusCategory.OPERATIONAL_ERROR,
        MxStatusSource.RESPONDING_AUTOMATION_OBJECT,
        WRITE_REFUSED,
        text,
    )


def _insecure(detail: int, text: str) -> MxStatusProxy:
    return make_status(
        MxStatusCategory.SECURITY_ERROR,
        MxStatusSource.RESPONDING_AUTOMATION_OBJECT,
        detail,
        text,
    )


def _complete(
    gateway: Gateway, session: Session, item: Item, tag: Tag, outcome: _Outcome, user_id: int
) -> None:
    now = gateway.clock()
    succeeded = outcome.status is OK_STATUS
    index = item.target.index
    gateway.audit.record_write(
        WriteRecord(
            tag=tag.reference.removesuffix("[]") if index is None else item.definition,
            value=outcome.value,
            user_id=user_id,
            session_id=session.id,
            succeeded=succeeded,
            detail=outcome.status.detail,
            timestamp=outcome.timestamp or now,
        )
    )
    # An item un-advised or removed while the write was under way loses its
    # completion (MXAccess reference, section 1.1); the write itself takes effect.
    if item.advised and session.holds(item):
        session.send_complete(item, outcome.status, now)
    if not succeeded:
        return
    value = outcome.value
    if index is not None:
        value = [*tag.value]
        if index > len(value):
            return
        value[index - 1] = outcome.value
    gateway.plant.set(tag, value, timestamp=outcome.timestamp, now=now)
