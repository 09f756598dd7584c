"""The four forms of a write, each alone and in bulk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from grpclib.exceptions import GRPCError

from mxgateway.generated.mxaccess_gateway.v1 import (
    BulkWriteReply,
    BulkWriteResult,
    MxCommandReply,
)
from mxgateway.simulator.call import Call
from mxgateway.simulator.replies import MxAccessFailure, ok, reason_of, statuses_of
from mxgateway.simulator.writes import WriteRequest, accept

__all__ = [
    "write",
    "write2",
    "write2_bulk",
    "write_bulk",
    "write_secured",
    "write_secured2",
    "write_secured2_bulk",
    "write_secured_bulk",
]

_Form = Callable[[Any], WriteRequest]


def _plain(entry: Any) -> WriteRequest:
    return WriteRequest(entry.item_handle, entry.value, user_id=entry.user_id)


def _plain2(entry: Any) -> WriteRequest:
    return WriteRequest(
        entry.item_handle,
        entry.value,
        timed=True,
        timestamp=entry.timestamp_value,
        user_id=entry.user_id,
    )


def _secured(entry: Any) -> WriteRequest:
    return WriteRequest(
        entry.item_handle,
        entry.value,
        secured=True,
        user_id=entry.current_user_id,
        verifier_id=entry.verifier_user_id,
    )


def _secured2(entry: Any) -> WriteRequest:
    return WriteRequest(
        entry.item_handle,
        entry.value,
        timed=True,
        timestamp=entry.timestamp_value,
        secured=True,
        user_id=entry.current_user_id,
        verifier_id=entry.verifier_user_id,
    )


def _one(call: Call, command: Any, form: _Form) -> MxCommandReply:
    accept(call, command.server_handle, form(command))
    return ok()


def write(call: Call, command: Any) -> MxCommandReply:
    """Accept a Write."""
    return _one(call, command, _plain)


def write2(call: Call, command: Any) -> MxCommandReply:
    """Accept a Write2, a write with the caller's time."""
    return _one(call, command, _plain2)


def write_secured(call: Call, command: Any) -> MxCommandReply:
    """Accept a WriteSecured, a write of users who signed in for it."""
    return _one(call, command, _secured)


def write_secured2(call: Call, command: Any) -> MxCommandReply:
    """Accept a WriteSecured2, the same with the caller's time."""
    return _one(call, command, _secured2)


def _many(call: Call, command: Any, form: _Form) -> BulkWriteReply:
    results = []
    for entry in command.entries:
        result = BulkWriteResult(server_handle=command.server_handle, item_handle=entry.item_handle)
        try:
            accept(call, command.server_handle, form(entry))
            result.was_successful = True
            result.hresult = 0
        except MxAccessFailure as failure:
            result.hresult = failure.hresult
            result.statuses = statuses_of(failure)
            result.error_message = reason_of(failure)
        except GRPCError as error:  # the gateway's own refusal; MXAccess saw nothing of it
            result.error_message = reason_of(error)
        results.append(result)
    return BulkWriteReply(results=results)


def write_bulk(call: Call, command: Any) -> MxCommandReply:
    """Accept writes."""
    return ok(write_bulk=_many(call, command, _plain))


def write2_bulk(call: Call, command: Any) -> MxCommandReply:
    """Accept writes with the caller's times."""
    return ok(write2_bulk=_many(call, command, _plain2))


def write_secured_bulk(call: Call, command: Any) -> MxCommandReply:
    """Accept secured writes; the users are told per entry."""
    return ok(write_secured_bulk=_many(call, command, _secured))


def write_secured2_bulk(call: Call, command: Any) -> MxCommandReply:
    """Accept secured writes with the caller's times."""
    return ok(write_secured2_bulk=_many(call, command, _secured2))
