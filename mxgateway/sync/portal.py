"""The event loop in a thread of its own that synchronous callers share."""

from __future__ import annotations

import atexit
import builtins
import contextvars
import functools
import sys
import threading
import warnings
import weakref
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError, Future, wait
from contextlib import AbstractAsyncContextManager, ExitStack, suppress
from types import TracebackType
from typing import Any, Final, TypeVar

import anyio
from anyio.from_thread import BlockingPortal

from mxgateway.errors import ClientClosedError, ConfigurationError
from mxgateway.transport.home import Home

__all__ = ["Portal"]

_T = TypeVar("_T")

# A lock cannot be interrupted by Ctrl-C on Windows, so the wait for a result is cut.
_SLICE: Final = 0.2 if sys.platform == "win32" else None
_CANCEL_SECONDS: Final = 10.0

_open: weakref.WeakSet[Portal] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    # At the interpreter's end nobody could stop the threads any more.
    for portal in list(_open):
        portal.close()


def _in_event_loop() -> bool:
    """Whether an event loop runs in this thread, in one of its tasks or in a callback."""
    try:
        anyio.get_current_task()
    except RuntimeError:
        # A callback of asyncio belongs to no task. Where nobody imported it, no loop of it runs.
        loops: Any = sys.modules.get("asyncio")
        return loops is not None and loops._get_running_loop() is not None
    return True


def _start(backend: str) -> tuple[BlockingPortal, threading.Thread]:
    """Start a loop in a thread of its own; nothing ends it but the portal's `stop`.

    Raises:
        LookupError: The backend is not installed.
    """
    started: Future[BlockingPortal] = Future()

    async def serve() -> None:
        async with BlockingPortal() as portal:
            if started.set_running_or_notify_cancel():
                started.set_result(portal)
                await portal.sleep_until_stopped()

    def run() -> None:
        try:
            anyio.run(serve, backend=backend)
        except BaseException as error:
            if started.done():
                raise  # the interpreter's hook for threads shows it
            started.set_exception(error)

    options: dict[str, Any] = {"name": "mxgateway.sync", "daemon": True}
    if sys.version_info >= (3, 14):
        options["context"] = contextvars.Context()  # it may inherit that of a running loop
    thread = threading.Thread(target=run, **options)
    thread.start()
    try:
        return started.result(), thread
    except BaseException:
        # Where it came up, and only this thread was struck, it must not stay.
        if not started.cancel() and started.exception() is None:
            portal = started.result()
            portal.call(portal.stop)
        raise


def _stop(
    portal: BlockingPortal,
    thread: threading.Thread,
    _kind: type[BaseException] | None,
    error: BaseException | None,
    _traceback: TracebackType | None,
) -> None:
    """End what `_start` began; after an error nobody waits for the tasks that are left."""
    with suppress(RuntimeError):  # it has ended by itself
        portal.call(portal.stop, error is not None)
    thread.join()


async def _hold(
    context: AbstractAsyncContextManager[_T], entered: Future[tuple[_T, anyio.Event]]
) -> None:
    """Enter a context, tell so, and leave it when the event that was told is set."""
    leave = anyio.Event()
    try:
        async with context as value:
            entered.set_result((value, leave))
            await leave.wait()
    except BaseException as error:
        if not entered.done():
            entered.set_exception(error)
        raise


def _leave(portal: BlockingPortal, leave: anyio.Event, holding: Future[None]) -> None:
    try:
        portal.call(leave.set)
    except RuntimeError:
        return  # the loop has ended, and everything in it
    holding.result()


async def _carried(
    call: Callable[[], Awaitable[_T]],
) -> tuple[tuple[_T, ...], BaseException | None]:
    """Return a result, or what ends the program, for the caller to raise.

    A callback may raise it. Left to the loop, it would end the loop and all calls in it.
    """
    try:
        return (await call(),), None
    except (SystemExit, KeyboardInterrupt) as ending:
        return (), ending


def _result(future: Future[_T]) -> _T:
    """Wait so that Ctrl-C can interrupt it."""
    while _SLICE is not None and not wait([future], _SLICE).done:
        pass
    return future.result()


def _cancel(future: Future[Any]) -> None:
    """Cancel what a future stands for, and wait until it has ended."""
    if not future.done():
        future.cancel()
        wait([future], _CANCEL_SECONDS)


class Portal:
    """Runs coroutines in a thread with an event loop, for callers in any other thread.

    The thread is not there in a forked child, which gets ClientClosedError.

    Args:
        backend: "asyncio" or "trio".
        allow_running_loop: Let calls be made where an event loop runs in the caller's
            thread. Each blocks that loop for as long as it takes.

    Raises:
        ConfigurationError: There is no such backend, or an event loop runs here.
    """

    def __init__(self, backend: str = "asyncio", *, allow_running_loop: bool = False) -> None:
        if backend not in ("asyncio", "trio"):
            raise ConfigurationError(f'backend: give "asyncio" or "trio", not {backend!r}')
        self._allow_running_loop = allow_running_loop
        self._home = Home("the client")
        self.check_caller()
        self._stack = ExitStack()
        self._closing = threading.Lock()
        self._closed = True
        try:
            self._portal, thread = _start(backend)
        except LookupError as error:
            raise ConfigurationError(
                f"backend: {backend!r} is not installed; install it or use 'asyncio'"
            ) from error
        # Without a reference to this object, so that dropping it is noticed.
        self._stack.push(functools.partial(_stop, self._portal, thread))
        self._closed = False
        _open.add(self)

    @property
    def closed(self) -> bool:
        """Whether `close` was called, or this is a forked child."""
        return self._closed or self._home.inherited

    def check_caller(self) -> None:
        """Refuse a caller that would wait for ever, or runs in an event loop and would block it.

        A cell of a notebook runs in the loop of its kernel, which waits for it anyway, so
        it may call.

        Raises:
            ClientClosedError: This process was forked from the client's.
            ConfigurationError: An event loop runs in this thread.
        """
        self._home.check_process()
        if self._allow_running_loop or hasattr(builtins, "get_ipython"):
            return
        if not _in_event_loop():
            return
        raise ConfigurationError(
            "mxgateway.sync was called from inside an event loop, which it would block; use the "
            "async client, `from mxgateway import GatewayClient`, or allow_running_loop=True"
        )

    def run(self, function: Callable[..., Awaitable[_T]], *args: Any, **kwargs: Any) -> _T:
        """Return what `await function(*args, **kwargs)` returns.

        KeyboardInterrupt, or any other exception that strikes the caller meanwhile,
        cancels the coroutine first.

        Raises:
            ClientClosedError: The portal is closed, or this is a forked child.
            ConfigurationError: An event loop runs in this thread.
        """
        self.check_caller()
        call = functools.partial(function, *args, **kwargs)
        try:
            future = self._portal.start_task_soon(_carried, call)
        except RuntimeError as error:
            raise ClientClosedError("the client is closed; connect a new one") from error
        try:
            result, ending = _result(future)
        except BaseException as error:
            _cancel(future)
            if isinstance(error, CancelledError) and self._closed:
                raise ClientClosedError("the client was closed during the call") from None
            raise
        if ending is not None:
            raise ending
        return result[0]

    def enter(self, context: AbstractAsyncContextManager[_T]) -> _T:
        """Enter an async context; `close` leaves it, in the same task of the loop.

        What strikes the caller meanwhile, such as KeyboardInterrupt, cancels the entering.
        """
        self.check_caller()
        entered: Future[tuple[_T, anyio.Event]] = Future()
        holding = self._portal.start_task_soon(_hold, context, entered)
        try:
            value, leave = _result(entered)
        except BaseException:
            _cancel(holding)
            raise
        self._stack.callback(_leave, self._portal, leave, holding)
        return value

    def close(self, error: BaseException | None = None) -> None:
        """Leave the contexts and end the loop. Idempotent; may be called from any thread.

        In a forked child nothing happens: thread and connection are the parent's.

        Args:
            error: What makes it necessary; then whatever still runs is cancelled.
        """
        if self._home.inherited:
            return
        with self._closing:
            if not self._closed:
                self._closed = True
                _open.discard(self)
                if error is None:
                    self._stack.close()
                else:
                    self._stack.__exit__(type(error), error, error.__traceback__)

    def __del__(self) -> None:
        if not getattr(self, "_closed", True) and not self._home.inherited:
            self._closed = True
            # Not here: the collector may run in the loop's own thread, or hold up the loop
            # while it waits for it.
            threading.Thread(target=self._stack.close, name="mxgateway.sync.close").start()
            text = "a client of mxgateway.sync was dropped without close()"
            warnings.warn(text, ResourceWarning, source=self, stacklevel=2)
