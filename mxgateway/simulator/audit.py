"""What the simulator did, counted, so that a test can prove "exactly once" and "nothing lost"."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mxgateway.simulator.waiters import Waiters

__all__ = ["Audit", "CommandRecord", "WriteRecord"]

_KEPT_WRITES = 10_000  # per tag; the count goes on
_KEPT_COMMANDS = 10_000  # the count goes on


@dataclass(frozen=True, slots=True)
class CommandRecord:
    """One command that was executed, whether or not its reply arrived.

    Attributes:
        kind: Its kind by name ("ADD_ITEM").
        session_id: The session it came from.
        correlation_id: The correlation id of its reply.
        arguments: Its payload; None for commands with passwords or secured values.
        hresult: What MXAccess said; None where it said nothing.
        timestamp: When it was executed.
    """

    kind: str
    session_id: str
    correlation_id: str
    arguments: Any
    hresult: int | None
    timestamp: datetime


@dataclass(frozen=True, slots=True, repr=False)
class WriteRecord:
    """One write that MXAccess accepted and finished.

    Attributes:
        tag: Full reference of the attribute.
        value: The Python value after conversion to the attribute's type; None if refused.
        user_id: The user recorded for it: that of a secured write, or of a write on a
            supervisory advise, else 0.
        session_id: The session it came from.
        succeeded: Whether the value took effect.
        detail: Detail code of the completion; 0 for success.
        timestamp: The time the value was given.
        verifier_id: The second user of a verified write, else 0.
        secured: Whether it was a secured write; then its value is in no text.
    """

    tag: str
    value: Any
    user_id: int
    session_id: str
    succeeded: bool
    detail: int
    timestamp: datetime
    verifier_id: int = 0
    secured: bool = False

    def __repr__(self) -> str:
        value = "..." if self.secured else repr(self.value)
        outcome = "done" if self.succeeded else f"refused ({self.detail})"
        return f"<WriteRecord {self.tag} = {value} by {self.user_id}, {outcome}>"


class Audit:
    """Counters of one simulator; read them at any time, wait on them with `wait_for`.

    Attributes:
        sessions_opened: Sessions opened so far.
        sessions_closed: Sessions closed so far, by whatever cause.
        sessions_faulted: Sessions that became Faulted.
        close_reasons: Why sessions were closed ("client-close", "lease-expired").
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
        faults: Faults applied, by kind ("kill_worker").
    """

    def __init__(self) -> None:
        self.sessions_opened = 0
        self.sessions_closed = 0
        self.sessions_faulted = 0
        self.close_reasons: Counter[str] = Counter()
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
        self.faults: Counter[str] = Counter()
        self._writes: dict[str, deque[WriteRecord]] = {}
        self._waiters = Waiters()
        self._commands: deque[CommandRecord] = deque(maxlen=_KEPT_COMMANDS)

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

    def executed(self, kind: str | None = None) -> list[CommandRecord]:
        """Return the commands of a kind, or all, in the order of execution (the last 10,000)."""
        return [record for record in self._commands if kind is None or record.kind == kind]

    def record_command(self, record: CommandRecord) -> None:
        """Note a command that was executed."""
        self.commands[record.kind] += 1
        self._commands.append(record)
        self.changed()

    def snapshot(self) -> dict[str, Any]:
        """Return all counters as plain JSON types, for people and for other processes."""
        counters = {
            name: dict(value) if isinstance(value, Counter) else value
            for name, value in vars(self).items()
            if not name.startswith("_")
        }
        return counters | {"streams_open": self.streams_open}

    def changed(self) -> None:
        """Let everybody who waits look again. Free of cost while nobody waits."""
        self._waiters.changed()

    async def wait_for(self, predicate: Callable[[], bool], timeout: float = 5.0) -> None:
        """Return once `predicate()` is true; it is asked again after everything that happens.

        Raises:
            TimeoutError: It was still false after `timeout` seconds.
        """
        await self._waiters.wait_for(predicate, timeout, "the simulator")
