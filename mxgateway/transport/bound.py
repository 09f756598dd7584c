"""A channel that belongs to one event loop, and says so elsewhere instead of hanging there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from anyio.abc import TaskGroup

from mxgateway.options import ClientOptions
from mxgateway.transport.channel import Channel
from mxgateway.transport.home import Home
from mxgateway.transport.protocol import Protocol

__all__ = ["BoundChannel"]


class BoundChannel(Channel):
    """A channel of the event loop, thread and process that connect it.

    It may be made anywhere. From another loop or thread, and in a forked child, its calls
    raise ClientClosedError: the sockets, tasks and events of a loop are not to be touched
    from outside, and a child that used the parent's socket would break the parent's calls.

    Args:
        options: Where the gateway is and how to reach it.
    """

    def __init__(self, options: ClientOptions) -> None:
        super().__init__(options)
        self._home: Home | None = None

    def check_home(self) -> None:
        """Check that the caller runs where the channel does, if it runs.

        Raises:
            ClientClosedError: It runs in another event loop, thread or process.
        """
        if self._home is not None and not self._closed:
            self._home.check()

    def may_close(self) -> bool:
        """Return whether closing is this caller's to do: not in a forked child, nor again.

        Raises:
            ClientClosedError: The channel runs in another event loop or thread.
        """
        if self._home is None:
            return True
        if self._home.inherited:
            return False
        if self._closed and not (
            self._tasks or self._own or self._pumps or self._attempts.under_way
        ):
            return False
        self._home.check()
        return True

    async def connect(self) -> None:
        """Connect, and belong to this event loop from now on; errors as of `Channel.connect`."""
        self._settle()
        await super().connect()

    async def __aenter__(self) -> Self:
        self._settle()
        return await super().__aenter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        if self.may_close():
            await super().__aexit__(exc_type, exc_val, exc_tb)

    async def run_in(self, task_group: TaskGroup) -> None:
        """Run in the caller's task group until `aclose`; errors as of `Channel.run_in`."""
        self._settle()
        await super().run_in(task_group)

    async def aclose(self) -> None:
        """End all calls and connections, as `Channel.aclose` does; nothing in a forked child.

        Raises:
            ClientClosedError: The channel runs in another event loop or thread.
        """
        if self.may_close():
            await super().aclose()

    def spawn(self, func: Callable[[], Awaitable[None]]) -> None:
        """Run `func` in the channel's own task group; errors as of `Channel.spawn`."""
        self.check_home()
        super().spawn(func)

    async def __connect__(self) -> Protocol:
        self.check_home()
        return await super().__connect__()

    def _settle(self) -> None:
        if self.state == "new" and self._attempts.under_way is None:
            # Also after a failed try: nothing of it is left in its loop.
            self._home = Home("the client")
        else:
            self.check_home()
