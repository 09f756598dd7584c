"""The options that commands share, and how command line and environment are weighed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import rich_click as click
from click import get_current_context
from click.core import ParameterSource

from .connection import Connection
from .environment import Environment

__all__ = [
    "Invocation",
    "OutputFormat",
    "correlation_option",
    "gateway_command",
    "item_handle_option",
    "local_command",
    "people_command",
    "server_handle_option",
    "session_option",
]

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_HANDLE = click.IntRange(1, 2**31 - 1)


class OutputFormat(StrEnum):
    """How results are written: for people, as one JSON document, or one JSON object per line."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"


@dataclass(frozen=True, slots=True)
class Invocation:
    """What every command gets first: where it runs, how to write, and where the gateway is.

    Attributes:
        environment: Streams, variables, secrets.
        format: The chosen output format.
    """

    environment: Environment
    format: OutputFormat

    @property
    def connection(self) -> Connection:
        """The connection options; commands without them must not ask."""
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

_OUTPUT: tuple[Decorator, ...] = (
    click.option("--json", "as_json", is_flag=True, help="Same as --output json.", panel="Output"),
    click.option(
        "--output",
        "output",
        type=click.Choice([f.value for f in OutputFormat]),
        help="table for people (default), json for one document, jsonl for one object per line.",
        panel="Output",
    ),
)

_DEBUG: tuple[Decorator, ...] = (
    click.option(
        "--debug",
        is_flag=True,
        help="Show the traceback of errors; also MXGATEWAY_DEBUG=1.",
        panel="Output",
    ),
)

_CONNECTION: tuple[Decorator, ...] = (
    click.option(
        "--endpoint",
        envvar="MXGATEWAY_ENDPOINT",
        show_envvar=True,
        default="localhost:5000",
        show_default=True,
        metavar="HOST:PORT",
        help="Where the gateway listens.",
        panel="Connection",
    ),
    click.option(
        "--api-key",
        envvar="MXGATEWAY_API_KEY",
        show_envvar=True,
        metavar="KEY",
        help="API key. Prefer the variable: other users can see command lines.",
        panel="Connection",
    ),
    click.option(
        "--api-key-env",
        metavar="NAME",
        help="Environment variable that holds the API key.",
        panel="Connection",
    ),
    click.option(
        "--plaintext",
        is_flag=True,
        default=None,
        help="HTTP/2 without TLS. MXGATEWAY_PLAINTEXT=1 chooses this, =0 chooses --tls.",
        panel="Connection",
    ),
    click.option(
        "--tls",
        is_flag=True,
        default=None,
        help="TLS. One of --plaintext and --tls must be chosen; it is never guessed.",
        panel="Connection",
    ),
    click.option(
        "--ca-file",
        envvar="MXGATEWAY_CA_FILE",
        show_envvar=True,
        metavar="PEM",
        help="Certificate authorities to trust in place of the system's.",
        panel="Connection",
    ),
    click.option(
        "--server-name-override",
        envvar="MXGATEWAY_SERVER_NAME_OVERRIDE",
        show_envvar=True,
        metavar="NAME",
        help="Name to expect in the certificate in place of the host.",
        panel="Connection",
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        envvar="MXGATEWAY_TIMEOUT",
        show_envvar=True,
        metavar="SECONDS",
        help="Longest time for one call (default 30); for stream-events, for the whole stream.",
        panel="Connection",
    ),
)


def people_command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --debug only, for a command that people look at; it gets an `Invocation` first."""

    @functools.wraps(function)
    def wrapper(*, debug: bool, **rest: Any) -> Any:
        environment = _environment(debug=debug)
        return function(Invocation(environment, OutputFormat.TABLE), **rest)

    return _add(_DEBUG, wrapper)


def local_command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the output options; the function gets an `Invocation` first."""

    @functools.wraps(function)
    def wrapper(*, as_json: bool, output: str | None, debug: bool, **rest: Any) -> Any:
        environment = _environment(debug=debug)
        chosen = _format(get_current_context(), as_json=as_json, output=output)
        environment.json_errors = chosen is not OutputFormat.TABLE
        return function(Invocation(environment, chosen), **rest)

    return _add(_OUTPUT + _DEBUG, wrapper)


def gateway_command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add output and connection options; the function gets an `Invocation` first."""

    @functools.wraps(function)
    def wrapper(invocation: Invocation, **rest: Any) -> Any:
        given = {name: rest.pop(name) for name in _CONNECTION_NAMES}
        context = get_current_context()
        invocation.environment.connection = _connection(context, invocation.environment, given)
        return function(invocation, **rest)

    return local_command(_add(_CONNECTION, wrapper))


_CONNECTION_NAMES = (
    "endpoint",
    "api_key",
    "api_key_env",
    "plaintext",
    "tls",
    "ca_file",
    "server_name_override",
    "timeout",
)


def _environment(*, debug: bool) -> Environment:
    environment = get_current_context().find_object(Environment)
    assert environment is not None
    environment.debug = environment.debug or debug
    return environment


def _add(options: tuple[Decorator, ...], function: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(options):
        function = option(function)
    return function


def _format(context: click.Context, *, as_json: bool, output: str | None) -> OutputFormat:
    if output is None:
        return OutputFormat.JSON if as_json else OutputFormat.TABLE
    if as_json and output != OutputFormat.JSON:
        raise click.UsageError(f"--json contradicts --output {output}; give one of them", context)
    return OutputFormat(output)


def _connection(
    context: click.Context, environment: Environment, given: dict[str, Any]
) -> Connection:
    plaintext = _plaintext(context, environment, given["plaintext"], given["tls"])
    key, source = _key(context, environment, given["api_key"], given["api_key_env"])
    for name in ("ca_file", "server_name_override"):
        if plaintext and _from_environment(context, name):
            # The variable describes the usual gateway; the choice of plaintext is about this one.
            given[name] = None
    return Connection(
        endpoint=given["endpoint"],
        plaintext=plaintext,
        api_key=key,
        auth_source=source,
        ca_file=given["ca_file"],
        server_name_override=given["server_name_override"],
        timeout=given["timeout"],
    )


def _from_environment(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is ParameterSource.ENVIRONMENT


def _plaintext(
    context: click.Context, environment: Environment, plaintext: bool | None, tls: bool | None
) -> bool:
    if plaintext and tls:
        raise click.UsageError("--plaintext contradicts --tls; give one of them", context)
    if plaintext or tls:
        return bool(plaintext)
    text = environment.variables.get("MXGATEWAY_PLAINTEXT", "").strip().lower()
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("0", "false", "no", "off"):
        return False
    if text:
        raise click.UsageError(
            f"MXGATEWAY_PLAINTEXT is {text!r}; set it to 1 for plaintext or to 0 for TLS", context
        )
    raise click.UsageError(
        "choose --plaintext or --tls (or set MXGATEWAY_PLAINTEXT to 1 or 0); "
        "it is not guessed from the endpoint",
        context,
    )


def _key(
    context: click.Context,
    environment: Environment,
    key: str | None,
    variable: str | None,
) -> tuple[str | None, str]:
    on_command_line = key is not None and not _from_environment(context, "api_key")
    if variable is not None:
        if on_command_line:
            raise click.UsageError("--api-key contradicts --api-key-env; give one of them", context)
        key = environment.variables.get(variable)
        if not key:
            raise click.UsageError(
                f"--api-key-env: the environment variable {variable} is not set or empty; "
                "give the name of the variable that holds the key",
                context,
            )
        source = f"API key from environment variable {variable}"
    elif on_command_line:
        source = "API key from --api-key"
    elif key is not None:
        source = "API key from environment variable MXGATEWAY_API_KEY"
    else:
        return None, "no API key"
    environment.secrets.add(key or "")
    return key, source
