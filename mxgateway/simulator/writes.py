"""Writes: accepted at once, finished later with OnWriteComplete.

What is refused at once and what in the completion: MXAccess reference, sections
1.1, 4.1 and 6.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from typing import Any

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.generated.mxaccess_gateway.v1 import (
    MxDataType,
    MxStatusCategory,
    MxStatusProxy,
    MxStatusSource,
    MxValue,
)
from mxgateway.simulator.audit import WriteRecord
from mxgateway.simulator.call import Call
from mxgateway.simulator.items import Item
from mxgateway.simulator.parts import with_bit
from mxgateway.simulator.plant import Classification, Tag
from mxgateway.simulator.references import ENGINES, INVALID_REFERENCE, PLATFORM, Target
from mxgateway.simulator.replies import MxAccessFailure, find_item
from mxgateway.simulator.status import (
    ENGINE_STOPPED,
    NO_PERMISSION,
    NOT_SUPPORTED,
    OK_STATUS,
    PENDING_STATUS,
    PLATFORM_STOPPED,
    SECURED_WRITE_NEEDED,
    VERIFIED_WRITE_NEEDED,
    WRITE_REFUSED,
    make_status,
)
from mxgateway.simulator.variant import CoercionError, InvalidValueError, coerce, type_info

__all__ = ["WriteRequest", "accept"]

_TIME = type_info(MxDataType.TIME)
_BOOLEAN = type_info(MxDataType.BOOLEAN)
_SIGN_IN = {
    Classification.SECURED_WRITE: SECURED_WRITE_NEEDED,
    Classification.VERIFIED_WRITE: VERIFIED_WRITE_NEEDED,
}


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """One write in any of its forms.

    Attributes:
        item_handle: The item.
        value: The value; None where the request has none.
        timed: Whether the form has the caller's time.
        timestamp: That time; None where the request has none.
        secured: Whether it is a WriteSecured.
        user_id: The user; for a secured write the one who signed in.
        verifier_id: The second user of a verified write; 0 for none.
    """

    item_handle: int
    value: MxValue | None
    _: KW_ONLY
    timed: bool = False
    timestamp: MxValue | None = None
    secured: bool = False
    user_id: int = 0
    verifier_id: int = 0


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What the completion will say, and the value to set if it says OK."""

    status: MxStatusProxy
    value: Any = None
    timestamp: datetime | None = None


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
    if request.secured and not settings.secured_on_plain and not _asks_for_sign_in(call, tag):
        raise MxAccessFailure(
            f"{tag.reference} asks for no sign-in; use Write: not supported", NOT_SUPPORTED
        )
    try:
        outcome = _judge(call, item, tag, request)
    except InvalidValueError as error:
        raise GRPCError(Status.INVALID_ARGUMENT, f"write: {error}") from error
    if settings.pending_first:
        call.session.later(0, lambda: _send(call, item, PENDING_STATUS))
    call.session.later(
        settings.write_delay, lambda: _complete(call, item, target, outcome, request)
    )


def _asks_for_sign_in(call: Call, tag: Tag) -> bool:
    return tag.classification in _SIGN_IN and call.gateway.settings.security != "none"


def _judge(call: Call, item: Item, tag: Tag, request: WriteRequest) -> _Outcome:
    """Decide how the write will end, as far as that is known now."""
    refusal = (
        _unreachable(call, tag)
        or _read_only(item, tag)
        or _security_refusal(call, item, tag, request)
    )
    part, index = item.target.part, item.target.index
    info = _BOOLEAN if part else tag.info
    assert request.value is not None
    try:
        converted = coerce(
            request.value, info, is_array=tag.is_array and index is None and not part
        )
        time = (
            None if request.timestamp is None else coerce(request.timestamp, _TIME, is_array=False)
        )
    except CoercionError as error:
        return _Outcome(refusal or _refused(str(error)))
    if refusal is not None:
        return _Outcome(refusal)
    return _Outcome(OK_STATUS, converted, time)


def _unreachable(call: Call, tag: Tag) -> MxStatusProxy | None:
    """Refuse what belongs to an engine or a platform that was stopped."""
    if tag.owner.off_since is None or tag.scan_state:
        return None
    for host in call.gateway.references.hosts(tag.owner.name):
        if host.category not in ENGINES and host.category != PLATFORM:
            continue
        command = call.gateway.plant.find(f"{host.tag_name}.ScanStateCmd")
        if command is None or command.value:
            continue
        is_platform = host.category == PLATFORM
        return make_status(
            MxStatusCategory.COMMUNICATION_ERROR,
            MxStatusSource.REQUESTING_NMX if is_platform else MxStatusSource.RESPONDING_NMX,
            PLATFORM_STOPPED if is_platform else ENGINE_STOPPED,
            f"{host.tag_name} was stopped",
        )
    return None


def _read_only(item: Item, tag: Tag) -> MxStatusProxy | None:
    if not tag.writable(supervisory=item.supervisory):
        return _refused(f"{tag.reference} is not writable at runtime")
    if item.target.part and not item.target.part.isdigit():
        return _refused(f"the property {item.target.part} of {tag.reference} is not writable")
    return None


def _security_refusal(
    call: Call, item: Item, tag: Tag, request: WriteRequest
) -> MxStatusProxy | None:
    # MXAccess reference, section 6: no sign-in is asked for on a supervisory advise.
    if item.supervisory or not _asks_for_sign_in(call, tag):
        return None
    verified = tag.classification == Classification.VERIFIED_WRITE
    detail = VERIFIED_WRITE_NEEDED if verified else SECURED_WRITE_NEEDED
    if not request.secured:
        kind = "verified" if verified else "secured"
        return _insecure(detail, f"a {kind} write is needed; use WriteSecured")
    ids = [request.user_id]
    if verified or request.verifier_id not in (0, request.user_id):
        ids.append(request.verifier_id)
    if verified and request.verifier_id == request.user_id:
        return _insecure(detail, "a verified write needs two different users")
    for user_id in ids:
        user = call.session.users.user(user_id)
        if user is None:
            return _insecure(detail, f"nobody signed in with the user id {user_id}")
        if "operate" not in user.permissions:
            return _insecure(NO_PERMISSION, f"the user {user.name} may not operate")
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


_GONE = make_status(
    MxStatusCategory.CONFIGURATION_ERROR,
    MxStatusSource.RESPONDING_AUTOMATION_OBJECT,
    INVALID_REFERENCE,
    "the attribute, or the element of it, is no longer there",
)


def _complete(
    call: Call, item: Item, target: Target, outcome: _Outcome, request: WriteRequest
) -> None:
    now = call.gateway.clock()
    tag = target.tag
    assert tag is not None
    status, whole = outcome.status, None
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
        call.gateway.plant.set(tag, whole, timestamp=outcome.timestamp, now=now)


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
