"""`simulate control`: asks a simulator that runs elsewhere on this computer for faults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import rich_click as click

from mxgateway.nesting import DocumentLimitError, parse_json

from ..options import Invocation, examples, local_command
from ..output.fields import flatten, text_of
from ..output.results import write_result
from ..output.rows import Shape, write_rows
from ..output.tables import Column

__all__ = ["control"]

_DEFAULT: Final = "127.0.0.1:5001"


@click.command(
    "control",
    epilog=examples(
        "mxgw-py simulate control",
        "mxgw-py simulate control --token TEXT status",
        "mxgw-py simulate control --token TEXT delay seconds=0.5 method=Invoke",
        "mxgw-py simulate control --token TEXT set_value tag=Tank_001.Level value=97.5",
        "mxgw-py simulate control --token TEXT clear",
    ),
)
@local_command
@click.option(
    "--at",
    default=_DEFAULT,
    show_default=True,
    metavar="HOST:PORT",
    help="What the simulator was given as --control.",
)
@click.option("--token", metavar="TEXT", help="The token that it has printed.")
@click.argument("call", required=False, metavar="[CALL]")
@click.argument("arguments", nargs=-1, metavar="[NAME=VALUE]...")
def control(
    invocation: Invocation, at: str, token: str | None, call: str | None, arguments: tuple[str, ...]
) -> None:
    """Ask a running simulator for a fault, or how it stands.

    Without CALL, list all calls. Values are JSON where the call takes no text: 0.5, true, null.
    """
    from mxgateway.simulator.control import CALLS, ControlClient

    if call is None:
        write_rows(invocation, _CALLS, list(CALLS.values()))
        return
    name = call.replace("-", "_")
    if name not in CALLS:
        raise click.UsageError(f"there is no call {call!r}; known are {', '.join(CALLS)}")
    given = _arguments(name, arguments, CALLS[name].parameters)
    if not token:
        raise click.UsageError("--token is missing; the simulator has printed it at its start")
    invocation.environment.keep_secret(token)
    with ControlClient(at, token) as client:
        result = client.call(name, **given)
    write_result(invocation, {"call": name, "result": result}, lambda: _record(result))


def _arguments(call: str, texts: tuple[str, ...], parameters: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments of a call; text stays text where the call takes nothing else."""
    given: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.replace("-", "_")
        if not equals or name not in parameters:
            known = ", ".join(parameters) or "nothing"
            raise click.UsageError(f"{call}: {text!r}: give NAME=VALUE; it takes {known}")
        given[name] = _value(call, name, value, parameters[name])
    return given


def _value(call: str, name: str, text: str, kind: str) -> Any:
    kinds = kind.partition(" = ")[0]
    if text == "null" and "None" in kinds:
        return None
    if kinds == "Any" or any(word in kinds for word in ("int", "float", "bool")):
        try:
            return parse_json(text)
        except DocumentLimitError as error:
            raise click.UsageError(f"{call}: {name}: {error}") from None
        except ValueError:
            return text
    return text


def _record(result: Any) -> list[tuple[str, str]]:
    if not isinstance(result, dict):
        return [("result", "done" if result is None else text_of(result))]
    return [(name, text_of(value) or "-") for name, value in flatten(result)]


def _parameters(parameters: Mapping[str, str]) -> str:
    """Return the names, those that may be left out in brackets."""
    return " ".join(f"[{name}]" if " = " in kind else name for name, kind in parameters.items())


_CALLS: Final[Shape[Any]] = Shape(
    name="calls",
    document=lambda call: {
        "name": call.name,
        "parameters": dict(call.parameters),
        "summary": call.summary,
    },
    members=("name", "summary"),
    columns=(Column("Call"), Column("Parameters"), Column("What it does")),
    cells=lambda call: [call.name, _parameters(call.parameters), call.summary],
)
