"""A channel without a network, for replies that the simulator never gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, cast

import anyio
import anyio.lowlevel

from mxgateway import ClientOptions, GalaxyRepositoryClient
from mxgateway.codec import decode, encode
from mxgateway.transport.channel import Channel

__all__ = ["GalaxyChannel", "scripted_galaxy"]


@dataclass
class GalaxyChannel:
    """Answers unary calls with what a test hands it.

    Attributes:
        answer: Returns the reply to a request, or raises.
        sent: The requests in order.
        timeouts: The timeout of each of them.
        arrived: Set when the first request came.
        gate: Where set, every call waits for it after it was recorded.
    """

    answer: Callable[[Any], Any]
    sent: list[Any] = field(default_factory=list)
    timeouts: list[float | None] = field(default_factory=list)
    arrived: anyio.Event | None = None
    gate: anyio.Event | None = None
    state: str = "running"

    def request(self, name: str, *types: Any, timeout: float | None = None, **_: Any) -> _Call:
        return _Call(self, types[2], timeout)

    async def aclose(self) -> None:
        self.state = "closed"


class _Call:
    def __init__(self, channel: GalaxyChannel, reply_type: Any, timeout: float | None) -> None:
        self._channel = channel
        self._reply_type = reply_type
        self._timeout = timeout
        self._request: Any = None
        self.last_size = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None

    async def send_message(self, request: Any, *, end: bool = False) -> None:
        # Over the codec, so that a test sees what a gateway would see.
        self._request = decode(type(request), encode(request))
        self._channel.sent.append(self._request)
        self._channel.timeouts.append(self._timeout)

    async def recv_message(self) -> Any:
        channel = self._channel
        if channel.arrived is not None:
            channel.arrived.set()
        await anyio.lowlevel.checkpoint()
        if channel.gate is not None:
            await channel.gate.wait()
        data = encode(channel.answer(self._request))
        self.last_size = len(data)
        return decode(self._reply_type, data)


def scripted_galaxy(answer: Callable[[Any], Any]) -> tuple[GalaxyRepositoryClient, GalaxyChannel]:
    """Return a galaxy client and the channel that answers it."""
    channel = GalaxyChannel(answer)
    options = ClientOptions(endpoint="plant:5000", plaintext=True)
    return GalaxyRepositoryClient(options, channel=cast("Channel", channel)), channel
