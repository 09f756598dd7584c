"""Running one command: in its turn, with its reply and its place in the audit."""

from __future__ import annotations

from typing import Any

from mxgateway.generated.mxaccess_gateway.v1 import MxCommandReply
from mxgateway.simulator.audit import CommandRecord
from mxgateway.simulator.call import Call
from mxgateway.simulator.commands.table import Command
from mxgateway.simulator.replies import MxAccessFailure, failed

__all__ = ["run"]


async def run(call: Call, command: Command, payload: Any, correlation_id: str) -> MxCommandReply:
    """Run a command on a Ready session; return its reply, a refusal by MXAccess included.

    Raises:
        GRPCError: What the gateway itself refuses, and what `Worker.run` says.
    """
    session = call.session

    def finish(reply: MxCommandReply) -> MxCommandReply:
        reply.session_id = session.id
        reply.correlation_id = correlation_id
        reply.kind = command.kind
        call.gateway.audit.record_command(
            CommandRecord(
                kind=command.kind.name,
                session_id=session.id,
                correlation_id=correlation_id,
                arguments=None if command.is_secret else payload,
                hresult=reply.hresult,
                timestamp=call.gateway.clock(),
            )
        )
        return reply

    def job() -> MxCommandReply:
        assert command.handler is not None
        try:
            _may_run(call, command)
            reply = command.handler(call, payload)
        except MxAccessFailure as failure:
            reply = failed(failure)
        return finish(reply)

    async def waiting_job() -> MxCommandReply:
        assert command.waiting_handler is not None
        try:
            _may_run(call, command)
            reply = await command.waiting_handler(call, payload)
        except MxAccessFailure as failure:
            reply = failed(failure)
        return finish(reply)

    if command.waiting_handler is not None:
        return await session.worker.run_waiting(waiting_job, session.command_timeout)
    return await session.worker.run(job, session.command_timeout)


def _may_run(call: Call, command: Command) -> None:
    """Refuse a command that a fault is set for."""
    refusal = call.gateway.gate.refusal(command.kind.name)
    if refusal is not None:
        raise MxAccessFailure(refusal.text, refusal.hresult)
