"""Thousands of calls and many reconnects leave nothing behind."""

from __future__ import annotations

import gc
from collections import Counter
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from anyio import get_running_tasks
from calls import REPLY, channel_to, event, open_session, stream_events
from scripted_peer import PeerConnection, grpc_message, scripted_peer

from mxgateway.errors import ConnectionLost, InternalError
from mxgateway.transport.channel import Channel
from mxgateway.transport.connection import Connection

FD_FOLDER = Path("/proc/self/fd")
CALLS_PER_CONNECTION = 40


def ours() -> Counter[str]:
    """Count the live objects of our transport and of h2, by class."""
    gc.collect()
    return Counter(
        type(o).__qualname__
        for o in gc.get_objects()
        if str(type(o).__module__).startswith(("mxgateway.transport", "h2.stream", "h2.connection"))
    )


def open_files() -> int:
    return sum(1 for _ in FD_FOLDER.iterdir()) if FD_FOLDER.is_dir() else 0


async def some_calls_then_close(connection: PeerConnection) -> None:
    for number in range(CALLS_PER_CONNECTION):
        request = await connection.request()
        if request.headers[":path"].endswith("StreamEvents"):
            await connection.send(
                connection.headers_frame(request.stream_id),
                connection.data_frame(request.stream_id, grpc_message(event(1))),
            )
        else:
            await connection.reply(request.stream_id, REPLY, status=0 if number % 5 else 13)
        connection.frames.clear()
    await connection.close()


@pytest.mark.requirement("mem.long-run")
@pytest.mark.parametrize(
    "reconnects", [5, pytest.param(500, marks=pytest.mark.slow)], ids=["short", "long"]
)
async def test_calls_and_reconnects_return_to_the_baseline(reconnects: int) -> None:
    calls = 0
    async with scripted_peer(some_calls_then_close) as peer, channel_to(peer) as channel:

        async def one_connection() -> None:
            nonlocal calls
            target = calls + CALLS_PER_CONNECTION
            while calls < target:
                calls += 1
                try:
                    if calls % 7 == 0:
                        async with stream_events(channel) as stream:
                            await anext(stream)
                    else:
                        await open_session(channel)
                except ConnectionLost:
                    calls -= 1  # the old connection had just gone; this one was not counted there
                except InternalError:
                    pass  # every fifth is answered so
            for connection in list(channel._pumps):
                await _gone(channel, connection)
            peer.connections.clear()

        await one_connection()
        await one_connection()
        before = ours(), open_files(), len(get_running_tasks())
        with anyio.fail_after(20 + reconnects):
            for _ in range(reconnects):
                await one_connection()
        after = ours(), open_files(), len(get_running_tasks())
    assert calls == (reconnects + 2) * CALLS_PER_CONNECTION
    assert after[0] - before[0] == Counter()
    assert after[1] <= before[1]
    assert after[2] <= before[2]


async def _gone(channel: Channel, connection: Connection) -> None:
    with anyio.fail_after(5):
        while connection in channel._pumps:
            await anyio.lowlevel.checkpoint()
