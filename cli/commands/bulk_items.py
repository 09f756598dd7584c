"""Many items at once: added, advised, ended and dropped; one result for each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import rich_click as click

from ..exit_codes import ExitCode
from ..method_options import item_handles_option, items_option, server_options
from ..options import Invocation, correlation_option, examples, gateway_command
from ..steps import bulk_step

if TYPE_CHECKING:
    from mxgateway.session import Session

__all__ = [
    "add_item_bulk",
    "advise_item_bulk",
    "remove_item_bulk",
    "subscribe_bulk",
    "un_advise_item_bulk",
    "unsubscribe_bulk",
]

_PARTLY = "\n\nEvery entry has its row; the exit code is 8 where some failed."


def _by_reference(
    name: str, method: Callable[[Session, int, tuple[str, ...], str], Awaitable[Any]], text: str
) -> click.Command:
    @click.command(
        name,
        help=text + _PARTLY,
        epilog=examples(
            f"mxgw-py {name} --session-id ID --server-handle 1 "
            "--items Tank_001.Level,Tank_002.Level --json"
        ),
    )
    @gateway_command
    @server_options
    @items_option
    @correlation_option
    def command(
        invocation: Invocation,
        session_id: str,
        server_handle: int,
        items: tuple[str, ...],
        correlation_id: str | None,
    ) -> ExitCode:
        from ..output.bulk import SUBSCRIBED, SUBSCRIBED_RANKS

        return bulk_step(
            invocation,
            session_id,
            correlation_id,
            lambda s, c: method(s, server_handle, items, c),
            SUBSCRIBED,
            SUBSCRIBED_RANKS,
        )

    return command


def _by_handle(
    name: str, method: Callable[[Session, int, tuple[int, ...], str], Awaitable[Any]], text: str
) -> click.Command:
    @click.command(
        name,
        help=text + _PARTLY,
        epilog=examples(
            f"mxgw-py {name} --session-id ID --server-handle 1 --item-handles 1,2 --json"
        ),
    )
    @gateway_command
    @server_options
    @item_handles_option
    @correlation_option
    def command(
        invocation: Invocation,
        session_id: str,
        server_handle: int,
        item_handles: tuple[int, ...],
        correlation_id: str | None,
    ) -> ExitCode:
        from ..output.bulk import SUBSCRIBED, SUBSCRIBED_RANKS

        return bulk_step(
            invocation,
            session_id,
            correlation_id,
            lambda s, c: method(s, server_handle, item_handles, c),
            SUBSCRIBED,
            SUBSCRIBED_RANKS,
        )

    return command


add_item_bulk = _by_reference(
    "add-item-bulk",
    lambda s, server, items, c: s.add_item_bulk(server, items, correlation_id=c),
    "Add items; gives their handles.",
)
subscribe_bulk = _by_reference(
    "subscribe-bulk",
    lambda s, server, items, c: s.subscribe_bulk(server, items, correlation_id=c),
    "Add and advise items; gives their handles. Read stream-events soon after.",
)
advise_item_bulk = _by_handle(
    "advise-item-bulk",
    lambda s, server, items, c: s.advise_item_bulk(server, items, correlation_id=c),
    "Start the data changes of items.",
)
un_advise_item_bulk = _by_handle(
    "un-advise-item-bulk",
    lambda s, server, items, c: s.un_advise_item_bulk(server, items, correlation_id=c),
    "End the data changes of items.",
)
remove_item_bulk = _by_handle(
    "remove-item-bulk",
    lambda s, server, items, c: s.remove_item_bulk(server, items, correlation_id=c),
    "Drop items; un-advise them first.",
)
unsubscribe_bulk = _by_handle(
    "unsubscribe-bulk",
    lambda s, server, items, c: s.unsubscribe_bulk(server, items, correlation_id=c),
    "Un-advise and drop items.",
)
