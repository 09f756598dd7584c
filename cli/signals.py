"""Ctrl-C and termination signals: the first ends the command cleanly, the second at once."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

from .exit_codes import ExitCode

__all__ = ["InterruptGuard", "Interrupted"]


class Interrupted(Exception):  # noqa: N818 - an outcome, no error
    """The user ended the command. Scopes have unwound; streams were reset."""


class InterruptGuard:
    """Turns SIGINT, SIGTERM and (on Windows) SIGBREAK into one cancellation of the main task.

    Enter it inside the running event loop: the runner of the loop has installed
    its own SIGINT handler by then, which cancels the main task and wakes the
    loop on every system; the guard calls it for all these signals. A second
    signal ends the process immediately, whatever still waits.

    Attributes:
        interrupted: Whether a signal came.
    """

    def __init__(self) -> None:
        self.interrupted = False
        self._previous: dict[int, Any] = {}
        self._cancel: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():
            return self  # Only the main thread may set handlers, and only it gets signals.
        cancel = signal.getsignal(signal.SIGINT)
        if not callable(cancel):
            return self  # Ignored on purpose, for example under nohup.
        self._cancel = cancel
        for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    def _handle(self, _number: int, frame: FrameType | None) -> None:
        if self.interrupted:
            os._exit(ExitCode.INTERRUPTED)
        self.interrupted = True
        self._cancel(signal.SIGINT, frame)
