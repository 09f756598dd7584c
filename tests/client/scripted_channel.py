"""A channel without a network: answers unary calls with what a test hands it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, cast

import anyio
import anyio.lowlevel

from mxgateway import ClientOptions, GatewayClient
from mxgateway.codec import decode, encode
from mxgateway.generated.mxaccess_gateway.v1 import (
    CloseSessionReply,
    CloseSessionRequest,
    MxCommandReply,
    MxCommandRequest,
    OpenSessionReply,
    OpenSessionRequest,
    ProtocolStatus,
    ProtocolStatusCode,
    SessionState,
)
from mxgateway.transport.channel import Channel

__all__ = ["KEY", "OK", "ScriptedChannel", "scripted_client"]

KEY = "mxgw_tester_s3cr3t_with_underscores"
OK = ProtocolStatus(code=ProtocolStatusCode.OK)

Answer = Callable[[Any], Any]


def _open(request: OpenSessionRequest) -> OpenSessionReply:
    return OpenSessionReply(
        session_id="session-1",
        gateway_protocol_version=3,
        worker_protocol_version=1,
        protocol_status=OK,
    )


def _close(request: CloseSessionRequest) -> CloseSessionReply:
    return CloseSessionReply(
        session_id=request.session_id, final_state=SessionState.CLOSED, protocol_status=OK
    )


def _invoke(request: MxCommandRequest) -> MxCommandReply:
    assert request.command is not None
    return MxCommandReply(kind=request.command.kind, protocol_status=OK)


@dataclass
class ScriptedChannel:
    """Stands in for `mxgateway.transport.channel.Channel`.

    Attributes:
        answers: What answers a method: a function of the request that returns the
            reply or raises. Defaults say OK without a payload.
        sent: (method, request, timeout) of every call, in order.
        gate: Where set, every call waits for it after it was recorded.
        arrived: Set when the first call was recorded.
    """

    answers: dict[str, Answer] = field(default_factory=dict)
    sent: list[tuple[str, Any, float | None]] = field(default_factory=list)
    gate: anyio.Event | None = None
    arrived: anyio.Event | None = None
    state: str = "running"

    def request(
        self,
        name: str,
        cardinality: Any,
        request_type: Any,
        reply_type: Any,
        *,
        timeout: float | None = None,
        deadline: Any = None,
        metadata: Any = None,
    ) -> _Call:
        return _Call(self, name.rpartition("/")[2], reply_type, timeout)

    async def aclose(self) -> None:
        self.state = "closed"

    def methods(self) -> list[str]:
        """The names of the methods called so far."""
        return [method for method, _, _ in self.sent]


class _Call:
    def __init__(
        self, channel: ScriptedChannel, method: str, reply_type: Any, timeout: float | None
    ) -> None:
        self._channel = channel
        self._method = method
        self._reply_type = reply_type
        self._timeout = timeout
        self._request: Any = None

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
        assert end
        # Over the codec, so that a test sees what a gateway would see.
        self._request = decode(type(request), encode(request))
        self._channel.sent.append((self._method, self._request, self._timeout))

    async def recv_message(self) -> Any:
        channel = self._channel
        if channel.arrived is not None:
            channel.arrived.set()
        await anyio.lowlevel.checkpoint()
        if channel.gate is not None:
            await channel.gate.wait()
        default: dict[str, Answer] = {
            "OpenSession": _open,
            "CloseSession": _close,
            "Invoke": _invoke,
        }
        answer = channel.answers.get(self._method) or default[self._method]
        reply = answer(self._request)
        return decode(self._reply_type, encode(reply))


def scripted_client(channel: ScriptedChannel, **options: Any) -> GatewayClient:
    """Return a client whose calls `channel` answers."""
    fields: dict[str, Any] = {"endpoint": "plant:5000", "plaintext": True, "api_key": KEY} | options
    return GatewayClient(ClientOptions(**fields), channel=cast("Channel", channel))
