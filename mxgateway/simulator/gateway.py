"""The gateway itself, without the network: plant, sessions, ids, clock, audit."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.simulator.access import Access
from mxgateway.simulator.alarms.monitor import AlarmMonitor
from mxgateway.simulator.audit import Audit
from mxgateway.simulator.clock import Clock, IdSource, Timer, call_later
from mxgateway.simulator.events import change_tail
from mxgateway.simulator.gate import CallGate
from mxgateway.simulator.plant import Plant, Tag
from mxgateway.simulator.references import References
from mxgateway.simulator.sessions import Session
from mxgateway.simulator.settings import Settings
from mxgateway.simulator.users import Users

__all__ = ["Gateway", "Settings"]

_REMEMBERED = 1024  # ended sessions that still answer with their final state
_FIRST_PROCESS_ID = 4096


class Gateway:
    """What all services share.

    Attributes:
        plant: The attributes.
        clock: Where times come from.
        ids: Where session and correlation ids come from.
        audit: What has happened so far.
        settings: Limits and choices.
        gate: What every call passes, for faults.
        references: What resolves references; it has to be told where the galaxy is.
        users: Who may sign in.
        access: What the constraints of keys cover.
        alarms: The alarm monitor; None while it is not enabled.
        sessions: All sessions by id, ended ones too while they are remembered.
    """

    def __init__(
        self, plant: Plant, *, clock: Clock, ids: IdSource, audit: Audit, settings: Settings
    ) -> None:
        self.plant = plant
        self.clock = clock
        self.ids = ids
        self.audit = audit
        self.settings = settings
        self.gate = CallGate(audit.changed)
        self.references = References(plant)
        self.users = Users(settings.users)
        self.access = Access(lambda: self.references.galaxy())
        self.alarms: AlarmMonitor | None = None
        self.sessions: OrderedDict[str, Session] = OrderedDict()
        self._next_process_id = _FIRST_PROCESS_ID
        self._tail_time: datetime | None = None
        self._tail = b""
        self._sweeper: Timer | None = None
        plant.on_change = self._deliver

    @property
    def open_sessions(self) -> list[Session]:
        """The sessions that are not closed; a faulted one counts until it is closed."""
        return [s for s in self.sessions.values() if not s.closed]

    def open_session(self, name: str, command_timeout: timedelta | None) -> Session:
        """Start a session; it is Ready when this returns, unless workers take time to start.

        Raises:
            GRPCError: RESOURCE_EXHAUSTED at the session limit; INVALID_ARGUMENT for
                a negative timeout.
        """
        if command_timeout is not None and command_timeout < timedelta():
            raise GRPCError(Status.INVALID_ARGUMENT, "command_timeout must not be negative")
        limit = self.settings.session_limit
        if len(self.open_sessions) >= limit:
            raise GRPCError(
                Status.RESOURCE_EXHAUSTED,
                f"the gateway has {limit} sessions open, which is its limit; close one first",
            )
        session = Session(
            self,
            f"session-{self.ids()}",
            name,
            self._next_process_id,
            command_timeout or timedelta(seconds=self.settings.command_timeout),
        )
        self._next_process_id += 4
        self.sessions[session.id] = session
        session.lifetime.start()
        self.audit.sessions_opened += 1
        self._forget()
        self.audit.changed()
        return session

    def _forget(self) -> None:
        """Drop the oldest ended sessions, so that memory stays bounded."""
        surplus = len(self.sessions) - self.settings.session_limit - _REMEMBERED
        if surplus <= 0:
            return
        ended = [s.id for s in self.sessions.values() if s.closed]
        for session_id in ended[:surplus]:
            del self.sessions[session_id]
            self.audit.events_sent_by_session.pop(session_id, None)

    def session(self, session_id: str) -> Session:
        """Return the session called `session_id`, in whatever state.

        Raises:
            GRPCError: INVALID_ARGUMENT without an id, NOT_FOUND for an unknown one.
        """
        if not session_id:
            raise GRPCError(Status.INVALID_ARGUMENT, "session_id is missing")
        session = self.sessions.get(session_id)
        if session is None:
            raise GRPCError(
                Status.NOT_FOUND, f"there is no session {session_id!r}; open a new session"
            )
        return session

    def start(self) -> None:
        """Begin anew: no session is known, and the sweep for old leases runs."""
        self.sessions.clear()
        self._sweep_later()

    def _sweep_later(self) -> None:
        self._sweeper = call_later(self.clock, self.settings.sweep_interval, self._sweep)

    def _sweep(self) -> None:
        for session in self.open_sessions:
            if session.lifetime.lease_is_over():
                session.close("lease-expired")
        self._sweep_later()

    def shut_down(self) -> None:
        """Close all sessions, as the gateway does when it ends; streams end with UNAVAILABLE."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for session in self.open_sessions:
            session.close(
                "gateway-shutdown", GRPCError(Status.UNAVAILABLE, "the gateway is shutting down")
            )

    def _deliver(self, tag: Tag, now: datetime) -> None:
        # All changes of one scan have the same time, so they share these bytes.
        if now is not self._tail_time:
            self._tail_time = now
            self._tail = change_tail(now)
        tail = self._tail
        for session, item in list(tag.listeners):
            session.send_change(item, now, tail)
