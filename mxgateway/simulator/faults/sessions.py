"""Faults of sessions and workers."""

from __future__ import annotations

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.errors import ConfigurationError
from mxgateway.generated.mxaccess_gateway.v1 import SessionState
from mxgateway.simulator.events import frame
from mxgateway.simulator.faults.registry import FaultBase
from mxgateway.simulator.sessions import Session

__all__ = ["SessionFaults"]


class SessionFaults(FaultBase):
    """What can go wrong with sessions.

    `session` is an id, or None for every session that is open. The methods return
    how many sessions they struck.
    """

    async def kill_worker(self, session: str | None = None) -> int:
        """Let the worker process die: the session faults for good (UNAVAILABLE)."""
        struck = self._sessions(session)
        for each in struck:
            text = f"the worker process {each.process_id} has died"
            each.fault(text, GRPCError(Status.UNAVAILABLE, text))
        self._note("kill_worker")
        return len(struck)

    async def hang_worker(self, session: str | None = None) -> int:
        """Let the worker hang: commands wait, and without heartbeats the session faults.

        Returns:
            The id of the fault; clearing it in time lets the worker answer again.
        """
        struck = self._sessions(session)
        for each in struck:
            each.lifetime.hang()

        async def undo() -> None:
            for each in struck:
                each.lifetime.recover()

        return self._begin("hang_worker", {"session": session}, undo)

    async def overflow(self, session: str | None = None) -> int:
        """Let the event queue overflow: what follows depends on the settings."""
        struck = self._sessions(session)
        for each in struck:
            each.events.overflow()
        self._note("overflow")
        return len(struck)

    async def evict_ring(self, session: str | None = None) -> int:
        """Empty the replay ring: who resumes gets a gap."""
        struck = self._sessions(session)
        for each in struck:
            each.events.evict()
        self._note("evict_ring")
        return len(struck)

    async def expire_lease(self, session: str | None = None) -> int:
        """Close the session as if nobody had called for a whole lease."""
        struck = self._sessions(session)
        for each in struck:
            text = f"session {each.id} is CLOSED: lease-expired; open a new session"
            each.close("lease-expired", GRPCError(Status.FAILED_PRECONDITION, text))
        self._note("expire_lease")
        return len(struck)

    async def corrupt_events(
        self, session: str | None = None, *, data: bytes = b"\xff\xff\xff\xff"
    ) -> int:
        """Send `data` where the next event of a session would stand; it takes a number too."""
        struck = self._sessions(session)
        for each in struck:
            each.events.publish_framed(frame(data))
        self._note("corrupt_events")
        return len(struck)

    def _sessions(self, session_id: str | None) -> list[Session]:
        gateway = self._simulator.gateway
        if session_id is None:
            return [s for s in gateway.open_sessions if s.state is not SessionState.FAULTED]
        found = gateway.sessions.get(session_id)
        if found is None or found.closed:
            raise ConfigurationError(f"there is no open session {session_id!r}")
        return [found]
