"""The end of the control channel in the simulator."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import secrets
from typing import TYPE_CHECKING, Any

from mxgateway.addresses import is_loopback
from mxgateway.errors import ConfigurationError, MxGatewayError
from mxgateway.nesting import DocumentLimitError, parse_json
from mxgateway.simulator.control.calls import CALLS
from mxgateway.simulator.control.lines import (
    FIRST_LINE_LIMIT,
    LINE_LIMIT,
    LineReader,
    LineTooLongError,
)
from mxgateway.simulator.endpoints import host_and_port, shown_endpoint

if TYPE_CHECKING:
    from mxgateway.simulator.simulator import Simulator

__all__ = ["ControlServer"]

_CONNECTIONS = 32
_FIRST_LINE_SECONDS = 10.0
# What a call ends with where its arguments make no sense; an OverflowError is one of their size.
_REFUSALS = (MxGatewayError, TypeError, ValueError, KeyError, OSError, OverflowError)


class ControlServer:
    """Listens on a loopback address and does to one simulator what it is asked for.

    Args:
        simulator: The simulator.
        address: `host:port` to listen on; port 0 for a free one.
        token: What every request has to show; None for a new random one.
        connections: How many there can be at a time. A new one takes the place of the oldest
            that has not shown the token yet; where all have, it is refused.
        first_line_seconds: Seconds in which a connection has to show it.

    Attributes:
        token: The token.

    Raises:
        ConfigurationError: The address is no loopback address, or the token is empty.
    """

    def __init__(
        self,
        simulator: Simulator,
        address: str,
        token: str | None = None,
        *,
        connections: int = _CONNECTIONS,
        first_line_seconds: float = _FIRST_LINE_SECONDS,
    ) -> None:
        self._simulator = simulator
        self._host, self._port = host_and_port(address)
        if not is_loopback(self._host):
            raise ConfigurationError(
                f"control: {self._host} is no loopback address; the control channel "
                "listens on 127.0.0.1, ::1 or localhost only"
            )
        if token is not None and not token:
            raise ConfigurationError("control: the token is empty; leave it out for a random one")
        self.token = secrets.token_urlsafe(16) if token is None else token
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections = connections
        self._first_line_seconds = first_line_seconds
        # Those that count, the oldest first, with whether they have shown the token.
        self._known: dict[asyncio.Task[None], bool] = {}

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: The address cannot be used.
        """
        self._server = await asyncio.start_server(self._serve, self._host, self._port)
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
            if self._has_room():
                self._known[task] = False
                await self._talk(task, LineReader(reader), writer)
            else:
                text = f"{self._connections} connections are open already; close one of them"
                await _send(writer, _failed(None, text))
        except ConnectionError:  # gone: nobody to tell
            return
        except asyncio.CancelledError:  # the simulator stops, or another takes its place
            return
        finally:
            self._tasks.discard(task)
            self._known.pop(task, None)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    def _has_room(self) -> bool:
        if len(self._known) < self._connections:
            return True
        oldest = next((task for task, known in self._known.items() if not known), None)
        if oldest is None:
            return False
        del self._known[oldest]
        oldest.cancel()
        return True

    async def _talk(
        self, task: asyncio.Task[None], lines: LineReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            async with asyncio.timeout(self._first_line_seconds):
                line = await lines.next(FIRST_LINE_LIMIT)
        except TimeoutError:
            text = f"no line came within {self._first_line_seconds:g} s"
            await _send(writer, _failed(None, text))
            return
        except LineTooLongError as error:
            text = f"{error}, and the token is not known yet; send a line with it alone first"
            await _send(writer, _failed(None, text))
            return
        while line is not None:
            reply, go_on = await self._answer(line, task)
            await _send(writer, reply)
            if not go_on:
                return
            try:
                line = await lines.next(LINE_LIMIT)
            except LineTooLongError as error:
                await _send(writer, _failed(None, str(error)))
                return

    async def _answer(self, line: bytes, task: asyncio.Task[None]) -> tuple[dict[str, Any], bool]:
        """Return the reply to one line, and whether the connection goes on."""
        try:
            request = parse_json(line)
        except DocumentLimitError as error:
            return _failed(None, f"the line is refused: {error}"), False
        except ValueError:
            return _failed(None, "the line is no JSON"), False
        if not isinstance(request, dict):
            return _failed(None, "the line is no JSON object"), False
        number = request.get("id")
        if not self._is_token(request.get("token")):
            return _failed(number, "the token is missing or wrong"), False
        if task in self._known:
            self._known[task] = True
        if "call" not in request:
            return {"id": number, "ok": True, "result": None}, True
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
        except _REFUSALS as error:
            text = error.args[0] if isinstance(error, KeyError) else error
            return _failed(number, str(text)), True
        return {"id": number, "ok": True, "result": result}, True

    def _is_token(self, given: Any) -> bool:
        # JSON can hold halves of surrogate pairs, which have bytes only so.
        return isinstance(given, str) and hmac.compare_digest(
            given.encode("utf-8", "surrogatepass"), self.token.encode("utf-8", "surrogatepass")
        )


async def _send(writer: asyncio.StreamWriter, reply: dict[str, Any]) -> None:
    writer.write(json.dumps(reply, default=str, sort_keys=True).encode() + b"\n")
    await writer.drain()


def _failed(number: Any, text: str) -> dict[str, Any]:
    return {"id": number, "ok": False, "error": text}
