"""Session without await."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from mxgateway.errors import ClientClosedError
from mxgateway.generated.mxaccess_gateway.v1 import OpenSessionReply
from mxgateway.session import Session as AsyncSession
from mxgateway.sync.blocking import Wrapper, blocking, streaming
from mxgateway.sync.streams import EventStream

__all__ = ["Session"]


class Session(Wrapper):
    """A session of the gateway, see `mxgateway.Session`: the same methods without await.

    Made by `GatewayClient.open_session`. Close it with `close`, or use it with `with`.
    """

    _async: AsyncSession

    @property
    def session_id(self) -> str:
        """The id that the gateway gave; opaque."""
        return self._async.session_id

    @property
    def open_reply(self) -> OpenSessionReply | None:
        """The reply to OpenSession as it came; None for a session that was open already."""
        return self._async.open_reply

    @property
    def version_warnings(self) -> tuple[str, ...]:
        """What is unexpected about the protocol versions in the open reply; empty if nothing."""
        return self._async.version_warnings

    @property
    def closed(self) -> bool:
        """Whether `close` was called; no command is sent after that."""
        return self._async.closed

    def reference(self, server_handle: int, item_handle: int) -> str:
        """Return the reference that an item was added with; empty where it is not known."""
        return self._async.reference(server_handle, item_handle)

    def __enter__(self) -> Self:
        self._portal.run(self._async.__aenter__)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._portal.run(self._async.__aexit__, exc_type, exc, traceback)
        except ClientClosedError:
            if exc is None or not self._portal.closed:
                raise  # else what the body raised matters more, as in the async form

    close = blocking(AsyncSession.close)
    invoke = blocking(AsyncSession.invoke)

    register = blocking(AsyncSession.register)
    unregister = blocking(AsyncSession.unregister)
    add_item = blocking(AsyncSession.add_item)
    add_item2 = blocking(AsyncSession.add_item2)
    remove_item = blocking(AsyncSession.remove_item)
    advise = blocking(AsyncSession.advise)
    un_advise = blocking(AsyncSession.un_advise)
    advise_supervisory = blocking(AsyncSession.advise_supervisory)
    add_buffered_item = blocking(AsyncSession.add_buffered_item)
    set_buffered_update_interval = blocking(AsyncSession.set_buffered_update_interval)
    suspend = blocking(AsyncSession.suspend)
    activate = blocking(AsyncSession.activate)

    write = blocking(AsyncSession.write)
    write2 = blocking(AsyncSession.write2)
    write_secured = blocking(AsyncSession.write_secured)
    write_secured2 = blocking(AsyncSession.write_secured2)
    write_array_elements = blocking(AsyncSession.write_array_elements)
    write_and_wait = blocking(AsyncSession.write_and_wait)
    authenticate_user = blocking(AsyncSession.authenticate_user)
    archestra_user_to_id = blocking(AsyncSession.archestra_user_to_id)

    add_item_bulk = blocking(AsyncSession.add_item_bulk)
    advise_item_bulk = blocking(AsyncSession.advise_item_bulk)
    remove_item_bulk = blocking(AsyncSession.remove_item_bulk)
    un_advise_item_bulk = blocking(AsyncSession.un_advise_item_bulk)
    unadvise_item_bulk = un_advise_item_bulk
    subscribe_bulk = blocking(AsyncSession.subscribe_bulk)
    unsubscribe_bulk = blocking(AsyncSession.unsubscribe_bulk)
    read_bulk = blocking(AsyncSession.read_bulk)
    write_bulk = blocking(AsyncSession.write_bulk)
    write2_bulk = blocking(AsyncSession.write2_bulk)
    write_secured_bulk = blocking(AsyncSession.write_secured_bulk)
    write_secured2_bulk = blocking(AsyncSession.write_secured2_bulk)

    ping = blocking(AsyncSession.ping)
    get_session_state = blocking(AsyncSession.get_session_state)
    get_worker_info = blocking(AsyncSession.get_worker_info)
    drain_events = blocking(AsyncSession.drain_events)
    shutdown_worker = blocking(AsyncSession.shutdown_worker)

    stream_events = streaming(EventStream, AsyncSession.stream_events)
