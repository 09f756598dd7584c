"""The smoke sequence: from opening a session to closing it, whatever happens in between."""

from __future__ import annotations

from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

import anyio

from mxgateway.errors import DeadlineExceededError, MxGatewayError
from mxgateway.generated.mxaccess_gateway.v1 import (
    AddItemCommand,
    AdviseCommand,
    MxCommandReply,
    MxEvent,
    OpenSessionReply,
    RegisterCommand,
    RemoveItemCommand,
    SessionState,
    StreamEventsRequest,
    UnAdviseCommand,
    UnregisterCommand,
)

from .calls import close_session, invoke

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import betterproto2

    from mxgateway.client import GatewayClient
    from mxgateway.transport.stream import MessageStream

__all__ = ["Walk"]

_TAKE_DOWN_SECONDS = 5.0


class Walk:
    """A session with a registered client and advised items, taken down on leaving.

    Entering opens the session, registers and adds the items. `events()` opens
    the event stream and then advises, so that no first value is missed. Leaving
    un-advises, removes, unregisters and closes in that order (gateway
    semantics, section 4), also after an error or Ctrl-C, within 5 s.

    Attributes:
        session_id: Set once the session is open.
        server_handle: Set once registered.
        tags: Item handle -> reference as it was asked for.
        open_reply: Reply to opening the session, once it is open.
        last_reply: Reply of the last advise.
        final_state: What the gateway said when the session was closed, else None.

    Raises:
        MxGatewayError: On entering, a step failed; on leaving without an error of
            the body, taking down failed.
    """

    def __init__(self, client: GatewayClient, client_name: str, tags: Sequence[str]) -> None:
        self._client = client
        self._client_name = client_name
        self._wanted = tags
        self._advised: list[int] = []
        self.session_id = ""
        self.server_handle: int | None = None
        self.tags: dict[int, str] = {}
        self.open_reply: OpenSessionReply | None = None
        self.last_reply: MxCommandReply | None = None
        self.final_state: SessionState | None = None

    async def __aenter__(self) -> Self:
        session = await self._client.open_session(client_session_name=self._client_name)
        self.session_id, self.open_reply = session.session_id, session.open_reply
        try:
            await self._prepare()
        except BaseException:
            await self._take_down()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        problem = await self._take_down()
        if error is None and problem is not None:
            raise problem

    @asynccontextmanager
    async def events(self) -> AsyncIterator[MessageStream[MxEvent]]:
        """Open the event stream, then advise all items; leaving resets the stream."""
        request = StreamEventsRequest(session_id=self.session_id)
        async with self._client.stream_events_raw(request) as stream:
            assert self.server_handle is not None
            for handle in self.tags:
                self.last_reply = await self._invoke(
                    AdviseCommand(server_handle=self.server_handle, item_handle=handle)
                )
                self._advised.append(handle)
            yield stream

    async def _prepare(self) -> None:
        reply = await self._invoke(RegisterCommand(client_name=self._client_name))
        assert reply.register is not None  # The client has checked that the payload is there.
        self.server_handle = reply.register.server_handle
        for tag in self._wanted:
            reply = await self._invoke(
                AddItemCommand(server_handle=self.server_handle, item_definition=tag)
            )
            assert reply.add_item is not None
            self.tags[reply.add_item.item_handle] = tag

    async def _invoke(self, payload: betterproto2.Message) -> MxCommandReply:
        return await invoke(self._client, self.session_id, payload)

    async def _take_down(self) -> MxGatewayError | None:
        """Undo every step that was done; return the first problem instead of raising it."""
        problems: list[MxGatewayError] = []
        server = self.server_handle
        steps: list[betterproto2.Message] = []
        if server is not None:
            steps += [UnAdviseCommand(server_handle=server, item_handle=h) for h in self._advised]
            steps += [RemoveItemCommand(server_handle=server, item_handle=h) for h in self.tags]
            steps.append(UnregisterCommand(server_handle=server))
        with anyio.move_on_after(_TAKE_DOWN_SECONDS, shield=True):
            for step in steps:
                try:
                    await self._invoke(step)
                except MxGatewayError as error:
                    # Closing the session frees everything else, so go on to that.
                    problems.append(error)
                    break
            try:
                reply = await close_session(self._client, self.session_id)
                self.final_state = reply.final_state
            except MxGatewayError as error:
                problems.append(error)
        if self.final_state is None and not problems:
            problems.append(
                DeadlineExceededError(
                    f"closing session {self.session_id} took longer than {_TAKE_DOWN_SECONDS:g} s; "
                    "the gateway closes it after its lease"
                )
            )
        return problems[0] if problems else None
