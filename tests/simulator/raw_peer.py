"""A client on bare h2 that shows what a server put on the wire, and can misbehave."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self

import anyio
import h2.connection
import h2.events
from h2.config import H2Configuration

__all__ = ["RawPeer"]

_SERVICE = "/mxaccess_gateway.v1.MxAccessGateway/"


class RawPeer:
    """One HTTP/2 connection; `events` holds all that has come in."""

    def __init__(self, port: int, key: str) -> None:
        self.port = port
        self.key = key
        self.h2 = h2.connection.H2Connection(H2Configuration(header_encoding="utf-8"))
        self.events: list[h2.events.Event] = []

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.h2.initiate_connection()
        self.flush()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            self.events.append(h2.events.ConnectionTerminated())

    def flush(self) -> None:
        """Send what h2 has to say."""
        self.writer.write(self.h2.data_to_send())

    def call(self, method: str, body: bytes, *, end: bool = True) -> int:
        """Send a request whose whole body, message prefix included, is `body`."""
        stream_id = self.h2.get_next_available_stream_id()
        self.h2.send_headers(
            stream_id,
            [
                (":method", "POST"),
                (":scheme", "http"),
                (":path", method if method.startswith("/") else _SERVICE + method),
                (":authority", "simulator"),
                ("te", "trailers"),
                ("content-type", "application/grpc+proto"),
                ("authorization", f"Bearer {self.key}"),
            ],
        )
        self.h2.send_data(stream_id, body, end_stream=end)
        self.flush()
        return stream_id

    async def read(self) -> bool:
        """Take in what comes next; False once the server has closed."""
        with anyio.fail_after(5):
            data = await self.reader.read(1 << 16)
        if not data:
            return False
        for event in self.h2.receive_data(data):
            self.events.append(event)
            if isinstance(event, h2.events.DataReceived):
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        self.flush()
        return True

    async def trailers(self, stream_id: int) -> dict[str, str]:
        """The headers that hold the status of a call."""
        while True:
            for event in self.events:
                if (
                    isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived)
                    and event.stream_id == stream_id
                    and "grpc-status" in (found := _text(event.headers))
                ):
                    return found
            assert await self.read(), "the server closed without a status"


def _text(headers: Any) -> dict[str, str]:
    # h2 decodes them with the header encoding above; its types say bytes.
    return dict(headers)
