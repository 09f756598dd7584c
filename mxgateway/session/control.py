"""ControlMethods: commands to the gateway's worker process itself."""

from __future__ import annotations

import datetime as dt
from typing import Final

from mxgateway.generated.mxaccess_gateway.v1 import (
    DrainEventsCommand,
    GetSessionStateCommand,
    GetWorkerInfoCommand,
    MxCommandReply,
    MxEvent,
    PingCommand,
    SessionState,
    ShutdownWorkerCommand,
    WorkerInfoReply,
)
from mxgateway.session.arguments import span, text, uint32
from mxgateway.session.base import SessionBase

__all__ = ["ControlMethods"]

# Beside the grace period itself, for the worker's end and the way there and back.
_MARGIN_SECONDS: Final = 5.0


class ControlMethods(SessionBase):
    """Commands that do not go to MXAccess but to the worker that holds it."""

    async def ping(
        self, message: str = "", *, timeout: float | None = None, correlation_id: str = ""
    ) -> MxCommandReply:
        """Ask whether the worker answers (Ping). Like every command it extends the lease."""
        payload = PingCommand(message=text("message", message))
        reply: MxCommandReply = await self._run(payload, timeout, correlation_id)
        return reply

    async def get_session_state(
        self, *, timeout: float | None = None, correlation_id: str = ""
    ) -> SessionState:
        """Return the state that the gateway keeps for this session (GetSessionState)."""
        answer = await self._run(GetSessionStateCommand(), timeout, correlation_id)
        return SessionState(answer.state)

    async def get_worker_info(
        self, *, timeout: float | None = None, correlation_id: str = ""
    ) -> WorkerInfoReply:
        """Return process id and versions of the worker and its MXAccess (GetWorkerInfo)."""
        answer: WorkerInfoReply = await self._run(GetWorkerInfoCommand(), timeout, correlation_id)
        return answer

    async def drain_events(
        self, max_events: int = 0, *, timeout: float | None = None, correlation_id: str = ""
    ) -> list[MxEvent]:
        """Return what the worker's event queue holds now, oldest first (DrainEvents).

        A look at the queue, no replacement for the event stream. Needs a key with
        the scope `events:read`.

        Args:
            max_events: At most so many; 0 for all.
            timeout: Seconds for this call.
            correlation_id: Sent along; empty for a new one.

        Raises:
            ConfigurationError: `max_events` is no whole number from 0.
        """
        payload = DrainEventsCommand(max_events=uint32("max_events", max_events))
        answer = await self._run(payload, timeout, correlation_id)
        return list(answer.events)

    async def shutdown_worker(
        self,
        grace_period: float | dt.timedelta | None = None,
        *,
        timeout: float | None = None,
        correlation_id: str = "",
    ) -> MxCommandReply:
        """End the worker process and with it every handle of this session (ShutdownWorker).

        For maintenance; to end a session use `close`, which is needed after this as well.

        Args:
            grace_period: How long the worker may take to finish, in seconds; None
                for the gateway's default.
            timeout: Seconds for this call; default the options' `call_timeout`, or
                the grace period and 5 s more where that is longer.
            correlation_id: Sent along; empty for a new one.

        Raises:
            ConfigurationError: The grace period is negative or no time.
        """
        grace = None if grace_period is None else span("grace_period", grace_period)
        if timeout is None and grace is not None:
            timeout = self._seconds_for(grace.total_seconds() + _MARGIN_SECONDS)
        payload = ShutdownWorkerCommand(grace_period=grace)
        reply: MxCommandReply = await self._run(payload, timeout, correlation_id)
        return reply
