"""The command group: finds a command's module when the command is named, and runs it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise
from typing import Any, Final

import rich_click as click
from click.exceptions import Exit

from .environment import Environment, OutputClosed
from .errors import report
from .exit_codes import ExitCode

__all__ = ["COMMANDS", "run"]

PROGRAM: Final = "mxgw-py"

# Command -> (module below .commands, heading in the help). The order is that of the help.
COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "demo": ("demo", "Try it"),
    "simulate": ("simulate", "Try it"),
    "smoke": ("smoke", "Try it"),
    "version": ("version", "Try it"),
    "open-session": ("sessions", "Sessions"),
    "close-session": ("sessions", "Sessions"),
    "register": ("items", "MXAccess methods"),
    "add-item": ("items", "MXAccess methods"),
    "advise": ("items", "MXAccess methods"),
    "write": ("write", "MXAccess methods"),
    "stream-events": ("events", "Events"),
}


class LazyGroup(click.RichGroup):
    """A group that imports the module of a command only when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f".commands.{COMMANDS[cmd_name][0]}", __package__)
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command


def _groups() -> list[dict[str, Any]]:
    headings = dict.fromkeys(heading for _, heading in COMMANDS.values())
    return [
        {"name": name, "commands": [c for c, (_, heading) in COMMANDS.items() if heading == name]}
        for name in headings
    ]


def _epilog() -> str:
    # rich-click takes an empty line for the end of a line, and a single one for a blank.
    lines = [f"{code.value:<5}{code.meaning}" for code in ExitCode]
    return "\n\n".join(["Exit codes:", *lines])


@click.group(
    name=PROGRAM,
    cls=LazyGroup,
    epilog=_epilog(),
    context_settings={
        "help_option_names": ["-h", "--help"],
        "rich_help_config": {
            "command_groups": {PROGRAM: _groups()},
            # Ranges widen their column until the names of options no longer fit.
            "range_string": "",
            "text_markup": None,
            "text_paragraph_linebreaks": "\n",
        },
    },
)
def group() -> None:
    """Work with a plant through an MXAccess Gateway.

    Results go to stdout, everything else to stderr. Try `mxgw-py demo` first: it needs no gateway.
    """


def run(arguments: Sequence[str], environment: Environment) -> int:
    """Run one command line; report its error, if any, and return the exit code."""
    words = list(arguments)
    environment.json_errors = _wants_json(words)
    environment.secrets.update(_keys(words))
    if not words:
        words = ["--help"]
    try:
        with group.make_context(PROGRAM, words, obj=environment) as context:
            result = group.invoke(context)
        return int(result) if isinstance(result, int) else ExitCode.OK
    except Exit as end:
        return end.exit_code
    except (OutputClosed, BrokenPipeError):
        # The library turns failures of sockets into its own errors, so this is stdout.
        return ExitCode.OK
    except (Exception, KeyboardInterrupt) as error:
        return report(error, environment)


def _wants_json(words: Sequence[str]) -> bool:
    """Whether errors are JSON, also those that come before the options are understood."""
    joined = [f"{a} {b}" for a, b in pairwise(words)]
    wanted = {"--json", "--output=json", "--output=jsonl", "--output json", "--output jsonl"}
    return not wanted.isdisjoint([*words, *joined])


def _keys(words: Sequence[str]) -> set[str]:
    keys = {b for a, b in pairwise(words) if a == "--api-key"}
    keys.update(w.removeprefix("--api-key=") for w in words if w.startswith("--api-key="))
    return keys - {""}
