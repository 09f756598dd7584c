"""How an error ends a command: one text or one JSON object on stderr, and an exit code."""

from __future__ import annotations

import io
import traceback
from typing import Any

import rich_click as click

from mxgateway.errors import ConfigurationError, MxGatewayError

from .environment import Environment
from .exit_codes import ExitCode, exit_code_for
from .signals import Interrupted

__all__ = ["report"]


def report(error: BaseException, environment: Environment) -> ExitCode:
    """Write what went wrong to stderr and return the exit code for it."""
    match error:
        case click.UsageError():
            return _report_usage(error, environment)
        case click.ClickException():
            facts = {"type": type(error).__name__, "message": error.format_message()}
            return _finish(environment, ExitCode.USAGE, facts, f"Error: {facts['message']}")
        case Interrupted() | KeyboardInterrupt() | click.Abort():
            facts = {"type": "Interrupted", "message": "interrupted"}
            return _finish(environment, ExitCode.INTERRUPTED, facts, "interrupted")
        case ConfigurationError():
            return _finish(environment, ExitCode.USAGE, error.to_dict(), f"Error: {error.message}")
        case MxGatewayError():
            return _report_library(error, environment)
        case _:
            return _report_unexpected(error, environment)


def _report_usage(error: click.UsageError, environment: Environment) -> ExitCode:
    facts = {"type": "UsageError", "message": error.format_message()}
    if error.ctx is not None:
        facts["command"] = error.ctx.command_path
    lines = []
    if error.ctx is not None:
        pieces = error.ctx.command.collect_usage_pieces(error.ctx)
        lines.append(f"Usage: {error.ctx.command_path} {' '.join(pieces)}")
        lines.append(f"Try '{error.ctx.command_path} --help' for help.")
        lines.append("")
    lines.append(f"Error: {error.format_message()}")
    return _finish(environment, ExitCode.USAGE, facts, "\n".join(lines))


def _report_library(error: MxGatewayError, environment: Environment) -> ExitCode:
    code = exit_code_for(error)
    facts = error.to_dict()
    text = f"Error: {error.diagnostics()}"
    if environment.connection is not None:
        known = environment.connection.facts()
        facts["connection"] = known
        text += (
            f"\n({known['client']}, endpoint {known['endpoint']}, {known['security']}, "
            f"{known['auth']})"
        )
    if environment.debug:
        text += "\n" + _traceback(error)
    return _finish(environment, code, facts, text)


def _report_unexpected(error: BaseException, environment: Environment) -> ExitCode:
    kind = type(error).__name__
    facts: dict[str, Any] = {"type": "InternalError", "message": f"{kind}: {error}"}
    text = f"Internal error: {kind}: {error}"
    if environment.debug:
        facts["traceback"] = _traceback(error)
        text += "\n" + facts["traceback"]
    else:
        text += "\nRun it again with --debug or MXGATEWAY_DEBUG=1 to see the traceback."
    return _finish(environment, ExitCode.INTERNAL, facts, text)


def _traceback(error: BaseException) -> str:
    buffer = io.StringIO()
    traceback.print_exception(error, file=buffer)
    return buffer.getvalue().rstrip()


def _finish(environment: Environment, code: ExitCode, facts: dict[str, Any], text: str) -> ExitCode:
    if environment.json_errors:
        environment.say_json(facts | {"exitCode": int(code)})
    else:
        environment.say(text)
    return code
