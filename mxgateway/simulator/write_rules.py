"""How a write will end: who may write what, and what values an attribute takes.

MXAccess reference, sections 3, 4.1, 6 and 7.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from typing import Any

from mxgateway.generated.mxaccess_gateway.v1 import (
    MxDataType,
    MxStatusCategory,
    MxStatusProxy,
    MxStatusSource,
    MxValue,
)
from mxgateway.simulator.call import Call
from mxgateway.simulator.items import Item
from mxgateway.simulator.outage import host_status
from mxgateway.simulator.plant import Classification, Tag
from mxgateway.simulator.references import ENGINES, PLATFORM
from mxgateway.simulator.status import (
    NO_PERMISSION,
    OK_STATUS,
    SECURED_WRITE_NEEDED,
    VERIFIED_WRITE_NEEDED,
    WRITE_REFUSED,
    make_status,
)
from mxgateway.simulator.users import DEFAULT_GROUP
from mxgateway.simulator.variant import CoercionError, coerce, type_info

__all__ = ["Outcome", "WriteRequest", "asks_for_sign_in", "judge"]

# What somebody may do who writes to an attribute of that class.
_PERMISSIONS = {
    Classification.OPERATE: "operate",
    Classification.SECURED_WRITE: "operate",
    Classification.VERIFIED_WRITE: "operate",
    Classification.TUNE: "tune",
    Classification.CONFIGURE: "configure",
}
_LONGEST_COMMENT = 256  # of `.AckMsg`, MXAccess reference, section 7.3
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
class Outcome:
    """What the completion will say, and the value to set if it says OK."""

    status: MxStatusProxy
    value: Any = None
    timestamp: datetime | None = None


def asks_for_sign_in(call: Call, tag: Tag) -> bool:
    """Whether somebody has to sign in for each write to an attribute."""
    return tag.classification in _SIGN_IN and call.gateway.settings.security != "none"


def judge(call: Call, item: Item, tag: Tag, request: WriteRequest) -> Outcome:
    """Decide how a write will end, as far as that is known now.

    Raises:
        InvalidValueError: The value itself is malformed.
    """
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
        if not part and not tag.is_array:
            converted = _checked(tag, converted)
        time = (
            None if request.timestamp is None else coerce(request.timestamp, _TIME, is_array=False)
        )
    except CoercionError as error:
        return Outcome(refusal or _refused(str(error)))
    if refusal is not None:
        return Outcome(refusal)
    return Outcome(OK_STATUS, converted, time)


def _unreachable(call: Call, tag: Tag) -> MxStatusProxy | None:
    """Refuse what belongs to an engine or a platform that is off scan or was shut down."""
    if tag.owner.refusal is not None:
        return tag.owner.refusal
    if tag.owner.outage is None or tag.scan_state:
        return None
    for host in call.gateway.references.hosts(tag.owner.name):
        if host.category not in ENGINES and host.category != PLATFORM:
            continue
        command = call.gateway.plant.find(f"{host.tag_name}.ScanStateCmd")
        if command is None or command.value:
            continue
        return host_status(host.tag_name, is_platform=host.category == PLATFORM)
    return None


def _checked(tag: Tag, value: Any) -> Any:
    """Return a value as the attribute takes it: the label of an enum for its number.

    Raises:
        CoercionError: The enum has no such label, or the comment is too long.
    """
    if tag.labels:
        found = [label for label in tag.labels if label.lower() == value.lower()]
        if not found and value.isdecimal():
            found = [*tag.labels[int(value) : int(value) + 1]]
        if not found:
            raise CoercionError(f"{tag.reference} has no label {value!r}")
        return found[0]
    if tag.reference.lower().endswith(".ackmsg") and len(value) > _LONGEST_COMMENT:
        raise CoercionError(f"a comment has up to {_LONGEST_COMMENT} characters, not {len(value)}")
    return value


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
    if item.supervisory or call.gateway.settings.security == "none":
        return None
    if not asks_for_sign_in(call, tag):
        return _not_permitted(call, tag, request)
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
        group = _group(call, tag)
        if not user.may("operate", group):
            return _insecure(
                NO_PERMISSION, f"the user {user.name} may not operate in the group {group}"
            )
    return None


def _not_permitted(call: Call, tag: Tag, request: WriteRequest) -> MxStatusProxy | None:
    """Refuse who lacks the permission that the class of an attribute asks for."""
    needed = _PERMISSIONS.get(Classification(tag.classification))
    # The user of a plain write counts on a supervisory advise only; here it is the worker's.
    user = call.session.users.user(request.user_id) if request.secured else None
    if needed is None:
        return None
    if user is None:
        if needed in call.gateway.settings.worker_permissions:
            return None
        return _insecure(NO_PERMISSION, f"the worker's own user may not {needed}")
    group = _group(call, tag)
    if user.may(needed, group):
        return None
    return _insecure(NO_PERMISSION, f"the user {user.name} may not {needed} in the group {group}")


def _group(call: Call, tag: Tag) -> str:
    """Return the security group of the object that an attribute belongs to."""
    group = call.gateway.plant.find(f"{tag.owner.name}.SecurityGroup")
    return DEFAULT_GROUP if group is None or not group.value else str(group.value)


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
