"""`write`: a value to an item."""

from __future__ import annotations

import rich_click as click

from ..options import (
    Invocation,
    OutputFormat,
    correlation_option,
    examples,
    gateway_command,
    item_handle_option,
    server_handle_option,
    session_option,
)
from ..output.documents import reply_document
from ..output.results import write_result

__all__ = ["write"]

_TYPES = "bool, int32, int64, float, double, string, time, elapsed"


@click.command(
    "write",
    epilog=examples(
        "mxgw-py write --session-id ID --server-handle 1 --item-handle 1 --type int32 --value 5",
        "mxgw-py write --session-id ID --server-handle 1 --item-handle 2 "
        "--type string[] --value a,b",
    ),
)
@gateway_command
@session_option
@server_handle_option
@item_handle_option
@click.option(
    "--type",
    "type_name",
    required=True,
    metavar="TYPE",
    help=f"{_TYPES}, or an array of them such as int32[].",
)
@click.option(
    "--value",
    required=True,
    metavar="TEXT",
    help="The value; elements of an array between commas, or a JSON array.",
)
@click.option(
    "--user-id",
    type=click.IntRange(-(2**31), 2**31 - 1),
    default=0,
    show_default=True,
    metavar="N",
    help="User to record; it counts only on an item with a supervisory advise.",
)
@correlation_option
def write(
    invocation: Invocation,
    session_id: str,
    server_handle: int,
    item_handle: int,
    type_name: str,
    value: str,
    user_id: int,
    correlation_id: str | None,
) -> None:
    """Write a value to an advised item.

    The reply says that MXAccess accepted the write. How it ended comes later, as an
    OnWriteComplete event of the item.
    """
    from mxgateway.generated.mxaccess_gateway.v1 import WriteCommand
    from mxgateway.values import parse_value

    from ..calls import invoke_once, reply_fields

    payload = WriteCommand(
        server_handle=server_handle,
        item_handle=item_handle,
        value=parse_value(value, type_name),
        user_id=user_id,
    )
    reply = invoke_once(invocation, session_id, payload, correlation_id)
    document = reply_document(reply, correlation_id=correlation_id)
    write_result(invocation, document, lambda: reply_fields(reply))
    if invocation.format is OutputFormat.TABLE:
        invocation.environment.note(
            "Accepted. The outcome follows as an OnWriteComplete event of item "
            f"{item_handle}: see stream-events."
        )
