"""A TCP relay that counts: it shows from outside how many bytes a reply took on the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import SocketAttribute, SocketStream

__all__ = ["Relay", "counting_relay"]


class Relay:
    """A relay in front of one endpoint.

    Attributes:
        endpoint: Where it listens, as `host:port`.
        received: Bytes that have come from the server.
    """

    def __init__(self, endpoint: str, target: str) -> None:
        host, _, port = target.rpartition(":")
        self.endpoint = endpoint
        self.received = 0
        self._target = (host, int(port))

    async def serve(self, client: SocketStream) -> None:
        """Carry one connection in both directions until either end closes it."""
        async with client, await anyio.connect_tcp(*self._target) as server:
            async with anyio.create_task_group() as tasks:

                async def answer() -> None:
                    async for chunk in server:
                        self.received += len(chunk)
                        await client.send(chunk)
                    tasks.cancel_scope.cancel()

                tasks.start_soon(answer)
                async for chunk in client:
                    await server.send(chunk)
                tasks.cancel_scope.cancel()


@asynccontextmanager
async def counting_relay(target: str) -> AsyncIterator[Relay]:
    """Listen in front of `target`, a `host:port`, from entering to leaving."""
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        port = listener.extra(SocketAttribute.local_port)
        relay = Relay(f"127.0.0.1:{port}", target)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, relay.serve)
            yield relay
            tasks.cancel_scope.cancel()
