"""`find`: objects and attributes of the galaxy by pattern."""

from __future__ import annotations

import rich_click as click

from ..options import Invocation, complete_tag, examples, gateway_command

__all__ = ["find"]


@click.command(
    "find",
    epilog=examples(
        "mxgw-py find 'Tank_*'",
        "mxgw-py find '*.Level' --json",
        "mxgw-py find 'Pump_00?.*' --attributes --output csv",
    ),
)
@gateway_command
@click.argument("pattern", metavar="PATTERN", shell_complete=complete_tag)
@click.option("--objects", is_flag=True, help="Only objects.")
@click.option("--attributes", is_flag=True, help="Only attributes.")
def find(invocation: Invocation, pattern: str, objects: bool, attributes: bool) -> None:
    """Find objects and attributes of the galaxy.

    `*` stands for any text, `?` for one character, and case does not matter. The pattern is
    compared with the tag name of objects and the whole reference of attributes.
    """
    if not pattern.strip():
        raise click.UsageError("PATTERN is empty; '*' finds everything")
    from ..tags.finding import find_tags

    both = objects == attributes
    find_tags(invocation, pattern.strip(), objects=objects or both, attributes=attributes or both)
