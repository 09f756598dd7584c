"""The gateway itself, without the network: plant, sessions, ids, clock, audit."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.generated.mxaccess_gateway.v1 import SessionState
from mxgateway.simulator.audit import Audit
from mxgateway.simulator.clock import Clock, IdSource
from mxgateway.simulator.events import change_tail
from mxgateway.simulator.plant import Plant, Tag
from mxgateway.simulator.sessions import Session

__all__ = ["Gateway", "Settings"]

_REMEMBERED = 1024  # ended sessions that still answer with their final state
_FIRST_PROCESS_ID = 4096


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The limits and choices of a gateway; defaults are those of the gateway semantics.

    Attributes:
        session_limit: Sessions that may be open at a time.
        command_timeout: Seconds that OpenSession answers with unless the client asks for others.
        queue_limit: Events that may wait for the subscriber of a session.
        ring_size: Events kept for resuming a stream.
        ring_seconds: Seconds they are kept; 0 for no limit in time.
        max_message_bytes: Largest request that is accepted.
        first_value_delay: Seconds from an advise to the first data change.
        write_delay: Seconds from an accepted write to its completion.
        galaxy_builtins: Whether the galaxy lists the built-in attributes of its objects too.
        deploy_buffer: Deploy events that wait for a subscriber; older ones are dropped.
        normalise_arrays: Whether `[]` is appended to the bare name of an array on AddItem.
    """

    session_limit: int = 64
    command_timeout: float = 30.0
    queue_limit: int = 10_000
    ring_size: int = 1024
    ring_seconds: float = 300.0
    max_message_bytes: int = 16 << 20
    first_value_delay: float = 0.0
    write_delay: float = 0.0
    galaxy_builtins: bool = False
    deploy_buffer: int = 16
    normalise_arrays: bool = True


class Gateway:
    """What all services share.

    Attributes:
        plant: The attributes.
        clock: Where times come from.
        ids: Where session and correlation ids come from.
        audit: What has happened so far.
        settings: Limits and choices.
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
        self.sessions: OrderedDict[str, Session] = OrderedDict()
        self._next_process_id = _FIRST_PROCESS_ID
        self._tail_time: datetime | None = None
        self._tail = b""
        plant.on_change = self._deliver

    @property
    def open_sessions(self) -> list[Session]:
        """The sessions that are not closed; a faulted one counts until it is closed."""
        return [s for s in self.sessions.values() if not s.closed]

    def open_session(self, name: str, command_timeout: timedelta | None) -> Session:
        """Start a session; it is Ready when this returns.

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
        for state in (
            SessionState.STARTING_WORKER,
            SessionState.WAITING_FOR_PIPE,
            SessionState.INITIALIZING_WORKER,
            SessionState.READY,
        ):
            session.state = state
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

    def shut_down(self) -> None:
        """Close all sessions, as the gateway does when it ends; streams end with UNAVAILABLE."""
        for session in self.open_sessions:
            session.close(
                "gateway-shutdown", GRPCError(Status.UNAVAILABLE, "the gateway is shutting down")
            )

    def forget_all(self) -> None:
        """Forget every session, as a gateway that was started anew."""
        self.sessions.clear()

    def _deliver(self, tag: Tag, now: datetime) -> None:
        # All changes of one scan have the same time, so they share these bytes.
        if now is not self._tail_time:
            self._tail_time = now
            self._tail = change_tail(now)
        tail = self._tail
        for session, item in list(tag.listeners):
            session.send_change(item, now, tail)
