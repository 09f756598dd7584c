"""A client of the control channel; synchronous, on a plain socket."""

from __future__ import annotations

import json
import socket
import time
from types import TracebackType
from typing import Any, Self

from mxgateway.errors import ConfigurationError, ConnectError, ConnectionLost
from mxgateway.nesting import parse_json
from mxgateway.simulator.control.lines import FIRST_LINE_LIMIT, LINE_LIMIT
from mxgateway.simulator.endpoints import host_and_port

__all__ = ["ControlClient"]

_REPLY_LIMIT = 16 << 20  # the audit of a long run has a line for each tag and session
_PIECE = 1 << 16


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
        self._timeout = timeout
        self._kept = b""
        self._endpoint = endpoint
        self._number = 0
        self._shown = False  # whether the simulator knows that the token is known here
        try:
            self._socket = socket.create_connection(host_and_port(endpoint), timeout)
        except OSError as error:
            raise ConnectError(
                f"no simulator answers on the control channel {endpoint}: {error}", processed="no"
            ) from error

    def call(self, name: str, /, **arguments: Any) -> Any:
        """Make one call and return its result; "help" lists all calls.

        Raises:
            ConfigurationError: The simulator refused it, the arguments are longer than a line
                may be, or no simulator answers there; the text says which.
            ConnectionLost: The simulator went away, or did not answer in time.
        """
        request = self._request(call=name, arguments=arguments)
        if len(request) > LINE_LIMIT:
            raise ConfigurationError(
                f"control: {name}: the arguments take {len(request):,} bytes, and a line of the "
                f"control channel has at most {LINE_LIMIT:,}"
            )
        if not self._shown and len(request) > FIRST_LINE_LIMIT:
            self._exchange(name, self._request())  # shows the token alone
        return self._exchange(name, request)

    def _request(self, **more: Any) -> bytes:
        self._number += 1
        return json.dumps({"id": self._number, "token": self._token, **more}).encode()

    def _exchange(self, name: str, request: bytes) -> Any:
        """Send one line and return the result in its answer."""
        try:
            self._socket.sendall(request + b"\n")
            line = self._line(name)
        except OSError as error:
            raise ConnectionLost(f"control: {name}: {error}", cause="reset") from error
        if not line:
            raise ConnectionLost(f"control: {name}: the simulator closed", cause="eof")
        try:
            reply = parse_json(line, parse_constant=_refuse)
            if reply["ok"]:
                self._shown = True
                return reply["result"]
            refusal = reply["error"]
        except (ValueError, TypeError, LookupError):
            raise ConfigurationError(
                f"control: what answers on {self._endpoint} is no control channel of a simulator"
            ) from None
        raise ConfigurationError(f"control: {refusal}")

    def _line(self, name: str) -> bytes:
        """Return the next line, b"" where the connection ends before it.

        Raises:
            OSError: It did not come within the timeout, however much came of it.
            ConfigurationError: It is too long.
        """
        deadline = time.monotonic() + self._timeout
        data = bytearray(self._kept)
        looked_at = 0
        while (end := data.find(b"\n", looked_at)) < 0:
            looked_at = len(data)
            if looked_at > _REPLY_LIMIT:
                raise ConfigurationError(
                    f"control: {name}: the answer is longer than {_REPLY_LIMIT:,} bytes"
                )
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            self._socket.settimeout(left)
            piece = self._socket.recv(_PIECE)
            if not piece:
                return b""
            data += piece
        self._kept = bytes(data[end + 1 :])
        return bytes(data[:end])

    def close(self) -> None:
        """Close the connection; harmless when repeated."""
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


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")
