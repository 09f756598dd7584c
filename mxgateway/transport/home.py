"""Where something was started: an event loop, its thread and its process. It runs nowhere else."""

from __future__ import annotations

from os import getpid
from threading import get_ident
from typing import Any

import anyio.lowlevel

from mxgateway.errors import ClientClosedError

__all__ = ["Home"]


class Home:
    """The event loop, thread and process in which it is made.

    Args:
        what: What belongs there, for messages: "the client", "the stream".
    """

    __slots__ = ("_loop", "_process", "_thread", "_what")

    def __init__(self, what: str) -> None:
        self._what = what
        self._loop = _running_loop()
        self._thread = get_ident()
        self._process = getpid()

    @property
    def inherited(self) -> bool:
        """Whether this process was forked from the one that owns the socket."""
        return getpid() != self._process

    def check(self) -> None:
        """Check that the caller is at home.

        Raises:
            ClientClosedError: It runs in another event loop, thread or process.
        """
        self.check_thread()
        if _running_loop() is not self._loop:
            raise self._elsewhere()

    def check_thread(self) -> None:
        """Do what `check` does but for the loop: that costs more than taking a message.

        Raises:
            ClientClosedError: The caller is in another thread or process.
        """
        self.check_process()
        if get_ident() != self._thread:
            raise self._elsewhere()

    def check_process(self) -> None:
        """Check that the caller is in the process, in whichever thread.

        Raises:
            ClientClosedError: The caller is in a forked child.
        """
        if getpid() != self._process:
            raise ClientClosedError(
                f"{self._what} belongs to process {self._process}, from which this one was "
                "forked; connect a new client after the fork"
            )

    def _elsewhere(self) -> ClientClosedError:
        return ClientClosedError(
            f"{self._what} belongs to another event loop or thread; use it where it was "
            "connected, or connect a client of its own here"
        )


def _running_loop() -> Any:
    try:
        token = anyio.lowlevel.current_token()
    except RuntimeError:
        return None  # no loop runs in this thread
    # anyio below 4.11 returns the bare token; the object around it is new each time.
    return getattr(token, "native_token", token)
