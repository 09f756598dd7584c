"""A client of the control channel; synchronous, on a plain socket."""

from __future__ import annotations

import json
import socket
from types import TracebackType
from typing import Any, Self

from mxgateway.errors import ConfigurationError, ConnectError, ConnectionLost
from mxgateway.simulator.endpoints import host_and_port

__all__ = ["ControlClient"]


class ControlClient:
    """Asks a running simulator for faults.

    `with ControlClient("127.0.0.1:5001", token) as control: control.call("kill_worker")`.
    Every method blocks; from an event loop use it in a worker thread.

    Args:
        endpoint: `host:port` of the control channel.
        token: The token of the simulator.
        timeout: Seconds for connecting and for each answer.

    Raises:
        ConfigurationError: The endpoint is no `host:port`.
        ConnectError: Nobody listens there.
    """

    def __init__(self, endpoint: str, token: str, *, timeout: float = 10.0) -> None:
        self._token = token
        self._number = 0
        try:
            self._socket = socket.create_connection(host_and_port(endpoint), timeout)
        except OSError as error:
            raise ConnectError(
                f"no simulator answers on the control channel {endpoint}: {error}", processed="no"
            ) from error
        self._lines = self._socket.makefile("rb")

    def call(self, name: str, /, **arguments: Any) -> Any:
        """Make one call and return its result; "help" lists all calls.

        Raises:
            ConfigurationError: The simulator refused it; the text says why.
            ConnectionLost: The simulator went away, or did not answer in time.
        """
        self._number += 1
        request = {"id": self._number, "token": self._token, "call": name, "arguments": arguments}
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
            line = self._lines.readline()
        except OSError as error:
            raise ConnectionLost(f"control: {name}: {error}", cause="reset") from error
        if not line:
            raise ConnectionLost(f"control: {name}: the simulator closed", cause="eof")
        reply = json.loads(line)
        if not reply["ok"]:
            raise ConfigurationError(f"control: {reply['error']}")
        return reply["result"]

    def close(self) -> None:
        """Close the connection; harmless when repeated."""
        self._lines.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
