"""`register`, `add-item` and `advise`: the way from a session to data changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from ..options import (
    Invocation,
    complete_tag,
    correlation_option,
    examples,
    gateway_command,
    item_handle_option,
    server_handle_option,
    session_option,
)
from ..output.documents import reply_document
from ..output.results import write_result

if TYPE_CHECKING:
    import betterproto2

__all__ = ["add_item", "advise", "register"]


@click.command(
    "register",
    epilog=examples("mxgw-py register --session-id ID --client-name report --json"),
)
@gateway_command
@session_option
@click.option(
    "--client-name", required=True, metavar="NAME", help="Name that MXAccess logs for the client."
)
@correlation_option
def register(
    invocation: Invocation, session_id: str, client_name: str, correlation_id: str | None
) -> None:
    """Register a client with MXAccess; gives the server handle."""
    from mxgateway.generated.mxaccess_gateway.v1 import RegisterCommand

    _run(invocation, session_id, RegisterCommand(client_name=client_name), correlation_id)


@click.command(
    "add-item",
    epilog=examples(
        "mxgw-py add-item --session-id ID --server-handle 1 --item TestChildObject.TestInt"
    ),
)
@gateway_command
@session_option
@server_handle_option
@click.option(
    "--item",
    required=True,
    metavar="TAG",
    shell_complete=complete_tag,
    help="Reference such as TestChildObject.TestInt.",
)
@correlation_option
def add_item(
    invocation: Invocation,
    session_id: str,
    server_handle: int,
    item: str,
    correlation_id: str | None,
) -> None:
    """Add an item; gives the item handle.

    A misspelt reference also gets a handle; its first event, after advise, tells.
    """
    from mxgateway.generated.mxaccess_gateway.v1 import AddItemCommand

    payload = AddItemCommand(server_handle=server_handle, item_definition=item)
    _run(invocation, session_id, payload, correlation_id)


@click.command(
    "advise",
    epilog=examples("mxgw-py advise --session-id ID --server-handle 1 --item-handle 1"),
)
@gateway_command
@session_option
@server_handle_option
@item_handle_option
@correlation_option
def advise(
    invocation: Invocation,
    session_id: str,
    server_handle: int,
    item_handle: int,
    correlation_id: str | None,
) -> None:
    """Start the data changes of an item; read them with stream-events."""
    from mxgateway.generated.mxaccess_gateway.v1 import AdviseCommand

    payload = AdviseCommand(server_handle=server_handle, item_handle=item_handle)
    _run(invocation, session_id, payload, correlation_id)


_HANDLE_NAMES = {"serverHandle": "Server handle", "itemHandle": "Item handle"}


def _run(
    invocation: Invocation,
    session_id: str,
    payload: betterproto2.Message,
    correlation_id: str | None,
) -> None:
    from ..calls import invoke_once, reply_fields

    reply = invoke_once(invocation, session_id, payload, correlation_id)
    document = reply_document(reply, correlation_id=correlation_id)
    handles = [(text, str(document[n])) for n, text in _HANDLE_NAMES.items() if n in document]
    write_result(invocation, document, lambda: [*handles, *reply_fields(reply)])
