"""Faults of connections, as the server itself can make them."""

from __future__ import annotations

from os import PathLike

from h2.errors import ErrorCodes

from mxgateway.errors import ConfigurationError
from mxgateway.simulator.faults.registry import FaultBase
from mxgateway.simulator.server import Listener, load_certificate

__all__ = ["NetworkFaults", "error_code"]


def error_code(name: str) -> int:
    """Return the number of an HTTP/2 error code by its name.

    Raises:
        ConfigurationError: There is no such code.
    """
    try:
        return int(ErrorCodes[name])
    except KeyError:
        known = ", ".join(ErrorCodes.__members__)
        raise ConfigurationError(f"{name!r} is no HTTP/2 error code; known: {known}") from None


class NetworkFaults(FaultBase):
    """What can go wrong with connections.

    The methods that strike once return how many connections or calls they struck.
    For faults at a byte or a frame, or in front of another gateway, see
    `mxgateway.simulator.proxy`.
    """

    @property
    def _listener(self) -> Listener:
        return self._simulator.listener

    async def drop_connections(self, *, reset: bool = True) -> int:
        """Close every connection, with a TCP reset, or else as if the process had ended."""
        connections = list(self._listener.connections)
        for connection in connections:
            connection.abort(reset=reset)
        self._note("drop_connections")
        return len(connections)

    async def refuse_connections(self, seconds: float | None = None) -> int:
        """Stop listening, so that new connections are refused; those that are there go on.

        Returns:
            The id of the fault; it ends after `seconds`, or when it is cleared.
        """
        self._only("refuse_connections")
        number = self._begin(
            "refuse_connections",
            {"seconds": seconds},
            self._listener.accept_again,
            seconds=seconds,
        )
        self._listener.refuse()
        return number

    async def black_hole(self, seconds: float | None = None) -> int:
        """Accept connections and say nothing, on old ones too, not even answers to PINGs.

        What was held back is sent when it ends, as after a pulled cable. With TLS
        the handshake still succeeds; a FaultProxy stops that too.

        Returns:
            The id of the fault; it ends after `seconds`, or when it is cleared.
        """
        self._only("black_hole")
        listener = self._listener

        async def undo() -> None:
            listener.speak()

        number = self._begin("black_hole", {"seconds": seconds}, undo, seconds=seconds)
        listener.silence()
        return number

    async def goaway(
        self,
        *,
        polite: bool = True,
        code: str = "INTERNAL_ERROR",
        last_stream_id: int = 0,
        debug: str = "",
    ) -> int:
        """Say GOAWAY on every connection.

        Politely: open calls finish on their connection, which then closes, as at a
        restart of a well-behaved server. Else: one GOAWAY with `code` and
        `last_stream_id`, and the connection closes at once.
        """
        connections = list(self._listener.connections)
        number = error_code(code)
        for connection in connections:
            if polite:
                connection.drain(debug.encode())
            else:
                connection.goaway(number, last_stream_id, debug.encode())
        self._note("goaway")
        return len(connections)

    async def reset_streams(
        self, *, code: str = "INTERNAL_ERROR", method: str | None = "StreamEvents"
    ) -> int:
        """Reset the open calls of a method, or of all for None, with RST_STREAM."""
        number = error_code(code)
        self._check_method("reset_streams", method)
        struck = sum(c.reset_streams(number, method) for c in list(self._listener.connections))
        self._note("reset_streams")
        return struck

    async def send_garbage(self, data: bytes = b"\xff" * 9) -> int:
        """Write bytes on every connection that are no HTTP/2."""
        connections = list(self._listener.connections)
        for connection in connections:
            connection.wire.write(data)
        self._note("send_garbage")
        return len(connections)

    async def change_certificate(
        self, certificate: str | PathLike[str], key: str | PathLike[str]
    ) -> None:
        """Show another certificate on new connections; PEM files.

        Raises:
            ConfigurationError: The simulator runs without TLS, or the files do not fit.
        """
        context = self._listener.context
        if context is None:
            raise ConfigurationError("the simulator runs without TLS; it shows no certificate")
        load_certificate(context, certificate, key)
        self._note("change_certificate")
