"""The three alarm calls: the feed, what is active now, and acknowledging."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import rich_click as click

from ..options import Decorator, Invocation, correlation_option, examples, gateway_command
from ..output.documents import reply_document
from ..output.results import Fields, write_result
from ..streaming import Bounds, bounds_options, stream_to_end

if TYPE_CHECKING:
    from mxgateway.client import GatewayClient
    from mxgateway.generated.mxaccess_gateway.v1 import AcknowledgeAlarmReply, ActiveAlarmSnapshot

__all__ = ["acknowledge_alarm", "query_active_alarms", "stream_alarms"]

_filter_prefix: Final[Decorator] = click.option(
    "--filter-prefix",
    default="",
    metavar="TEXT",
    help="What the reference of the alarm begins with, such as Galaxy!Intake; by default all.",
)


@click.command(
    "stream-alarms",
    epilog=examples(
        "mxgw-py stream-alarms --max-messages 1 --json",
        "mxgw-py stream-alarms --filter-prefix Galaxy!Intake --output jsonl",
    ),
)
@gateway_command
@_filter_prefix
@bounds_options("messages", "--max-messages")
@correlation_option
def stream_alarms(
    invocation: Invocation, filter_prefix: str, bounds: Bounds, correlation_id: str | None
) -> None:
    """Show the alarm feed: what is active, then what happens.

    One message for each active alarm comes first, then snapshot complete and provider status, then
    every raise, acknowledge and clear. A timeout is an ordinary end.
    """
    from ..output.alarm_rows import FEED

    stream_to_end(
        invocation,
        FEED,
        bounds,
        lambda client: client.stream_alarms(filter_prefix, correlation_id=correlation_id or ""),
    )


@click.command(
    "query-active-alarms",
    epilog=examples(
        "mxgw-py query-active-alarms", "mxgw-py query-active-alarms --filter-prefix Galaxy! --json"
    ),
)
@gateway_command
@_filter_prefix
@correlation_option
def query_active_alarms(
    invocation: Invocation, filter_prefix: str, correlation_id: str | None
) -> None:
    """Show the alarms that are active now: all of them, or an error."""
    from ..output.alarm_rows import ACTIVE_ALARMS, ACTIVE_RANKS
    from ..output.ranked import write_ranked
    from ..run import run_with_client

    async def body(client: GatewayClient) -> list[ActiveAlarmSnapshot]:
        from mxgateway.alarms.kept import collect_alarms

        stream = client.query_active_alarms(filter_prefix, correlation_id=correlation_id or "")
        return await collect_alarms(stream, client.options.max_alarms)

    alarms = run_with_client(invocation, body)
    write_ranked(invocation, ACTIVE_ALARMS, ACTIVE_RANKS, alarms)


@click.command(
    "acknowledge-alarm",
    epilog=examples(
        "mxgw-py acknowledge-alarm --reference 'Galaxy!Area001.Pump001.PumpFault' "
        "--comment 'pump restarted' --operator anna"
    ),
)
@gateway_command
@click.option(
    "--reference",
    required=True,
    metavar="ALARM",
    help="Provider!Group.Tag or the GUID of the alarm; \\\\Provider\\Group.Tag is understood too.",
)
@click.option("--comment", default="", metavar="TEXT", help="The operator's remark.")
@click.option("--operator", default="", metavar="NAME", help="Who acknowledges.")
@correlation_option
def acknowledge_alarm(
    invocation: Invocation,
    reference: str,
    comment: str,
    operator: str,
    correlation_id: str | None,
) -> None:
    """Acknowledge an alarm."""
    from ..run import run_with_client

    async def body(client: GatewayClient) -> AcknowledgeAlarmReply:
        return await client.acknowledge_alarm(
            reference, comment, operator, correlation_id=correlation_id or ""
        )

    reply = run_with_client(invocation, body)
    document = reply_document(reply, correlation_id=correlation_id)
    write_result(invocation, document, lambda: _acknowledged(reference, reply))


def _acknowledged(reference: str, reply: AcknowledgeAlarmReply) -> Fields:
    from mxgateway.status import describe_hresult, enum_name

    yield "Alarm", reference
    if reply.protocol_status is not None:
        yield "Protocol status", enum_name(reply.protocol_status.code)
    if reply.hresult is not None:
        yield "HRESULT", describe_hresult(reply.hresult)
    if reply.diagnostic_message:
        yield "Diagnostic", reply.diagnostic_message
