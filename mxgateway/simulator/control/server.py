"""The end of the control channel in the simulator."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import ipaddress
import json
import secrets
from typing import TYPE_CHECKING, Any

from mxgateway.errors import ConfigurationError, MxGatewayError
from mxgateway.simulator.control.calls import CALLS
from mxgateway.simulator.endpoints import host_and_port, shown_endpoint

if TYPE_CHECKING:
    from mxgateway.simulator.simulator import Simulator

__all__ = ["ControlServer"]

_LINE_LIMIT = 1 << 20


class ControlServer:
    """Listens on a loopback address and does to one simulator what it is asked for.

    Args:
        simulator: The simulator.
        address: `host:port` to listen on; port 0 for a free one.
        token: What every request has to show; None for a new random one.

    Attributes:
        token: The token.

    Raises:
        ConfigurationError: The address is no loopback address, or the token is empty.
    """

    def __init__(self, simulator: Simulator, address: str, token: str | None = None) -> None:
        self._simulator = simulator
        self._host, self._port = host_and_port(address)
        if not _is_loopback(self._host):
            raise ConfigurationError(
                f"control: {self._host} is no loopback address; the control channel "
                "listens on 127.0.0.1, ::1 or localhost only"
            )
        if token is not None and not token:
            raise ConfigurationError("control: the token is empty; leave it out for a random one")
        self.token = secrets.token_urlsafe(16) if token is None else token
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: The address cannot be used.
        """
        self._server = await asyncio.start_server(
            self._serve, self._host, self._port, limit=_LINE_LIMIT
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and end every connection; harmless when repeated."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    @property
    def endpoint(self) -> str:
        """`host:port`, as a client takes it."""
        return shown_endpoint(self._host, self._port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while line := await reader.readline():
                reply, go_on = await self._answer(line)
                writer.write(json.dumps(reply, default=str, sort_keys=True).encode() + b"\n")
                await writer.drain()
                if not go_on:
                    return
        except (ConnectionError, ValueError):  # gone, or a line beyond the limit: nobody to tell
            return
        except asyncio.CancelledError:  # the simulator stops, which ends this task in order
            return
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _answer(self, line: bytes) -> tuple[dict[str, Any], bool]:
        """Return the reply to one line, and whether the connection goes on."""
        try:
            request = json.loads(line)
        except ValueError:
            return _failed(None, "the line is no JSON"), False
        if not isinstance(request, dict):
            return _failed(None, "the line is no JSON object"), False
        number = request.get("id")
        token = request.get("token")
        if not isinstance(token, str) or not hmac.compare_digest(
            token.encode(), self.token.encode()
        ):
            return _failed(number, "the token is missing or wrong"), False
        call = CALLS.get(str(request.get("call")))
        if call is None:
            known = ", ".join(CALLS)
            return _failed(
                number, f"there is no call {request.get('call')!r}; known: {known}"
            ), True
        arguments = request.get("arguments", {})
        if not isinstance(arguments, dict):
            return _failed(number, "arguments: give a JSON object"), True
        try:
            result = await call.run(self._simulator, arguments)
        except (MxGatewayError, TypeError, ValueError, KeyError, OSError) as error:
            text = error.args[0] if isinstance(error, KeyError) else error
            return _failed(number, str(text)), True
        return {"id": number, "ok": True, "result": result}, True


def _failed(number: Any, text: str) -> dict[str, Any]:
    return {"id": number, "ok": False, "error": text}


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
