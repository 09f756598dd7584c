"""Commands to the worker process itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from mxgateway.generated.mxaccess_gateway.v1 import (
    DrainEventsReply,
    MxCommandReply,
    SessionStateReply,
    WorkerInfoReply,
)
from mxgateway.simulator.call import Call
from mxgateway.simulator.replies import ok

__all__ = ["drain_events", "get_session_state", "get_worker_info", "ping", "shutdown_worker"]


def ping(_call: Call, command: Any) -> MxCommandReply:
    """Answer."""
    # The contract has no payload for it; the message comes back as the diagnostic.
    return ok(diagnostic_message=command.message)


def get_session_state(call: Call, _command: Any) -> MxCommandReply:
    """Tell the state of the session."""
    return ok(session_state=SessionStateReply(state=call.session.state))


def get_worker_info(call: Call, _command: Any) -> MxCommandReply:
    """Tell who the worker is."""
    return ok(
        worker_info=WorkerInfoReply(
            worker_process_id=call.session.process_id,
            worker_version="simulator",
            mxaccess_progid="LMXProxy.LMXProxyServer.1",
            mxaccess_clsid="{00000000-0000-0000-0000-000000000000}",
        )
    )


def drain_events(call: Call, command: Any) -> MxCommandReply:
    """Tell the events that wait for a stream: those of the worker's queue at this moment."""
    take = call.gateway.settings.drain_takes
    events = call.session.events.drain(command.max_events, take=take)
    return ok(drain_events=DrainEventsReply(events=events))


def shutdown_worker(call: Call, command: Any) -> MxCommandReply:
    """End the worker: what was sent before is done, what was sent after is lost."""
    grace = command.grace_period
    if grace is not None and grace < timedelta():
        raise GRPCError(Status.INVALID_ARGUMENT, "grace_period must not be negative")
    text = "the worker was shut down"
    if call.gateway.settings.shutdown_state == "faulted":
        call.session.fault(text, GRPCError(Status.UNAVAILABLE, text))
    else:
        call.session.close("worker-shutdown")
    return ok()
