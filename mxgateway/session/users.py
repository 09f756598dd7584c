"""UserMethods: logins, for writes that are attributed to a user."""

from __future__ import annotations

from mxgateway.commands import take_payload
from mxgateway.errors import MxAccessError
from mxgateway.generated.mxaccess_gateway.v1 import (
    ArchestrAUserToIdCommand,
    AuthenticateUserCommand,
    MxCommandReply,
)
from mxgateway.redact import hidden
from mxgateway.session.arguments import int32, text
from mxgateway.session.base import SessionBase

__all__ = ["UserMethods"]


class UserMethods(SessionBase):
    """Logins of a session. A user id is good for the session that gave it, and for no other."""

    async def authenticate_user(
        self,
        server_handle: int,
        user: str,
        password: str,
        *,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> int:
        r"""Check a galaxy or Windows login and return the user id for writes (AuthenticateUser).

        A galaxy without security gives an id for any login at all, so an id is no
        proof of a password (MXAccess reference, section 1.2). User and password are
        in no log, and the password in no text of an error, even where the gateway
        repeats it.

        Args:
            server_handle: From `register`.
            user: The name; `DOMAIN\user` for a Windows login.
            password: The password; may be empty.
            timeout: Seconds for this call.
            correlation_id: Sent along; empty for a new one.

        Raises:
            MxAccessError: The login was refused: MXAccess answered E_INVALIDARG, or
                gave the id 0, which means the same.
            ConfigurationError: A handle or a text is none. Nothing was sent.
        """
        password = hidden(password)
        payload = AuthenticateUserCommand(
            server_handle=int32("server_handle", server_handle),
            verify_user=text("user", user),
            verify_user_password=text("password", password),
        )
        reply = await self._reply(payload, timeout, correlation_id, secrets=(password,))
        return _user_id(reply, "AUTHENTICATE_USER: login refused: the user id is 0")

    async def archestra_user_to_id(
        self,
        server_handle: int,
        user_guid: str,
        *,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> int:
        """Return the user id of a galaxy user, given by its GUID (ArchestrAUserToId).

        Raises:
            MxAccessError: MXAccess refused it, or gave the id 0, which is no user.
            ConfigurationError: A handle or a text is none. Nothing was sent.
        """
        payload = ArchestrAUserToIdCommand(
            server_handle=int32("server_handle", server_handle),
            user_id_guid=text("user_guid", user_guid),
        )
        reply = await self._reply(payload, timeout, correlation_id)
        return _user_id(reply, "ARCHESTRA_USER_TO_ID: no such user: the user id is 0")


def _user_id(reply: MxCommandReply, refusal: str) -> int:
    user_id: int = take_payload(reply, reply.kind).user_id
    if user_id == 0:
        raise MxAccessError(
            refusal,
            reply=reply,
            protocol_status=reply.protocol_status,
            hresult=reply.hresult,
            statuses=reply.statuses,
        )
    return user_id
