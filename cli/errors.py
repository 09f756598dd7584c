"""How an error ends a command: one text or one JSON object on stderr, and an exit code."""

from __future__ import annotations

import io
import traceback
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
        text: What people read.
    """

    code: ExitCode
    facts: dict[str, Any]
    text: str


def report(error: BaseException, environment: Environment) -> ExitCode:
    """Write what went wrong to stderr and return the exit code for it."""
    failure = describe(error, environment)
    if environment.json_errors:
        environment.say_json(failure.facts | {"exitCode": int(failure.code)})
    else:
        environment.say(failure.text)
    return failure.code


def describe(error: BaseException, environment: Environment) -> Failure:
    """Return how an error is told, with what is known about the connection."""
    match error:
        case click.UsageError():
            return _usage(error)
        case click.ClickException():
            facts = {"type": type(error).__name__, "message": error.format_message()}
            return Failure(ExitCode.USAGE, facts, f"Error: {facts['message']}")
        case Interrupted() | KeyboardInterrupt() | click.Abort():
            facts = {"type": "Interrupted", "message": "interrupted"}
            return Failure(ExitCode.INTERRUPTED, facts, "interrupted")
        case OutputFailed():
            facts = {"type": "OutputFailed", "message": str(error)}
            return Failure(ExitCode.INTERNAL, facts, f"Error: {error}")
        case ConfigurationError():
            return Failure(ExitCode.USAGE, error.to_dict(), f"Error: {error.message}")
        case MxGatewayError():
            return _library(error, environment)
        case _:
            return _unexpected(error, environment)


def _usage(error: click.UsageError) -> Failure:
    facts = {"type": "UsageError", "message": error.format_message()}
    lines = []
    if error.ctx is not None:
        facts["command"] = error.ctx.command_path
        pieces = error.ctx.command.collect_usage_pieces(error.ctx)
        lines.append(f"Usage: {error.ctx.command_path} {' '.join(pieces)}")
        lines.append(f"Try '{error.ctx.command_path} --help' for help.")
        lines.append("")
    lines.append(f"Error: {error.format_message()}")
    return Failure(ExitCode.USAGE, facts, "\n".join(lines))


def _library(error: MxGatewayError, environment: Environment) -> Failure:
    facts = error.to_dict()
    notes = getattr(error, "__notes__", [])
    # What a command knows to do next (`add_note`) takes the place of the library's advice, which
    # is for programmers.
    told = [f"{type(error).__name__}: {error.message}", *notes] if notes else [error.diagnostics()]
    text = "Error: " + "\n".join(told)
    if environment.connection is not None:
        facts["connection"] = environment.connection.facts()
        text += f"\n({environment.connection.words()})"
    if environment.debug:
        text += "\n" + _traceback(error)
    return Failure(exit_code_for(error), facts, text)


def _unexpected(error: BaseException, environment: Environment) -> Failure:
    kind = type(error).__name__
    facts: dict[str, Any] = {"type": "InternalError", "message": f"{kind}: {error}"}
    text = f"Internal error: {kind}: {error}"
    if environment.debug:
        facts["traceback"] = _traceback(error)
        text += "\n" + facts["traceback"]
    else:
        text += "\nRun it again with --debug or MXGATEWAY_DEBUG=1 to see the traceback."
    return Failure(ExitCode.INTERNAL, facts, text)


def _traceback(error: BaseException) -> str:
    buffer = io.StringIO()
    traceback.print_exception(error, file=buffer)
    return buffer.getvalue().rstrip()
