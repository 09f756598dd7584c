"""What the proxy does without faults: listen, connect to the target, keep connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from mxgateway.errors import ClientClosedError, ConfigurationError
from mxgateway.simulator.endpoints import host_and_port, shown_endpoint
from mxgateway.simulator.linger import reset_on_close
from mxgateway.simulator.proxy.connection import ProxyConnection
from mxgateway.simulator.proxy.frames import Frame
from mxgateway.simulator.proxy.pipe import Cut, Direction, Traffic
from mxgateway.simulator.waiters import Waiters

__all__ = ["ProxyBase", "checked_direction"]


class ProxyBase:
    """A TCP proxy without faults; FaultProxy describes its arguments and attributes."""

    def __init__(
        self, target: str, *, host: str = "127.0.0.1", port: int = 0, connection_limit: int = 1000
    ) -> None:
        if connection_limit < 1:
            raise ConfigurationError("connection_limit: give 1 or more")
        self._connection_limit = connection_limit
        self._target = host_and_port(target)
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections: dict[ProxyConnection, None] = {}
        self._waiters = Waiters()
        self._next_cut: tuple[Direction, Cut] | None = None
        self._drops: list[tuple[Direction, str, int | None]] = []
        self._silence: asyncio.Event = asyncio.Event()
        self._silence.set()
        self._delay = {"to_server": 0.0, "to_client": 0.0}
        self._piece: int | None = None
        self.to_server = Traffic()
        self.to_client = Traffic()
        self.accepted = 0

    # -- life --------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: The address cannot be used.
        """
        if self._server is not None:
            raise ConfigurationError("the proxy runs already")
        self._server = await asyncio.start_server(self._serve, self._host, self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and end every connection; harmless when repeated."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    @property
    def port(self) -> int:
        """The port it listens on.

        Raises:
            ClientClosedError: It does not run.
        """
        if self._server is None:
            raise ClientClosedError("the proxy does not run; enter it with `async with`")
        return self._port

    @property
    def endpoint(self) -> str:
        """`host:port`, as a client takes it."""
        return shown_endpoint(self._host, self.port)

    @property
    def connections(self) -> int:
        """Connections that are open now."""
        return len(self._connections)

    async def wait_for(self, predicate: Callable[[Self], bool], timeout: float = 5.0) -> None:
        """Return once `predicate(proxy)` is true, asked again after all that happens.

        Raises:
            TimeoutError: It was still false after `timeout` seconds.
        """
        await self._waiters.wait_for(lambda: predicate(self), timeout, "the proxy")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._tasks) >= self._connection_limit:
            reset_on_close(writer.transport)
            writer.close()
            return
        self._tasks.add(task)
        self.accepted += 1
        self._waiters.changed()
        try:
            await self._silence.wait()
            await self._join(reader, writer)
        except OSError:  # the target refuses; so does the proxy
            reset_on_close(writer.transport)
        except asyncio.CancelledError:  # the proxy stops, which ends this task in order
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
            self._waiters.changed()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = await asyncio.open_connection(*self._target)
        connection = ProxyConnection(
            (reader, writer),
            server,
            {"to_server": self.to_server, "to_client": self.to_client},
            keep=self._keep,
            changed=self._waiters.changed,
        )
        self._apply(connection)
        if self._next_cut is not None:
            direction, cut = self._next_cut
            self._next_cut = None
            connection.pipe(direction).cut = cut
        self._connections[connection] = None
        self._waiters.changed()
        try:
            await connection.run()
        finally:
            del self._connections[connection]

    def _apply(self, connection: ProxyConnection) -> None:
        for pipe in (connection.to_server, connection.to_client):
            pipe.delay = self._delay[pipe.direction]
            pipe.piece = self._piece

    def _apply_to_all(self) -> None:
        for connection in self._connections:
            self._apply(connection)

    def _keep(self, direction: Direction, frame: Frame) -> bool:
        for number, (way, kind, times) in enumerate(self._drops):
            if (way, kind) == (direction, frame.kind):
                if times is not None:
                    self._drops[number : number + 1] = [(way, kind, times - 1)] * (times > 1)
                return False
        return True

    def _newest(self, what: str) -> ProxyConnection:
        if not self._connections:
            raise ConfigurationError(f"{what}: no connection is open")
        return next(reversed(self._connections))

    async def clear(self) -> None:
        """End every fault that lasts, and forget those that have not struck yet."""
        self._next_cut = None
        self._drops.clear()
        self._piece = None
        self._delay = {"to_server": 0.0, "to_client": 0.0}
        self._apply_to_all()
        self._silence.set()
        for connection in self._connections:
            connection.to_server.cut = connection.to_client.cut = None
            connection.release()
        if self._server is not None and not self._server.is_serving():
            self._server = await asyncio.start_server(self._serve, self._host, self._port)


def checked_direction(direction: Any) -> Direction:
    """Return the direction.

    Raises:
        ConfigurationError: It is none.
    """
    if direction in ("to_server", "to_client"):
        return direction  # type: ignore[no-any-return]
    raise ConfigurationError(f'direction: "to_server" or "to_client", not {direction!r}')
