"""What a grpcio server saw of its calls: how they began, how many were open, how they ended."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import grpc

__all__ = ["Journal", "Observed", "SeenCall"]

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

    Attributes:
        calls: Every call that has begun, in order.
        cancelled: Methods of the calls that ended before the server had finished them.
        finished: Methods of the calls that the server itself brought to an end.
        open: How many calls are being answered now.
        most_open: The highest that `open` has been.
    """

    def __init__(self, changed: threading.Condition, api_key: str) -> None:
        self.changed = changed
        self.api_key = api_key
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
        if call.values("authorization") != [f"Bearer {journal.api_key}"]:
            self._finished = True
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "the API key is not valid")
        with journal.changed:
            journal.open += 1
            journal.most_open = max(journal.most_open, journal.open)
        return self

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
