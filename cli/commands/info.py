"""`info`: everything about one tag."""

from __future__ import annotations

import rich_click as click

from ..exit_codes import ExitCode
from ..options import Invocation, complete_tag, examples, gateway_command

__all__ = ["info"]


@click.command(
    "info", epilog=examples("mxgw-py info Tank_001.Level", "mxgw-py info Pump_001.Bypass --json")
)
@gateway_command
@click.argument("tag", metavar="TAG", shell_complete=complete_tag)
def info(invocation: Invocation, tag: str) -> ExitCode:
    """Tell everything about a tag: value, type, object, security, and what a write needs.

    The exit code is 8 where the tag cannot be read.
    """
    if not tag.strip():
        raise click.UsageError("TAG is empty; give one such as Tank_001.Level")
    from ..tags.telling import tell_tag

    return tell_tag(invocation, tag.strip())
