"""Ctrl-C and termination signals: the first ends the command cleanly, the second at once."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self, TextIO

from .exit_codes import ExitCode

__all__ = ["InterruptGuard", "Interrupted", "last_words"]


# What has to be written where a second signal ends the process: nothing else is cleaned up then.
_last_words: dict[int, bytes] = {}


@contextmanager
def last_words(stream: TextIO, text: str) -> Iterator[None]:
    """Let `text` be written to a stream if a second signal ends the process meanwhile."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        yield  # no file of the system, so that there is no terminal to leave in order
        return
    _last_words[descriptor] = text.encode("ascii")
    try:
        yield
    finally:
        _last_words.pop(descriptor, None)


class Interrupted(Exception):  # noqa: N818 - an outcome, no error
    """The user ended the command. Scopes have unwound; streams were reset."""


class InterruptGuard:
    """Turns SIGINT, SIGTERM and (on Windows) SIGBREAK into one cancellation of the main task.

    Used twice: `prepared()` around the event loop, and the guard itself inside
    it. The runner of the loop installs a SIGINT handler of its own, which cancels
    the main task and wakes the loop on every system; the guard calls it for all
    these signals. A second signal ends the process immediately, whatever still waits.

    Attributes:
        interrupted: Whether a signal came.
    """

    def __init__(self) -> None:
        self.interrupted = False
        self._previous: dict[int, Any] = {}
        self._outer: Any = None
        self._cancel: Any = None

    @contextmanager
    def prepared(self) -> Iterator[None]:
        """Let the runner install its handler, also where SIGINT is ignored.

        A shell starts background jobs with SIGINT ignored; SIGTERM has to end
        them cleanly all the same.
        """
        if threading.current_thread() is not threading.main_thread():
            yield  # Only the main thread may set handlers, and only it gets signals.
            return
        self._outer = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            yield
        finally:
            # None stands for a handler that was not installed from Python.
            signal.signal(signal.SIGINT, self._outer or signal.SIG_DFL)

    def __enter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():
            return self
        self._cancel = signal.getsignal(signal.SIGINT)
        for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
            number = getattr(signal, name, None)
            if number is None:
                continue
            known = self._outer if number == signal.SIGINT else signal.getsignal(number)
            ignored = known is signal.SIG_IGN
            handler = signal.SIG_IGN if ignored else self._handle
            self._previous[number] = signal.signal(number, handler)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler or signal.SIG_DFL)
        self._previous.clear()

    def _handle(self, _number: int, frame: FrameType | None) -> None:
        if self.interrupted:
            for descriptor, content in _last_words.items():
                with contextlib.suppress(OSError):
                    os.write(descriptor, content)
            os._exit(ExitCode.INTERRUPTED)
        self.interrupted = True
        self._cancel(signal.SIGINT, frame)
