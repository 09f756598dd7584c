"""A gateway that sends what would take all memory, or never ends: grpcio with raw bytes.

No message class of either side takes part: the replies are bytes, so that they can be what
no serialiser would write.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import grpc

__all__ = ["HostileGateway", "field", "varint"]

_GALAXY = "/galaxy_repository.v1.GalaxyRepository/"
_GATEWAY = "/mxaccess_gateway.v1.MxAccessGateway/"


def varint(value: int) -> bytes:
    """Return a varint."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def field(number: int, content: bytes | int) -> bytes:
    """Return a field: a varint, or what has a length."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


class HostileGateway:
    """Answers each method as it was told; a context manager that listens from entering.

    Args:
        unary: Makes the replies of unary methods, by name: number of the call -> bytes.
        streams: Makes those of streaming methods.
        gzip: Whether replies are compressed.
    """

    def __init__(
        self,
        unary: Mapping[str, Callable[[int], bytes]] | None = None,
        streams: Mapping[str, Callable[[], Iterator[bytes]]] | None = None,
        *,
        gzip: bool = False,
    ) -> None:
        self._unary = unary or {}
        self._streams = streams or {}
        self._lock = threading.Lock()
        self.calls = 0
        self._pool = ThreadPoolExecutor(max_workers=16, thread_name_prefix="hostile-gateway")
        self._server = grpc.server(
            self._pool,
            compression=grpc.Compression.Gzip if gzip else None,
            options=[("grpc.so_reuseport", 0), ("grpc.max_send_message_length", -1)],
        )
        self._server.add_generic_rpc_handlers((_Handlers(self),))
        self.port = self._server.add_insecure_port("127.0.0.1:0")

    @property
    def endpoint(self) -> str:
        """`host:port`."""
        return f"127.0.0.1:{self.port}"

    def handler(self, method: str) -> Any:
        """Return grpcio's handler of a method; None for one that nobody told about."""
        name = method.removeprefix(_GALAXY).removeprefix(_GATEWAY)
        if name in self._streams:
            make = self._streams[name]
            return grpc.unary_stream_rpc_method_handler(lambda _request, _context: make())
        if name in self._unary:
            return grpc.unary_unary_rpc_method_handler(lambda _request, _context: self._reply(name))
        return None

    def _reply(self, name: str) -> bytes:
        with self._lock:
            self.calls += 1
            number = self.calls
        return self._unary[name](number)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.stop(grace=0).wait()
        self._pool.shutdown()


class _Handlers(grpc.GenericRpcHandler):  # type: ignore[misc]
    def __init__(self, gateway: HostileGateway) -> None:
        self._gateway = gateway

    def service(self, details: Any) -> Any:
        return self._gateway.handler(details.method)
