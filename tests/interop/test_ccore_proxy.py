"""The fault proxy in front of a gateway that is none of ours."""

from __future__ import annotations

import anyio
import anyio.to_thread
import pytest
from interop.ccore_client import advised, connect, raw_events
from interop.ccore_gateway import CCoreGateway
from interop.plant_rows import PROBE

from mxgateway.errors import ConnectionLost, MxGatewayError
from mxgateway.simulator import ThreadedFaultProxy

TAG = f"{PROBE}.TestInt"


async def test_frames_and_bytes_are_broken_in_front_of_another_gateway(
    gateway: CCoreGateway,
) -> None:
    with ThreadedFaultProxy(gateway.endpoint) as proxy, anyio.fail_after(10):
        async with await connect(gateway, endpoint=proxy.endpoint) as client:
            session, server, (item,) = await advised(client, TAG)

            await anyio.to_thread.run_sync(lambda: proxy.cut(10, direction="to_client"))
            with pytest.raises(ConnectionLost) as caught:
                await session.write(server, item, 7)
            assert caught.value.processed == "maybe"
            assert len(gateway.plant.writes) <= 1  # it is never sent again

            async with raw_events(client, session) as events:
                await anext(events)
                struck = await anyio.to_thread.run_sync(proxy.reset_streams)
                assert struck == 1
                with pytest.raises(MxGatewayError):
                    [_ async for _ in events]
            assert await session.ping()
        assert proxy.accepted == 2
