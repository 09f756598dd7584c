"""Replies, and looking up what a command's handles stand for."""

from __future__ import annotations

from typing import Any

from grpclib.exceptions import GRPCError

from mxgateway.generated.mxaccess_gateway.v1 import (
    MxCommandReply,
    MxDataType,
    MxStatusCategory,
    MxStatusProxy,
    MxStatusSource,
    MxValue,
    ProtocolStatus,
    ProtocolStatusCode,
)
from mxgateway.simulator.items import Item, Registration
from mxgateway.simulator.sessions import Session
from mxgateway.simulator.status import E_INVALIDARG, make_status
from mxgateway.simulator.variant import to_message, type_info

__all__ = [
    "MxAccessFailure",
    "failed",
    "find_item",
    "find_registration",
    "integer",
    "ok",
    "reason_of",
    "statuses_of",
]

_INTEGER = type_info(MxDataType.INTEGER)


class MxAccessFailure(Exception):  # noqa: N818 - it is an outcome, not an error of ours
    """MXAccess refused the command; the reply says so.

    Attributes:
        text: Why, for the reply.
        hresult: The HRESULT of the COM call.
    """

    def __init__(self, text: str, hresult: int = E_INVALIDARG) -> None:
        super().__init__(text)
        self.text = text
        self.hresult = hresult


def ok(**payload: Any) -> MxCommandReply:
    """Return a reply that says yes: HRESULT 0, status OK, and `payload`."""
    return MxCommandReply(
        protocol_status=ProtocolStatus(code=ProtocolStatusCode.OK, message="OK"),
        hresult=0,
        **payload,
    )


def failed(failure: MxAccessFailure) -> MxCommandReply:
    """Return the reply that says what MXAccess refused."""
    return MxCommandReply(
        protocol_status=ProtocolStatus(
            code=ProtocolStatusCode.MXACCESS_FAILURE, message=failure.text
        ),
        hresult=failure.hresult,
        statuses=statuses_of(failure),
        diagnostic_message=failure.text,
    )


def statuses_of(failure: MxAccessFailure) -> list[MxStatusProxy]:
    """Return the statuses that tell of a refusal by MXAccess."""
    source = MxStatusSource.REQUESTING_LMX
    return [make_status(MxStatusCategory.OPERATIONAL_ERROR, source, text=failure.text)]


def reason_of(failure: MxAccessFailure | GRPCError) -> str:
    """Return why something was refused, for the result of one entry."""
    if isinstance(failure, MxAccessFailure):
        return failure.text
    return failure.message or failure.status.name


def integer(number: int) -> MxValue:
    """Return the return value of a method that gives a handle or an id."""
    return to_message(_INTEGER, number)


def find_registration(session: Session, server_handle: int) -> Registration:
    """Return the registration.

    Raises:
        MxAccessFailure: E_INVALIDARG; the handle is not one of this session.
    """
    registration = session.registrations.get(server_handle)
    if registration is None:
        raise MxAccessFailure(
            f"server handle {server_handle} is not valid: Value does not fall within the "
            "expected range"
        )
    return registration


def find_item(session: Session, server_handle: int, item_handle: int) -> tuple[Registration, Item]:
    """Return the item and the registration it belongs to.

    Raises:
        MxAccessFailure: E_INVALIDARG; one of the handles is not valid.
    """
    registration = find_registration(session, server_handle)
    item = registration.items.get(item_handle)
    if item is None:
        raise MxAccessFailure(
            f"item handle {item_handle} is not valid for server handle {server_handle}: "
            "Value does not fall within the expected range"
        )
    return registration, item
