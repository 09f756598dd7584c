"""`open-session` and `close-session`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from ..options import (
    Invocation,
    correlation_option,
    examples,
    gateway_command,
    session_option,
)
from ..output.documents import reply_document
from ..output.results import Fields, write_result

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient
    from mxgateway.generated.mxaccess_gateway.v1 import CloseSessionReply, OpenSessionReply

__all__ = ["close_session", "open_session"]


@click.command(
    "open-session",
    epilog=examples(
        "mxgw-py open-session --json", "mxgw-py open-session --json --fields sessionId"
    ),
)
@gateway_command
@click.option(
    "--client-session-name",
    default="mxgw-py",
    show_default=True,
    metavar="NAME",
    help="Name of the session in the gateway's log.",
)
@correlation_option
def open_session(
    invocation: Invocation, client_session_name: str, correlation_id: str | None
) -> None:
    """Open a session and leave it open for the commands that follow.

    The gateway closes it after its lease, or some time after its last event stream ended.
    """
    from ..run import run_with_client

    async def body(client: GatewayClient) -> OpenSessionReply:
        session = await client.open_session(
            client_session_name=client_session_name, correlation_id=correlation_id or ""
        )
        assert session.open_reply is not None  # Only a session that was open already has none.
        return session.open_reply

    reply = run_with_client(invocation, body)
    document = reply_document(reply, correlation_id=correlation_id)
    if correlation_id is not None:
        # The reply has no member for it, so the request's is shown.
        document["correlationId"] = correlation_id
    write_result(invocation, document, lambda: _opened(reply))


def _opened(reply: OpenSessionReply) -> Fields:
    yield "Session", reply.session_id
    yield "Backend", reply.backend_name
    yield "Worker process", str(reply.worker_process_id)
    yield "Gateway protocol", str(reply.gateway_protocol_version)
    yield "Worker protocol", str(reply.worker_protocol_version)
    if reply.default_command_timeout is not None:
        yield "Command timeout", f"{reply.default_command_timeout.total_seconds():g} s"
    if reply.capabilities:
        yield "Capabilities", ", ".join(reply.capabilities)


@click.command("close-session", epilog=examples("mxgw-py close-session --session-id ID --json"))
@gateway_command
@session_option
@correlation_option
def close_session(invocation: Invocation, session_id: str, correlation_id: str | None) -> None:
    """Close a session and its worker."""
    from ..calls import close_session as close
    from ..run import run_with_client

    async def body(client: GatewayClient) -> CloseSessionReply:
        return await close(client, session_id, correlation_id=correlation_id)

    reply = run_with_client(invocation, body)
    document = reply_document(reply, correlation_id=correlation_id)
    if correlation_id is not None:
        document["correlationId"] = correlation_id
    write_result(invocation, document, lambda: _closed(reply))


def _closed(reply: CloseSessionReply) -> Fields:
    from mxgateway.status import enum_name

    yield "Session", reply.session_id
    yield "Final state", enum_name(reply.final_state)
