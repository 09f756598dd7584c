"""What the simulator did, counted, so that a test can prove "exactly once" and "nothing lost"."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

__all__ = ["Audit", "WriteRecord"]

_KEPT_WRITES = 10_000  # per tag; the count goes on


@dataclass(frozen=True, slots=True)
class WriteRecord:
    """One write that MXAccess accepted and finished.

    Attributes:
        tag: Full reference of the attribute.
        value: The Python value after conversion to the attribute's type; None if refused.
        user_id: The user recorded for it: that of the call on a supervisory advise, else 0.
        session_id: The session it came from.
        succeeded: Whether the value took effect.
        detail: Detail code of the completion; 0 for success.
        timestamp: The time the value was given.
    """

    tag: str
    value: Any
    user_id: int
    session_id: str
    succeeded: bool
    detail: int
    timestamp: datetime


class Audit:
    """Counters of one simulator; read them at any time, wait on them with `wait_for`.

    Attributes:
        sessions_opened: Sessions opened so far.
        sessions_closed: Sessions closed so far, by whatever cause.
        sessions_faulted: Sessions that became Faulted.
        commands: Commands executed, by kind name ("WRITE"); refusals by MXAccess included.
        write_count: Finished writes by full tag reference.
        streams_opened: Event streams opened.
        streams_cancelled: Event streams that the client cancelled, or whose connection went.
        streams_ended: Event streams that ended in any way, cancelled ones included.
        stream_resets: RST_STREAM frames received, by error code name ("CANCEL").
        events_sent: Events handed to the network, all sessions together.
        events_sent_by_session: The same by session id.
        connections_opened: TCP connections accepted.
        connections_closed: TCP connections that have ended.
        calls: Calls received by method name ("Invoke"), refused ones included.
    """

    def __init__(self) -> None:
        self.sessions_opened = 0
        self.sessions_closed = 0
        self.sessions_faulted = 0
        self.commands: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.write_count: Counter[str] = Counter()
        self.streams_opened = 0
        self.streams_cancelled = 0
        self.streams_ended = 0
        self.stream_resets: Counter[str] = Counter()
        self.events_sent = 0
        self.events_sent_by_session: Counter[str] = Counter()
        self.connections_opened = 0
        self.connections_closed = 0
        self._writes: dict[str, deque[WriteRecord]] = {}
        self._waiters: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._check_scheduled = False

    @property
    def streams_open(self) -> int:
        """Event streams that are open now."""
        return self.streams_opened - self.streams_ended

    def writes(self, tag: str) -> list[WriteRecord]:
        """Return the finished writes to `tag` in order, refused ones too (the last 10,000)."""
        return list(self._writes.get(tag.lower().removesuffix("[]"), ()))

    def values_written(self, tag: str) -> list[Any]:
        """Return the values that took effect on `tag`, in order."""
        return [record.value for record in self.writes(tag) if record.succeeded]

    def record_write(self, record: WriteRecord) -> None:
        """Note a finished write."""
        kept = self._writes.get(record.tag.lower())
        if kept is None:
            kept = self._writes[record.tag.lower()] = deque(maxlen=_KEPT_WRITES)
        kept.append(record)
        self.write_count[record.tag] += 1
        self.changed()

    def changed(self) -> None:
        """Let everybody who waits look again. Free of cost while nobody waits."""
        if self._waiters and not self._check_scheduled:
            self._check_scheduled = True
            asyncio.get_running_loop().call_soon(self._check)

    def _check(self) -> None:
        self._check_scheduled = False
        still = []
        for predicate, future in self._waiters:
            if future.done():
                continue
            try:
                met = predicate()
            except Exception as error:
                future.set_exception(error)
                continue
            if met:
                future.set_result(None)
            else:
                still.append((predicate, future))
        self._waiters = still

    async def wait_for(self, predicate: Callable[[], bool], timeout: float = 5.0) -> None:
        """Return once `predicate()` is true; it is asked again after everything that happens.

        Raises:
            TimeoutError: It was still false after `timeout` seconds.
        """
        if predicate():
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((predicate, future))
        try:
            await asyncio.wait_for(future, timeout)
        except TimeoutError:
            raise TimeoutError(
                f"the simulator did not reach the expected state within {timeout:g} s"
            ) from None
