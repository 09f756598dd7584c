"""`read`: the present value of tags by name."""

from __future__ import annotations

import rich_click as click

from ..exit_codes import ExitCode
from ..options import Invocation, complete_tag_or_file, examples, gateway_command
from ..output.live_export import export_option
from ..tags.inputs import tags_of
from ..tags.options import max_tags_option

__all__ = ["read"]


@click.command(
    "read",
    epilog=examples(
        "mxgw-py read Tank_001.Level Pump_001.Speed",
        "mxgw-py read 'Tank_*.Level' --json",
        "mxgw-py read @tags.txt --output csv",
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
@max_tags_option
@export_option
def read(
    invocation: Invocation, tags: tuple[str, ...], max_tags: int, export_file: str | None
) -> ExitCode:
    """Read tags by name and show value, quality, type and time of each.

    A pattern has `*` for any text and `?` for one character. A file, or stdin for -, has one tag a
    line, as it is or as JSON; blank lines and lines that begin with # are skipped. All rows are
    shown; the exit code is 8 where some tags could not be read.
    """
    from ..tags.reading import read_tags

    words = tags_of(invocation.environment, tags)
    return read_tags(invocation, words, max_tags, export_file)
