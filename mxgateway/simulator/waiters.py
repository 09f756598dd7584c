"""Waiting until something is true, asked again after everything that happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["Waiters"]


class Waiters:
    """Who waits for what."""

    def __init__(self) -> None:
        self._waiters: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._check_scheduled = False

    def changed(self) -> None:
        """Let everybody who waits look again. Free of cost while nobody waits."""
        if self._waiters and not self._check_scheduled:
            self._check_scheduled = True
            asyncio.get_running_loop().call_soon(self._check)

    def _check(self) -> None:
        self._check_scheduled = False
        still = []
        for predicate, future in self._waiters:
            if future.done():
                continue
            try:
                met = predicate()
            except Exception as error:
                future.set_exception(error)
                continue
            if met:
                future.set_result(None)
            else:
                still.append((predicate, future))
        self._waiters = still

    async def wait_for(self, predicate: Callable[[], bool], timeout: float, who: str) -> None:
        """Return once `predicate()` is true.

        Raises:
            TimeoutError: It was still false after `timeout` seconds; the text says `who`.
        """
        if predicate():
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((predicate, future))
        try:
            await asyncio.wait_for(future, timeout)
        except TimeoutError:
            raise TimeoutError(
                f"{who} did not reach the expected state within {timeout:g} s"
            ) from None
