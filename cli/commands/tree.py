"""`tree`: the galaxy as it is contained."""

from __future__ import annotations

import rich_click as click

from ..options import Invocation, complete_object, examples, gateway_command
from ..output.live_export import export_option

__all__ = ["tree"]


@click.command(
    "tree",
    epilog=examples(
        "mxgw-py tree",
        "mxgw-py tree Plant/Intake --all",
        "mxgw-py tree Tank_001 --attributes",
    ),
)
@gateway_command
@click.argument("path", required=False, metavar="[PATH]", shell_complete=complete_object)
@click.option(
    "--depth",
    type=click.IntRange(min=0),
    default=2,
    show_default=True,
    metavar="N",
    help="Levels to show; below a PATH, levels below it.",
)
@click.option("--all", "everything", is_flag=True, help="All levels.")
@click.option("--attributes", is_flag=True, help="List the attributes of each object too.")
@export_option
def tree(
    invocation: Invocation,
    path: str | None,
    depth: int,
    everything: bool,
    attributes: bool,
    export_file: str | None,
) -> None:
    """Show the galaxy as a tree of what contains what, with counts.

    Only the levels that are shown are fetched; + marks objects that contain more. PATH is a
    contained path such as Plant/Intake/Tank_001, or a tag name.
    """
    from ..tags.treeing import TreeRequest, show_tree

    start = path.strip().strip("/") if path else None
    show_tree(
        invocation,
        TreeRequest(start or None, None if everything else depth, attributes, export_file),
    )
