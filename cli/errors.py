"""How an error ends a command: one text or one JSON object on stderr, and an exit code."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import rich_click as click

from mxgateway.errors import ConfigurationError, MxGatewayError

from .environment import Environment, OutputFailed
from .exit_codes import ExitCode, exit_code_for
from .signals import Interrupted

__all__ = ["Failure", "describe", "report"]


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as it is told.

    Attributes:
        code: The exit code.
        facts: What JSON has, without the exit code.
        lines: What people read.
    """

    code: ExitCode
    facts: dict[str, Any]
    lines: Sequence[str]


def report(error: BaseException, environment: Environment) -> ExitCode:
    """Write what went wrong to stderr and return the exit code for it."""
    failure = describe(error, environment)
    if environment.json_errors:
        environment.say_json(failure.facts | {"exitCode": int(failure.code)})
    else:
        environment.say(*failure.lines)
    return failure.code


def describe(error: BaseException, environment: Environment) -> Failure:
    """Return how an error is told, with what is known about the connection."""
    match error:
        case click.UsageError():
            return _usage(error)
        case click.ClickException():
            facts = {"type": type(error).__name__, "message": error.format_message()}
            return Failure(ExitCode.USAGE, facts, [f"Error: {facts['message']}"])
        case Interrupted() | KeyboardInterrupt() | click.Abort():
            facts = {"type": "Interrupted", "message": "interrupted"}
            return Failure(ExitCode.INTERRUPTED, facts, ["interrupted"])
        case OutputFailed():
            facts = {"type": "OutputFailed", "message": str(error)}
            return Failure(ExitCode.INTERNAL, facts, [f"Error: {error}"])
        case ConfigurationError():
            lines = [f"Error: {error.message}", *error.places]
            return Failure(ExitCode.USAGE, error.to_dict(), lines)
        case MxGatewayError():
            return _library(error, environment)
        case _:
            return _unexpected(error, environment)


def _usage(error: click.UsageError) -> Failure:
    # click breaks some messages into lines by itself; a word that was typed may hold breaks too.
    message = " ".join(error.format_message().split())
    facts = {"type": "UsageError", "message": message}
    lines = []
    if error.ctx is not None:
        facts["command"] = error.ctx.command_path
        pieces = error.ctx.command.collect_usage_pieces(error.ctx)
        lines.append(f"Usage: {error.ctx.command_path} {' '.join(pieces)}")
        lines.append(f"Try '{error.ctx.command_path} --help' for help.")
        lines.append("")
    lines.append(f"Error: {message}")
    return Failure(ExitCode.USAGE, facts, lines)


def _library(error: MxGatewayError, environment: Environment) -> Failure:
    facts = error.to_dict()
    notes = getattr(error, "__notes__", [])
    # What a command knows to do next (`add_note`) takes the place of the library's advice, which
    # is for programmers.
    first, *more = error.diagnostics().split("\n")
    lines = [f"Error: {first}", *(notes or more)]
    if environment.connection is not None:
        facts["connection"] = environment.connection.facts()
        lines.append(f"({environment.connection.words()})")
    if environment.debug:
        lines += _traceback(error)
    return Failure(exit_code_for(error), facts, lines)


def _unexpected(error: BaseException, environment: Environment) -> Failure:
    kind = type(error).__name__
    facts: dict[str, Any] = {"type": "InternalError", "message": f"{kind}: {error}"}
    lines = [f"Internal error: {kind}: {error}"]
    if environment.debug:
        trace = _traceback(error)
        facts["traceback"] = "\n".join(trace)
        lines += trace
    else:
        lines.append("Run it again with --debug or MXGATEWAY_DEBUG=1 to see the traceback.")
    return Failure(ExitCode.INTERNAL, facts, lines)


def _traceback(error: BaseException) -> list[str]:
    """Return the lines of a traceback, each with a margin that no line of ours has.

    The words of an exception can hold line breaks of somebody else: what they begin must not
    look like an error of ours.
    """
    return ["  " + line for part in traceback.format_exception(error) for line in part.splitlines()]
