"""A gateway that shares no code with mxgateway: grpcio's C core, messages by Google's protoc.

It runs in a thread for tests, or by itself:

    cd tests && python -m interop.ccore_gateway --port 5000

It answers OpenSession, CloseSession, Invoke and StreamEvents over the scripted
plant; everything else is UNIMPLEMENTED by grpcio's own base class. It records
what only a server can know: the metadata it received and the calls it saw cancelled.
"""

from __future__ import annotations

import argparse
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google_messages import load_google_modules
from interop.scripted_plant import E_INVALIDARG, Plant, RefusalError, Session

__all__ = ["HANG", "CCoreGateway", "SeenCall"]

API_KEY = "mxgw_interop_not-a-secret"
HANG = "hang"
"""A Ping with this message is never answered; it ends when the caller gives up."""


@dataclass(frozen=True, slots=True)
class SeenCall:
    """One call as the server saw it begin; the client's address stands in as `x-peer`."""

    method: str
    metadata: dict[str, str | bytes]
    time_remaining: float | None


class CCoreGateway:
    """The gateway; a context manager that listens from entering to leaving.

    Args:
        port: TCP port on 127.0.0.1; 0 takes a free one.
        cert_file: PEM certificate chain; with `key_file` it serves TLS.
        key_file: PEM private key.
        compression: What grpcio compresses replies with, for callers that accept it.

    Attributes:
        calls: Every call that has begun, in order.
        cancelled: Methods of the calls that ended before the gateway had finished them.
        plant: What the sessions read and write.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        api_key: str = API_KEY,
        cert_file: Path | None = None,
        key_file: Path | None = None,
        compression: Any = None,
    ) -> None:
        self.api_key = api_key
        self.calls: list[SeenCall] = []
        self.cancelled: list[str] = []
        self.plant = Plant()
        self._google = load_google_modules()
        self._pool = ThreadPoolExecutor(max_workers=32, thread_name_prefix="ccore-gateway")
        self._server = grpc.server(
            self._pool,
            compression=compression,
            options=[("grpc.max_receive_message_length", 16 << 20), ("grpc.so_reuseport", 0)],
        )
        base = self._google.gateway_grpc.MxAccessGatewayServicer
        servicer = type("Servicer", (_Rpcs, base), {})(self)
        self._google.gateway_grpc.add_MxAccessGatewayServicer_to_server(servicer, self._server)
        if cert_file is not None and key_file is not None:
            pair = (key_file.read_bytes(), cert_file.read_bytes())
            credentials = grpc.ssl_server_credentials([pair])
            self.port = self._server.add_secure_port(f"127.0.0.1:{port}", credentials)
        else:
            self.port = self._server.add_insecure_port(f"127.0.0.1:{port}")

    @property
    def endpoint(self) -> str:
        """`host:port` of the gateway."""
        return f"127.0.0.1:{self.port}"

    def wait_until(self, predicate: Callable[[Self], bool], timeout: float = 5.0) -> None:
        """Block until `predicate(self)` holds; it is asked again whenever something happened.

        Raises:
            TimeoutError: It did not come to hold within `timeout` seconds.
        """
        with self.plant.changed:
            if not self.plant.changed.wait_for(lambda: predicate(self), timeout):
                raise TimeoutError(
                    f"not within {timeout} s; calls: {[call.method for call in self.calls]}, "
                    f"cancelled: {self.cancelled}"
                )

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        stopped = self._server.stop(grace=0)
        with self.plant.changed:
            self.plant.changed.notify_all()
        stopped.wait(10)
        self._pool.shutdown()

    def wait_for_termination(self) -> None:
        """Serve until the process is interrupted."""
        self._server.wait_for_termination()


class _Rpcs:
    """The four RPCs. Mixed into the servicer that grpcio's generator made."""

    def __init__(self, gateway: CCoreGateway) -> None:
        self._gateway = gateway
        self._plant = gateway.plant
        self._pb = gateway._google.gateway_pb2
        self._status_pb = gateway._google.status_pb2

    def OpenSession(self, request: Any, context: Any) -> Any:  # noqa: N802 - name of the RPC
        with _Observed(self._gateway, "OpenSession", context):
            session = self._plant.open()
            context.send_initial_metadata((("x-gateway", "ccore"), ("x-trace-bin", b"\x00\xff")))
            return self._pb.OpenSessionReply(
                session_id=session.session_id,
                backend_name="ccore-interop",
                worker_process_id=4242,
                worker_protocol_version=1,
                gateway_protocol_version=3,
                capabilities=["unary-invoke", "server-stream-events"],
                protocol_status=self._ok(),
            )

    def CloseSession(self, request: Any, context: Any) -> Any:  # noqa: N802
        with _Observed(self._gateway, "CloseSession", context):
            session = self._session(request.session_id, context)
            self._plant.close(session)
            return self._pb.CloseSessionReply(
                session_id=session.session_id,
                final_state=self._pb.SESSION_STATE_CLOSED,
                protocol_status=self._ok(),
            )

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802
        with _Observed(self._gateway, "Invoke", context) as observed:
            session = self._session(request.session_id, context)
            command = request.command
            if command.kind == self._pb.MX_COMMAND_KIND_PING and command.ping.message == HANG:
                observed.ended.wait()
            reply = self._pb.MxCommandReply(
                session_id=session.session_id,
                correlation_id=request.client_correlation_id,
                kind=command.kind,
                protocol_status=self._ok(),
                hresult=0,
            )
            try:
                self._plant.execute(session, command, reply)
            except KeyError:
                name = self._pb.MxCommandKind.Name(command.kind)
                context.abort(grpc.StatusCode.UNIMPLEMENTED, f"no script for {name}")
            except RefusalError as refusal:
                self._refuse(reply, str(refusal))
            return reply

    def StreamEvents(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        with _Observed(self._gateway, "StreamEvents", context) as observed:
            session = self._session(request.session_id, context)
            yield from self._plant.follow(
                session, request.after_worker_sequence, lambda: not observed.ended.is_set()
            )

    def _session(self, session_id: str, context: Any) -> Session:
        session = self._plant.sessions.get(session_id)
        if session is None:
            # Non-ASCII text must survive the percent-encoding of grpc-message.
            message = f"session {session_id!r} not found, 100% sure: “Sitzung” fehlt"
            detail = AnyMessage()
            detail.Pack(
                self._pb.ProtocolStatus(code=self._pb.PROTOCOL_STATUS_CODE_SESSION_NOT_FOUND)
            )
            status = self._status_pb.Status(
                code=grpc.StatusCode.NOT_FOUND.value[0], message=message, details=[detail]
            )
            context.set_trailing_metadata(
                (("grpc-status-details-bin", status.SerializeToString()), ("x-reason", "expired"))
            )
            context.abort(grpc.StatusCode.NOT_FOUND, message)
        assert session is not None
        return session

    def _ok(self) -> Any:
        return self._pb.ProtocolStatus(code=self._pb.PROTOCOL_STATUS_CODE_OK, message="OK")

    def _refuse(self, reply: Any, reason: str) -> None:
        reply.protocol_status.code = self._pb.PROTOCOL_STATUS_CODE_MXACCESS_FAILURE
        reply.protocol_status.message = reason
        reply.hresult = E_INVALIDARG
        reply.diagnostic_message = reason
        reply.statuses.add(
            success=0,
            category=self._pb.MX_STATUS_CATEGORY_CONFIGURATION_ERROR,
            detected_by=self._pb.MX_STATUS_SOURCE_REQUESTING_LMX,
            detail=6,
        )


class _Observed:
    """Checks the key, records the call, and tells a cancelled call from a finished one."""

    def __init__(self, gateway: CCoreGateway, method: str, context: Any) -> None:
        self.ended = threading.Event()
        self._gateway = gateway
        self._method = method
        self._context = context
        self._finished = False

    def __enter__(self) -> Self:
        metadata = {entry.key: entry.value for entry in self._context.invocation_metadata()}
        metadata["x-peer"] = self._context.peer()
        changed = self._gateway.plant.changed
        with changed:
            self._gateway.calls.append(
                SeenCall(self._method, metadata, self._context.time_remaining())
            )
            changed.notify_all()
        if not self._context.add_callback(self._on_end):
            self._on_end()
        if metadata.get("authorization") != f"Bearer {self._gateway.api_key}":
            self._finished = True
            self._context.abort(grpc.StatusCode.UNAUTHENTICATED, "the API key is not valid")
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._gateway.plant.changed:
            # grpcio closes a cancelled stream's generator: no end of the gateway's own making.
            if exc_type is not GeneratorExit:
                self._finished = True

    def _on_end(self) -> None:
        changed = self._gateway.plant.changed
        with changed:
            if not self._finished:
                self._gateway.cancelled.append(self._method)
            self.ended.set()
            changed.notify_all()


def main() -> None:
    """Run the gateway from the command line until it is interrupted."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--port", type=int, default=5000)
    parser.add_argument("--api-key", default=API_KEY)
    parser.add_argument("--tls-cert", type=Path)
    parser.add_argument("--tls-key", type=Path)
    options = parser.parse_args()
    with CCoreGateway(
        port=options.port,
        api_key=options.api_key,
        cert_file=options.tls_cert,
        key_file=options.tls_key,
    ) as gateway:
        print(f"listening on {gateway.endpoint}, API key {gateway.api_key}", flush=True)
        try:
            gateway.wait_for_termination()
        except KeyboardInterrupt:
            print("stopped", flush=True)


if __name__ == "__main__":
    main()
