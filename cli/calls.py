"""Calls that a command makes for a session that an earlier command opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import betterproto2

    from mxgateway.client import GatewayClient
    from mxgateway.generated.mxaccess_gateway.v1 import CloseSessionReply, MxCommandReply

    from .options import Invocation
    from .output.tables import Cell

__all__ = ["close_session", "invoke", "invoke_once", "reply_fields"]


async def invoke(
    client: GatewayClient,
    session_id: str,
    payload: betterproto2.Message,
    *,
    correlation_id: str | None = None,
) -> MxCommandReply:
    """Run one MXAccess command and return its reply.

    Raises:
        MxGatewayError: The call failed, or the reply says that the command did.
    """
    from mxgateway.commands import command, new_correlation_id
    from mxgateway.generated.mxaccess_gateway.v1 import MxCommandRequest

    return await client.invoke(
        MxCommandRequest(
            session_id=session_id,
            client_correlation_id=correlation_id or new_correlation_id(),
            command=command(payload),
        )
    )


def invoke_once(
    invocation: Invocation,
    session_id: str,
    payload: betterproto2.Message,
    correlation_id: str | None,
) -> MxCommandReply:
    """Connect, run one MXAccess command, close the connection; the session stays open.

    Raises:
        MxGatewayError: Connecting or the command failed.
        Interrupted: The user ended it.
    """
    from .run import run_with_client

    async def body(client: GatewayClient) -> MxCommandReply:
        return await invoke(client, session_id, payload, correlation_id=correlation_id)

    return run_with_client(invocation, body)


async def close_session(
    client: GatewayClient, session_id: str, *, correlation_id: str | None = None
) -> CloseSessionReply:
    """Close a session; closing it again gives its final state once more.

    Raises:
        MxGatewayError: The call failed, or the reply says that closing did.
    """
    from mxgateway.commands import check_protocol_status, new_correlation_id
    from mxgateway.generated.mxaccess_gateway.v1 import CloseSessionRequest

    reply = await client.close_session_raw(
        CloseSessionRequest(
            session_id=session_id,
            client_correlation_id=correlation_id or new_correlation_id(),
        )
    )
    check_protocol_status(reply.protocol_status, reply, "CloseSession")
    return reply


def reply_fields(reply: MxCommandReply) -> list[tuple[str, Cell | str]]:
    """Return what the envelope of a reply says, for people."""
    from mxgateway.status import describe_hresult, describe_status, enum_name

    fields: list[tuple[str, Cell | str]] = [("Session", reply.session_id)]
    if reply.protocol_status is not None:
        fields.append(("Protocol status", enum_name(reply.protocol_status.code)))
    if reply.hresult is not None:
        fields.append(("HRESULT", describe_hresult(reply.hresult)))
    fields += [("MXAccess status", describe_status(status)) for status in reply.statuses]
    if reply.diagnostic_message:
        fields.append(("Diagnostic", reply.diagnostic_message))
    return fields
