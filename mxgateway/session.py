"""Session: one method for each MXAccess method, on the handles of one gateway session."""

from __future__ import annotations

import logging
import math
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import anyio
import anyio.lowlevel
import betterproto2

from mxgateway.commands import check_protocol_status, command, new_correlation_id, take_payload
from mxgateway.errors import (
    ClientClosedError,
    ConfigurationError,
    MalformedReplyError,
    MxGatewayError,
)
from mxgateway.generated.mxaccess_gateway.v1 import (
    AddItem2Command,
    AddItemCommand,
    AdviseCommand,
    AdviseSupervisoryCommand,
    CloseSessionReply,
    CloseSessionRequest,
    MxCommand,
    MxCommandReply,
    MxCommandRequest,
    MxEvent,
    OpenSessionReply,
    RegisterCommand,
    RemoveItemCommand,
    StreamEventsRequest,
    UnAdviseCommand,
    UnregisterCommand,
    WriteCommand,
)
from mxgateway.values import DataType, to_mx_value

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient
    from mxgateway.transport.stream import MessageStream

__all__ = ["Session"]

_log = logging.getLogger("mxgateway.session")

# How long closing may hold up a cancellation that is already under way. A session
# that is not closed keeps a worker process until its lease ends.
_CLEANUP_SECONDS: Final = 5.0


class Session:
    """A session of the gateway: one worker process, with its handles and one event stream.

    Made by `GatewayClient.open_session`, or by `GatewayClient.session` for one
    that is open already. Close it with `close`, or use it with `async with`.

    Every method takes `timeout` in seconds (default: the options' `call_timeout`)
    and `correlation_id` (empty for a new one), and besides the errors of the
    connection and of gRPC raises MxGatewayCommandError (the gateway or worker
    could not run the command), MxAccessError (MXAccess refused it; the whole
    reply is on the error), MalformedReplyError (an OK without its payload) and
    ClientClosedError (the client or this session is closed). `error.processed`
    says whether the command may have been executed; no method sends one twice.
    """

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
        return f"<{type(self).__name__} {self._session_id} {state}>"

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
            exc.add_note(f"closing session {self._session_id} failed as well: {failure}")
            _log.warning("closing session %s failed: %s", self._session_id, failure)

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
        _log.warning("closing session %s failed: %s", self._session_id, failure)
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
            raise ClientClosedError(f"session {self._session_id} is closed; open a new one")

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
        self, payload: betterproto2.Message, timeout: float | None, correlation_id: str
    ) -> Any:
        """Send one command and return what answers it: its payload, else the reply."""
        built = command(payload)
        reply = await self.invoke(built, timeout=timeout, correlation_id=correlation_id)
        return take_payload(reply, built.kind)

    async def register(
        self, client_name: str, *, timeout: float | None = None, correlation_id: str = ""
    ) -> int:
        """Register a client with MXAccess and return its server handle (Register)."""
        answer = await self._run(RegisterCommand(client_name=client_name), timeout, correlation_id)
        return _handle(answer.server_handle, "Register", answer)

    async def unregister(
        self, server_handle: int, *, timeout: float | None = None, correlation_id: str = ""
    ) -> MxCommandReply:
        """End a registration; un-advise and remove its items first (Unregister)."""
        payload = UnregisterCommand(server_handle=server_handle)
        reply: MxCommandReply = await self._run(payload, timeout, correlation_id)
        for key in [key for key in self._references if key[0] == server_handle]:
            del self._references[key]
        return reply

    async def add_item(
        self,
        server_handle: int,
        item_definition: str,
        *,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> int:
        """Add a reference such as "Pump_001.Speed" and return its item handle (AddItem).

        A misspelt name gets a handle as well; it is resolved after the advise and
        then fails as a data change. An array needs `[]`, which newer gateways append.
        """
        payload = AddItemCommand(server_handle=server_handle, item_definition=item_definition)
        answer = await self._run(payload, timeout, correlation_id)
        handle = _handle(answer.item_handle, "AddItem", answer)
        self._references[server_handle, handle] = item_definition
        return handle

    async def add_item2(
        self,
        server_handle: int,
        item_definition: str,
        item_context: str,
        *,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> int:
        """Add a reference relative to an object, and return its item handle (AddItem2).

        `item_context` is the object that gives "Me", "MyContainer" and the like a
        meaning; empty, it is the same as `add_item`.
        """
        payload = AddItem2Command(
            server_handle=server_handle, item_definition=item_definition, item_context=item_context
        )
        answer = await self._run(payload, timeout, correlation_id)
        handle = _handle(answer.item_handle, "AddItem2", answer)
        self._references[server_handle, handle] = item_definition
        return handle

    async def remove_item(
        self,
        server_handle: int,
        item_handle: int,
        *,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> MxCommandReply:
        """Drop an item; un-advise it first and let a write complete (RemoveItem)."""
        payload = RemoveItemCommand(server_handle=server_handle, item_handle=item_handle)
        reply: MxCommandReply = await self._run(payload, timeout, correlation_id)
        self._references.pop((server_handle, item_handle), None)
        return reply

    async def advise(
        self,
        server_handle: int,
        item_handle: int,
        *,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> MxCommandReply:
        """Start data changes of an item, as an operator (Advise).

        Read the event stream soon after: without a reader the worker's queue fills
        and the gateway faults the session.
        """
        payload = AdviseCommand(server_handle=server_handle, item_handle=item_handle)
        reply: MxCommandReply = await self._run(payload, timeout, correlation_id)
        return reply

    async def un_advise(
        self,
        server_handle: int,
        item_handle: int,
        *,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> MxCommandReply:
        """End data changes of an item, whichever way they were started (UnAdvise)."""
        payload = UnAdviseCommand(server_handle=server_handle, item_handle=item_handle)
        reply: MxCommandReply = await self._run(payload, timeout, correlation_id)
        return reply

    async def advise_supervisory(
        self,
        server_handle: int,
        item_handle: int,
        *,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> MxCommandReply:
        """Start data changes of an item, as the application (AdviseSupervisory).

        Writes then count as the application's: no login is asked for, and `user_id`
        of a plain write is recorded.
        """
        payload = AdviseSupervisoryCommand(server_handle=server_handle, item_handle=item_handle)
        reply: MxCommandReply = await self._run(payload, timeout, correlation_id)
        return reply

    async def write(
        self,
        server_handle: int,
        item_handle: int,
        value: object,
        *,
        user_id: int = 0,
        data_type: DataType | None = None,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> MxCommandReply:
        """Write a value to an advised item (Write).

        The reply says that MXAccess accepted the write. How it ended comes later, as
        a write-complete event with the item handle, so a stream must run before.
        The item must be advised and have had its first data change. An array
        replaces the whole array. `user_id` is recorded only with a supervisory advise.

        A write that is cancelled, times out or loses its connection may still take
        effect: `error.processed` is "maybe", and it is never sent again from here.

        Args:
            server_handle: From `register`.
            item_handle: From `add_item`.
            value: A Python value or an MxValue; see `mxgateway.values.to_mx_value`.
            user_id: Who writes; 0 for nobody.
            data_type: The type of the tag, as an MxDataType or a name such as
                "int32"; without it the Python type decides.
            timeout: Seconds for this call.
            correlation_id: Sent along; empty for a new one.

        Raises:
            EncodeError: The value does not fit its type. Nothing was sent.
        """
        tag = self._references.get((server_handle, item_handle))
        payload = WriteCommand(
            server_handle=server_handle,
            item_handle=item_handle,
            value=to_mx_value(value, data_type, tag=tag),
            user_id=user_id,
        )
        reply: MxCommandReply = await self._run(payload, timeout, correlation_id)
        return reply

    def stream_events(
        self, after_worker_sequence: int = 0, *, timeout: float | None = None
    ) -> MessageStream[MxEvent]:
        """Return the events of this session as they come, in the worker's order.

        The gateway allows one stream per session by default; a second one fails with
        AlreadyExistsError. `GatewayClient.stream_events_raw` says how a stream
        starts and ends.

        Args:
            after_worker_sequence: The last `worker_sequence` seen, to resume after
                it; 0 for a fresh stream. Where events in between are lost, the
                first message has `replay_gap` set.
            timeout: Seconds for the whole stream; default the options' `stream_timeout`.
        """
        self._require_open()
        if isinstance(after_worker_sequence, bool) or not 0 <= after_worker_sequence < 1 << 64:
            raise ConfigurationError(
                f"after_worker_sequence: give 0 or a sequence number, not {after_worker_sequence!r}"
            )
        request = StreamEventsRequest(
            session_id=self._session_id, after_worker_sequence=after_worker_sequence
        )
        return self._client.stream_events_raw(request, timeout=timeout)


def _handle(handle: int, method: str, answer: object) -> int:
    # Zero is never a valid handle (MXAccess reference, section 1): the field was not sent.
    if handle == 0:
        raise MalformedReplyError(f"{method}: the reply is OK but has no handle", reply=answer)
    return handle
