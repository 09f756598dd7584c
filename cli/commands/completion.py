"""`completion`: the script that lets a shell complete commands, options and tags."""

from __future__ import annotations

import rich_click as click

from ..options import Invocation, examples, people_command

__all__ = ["completion"]


@click.command(
    "completion",
    epilog=examples(
        'eval "$(mxgw-py completion bash)"',
        "mxgw-py completion fish > ~/.config/fish/completions/mxgw-py.fish",
        "mxgw-py completion powershell | Out-String | Invoke-Expression",
    ),
)
@people_command
@click.argument("shell", metavar="SHELL", type=click.Choice(["bash", "zsh", "fish", "powershell"]))
def completion(invocation: Invocation, shell: str) -> None:
    """Print the completion script for bash, zsh, fish or powershell.

    Tags are completed from those that the last browse of the endpoint remembered.
    """
    from ..app import PROGRAM, group
    from ..completion import script

    invocation.environment.write(script(shell, group, PROGRAM))
