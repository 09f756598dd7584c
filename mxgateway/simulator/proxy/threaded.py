"""ThreadedFaultProxy: the proxy in a thread with an event loop of its own."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from mxgateway.simulator.loop_thread import LoopThread
from mxgateway.simulator.proxy.pipe import Traffic
from mxgateway.simulator.proxy.proxy import FaultProxy

__all__ = ["ThreadedFaultProxy"]

P = ParamSpec("P")
R = TypeVar("R")


def _blocking(
    method: Callable[Concatenate[FaultProxy, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[ThreadedFaultProxy, P], R]:
    @functools.wraps(method)
    def call(self: ThreadedFaultProxy, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._thread.call(method(self._proxy, *args, **kwargs))

    return call


class ThreadedFaultProxy:
    """A FaultProxy for trio and for synchronous callers; each method blocks.

    `with ThreadedFaultProxy(gateway.endpoint) as proxy:` takes what FaultProxy takes.

    Raises:
        ConfigurationError: As for FaultProxy.
    """

    def __init__(
        self, target: str, *, host: str = "127.0.0.1", port: int = 0, connection_limit: int = 1000
    ) -> None:
        self._proxy = FaultProxy(target, host=host, port=port, connection_limit=connection_limit)
        self._thread = LoopThread(self._proxy, "mxgateway-proxy", "the proxy")

    def start(self) -> Self:
        """Start the thread and return once the proxy listens.

        Raises:
            OSError: The address cannot be used.
        """
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop the proxy and its thread; harmless when repeated."""
        self._thread.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._proxy.port

    @property
    def endpoint(self) -> str:
        """`host:port`, as a client takes it."""
        return self._proxy.endpoint

    @property
    def connections(self) -> int:
        """Connections that are open now."""
        return self._proxy.connections

    @property
    def accepted(self) -> int:
        """Connections accepted so far."""
        return self._proxy.accepted

    @property
    def to_server(self) -> Traffic:
        """What clients sent through; read it from any thread."""
        return self._proxy.to_server

    @property
    def to_client(self) -> Traffic:
        """What the target sent through; read it from any thread."""
        return self._proxy.to_client

    def wait_until(self, predicate: Callable[[FaultProxy], bool], timeout: float = 5.0) -> None:
        """Block until `predicate(proxy)` is true; it runs in the proxy's thread.

        Raises:
            TimeoutError: It was still false after `timeout` seconds.
        """
        self._thread.call(self._proxy.wait_for(predicate, timeout))

    cut = _blocking(FaultProxy.cut)
    corrupt = _blocking(FaultProxy.corrupt)
    delay = _blocking(FaultProxy.delay)
    split = _blocking(FaultProxy.split)
    drop_connections = _blocking(FaultProxy.drop_connections)
    black_hole = _blocking(FaultProxy.black_hole)
    refuse_connections = _blocking(FaultProxy.refuse_connections)
    goaway = _blocking(FaultProxy.goaway)
    reset_streams = _blocking(FaultProxy.reset_streams)
    drop_frames = _blocking(FaultProxy.drop_frames)
    send_frame = _blocking(FaultProxy.send_frame)
    send_garbage = _blocking(FaultProxy.send_garbage)
    clear = _blocking(FaultProxy.clear)
