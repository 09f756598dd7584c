"""Registrations and items: the way from a session to data changes, and back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import rich_click as click

from ..method_options import context_option, item_option, item_options, server_options
from ..options import Invocation, correlation_option, examples, gateway_command, session_option
from ..steps import single_step

if TYPE_CHECKING:
    from mxgateway.session import Session

__all__ = [
    "activate",
    "add_buffered_item",
    "add_item",
    "add_item2",
    "advise",
    "advise_supervisory",
    "register",
    "remove_item",
    "set_buffered_update_interval",
    "suspend",
    "un_advise",
    "unregister",
]


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
    single_step(
        invocation,
        session_id,
        correlation_id,
        lambda s, c: s.register(client_name, correlation_id=c),
    )


@click.command(
    "unregister", epilog=examples("mxgw-py unregister --session-id ID --server-handle 1")
)
@gateway_command
@server_options
@correlation_option
def unregister(
    invocation: Invocation, session_id: str, server_handle: int, correlation_id: str | None
) -> None:
    """End a registration; un-advise and remove its items first."""
    single_step(
        invocation,
        session_id,
        correlation_id,
        lambda s, c: s.unregister(server_handle, correlation_id=c),
    )


@click.command(
    "add-item",
    epilog=examples(
        "mxgw-py add-item --session-id ID --server-handle 1 --item TestChildObject.TestInt"
    ),
)
@gateway_command
@server_options
@item_option
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
    single_step(
        invocation,
        session_id,
        correlation_id,
        lambda s, c: s.add_item(server_handle, item, correlation_id=c),
    )


@click.command(
    "add-item2",
    epilog=examples(
        "mxgw-py add-item2 --session-id ID --server-handle 1 --item Me.Level "
        "--item-context Tank_001"
    ),
)
@gateway_command
@server_options
@item_option
@context_option(required=True)
@correlation_option
def add_item2(
    invocation: Invocation,
    session_id: str,
    server_handle: int,
    item: str,
    item_context: str,
    correlation_id: str | None,
) -> None:
    """Add an item whose reference is relative to an object; gives the item handle."""
    single_step(
        invocation,
        session_id,
        correlation_id,
        lambda s, c: s.add_item2(server_handle, item, item_context, correlation_id=c),
    )


@click.command(
    "add-buffered-item",
    epilog=examples(
        "mxgw-py add-buffered-item --session-id ID --server-handle 1 --item Tank_001.Level"
    ),
)
@gateway_command
@server_options
@item_option
@context_option(required=False)
@correlation_option
def add_buffered_item(
    invocation: Invocation,
    session_id: str,
    server_handle: int,
    item: str,
    item_context: str,
    correlation_id: str | None,
) -> None:
    """Add an item whose values arrive in batches; gives the item handle.

    Set the interval with set-buffered-update-interval, then advise it.
    """
    single_step(
        invocation,
        session_id,
        correlation_id,
        lambda s, c: s.add_buffered_item(server_handle, item, item_context, correlation_id=c),
    )


@click.command(
    "set-buffered-update-interval",
    epilog=examples(
        "mxgw-py set-buffered-update-interval --session-id ID --server-handle 1 --milliseconds 500"
    ),
)
@gateway_command
@server_options
@click.option(
    "--milliseconds",
    required=True,
    type=click.IntRange(0, 2**31 - 1),
    metavar="N",
    help="Time between two batches.",
)
@correlation_option
def set_buffered_update_interval(
    invocation: Invocation,
    session_id: str,
    server_handle: int,
    milliseconds: int,
    correlation_id: str | None,
) -> None:
    """Set the batch interval of all buffered items of a registration, before the advise."""
    single_step(
        invocation,
        session_id,
        correlation_id,
        lambda s, c: s.set_buffered_update_interval(server_handle, milliseconds, correlation_id=c),
    )


def _item_command(
    name: str, method: Callable[[Session, int, int, str], Awaitable[Any]], text: str
) -> click.Command:
    """Return a command that takes the handles of an item and nothing else."""

    @click.command(
        name,
        help=text,
        epilog=examples(f"mxgw-py {name} --session-id ID --server-handle 1 --item-handle 1"),
    )
    @gateway_command
    @item_options
    @correlation_option
    def command(
        invocation: Invocation,
        session_id: str,
        server_handle: int,
        item_handle: int,
        correlation_id: str | None,
    ) -> None:
        single_step(
            invocation,
            session_id,
            correlation_id,
            lambda s, c: method(s, server_handle, item_handle, c),
        )

    return command


advise = _item_command(
    "advise",
    lambda s, server, item, c: s.advise(server, item, correlation_id=c),
    "Start the data changes of an item; read them with stream-events.",
)
advise_supervisory = _item_command(
    "advise-supervisory",
    lambda s, server, item, c: s.advise_supervisory(server, item, correlation_id=c),
    "Start the data changes of an item as the application.\n\n"
    "Its writes then count as the application's, and --user-id of write is recorded.",
)
un_advise = _item_command(
    "un-advise",
    lambda s, server, item, c: s.un_advise(server, item, correlation_id=c),
    "End the data changes of an item, whichever way they were started.",
)
remove_item = _item_command(
    "remove-item",
    lambda s, server, item, c: s.remove_item(server, item, correlation_id=c),
    "Drop an item; un-advise it first and let a write complete.",
)
suspend = _item_command(
    "suspend",
    lambda s, server, item, c: s.suspend(server, item, correlation_id=c),
    "Stop the data changes of an advised item at its source; activate undoes it.",
)
activate = _item_command(
    "activate",
    lambda s, server, item, c: s.activate(server, item, correlation_id=c),
    "Let the data changes of a suspended item come again.",
)
