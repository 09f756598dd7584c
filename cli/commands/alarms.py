"""`alarms`: the active alarms as a board, a snapshot or a stream, and acknowledging."""

from __future__ import annotations

import rich_click as click

from ..exit_codes import ExitCode
from ..options import Invocation, complete_tag, examples, gateway_command
from ..output.live_export import export_option
from ..streaming import Bounds, bounds_options

__all__ = ["alarms"]


@click.command(
    "alarms",
    epilog=examples(
        "mxgw-py alarms",
        "mxgw-py alarms --once --json",
        "mxgw-py alarms --filter-prefix 'Galaxy!Intake.' --output jsonl",
        "mxgw-py alarms ack 48213 --comment 'valve checked'",
        "mxgw-py alarms ack 'Galaxy!Intake.Tank_001.Level.HiHi' --operator anna",
    ),
)
@gateway_command
@click.argument("action", required=False, type=click.Choice(["ack"]), metavar="[ack]")
@click.argument("which", nargs=-1, metavar="[NUMBER|TAG|REFERENCE...]", shell_complete=complete_tag)
@click.option("--once", is_flag=True, help="Show what is active now, and end.")
@click.option(
    "--filter-prefix",
    default="",
    metavar="TEXT",
    help="Only alarms whose reference begins with this, such as 'Galaxy!Intake.'.",
)
@bounds_options("changes")
@export_option
@click.option("--comment", metavar="TEXT", help="With ack: the operator's remark.")
@click.option("--operator", metavar="NAME", help="With ack: who acknowledges.")
def alarms(
    invocation: Invocation,
    action: str | None,
    which: tuple[str, ...],
    once: bool,
    filter_prefix: str,
    bounds: Bounds,
    export_file: str | None,
    comment: str | None,
    operator: str | None,
) -> ExitCode:
    """Show the active alarms, the most urgent first, or acknowledge some.

    On a terminal the board moves until Ctrl-C; elsewhere there is one row for each change. Each
    alarm has a number made of its reference: it never changes, so `alarms ack NUMBER` meets the
    alarm that you saw. Priority 1 is the most urgent.
    """
    if action is None:
        if comment is not None or operator is not None:
            raise click.UsageError("--comment and --operator belong to `alarms ack`")
        from ..tags.alarming import AlarmRequest, show_alarms

        show_alarms(invocation, AlarmRequest(filter_prefix, once, export_file), bounds)
        return ExitCode.OK
    if once or filter_prefix or export_file is not None or bounds != Bounds():
        raise click.UsageError("`alarms ack` takes only --comment and --operator")
    if not which or not all(word.strip() for word in which):
        raise click.UsageError("say which: `alarms ack NUMBER`, a tag or a reference")
    from ..tags.acknowledging import acknowledge

    return acknowledge(invocation, which, comment or "", operator or "")
