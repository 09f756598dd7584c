"""The command group: finds a command's module when the command is named, and runs it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise
from typing import Any, Final

import rich_click as click
from click.exceptions import Exit

from mxgateway._version import __version__

from .environment import Environment, OutputClosed
from .errors import report
from .exit_codes import ExitCode

__all__ = ["COMMANDS", "PROGRAM", "execute", "group", "keys_in", "run"]

PROGRAM: Final = "mxgw-py"

# Command -> (module below .commands, heading in the help). The order is that of the help.
COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "demo": ("demo", "Try it"),
    "simulate": ("simulate", "Try it"),
    "smoke": ("smoke", "Try it"),
    "version": ("version", "Try it"),
    "read": ("read", "See a plant"),
    "watch": ("watch", "See a plant"),
    "plot": ("plot", "See a plant"),
    "find": ("find", "See a plant"),
    "tree": ("tree", "See a plant"),
    "info": ("info", "See a plant"),
    "alarms": ("alarms", "See a plant"),
    "doctor": ("doctor", "Set up"),
    "trust": ("trust", "Set up"),
    "profile": ("profile", "Set up"),
    "config": ("config", "Set up"),
    "completion": ("completion", "Set up"),
    "open-session": ("sessions", "Sessions"),
    "close-session": ("sessions", "Sessions"),
    "ping": ("control", "Sessions"),
    "session-state": ("control", "Sessions"),
    "worker-info": ("control", "Sessions"),
    "shutdown-worker": ("control", "Sessions"),
    "register": ("items", "Items"),
    "unregister": ("items", "Items"),
    "add-item": ("items", "Items"),
    "add-item2": ("items", "Items"),
    "add-buffered-item": ("items", "Items"),
    "set-buffered-update-interval": ("items", "Items"),
    "remove-item": ("items", "Items"),
    "advise": ("items", "Items"),
    "advise-supervisory": ("items", "Items"),
    "un-advise": ("items", "Items"),
    "suspend": ("items", "Items"),
    "activate": ("items", "Items"),
    "stream-events": ("events", "Events"),
    "drain-events": ("control", "Events"),
    "write": ("write", "Writes"),
    "write2": ("writes", "Writes"),
    "write-secured": ("writes", "Writes"),
    "write-secured2": ("writes", "Writes"),
    "write-array-elements": ("writes", "Writes"),
    "authenticate-user": ("users", "Writes"),
    "archestra-user-to-id": ("users", "Writes"),
    "add-item-bulk": ("bulk_items", "Many items at once"),
    "advise-item-bulk": ("bulk_items", "Many items at once"),
    "remove-item-bulk": ("bulk_items", "Many items at once"),
    "un-advise-item-bulk": ("bulk_items", "Many items at once"),
    "subscribe-bulk": ("bulk_items", "Many items at once"),
    "unsubscribe-bulk": ("bulk_items", "Many items at once"),
    "read-bulk": ("bulk_values", "Many items at once"),
    "write-bulk": ("bulk_values", "Many items at once"),
    "write2-bulk": ("bulk_values", "Many items at once"),
    "write-secured-bulk": ("bulk_values", "Many items at once"),
    "write-secured2-bulk": ("bulk_values", "Many items at once"),
    "stream-alarms": ("alarm_feed", "Alarms"),
    "query-active-alarms": ("alarm_feed", "Alarms"),
    "acknowledge-alarm": ("alarm_feed", "Alarms"),
    "galaxy-test-connection": ("galaxy", "Galaxy"),
    "galaxy-last-deploy": ("galaxy", "Galaxy"),
    "galaxy-discover": ("galaxy_objects", "Galaxy"),
    "galaxy-browse": ("galaxy_objects", "Galaxy"),
    "galaxy-watch-deploys": ("galaxy", "Galaxy"),
    "bench-read-bulk": ("bench", "Measure"),
    "bench-stream-events": ("bench", "Measure"),
    "batch": ("batch", "Scripts"),
}
_COMPLETE: Final = "_MXGW_PY_COMPLETE"


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
        # Every option of a command has a variable: MXGATEWAY_<COMMAND>_<OPTION>.
        "auto_envvar_prefix": "MXGATEWAY",
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
@click.option(
    "--version",
    "-V",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    allow_from_autoenv=False,
    callback=lambda context, _, given: _version(context) if given else None,
    help="Show the version and exit.",
)
def group() -> None:
    """Work with a plant through an MXAccess Gateway.

    Results go to stdout, everything else to stderr. Try `mxgw-py demo` first: it needs no gateway.
    """


def _version(context: click.Context) -> None:
    environment = context.find_object(Environment)
    assert environment is not None
    environment.show(f"{PROGRAM} {__version__}")
    context.exit()


def run(arguments: Sequence[str], environment: Environment) -> int:
    """Run one command line; report its error, if any, and return the exit code."""
    words = list(arguments)
    environment.json_errors = _wants_json(words, environment)
    environment.keep_secret(environment.variables.get("MXGATEWAY_API_KEY", ""))
    try:
        if _COMPLETE in environment.variables:
            from .completion import complete

            return complete(group, PROGRAM, environment)
        return execute(words or ["--help"], environment)
    except (OutputClosed, BrokenPipeError):
        # The library turns failures of sockets into its own errors, so this is stdout.
        return ExitCode.OK
    except (Exception, KeyboardInterrupt) as error:
        return report(error, environment)


def execute(words: list[str], environment: Environment) -> int:
    """Run one command line and return its exit code; its error is the caller's."""
    for key in keys_in(words):
        environment.keep_secret(key)
    try:
        with group.make_context(PROGRAM, words, obj=environment) as context:
            result = group.invoke(context)
        return int(result) if isinstance(result, int) else ExitCode.OK
    except Exit as end:
        return end.exit_code


def _wants_json(words: Sequence[str], environment: Environment) -> bool:
    """Whether errors are JSON, also those that come before the options are understood."""
    joined = [f"{a} {b}" for a, b in pairwise(words)]
    wanted = {"--json", "--output=json", "--output=jsonl", "--output json", "--output jsonl"}
    if not wanted.isdisjoint([*words, *joined]):
        return True
    usual = environment.variables.get("MXGATEWAY_OUTPUT", "").strip() in ("json", "jsonl")
    return usual and not any(w == "--output" or w.startswith("--output=") for w in words)


def keys_in(words: Sequence[str]) -> set[str]:
    """Return what a command line gives as --api-key, before its options are understood."""
    keys = {b for a, b in pairwise(words) if a == "--api-key"}
    keys.update(w.removeprefix("--api-key=") for w in words if w.startswith("--api-key="))
    return keys
