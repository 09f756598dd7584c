"""Connections that the lines of a batch share: one event loop in a thread, one client per gateway.

The main thread reads lines and runs commands, so that Ctrl-C reaches it on every
system; what is asynchronous runs in the loop meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from concurrent.futures import wait
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import anyio
from anyio.abc import TaskStatus
from anyio.from_thread import start_blocking_portal

from mxgateway.client import GatewayClient
from mxgateway.options import ClientOptions

from .run import tell_connected
from .signals import Interrupted

if TYPE_CHECKING:
    from .environment import Environment

__all__ = ["ClientPool"]

T = TypeVar("T")

_LOOK_SECONDS = 0.2  # Windows hands signals to a thread only when it wakes up by itself.


class ClientPool:
    """Keeps a client for every set of options that was asked for, until it is left."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._clients: dict[ClientOptions, GatewayClient] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._portal = stack.enter_context(start_blocking_portal("asyncio"))
            served, _ = self._portal.start_task(self._serve)
            stack.callback(served.result)
            stack.callback(self._portal.call, self._stop)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # An exception on its way makes the portal cancel what still runs.
        self._stack.__exit__(kind, error, traceback)

    async def _serve(self, *, task_status: TaskStatus[None]) -> None:
        self._end = anyio.Event()
        async with anyio.create_task_group() as self._tasks:
            task_status.started()
            await self._end.wait()
            for client in self._clients.values():
                await client.close()

    async def _stop(self) -> None:
        self._end.set()

    def run(
        self,
        environment: Environment,
        options: ClientOptions,
        body: Callable[[GatewayClient], Awaitable[T]],
    ) -> T:
        """Run `body` in the loop with the client for `options`, which is connected if it has to be.

        Raises:
            MxGatewayError: Connecting or a call failed.
            Interrupted: Ctrl-C or a termination signal came; `body` has cleaned up.
        """
        scope: list[Any] = []

        async def work() -> T:
            with anyio.CancelScope() as cancelled_by_user:
                scope.append(cancelled_by_user)
                return await body(await self._client(environment, options))
            raise Interrupted

        future = self._portal.start_task_soon(work)
        try:
            while not wait([future], _LOOK_SECONDS).done:
                pass
        except KeyboardInterrupt:
            if scope:
                self._portal.call(scope[0].cancel)
            wait([future])
            raise Interrupted from None
        return future.result()

    async def _client(self, environment: Environment, options: ClientOptions) -> GatewayClient:
        client = self._clients.get(options)
        if client is None:
            started = time.perf_counter()
            client = await GatewayClient.connect(options=options, task_group=self._tasks)
            self._clients[options] = client
            tell_connected(environment, started)
        return client
