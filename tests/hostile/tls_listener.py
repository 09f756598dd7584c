"""A TLS port that does handshakes and nothing else."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from types import TracebackType
from typing import Self

__all__ = ["TlsListener"]


class TlsListener:
    """A context manager; connections are closed once the handshake is done.

    Args:
        context: The certificate to show.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._port: int = self._socket.getsockname()[1]
        self.endpoint = f"localhost:{self._port}"
        self._ended = False
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended = True
        with socket.create_connection(("127.0.0.1", self._port)):
            self._thread.join(20)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection:
                if self._ended:
                    return
                # A client that only looks at the certificate may leave in the middle.
                with contextlib.suppress(OSError):
                    self._context.wrap_socket(connection, server_side=True).close()
