"""What the synchronous clients have in common: connecting, closing, the thread behind."""

from __future__ import annotations

from types import TracebackType
from typing import Any, ClassVar, Generic, Self, TypeVar, Unpack, cast

from mxgateway.connecting import ChannelClient, OptionFields
from mxgateway.options import ClientOptions, with_hidden_key
from mxgateway.sync.blocking import Wrapper
from mxgateway.sync.portal import Portal

__all__ = ["ConnectedClient"]

_Client = TypeVar("_Client", bound=ChannelClient)


class ConnectedClient(Wrapper, Generic[_Client]):
    """A client that runs in a thread of its own until `close`."""

    _async: _Client
    _kind: ClassVar[type[ChannelClient]]
    _owns_portal = True

    @classmethod
    def connect(
        cls,
        *,
        options: ClientOptions | None = None,
        backend: str = "asyncio",
        allow_running_loop: bool = False,
        **fields: Unpack[OptionFields],
    ) -> Self:
        """Connect and return the client; close it with `close`, or use it with `with`.

        Give the fields of ClientOptions as keywords, or ready-made `options`.

        Args:
            options: Where the gateway is and how to reach it.
            backend: The event loop of the thread behind: "asyncio" or "trio".
            allow_running_loop: Let calls be made where an event loop runs in the calling
                thread; each blocks that loop. In a notebook this is not needed.
            fields: The fields of ClientOptions.

        Raises:
            ConfigurationError: An option is wrong, or an event loop runs in this thread.
            ConnectError: Name lookup or TCP failed; TlsError for TLS and ALPN.
            ConnectTimeout: `connect_timeout` passed.
        """
        fields = cast("OptionFields", with_hidden_key(dict(fields)))
        connector: Any = cls._kind.connect(options=options, **fields)
        portal = Portal(backend, allow_running_loop=allow_running_loop)
        try:
            return cls(portal, portal.enter(connector))
        except BaseException as error:
            portal.close(error)
            raise

    @property
    def options(self) -> ClientOptions:
        """The options of this client; their repr hides the key."""
        return self._async.options

    @property
    def closed(self) -> bool:
        """Whether the client was closed, by `close` or by leaving its context."""
        return self._async.closed

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection and end the thread; calls in other threads end with an error.

        May be called more than once and from any thread. In a forked child it does
        nothing: the connection is the parent's.
        """
        if self._owns_portal:
            self._portal.close()
        elif not self._portal.closed:
            self._portal.run(self._async.close)
