"""Calls that are struck at the worst moment, and clients that are dropped in the worst place."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from mxgateway.simulator import ThreadedSimulator
from mxgateway.sync import GatewayClient, Stream
from mxgateway.sync.portal import Portal


class _Struck(Portal):
    """A portal whose caller is struck by Ctrl-C just after what it waits for is done."""

    strikes = 0

    def run(self, *args: Any, **kwargs: Any) -> Any:
        result = super().run(*args, **kwargs)
        if self.strikes:
            self.strikes -= 1
            raise KeyboardInterrupt
        return result


async def _numbers() -> AsyncIterator[int]:
    yield 1
    yield 2
    raise ValueError("the end")


@pytest.mark.requirement("api.sync")
def test_ctrl_c_loses_neither_an_entry_nor_the_error_at_the_end(backend: str) -> None:
    portal = _Struck(backend)
    try:
        stream: Stream[int] = Stream(portal, _numbers())
        for expected in (1, 2):
            portal.strikes = 1
            with pytest.raises(KeyboardInterrupt):
                next(stream)
            assert next(stream) == expected
        portal.strikes = 1
        with pytest.raises(KeyboardInterrupt):
            next(stream)
        with pytest.raises(ValueError, match="the end"):
            next(stream)
        with pytest.raises(StopIteration):
            next(stream)
    finally:
        portal.close()


def test_a_client_that_is_dropped_in_its_own_thread_is_closed(
    sim: ThreadedSimulator, backend: str
) -> None:
    client = GatewayClient.connect(
        endpoint=sim.endpoint, api_key=sim.api_key, plaintext=True, backend=backend
    )
    loop = client._portal._portal
    holder = [client]
    del client
    with pytest.warns(ResourceWarning, match="dropped without close"):
        loop.start_task_soon(holder.clear).result(10)
    sim.wait_until(lambda s: s.audit.connections_opened == s.audit.connections_closed)
