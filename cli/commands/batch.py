"""`batch`: many command lines through one process and one connection."""

from __future__ import annotations

from typing import Any

import rich_click as click

from ..options import Invocation, connection_options, examples, people_command
from ..signals import InterruptGuard

__all__ = ["batch"]


@click.command(
    "batch",
    epilog=examples(
        "mxgw-py batch --plaintext --endpoint localhost:5000 < commands.txt",
        "mxgw-py batch --profile plant-a --echo < commands.txt",
    ),
)
@people_command
@click.option("--echo", is_flag=True, help="Show each line on stderr before it runs, keys hidden.")
@connection_options
def batch(invocation: Invocation, given: dict[str, Any], *, echo: bool) -> None:
    r"""Run command lines from stdin, one a line, without the program's name.

    Prints each result as JSON, then a line __MXGW_BATCH_EOR__. A line that fails prints
    {"error": ..., "type": "error"} in its place, and the next one runs; only the end of input
    ends it.
    Words are split as a shell does: quote 'C:\certs\ca.pem'. Connection options given here
    hold for every line that has none of its own, and lines share connections.
    """
    from ..batch import lines_of_stdin, run_batch
    from ..logs import shown_log
    from ..pool import ClientPool

    environment = invocation.environment
    environment.batch = given
    guard = InterruptGuard()
    # From here on the first Ctrl-C raises KeyboardInterrupt in this thread.
    with shown_log(environment), guard.prepared(), guard, ClientPool() as environment.pool:
        run_batch(environment, lines_of_stdin(), echo=echo)
