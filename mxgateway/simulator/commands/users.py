"""Signing in: AuthenticateUser and ArchestrAUserToId (MXAccess reference, section 1.2)."""

from __future__ import annotations

from typing import Any

from mxgateway.generated.mxaccess_gateway.v1 import (
    ArchestrAUserToIdReply,
    AuthenticateUserReply,
    MxCommandReply,
)
from mxgateway.simulator.call import Call
from mxgateway.simulator.replies import MxAccessFailure, find_registration, integer, ok

__all__ = ["archestra_user_to_id", "authenticate_user"]

_ANYBODY = 1  # the id of every login in a galaxy without security


def authenticate_user(call: Call, command: Any) -> MxCommandReply:
    """Check a login."""
    find_registration(call.session, command.server_handle)
    security = call.gateway.settings.security
    user_id = _ANYBODY
    if security != "none":
        user = call.gateway.users.sign_in(command.verify_user, command.verify_user_password)
        if user is None and security == "windows":
            raise MxAccessFailure("bad login: Value does not fall within the expected range")
        user_id = 0 if user is None else call.session.users.id_of(user)
    return ok(
        return_value=integer(user_id), authenticate_user=AuthenticateUserReply(user_id=user_id)
    )


def archestra_user_to_id(call: Call, command: Any) -> MxCommandReply:
    """Turn the GUID of a user into an id."""
    find_registration(call.session, command.server_handle)
    user_id = _ANYBODY
    if call.gateway.settings.security != "none":
        user = call.gateway.users.by_guid(command.user_id_guid)
        if user is None:
            raise MxAccessFailure("no such user: Value does not fall within the expected range")
        user_id = call.session.users.id_of(user)
    return ok(
        return_value=integer(user_id),
        archestra_user_to_id=ArchestrAUserToIdReply(user_id=user_id),
    )
