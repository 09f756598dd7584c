"""A gateway that shares no code with mxgateway: grpcio's C core, messages by Google's protoc.

It runs in a thread for tests, or by itself:

    cd tests && python -m interop.ccore_gateway --port 5000

It answers the whole contract as the gateway semantics say, but for what is a matter of
time (leases, detach grace) and for keys bound to parts of a plant. It records what only a
server can know: the metadata it received, the calls that were open, and those it saw
cancelled.
"""

from __future__ import annotations

import argparse
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc
from google_messages import load_google_modules
from interop.ccore_alarms import AlarmMonitor, AlarmRpcs
from interop.ccore_galaxy import Galaxy, GalaxyRpcs
from interop.ccore_rpcs import SessionRpcs
from interop.observed import ALL_SCOPES, READ_SCOPES, Journal
from interop.scripted_plant import Plant
from tls_files import TlsFiles

__all__ = ["RECEIVE_LIMIT", "CCoreGateway", "stream_limit"]

API_KEY = "mxgw_interop_not-a-secret"
READ_ONLY_KEY = "mxgw_viewer_not-a-secret"
RECEIVE_LIMIT = 16 << 20


class CCoreGateway:
    """The gateway; a context manager that listens from entering to leaving.

    Args:
        port: TCP port on 127.0.0.1; 0 takes a free one.
        api_key: The key that every call has to bring.
        tls: Certificate and key to serve TLS with; None for plaintext.
        client_authority: PEM file of the authority whose client certificates are asked for.
        compression: What grpcio compresses replies with, for callers that accept it.
        options: Options of the C core, such as `("grpc.max_concurrent_streams", 5)`.
        workers: How many calls are answered at once.

    Attributes:
        journal: What the server saw: calls in order, and those that ended early.
        plant: What the sessions read and write.
        alarms: The alarm monitor.
        galaxy: What is deployed.
        read_only_key: A key that may neither write nor acknowledge.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        api_key: str = API_KEY,
        tls: TlsFiles | None = None,
        client_authority: Path | None = None,
        compression: Any = None,
        options: Sequence[tuple[str, int]] = (),
        workers: int = 32,
    ) -> None:
        self.api_key = api_key
        self.tls = tls
        self.read_only_key = READ_ONLY_KEY
        self.plant = Plant()
        self.alarms = AlarmMonitor(self.plant)
        self.galaxy = Galaxy(self.plant.changed)
        keys = {api_key: ALL_SCOPES, READ_ONLY_KEY: READ_SCOPES}
        self.journal = Journal(self.plant.changed, keys)
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="ccore-gateway")
        self._server = grpc.server(
            self._pool,
            compression=compression,
            options=[
                ("grpc.max_receive_message_length", RECEIVE_LIMIT),
                ("grpc.so_reuseport", 0),
                *options,
            ],
        )
        google = load_google_modules()
        gateway_base = google.gateway_grpc.MxAccessGatewayServicer
        gateway = type("Gateway", (SessionRpcs, AlarmRpcs, gateway_base), {})(self)
        google.gateway_grpc.add_MxAccessGatewayServicer_to_server(gateway, self._server)
        galaxy_base = google.galaxy_grpc.GalaxyRepositoryServicer
        galaxy = type("GalaxyRepository", (GalaxyRpcs, galaxy_base), {})(self)
        google.galaxy_grpc.add_GalaxyRepositoryServicer_to_server(galaxy, self._server)
        address = f"127.0.0.1:{port}"
        if tls is None:
            self.port = self._server.add_insecure_port(address)
        else:
            self.port = self._server.add_secure_port(address, _credentials(tls, client_authority))

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
                raise TimeoutError(f"not within {timeout} s; {self.journal}")

    def join_meeting(self) -> None:
        """Count as one of the Pings that meet, so that the others are answered."""
        with self.plant.changed:
            self.plant.meeting += 1
            self.plant.changed.notify_all()

    def stop(self, grace: float | None) -> threading.Event:
        """Refuse new calls from now on; calls in progress have `grace` seconds, None for none.

        Returns:
            Set once every call has ended.
        """
        ended: threading.Event = self._server.stop(grace)
        return ended

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


def stream_limit(limit: int) -> list[tuple[str, int]]:
    """Return options for a limit of open streams, as HTTP/2 defines open.

    Left to itself, the C core also counts streams whose end it has sent but which it
    has not cleaned up, and refuses calls that keep its limit.
    """
    return [("grpc.max_concurrent_streams", limit), ("grpc.http.overload_protection", 0)]


def _credentials(tls: TlsFiles, client_authority: Path | None) -> Any:
    pair = (tls.key_file.read_bytes(), tls.cert_file.read_bytes())
    roots = None if client_authority is None else client_authority.read_bytes()
    return grpc.ssl_server_credentials([pair], roots, require_client_auth=roots is not None)


def main() -> None:
    """Run the gateway from the command line until it is interrupted."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--port", type=int, default=5000)
    parser.add_argument("--api-key", default=API_KEY)
    parser.add_argument("--tls-cert", type=Path)
    parser.add_argument("--tls-key", type=Path)
    given = parser.parse_args()
    if (given.tls_cert is None) != (given.tls_key is None):
        parser.error("give --tls-cert and --tls-key together")
    tls = None
    if given.tls_cert is not None:
        tls = TlsFiles(ca_file=given.tls_cert, cert_file=given.tls_cert, key_file=given.tls_key)
    with CCoreGateway(port=given.port, api_key=given.api_key, tls=tls) as gateway:
        print(f"listening on {gateway.endpoint}, API key {gateway.api_key}", flush=True)
        try:
            gateway.wait_for_termination()
        except KeyboardInterrupt:
            print("stopped", flush=True)


if __name__ == "__main__":
    main()
