"""Commands to the worker process behind a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from ..numbers import FiniteRange
from ..options import Invocation, correlation_option, examples, gateway_command, session_option
from ..output.results import Fields
from ..steps import rows_step, single_step

if TYPE_CHECKING:
    from mxgateway.generated.mxaccess_gateway.v1 import MxCommandReply

__all__ = ["drain_events", "ping", "session_state", "shutdown_worker", "worker_info"]


@click.command("ping", epilog=examples("mxgw-py ping --session-id ID --json"))
@gateway_command
@session_option
@click.option("--message", default="", metavar="TEXT", help="Sent along.")
@correlation_option
def ping(invocation: Invocation, session_id: str, message: str, correlation_id: str | None) -> None:
    """Ask whether the worker answers; extends the session's lease."""
    single_step(
        invocation, session_id, correlation_id, lambda s, c: s.ping(message, correlation_id=c)
    )


@click.command("session-state", epilog=examples("mxgw-py session-state --session-id ID --json"))
@gateway_command
@session_option
@correlation_option
def session_state(invocation: Invocation, session_id: str, correlation_id: str | None) -> None:
    """Show the state that the gateway keeps for a session."""
    single_step(
        invocation,
        session_id,
        correlation_id,
        lambda s, c: s.get_session_state(correlation_id=c),
        facts=_state,
    )


@click.command("worker-info", epilog=examples("mxgw-py worker-info --session-id ID --json"))
@gateway_command
@session_option
@correlation_option
def worker_info(invocation: Invocation, session_id: str, correlation_id: str | None) -> None:
    """Show process id and versions of the worker and its MXAccess."""
    single_step(
        invocation,
        session_id,
        correlation_id,
        lambda s, c: s.get_worker_info(correlation_id=c),
        facts=_info,
    )


@click.command(
    "drain-events", epilog=examples("mxgw-py drain-events --session-id ID --max-events 100 --json")
)
@gateway_command
@session_option
@click.option(
    "--max-events",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    metavar="N",
    help="At most so many; 0 for all.",
)
@correlation_option
def drain_events(
    invocation: Invocation, session_id: str, max_events: int, correlation_id: str | None
) -> None:
    """Show what waits in the worker's event queue now, oldest first.

    A look at the queue, no replacement for stream-events.
    """
    from ..output.events import EVENTS

    rows_step(
        invocation,
        session_id,
        correlation_id,
        lambda s, c: s.drain_events(max_events, correlation_id=c),
        EVENTS,
        lambda payload: list(payload.events),
    )


@click.command(
    "shutdown-worker",
    epilog=examples("mxgw-py shutdown-worker --session-id ID --grace-period 5"),
)
@gateway_command
@session_option
@click.option(
    "--grace-period",
    type=FiniteRange(min=0, max=86_400),
    metavar="SECONDS",
    help="How long the worker may take to finish; by default what the gateway gives it.",
)
@correlation_option
def shutdown_worker(
    invocation: Invocation,
    session_id: str,
    grace_period: float | None,
    correlation_id: str | None,
) -> None:
    """End the worker process and with it every handle of the session.

    For maintenance. To end a session use close-session, which is needed after this as well.
    """
    seconds = invocation.connection.timeout
    single_step(
        invocation,
        session_id,
        correlation_id,
        lambda s, c: s.shutdown_worker(grace_period, timeout=seconds, correlation_id=c),
    )


def _state(reply: MxCommandReply) -> Fields:
    from mxgateway.status import enum_name

    assert reply.session_state is not None  # The client has checked it.
    yield "State", enum_name(reply.session_state.state)


def _info(reply: MxCommandReply) -> Fields:
    info = reply.worker_info
    assert info is not None  # The client has checked it.
    yield "Worker process", str(info.worker_process_id)
    yield "Worker version", info.worker_version or "-"
    yield "MXAccess ProgID", info.mxaccess_progid or "-"
    yield "MXAccess CLSID", info.mxaccess_clsid or "-"
