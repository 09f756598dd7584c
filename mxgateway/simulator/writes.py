"""Writes: accepted at once, finished later with OnWriteComplete.

What is refused at once and what in the completion: MXAccess reference, sections
1.1, 4.1 and 6.
"""

from __future__ import annotations

from typing import Any

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.generated.mxaccess_gateway.v1 import (
    MxStatusCategory,
    MxStatusProxy,
    MxStatusSource,
)
from mxgateway.simulator.audit import WriteRecord
from mxgateway.simulator.call import Call
from mxgateway.simulator.items import Item
from mxgateway.simulator.parts import with_bit
from mxgateway.simulator.plant import Tag
from mxgateway.simulator.references import INVALID_REFERENCE, Target
from mxgateway.simulator.replies import MxAccessFailure, find_item
from mxgateway.simulator.status import NOT_SUPPORTED, OK_STATUS, PENDING_STATUS, make_status
from mxgateway.simulator.variant import InvalidValueError
from mxgateway.simulator.write_rules import Outcome, WriteRequest, asks_for_sign_in, judge

__all__ = ["WriteRequest", "accept"]


def accept(call: Call, server_handle: int, request: WriteRequest) -> None:
    """Accept a write; its completion follows.

    Raises:
        MxAccessFailure: MXAccess refuses it at once: a bad handle, no advise, no first
            value yet, or a secured write where none is called for.
        GRPCError: INVALID_ARGUMENT for a malformed value; PERMISSION_DENIED by the
            constraints of the key.
    """
    if request.value is None:
        raise GRPCError(Status.INVALID_ARGUMENT, "write: value is missing")
    if request.timed and request.timestamp is None:
        raise GRPCError(Status.INVALID_ARGUMENT, "write: timestamp_value is missing")
    _, item = find_item(call.session, server_handle, request.item_handle)
    call.require_write(item)
    if not item.advised:
        raise MxAccessFailure(
            f"item {item.handle} ({item.definition}) is not advised; advise it before writing: "
            "Value does not fall within the expected range"
        )
    target = item.target
    tag = target.tag
    if not item.has_value or tag is None:
        raise MxAccessFailure(
            f"item {item.handle} ({item.definition}) has had no value yet, so its type is not "
            "known: Value does not fall within the expected range"
        )
    settings = call.gateway.settings
    if request.secured and not settings.secured_on_plain and not asks_for_sign_in(call, tag):
        raise MxAccessFailure(
            f"{tag.reference} asks for no sign-in; use Write: not supported", NOT_SUPPORTED
        )
    try:
        outcome = judge(call, item, tag, request)
    except InvalidValueError as error:
        raise GRPCError(Status.INVALID_ARGUMENT, f"write: {error}") from error
    if settings.pending_first:
        call.session.later(0, lambda: _send(call, item, PENDING_STATUS))
    call.session.later(
        settings.write_delay, lambda: _complete(call, item, target, outcome, request)
    )


_GONE = make_status(
    MxStatusCategory.CONFIGURATION_ERROR,
    MxStatusSource.RESPONDING_AUTOMATION_OBJECT,
    INVALID_REFERENCE,
    "the attribute, or the element of it, is no longer there",
)


def _complete(
    call: Call, item: Item, target: Target, outcome: Outcome, request: WriteRequest
) -> None:
    now = call.gateway.clock()
    tag = target.tag
    assert tag is not None
    status, whole = outcome.status, None
    if status is OK_STATUS and tag.owner.refusal is not None:
        status = tag.owner.refusal  # its engine was shut down meanwhile
    if status is OK_STATUS:
        # A deploy may have taken the attribute away, or put another one in its place.
        if call.gateway.plant.find(tag.spec.reference) is tag:
            whole = _whole_value(target, tag, outcome.value)
        if whole is None:
            status = _GONE
    succeeded = status is OK_STATUS
    call.gateway.audit.record_write(
        WriteRecord(
            tag=_name(target, tag),
            value=outcome.value if succeeded else None,
            user_id=request.user_id if item.supervisory or request.secured else 0,
            session_id=call.session.id,
            succeeded=succeeded,
            detail=status.detail,
            timestamp=outcome.timestamp or now,
            verifier_id=request.verifier_id,
            secured=request.secured,
        )
    )
    _send(call, item, status)
    if succeeded:
        call.gateway.plant.write(tag, whole, timestamp=outcome.timestamp, now=now)


def _name(target: Target, tag: Tag) -> str:
    """Return the reference of what was written, without `[]` for a whole array."""
    index = "" if target.index is None else f"[{target.index}]"
    return f"{tag.spec.reference}{index}{target.part and '.'}{target.part}"


def _whole_value(target: Target, tag: Tag, value: Any) -> Any:
    """Return the attribute's value with the written part in it; None if the part is gone."""
    index, part = target.index, target.part
    if part:
        return None if tag.value is None else with_bit(tag.value, int(part), on=value)
    if index is None:
        return value
    if tag.value is None or index > len(tag.value):
        return None
    elements = [*tag.value]
    elements[index - 1] = value
    return elements


def _send(call: Call, item: Item, status: MxStatusProxy) -> None:
    # An item un-advised or removed while the write was under way loses its
    # completion (MXAccess reference, section 1.1); the write itself takes effect.
    if item.advised and call.session.holds(item):
        call.session.send_complete(item, status, call.gateway.clock())
