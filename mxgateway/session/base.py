"""SessionBase: the life of a gateway session, and the way of every command through it."""

from __future__ import annotations

import logging
import math
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import anyio
import anyio.lowlevel
import betterproto2

from mxgateway.commands import check_protocol_status, command, new_correlation_id, take_payload
from mxgateway.errors import ClientClosedError, MalformedReplyError, MxGatewayError
from mxgateway.generated.mxaccess_gateway.v1 import (
    CloseSessionReply,
    CloseSessionRequest,
    MxCommand,
    MxCommandReply,
    MxCommandRequest,
    OpenSessionReply,
)
from mxgateway.printable import printable
from mxgateway.session.hiding import hide

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient

__all__ = ["SessionBase", "handle_of"]

_log = logging.getLogger("mxgateway.session")

# How long closing may hold up a cancellation that is already under way. A session
# that is not closed keeps a worker process until its lease ends.
_CLEANUP_SECONDS: Final = 5.0


class SessionBase:
    """What every group of methods stands on: the session's life, its commands, its references."""

    def __init__(
        self,
        client: GatewayClient,
        session_id: str,
        *,
        open_reply: OpenSessionReply | None = None,
        version_warnings: tuple[str, ...] = (),
    ) -> None:
        self._client = client
        self._session_id = session_id
        self._open_reply = open_reply
        self._version_warnings = version_warnings
        self._closing = False
        self._close_lock = anyio.Lock()
        self._close_reply: CloseSessionReply | None = None
        # References by (server handle, item handle), so that errors can name the tag.
        self._references: dict[tuple[int, int], str] = {}

    @property
    def session_id(self) -> str:
        """The id that the gateway gave; opaque."""
        return self._session_id

    @property
    def open_reply(self) -> OpenSessionReply | None:
        """The reply to OpenSession as it came; None for a session that was open already."""
        return self._open_reply

    @property
    def version_warnings(self) -> tuple[str, ...]:
        """What is unexpected about the protocol versions in the open reply; empty if nothing."""
        return self._version_warnings

    @property
    def closed(self) -> bool:
        """Whether `close` was called; no command is sent after that."""
        return self._closing

    def __repr__(self) -> str:
        state = "closed" if self._closing else "open"
        return printable(f"<{type(self).__name__} {self._session_id} {state}>")

    async def __aenter__(self) -> Self:
        self._require_open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc is None:
            await self.close()
            return
        try:
            await self.close()
        except MxGatewayError as failure:
            # The body's error is the one to see; this one goes along with it.
            exc.add_note(f"closing session {self._session_id!r} failed as well: {failure}")
            _log.warning("closing session %r failed: %s", self._session_id, failure)

    async def close(
        self, *, timeout: float | None = None, correlation_id: str = ""
    ) -> CloseSessionReply:
        """Close the session at the gateway and return its reply, which holds the final state.

        May be called more than once and by several tasks at once: one request is
        sent and all get its reply. After a failure the next call tries again. In a
        scope that is cancelled already the request is still sent, and waited for at
        most 5 seconds; a failure is then logged and the cancellation goes on.

        Raises:
            NotFoundError: The gateway does not know the session (any more).
        """
        self._closing = True
        if anyio.current_effective_deadline() == -math.inf:
            return await self._close_cancelled(correlation_id)
        return await self._close_once(timeout, correlation_id)

    async def _close_once(self, timeout: float | None, correlation_id: str) -> CloseSessionReply:
        async with self._close_lock:
            if self._close_reply is None:
                self._close_reply = await self._close(timeout, correlation_id)
            return self._close_reply

    async def _close_cancelled(self, correlation_id: str) -> CloseSessionReply:
        """Close in a scope that is cancelled already, which may include the connection's own."""
        failure: MxGatewayError = ClientClosedError(
            f"no answer to CloseSession within {_CLEANUP_SECONDS:g} s", processed="maybe"
        )
        with anyio.move_on_after(_CLEANUP_SECONDS, shield=True):
            try:
                return await self._close_once(None, correlation_id)
            except MxGatewayError as exc:
                failure = exc
        # The cancellation is what the caller has to see, so the failure is only logged.
        _log.warning("closing session %r failed: %s", self._session_id, failure)
        await anyio.lowlevel.checkpoint()
        raise failure

    async def _close(self, timeout: float | None, correlation_id: str) -> CloseSessionReply:
        request = CloseSessionRequest(
            session_id=self._session_id,
            client_correlation_id=correlation_id or new_correlation_id(),
        )
        reply = await self._client.close_session_raw(request, timeout=timeout)
        secret = self._client.options.api_key
        check_protocol_status(reply.protocol_status, reply, "CloseSession", secret=secret)
        self._references.clear()
        return reply

    def _require_open(self) -> None:
        if self._closing:
            raise ClientClosedError(f"session {self._session_id!r} is closed; open a new one")

    async def invoke(
        self, command: MxCommand, *, timeout: float | None = None, correlation_id: str = ""
    ) -> MxCommandReply:
        """Send a command in this session and return the reply once it is known to say success.

        `mxgateway.commands.command` makes an MxCommand from any command payload.
        """
        self._require_open()
        request = MxCommandRequest(
            session_id=self._session_id,
            client_correlation_id=correlation_id or new_correlation_id(),
            command=command,
        )
        return await self._client.invoke(request, timeout=timeout)

    async def _run(
        self,
        payload: betterproto2.Message,
        timeout: float | None,
        correlation_id: str,
        *,
        secrets: tuple[str, ...] = (),
    ) -> Any:
        """Send one command and return what answers it: its payload, else the reply.

        `secrets` are texts of the command that no error may show.
        """
        reply = await self._reply(payload, timeout, correlation_id, secrets=secrets)
        return take_payload(reply, reply.kind)

    async def _reply(
        self,
        payload: betterproto2.Message,
        timeout: float | None,
        correlation_id: str,
        *,
        secrets: tuple[str, ...] = (),
    ) -> MxCommandReply:
        """Send one command and return its reply, which is known to say success."""
        try:
            return await self.invoke(
                command(payload), timeout=timeout, correlation_id=correlation_id
            )
        except MxGatewayError as exc:
            hide(exc, secrets)
            raise

    def _seconds_for(self, needed: float) -> float | None:
        """The default timeout of a call that the gateway may need `needed` seconds for."""
        default = self._client.options.call_timeout
        return None if default is None else max(default, needed)

    def reference(self, server_handle: int, item_handle: int) -> str:
        """Return the reference that this object added under a handle; empty where it did not."""
        return self._references.get((server_handle, item_handle), "")


def handle_of(handle: int, method: str, answer: object) -> int:
    """Return a handle out of a reply.

    Raises:
        MalformedReplyError: It is 0, which is never a valid handle (MXAccess
            reference, section 1): the field was not sent.
    """
    if handle == 0:
        raise MalformedReplyError(f"{method}: the reply is OK but has no handle", reply=answer)
    return handle
