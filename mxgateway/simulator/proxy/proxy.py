"""FaultProxy: listens in front of a gateway, and does to connections what networks do."""

from __future__ import annotations

from mxgateway.errors import ClientClosedError, ConfigurationError
from mxgateway.simulator.faults.network import error_code
from mxgateway.simulator.proxy.base import ProxyBase
from mxgateway.simulator.proxy.base import checked_direction as _direction
from mxgateway.simulator.proxy.connection import ProxyConnection
from mxgateway.simulator.proxy.frames import frame_kind, make_frame
from mxgateway.simulator.proxy.pipe import Cut, Direction, Ending

__all__ = ["FaultProxy"]


class FaultProxy(ProxyBase):
    """A TCP proxy that can fail on demand (asyncio; `ThreadedFaultProxy` for the others).

    `async with FaultProxy(gateway.endpoint) as proxy:` and connect to `proxy.endpoint`.
    TLS passes through unread. On plaintext HTTP/2 the proxy knows frames, counts
    them, and can put its own between them. A fault strikes once, or lasts until
    `clear()`.

    Args:
        target: `host:port` of the gateway.
        host: Address to listen on.
        port: Port to listen on; 0 for a free one.
        connection_limit: Connections that may be open at a time; one more is reset.

    Attributes:
        to_server: What clients sent through.
        to_client: What the target sent through.
        accepted: Connections accepted so far.

    Raises:
        ConfigurationError: The target is no `host:port`, or the limit makes no sense.
    """

    # -- faults of bytes ---------------------------------------------------------------

    async def cut(
        self,
        after: int,
        *,
        direction: Direction = "to_client",
        ending: Ending = "reset",
        connection: str = "open",
    ) -> None:
        """End a connection once exactly `after` more bytes have passed one way.

        Args:
            after: How many bytes still pass; 0 cuts at the next byte.
            direction: Which way they are counted.
            ending: "reset" and "close" end both sides; "hold" lets nothing through any more.
                Only after "close" it is sure that the bytes before the cut arrive.
            connection: "open" for the newest open connection, counted from now; "next"
                for the next one that comes, counted from its first byte.

        Raises:
            ConfigurationError: No connection is open, or an argument makes no sense.
        """
        if after < 0:
            raise ConfigurationError("cut: after: give 0 or more bytes")
        if ending not in ("reset", "close", "hold") or connection not in ("open", "next"):
            raise ConfigurationError(
                'cut: ending is "reset", "close" or "hold"; connection is "open" or "next"'
            )
        cut = Cut(after, ending, self._waiters.changed)
        if connection == "next":
            self._next_cut = (_direction(direction), cut)
        else:
            self._newest("cut").pipe(_direction(direction)).cut = cut

    async def corrupt(
        self, after: int = 0, *, direction: Direction = "to_client", mask: int = 0xFF
    ) -> None:
        """Change one byte of the newest connection: the one behind `after` others from now on."""
        self._newest("corrupt").pipe(_direction(direction)).damage(after, mask)

    async def delay(self, seconds: float, *, direction: Direction | None = None) -> None:
        """Let everything take `seconds` longer one way, or both ways; 0 ends it."""
        if not seconds >= 0:
            raise ConfigurationError("delay: give 0 or more seconds")
        for each in ("to_server", "to_client") if direction is None else (_direction(direction),):
            self._delay[each] = seconds
        self._apply_to_all()

    async def split(self, size: int | None) -> None:
        """Pass bytes on in pieces of `size`; None ends it."""
        if size is not None and size < 1:
            raise ConfigurationError("split: give 1 or more bytes, or None")
        self._piece = size
        self._apply_to_all()

    async def drop_connections(self, *, ending: Ending = "reset") -> int:
        """End every connection; return how many."""
        connections = list(self._connections)
        for connection in connections:
            connection.end(ending)
        return len(connections)

    async def black_hole(self) -> None:
        """Let nothing through any more and accept without a word, until `clear()`."""
        self._silence.clear()
        for connection in self._connections:
            connection.hold()

    async def refuse_connections(self) -> None:
        """Refuse new connections until `clear()`; those that are open go on."""
        if self._server is None:
            raise ClientClosedError("the proxy does not run; enter it with `async with`")
        self._server.close()

    # -- faults of frames --------------------------------------------------------------

    async def goaway(
        self,
        *,
        polite: bool = True,
        code: str = "INTERNAL_ERROR",
        last_stream_id: int = 0,
        debug: str = "",
    ) -> int:
        """Say GOAWAY on every connection, as `Faults.goaway` does; return how many."""
        number = error_code(code)
        connections = self._plaintext("goaway")
        for connection in connections:
            if polite:
                connection.drain(debug.encode())
            else:
                connection.goaway(number, last_stream_id, debug.encode())
        return len(connections)

    async def reset_streams(
        self, *, code: str = "INTERNAL_ERROR", stream_id: int | None = None
    ) -> int:
        """Reset one call, or all that are open, with RST_STREAM; return how many."""
        number = error_code(code)
        return sum(
            connection.reset(each, number)
            for connection in self._plaintext("reset_streams")
            for each in ([stream_id] if stream_id is not None else sorted(connection.streams))
        )

    async def drop_frames(
        self, kind: str, *, direction: Direction = "to_client", times: int | None = 1
    ) -> None:
        """Take frames of a type out, the next `times` ones, or all for None until `clear()`.

        Without its HEADERS frames header compression breaks; DATA, PING, SETTINGS
        and WINDOW_UPDATE may be lost without harm to what is around them.
        """
        if times is not None and times < 1:
            raise ConfigurationError("drop_frames: times: give 1 or more, or None for no limit")
        self._drops.append((_direction(direction), frame_kind(kind), times))

    async def send_frame(
        self,
        kind: int | str,
        *,
        stream_id: int = 0,
        payload: bytes = b"",
        flags: int = 0,
        direction: Direction = "to_client",
    ) -> int:
        """Put any frame between two others, on every connection; return on how many."""
        name = frame_kind(kind) if isinstance(kind, str) else kind
        data = make_frame(name, stream_id, payload, flags)
        connections = self._plaintext("send_frame")
        for connection in connections:
            connection.pipe(_direction(direction)).inject(data)
        return len(connections)

    async def send_garbage(
        self, data: bytes = b"\xff" * 9, *, direction: Direction = "to_client"
    ) -> int:
        """Put bytes on every connection that are no frame; return on how many."""
        for connection in self._connections:
            connection.pipe(_direction(direction)).inject(data)
        return len(self._connections)

    def _plaintext(self, what: str) -> list[ProxyConnection]:
        for connection in self._connections:
            if connection.to_server.uncut:
                raise ConfigurationError(f"{what}: the proxy sees no frames on TLS connections")
        return list(self._connections)
