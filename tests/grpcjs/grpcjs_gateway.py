"""Gateways on grpc-js, a gRPC stack in pure JavaScript: starts them and hears what they see.

One node process holds all of them (`gateway.js`); commands go to its standard input and
what happens comes back on its standard output, one JSON object per line each.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import anyio.to_thread
import pytest
from tls_files import TlsFiles

__all__ = ["GrpcJsGateway", "NodeProcess", "start_node"]

HERE = Path(__file__).resolve().parent
_START = 20.0  # seconds; node reads its modules from a cold disk
_PATIENCE = 5.0


class NodeProcess:
    """A node process that runs gateways; a context manager."""

    def __init__(self, node: str) -> None:
        self.changed = threading.Condition()
        self.gateways: dict[int, GrpcJsGateway] = {}
        self.noise: list[str] = []
        self._process = subprocess.Popen(
            [node, str(HERE / "gateway.js")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        self._reader = threading.Thread(target=self._read, name="grpc-js-gateway")

    def __enter__(self) -> Self:
        self._reader.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()  # its end ends the process
        try:
            self._process.wait(_PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()
            self._reader.join()
            self._process.stdout.close()

    def send(self, gateway: int, command: str, **arguments: Any) -> None:
        """Give one gateway a command."""
        assert self._process.stdin is not None
        line = json.dumps({"do": command, "gateway": gateway, **arguments})
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self.changed:
                try:
                    event = json.loads(line)
                    self.gateways[event.pop("gateway")].events.append(event)
                except (ValueError, TypeError, KeyError):
                    self.noise.append(line.rstrip())
                self.changed.notify_all()
        with self.changed:
            self.noise.append("(node has ended)")
            self.changed.notify_all()

    @contextmanager
    def gateway(
        self,
        *,
        port: int = 0,
        tls: TlsFiles | None = None,
        client_ca_file: Path | None = None,
        gzip: bool = False,
        options: dict[str, Any] | None = None,
    ) -> Iterator[GrpcJsGateway]:
        """Listen from entering to leaving.

        Args:
            port: TCP port on 127.0.0.1; 0 takes a free one.
            tls: Serve TLS with this certificate.
            client_ca_file: Ask for a client certificate that this authority signed.
            gzip: Compress every reply.
            options: Server options of grpc-js, such as `grpc.max_concurrent_streams`.

        Raises:
            RuntimeError: The gateway cannot listen.
        """
        gateway = GrpcJsGateway(self, len(self.gateways) + 1)
        self.gateways[gateway.number] = gateway
        files = None
        if tls is not None:
            files = {"cert_file": str(tls.cert_file), "key_file": str(tls.key_file)}
            if client_ca_file is not None:
                files["client_ca_file"] = str(client_ca_file)
        gateway.send("serve", port=port, tls=files, gzip=gzip, options=options or {})
        gateway.listen()
        try:
            yield gateway
        finally:
            gateway.send("forceShutdown")
            gateway.wait_until(lambda g: bool(g.told("stopped")))


class GrpcJsGateway:
    """One gateway, and what it has told so far.

    Attributes:
        events: Everything it told, in order, as it came.
        port: The port it listens on.
    """

    port: int

    def __init__(self, node: NodeProcess, number: int) -> None:
        self.number = number
        self.events: list[dict[str, Any]] = []
        self._node = node
        self._echoes = 0

    @property
    def endpoint(self) -> str:
        """`host:port` of the gateway."""
        return f"127.0.0.1:{self.port}"

    def send(self, command: str, **arguments: Any) -> None:
        """Give the gateway a command: release, tryShutdown or forceShutdown."""
        self._node.send(self.number, command, **arguments)

    def listen(self) -> None:
        """Wait until it listens and note the port."""
        self.wait_until(lambda g: bool(g.told("listening") or g.told("failed")), _START)
        if failed := self.told("failed"):
            raise RuntimeError(f"the gateway cannot listen: {failed[0]['text']}")
        self.port = self.told("listening")[0]["port"]

    def seen(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        """Return what happened up to now of one kind, with these fields.

        A reply may overtake what the gateway tells about its call, so this asks node for an
        echo first: node tells in order.
        """
        self._echoes += 1
        number = self._echoes
        self.send("echo", number=number)
        self.wait_until(lambda g: bool(g.told("echo", number=number)))
        return self.told(event, **fields)

    def told(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        """Return what it told so far of one kind, with these fields."""
        return [
            e
            for e in self.events
            if e["event"] == event and all(e.get(name) == value for name, value in fields.items())
        ]

    def wait_until(self, predicate: Callable[[Self], bool], timeout: float = _PATIENCE) -> None:
        """Block until `predicate(self)` holds; it is asked again whenever something happened.

        Raises:
            TimeoutError: It did not come to hold within `timeout` seconds.
        """
        with self._node.changed:
            if not self._node.changed.wait_for(lambda: predicate(self), timeout):
                raise TimeoutError(
                    f"not within {timeout} s; last events: {self.events[-10:]}, "
                    f"other output: {self._node.noise[-10:]}"
                )

    async def until(self, event: str, count: int = 1, **fields: Any) -> list[dict[str, Any]]:
        """Wait until it told something of this kind `count` times; return all of them."""
        await anyio.to_thread.run_sync(
            self.wait_until, lambda g: len(g.told(event, **fields)) >= count
        )
        return self.told(event, **fields)


@contextmanager
def start_node() -> Iterator[NodeProcess]:
    """Run a node process, or skip the test with the reason why it cannot be run."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not on PATH; install Node.js 18 or newer, then run `make grpcjs`")
    if not (HERE / "node_modules" / "@grpc" / "grpc-js").is_dir():
        pytest.skip("grpc-js is not installed; run `make grpcjs`")
    with NodeProcess(node) as process:
        yield process
