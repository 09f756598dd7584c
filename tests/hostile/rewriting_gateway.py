"""A gateway whose every word is hostile: grpcio in front of an honest one, replies rewritten.

It passes calls on to an honest gateway as raw bytes and puts a hostile tail to each text of a
reply, in all depths and also where the honest one says nothing. What comes back of it in a
request, such as the id of a session, loses the tail again, so that everything goes on as usual.
It can also refuse every call, or answer that every command failed, in hostile words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Final, Literal, Self

import grpc
from google_messages import load_google_modules
from hostile.words import HOSTILE

__all__ = ["Mood", "RewritingGateway"]

Mood = Literal["names", "refuses", "fails"]

# A token that never is the last one belongs to the tests of bounds.
_LEFT_ALONE: Final = frozenset({"next_page_token"})
_SECONDS: Final = 20.0


class RewritingGateway(grpc.GenericRpcHandler):  # type: ignore[misc]
    """A context manager that listens from entering to leaving.

    Args:
        honest: `host:port` of the gateway behind.
        mood: "names" puts hostile words into honest replies, "refuses" ends every call with a
            status, "fails" lets every command fail with a protocol status.
        tail: The hostile words.
    """

    def __init__(self, honest: str, mood: Mood = "names", tail: str = HOSTILE) -> None:
        self.mood: Mood = mood
        self._tail = tail
        google = load_google_modules()
        self._failure = google.gateway_pb2.PROTOCOL_STATUS_CODE_MXACCESS_FAILURE
        self._methods = {
            f"/{service.full_name}/{method.name}": method
            for module in (google.gateway_pb2, google.galaxy_pb2)
            for service in module.DESCRIPTOR.services_by_name.values()
            for method in service.methods
        }
        self._messages = {
            descriptor.full_name: getattr(module, descriptor.name)
            for module in (google.gateway_pb2, google.galaxy_pb2)
            for descriptor in module.DESCRIPTOR.message_types_by_name.values()
        }
        self._channel = grpc.insecure_channel(honest)
        self._pool = ThreadPoolExecutor(max_workers=16, thread_name_prefix="rewriting-gateway")
        self._server = grpc.server(self._pool, options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers((self,))
        self.endpoint = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.stop(0).wait(_SECONDS)
        self._channel.close()
        self._pool.shutdown()

    def service(self, details: Any) -> Any:
        """Return how a call is answered, as grpcio asks it."""
        method = self._methods.get(details.method)
        if method is None:
            return None
        asked = self._messages[method.input_type.full_name]
        told = self._messages[method.output_type.full_name]

        def request_of(data: bytes) -> bytes:
            return _rewritten(asked.FromString(data), self._clean)

        def reply_of(data: bytes) -> bytes:
            message = told.FromString(data)
            if self.mood == "fails":
                self._fail(message)
            return _rewritten(message, self._poison)

        if method.server_streaming:

            def stream(request: bytes, context: Any) -> Iterator[bytes]:
                self._refuse(context)
                calls = self._channel.unary_stream(details.method)(
                    request_of(request), metadata=_key(context)
                )
                context.add_callback(calls.cancel)
                try:
                    for data in calls:
                        yield reply_of(data)
                except grpc.RpcError as error:
                    self._pass_on(error, context)

            return grpc.unary_stream_rpc_method_handler(stream)

        def unary(request: bytes, context: Any) -> bytes:
            self._refuse(context)
            call = self._channel.unary_unary(details.method)
            try:
                data = call(request_of(request), metadata=_key(context), timeout=_SECONDS)
            except grpc.RpcError as error:
                self._pass_on(error, context)
            return reply_of(data)

        return grpc.unary_unary_rpc_method_handler(unary)

    def _poison(self, text: str) -> str:
        return text + self._tail

    def _clean(self, text: str) -> str:
        return text.replace(self._tail, "")

    def _refuse(self, context: Any) -> None:
        if self.mood == "refuses":
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"no {self._tail}")

    def _pass_on(self, error: Any, context: Any) -> None:
        context.abort(error.code(), error.details() + self._tail)

    def _fail(self, message: Any) -> None:
        """Let a reply say that its command failed, where it can say so."""
        if message.DESCRIPTOR.fields_by_name.get("protocol_status") is not None:
            message.protocol_status.code = self._failure
            if message.DESCRIPTOR.fields_by_name.get("hresult") is not None:
                message.hresult = -2147467259


def _key(context: Any) -> list[tuple[str, str]]:
    return [(k, v) for k, v in context.invocation_metadata() if k == "authorization"]


def _rewritten(message: Any, change: Callable[[str], str]) -> bytes:
    _rewrite(message, change)
    data: bytes = message.SerializeToString()
    return data


def _rewrite(message: Any, change: Callable[[str], str]) -> None:
    """Change every text of a message; of a oneof and of what may be absent, only what is there."""
    for field in message.DESCRIPTOR.fields:
        if field.name in _LEFT_ALONE:
            continue
        value = getattr(message, field.name)
        if field.type == field.TYPE_STRING:
            if field.is_repeated:
                value[:] = [change(text) for text in value]
            elif not field.has_presence or message.HasField(field.name):
                setattr(message, field.name, change(value))
        elif field.type == field.TYPE_MESSAGE:
            if field.is_repeated:
                for part in value:
                    _rewrite(part, change)
            elif message.HasField(field.name):
                _rewrite(value, change)
