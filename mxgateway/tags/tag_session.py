"""TagSession: the gateway session behind the tag methods, from its opening to its loss."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeVar

import anyio

from mxgateway.errors import (
    ClientClosedError,
    FailedPreconditionError,
    MxGatewayCommandError,
    MxGatewayError,
    NotFoundError,
    PermissionDeniedError,
    SessionLostError,
)
from mxgateway.generated.mxaccess_gateway.v1 import ProtocolStatusCode
from mxgateway.session import Session
from mxgateway.tags.advised import AdvisedItems
from mxgateway.tags.items import own
from mxgateway.tags.login import Login

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient

__all__ = ["CLIENT_NAME", "TagSession"]

_T = TypeVar("_T")

_log = logging.getLogger("mxgateway.tags")

CLIENT_NAME: Final = "mxgateway tags"
"""What the session and its registration are called at the gateway."""

_CLOSE_SECONDS: Final = 5.0
_GONE: Final = (ProtocolStatusCode.SESSION_NOT_FOUND, ProtocolStatusCode.SESSION_NOT_READY)


class TagSession(AdvisedItems):
    """One open session with one registration, whose event stream runs as long as it lives.

    A gateway closes a session some time after its stream has ended and faults one
    whose events nobody reads, so the stream is never left while items are there.
    """

    def __init__(
        self,
        client: GatewayClient,
        session: Session,
        server: int,
        on_lost: Callable[[TagSession], None],
    ) -> None:
        self._spawn = client._channel.spawn
        super().__init__(session, server, self._spawn)
        self._cause: MxGatewayError | None = None
        self._because = ""
        self._closed = False
        self._on_lost = on_lost
        self._users: dict[Login, int] = {}
        self._signing_in = anyio.Lock()

    @classmethod
    async def open(cls, client: GatewayClient, on_lost: Callable[[TagSession], None]) -> TagSession:
        """Open a session, register, and start the event stream."""
        session = await client.open_session(CLIENT_NAME)
        try:
            self = cls(client, session, await session.register(CLIENT_NAME), on_lost)
            session.events.attach(self)
            await session.events.wait_started()  # before there can be events
            if self.lost:
                raise self._loss()
        except BaseException:
            await _close(session)
            raise
        return self

    async def close(self) -> None:
        """Close the session at the gateway, within 5 seconds; failures are logged."""
        self._closed = True
        if not self.lost:
            self._end_all("the client was closed")
            await _close(self.session)

    # -- users -----------------------------------------------------------------------

    async def user_id(self, user: Login | int) -> int:
        """Return the id of a user in this session, signing in once; an int is the id itself.

        Raises:
            MxAccessError: The login is refused.
        """
        if not isinstance(user, Login):
            return user
        async with self._signing_in:
            if user not in self._users:
                self._users[user] = await self.command(
                    self.session.authenticate_user(self.server, user.user, user.password)
                )
            return self._users[user]

    # -- the end ---------------------------------------------------------------------

    def end(self, error: MxGatewayError | None) -> None:
        """Take note that the event stream has ended."""
        if isinstance(error, PermissionDeniedError):
            self.deaf = error
            for holder in self.items.holders():
                self.items.let_go(holder, self.items.held_by(holder))
                holder.lose(own(error))
            # Advised items whose events nobody reads would fill the worker's queue.
            self._ask(lambda _: self._handles.give_back())
        else:
            self.lose(error)

    def check(self) -> None:
        """Raise unless items can be held.

        Raises:
            SessionLostError: The session is gone.
            PermissionDeniedError: The key may not read events.
        """
        if self.lost:
            raise self._loss()
        if self.deaf is not None:
            raise own(self.deaf)

    def lose(self, cause: MxGatewayError | None) -> None:
        """Take note that the session is gone for us, and tell all who hold items.

        This is where reconnecting would begin: the holders and their tags are known.
        The gateway may still have the session, and with it a worker; so it is closed.
        """
        if self.lost:
            return
        self._cause = cause
        self._on_lost(self)
        self._end_all("it ended at the gateway" if cause is None else str(cause))
        with contextlib.suppress(ClientClosedError):  # then the gateway finds out by itself
            self._spawn(lambda: _close(self.session))

    def _end_all(self, because: str) -> None:
        self.lost = True
        self._because = because
        self.session.events.detach(self)
        holders = self.items.holders()
        self.items.clear()
        for holder in holders:
            holder.lose(self._loss())

    def _loss(self) -> SessionLostError:
        # A new one for each who asks: a raised error collects a traceback of its own.
        error = SessionLostError(
            f"the session of the tags is gone: {self._because}", transient=self._cause is not None
        )
        error.__cause__ = self._cause
        return error

    async def command(self, call: Awaitable[_T]) -> _T:
        """Await a command of the session; one that shows the session gone loses it.

        Raises:
            SessionLostError: The gateway does not know the session, or it is faulted.
            MxGatewayError: As the command.
        """
        try:
            return await call
        except MxGatewayError as error:
            if not self.note(error) and self.loss_behind(error) is None:
                raise
            raise self._loss() from error

    def loss_behind(self, error: MxGatewayError) -> SessionLostError | None:
        """Return the loss that an error comes from: a lost session is closed here as well."""
        if self.lost and not self._closed and isinstance(error, ClientClosedError):
            return self._loss()
        return None

    def note(self, error: MxGatewayError) -> bool:
        """Lose the session if a command's error shows that it is gone; return whether it does."""
        if _shows_loss(error):
            self.lose(error)
            return True
        return False


def _shows_loss(error: MxGatewayError) -> bool:
    if isinstance(error, MxGatewayCommandError):
        return error.protocol_status is not None and error.protocol_status.code in _GONE
    return isinstance(error, NotFoundError | FailedPreconditionError)


async def _close(session: Session) -> None:
    try:
        with anyio.move_on_after(_CLOSE_SECONDS, shield=True):
            await session.close()
    except MxGatewayError as error:
        _log.debug("closing the session of the tags failed: %s", error)
