"""One confirmed write: everything in its order, and an honest word for each way it may end."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, Final, Protocol

import anyio

from mxgateway.errors import (
    ClientClosedError,
    DeadlineExceededError,
    MxGatewayError,
    SessionLostError,
    TagError,
    WriteFailedError,
    WriteOutcomeUnknownError,
)
from mxgateway.events import EventHub, WriteComplete
from mxgateway.generated.mxaccess_gateway.v1 import MxCommandReply
from mxgateway.printable import printable
from mxgateway.session.item_state import ItemState, Ticket
from mxgateway.session.ledger import Key, Ledger, never_executed

__all__ = ["Confirmation", "sending_confirmed"]

_log = logging.getLogger("mxgateway.session")

_SECURED: Final = (1012, 1013)  # MXAccess reference, section 4.1

sending_confirmed: Final[ContextVar[bool]] = ContextVar("mxgateway_confirmed", default=False)
"""Set while a confirmed write sends its command, which is counted already."""


class _Session(Protocol):
    """The session, as far as a confirmed write needs it."""

    @property
    def session_id(self) -> str: ...
    @property
    def closed(self) -> bool: ...
    @property
    def events(self) -> EventHub: ...
    @property
    def advise(self) -> Callable[..., Awaitable[Any]]: ...
    @property
    def advise_supervisory(self) -> Callable[..., Awaitable[Any]]: ...


class Confirmation:
    """One confirmed write on its way, from opening the stream to its completion.

    Args:
        session: Sends its commands.
        ledger: What the session knows of its items.
        key: The item.
        tag: Its name in errors.
        seconds: Time for all of it; None for no limit.
        supervisory: Whether AdviseSupervisory is needed.
        secret: Taken out of errors.
    """

    def __init__(
        self,
        session: _Session,
        ledger: Ledger,
        key: Key,
        tag: str,
        seconds: float | None,
        *,
        supervisory: bool,
        secret: str | None,
    ) -> None:
        self._session = session
        self._ledger = ledger
        self._secret = secret
        self._key = key
        self._tag = tag
        self._seconds = seconds
        self._supervisory = supervisory
        self._deadline = math.inf if seconds is None else anyio.current_time() + seconds
        self._ends = self._ledger.ends
        self._waits_for = ""

    async def run(self, send: Callable[[float | None], Awaitable[MxCommandReply]]) -> WriteComplete:
        """Send when nothing else is open, and wait for the completion."""
        state = self._ledger.item(self._key)
        turn = state.turn = state.turn or anyio.Lock()
        has_turn = False
        try:
            with anyio.CancelScope(deadline=self._deadline) as scope:
                self._waits_for = "an earlier confirmed write of the item"
                await turn.acquire()
                has_turn = True
                await self._prepare(state)
            if scope.cancelled_caught:
                raise self._not_sent()
            return await self._send(state, send, self._left())
        finally:
            if has_turn:
                turn.release()

    # Before the write ----------------------------------------------------------------

    async def _prepare(self, state: ItemState) -> None:
        """Return once the stream runs, the item has a value, and no write of it is open."""
        ledger, hub = self._ledger, self._session.events
        self._waits_for = "the event stream"
        self._ends = ledger.ends
        hub.hold()
        await hub.wait_started()
        self._check(state)
        await self._advise(state)
        while True:
            self._check(state)
            if not state.seen:
                self._waits_for = "the item's first data change"
            elif state.open:
                self._waits_for = (
                    f"the completion of {state.open} earlier writes of the item; if these are "
                    "lost, add the tag anew and remove this item after that"
                )
            else:
                return
            state.changed.clear()
            await state.changed.wait()

    async def _advise(self, state: ItemState) -> None:
        if self._supervisory:
            if state.supervisory:
                return
            method = self._session.advise_supervisory
        else:
            if state.advised or state.seen:
                return
            method = self._session.advise
        self._waits_for = "the advise"
        try:
            await method(*self._key, timeout=self._left())
        except DeadlineExceededError as error:
            raise self._not_sent() from error
        except MxGatewayError as error:
            error.processed = "no"  # of the write, which is what the caller asked for
            raise

    def _check(self, state: ItemState) -> None:
        """Raise where the write can no longer be sent, or no completion be told apart."""
        if self._ledger.ends != self._ends:
            raise self._stream_ended()
        if self._ledger.item(self._key) is not state:
            raise TagError(f"{self._tag}: the item was removed", tag=self._tag, processed="no")
        if state.unknown:
            raise TagError(
                f"{self._tag}: the end of an earlier write is not known ({state.unknown}), so the "
                "completion of another one could not be told from it; add the tag anew and "
                "remove this item after that. Nothing was written",
                tag=self._tag,
                processed="no",
            )
        if state.failing is not None:
            raise TagError(
                f"{self._tag}: {state.failing.reading().status}; nothing was written",
                tag=self._tag,
                processed="no",
            )

    def _stream_ended(self) -> MxGatewayError:
        error = self._ledger.end_error
        if error is not None:
            own = copy.copy(error)
            own.__cause__ = error
            own.processed = "no"
            return own
        session = self._session
        if session.closed:
            return ClientClosedError(f"session {session.session_id} is closed; open a new one")
        return SessionLostError(
            f"{self._tag}: the gateway ended the event stream of session {session.session_id}; "
            "nothing was written"
        )

    def _not_sent(self) -> DeadlineExceededError:
        return DeadlineExceededError(
            f"{self._tag}: nothing was written: {self._seconds:g} s passed while waiting for "
            f"{self._waits_for}",
            processed="no",
        )

    # The write -------------------------------------------------------------------------

    async def _send(
        self,
        state: ItemState,
        send: Callable[[float | None], Awaitable[MxCommandReply]],
        left: float | None,
    ) -> WriteComplete:
        ticket = state.ticket = Ticket()
        state.sending = True
        token = sending_confirmed.set(True)
        reply: MxCommandReply | None = None
        try:
            reply = await send(left)
        except MxGatewayError as error:
            if never_executed(error):
                state.take_back(ticket)
                raise
            if ticket.event is None:
                state.lose(str(error))
                raise self._unknown(str(error)) from error
        except BaseException as error:
            self._interrupted(state, ticket, error)
            raise
        finally:
            sending_confirmed.reset(token)
            state.sending = False
            state.changed.set()
        return await self._completion(state, ticket, reply)

    async def _completion(
        self, state: ItemState, ticket: Ticket, reply: MxCommandReply | None
    ) -> WriteComplete:
        try:
            with anyio.CancelScope(deadline=self._deadline):
                await ticket.done.wait()
        except BaseException as error:
            self._interrupted(state, ticket, error)
            raise
        event = ticket.event
        if event is None:
            reason = ticket.lost or f"no completion came within {self._seconds:g} s"
            state.lose(reason)
            raise self._unknown(reason)
        if event.ok:
            return event
        text = f"{self._tag}: the write failed: {event.status}"
        if any(status.detail in _SECURED for status in event.statuses):
            text += "; give current_user_id, and verifier_user_id where two users are asked for"
        raise WriteFailedError(
            text,
            tag=self._tag,
            event=event,
            reply=reply,
            hresult=event.hresult,
            statuses=event.statuses,
            secret=self._secret,
        )

    def _interrupted(self, state: ItemState, ticket: Ticket, error: BaseException) -> None:
        """Leave word that the write may take effect although nobody waits for its end."""
        if ticket.event is not None:
            return
        state.lose("its caller was cancelled")
        text = printable(f"{self._tag}: a write was under way; it may take effect")
        error.add_note(text)
        _log.warning("%s, as its caller was cancelled", text)

    def _unknown(self, reason: str) -> WriteOutcomeUnknownError:
        return WriteOutcomeUnknownError(
            f"{self._tag}: the write was sent and its end is not known: {reason}", tag=self._tag
        )

    def _left(self) -> float | None:
        """Return the seconds left for a command; there must be some."""
        if self._seconds is None:
            return None
        left = self._deadline - anyio.current_time()
        if left <= 0:
            raise self._not_sent()
        return left
