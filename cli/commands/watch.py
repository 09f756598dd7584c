"""`watch`: values as they change."""

from __future__ import annotations

import rich_click as click

from ..options import Invocation, complete_tag_or_file, examples, gateway_command
from ..output.live_export import export_option
from ..output.live_values import Only, Order
from ..streaming import Bounds, bounds_options
from ..tags.inputs import tags_of
from ..tags.options import max_tags_option

__all__ = ["watch"]


@click.command(
    "watch",
    epilog=examples(
        "mxgw-py watch 'Tank_*.Level' Pump_001.Speed",
        "mxgw-py watch @tags.txt --filter not-good --sort quality",
        "mxgw-py watch 'Tank_*.Level' --seconds 60 --output jsonl",
        "mxgw-py watch Pump_001.Running --until value=false --json",
    ),
)
@gateway_command
@click.argument(
    "tags",
    nargs=-1,
    required=True,
    metavar="TAG|PATTERN|@FILE|-...",
    shell_complete=complete_tag_or_file,
)
@bounds_options("values")
@click.option(
    "--sort",
    type=click.Choice([order.value for order in Order]),
    default=Order.GIVEN.value,
    show_default=True,
    metavar="HOW",
    help="Order of the table's rows: given, tag, value, quality (bad first), changed (latest "
    "first) or changes (most first).",
)
@click.option(
    "--filter",
    "only",
    type=click.Choice([only.value for only in Only]),
    metavar="WHAT",
    help="Show only good, uncertain, bad or not-good values, or tags that have changed.",
)
@max_tags_option
@export_option
def watch(
    invocation: Invocation,
    tags: tuple[str, ...],
    bounds: Bounds,
    sort: str,
    only: str | None,
    max_tags: int,
    export_file: str | None,
) -> None:
    """Watch tags: a table that moves on a terminal, one row for each change elsewhere.

    The present value of each tag comes first. A pattern stands for the attributes of the galaxy
    that match when the command starts. Values that were lost are told where they are missing.
    Ctrl-C ends it; the last table stays.
    """
    from ..tags.watching import WatchRequest, watch_tags

    request = WatchRequest(
        words=tags_of(invocation.environment, tags),
        order=Order(sort),
        only=None if only is None else Only(only),
        max_tags=max_tags,
        export_file=export_file,
    )
    watch_tags(invocation, request, bounds)
