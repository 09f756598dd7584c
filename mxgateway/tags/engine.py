"""TagEngine: opens the session behind the tag methods on first use, and again after a loss."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import anyio

from mxgateway.errors import ClientClosedError, MxGatewayError
from mxgateway.tags.items import own
from mxgateway.tags.metadata import TagMetadataCache
from mxgateway.tags.tag_session import TagSession

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient

__all__ = ["TagEngine"]

_log = logging.getLogger("mxgateway.tags")

_CLOSE_SECONDS: Final = 5.0


class _Opening:
    """One attempt to open the session, shared by all who wait for it."""

    def __init__(self) -> None:
        self.done = anyio.Event()
        self.session: TagSession | None = None
        self.error: MxGatewayError | None = None


class TagEngine:
    """Owns the session of one client's tag methods.

    Attributes:
        metadata: What the galaxy says about tags.

    Args:
        client: The client.
    """

    def __init__(self, client: GatewayClient) -> None:
        self._client = client
        self.metadata = TagMetadataCache(client)
        self._session: TagSession | None = None
        self._opening: _Opening | None = None
        self._closed = False
        self._closing = anyio.Lock()

    @property
    def current(self) -> TagSession | None:
        """The session that is open now, or None."""
        return self._session

    def check_home(self) -> None:
        """Check that the caller runs where the client does, if it runs.

        Raises:
            ClientClosedError: It runs in another event loop, thread or process.
        """
        self._client._check_home()

    async def session(self) -> TagSession:
        """Return the session, opening one if there is none.

        Callers that come together share one attempt. Cancelling a caller does not
        end it: a session that opens and is told to nobody would keep its worker.

        Raises:
            MxGatewayError: As `GatewayClient.open_session` and `Session.register`.
            ClientClosedError: The client is closed or not running, or not here.
        """
        self.check_home()
        if self._closed:
            raise ClientClosedError("the client is closed; connect a new one")
        if self._session is not None:
            return self._session
        opening = self._opening
        if opening is None:
            # In place before the task, which may begin at once, and even end.
            opening = self._opening = _Opening()
            try:
                self._client._channel.spawn(lambda: self._open(opening))
            except BaseException:
                self._opening = None
                raise
        await opening.done.wait()
        if opening.session is None:
            if opening.error is None:
                raise ClientClosedError("the client is closed; connect a new one")
            raise own(opening.error)
        return opening.session

    async def _open(self, opening: _Opening) -> None:
        try:
            session = await TagSession.open(self._client, self._lost)
            if self._closed:
                await session.close()
            else:
                self._session = opening.session = session
        except MxGatewayError as error:
            opening.error = error
        finally:
            self._opening = None
            opening.done.set()

    def _lost(self, session: TagSession) -> None:
        if self._session is session:
            self._session = None
            _log.info("the session of the tags is gone; the next call opens another")

    async def aclose(self) -> None:
        """Close the session at the gateway, within 5 seconds; failures are logged.

        A session that is being opened is waited for: nobody else would close it, and
        the gateway would keep it for its lease.
        """
        self._closed = True
        with anyio.move_on_after(_CLOSE_SECONDS, shield=True):
            async with self._closing:  # who closes as well waits until it is done
                if self._opening is not None:
                    await self._opening.done.wait()
                session, self._session = self._session, None
                if session is not None:
                    await session.close()
