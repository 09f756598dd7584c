"""What every RPC goes through: key, size limit, decoding; and the way back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from grpclib.const import Handler, Status
from grpclib.exceptions import GRPCError
from grpclib.server import Stream

from mxgateway.errors import DecodeError
from mxgateway.simulator.audit import Audit
from mxgateway.simulator.gate import STREAMS, CallGate
from mxgateway.simulator.keys import ApiKey, KeyRing

__all__ = ["AnyStream", "Method", "Service", "check_size"]

AnyStream = Stream[Any, Any]
Method = Callable[[AnyStream, ApiKey, Any], Awaitable[Any]]
"""Serves one RPC. What it returns is sent; a streaming one sends itself and returns None."""

_GATED_STREAMS = STREAMS - {"StreamEvents"}  # which passes the gate itself, a batch at a time
_PREFIX = 5  # compressed flag and length of a gRPC message


class Service:
    """One gRPC service whose methods stand in a table.

    Args:
        base: The generated server base class; it gives paths, cardinalities and types.
        methods: What serves each RPC, by its name in the contract. The others
            answer UNIMPLEMENTED.
        keys: Who may call.
        audit: Where calls are counted.
        max_message_bytes: Largest message, either way.

    Attributes:
        gate: What every call passes; the listener sets it.
    """

    def __init__(
        self,
        base: type[Any],
        methods: Mapping[str, Method],
        *,
        keys: KeyRing,
        audit: Audit,
        max_message_bytes: int,
    ) -> None:
        self._keys = keys
        self._audit = audit
        self._limit = max_message_bytes
        self.gate = CallGate(audit.changed)
        self._mapping = {
            path: Handler(
                self._serve(path.rpartition("/")[2], handler.request_type, methods),
                handler.cardinality,
                handler.request_type,
                handler.reply_type,
            )
            for path, handler in base().__mapping__().items()
        }

    def __mapping__(self) -> dict[str, Handler]:
        """Return the handlers by path; grpclib's server asks for it."""
        return self._mapping

    def _serve(
        self, name: str, request_type: type[Any], methods: Mapping[str, Method]
    ) -> Callable[[AnyStream], Awaitable[None]]:
        method = methods.get(name)

        async def serve(stream: AnyStream) -> None:
            self._audit.calls[name] += 1
            self._audit.changed()
            key = self._keys.authenticate(stream.metadata or {})
            if method is None:
                raise GRPCError(Status.UNIMPLEMENTED, f"the simulator does not serve {name} yet")
            request = await self._receive(stream, request_type)
            if self.gate.active:
                await self.gate.request(name)
            if name in _GATED_STREAMS:
                self._gate_messages(stream, name)
            reply = await method(stream, key, request)
            if reply is None:
                return
            if self.gate.active:
                reply = await self.gate.reply(name, reply)
            await self._send(stream, reply)

        return serve

    def _gate_messages(self, stream: AnyStream, name: str) -> None:
        async def send_message(message: Any) -> None:
            if self.gate.active:
                message = await self.gate.reply(name, message)
            await self._send(stream, message)

        stream.send_message = send_message  # type: ignore[method-assign]

    async def _receive(self, stream: AnyStream, request_type: type[Any]) -> Any:
        # grpclib's own recv_message takes messages of any size.
        transport = stream._stream
        try:
            prefix = await transport.recv_data(_PREFIX)
            if not prefix:
                raise GRPCError(Status.INTERNAL, "the call has no request message")
            if prefix[0]:
                raise GRPCError(Status.UNIMPLEMENTED, "compressed requests are not supported")
            size = int.from_bytes(prefix[1:], "big")
            if size > self._limit:
                raise GRPCError(
                    Status.RESOURCE_EXHAUSTED,
                    f"the request has {size} bytes, the limit is {self._limit}",
                )
            data = await transport.recv_data(size)
        except AssertionError as error:  # grpclib's way to say that the stream ended early
            raise GRPCError(Status.INTERNAL, f"the request is cut off: {error}") from error
        try:
            return stream._codec.decode(data, request_type)
        except DecodeError as error:
            raise GRPCError(Status.INTERNAL, str(error)) from error

    async def _send(self, stream: AnyStream, reply: Any) -> None:
        """Send a message, or bytes where a message would stand."""
        # grpclib's own send_message sends messages of any size.
        data = reply if isinstance(reply, bytes) else stream._codec.encode(reply, type(reply))
        check_size(len(data), self._limit)
        if not stream._send_initial_metadata_done:
            await stream.send_initial_metadata()
        await stream._stream.send_data(b"\0" + len(data).to_bytes(4, "big") + data)
        stream._send_message_done = True


def check_size(size: int, limit: int) -> None:
    """Check that a message may be sent.

    Raises:
        GRPCError: RESOURCE_EXHAUSTED; it is above the limit.
    """
    if size > limit:
        raise GRPCError(
            Status.RESOURCE_EXHAUSTED,
            f"the message to send has {size} bytes, the limit is {limit}; ask for less at a time",
        )
