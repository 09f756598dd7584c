"""`plot`: a chart of one tag."""

from __future__ import annotations

import rich_click as click

from ..numbers import FiniteRange
from ..options import Invocation, complete_tag, examples, gateway_command
from ..output.live_export import export_option

__all__ = ["plot"]


@click.command(
    "plot",
    epilog=examples(
        "mxgw-py plot Tank_001.Level",
        "mxgw-py plot Pump_001.Speed --seconds 20 --export speed.svg",
        "mxgw-py plot Tank_001.Level --output csv",
    ),
)
@gateway_command
@click.argument("tag", metavar="TAG", shell_complete=complete_tag)
@click.option(
    "--seconds",
    type=FiniteRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="N",
    help="How long to draw; the width of the chart.",
)
@click.option(
    "--height",
    type=click.IntRange(6, 60),
    metavar="N",
    help="Lines of the chart that stays at the end. [default: 16]",
)
@export_option
def plot(
    invocation: Invocation, tag: str, seconds: float, height: int | None, export_file: str | None
) -> None:
    """Draw a tag as a chart that grows while values come.

    A value holds until the next one. Where it was not good, the axis has an x. Ctrl-C ends it;
    the chart stays. The other formats have the values as `watch` has them.
    """
    if not tag.strip():
        raise click.UsageError("TAG is empty; give one such as Tank_001.Level")
    from ..tags.plotting import plot_tag

    plot_tag(invocation, tag.strip(), seconds, height, export_file)
