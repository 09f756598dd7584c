"""Tasks that run for a hub in the channel's own group end with the channel."""

from __future__ import annotations

import anyio
import pytest
from calls import channel_to, options_for
from scripted_peer import scripted_peer

from mxgateway.errors import ClientClosedError
from mxgateway.transport.channel import Channel


@pytest.mark.requirement("gen.structured")
async def test_a_spawned_task_that_waits_for_something_else_is_cancelled_on_closing() -> None:
    started, ended = anyio.Event(), anyio.Event()

    async def wait() -> None:
        started.set()
        try:
            await anyio.sleep_forever()
        finally:
            ended.set()

    with anyio.fail_after(5):
        async with scripted_peer() as peer, channel_to(peer) as channel:
            channel.spawn(wait)
            await started.wait()
        assert ended.is_set()


async def test_only_a_running_channel_spawns() -> None:
    async def never() -> None:
        raise AssertionError

    async with scripted_peer() as peer:
        channel = Channel(options_for(peer))
        with pytest.raises(ClientClosedError, match="not running"):
            channel.spawn(never)
        async with channel:
            pass
        with pytest.raises(ClientClosedError, match="closed"):
            channel.spawn(never)
