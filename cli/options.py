"""What every command gets: its shared options, weighed, as one `Invocation`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import rich_click as click
from click import get_current_context

from .connection import Connection
from .environment import Environment
from .settings.guards import SECURITY
from .settings.layers import weigh_connection, weigh_output
from .settings.table import CONNECTION, OUTPUT, PLACES, Setting, words_of
from .settings.values import Layer, Value

__all__ = [
    "Decorator",
    "Invocation",
    "OutputFormat",
    "complete_object",
    "complete_tag",
    "complete_tag_or_file",
    "connection_options",
    "correlation_option",
    "examples",
    "gateway_command",
    "item_handle_option",
    "local_command",
    "people_command",
    "place_options",
    "server_handle_option",
    "session_option",
]

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_OWN_PANEL: Final = "This command"
_HANDLE: Final = click.IntRange(1, 2**31 - 1)


class OutputFormat(StrEnum):
    """How results are written: for people, as one JSON document, as JSON lines, or as CSV."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Invocation:
    """What every command gets first: where it runs, how to write, and where the gateway is.

    Attributes:
        environment: Streams, variables, secrets; `note` and `fact` write to stderr.
        format: The chosen output format.
        fields: The members to show, or none for all.
        csv_safe: Whether CSV gets an apostrophe before what a spreadsheet takes for a formula.
    """

    environment: Environment
    format: OutputFormat
    fields: tuple[str, ...] = ()
    csv_safe: bool = False

    @property
    def connection(self) -> Connection:
        """The connection settings; commands without them must not ask."""
        connection = self.environment.connection
        assert connection is not None
        return connection


session_option: Decorator = click.option(
    "--session-id", required=True, metavar="ID", help="Session that open-session gave."
)
server_handle_option: Decorator = click.option(
    "--server-handle", required=True, type=_HANDLE, metavar="N", help="Handle that register gave."
)
item_handle_option: Decorator = click.option(
    "--item-handle", required=True, type=_HANDLE, metavar="N", help="Handle that add-item gave."
)
correlation_option: Decorator = click.option(
    "--correlation-id",
    metavar="TEXT",
    help="Sent with the request and shown in the result; by default a fresh one, not shown.",
)


def examples(*lines: str) -> str:
    """Return the end of a command's help: lines that can be typed as they are."""
    return "\n\n".join(["Examples:", *(f"  {line}" for line in lines)])


def people_command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --debug, --quiet and --verbose, for a command that people look at.

    The function gets an `Invocation` first.
    """

    @functools.wraps(function)
    def wrapper(**rest: Any) -> Any:
        invocation = _invocation({name: rest.pop(name, None) for name in _OUTPUT_NAMES})
        return function(Invocation(invocation.environment, OutputFormat.TABLE), **rest)

    return _add(
        tuple(_option(s) for s in OUTPUT if s.name in ("quiet", "verbose", "debug")), wrapper
    )


def local_command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the output options; the function gets an `Invocation` first."""

    @functools.wraps(function)
    def wrapper(**rest: Any) -> Any:
        invocation = _invocation({name: rest.pop(name) for name in _OUTPUT_NAMES})
        return function(invocation, **rest)

    return _add(_OUTPUT, wrapper)


def gateway_command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add output and connection options; the function gets an `Invocation` first.

    Nothing is sent yet: `run_with_client` connects.
    """

    @functools.wraps(function)
    def wrapper(invocation: Invocation, given: dict[str, Any], **rest: Any) -> Any:
        environment = invocation.environment
        values = weigh_connection(given, environment.batch, environment.variables)
        connection = Connection.of(values, environment.variables)
        _warn_of_overrides(environment, values)
        environment.keep_secret(connection.api_key or "")
        environment.connection = connection
        for text in connection.warnings:
            environment.note(f"Warning: {text}.")
        return function(invocation, **rest)

    return local_command(connection_options(wrapper))


def connection_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of connection and profile; they arrive unweighed, as `given`."""

    @functools.wraps(function)
    def wrapper(*arguments: Any, **rest: Any) -> Any:
        given = {name: rest.pop(name) for name in _CONNECTION_NAMES}
        return function(*arguments, given=given, **rest)

    return _add(_CONNECTION, wrapper)


def place_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --config, for a command about profiles."""
    return _add(_CONFIG, function)


_OUTPUT_NAMES: Final = ("as_json", *(s.name for s in OUTPUT))
_CONNECTION_NAMES: Final = tuple(s.name for s in (*CONNECTION, *PLACES))


def _option(setting: Setting) -> Decorator:
    # Weighing happens in one place for all layers, so click neither reads variables nor fills in
    # defaults; the help names both.
    help_text = f"{setting.help} [{setting.variable}]"
    if setting.default is not None:
        help_text += f" [default: {setting.default}]"
    if setting.is_flag:
        return click.option(
            setting.option,
            setting.name,
            is_flag=True,
            default=None,
            allow_from_autoenv=False,
            help=help_text,
            panel=setting.panel,
        )
    if setting.repeated:
        return click.option(
            setting.option,
            setting.name,
            multiple=True,
            callback=lambda _context, _parameter, words: " ".join(words) or None,
            type=setting.kind,
            metavar=setting.metavar,
            allow_from_autoenv=False,
            help=help_text,
            panel=setting.panel,
        )
    return click.option(
        setting.option,
        setting.name,
        # The type is there for shells, which complete names of files then.
        type=click.Path() if setting.metavar in ("FILE", "PEM") else setting.kind,
        metavar=setting.metavar,
        allow_from_autoenv=False,
        shell_complete=_profile_names if setting.name == "profile" else None,
        help=help_text,
        panel=setting.panel,
    )


def complete_tag(context: click.Context, _parameter: Any, incomplete: str) -> list[Any]:
    """Complete a tag from those that browsing remembered; an option's `shell_complete`."""
    from .completion import known_tags

    return known_tags(context, incomplete)


def complete_tag_or_file(context: click.Context, _parameter: Any, incomplete: str) -> list[Any]:
    """Complete a tag, or after @ the name of a file."""
    from .completion import known_tags, named_files

    if incomplete.startswith("@"):
        return named_files(incomplete)
    return known_tags(context, incomplete)


def complete_object(context: click.Context, _parameter: Any, incomplete: str) -> list[Any]:
    """Complete the tag name of an object from the tags that browsing remembered."""
    from .completion import known_objects

    return known_objects(context, incomplete)


def _profile_names(context: click.Context, _parameter: Any, incomplete: str) -> list[Any]:
    from .completion import profile_names

    return list(profile_names(context, incomplete))


_OUTPUT: Final[tuple[Decorator, ...]] = (
    click.option(
        "--json",
        "as_json",
        is_flag=True,
        allow_from_autoenv=False,
        help="Same as --output json. [MXGATEWAY_OUTPUT=json]",
        panel="Output",
    ),
    *(_option(s) for s in OUTPUT),
)
_TALK: Final = tuple(_option(s) for s in OUTPUT if s.name in ("quiet", "verbose", "debug"))
_CONNECTION: Final = tuple(_option(s) for s in (*CONNECTION, *PLACES))
_CONFIG: Final = tuple(_option(s) for s in PLACES if s.name == "config")


def _add(options: tuple[Decorator, ...], function: Callable[..., Any]) -> Callable[..., Any]:
    """Add shared options below those that the command has by itself."""

    def shared() -> None:
        """Carries the options until they are in the right place."""

    for option in reversed(options):
        option(shared)
    # Where click keeps the options of a function until it becomes a command, the last one first.
    own = list(getattr(function, "__click_params__", ()))
    for parameter in own:
        if getattr(parameter, "panel", None) is None:
            parameter.panel = _OWN_PANEL
    function.__click_params__ = [*shared.__click_params__, *own]  # type: ignore[attr-defined]
    return function


def _invocation(given: dict[str, Any]) -> Invocation:
    context = get_current_context()
    environment = context.find_object(Environment)
    assert environment is not None
    as_json = given.pop("as_json")
    if as_json and given["output"] not in (None, OutputFormat.JSON):
        raise click.UsageError(
            f"--json contradicts --output {given['output']}; give one of them", context
        )
    if as_json:
        given["output"] = OutputFormat.JSON
    values = weigh_output(given, environment.variables)
    environment.quiet = bool(values["quiet"].content)
    environment.verbose = bool(values["verbose"].content)
    environment.debug = environment.debug or bool(values["debug"].content)
    chosen = _format(environment, values["output"])
    csv_safe = values["csv_safe"]
    # A variable that is set for good does no harm to other formats.
    if csv_safe.layer is Layer.OPTION and chosen is not OutputFormat.CSV:
        raise click.UsageError("--csv-safe has no meaning without --output csv", context)
    if context.invoked_subcommand is None:  # else the options of the subcommand decide
        environment.json_errors = chosen in (OutputFormat.JSON, OutputFormat.JSONL)
    return Invocation(
        environment, chosen, words_of(values["fields"].content or ""), bool(csv_safe.content)
    )


def _format(environment: Environment, value: Value) -> OutputFormat:
    if environment.pool is None:
        return OutputFormat(value.content or OutputFormat.TABLE)
    # The reader of a batch takes JSON from every line, whatever suits the person otherwise.
    if value.layer is not Layer.OPTION:
        return OutputFormat.JSON
    if value.content in (OutputFormat.TABLE, OutputFormat.CSV):
        raise click.UsageError(f"--output {value.content}: a batch answers in json or jsonl")
    return OutputFormat(value.content)


def _warn_of_overrides(environment: Environment, values: dict[str, Value]) -> None:
    """Say where variables beat a profile, and which key is not sent.

    Of a profile that was not named on the command line, only what is about security.
    """
    named = values["profile"].layer is Layer.OPTION
    for name, value in values.items():
        if value.beats and (named or name in SECURITY):
            environment.note(f"{name} comes from {value.source}, which wins over {value.beats}.")
        if value.withheld:
            environment.note(f"No API key: {value.withheld}; --api-key gives one.")
