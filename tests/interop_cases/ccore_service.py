"""TestService on grpcio's C core, with messages by Google's protoc."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from interop_cases.case_messages import load_case_modules

__all__ = ["ECHO_INITIAL", "ECHO_TRAILING", "ccore_test_service"]

ECHO_INITIAL = "x-grpc-test-echo-initial"
"""Metadata under this name comes back in the reply headers."""
ECHO_TRAILING = "x-grpc-test-echo-trailing-bin"
"""Metadata under this name comes back in the trailers."""


@contextmanager
def ccore_test_service() -> Iterator[str]:
    """Run the service; give its endpoint as `host:port`."""
    modules = load_case_modules()
    base = modules.pb2_grpc.TestServiceServicer
    # UnimplementedCall stays with the base class, UnimplementedService is not there at all.
    servicer = type("Servicer", (_Rpcs, base), {})(modules.pb2)
    with ThreadPoolExecutor(max_workers=8, thread_name_prefix="ccore-cases") as pool:
        server = grpc.server(pool, options=[("grpc.so_reuseport", 0)])
        modules.pb2_grpc.add_TestServiceServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.stop(grace=0).wait(10)


class _Rpcs:
    """The RPCs. Mixed into the servicer that grpcio's generator made."""

    def __init__(self, pb2: Any) -> None:
        self._pb2 = pb2

    def EmptyCall(self, request: Any, context: Any) -> Any:  # noqa: N802 - name of the RPC
        return self._pb2.Empty()

    def UnaryCall(self, request: Any, context: Any) -> Any:  # noqa: N802
        _echo(context)
        if request.response_compressed.value:
            context.set_compression(grpc.Compression.Gzip)
        _abort_if_asked(request.response_status, context)
        return self._pb2.SimpleResponse(payload=self._payload(request.response_size))

    def StreamingOutputCall(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        _echo(context)
        cancelled = threading.Event()
        if not context.add_callback(cancelled.set):
            return
        parameters = request.response_parameters
        if any(p.compressed.value for p in parameters):
            context.set_compression(grpc.Compression.Gzip)
        for parameter in parameters:
            if cancelled.wait(parameter.interval_us / 1e6):
                return
            if not parameter.compressed.value:
                context.disable_next_message_compression()
            yield self._pb2.StreamingOutputCallResponse(payload=self._payload(parameter.size))
        _abort_if_asked(request.response_status, context)

    def _payload(self, size: int) -> Any:
        return self._pb2.Payload(body=bytes(size))


def _echo(context: Any) -> None:
    for entry in context.invocation_metadata():
        if entry.key == ECHO_INITIAL:
            context.send_initial_metadata(((entry.key, entry.value),))
        elif entry.key == ECHO_TRAILING:
            context.set_trailing_metadata(((entry.key, entry.value),))


def _abort_if_asked(status: Any, context: Any) -> None:
    if status.code:
        code = next(code for code in grpc.StatusCode if code.value[0] == status.code)
        context.abort(code, status.message)
