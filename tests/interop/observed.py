"""What a grpcio server saw of its calls: how they began, how many were open, how they ended."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import grpc

__all__ = ["ALL_SCOPES", "READ_SCOPES", "Journal", "Observed", "SeenCall"]

READ_SCOPES = frozenset(
    {"session:open", "session:close", "invoke:read", "events:read", "metadata:read"}
)
ALL_SCOPES = READ_SCOPES | {"invoke:write", "invoke:secure", "admin"}

_NO_DEADLINE = 1e8
"""Seconds; the C core tells a call without deadline as one that ends after centuries."""


@dataclass(frozen=True, slots=True)
class SeenCall:
    """One call as the server saw it begin.

    Attributes:
        method: Name of the RPC.
        metadata: Names and values as they came, more than one of a name among them.
        time_remaining: Seconds to the deadline that the client told; None where it told none.
        peer: Address of the client's end of the connection; empty where the call was over already.
        certificate: The client's certificate in PEM; None without one.
    """

    method: str
    metadata: tuple[tuple[str, str | bytes], ...]
    time_remaining: float | None
    peer: str
    certificate: bytes | None

    def values(self, name: str) -> list[str | bytes]:
        """Return the values of one name, in their order."""
        return [value for key, value in self.metadata if key == name]


class Journal:
    """The calls of one server. Read it under `changed`, or when the calls have ended.

    Args:
        changed: Announces every change.
        keys: The scopes of each API key.

    Attributes:
        calls: Every call that has begun, in order.
        cancelled: Methods of the calls that ended before the server had finished them.
        finished: Methods of the calls that the server itself brought to an end.
        open: How many calls are being answered now.
        most_open: The highest that `open` has been.
    """

    def __init__(self, changed: threading.Condition, keys: dict[str, frozenset[str]]) -> None:
        self.changed = changed
        self.keys = keys
        self.calls: list[SeenCall] = []
        self.cancelled: list[str] = []
        self.finished: list[str] = []
        self.open = 0
        self.most_open = 0

    @property
    def methods(self) -> list[str]:
        """Methods of the calls, in the order in which they began."""
        return [call.method for call in self.calls]

    @property
    def peers(self) -> set[str]:
        """The connections that calls came from."""
        # A call that was given up before a worker had time for it has no address any more.
        return {call.peer for call in self.calls if call.peer}

    def __repr__(self) -> str:
        return f"calls: {self.methods}, finished: {self.finished}, cancelled: {self.cancelled}"


class Observed:
    """Around one call: checks the key, writes the journal, tells a cancelled from a finished call.

    Attributes:
        ended: Set when the call is over, for whatever reason.
    """

    def __init__(self, journal: Journal, method: str, context: Any) -> None:
        self.ended = threading.Event()
        self._journal = journal
        self._method = method
        self._context = context
        self._finished = False
        self._scopes: frozenset[str] = frozenset()

    def __enter__(self) -> Self:
        journal, context = self._journal, self._context
        left = context.time_remaining()
        call = SeenCall(
            self._method,
            tuple((entry.key, entry.value) for entry in context.invocation_metadata()),
            left if left is not None and left < _NO_DEADLINE else None,
            context.peer(),
            next(iter(context.auth_context().get("x509_pem_cert", ())), None),
        )
        with journal.changed:
            journal.calls.append(call)
            journal.changed.notify_all()
        if not context.add_callback(self._on_end):
            self._on_end()
        scheme, _, key = str(next(iter(call.values("authorization")), "")).partition(" ")
        scopes = journal.keys.get(key)
        if scheme.lower() != "bearer" or scopes is None:
            self._finished = True
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "the API key is not valid")
        self._scopes = scopes or self._scopes
        with journal.changed:
            journal.open += 1
            journal.most_open = max(journal.most_open, journal.open)
        return self

    def require(self, scope: str) -> None:
        """End the call with PERMISSION_DENIED unless its key has `scope`."""
        if scope not in self._scopes:
            self._context.abort(
                grpc.StatusCode.PERMISSION_DENIED, f"the API key lacks the scope {scope}"
            )

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        journal = self._journal
        with journal.changed:
            journal.open -= 1  # here and not in the callback: the client has no answer yet
            journal.changed.notify_all()
            # grpcio closes a cancelled stream's generator: no end of the server's own making.
            if exc_type is not GeneratorExit:
                self._finished = True

    def _on_end(self) -> None:
        journal = self._journal
        with journal.changed:
            (journal.finished if self._finished else journal.cancelled).append(self._method)
            self.ended.set()
            journal.changed.notify_all()
