"""An asyncio event loop in a thread of its own, for what callers from elsewhere steer."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from mxgateway.errors import ClientClosedError, ConfigurationError

__all__ = ["LoopThread"]

T = TypeVar("T")

_STOP_LIMIT = 10.0  # seconds


class LoopThread:
    """Runs an async context manager in a thread until it is stopped.

    Args:
        manager: Entered in the thread, and left there at the end.
        name: Names the thread.
        what: Names the thing in errors ("the proxy").
    """

    def __init__(self, manager: AbstractAsyncContextManager[Any], name: str, what: str) -> None:
        self._manager = manager
        self._name = name
        self._what = what
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._finish: asyncio.Event | None = None

    def start(self) -> None:
        """Start the thread; return once the manager is entered, or raise what it raised."""
        if self._thread is not None:
            raise ConfigurationError(f"{self._what} runs already")
        started: concurrent.futures.Future[None] = concurrent.futures.Future()
        # A daemon, so that a caller who forgets stop() can still end its process.
        thread = threading.Thread(target=self._run, args=(started,), name=self._name, daemon=True)
        thread.start()
        try:
            started.result()
        except BaseException:
            thread.join(_STOP_LIMIT)
            raise
        self._thread = thread

    def _run(self, started: concurrent.futures.Future[None]) -> None:
        try:
            asyncio.run(self._serve(started))
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    async def _serve(self, started: concurrent.futures.Future[None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._finish = asyncio.Event()
        async with self._manager:
            started.set_result(None)
            await self._finish.wait()

    def stop(self) -> None:
        """Leave the manager and end the thread; harmless when repeated.

        Raises:
            TimeoutError: The thread did not end in time.
        """
        thread, self._thread = self._thread, None
        if thread is None:
            return
        assert self._loop is not None
        assert self._finish is not None
        self._loop.call_soon_threadsafe(self._finish.set)
        thread.join(_STOP_LIMIT)
        if thread.is_alive():
            raise TimeoutError(f"{self._what}'s thread did not end within {_STOP_LIMIT:g} s")
        self._loop = self._finish = None

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the thread's loop and return its result.

        Raises:
            ClientClosedError: The thread does not run.
        """
        loop = self._loop
        if loop is None or self._thread is None:
            coroutine.close()
            raise ClientClosedError(f"{self._what} does not run; enter it with `with`")
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()
